"""How people write addresses: the many forms of one place, with their usual slips."""

from __future__ import annotations

import numpy as np

_DIGITS = "零一二三四五六七八九"
_BUILDING_FORMS = ("", "幢", "栋", "号", "号楼", "座", "#")
_BUILDING_WEIGHTS = np.array([0.24, 0.23, 0.21, 0.10, 0.14, 0.04, 0.04])
"""Shares of the forms a building number is written in, after 14,927 annotated addresses."""

_SLIPS = {"栋": "懂", "幢": "撞", "号楼": "号搂", "室": "市", "单元": "单位"}
_SLIP_SHARE = 0.02
_WIDE = str.maketrans("0123456789#-", "０１２３４５６７８９＃－")


def in_chinese(number: int) -> str:
    """A number below 100 in Chinese numerals: 5 gives 五, 12 gives 十二, 20 gives 二十."""
    tens, ones = divmod(number, 10)
    if tens == 0:
        return _DIGITS[ones]
    return (_DIGITS[tens] if tens > 1 else "") + "十" + (_DIGITS[ones] if ones else "")


def home(
    estate: str,
    house: int,
    door: int | None,
    floor: int | None,
    room: int | None,
    *,
    street: str,
    rng: np.random.Generator,
) -> str:
    """One way to write a flat, an entrance or a building of a compound.

    `room` is the number on the door of the flat (floor and place on it, such as 501); a form
    with a bare building number is used only where a room follows, so that it can be understood.
    """
    form = _form(rng, is_bare_allowed=door is not None and room is not None)
    number = in_chinese(house) if rng.random() < 0.045 and form not in ("", "#") else str(house)
    text = estate + number + form
    if form == "":
        text += f"-{door}-{room}"
    elif form == "#" and door is not None and room is not None:
        text += f"{door}-{room}"
    else:
        text += _inside(door, floor, room, rng)
    if rng.random() < 0.12:
        text = street + text
    return _slip(text, rng)


def _form(rng: np.random.Generator, *, is_bare_allowed: bool) -> str:
    weights = _BUILDING_WEIGHTS.copy()
    if not is_bare_allowed:
        weights[[0, 6]] = 0.0
    return _BUILDING_FORMS[int(rng.choice(len(weights), p=weights / weights.sum()))]


def _inside(door: int | None, floor: int | None, room: int | None, rng: np.random.Generator) -> str:
    text = ""
    if door is not None:
        text += (in_chinese(door) if rng.random() < 0.09 else str(door)) + "单元"
    if room is not None and rng.random() < 0.75:
        text += f"{room}" + ("室" if rng.random() < 0.5 else "")
    elif floor is not None:
        text += (in_chinese(floor) if rng.random() < 0.33 else str(floor)) + (
            "楼" if rng.random() < 0.6 else "层"
        )
    return text


def _slip(text: str, rng: np.random.Generator) -> str:
    """The text with now and then a typing slip: a like-sounding sign, or full-width digits."""
    if rng.random() < _SLIP_SHARE:
        for right, wrong in _SLIPS.items():
            if right in text:
                return text.replace(right, wrong, 1)
    if rng.random() < 0.02:
        return text.translate(_WIDE)
    return text


def yard(estate: str, house: int, rng: np.random.Generator) -> str:
    """A place outdoors in a compound, said by the building next to it."""
    tails = ("楼前", "楼后", "楼东侧", "楼西侧", "楼下")
    tail = tails[int(rng.integers(len(tails)))]
    if rng.random() < 0.15:
        return f"{estate}院内"
    return f"{estate}{house}{('号', '栋', '号')[int(rng.integers(3))]}{tail}"


def on_street(street: str, number: int, rng: np.random.Generator) -> str:
    """A place on a street, said by the nearest house number."""
    tails = ("号", "号门前", "号附近", "号路边", "号对面")
    return f"{street}{number}{tails[int(rng.choice(5, p=[0.35, 0.25, 0.2, 0.12, 0.08]))]}"

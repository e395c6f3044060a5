"""Chinese addresses taken apart below the street: compound, building, entrance, floor, room.

An address runs from the large to the small: district, street and number, compound, building,
entrance, floor, room. First the street with its number is set apart, then the building is looked
for (by its unit 幢 栋 号楼 座 ..., as what follows a 弄, as the head of a chain such as 47-6-746),
then what stands after it is read in order. Numbers are never guessed: what no rule reads is empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from geo.addresses.forms import NUMERALS, normalise, to_number

PARTS = ("compound", "building", "entrance", "floor", "room", "street", "street_number")

_CODE = r"[A-Z]{0,2}[0-9]{1,5}[A-Z]?"
_NUMBER = rf"(?:{_CODE}|[A-Z]|[{NUMERALS}]{{1,4}})"
_LINK = rf"(?:{_CODE}|[A-Z])(?![0-9A-Z])"
_BUILDING_UNIT = r"(?:幢|栋|座|号楼|号公寓|#楼?|排|门洞|号院)楼?"

_STREET = re.compile(
    r"(?:路|街(?!道)|巷|(?<!街)道|胡同)[东西南北中]?段?"
    rf"(?P<number>[0-9]{{1,5}})(?![0-9]|-?(?:[0-9A-Z]+-?){{0,2}}{_BUILDING_UNIT}|单元)"
    r"(?P<kind>号(?!楼)|弄|#)?"
)
_LANE = re.compile(r"(?P<lane>[0-9]{1,5})弄(?P<building>[0-9]{1,4})(?![0-9])号?")
_BUILDING = re.compile(rf"第?(?P<building>{_NUMBER}|[0-9]{{1,3}}-[0-9]{{1,2}}){_BUILDING_UNIT}")
_CHAIN = re.compile(rf"(?<![0-9A-Z])(?P<chain>{_LINK}(?:-{_LINK}){{1,3}})")
_DOOR = re.compile(
    rf"(?<![0-9A-Z{NUMERALS}-])(?P<building>{_CODE}|[{NUMERALS}]{{1,3}})号(?!馆|厂|店|铺|商)"
)
_ENTRANCE = re.compile(
    rf"第?(?:(?P<entrance>{_NUMBER})(?:单元|号门|门洞|街|门(?![一-鿿]))号?"
    r"|(?P<side>[东西南北中])单元)"
)
_FLOOR = re.compile(
    rf"(?:第|地下|负)?(?P<floor>[0-9]{{1,3}}|[{NUMERALS}]{{1,4}})(?:楼(?!栋)|层|F(?![A-Z0-9]))"
)
_ROOM = re.compile(
    rf"(?P<room>{_CODE}(?:-[0-9]{{1,5}})?)(?:室|房|号)"
    rf"|(?<![0-9A-Z-])(?P<bare>[A-Z]?[0-9]{{3,5}}[A-Z]?(?:-[0-9]{{3,5}})?)(?![0-9A-Z-])"
    rf"|(?P<spoken>[{NUMERALS}]{{3,4}})(?:室|房)"
)
_BARE_BUILDING = re.compile(
    r"(?P<name>.*(?:小区|新村|家园|花园|公寓|[苑园村里]))(?P<building>[0-9]{1,3})(?![0-9])"
)
_PAIR = re.compile(r"([0-9]{1,2})-([0-9]{2,5})(?![0-9-])(?!号|楼|层)")
_SINGLE = re.compile(r"([0-9]{1,2}(?=号|$)|[0-9]{3}(?=号[0-9]))号?")
_FLOOR_UNIT = re.compile(r"[楼层]")
_STALLS = re.compile(r"(?:市场|城|广场|大厦|中心|商场|大楼|商厦|国际|世界|楼)$")
"""Names of markets and office towers: a number with 号 after them is a stall or a room."""


def parse(texts: pd.Series | Iterable[str | None]) -> pd.DataFrame:
    """The parts of each address, as plain values: `3号楼` and `三栋` both give building 3.

    Parameters
    ----------
    texts : n addresses as people write them; missing ones give missing parts

    Returns
    -------
    n rows of text columns `PARTS`, missing where not said, with the index and order of `texts`
    """
    given = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype="str")
    known = given.notna().to_numpy()
    rows = [
        _parse_one(normalise(str(text))) if is_known else {}
        for text, is_known in zip(given, known, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(PARTS), index=given.index).astype("str")


def _parse_one(text: str) -> dict[str, str | None]:
    parts: dict[str, str | None] = {}
    tail = _read_street(text, parts)
    rest = _read_building(tail, parts)
    entrance = None if "entrance" in parts else _ENTRANCE.search(rest)
    if entrance:
        parts["entrance"] = to_number(entrance["entrance"] or entrance["side"])
        parts.setdefault("compound", rest[: entrance.start()])
    floor = None if "floor" in parts else _FLOOR.search(rest)
    if floor:
        parts["floor"] = to_number(floor["floor"])
        parts.setdefault("compound", rest[: floor.start()])
    rest = rest[max(found.end() if found else 0 for found in (entrance, floor)) :]
    room = None if "room" in parts else _ROOM.search(rest)
    if room:
        parts["room"] = to_number(room["room"] or room["bare"] or room["spoken"])
        parts.setdefault("compound", rest[: room.start()])
    parts.setdefault("compound", rest)
    parts["compound"] = parts["compound"] or None
    return parts


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    matches = list(pattern.finditer(text))
    return matches[-1] if matches else None


def _read_street(text: str, parts: dict[str, str | None]) -> str:
    """What stands after the street and its number; all of the text when there is none."""
    found = _last(_STREET, text)
    if found is None:
        return text
    start = found.start("number")
    chain = _CHAIN.match(text, start)
    n_links = chain["chain"].count("-") + 1 if chain else 1
    if n_links == 3:  # building, entrance and room stand right behind the street
        parts["street"] = text[:start]
        return text[start:]
    parts["street"], parts["street_number"] = text[:start], found["number"]
    if found["kind"] == "弄":
        return text[start:]
    if chain and n_links == 2:
        return _read_sub_number(text[chain.end() :], chain["chain"].split("-")[1], parts)
    return text[found.end() :]


def _read_sub_number(after: str, number: str, parts: dict[str, str | None]) -> str:
    """文二路66-3号: a house behind the street number; 文二路66-305: a room."""
    if after[:1] == "号" or len(number) < 3:
        parts["building"] = to_number(number)
    else:
        parts["room"] = to_number(number)
    return after.removeprefix("号")


def _read_building(tail: str, parts: dict[str, str | None]) -> str:
    """What stands after the building; all of the tail when no building is said."""
    found = _last(_BUILDING, tail) or _LANE.search(tail)
    if found:
        parts["building"] = to_number(found["building"])
        parts["compound"] = tail[: found.start()]
        return _read_behind_building(tail[found.end() :], parts)
    if "building" in parts:
        return tail
    chain = _CHAIN.search(tail)
    if chain:
        return _read_chain(tail, chain, parts)
    door = _DOOR.search(tail)
    if door and not _is_stall(tail, door):
        parts["building"] = to_number(door["building"])
        parts["compound"] = tail[: door.start()]
        return _read_behind_building(tail[door.end() :], parts)
    bare = _BARE_BUILDING.search(tail)
    if bare:
        parts["building"], parts["compound"] = to_number(bare["building"]), bare["name"]
        return ""
    return tail


def _is_stall(tail: str, door: re.Match[str]) -> bool:
    """Whether the number with 号 names a stall or room: in a market, or after a floor."""
    name = tail[: door.start()]
    return bool(_STALLS.search(name) or _FLOOR.search(name))


def _read_chain(tail: str, chain: re.Match[str], parts: dict[str, str | None]) -> str:
    """47-6-746 is building, entrance, room; 9-1148 building, room; 5-3 building, entrance."""
    written = chain["chain"].split("-")
    numbers = [to_number(number) for number in written]
    after = tail[chain.end() :]
    if len(numbers) == 2 and _is_range(*written):
        return tail
    parts["compound"] = tail[: chain.start()]
    names = ["building", "entrance", "room"]
    if after.startswith("单元"):
        names, numbers = ["building", "entrance"], numbers[-2:]
    elif _FLOOR_UNIT.match(after):
        names = ["building", "floor"] if len(numbers) == 2 else ["building", "entrance", "floor"]
        after = after[1:]
    elif len(numbers) == 2:
        names = ["building", "room" if len(written[1]) >= 3 else "entrance"]
    parts.update(zip(names, numbers[-len(names) :], strict=True))
    return after


def _is_range(first: str, second: str) -> bool:
    """Whether two joined numbers are rooms or stalls: 322-324, 6289-2."""
    if not second.isdecimal():
        return False
    start = int(re.sub(r"[^0-9]", "", first) or 0)
    return len(first) >= 4 or (start >= 100 and 0 < int(second) - start <= 20)


def _read_behind_building(rest: str, parts: dict[str, str | None]) -> str:
    """3幢2-501, 3幢2号, 3幢2: numbers right behind a building are its entrance and room."""
    pair = _PAIR.match(rest)
    if pair:
        parts["entrance"], parts["room"] = to_number(pair[1]), to_number(pair[2])
        return rest[pair.end() :]
    single = _SINGLE.match(rest)
    if single:
        parts["entrance"] = to_number(single[1])
        return rest[single.end() :]
    return rest

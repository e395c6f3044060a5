"""One form for what people write: widths, cases, numerals, dashes and slips of the keyboard."""

from __future__ import annotations

import re
import unicodedata

NUMERALS = "〇零一二两三四五六七八九十百"

_DIGIT = {
    "〇": 0, "零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4,
    "五": 5, "六": 6, "七": 7, "八": 8, "九": 9,
}  # fmt: skip
_SCALE = {"十": 10, "百": 100}

_DASHES = re.compile(r"[‐‑‒–—―−﹣－~～_/\\]+|--+")
_BLANKS = re.compile(r"[\s,，、;；。:：]+")
_SLIPS = (
    (re.compile(r"(?<=[0-9A-Z一二三四五六七八九十])[撞懂憧橦瞳董洞](?![一-鿿]*[路街])"), "幢"),
    (re.compile(r"(?<=[0-9A-Z一二三四五六七八九十])[拣冻]"), "栋"),
    (re.compile(r"单[员园圆无源原]|単元"), "单元"),
    (re.compile(r"(?<=号)[搂褛偻](?![一-鿿])"), "楼"),
    (re.compile(r"号搂"), "号楼"),
    (re.compile(r"(?<=[0-9])[搂]"), "楼"),
    (re.compile(r"(?<=[0-9]{3})[市是事式师](?![一-鿿])"), "室"),
    (re.compile(r"(?<=[0-9])O(?=[0-9])"), "0"),
    (re.compile(r"(?<=[0-9])一(?=[0-9])"), "-"),
)
"""Typos by sound or shape, where the number before them leaves no doubt what was meant."""


def normalise(text: str) -> str:
    """The text with half-width capitals, plain dashes for all joints, and known slips mended."""
    plain = unicodedata.normalize("NFKC", text).upper()
    plain = _DASHES.sub("-", _BLANKS.sub(" ", plain).strip()).replace(" ", "-")
    plain = re.sub(r"(?<![0-9A-Z])-|-(?![0-9A-Z一二三四五六七八九十])", "", plain)
    for pattern, meant in _SLIPS:
        plain = pattern.sub(meant, plain)
    return plain


def to_number(text: str) -> str:
    """The plain value of a number as written: `三` and `03` give 3, `二十一` 21, `A03` A3.

    Digits read one by one (`五零二`) where no ten or hundred stands among them.
    """
    if text and all(sign in NUMERALS for sign in text):
        return str(_numeral(text))
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", text)


def _numeral(text: str) -> int:
    if not any(sign in _SCALE for sign in text):
        return int("".join(str(_DIGIT[sign]) for sign in text))
    total, digit = 0, 0
    for sign in text:
        if sign in _SCALE:
            total += (digit or 1) * _SCALE[sign]
            digit = 0
        else:
            digit = _DIGIT[sign]
    return total + digit

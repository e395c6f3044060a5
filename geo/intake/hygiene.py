"""Text that is damaged or dangerous: wrong decoding undone or refused, formulas refused."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_LOST = re.compile("[\ufffd\x00-\x08\x0b\x0c\x0e-\x1f]|锟斤拷|烫烫烫|屯屯屯")
_CHINESE = re.compile(r"^[\x00-\x7f\u00b7\u2010-\u203b\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]+$")
_GB2312_BYTES = re.compile(rb"^(?:[\x00-\x7f]|[\xa1-\xf7][\xa1-\xfe])+$")
_FORMULA = r"^\s*(?:[=@]|[+\-][^|(]*[|(])"
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"
_QUOTED_CODE = r'^="([^"]*)"$'


def unquote_codes(text: pd.Series) -> pd.Series:
    """`="0123"`, a spreadsheet's way to keep a code's zeros, as 0123."""
    is_quoted = text.str.startswith('="', na=False)
    if not is_quoted.any():
        return text
    inner = text.str.extract(_QUOTED_CODE, expand=False)
    return text.where(inner.isna(), inner)


def is_formula(text: pd.Series) -> Mask:
    """Which cells a spreadsheet would run: = or @ in front, or + or - before a call or a pipe.

    Source: OWASP, CSV Injection.
    """
    if not text.str.slice(0, 1).isin(["=", "@", "+", "-"]).any():
        return np.zeros(len(text), dtype=bool)
    is_run: Mask = text.str.match(_FORMULA, na=False).to_numpy(dtype=bool)
    return is_run


def mend_mojibake(text: pd.Series) -> tuple[pd.Series, Mask, Mask]:
    """The text with wrong decodings undone, a mask of those, and a mask of what is beyond mending.

    GBK or UTF-8 bytes once read as Latin-1, and UTF-8 bytes once read as GBK, can be put right;
    characters already replaced (U+FFFD, 锟斤拷) cannot. Judged on distinct values.
    """
    untouched = np.zeros(len(text), dtype=bool)
    array = pa.array(text, type=pa.large_string(), from_pandas=True).unique().drop_null()
    odd = pc.or_(pc.invert(pc.string_is_ascii(array)), pc.match_substring_regex(array, _CONTROL))
    distinct = array.filter(odd).to_pylist()
    if not distinct:
        return text, untouched, untouched.copy()
    better = {value: right for value in distinct if (right := _undone(value)) is not None}
    lost = [value for value in distinct if _LOST.search(value) and value not in better]
    is_lost = text.isin(lost).to_numpy(dtype=bool)
    if not better:
        return text, untouched, is_lost
    mended = text.isin(list(better)).to_numpy(dtype=bool)
    return text.replace(better), mended, is_lost


def _undone(value: str) -> str | None:
    """The text that was meant, or None where the value is not a wrong decoding we can name."""
    if value.isascii():
        return None
    if max(value) <= "\u02ff" or any(mark in value for mark in "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"):
        for wrong in ("latin-1", "cp1252"):
            for right in ("utf-8", "gb18030"):
                found = _recoded(value, wrong, right)
                if found is not None:
                    return found
        return None
    return _recoded(value, "gb18030", "utf-8")


def _recoded(value: str, wrong: str, right: str) -> str | None:
    try:
        raw = value.encode(wrong)
        if right == "gb18030" and not _GB2312_BYTES.match(raw):
            return None
        found = raw.decode(right)
    except (UnicodeEncodeError, UnicodeDecodeError):
        return None
    return found if _CHINESE.match(found) and not found.isascii() else None

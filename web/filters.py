"""How numbers, shares and times read on a page."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import pandas as pd
from flask import current_app

from geo.services.clock import timezone_of
from web.language import current_language, translate
from web.texts import error_text, load

ABSENT = "—"


def count(value: Any) -> str:
    """A whole number with its thousands set apart; a dash where there is none."""
    return ABSENT if _is_absent(value) else f"{round(float(value)):,}"


def decimal(value: Any, digits: int = 2) -> str:
    """A number with that many decimals; a dash where there is none."""
    return ABSENT if _is_absent(value) else f"{float(value):,.{digits}f}"


def percent(value: Any, digits: int = 1) -> str:
    """A share as per cent; a dash where there is none, never 0%."""
    return ABSENT if _is_absent(value) else f"{100 * float(value):.{digits}f}%"


def local_time(value: Any) -> str:
    """An instant on the town's clock, to the minute."""
    if _is_absent(value):
        return ABSENT
    zone = timezone_of(current_app.extensions["wangge.store"])
    return pd.Timestamp(value).tz_convert(zone).strftime("%Y-%m-%d %H:%M")


def utc_time(value: Any) -> str:
    """A database clock time without zone, which is UTC, on the town's clock."""
    return ABSENT if _is_absent(value) else local_time(pd.Timestamp(value, tz="UTC"))


def day(value: Any) -> str:
    """A calendar day."""
    if _is_absent(value):
        return ABSENT
    if isinstance(value, datetime | pd.Timestamp) and value.tzinfo is not None:
        return local_time(value)[:10]
    return f"{value:%Y-%m-%d}" if isinstance(value, date) else str(value)[:10]


def layer_name(layer: str) -> str:
    """The layer's name in the page's language."""
    return translate(f"layer.{layer}")


def known_text(code: Any, fallback: str = "") -> str:
    """The text of a code, or the fallback where no such text is written."""
    return translate(code) if code in load("en") else fallback or str(code)


def note_text(note: Mapping[str, Any]) -> str:
    """What an import noted, in the page's language."""
    params = {str(key): value for key, value in note.items() if key != "params"}
    params.update(note.get("params") or {})
    return error_text(current_language(), str(note.get("code", "")), params)


def _is_absent(value: Any) -> bool:
    if value is None or value is pd.NaT or value is pd.NA:
        return True
    return isinstance(value, float) and not math.isfinite(value)


FILTERS: dict[str, Callable[..., str]] = {
    "count": count,
    "decimal": decimal,
    "percent": percent,
    "local_time": local_time,
    "utc_time": utc_time,
    "day": day,
    "layer_name": layer_name,
    "known_text": known_text,
}

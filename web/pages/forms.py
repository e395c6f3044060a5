"""Values of submitted forms, checked; what is wrong is said in the page's language."""

from __future__ import annotations

import math
from datetime import date

from flask import request

from geo.errors import ParameterError


def number(name: str, *, least: float, most: float) -> float:
    """A number of the form inside [least, most]."""
    text = request.form.get(name, "").strip()
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise _refused(name, text, least, most)
    return value


def whole(name: str, *, least: int, most: int) -> int:
    """A whole number of the form inside [least, most]."""
    value = number(name, least=least, most=most)
    if value != int(value):
        raise _refused(name, str(value), least, most)
    return int(value)


def day(name: str) -> date:
    """A calendar day of the form."""
    text = request.form.get(name, "")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ParameterError(
            "form.day", f"{name} must be a day such as 2026-11-01; got {text!r}", value=text
        ) from error


def line(name: str, *, longest: int = 200) -> str:
    """One line of text of the form, trimmed and cut."""
    return " ".join(request.form.get(name, "").split())[:longest]


def _refused(name: str, text: str, least: float, most: float) -> ParameterError:
    return ParameterError(
        "form.number",
        f"{name} must be a number from {least:g} to {most:g}; got {text!r}",
        value=text,
        least=f"{least:g}",
        most=f"{most:g}",
    )

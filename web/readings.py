"""Hotspots in words: what an answer says, and what each place found means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from web import texts
from web.texts import name_in

BEYOND_WINDOW = ("reports", "forecast", "recent", "repeats")
"""Methods whose answer does not rest on the window's incidents alone."""

_Q_FLOOR = 0.001
"""Below this a share of false finds is told as "less than"."""


def place_of(language: str, row: Mapping[str, Any]) -> str:
    """What people call the place; its code where nothing there has a name."""
    names = {"zh": _told(row.get("place")), "en": _told(row.get("place_en"))}
    return name_in(language, names, fallback=str(row["area"]))


def reading(language: str, method: str, row: Mapping[str, Any]) -> str:
    """One place found, in a sentence or two.

    Parameters
    ----------
    row : of an answer's areas
    """
    verdict = str(row["verdict"])
    code = f"hotspots.reading.{method}"
    known = texts.load(language)
    if f"{code}.{verdict}" in known:
        code = f"{code}.{verdict}"
    said = {name: _figure(name, value) for name, value in row.items() if name != "geometry"}
    said["place"] = place_of(language, row)
    sentence = texts.text(language, code, **said)
    leans_on = _told(row.get("leans_on"))
    if leans_on is None:
        return sentence
    leaning = texts.text(
        language,
        "hotspots.reading.leans",
        kind=texts.text(language, f"reporter.{leans_on}"),
        share=f"{row['leans_share']:.0%}",
        town=f"{row['leans_town_share']:.0%}",
    )
    return f"{sentence}{leaning}" if language == "zh" else f"{sentence} {leaning}"


def headline(language: str, method: str, report: Mapping[str, Any], *, n_areas: int) -> str:
    """The whole answer in a sentence; "nothing here" where there is nothing."""
    if report["n_incidents"] == 0 and method not in BEYOND_WINDOW:
        return texts.text(language, "hotspots.headline.no_incidents")
    is_found = n_areas > 0 or (method == "near" and report["n_significant"] > 0)
    code = f"hotspots.headline.{method}" + ("" if is_found else ".none")
    said = {name: _figure(name, value) for name, value in report.items()}
    return texts.text(language, code, **said, n_areas=n_areas)


def notes(language: str, report: Mapping[str, Any]) -> list[str]:
    """Remarks on how far the answer carries."""
    return [texts.text(language, code, **params) for code, params in report["notes"]]


def _told(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _figure(name: str, value: Any) -> Any:
    """A figure as people read it: shares of false finds as per cent, others to one decimal."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return value
    if not math.isfinite(value):
        return "—"
    if name == "q":
        return f"< {_Q_FLOOR:.1%}" if value < _Q_FLOOR else f"{value:.1%}"
    if name == "p":
        return f"{value:.3g}"
    if name.startswith("n_") or isinstance(value, int):
        return f"{round(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"

"""What commands say of a plan: its figures, then what people should know, in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from geo.planning.counts import ROUNDING
from web import texts
from web.cli import output
from web.explained import percent

_IN_WORDS = ("communities", "findings", "lower_bounds", "unavoidable_crossings")
"""Parts of a report that people get as sentences, scripts as they are."""


def show_cells(report: dict[str, Any], *, as_json: bool) -> None:
    """What making cells came to, and what had to be mended for it, in words."""
    _show(report, as_json=as_json)
    say_findings(report["findings"])


def show_plan(report: dict[str, Any], *, tolerance: float, as_json: bool) -> None:
    """A new plan's report; what was odd, and areas where no number of grids fits, in words."""
    _show(report, as_json=as_json)
    for row in report.get("communities", []):
        if not row["is_within_tolerance"]:
            click.echo(_of_trade_off(row, tolerance), err=as_json)
    for row in report.get("lower_bounds", []):
        output.say(f"bound.{row['reason']}", **_of_bound(row))
    say_findings(report.get("findings", []))


def show_evaluation(report: dict[str, Any], *, as_json: bool) -> None:
    """Any plan's figures, area by area, and what was odd in its columns."""
    _show(report, as_json=as_json)
    if not as_json:
        for row in report.get("communities", []):
            click.echo(_of_area(row))
    say_findings(report.get("findings", []))


def say_findings(findings: Iterable[dict[str, Any]]) -> None:
    """What was odd, a line each with the first keys, on standard error."""
    for found in findings:
        output.say(found["code"], **{name: told for name, told in found.items() if name != "code"})


def amount(load: float) -> str:
    """A load without decimals that say nothing."""
    return f"{load:.0f}" if abs(load) >= 100 or load == round(load) else f"{load:.1f}"


def _show(report: dict[str, Any], *, as_json: bool) -> None:
    if not as_json:
        report = {name: value for name, value in report.items() if name not in _IN_WORDS}
    output.show(report, as_json=as_json)


def _of_bound(row: dict[str, Any]) -> dict[str, str]:
    """The placeholders of a proved bound's sentence."""
    return {
        "area": row["area"] or "—",
        "bound": percent(row["lower_bound"]),
        "cell": row["cell"],
        "load": amount(row["load"]),
    }


def _of_trade_off(row: dict[str, Any], tolerance: float) -> str:
    """Neither number of grids fits, or the better one needs more cells than there are."""
    best = min(abs(row["deviation_low"]), abs(row["deviation_high"]))
    code = "counts.too_few_cells" if best <= tolerance + ROUNDING else "counts.between"
    return texts.text(
        output.language(),
        code,
        area=row["area"] or "—",
        low=row["low"],
        mean_low=amount(row["mean_low"]),
        deviation_low=percent(row["deviation_low"]),
        high=row["high"],
        mean_high=amount(row["mean_high"]),
        deviation_high=percent(row["deviation_high"]),
        tolerance=f"{100 * tolerance:g}%",
        n_grids=row["n_grids"],
    )


def _of_area(row: dict[str, Any]) -> str:
    area = row["area"] or "—"
    if row["n_grids"] == 0:
        return texts.text(output.language(), "evaluate.area_empty", area=area)
    return texts.text(
        output.language(),
        "evaluate.area",
        area=area,
        n_grids=row["n_grids"],
        load=amount(row["load"]),
        mean_load=amount(row["mean_load"]),
        mean_deviation=percent(row["mean_deviation"]),
        max_deviation=f"{100 * row['max_abs_deviation']:.1f}%",
    )

"""The command that brings an old plan back within its tolerance."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import click
import geopandas as gpd
import numpy as np
import pandas as pd

from geo.errors import ParameterError
from geo.planning import contiguity, metrics
from geo.planning import rebalance as planning_rebalance
from geo.planning.reading import read_labels, read_loads, repeated_keys
from web.cli import frames, judging, output
from web.cli.ground import cells_of

FIGURES = (
    "moved_load",
    "moved_share",
    "moved_cells",
    "touched_grids",
    "lower_bound",
    "lower_bound_share",
    "flow_guide",
    "flow_guide_share",
    "max_deviation_before",
    "n_out",
    "is_unchanged",
    "stopped_early",
)
"""What the report has beside the figures of the new plan."""

YES, NO = ("1", "1.0", "true", "yes", "是"), ("0", "0.0", "false", "no", "否", "")
"""How a table says that a cell is locked, or not."""


@click.command()
@click.option("--cells", "cells_file", type=frames.in_path, required=True)
@click.option(
    "--load",
    "load_column",
    default="households",
    show_default=True,
    help="Column, or a sum such as households+0.3*elderly_alone+2*shops.",
)
@click.option("--current", required=True, help="Column with each cell's grid in the old plan.")
@click.option("--target", type=float, help="Wanted load of a grid; the mean where omitted.")
@click.option("--tolerance", type=click.FloatRange(0, 1), default=0.05, show_default=True)
@click.option("--within", help="Column of the area that no grid may leave.")
@click.option("--locked", help="Column that says which cells stay: 1 or 0, true or false.")
@click.option("--barriers", type=frames.in_path, help="Lines that grids should not cross.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--time-limit-s", type=float)
@click.option(
    "--frontier",
    metavar="T1,T2,..",
    help="Tolerances to compare: what each would move, beside the plan for --tolerance.",
)
@frames.out_option
@output.json_option
def rebalance(
    cells_file: Path,
    load_column: str,
    current: str,
    target: float | None,
    tolerance: float,
    within: str | None,
    locked: str | None,
    barriers: Path | None,
    seed: int,
    time_limit_s: float | None,
    frontier: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """Bring an old plan back within the tolerance by the least change."""
    begun = time.perf_counter()
    tolerances = _tolerances(frontier)
    columns = {"--load": load_column, "--current": current, "--within": within, "--locked": locked}
    found_cells, adjacency = cells_of(cells_file, barriers, within=within or "community", **columns)
    how: dict[str, Any] = {
        "load": load_column,
        "current": current,
        "target": target,
        "within": within,
        "locked": None if locked is None else _locked(found_cells, locked),
        "seed": seed,
        "n_workers": os.cpu_count() or 1,
    }
    output.say("rebalance.begun", cells=len(found_cells))
    found = planning_rebalance.rebalance(
        found_cells, adjacency, tolerance=tolerance, time_limit_s=time_limit_s, **how
    )
    report = _figures(found_cells, adjacency, found, load=load_column, within=within)
    report["findings"] += [one.as_dict() for one in repeated_keys(found_cells["cell"])]
    if tolerances:
        rows = planning_rebalance.frontier(
            found_cells, adjacency, tolerances=tolerances, time_limit_s=time_limit_s, **how
        )
        report["frontier"] = rows.to_dict("records")
    rows = found_cells[["cell", "geometry"]].assign(grid=found.labels)
    frames.write_out(rows, out, name="assignment", key=("cell",))
    report |= {"seconds": round(time.perf_counter() - begun, 3), "out": out}
    judging.show_plan(report, tolerance=tolerance, as_json=as_json)
    _say_summary(report)


def _figures(
    cells: gpd.GeoDataFrame,
    adjacency: contiguity.Adjacency,
    found: planning_rebalance.Rebalance,
    *,
    load: str,
    within: str | None,
) -> dict[str, Any]:
    """The new plan's figures, those of the change, and what was odd."""
    labels = read_labels(pd.Series(found.labels), cells["cell"])[0]
    weight = read_loads(cells[load], cells["cell"])[0]
    report = metrics.evaluate(
        cells.assign(**{load: weight}),
        adjacency,
        labels,
        load=load,
        target=found.report["target"],
        within=within,
    )
    report["target"] = found.report["target"]
    report |= {name: found.report[name] for name in FIGURES}
    report["findings"] = [one.as_dict() for one in found.report["findings"]]
    return report


def _tolerances(given: str | None) -> list[float]:
    """The tolerances of a list such as 0.05,0.1."""
    if given is None:
        return []
    try:
        found = [float(part) for part in given.split(",")]
    except ValueError:
        found = [-1.0]
    if not all(0 <= one <= 1 for one in found):
        raise ParameterError(
            "rebalance.tolerances",
            f"--frontier is a list of shares between 0 and 1 such as 0.05,0.1; got {given}",
            given=given,
        )
    return found


def _locked(cells: gpd.GeoDataFrame, column: str) -> np.ndarray:
    """Mask of the locked cells; an empty value is no."""
    text = cells[column].astype("string").fillna("").str.strip().str.lower()
    is_yes = text.isin(YES).to_numpy(dtype=bool)
    is_odd = ~is_yes & ~text.isin(NO).to_numpy(dtype=bool)
    if is_odd.any():
        values = text[is_odd].drop_duplicates().tolist()[:3]
        raise ParameterError(
            "rebalance.locked_values",
            f"{column} holds yes or no only; {int(is_odd.sum())} values are neither: {values}",
            column=column,
            count=int(is_odd.sum()),
            keys=values,
        )
    return np.asarray(is_yes)


def _say_summary(report: dict[str, Any]) -> None:
    if report["is_unchanged"]:
        output.say("rebalance.unchanged")
        return
    output.say(
        "rebalance.summary",
        moved=judging.amount(report["moved_load"]),
        share=f"{100 * report['moved_share']:.1f}%",
        cells=report["moved_cells"],
        touched=report["touched_grids"],
        bound=judging.amount(report["lower_bound"]),
        before=f"{100 * report['max_deviation_before']:.1f}%",
        after=f"{100 * report['max_abs_deviation']:.1f}%",
    )

"""Commands on any plan: evaluate."""

from __future__ import annotations

import time
from pathlib import Path

import click
import pandas as pd

from geo.planning import metrics
from geo.planning.reading import read_labels, read_loads, repeated_keys
from web.cli import frames, judging, output
from web.cli.ground import cells_of


@click.command()
@click.option("--cells", "cells_file", type=frames.in_path, required=True)
@click.option("--load", "load_column", default="households", show_default=True)
@click.option("--plan", "plan_column", required=True, help="Column with each cell's grid.")
@click.option("--target", type=float, help="Wanted load; the mean where omitted.")
@click.option("--within", help="Column of the area that no grid may leave.")
@click.option("--keep-whole", help="Column of the unit to keep in one grid.")
@click.option("--barriers", type=frames.in_path, help="Lines that grids should not cross.")
@output.json_option
def evaluate(
    cells_file: Path,
    load_column: str,
    plan_column: str,
    target: float | None,
    within: str | None,
    keep_whole: str | None,
    barriers: Path | None,
    as_json: bool,
) -> None:
    """The figures of any plan."""
    begun = time.perf_counter()
    columns = {"--load": load_column, "--plan": plan_column}
    found_cells, adjacency = cells_of(
        cells_file,
        barriers,
        within=within or "community",
        **{**columns, "--within": within, "--keep-whole": keep_whole},
    )
    keys = found_cells["cell"]
    labels, names, findings = read_labels(found_cells[plan_column], keys)
    weight, odd_loads = read_loads(found_cells[load_column], keys)
    found_cells = found_cells.assign(**{load_column: weight})
    wanted = target if target is not None else float(weight[labels >= 0].sum()) / max(1, len(names))
    how = {"load": load_column, "target": wanted, "within": within}
    report = metrics.evaluate(found_cells, adjacency, labels, keep_whole=keep_whole, **how)
    if within is not None:
        areas = metrics.area_figures(found_cells, labels, **how)
        rows = areas.rename_axis("area").reset_index().to_dict("records")
        report["communities"] = [{k: None if pd.isna(v) else v for k, v in r.items()} for r in rows]
    report["findings"] = findings + odd_loads + repeated_keys(keys)
    report["target"] = wanted
    report["seconds"] = round(time.perf_counter() - begun, 3)
    judging.show_evaluation(report, as_json=as_json)

"""Planning commands: cells, plan."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import geopandas as gpd
import numpy as np

from geo.errors import ParameterError
from geo.planning import cells as planning_cells
from geo.planning import contiguity, load, metrics, partition, polygons
from geo.services import clock, plans
from web.cli import frames, judging, output
from web.cli.town import crs_option, data_option, datum_option, opened

DEFAULT_TARGET = 400.0
"""Households a grid, where none is asked for (some 400, by policy)."""


@click.command()
@click.option("--buildings", type=frames.in_path)
@click.option("--compounds", type=frames.in_path)
@click.option("--barriers", type=frames.in_path)
@click.option("--within", type=frames.in_path, required=True, help="Communities or subdistricts.")
@click.option("--target", type=float, default=DEFAULT_TARGET, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@crs_option
@datum_option
@frames.out_option
@output.json_option
def cells(
    buildings: Path | None,
    compounds: Path | None,
    barriers: Path | None,
    within: Path,
    target: float,
    seed: int,
    crs: str | None,
    datum: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """Cut the ground into indivisible cells."""
    begun = time.perf_counter()
    how: dict[str, Any] = {"crs": crs, "datum": datum}
    areas = frames.layer_file("communities", within, **how)
    how["town_crs"] = areas.crs
    homes = frames.layer_file("buildings", buildings, **how) if buildings else None
    made = planning_cells.make_cells(
        buildings=None if homes is None else load.estimate_households(homes),
        compounds=frames.layer_file("compounds", compounds, **how) if compounds else None,
        barriers=frames.layer_file("barriers", barriers, **how) if barriers else None,
        within=areas,
        target_households=target,
        rng=np.random.default_rng(seed),
    )
    frames.write_out(made.cells, out, name="cells", key=("cell",))
    report = {
        "n_cells": len(made.cells),
        "area_m2": float(made.cells.area.sum()),
        "households": int(made.cells["households"].sum()),
        "seconds": round(time.perf_counter() - begun, 3),
        "out": out,
    }
    output.show(report, as_json=as_json)


@click.command()
@click.option("--cells", "cells_file", type=frames.in_path, help="Without it, the data folder.")
@click.option("--load", "load_column", default="households", show_default=True)
@click.option("--target", type=float, help="Wanted load of a grid.")
@click.option("--grids", "n_grids", type=click.IntRange(1), help="Number of grids instead.")
@click.option("--tolerance", type=click.FloatRange(0, 1), default=0.05, show_default=True)
@click.option("--within", help="Column of the area that no grid may leave.")
@click.option("--keep-whole", help="Column of the unit to keep in one grid, such as compound.")
@click.option("--barriers", type=frames.in_path, help="Lines that grids should not cross.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--time-limit-s", type=float)
@click.option("--dissolve", is_flag=True, help="One row a grid instead of one a cell.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False))
@data_option
@output.json_option
def plan(
    cells_file: Path | None,
    load_column: str,
    target: float | None,
    n_grids: int | None,
    tolerance: float,
    within: str | None,
    keep_whole: str | None,
    barriers: Path | None,
    seed: int,
    time_limit_s: float | None,
    dissolve: bool,
    out: Path | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Divide cells into balanced, contiguous grids."""
    if cells_file is None:
        _plan_town(data, target, tolerance, seed, time_limit_s, as_json)
        return
    if out is None:
        raise click.UsageError("--cells needs --out, the file for the plan")
    if (target is None) == (n_grids is None):
        raise click.UsageError("name either --target or --grids")
    begun = time.perf_counter()
    found_cells, adjacency = cells_of(
        cells_file,
        barriers,
        **{"--load": load_column, "--within": within, "--keep-whole": keep_whole},
    )
    weights = found_cells[load_column].astype("float64")
    wanted = float(weights.sum()) / n_grids if n_grids is not None else float(target or 0)
    found = partition.partition(
        found_cells,
        adjacency,
        load=load_column,
        **({"n_grids": n_grids} if n_grids is not None else {"target": target}),
        tolerance=tolerance,
        within=within,
        keep_whole=keep_whole,
        seed=seed,
        time_limit_s=time_limit_s,
    )
    report = metrics.evaluate(
        found_cells, adjacency, found.labels, load=load_column, target=wanted, keep_whole=keep_whole
    )
    if within is not None:
        report["communities"] = plans.community_rows(
            found_cells,
            found.labels,
            load=load_column,
            target=wanted,
            tolerance=tolerance,
            within=within,
        )
    report["seconds"] = round(time.perf_counter() - begun, 3)
    _write_plan(found_cells, found.labels, out, load=load_column, target=wanted, dissolve=dissolve)
    judging.show_plan({**report, "out": out}, tolerance=tolerance, as_json=as_json)


def cells_of(
    path: Path, barriers: Path | None, *, within: str = "community", **columns: str | None
) -> tuple[gpd.GeoDataFrame, contiguity.Adjacency]:
    """Cells of a file, with a key column `cell`, and which of them touch."""
    found = frames.metric_file(path)
    frames.check_columns(found, path, columns)
    if "cell" not in found.columns:
        found["cell"] = [f"{row:06d}" for row in range(len(found))]
    lines = None
    if barriers is not None:
        lines = frames.layer_file("barriers", barriers, town_crs=found.crs, crs=None, datum=None)
    return found, contiguity.adjacency(found, barriers=lines, within=within)


def _write_plan(
    cells_frame: gpd.GeoDataFrame,
    labels: np.ndarray,
    out: Path,
    *,
    load: str,
    target: float,
    dissolve: bool,
) -> None:
    width = len(str(int(labels.max()) + 1))
    names = np.array([f"{label + 1:0{width}d}" for label in range(int(labels.max()) + 1)])
    if dissolve:
        grids = polygons.dissolve(cells_frame, labels, load=load, target=target)
        frames.write_out(grids.assign(grid=names), out, name="grids", key=("grid",))
    else:
        rows = cells_frame[["cell", "geometry"]].assign(grid=names[labels])
        frames.write_out(rows, out, name="assignment", key=("cell",))


def _plan_town(
    data: Path | None,
    target: float | None,
    tolerance: float,
    seed: int,
    time_limit_s: float | None,
    as_json: bool,
) -> None:
    """A new plan of the data folder's town, in force from tomorrow."""
    now = datetime.now(UTC)
    wanted = target or DEFAULT_TARGET
    if wanted <= 0:
        raise ParameterError("plan.target", f"target must be positive; got {wanted}", target=wanted)
    with opened(data) as (store, _settings):
        tomorrow = clock.local_day(store, now) + timedelta(days=1)
        made = plans.make_plan(
            store,
            target=wanted,
            tolerance=tolerance,
            seed=seed,
            time_limit_s=time_limit_s,
            effective_from=tomorrow,
            now=now,
        )
    seconds = round(sum(made.seconds.values()), 3)
    report = {**made.report, "plan": made.plan, "workers": made.workers, "seconds": seconds}
    judging.show_plan(report, tolerance=tolerance, as_json=as_json)

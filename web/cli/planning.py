"""Planning commands: cells, plan."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import geopandas as gpd
import numpy as np

from geo.errors import ParameterError
from geo.planning import cells as planning_cells
from geo.planning import checks, faults, load, metrics, partition, polygons
from geo.services import clock, plans
from web.cli import demands, frames, ground, judging, output
from web.cli.town import crs_option, data_option, datum_option, opened

DEFAULT_TARGET = 400.0
"""Households a grid, where none is asked for (some 400, by policy)."""


@click.command()
@click.option("--buildings", type=frames.in_path)
@click.option("--compounds", type=frames.in_path)
@click.option("--barriers", type=frames.in_path)
@click.option("--entrances", type=frames.in_path, help="Doors of buildings heavier than a grid.")
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
    entrances: Path | None,
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
        entrances=frames.layer_file("entrances", entrances, **how) if entrances else None,
        within=areas,
        target_households=target,
        rng=np.random.default_rng(seed),
    )
    frames.write_out(made.cells, out, name="cells", key=("cell",))
    findings = [one.as_dict() for one in checks.check_made(made, target=target)]
    report = {
        **made.summary(),
        "findings": findings,
        "seconds": round(time.perf_counter() - begun, 3),
        "out": out,
    }
    judging.show_cells(report, as_json=as_json)


@click.command()
@click.option("--cells", "cells_file", type=frames.in_path, help="Without it, the data folder.")
@click.option(
    "--load",
    "load_column",
    default="households",
    show_default=True,
    help="Column, or a sum such as households+0.3*elderly_alone+2*shops.",
)
@click.option("--target", type=float, help="Wanted load of a grid.")
@click.option("--grids", "n_grids", type=click.IntRange(1), help="Number of grids instead.")
@click.option("--tolerance", type=click.FloatRange(0, 1), default=0.05, show_default=True)
@click.option("--within", help="Column of the area that no grid may leave.")
@click.option("--keep-whole", help="Column of the unit to keep in one grid, such as compound.")
@click.option("--barriers", type=frames.in_path, help="Lines that grids should not cross.")
@click.option(
    "--no-crossing",
    metavar="CLASS,CLASS",
    help="Kinds or classes of --barriers that no grid may cross, such as rail,river.",
)
@click.option("--bridges", type=frames.in_path, help="Points or lines where grids may cross them.")
@demands.demand_options
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--time-limit-s", type=float)
@click.option("--dissolve", is_flag=True, help="One row a grid instead of one a cell.")
@click.option(
    "--simplify-m",
    type=click.FloatRange(0, min_open=True),
    help="With --dissolve: metres to simplify borders by, except along barriers and areas.",
)
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
    no_crossing: str | None,
    bridges: Path | None,
    may_split: bool,
    special: str | None,
    locked: str | None,
    balance: tuple[str, ...],
    capacities: Path | None,
    seed: int,
    time_limit_s: float | None,
    dissolve: bool,
    simplify_m: float | None,
    out: Path | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Divide cells into balanced, contiguous grids."""
    if cells_file is None:
        given = {
            "--barriers": barriers,
            "--no-crossing": no_crossing,
            "--bridges": bridges,
            "--grids": n_grids,
            "--within": within,
            "--keep-whole": keep_whole,
            "--may-split": may_split or None,
            "--special": special,
            "--locked": locked,
            "--balance": balance or None,
            "--capacities": capacities,
            "--simplify-m": simplify_m,
            "--out": out,
        }
        _refuse_without_cells(given)
        _plan_town(data, target, tolerance, seed, time_limit_s, as_json)
        return
    if out is None:
        raise click.UsageError("--cells needs --out, the file for the plan")
    if (target is None) == (n_grids is None):
        raise click.UsageError("name either --target or --grids")
    if no_crossing is not None and barriers is None:
        raise click.UsageError("--no-crossing needs --barriers, the file of what is not crossed")
    if simplify_m is not None and not dissolve:
        raise click.UsageError("--simplify-m goes with --dissolve")
    begun = time.perf_counter()
    classes = tuple(part.strip() for part in (no_crossing or "").split(",") if part.strip())
    rules = demands.read_rules(
        special=special, locked=locked, balance=balance, capacities=capacities, within=within
    )
    given_ground = ground.read_ground(
        cells_file,
        ground.Barred(barriers, classes, bridges),
        load=load_column,
        target=target,
        n_grids=n_grids,
        tolerance=tolerance,
        within=within,
        keep_whole=keep_whole,
    )
    found = partition.partition(
        given_ground.cells,
        given_ground.passable,
        load=load_column,
        **({"n_grids": n_grids} if n_grids is not None else {"target": target}),
        tolerance=tolerance,
        within=within,
        keep_whole=keep_whole,
        keep_whole_strictly=not may_split,
        rules=rules,
        seed=seed,
        time_limit_s=time_limit_s,
        n_workers=os.cpu_count() or 1,
    )
    how: dict[str, Any] = {"load": load_column, "target": given_ground.target}
    report = metrics.evaluate(
        given_ground.cells,
        given_ground.adjacency,
        found.labels,
        keep_whole=keep_whole,
        within=within,
        **how,
    )
    if within is not None:
        report["communities"] = plans.community_rows(
            given_ground.cells, found.labels, tolerance=tolerance, within=within, **how
        )
    report |= {name: found.report[name] for name in plans.SEARCH_FIGURES if name in found.report}
    report["unavoidable_crossings"] = given_ground.crossings()
    report["seconds"] = round(time.perf_counter() - begun, 3)
    if simplify_m is not None:
        how["simplify_m"] = simplify_m
        how["barriers"] = ground.barrier_lines(barriers, given_ground.cells)
        how["within"] = within or "community"
    drawn = _write_plan(given_ground.cells, found.labels, out, dissolve=dissolve, **how)
    around = checks.check_around(
        given_ground.cells, given_ground.adjacency, given_ground.passable, found.labels
    )
    report["findings"] = [one.as_dict() for one in given_ground.findings + around + drawn]
    judging.show_plan({**report, "out": out}, tolerance=tolerance, as_json=as_json)


def _refuse_without_cells(given: dict[str, Any]) -> None:
    """Raise for options that say nothing about the data folder's town."""
    named = [option for option, value in given.items() if value is not None]
    if named:
        raise click.UsageError(f"{', '.join(named)}: only together with --cells")


def _write_plan(
    cells_frame: gpd.GeoDataFrame,
    labels: np.ndarray,
    out: Path,
    *,
    dissolve: bool,
    **how: Any,
) -> list[checks.Finding]:
    """What is odd about the grids as drawn, after writing them or their cells."""
    width = len(str(int(labels.max()) + 1))
    names = np.array([f"{label + 1:0{width}d}" for label in range(int(labels.max()) + 1)])
    if dissolve:
        grids = polygons.dissolve(cells_frame, labels, **how)
        frames.write_out(grids.assign(grid=names), out, name="grids", key=("grid",))
        return faults.as_findings(faults.find_faults(grids), names.tolist())
    rows = cells_frame[["cell", "geometry"]].assign(grid=names[labels])
    frames.write_out(rows, out, name="assignment", key=("cell",))
    return []


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

"""Plan versions: made, imported, published with a date, and read back with their workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.errors import ParameterError
from geo.incidents.attribution import attribute
from geo.planning import cells as planning_cells
from geo.planning import checks, contiguity, counts, faults, metrics, partition
from geo.services import ground, incidents, roster
from geo.services.clock import local_day
from geo.services.versions import (
    NewVersion,
    check_not_before_current,
    current,
    grids,
    list_versions,
    published,
    store_version,
)
from geo.store import Store

__all__ = [
    "PlanResult",
    "current",
    "grids",
    "import_plan",
    "list_versions",
    "make_plan",
    "published",
]

Progress = Callable[[float, str], None]
"""Called with the share done (0 to 1) and the code of the text that says what is being done."""

SEARCH_FIGURES = (
    "n_heavy",
    "n_out",
    "lower_bound",
    "lower_bound_reason",
    "lower_bounds",
    "stopped_early",
)
"""What the search tells beside a plan's figures: cells too heavy for any grid, grids that stay
outside their limits, the deviation that no plan can avoid and why, whether it ended before it was
done."""


@dataclass(frozen=True)
class PlanResult:
    """The new version's code, its figures, how many grids have a worker, seconds of each step."""

    plan: str
    workers: int
    report: dict[str, Any]
    seconds: dict[str, float]


def make_plan(
    store: Store,
    *,
    target: float,
    effective_from: date,
    now: datetime,
    name: str | None = None,
    load: str = "households",
    tolerance: float = 0.05,
    seed: int = 0,
    time_limit_s: float | None = None,
    publish: bool = True,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> PlanResult:
    """A new plan version from the stored buildings, compounds and barriers.

    Cells are cut, joined to balanced contiguous grids inside each community, coded against the
    plan in force, and stored in one transaction; published unless `publish` is false. With
    publishing, workers get their grids, and open cases the grids in force today.

    Parameters
    ----------
    target : wanted load of a grid, in units of `load`
    tolerance : allowed |load - target| / target

    Raises
    ------
    ParameterError : target or tolerance out of range
    ConflictError : it would come into force before the latest published plan
    NotFoundError : nothing to plan
    """
    if not 0 < target < float("inf"):
        raise ParameterError(
            "plan.target", f"target must be positive and finite; got {target}", target=target
        )
    if publish:
        check_not_before_current(store, effective_from)
    report_progress = progress or _silent
    seconds: dict[str, float] = {}
    begun = time.perf_counter()

    report_progress(0.0, "job.step.cells")
    rng = np.random.default_rng(seed)
    barriers = _or_none(store.read("barriers"))
    made = planning_cells.make_cells(
        buildings=_or_none(store.read("buildings")),
        compounds=_or_none(store.read("compounds")),
        barriers=barriers,
        entrances=_or_none(store.read("entrances")),
        within=ground.within(store),
        target_households=target,
        rng=rng,
    )
    cells = made.cells
    seconds["cells"] = _lap(begun, seconds)

    report_progress(0.3, "job.step.partition")
    adjacency = contiguity.adjacency(cells, barriers=barriers)
    found = partition.partition(
        cells,
        adjacency,
        load=load,
        target=target,
        tolerance=tolerance,
        within="community",
        keep_whole="compound",
        keep_whole_strictly=False,
        seed=seed,
        time_limit_s=time_limit_s,
        progress=lambda share: report_progress(0.3 + 0.6 * share, "job.step.partition"),
        should_stop=should_stop,
    )
    report = metrics.evaluate(
        cells, adjacency, found.labels, load=load, target=target, keep_whole="compound"
    )
    report |= {name: found.report[name] for name in SEARCH_FIGURES if name in found.report}
    findings = checks.check_made(made, target=target) + checks.check_cells(
        cells, adjacency, load=load, target=target, tolerance=tolerance
    )
    report["findings"] = [one.as_dict() for one in findings]
    report |= {"households": int(cells["households"].sum()), "n_outside": made.n_outside}
    report["communities"] = community_rows(
        cells, found.labels, load=load, target=target, tolerance=tolerance, within="community"
    )
    seconds["partition"] = _lap(begun, seconds)

    report_progress(0.9, "job.step.store")
    version = NewVersion(
        cells=cells,
        labels=found.labels,
        load=load,
        target=target,
        tolerance=tolerance,
        seed=seed,
        name=name,
        report=report,
        effective_from=effective_from,
        is_published=publish,
        parent=current(store),
    )
    workers = 0
    with store.transaction():
        plan = store_version(store, version, now=now)
        if publish:
            workers = roster.give_grids_to_workers(store, plan, valid_from=effective_from)
            incidents.attribute_open(store, on=local_day(store, now))
    seconds["store"] = _lap(begun, seconds)
    report_progress(1.0, "job.step.done")
    return PlanResult(plan, workers, report, seconds)


def community_rows(
    cells: gpd.GeoDataFrame,
    labels: np.ndarray,
    *,
    load: str,
    target: float,
    tolerance: float,
    within: str,
) -> list[dict[str, Any]]:
    """One dictionary an area, in plain numbers: `area`, its grids, and what other numbers mean.

    `n_grids` and `max_abs_deviation` are the plan's; the others are those of
    `geo.planning.counts.trade_off`. `area` is None for cells without one.
    """
    figures = metrics.area_figures(cells, labels, load=load, target=target, within=within)
    sizes = cells[within].value_counts(dropna=False).reindex(figures.index)
    options = counts.trade_off(figures["load"], target=target, tolerance=tolerance, n_cells=sizes)
    options["n_grids"] = figures["n_grids"]
    options["max_abs_deviation"] = figures["max_abs_deviation"]
    rows = options.rename_axis("area").reset_index().to_dict("records")
    return [{k: None if pd.isna(v) else v for k, v in row.items()} for row in rows]


def import_plan(
    store: Store, grids: gpd.GeoDataFrame, *, name: str, effective_from: date, now: datetime
) -> str:
    """The code of a published version whose cells are the given grids, one each, codes kept.

    An office's old plan comes in this way: the borders stay as drawn, with households counted from
    the stored buildings. Where two grids were drawn over each other, one of them gets the ground;
    that, and grids inside others, stand in the report's `findings`.

    Raises
    ------
    ParameterError : a code was issued before, or no households stand in the grids
    GeometryError : a grid lies wholly under others
    ConflictError : it would come into force before the latest published plan
    """
    taken = _already_issued(store, grids["grid"])
    if taken:
        raise ParameterError(
            "plan.codes_taken",
            f"{len(taken)} grid codes were issued before: {taken[:3]}; codes are never reused. "
            "Give the imported grids other codes.",
            count=len(taken),
            codes=taken[:3],
        )
    check_not_before_current(store, effective_from)
    cells = _cells_of_grids(store, grids)
    if cells["households"].sum() == 0:
        raise ParameterError(
            "plan.no_households",
            "imported grids must hold buildings with households; none was found in them. "
            "Import the buildings first.",
        )
    labels = np.arange(len(cells))
    adjacency = contiguity.adjacency(cells)
    target = float(cells["households"].mean())
    report = metrics.evaluate(cells, adjacency, labels, load="households", target=target)
    odd = faults.as_findings(faults.find_faults(cells), cells["cell"].tolist())
    report["findings"] = [one.as_dict() for one in odd]
    version = NewVersion(
        cells=cells,
        labels=labels,
        grid_codes=grids["grid"].to_numpy(dtype=object),
        load="households",
        target=target,
        name=name,
        report=report,
        effective_from=effective_from,
        is_published=True,
        parent=current(store),
    )
    with store.transaction():
        plan = store_version(store, version, now=now)
        incidents.attribute_open(store, on=local_day(store, now))
    return plan


def _silent(_share: float, _step: str) -> None:
    return None


def _lap(begun: float, seconds: dict[str, float]) -> float:
    return round(time.perf_counter() - begun - sum(seconds.values()), 3)


def _or_none(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame | None:
    return frame if len(frame) else None


def _already_issued(store: Store, wanted: pd.Series) -> list[str]:
    issued = store.read("grid_codes", columns=["grid"])["grid"]
    return sorted(set(wanted) & set(issued))


def _cells_of_grids(store: Store, grids: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """One cell per imported grid, with the people of the buildings that stand in it."""
    drawn = grids[["grid", "community", "geometry"]].reset_index(drop=True)
    buildings = store.read("buildings")
    points = buildings.set_geometry(buildings.representative_point())
    lived = attribute(points.drop(columns="community"), drawn.assign(plan=None))
    by_grid = lived.groupby("grid")
    cells = drawn.rename(columns={"grid": "cell"})
    for column in ("households", "people"):
        cells[column] = _in_order(by_grid[column].sum(), cells, 0).astype("int64")
    cells["n_buildings"] = _in_order(by_grid.size(), cells, 0).astype("int64")
    is_estimated = by_grid["households_estimated"].any()
    cells["households_estimated"] = _in_order(is_estimated, cells, False).astype("bool")
    cells["area_m2"] = cells.area
    return cells


def _in_order(by_grid: pd.Series, cells: gpd.GeoDataFrame, absent: object) -> np.ndarray:
    """Values by grid code in the cells' order, `absent` for a grid without buildings."""
    found: np.ndarray = by_grid.reindex(cells["cell"], fill_value=absent).to_numpy()
    return found

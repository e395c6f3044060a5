"""An old plan brought back within its tolerance, and into one piece a grid, by the least change."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.planning import graph, objective, units
from geo.planning.attaching import Attached, attach
from geo.planning.contiguity import Adjacency
from geo.planning.objective import Weights
from geo.planning.old_plan import NO_GRID, OldPlan, check_options, locked_mask, read_plan
from geo.planning.reading import read_loads
from geo.planning.redraw_problem import Problem
from geo.planning.redraw_report import ROUNDING, flow_guide, least_moved, moves_of, unmet
from geo.planning.redrawing import redraw

LEAST_CHANGE = Weights(
    shape=0.43, border=0.0, along_barrier=0.1, split=0.0, moved=1.0, touched=0.17
)
"""What counts when a plan is redrawn: load that moves, then grids whose workers get other ground,
then shape, with borders along barriers. Measured against the growth instances of the benchmark."""

LOAD_FIRST = Weights(
    shape=0.008, border=0.0, along_barrier=0.002, split=0.0, moved=1.0, touched=0.005
)
"""The same for a plan of few cells, where the least moved load can be found: all else only decides
between plans that move as much."""

FEW_CELLS = 100
"""Up to so many cells a plan counts as one of few cells."""

NOTHING_TO_DO: dict[str, Any] = {
    **dict.fromkeys(("n_grids", "moved_cells", "touched_grids", "n_out"), 0),
    **dict.fromkeys(("target", "moved_load", "moved_share", "polsby_popper"), 0.0),
    **dict.fromkeys(("max_deviation_before", "max_deviation"), 0.0),
    **dict.fromkeys(("lower_bound", "lower_bound_share", "flow_guide", "flow_guide_share"), 0.0),
    "is_unchanged": True,
    "stopped_early": False,
    "moves": [],
    "findings": [],
}
"""The report where there are no cells."""

NO_LIMIT = 1e15
"""Upper limit of the load of cells that no grid can take in."""


@dataclass(frozen=True)
class Rebalance:
    """`labels`: grid of each cell in the old plan's own codes; `report`: how it came about."""

    labels: np.ndarray
    report: dict[str, Any] = field(default_factory=dict)


def rebalance(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    *,
    load: str,
    current: str | np.ndarray | pd.Series,
    target: float | None = None,
    tolerance: float,
    within: str | None = "community",
    locked: np.ndarray | None = None,
    locked_grids: Sequence[Any] = (),
    weights: Weights | None = None,
    seed: int,
    time_limit_s: float | None = None,
    n_workers: int = 2,
    progress: Callable[[float], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Rebalance:
    """The old plan with every grid within the tolerance and in one piece, by the least change.

    Least load in other hands, then few cells and few grids touched, with little loss of shape; see
    `geo.planning.redrawing`. A plan that is fine comes back as it is. Cells without a grid are
    attached to neighbouring grids first, and of a grid in pieces the one with the most load stays.
    No grid vanishes and none is added. Same seed, same plan, whatever the number of workers.

    The report:

    - `moved_load`, `moved_share` (of all load), `moved_cells`, `touched_grids`: of cells that had
      another grid; touched are also grids that got cells without one
    - `max_deviation_before`, `max_deviation`: of |load - target| / target over the grids
    - `lower_bound`, `lower_bound_share`: load that any plan within the tolerance moves at least, a
      true bound (see `redraw_report.least_moved`); `flow_guide`, `flow_guide_share`: what a flow
      of load between neighbours would move, which guides and bounds nothing
    - `n_out`: grids left outside the tolerance; `findings`: what could not be met and why
    - `moves`: one row a cell (see `redraw_report.moves_of`); `is_unchanged`; `stopped_early`

    Parameters
    ----------
    cells : polygons with the load column
    adjacency : of these cells
    current : column of the old plan, or its labels, one a cell: whole numbers, below 0 for none, or
        codes, missing for none
    target : wanted load of a grid, above 0; the mean over the grids where omitted
    tolerance : allowed |load - target| / target, 0 to 1
    within : column of the area that no grid may leave; ignored where the cells have no such column
    locked : mask of the cells that stay in their grid
    locked_grids : grids, as in `current`, that neither give nor take cells
    weights : prices of `geo.planning.objective`, `split` apart, for cells move singly; where
        omitted LEAST_CHANGE, or LOAD_FIRST for up to 100 cells
    time_limit_s : end within about this time, above 0, with the best plan found, which is then not
        repeatable
    n_workers : threads
    progress : called with the share done
    should_stop : asked now and then; the best plan so far is returned

    Raises
    ------
    ParameterError : an option out of range, a locked grid that is not there, or no cell has a grid
    SchemaError : a column is absent
    """
    begun = time.perf_counter()
    check_options(
        cells,
        adjacency,
        load=load,
        current=current,
        target=target,
        tolerance=tolerance,
        time_limit_s=time_limit_s,
        locked=locked,
    )
    given = cells[current] if isinstance(current, str) else pd.Series(np.asarray(current))
    if len(cells) == 0:
        return Rebalance(given.to_numpy(), dict(NOTHING_TO_DO))
    keys = _keys(cells)
    old = read_plan(given, keys)
    weight, odd = read_loads(cells[load].reset_index(drop=True), pd.Series(keys))
    wanted = float(weight.sum()) / len(old.codes) if target is None else float(target)
    network = graph.build(cells, adjacency, weight, area=units.area_codes(cells, within))
    is_locked_grid = locked_mask(old.codes, locked_grids)
    is_fixed = np.zeros(len(cells), dtype=bool) if locked is None else np.asarray(locked, bool)
    attached = attach(network, old.labels, is_fixed=is_fixed, is_open=~is_locked_grid)
    problem = _problem(
        network,
        old,
        attached,
        target=wanted if wanted > 0 else 1.0,
        tolerance=tolerance,
        is_fixed=is_fixed & (old.labels >= 0),
        is_locked_grid=is_locked_grid,
        weights=weights,
    )

    def spent() -> float:
        if should_stop is not None and should_stop():
            return float("inf")
        return 0.0 if time_limit_s is None else (time.perf_counter() - begun) / time_limit_s

    found = problem.start
    if problem.excess(np.bincount(found, weight, minlength=problem.n_grids)).any():
        found = redraw(problem, seed=seed, n_workers=n_workers, progress=progress, spent=spent)
    labels = np.where(found < len(old.codes), found, NO_GRID)
    report = _report(problem, old, labels, keys=keys)
    findings = unmet(
        problem,
        attached,
        labels,
        keys=keys,
        codes=old.codes,
        is_locked_grid=is_locked_grid,
    )
    report["findings"] = old.findings + odd + findings
    report["stopped_early"] = bool(spent() >= 1.0)
    return Rebalance(old.written(labels, given), report)


def frontier(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    *,
    tolerances: Sequence[float],
    **options: Any,
) -> pd.DataFrame:
    """What each tolerance costs, for the planner to choose: one row a tolerance, in that order.

    `tolerance`, `moved_load`, `moved_share`, `moved_cells`, `touched_grids`, `max_deviation`,
    `n_out`, `polsby_popper` (mean over the grids).

    Parameters
    ----------
    options : of `rebalance`, `tolerance` apart
    """
    names = ["moved_load", "moved_share", "moved_cells", "touched_grids", "max_deviation", "n_out"]
    rows = []
    for tolerance in tolerances:
        report = rebalance(cells, adjacency, tolerance=tolerance, **options).report
        figures = {name: report.get(name, 0) for name in (*names, "polsby_popper")}
        rows.append({"tolerance": tolerance, **figures})
    return pd.DataFrame(rows, columns=["tolerance", *names, "polsby_popper"])


def _keys(cells: gpd.GeoDataFrame) -> np.ndarray:
    names = cells["cell"] if "cell" in cells.columns else cells.index.to_series()
    keys: np.ndarray = names.astype(str).to_numpy(dtype=object)
    return keys


def _problem(
    network: graph.Graph,
    old: OldPlan,
    attached: Attached,
    *,
    target: float,
    tolerance: float,
    is_fixed: np.ndarray,
    is_locked_grid: np.ndarray,
    weights: Weights | None,
) -> Problem:
    """What is searched; cells that no grid can take in are one grid more, which stays."""
    k = len(old.codes)
    rounding = ROUNDING * target
    limits = np.tile(
        [target * (1 - tolerance) - rounding, target * (1 + tolerance) + rounding, target], (k, 1)
    )
    is_open = ~is_locked_grid
    is_whole = ~np.isin(np.arange(k), attached.broken)
    start, home = attached.labels, old.labels
    if (start < 0).any():
        limits = np.vstack([limits, [-1.0, NO_LIMIT, target]])
        is_open, is_whole = np.r_[is_open, False], np.r_[is_whole, False]
        start = np.where(start < 0, k, start)
        home = np.where(start == k, k, home)
    if weights is None:
        weights = LOAD_FIRST if network.n_units <= FEW_CELLS else LEAST_CHANGE
    return Problem(
        graph=network,
        start=start,
        home=home,
        limits=limits,
        is_fixed=is_fixed,
        is_open=is_open,
        is_whole=is_whole,
        weights=weights,
    )


def _report(
    problem: Problem, old: OldPlan, labels: np.ndarray, *, keys: np.ndarray
) -> dict[str, Any]:
    """The figures of the change."""
    k, load = len(old.codes), problem.graph.load
    total = max(float(load.sum()), 1e-300)
    is_moved = (labels != old.labels) & (old.labels >= 0)
    is_changed = labels != old.labels
    hands = np.unique(np.r_[labels[is_changed], old.labels[is_changed]])
    limits, target = problem.limits[:k], problem.target

    def deviations(plan: np.ndarray) -> np.ndarray:
        held = np.bincount(plan[plan >= 0], load[plan >= 0], minlength=k)
        return np.asarray(np.abs(held - limits[:, 2]) / limits[:, 2])

    after = deviations(labels)
    bound = least_moved(problem.graph, old.labels, limits)
    guide = flow_guide(problem)
    shape = objective.polsby_popper(
        problem.graph, np.where(labels < 0, k, labels), max(k, problem.n_grids)
    )[:k]
    moved = float(load[is_moved].sum())
    return {
        "n_grids": k,
        "target": target,
        "moved_load": moved,
        "moved_share": moved / total,
        "moved_cells": int(is_moved.sum()),
        "touched_grids": int((hands >= 0).sum()),
        "max_deviation_before": float(deviations(old.labels).max()),
        "max_deviation": float(after.max()),
        "n_out": int((np.abs(after) > _tolerance(limits) + 1e-12).sum()),
        "polsby_popper": float(shape.mean()),
        "lower_bound": bound,
        "lower_bound_share": bound / total,
        "flow_guide": guide,
        "flow_guide_share": guide / total,
        "is_unchanged": not is_changed.any(),
        "moves": moves_of(problem, np.where(labels < 0, problem.start, labels), keys, old.codes),
    }


def _tolerance(limits: np.ndarray) -> np.ndarray:
    found: np.ndarray = limits[:, 1] / limits[:, 2] - 1
    return found

"""Cells into balanced, connected, compact grids."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np

from geo.errors import ParameterError, SchemaError
from geo.planning import bounds, options
from geo.planning.contiguity import Adjacency
from geo.planning.objective import Weights
from geo.planning.preparing import Problem, prepare
from geo.planning.refining import refine
from geo.planning.rules import Rules


@dataclass(frozen=True)
class Partition:
    """`labels`: grid of each cell, 0 to k - 1, row by row; `report`: how it came about."""

    labels: np.ndarray
    report: dict[str, Any] = field(default_factory=dict)


def partition(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    *,
    load: str,
    target: float | None = None,
    n_grids: int | None = None,
    tolerance: float,
    within: str | None = "community",
    keep_whole: str | None = None,
    keep_whole_strictly: bool = True,
    rules: Rules = Rules(),  # noqa: B008 - frozen
    weights: Weights = Weights(),  # noqa: B008 - frozen
    seed: int,
    time_limit_s: float | None = None,
    n_workers: int = 2,
    progress: Callable[[float], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Partition:
    """Grids of about the target load, each connected and inside one area, as compact as can be.

    The number of grids is set per connected part of each area, so that the mean load comes
    nearest to the target; a first plan by repeated halving is improved by simulated annealing
    (see `geo.planning.search`), then searched again where loads lie outside the limits, then
    polished exactly, pair by pair of grids (see `geo.planning.windows`). The objective and its
    weights are in `geo.planning.objective`. Same seed, same plan, whatever the number of workers.

    Parameters
    ----------
    cells : polygons with the load column
    adjacency : of these cells
    target, n_grids : wanted load of a grid, or the number of grids; one of them
    tolerance : allowed |load - target| / target, 0 to 1
    within : column of the area that no grid may leave; ignored where the cells have no such column
    keep_whole : column of the unit (compound) that is not split while it fits into one grid
    keep_whole_strictly : keep such units whole even where that breaks the tolerance; if not,
        those of a part with a grid out of tolerance may be split, as few as the weights say
    rules : further hard demands
    weights : what the objective's troubles cost
    time_limit_s : end within about this time, above 0, with the best plan found; the first plan is
        always finished. The plan is then not repeatable
    n_workers : threads
    progress : called with the share done
    should_stop : asked now and then; the best plan so far is returned

    Raises
    ------
    ParameterError : an option out of range, both or neither of target and n_grids, or rules that
        contradict each other
    SchemaError : a column is absent
    """
    begun = time.perf_counter()
    columns = [load, *rules.balance, *(name for name in (rules.special, rules.locked) if name)]
    _check_options(
        cells,
        adjacency,
        columns=columns,
        target=target,
        n_grids=n_grids,
        tolerances=[tolerance, *rules.balance.values()],
        time_limit_s=time_limit_s,
    )
    if len(cells) == 0:
        return Partition(np.empty(0, dtype=np.int64), {"n_grids": 0})
    weight = _weights(cells, load)
    wanted = float(weight.sum()) / n_grids if n_grids is not None else float(target or 0.0)
    if wanted <= 0:
        wanted = 1.0
    problem = prepare(
        cells,
        adjacency,
        load=weight,
        more_loads={name: _weights(cells, name) for name in rules.balance},
        target=wanted,
        n_grids=n_grids,
        tolerance=tolerance,
        within=within,
        keep_whole=keep_whole,
        demands=rules,
    )

    def spent() -> float:
        if should_stop is not None and should_stop():
            return float("inf")
        return 0.0 if time_limit_s is None else (time.perf_counter() - begun) / time_limit_s

    found = refine(
        problem,
        weights=weights,
        may_split=not keep_whole_strictly,
        seed=seed,
        n_workers=n_workers,
        progress=progress,
        spent=spent,
    )
    proved = _bounds(problem, found.proved, wanted) if not rules.capacities else []
    bound = max(proved, key=lambda one: one.value, default=bounds.Bound(0.0, "none", -1, 0.0))
    return Partition(
        found.labels,
        {
            "n_grids": int(problem.n_grids.sum()),
            "target": wanted,
            "n_parts": len(problem.n_grids),
            "n_heavy": problem.n_heavy,
            "n_out": found.n_out,
            "cost": found.cost,
            "lower_bound": bound.value,
            "lower_bound_reason": bound.reason,
            "lower_bound_cell": bound.unit if bound.unit >= 0 else None,
            "lower_bound_load": bound.load,
            "lower_bounds": [
                _as_row(one, cells, within) for one in proved if one.value > tolerance
            ],
            "steps": found.n_steps,
            "stopped_early": found.is_stopped,
        },
    )


def _bounds(problem: Problem, proved: np.ndarray, target: float) -> list[bounds.Bound]:
    """For each connected part the deviation that no plan of it can be below, and why.

    What the search proved of a piece counts where the piece is a whole part.
    """
    ground, whole = problem.undivided, problem.whole
    first = np.unique(whole.part, return_index=True)[1]
    part_of_piece = ground.part[first]
    n_grids = np.bincount(part_of_piece, problem.n_grids, minlength=ground.n_parts)
    found = bounds.part_bounds(ground, n_grids, target)
    is_whole = np.bincount(part_of_piece)[part_of_piece] == 1
    for piece in np.flatnonzero(is_whole & (proved > 0)):
        part = int(part_of_piece[piece])
        if proved[piece] > found[part].value:
            load = float(ground.load[ground.part == part].sum())
            found[part] = bounds.Bound(float(proved[piece]), "whole", int(first[piece]), load, part)
    return found


def _as_row(bound: bounds.Bound, cells: gpd.GeoDataFrame, within: str | None) -> dict[str, Any]:
    """The bound of a part as plain values, its area and cell by name."""
    names = cells["cell"] if "cell" in cells.columns else cells.index.to_series()
    has_area = within is not None and within in cells.columns
    return {
        "area": str(cells[within].iloc[bound.unit]) if has_area else None,
        "lower_bound": bound.value,
        "reason": bound.reason,
        "cell": str(names.iloc[bound.unit]),
        "load": bound.load,
    }


def _weights(cells: gpd.GeoDataFrame, load: str) -> np.ndarray:
    """The load of each cell; missing counts as none."""
    weight: np.ndarray = cells[load].astype("Float64").fillna(0).to_numpy(dtype="float64")
    is_bad = ~np.isfinite(weight) | (weight < 0)
    if is_bad.any():
        names = cells["cell"] if "cell" in cells.columns else cells.index.to_series()
        keys = [str(key) for key in names[is_bad].iloc[:3]]
        raise ParameterError(
            "plan.load",
            f"loads must be 0 or more; {int(is_bad.sum())} are not, first in cells {keys}. "
            "Correct them.",
            count=int(is_bad.sum()),
            keys=keys,
        )
    return weight


def _check_options(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    *,
    columns: list[str],
    target: float | None,
    n_grids: int | None,
    tolerances: list[float],
    time_limit_s: float | None,
) -> None:
    missing = [name for name in columns if name not in cells.columns]
    if missing:
        raise SchemaError(
            "schema.missing_columns",
            f"cells must have the columns {missing}; got {list(cells.columns)[:20]}. Name others.",
            layer="cells",
            columns=missing,
            found=[str(name) for name in cells.columns][:20],
        )
    if (target is None) == (n_grids is None):
        raise ParameterError(
            "plan.target_or_grids", "give the target load or the number of grids, and only one"
        )
    options.check_target(target)
    if n_grids is not None and not 1 <= n_grids <= max(1, len(cells)):
        raise ParameterError(
            "plan.n_grids",
            f"the number of grids must lie between 1 and {len(cells)} cells; got {n_grids}",
            n_grids=n_grids,
            n_cells=len(cells),
        )
    for tolerance in tolerances:
        options.check_tolerance(tolerance)
    options.check_run(cells, adjacency, time_limit_s=time_limit_s)

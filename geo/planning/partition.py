"""Cells into balanced, connected, compact grids."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np

from geo.errors import ParameterError, SchemaError
from geo.planning import bounds, counts, graph, seeding, units
from geo.planning.annealing import ROUNDING, Annealer
from geo.planning.contiguity import Adjacency

MAX_ATTEMPTS = 16
PATIENCE = 6
"""Searches of parts that stay out of tolerance, each from another first plan, and how many of them
may in a row better nothing."""

ABOVE_BOUND = 0.004
"""Where load hangs behind one unit, the search aims at this much over the bound."""

LARGEST_RETRIED = 400
"""Parts with more cells than this are not searched again from another first plan."""


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
    keep_whole_strictly: bool = False,
    seed: int,
    time_limit_s: float | None = None,
    progress: Callable[[float], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Partition:
    """Grids of about the target load, each connected and inside one area, as compact as can be.

    The number of grids is set per connected part of each area, so that the mean load comes
    nearest to the target; a first plan by repeated halving is improved by simulated annealing
    over single moves and chains of two (see `geo.planning.search`), the tolerance pressing
    ever harder. Same seed, same plan.

    Parameters
    ----------
    cells : polygons with the load column
    adjacency : of these cells
    target, n_grids : wanted load of a grid, or the number of grids; one of them
    tolerance : allowed |load - target| / target, 0 to 1
    within : column of the area that no grid may leave; ignored where the cells have no such column
    keep_whole : column of the unit (compound) that is not split while it fits into one grid
    keep_whole_strictly : keep such units whole even where that breaks the tolerance; otherwise
        those of a part with a grid out of tolerance are released for a second search
    time_limit_s : end within about this time, above 0, with the best plan found; the first plan is
        always finished. The plan is then not repeatable
    progress : called with the share done
    should_stop : asked now and then; the best plan so far is returned

    Raises
    ------
    ParameterError : an option out of range, or both or neither of target and n_grids
    SchemaError : the load column is absent
    """
    begun = time.perf_counter()
    _check_options(
        cells,
        adjacency,
        load=load,
        target=target,
        n_grids=n_grids,
        tolerance=tolerance,
        time_limit_s=time_limit_s,
    )
    if len(cells) == 0:
        return Partition(np.empty(0, dtype=np.int64), {"n_grids": 0})
    weight = _weights(cells, load)
    wanted = float(weight.sum()) / n_grids if n_grids is not None else float(target or 0.0)
    area, is_heavy = units.set_heavy_apart(
        adjacency,
        units.area_codes(cells, within),
        weight,
        target=wanted,
        tolerance=tolerance,
    )
    whole = graph.build(cells, adjacency, weight, area=area)
    k, heavy_parts = _count_grids(whole, is_heavy, wanted, n_grids)
    unit = units.whole_units(
        cells, adjacency, area, weight, keep_whole=keep_whole, limit=wanted * (1 + tolerance)
    )
    n_units = np.array([len(np.unique(unit[whole.part == part])) for part in range(len(k))])
    unit = units.release(unit, (n_units < k)[whole.part])

    def spent() -> float:
        if should_stop is not None and should_stop():
            return float("inf")
        return 0.0 if time_limit_s is None else (time.perf_counter() - begun) / time_limit_s

    part_load = np.bincount(whole.part, weight, minlength=len(k))
    hanging = bounds.branch_bounds(whole, wanted)
    reachable = np.where(hanging > tolerance, hanging + ABOVE_BOUND, tolerance)
    part_of_grid = np.repeat(np.arange(len(k)), k)
    searched = np.ones(len(k), dtype=bool)
    labels = np.zeros(len(cells), dtype=np.int64)
    n_steps, n_vain, is_stopped, trouble = 0, 0, False, np.full(len(k), np.inf)
    for attempt in range(MAX_ATTEMPTS):
        network = graph.build(cells, adjacency, weight, area=area, unit=unit)
        fresh = _first_labels(network, whole, unit, k, seed + attempt)
        annealer = Annealer(
            network,
            _by_unit(np.where(searched[whole.part], fresh, labels), unit),
            np.repeat(part_load / k, k),
            target=wanted,
            tolerance=reachable[part_of_grid],
            seed=seed + attempt,
        )
        annealer.search(
            searched[part_of_grid],
            is_pressed=attempt % 3 == 2,
            progress=progress if attempt == 0 else None,
            spent=spent,
        )
        n_steps, is_stopped = n_steps + annealer.n_steps, annealer.is_stopped
        found = np.bincount(part_of_grid, annealer.excess(), minlength=len(k))
        is_better = searched & (found < trouble)
        n_vain = 0 if is_better.any() else n_vain + 1
        labels = np.where(is_better[whole.part], annealer.labels[unit], labels)
        trouble = np.where(is_better, found, trouble)
        is_joined = np.bincount(unit)[unit] > 1
        has_joined = np.bincount(whole.part, is_joined, minlength=len(k)) > 0
        small = np.bincount(whole.part, minlength=len(k)) <= LARGEST_RETRIED
        searched = (trouble > ROUNDING) & (small | (has_joined & (not keep_whole_strictly)))
        if is_stopped or n_vain == PATIENCE or not searched.any():
            break
        if spent() >= 1.0:
            is_stopped = True
            break
        if not keep_whole_strictly:
            unit = units.release(unit, searched[whole.part])
    bound = bounds.deviation_bound(whole, k, wanted)
    return Partition(
        labels,
        {
            "n_grids": int(k.sum()),
            "target": wanted,
            "n_parts": len(k),
            "n_heavy": heavy_parts,
            "lower_bound": bound.value,
            "lower_bound_reason": bound.reason,
            "lower_bound_cell": bound.unit if bound.unit >= 0 else None,
            "lower_bound_load": bound.load,
            "steps": n_steps,
            "stopped_early": is_stopped,
        },
    )


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


def _count_grids(
    network: graph.Graph, is_heavy: np.ndarray, target: float, n_grids: int | None
) -> tuple[np.ndarray, int]:
    """Grids of each part, and how many parts are one cell too heavy for any grid."""
    load = np.bincount(network.part, network.load, minlength=network.n_parts)
    size = np.bincount(network.part, minlength=network.n_parts)
    has_heavy = np.zeros(network.n_parts, dtype=bool)
    has_heavy[network.part[is_heavy]] = True
    size[has_heavy] = 1
    if n_grids is None:
        return counts.by_target(load, size, target), int(has_heavy.sum())
    return counts.by_total(load, size, n_grids), int(has_heavy.sum())


def _by_unit(labels: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """The label of each unit from its cells'."""
    found = np.zeros(int(unit.max()) + 1, dtype=np.int64)
    found[unit] = labels
    return found


def _check_options(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    *,
    load: str,
    target: float | None,
    n_grids: int | None,
    tolerance: float,
    time_limit_s: float | None,
) -> None:
    if load not in cells.columns:
        raise SchemaError(
            "schema.missing_columns",
            f"cells must have the load column {load}; got {list(cells.columns)[:20]}. "
            "Name another.",
            layer="cells",
            columns=[load],
            found=[str(name) for name in cells.columns][:20],
        )
    if (target is None) == (n_grids is None):
        raise ParameterError(
            "plan.target_or_grids", "give the target load or the number of grids, and only one"
        )
    if target is not None and not 0 < target < float("inf"):
        raise ParameterError(
            "plan.target", f"target must be positive and finite; got {target}", target=target
        )
    if n_grids is not None and not 1 <= n_grids <= max(1, len(cells)):
        raise ParameterError(
            "plan.n_grids",
            f"the number of grids must lie between 1 and {len(cells)} cells; got {n_grids}",
            n_grids=n_grids,
            n_cells=len(cells),
        )
    if not 0 <= tolerance <= 1:
        raise ParameterError(
            "plan.tolerance",
            f"tolerance is a share between 0 and 1 (0.05 = 5%); got {tolerance}",
            tolerance=tolerance,
        )
    if time_limit_s is not None and not time_limit_s > 0:
        raise ParameterError(
            "plan.time_limit",
            f"time_limit_s must be above 0 seconds; got {time_limit_s}",
            time_limit_s=time_limit_s,
        )
    if adjacency.n_cells != len(cells):
        raise ParameterError(
            "plan.adjacency",
            f"the adjacency is of {adjacency.n_cells} cells, not of these {len(cells)}; "
            "compute it again",
            n_cells=len(cells),
            n_adjacent=adjacency.n_cells,
        )


def _first_labels(
    network: graph.Graph, whole: graph.Graph, unit: np.ndarray, k: np.ndarray, seed: int
) -> np.ndarray:
    """A first plan of each part, by cell; labels run on from part to part."""
    labels = np.zeros(network.n_units, dtype=np.int64)
    part_of_unit = _by_unit(whole.part, unit)
    offset = np.r_[0, np.cumsum(k)]
    order = np.argsort(part_of_unit, kind="stable")
    begins = np.searchsorted(part_of_unit[order], np.arange(len(k)))
    for part, nodes in enumerate(np.split(order, begins[1:])):
        labels[nodes] = offset[part] + seeding.first_plan(
            network, nodes=nodes, n_grids=int(k[part]), turn=0.1 + 0.7 * (seed % 97)
        )
    by_cell: np.ndarray = labels[unit]
    return by_cell

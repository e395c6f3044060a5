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
from numba import njit
from scipy.optimize import linprog
from scipy.sparse import csc_array, vstack

from tests.bench.planning.instances import Instance

MOST_CELLS = 63
MOST_SETS = 4_000_000
MOST_STEPS = 3_000_000_000
"""Sets tried before the search gives up."""

N_TRIED = 1 << 23
CROWD = 64
"""Places in the table of what was tried, and how many are looked at in a row."""

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


@njit(cache=True, nogil=True, error_model="numpy")
def _walk(near, load, perimeter_m, border_m, limits, mask, sums, around):  # type: ignore[no-untyped-def]  # noqa: PLR0917
    """Fills mask, sums and around; returns how many sets there are, -1 when they do not fit."""
    n, size, found, (low, high) = len(load), len(mask), 0, limits
    one = np.uint64(1)
    stack = np.empty((n * n + n + 2, 3), dtype=np.uint64)
    held = np.empty((n * n + n + 2, 2))
    banned = np.uint64(0)
    for root in range(n):
        bit = one << np.uint64(root)
        stack[0, 0], stack[0, 1], stack[0, 2] = bit, near[root] & ~banned, banned | bit
        held[0, 0], held[0, 1] = load[root], perimeter_m[root]
        banned |= bit
        if load[root] > high:
            continue
        top = 1
        while top > 0:
            top -= 1
            inside, ahead, closed = stack[top, 0], stack[top, 1], stack[top, 2]
            total, length = held[top, 0], held[top, 1]
            if ahead == np.uint64(0):
                if total >= low:
                    if found == size:
                        return -1
                    mask[found], sums[found], around[found] = inside, total, length
                    found += 1
                continue
            cell = 0
            while not (ahead >> np.uint64(cell)) & one:
                cell += 1
            bit = one << np.uint64(cell)
            stack[top, 1], stack[top, 2] = ahead & ~bit, closed | bit
            top += 1
            if total + load[cell] <= high:
                for other in range(n):
                    if (inside >> np.uint64(other)) & one:
                        length -= 2 * border_m[cell, other]
                stack[top, 0] = inside | bit
                stack[top, 1] = (ahead | near[cell]) & ~(closed | bit | inside)
                stack[top, 2] = closed | bit
                held[top, 0], held[top, 1] = total + load[cell], length + perimeter_m[cell]
                top += 1
    return found


@dataclass(frozen=True)
class Town:
    """An instance in bits, its cells in order from one end of the town to the other."""

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
        found = _walk(
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


@njit(cache=True, nogil=True, error_model="numpy")
def _can_be_divided(rest, near, load, limits, wanted):  # type: ignore[no-untyped-def]
    """Whether the pieces of the rest can hold as many grids as wanted, by their loads alone."""
    one, (low, high), fewest, most = np.uint64(1), limits, 0, 0
    while rest:
        piece = rest & (~rest + one)
        ahead, total = piece, 0.0
        while ahead:
            bit = ahead & (~ahead + one)
            cell = 0
            while not (bit >> np.uint64(cell)) & one:
                cell += 1
            total += load[cell]
            ahead = (ahead & ~bit) | (near[cell] & rest & ~piece)
            piece |= near[cell] & rest
        least, largest = int(np.ceil(total / high)), int(np.floor(total / max(low, 1e-9)))
        if least > largest:
            return False
        fewest, most = fewest + least, most + largest
        rest &= ~piece
    return fewest <= wanted <= most


@njit(cache=True, nogil=True, error_model="numpy")
def _was_tried(tried, tried_cost, left, depth, total):  # type: ignore[no-untyped-def]
    """Whether the same cells were left to as many grids at no more cost; else remembers it.

    A table with open addresses; where a crowd has formed nothing is remembered, and nothing lost.
    """
    size = len(tried)
    mixed = (left ^ np.uint64(depth)) * np.uint64(0x9E3779B97F4A7C15)
    place = np.int64((mixed >> np.uint64(20)) % np.uint64(size))
    for _ in range(CROWD):
        if tried[place, 0] == np.uint64(0):
            tried[place, 0], tried[place, 1] = left, np.uint64(depth)
            tried_cost[place] = total
            return False
        if tried[place, 0] == left and tried[place, 1] == np.uint64(depth):
            if total >= tried_cost[place]:
                return True
            tried_cost[place] = total
            return False
        place = (place + 1) % size
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def _cover(mask, cost, begin, near, load, limits, n_grids, most, tried, tried_cost, steps):  # type: ignore[no-untyped-def]  # noqa: PLR0917
    """The least cost below `most` of n_grids disjoint sets that hold all cells.

    Infinity where there is none, NaN after that many steps. Sets come by their first cell, `begin`
    says where those of each cell start.
    """
    n, one = len(load), np.uint64(1)
    rest = np.zeros(n_grids + 1, dtype=np.uint64)
    spent, at = np.zeros(n_grids + 1), np.zeros(n_grids + 1, dtype=np.int64)
    end = np.zeros(n_grids + 1, dtype=np.int64)
    rest[0] = (one << np.uint64(n)) - one
    end[0] = begin[1]
    best, depth = np.inf, 0
    while depth >= 0:
        if at[depth] == end[depth]:
            depth -= 1
            continue
        i = at[depth]
        at[depth] += 1
        steps -= 1
        if steps < 0:
            return np.nan
        if mask[i] & ~rest[depth]:
            continue
        total = spent[depth] + cost[i]
        if total >= most:
            at[depth] = end[depth]
            continue
        left = rest[depth] & ~mask[i]
        if left == np.uint64(0):
            if depth + 1 == n_grids:
                best, most = total, total
            continue
        if depth + 1 == n_grids:
            continue
        if _was_tried(tried, tried_cost, left, depth, total):
            continue
        if not _can_be_divided(left, near, load, limits, n_grids - depth - 1):
            continue
        cell = 0
        while not (left >> np.uint64(cell)) & one:
            cell += 1
        depth += 1
        rest[depth], spent[depth] = left, total
        at[depth], end[depth] = begin[cell], begin[cell + 1]
    return best


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
    found = _cover(
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
    bits = (sets.mask[None, :] >> np.arange(n, dtype=np.uint64)[:, None]) & np.uint64(1)
    rows = vstack([csc_array(bits.astype(float)), csc_array(np.ones((1, len(sets.mask))))])
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

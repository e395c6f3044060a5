"""What a compiled move of an existing plan's cells changes, and what must come along.

The energy of a plan is the sum of

    excess * (load outside the limits / target + a step)   over grids
    shape * (1 - Polsby-Popper)                            over grids
    edge costs                                             over borders between grids
    moved * load + cell                                    over cells that are not in their old grid
    charge                                                 over grids that are not as they were

The arrays are handed on in named tuples, for each move needs two dozen of them.
"""

# ruff: noqa: PLR0917 - compiled kernels take their arguments by position
from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

FOUR_PI = 4.0 * math.pi

MOST_TOGETHER = 64
"""Cells of one move, at most."""

LOAD, AREA, PERIMETER, ENERGY = 0, 1, 2, 3
"""Columns of a grid's sums; the first three are also those of a cell's body."""

EXCESS, STEP, SHAPE, MOVED, CELL = 0, 1, 2, 3, 4
"""Places of the weights."""


class Ground(NamedTuple):
    """n cells: neighbours in compressed rows with border lengths and costs; `body` (n, 3): load,
    area, perimeter; `home`: old grid, -1 for none; `is_fixed`: the cell stays."""

    indptr: np.ndarray
    indices: np.ndarray
    length_m: np.ndarray
    cost: np.ndarray
    body: np.ndarray
    home: np.ndarray
    is_fixed: np.ndarray


class Plan(NamedTuple):
    """k grids: `sums` (k, 4): load, area, perimeter, energy; `size`: cells; `changed`: cells that
    came or went."""

    labels: np.ndarray
    sums: np.ndarray
    size: np.ndarray
    changed: np.ndarray


class Demand(NamedTuple):
    """`limits` (k, 3): low, high, target; `charge` of touching a grid; `is_open`: it may change;
    `weights`: excess, step, shape, moved, cell; `lure`: what a further move may win at most, but
    for excess: in shape, and by a cell that goes home."""

    limits: np.ndarray
    charge: np.ndarray
    is_open: np.ndarray
    weights: np.ndarray
    lure: np.ndarray


class Desk(NamedTuple):
    """Scratch: `mark` and `stamp` n + 1 integers, zero at first; `queue`, `starts` n; `group` and
    `spare` MOST_TOGETHER + 1; `sums` of the last weighing; `state` of the random numbers."""

    mark: np.ndarray
    stamp: np.ndarray
    queue: np.ndarray
    starts: np.ndarray
    group: np.ndarray
    spare: np.ndarray
    sums: np.ndarray
    state: np.ndarray


def new_desk(n_cells: int, seed: int) -> Desk:
    """Scratch for one search of so many cells."""
    return Desk(
        mark=np.zeros(n_cells + 1, dtype=np.int64),
        stamp=np.zeros(n_cells + 1, dtype=np.int64),
        queue=np.zeros(n_cells, dtype=np.int64),
        starts=np.zeros(n_cells + 1, dtype=np.int64),
        group=np.zeros(MOST_TOGETHER + 1, dtype=np.int64),
        spare=np.zeros(MOST_TOGETHER + 1, dtype=np.int64),
        sums=np.zeros(8),
        state=np.array([88172645463325252 + 7919 * seed], dtype=np.uint64),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def next_random(state: np.ndarray) -> float:
    """A number in [0, 1); xorshift64* (Vigna 2016)."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return float((x * np.uint64(2685821657736338717)) >> np.uint64(11)) / 9007199254740992.0


@njit(cache=True, nogil=True, error_model="numpy")
def excess_energy(load: float, limits: np.ndarray, weights: np.ndarray) -> float:
    """What the load outside the limits costs."""
    if load < limits[0]:
        return float(weights[EXCESS] * (weights[STEP] + (limits[0] - load) / limits[2]))
    if load > limits[1]:
        return float(weights[EXCESS] * (weights[STEP] + (load - limits[1]) / limits[2]))
    return 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def grid_energy(
    load: float, area: float, perimeter: float, limits: np.ndarray, weights: np.ndarray
) -> float:
    """Excess and shape of one grid."""
    shape = 1.0 - FOUR_PI * area / max(perimeter * perimeter, 1e-12)
    return float(weights[SHAPE] * shape + excess_energy(load, limits, weights))


@njit(cache=True, nogil=True, error_model="numpy")
def begin_group(desk: Desk, cell: int) -> None:
    """A new group of one cell."""
    desk.mark[-1] += 1
    desk.group[0] = cell
    desk.mark[cell] = desk.mark[-1]


@njit(cache=True, nogil=True, error_model="numpy")
def weigh(ground: Ground, plan: Plan, demand: Demand, desk: Desk, n: int, to: int) -> float:
    """How the energy changes when the group of n cells of one grid goes to another."""
    labels, mark, w = plan.labels, desk.mark, demand.weights
    origin = labels[desk.group[0]]
    load, area, rim, to_origin, to_other, change = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    left, came = 0, 0
    for i in range(n):
        cell = desk.group[i]
        load += ground.body[cell, LOAD]
        area += ground.body[cell, AREA]
        rim += ground.body[cell, PERIMETER]
        for e in range(ground.indptr[cell], ground.indptr[cell + 1]):
            other = ground.indices[e]
            if mark[other] == mark[-1]:
                rim -= ground.length_m[e]
            elif labels[other] == origin:
                to_origin += ground.length_m[e]
                change += ground.cost[e]
            elif labels[other] == to:
                to_other += ground.length_m[e]
                change -= ground.cost[e]
        left += 1 if ground.home[cell] == origin else -1
        came += -1 if ground.home[cell] == to else 1
        if ground.home[cell] == origin:
            change += w[MOVED] * ground.body[cell, LOAD] + w[CELL]
        elif ground.home[cell] == to:
            change -= w[MOVED] * ground.body[cell, LOAD] + w[CELL]
    out = desk.sums
    out[0], out[1], out[2], out[3] = load, area, 2.0 * to_origin - rim, rim - 2.0 * to_other
    out[4], out[5] = left, came
    for side, sign, i in ((origin, -1.0, 2), (to, 1.0, 3)):
        old = plan.sums[side]
        out[4 + i] = grid_energy(
            old[LOAD] + sign * load,
            old[AREA] + sign * area,
            old[PERIMETER] + out[i],
            demand.limits[side],
            w,
        )
        change += out[4 + i] - old[ENERGY]
        before, after = plan.changed[side], plan.changed[side] + int(out[2 + i])
        if (before > 0) != (after > 0):
            change += demand.charge[side] if after > 0 else -demand.charge[side]
    return change


@njit(cache=True, nogil=True, error_model="numpy")
def give(plan: Plan, desk: Desk, n: int, to: int) -> None:
    """Give the group just weighed to that grid."""
    origin = plan.labels[desk.group[0]]
    for side, sign, i in ((origin, -1.0, 2), (to, 1.0, 3)):
        plan.sums[side, LOAD] += sign * desk.sums[0]
        plan.sums[side, AREA] += sign * desk.sums[1]
        plan.sums[side, PERIMETER] += desk.sums[i]
        plan.sums[side, ENERGY] = desk.sums[4 + i]
        plan.changed[side] += int(desk.sums[2 + i])
        plan.size[side] += int(sign) * n
    for i in range(n):
        plan.labels[desk.group[i]] = to


@njit(cache=True, nogil=True, error_model="numpy")
def grow_group(ground: Ground, plan: Plan, desk: Desk, wanted: int) -> int:
    """Add cells of the same grid, each beside one before, at random; how many there are then."""
    origin = plan.labels[desk.group[0]]
    n = 1
    for _ in range(3 * wanted):
        cell = desk.group[int(next_random(desk.state) * n)]
        begin, end = ground.indptr[cell], ground.indptr[cell + 1]
        other = ground.indices[begin + int(next_random(desk.state) * (end - begin))]
        if plan.labels[other] == origin and desk.mark[other] != desk.mark[-1]:
            desk.mark[other] = desk.mark[-1]
            desk.group[n] = other
            n += 1
        if n == wanted:
            break
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def pieces_without(ground: Ground, plan: Plan, desk: Desk, n: int) -> tuple[int, int]:
    """Pieces of the group's grid, beside the group, without it: how many, and of how many cells.

    In `queue` one after the other, piece i from `starts[i]` to `starts[i + 1]`.
    """
    origin, mark, stamp = plan.labels[desk.group[0]], desk.mark, desk.stamp
    stamp[0] += 1
    tail, n_pieces = 0, 0
    for i in range(n):
        cell = desk.group[i]
        for e in range(ground.indptr[cell], ground.indptr[cell + 1]):
            first = ground.indices[e]
            is_free = plan.labels[first] == origin and mark[first] != mark[-1]
            if not is_free or stamp[first + 1] == stamp[0]:
                continue
            desk.starts[n_pieces] = head = tail
            n_pieces += 1
            desk.queue[tail] = first
            tail += 1
            stamp[first + 1] = stamp[0]
            while head < tail:
                node = desk.queue[head]
                head += 1
                for f in range(ground.indptr[node], ground.indptr[node + 1]):
                    other = ground.indices[f]
                    is_free = plan.labels[other] == origin and mark[other] != mark[-1]
                    if is_free and stamp[other + 1] != stamp[0]:
                        stamp[other + 1] = stamp[0]
                        desk.queue[tail] = other
                        tail += 1
    desk.starts[n_pieces] = tail
    return n_pieces, tail


@njit(cache=True, nogil=True, error_model="numpy")
def close_group(ground: Ground, plan: Plan, desk: Desk, n: int) -> int:
    """Take along what the group would cut off its grid, all but the largest piece.

    How many cells the group then has; -1 where nothing would be left, or it gets too large, or a
    cell must stay.
    """
    n_pieces, _ = pieces_without(ground, plan, desk, n)
    if n_pieces == 0:
        return -1
    largest = 0
    for i in range(1, n_pieces):
        size = desk.starts[i + 1] - desk.starts[i]
        if size > desk.starts[largest + 1] - desk.starts[largest]:
            largest = i
    for i in range(n_pieces):
        if i == largest:
            continue
        if n + desk.starts[i + 1] - desk.starts[i] > MOST_TOGETHER:
            return -1
        for j in range(desk.starts[i], desk.starts[i + 1]):
            cell = desk.queue[j]
            desk.mark[cell] = desk.mark[-1]
            desk.group[n] = cell
            n += 1
    for i in range(n):
        if ground.is_fixed[desk.group[i]]:
            return -1
    return n

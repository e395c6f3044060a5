"""The compiled search: cells move between neighbouring grids under simulated annealing.

Two kinds of move keep every grid connected: one cell crosses a border; or one cell crosses and
another leaves the grid it came into (a swap, or a chain through a third grid), which is how loads
are traded where single cells are too heavy for the tolerance (ejection chains, Glover 1992).

The energy of a plan is the sum over its grids of

    (1 - Polsby-Popper) + border_weight * perimeter / reference perimeter + excess_weight * excess

where excess is how far the load lies outside [low, high], as a share of the target, and a step.
"""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import math

import numpy as np
from numba import njit

FOUR_PI = 4.0 * math.pi

STEP_OUTSIDE = 0.02
"""Being outside the limits at all counts as this much excess more, so that no shape is worth it."""


@njit(cache=True, nogil=True, error_model="numpy")
def next_random(state: np.ndarray) -> float:
    """A number in [0, 1); xorshift64* (Vigna 2016). `state` holds one non-zero uint64."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return float((x * np.uint64(2685821657736338717)) >> np.uint64(11)) / 9007199254740992.0


@njit(cache=True, nogil=True, error_model="numpy")
def grid_energy(
    load: float, area: float, perimeter: float, limits: np.ndarray, weights: np.ndarray
) -> float:
    """The energy of one grid. `limits`: low, high, target; `weights`: excess, border, reference."""
    excess = 0.0
    if load < limits[0]:
        excess = STEP_OUTSIDE + (limits[0] - load) / limits[2]
    elif load > limits[1]:
        excess = STEP_OUTSIDE + (load - limits[1]) / limits[2]
    shape = 1.0 - FOUR_PI * area / (perimeter * perimeter)
    energy: float = shape + weights[1] * perimeter / weights[2] + weights[0] * excess
    return energy


@njit(cache=True, nogil=True, error_model="numpy")
def stays_connected(
    indptr: np.ndarray,
    indices: np.ndarray,
    labels: np.ndarray,
    cell: int,
    stamp: np.ndarray,
    queue: np.ndarray,
) -> bool:
    """Whether the cell's grid hangs together without it, other cells of the grid present."""
    grid = labels[cell]
    wanted = 0
    stamp[0] += 1
    mark = stamp[0]
    first = -1
    for e in range(indptr[cell], indptr[cell + 1]):
        if labels[indices[e]] == grid:
            wanted += 1
            first = indices[e]
    if wanted == 0:
        return False
    if wanted == 1:
        return True
    stamp[cell + 1] = mark
    stamp[first + 1] = mark
    queue[0] = first
    head, tail, reached = 0, 1, 0
    while head < tail:
        node = queue[head]
        head += 1
        touches = False
        for e in range(indptr[node], indptr[node + 1]):
            other = indices[e]
            if other == cell:
                touches = True
            elif labels[other] == grid and stamp[other + 1] != mark:
                stamp[other + 1] = mark
                queue[tail] = other
                tail += 1
        if touches:
            reached += 1
            if reached == wanted:
                return True
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def move_cell(
    indptr: np.ndarray,
    indices: np.ndarray,
    length: np.ndarray,
    cells: np.ndarray,
    labels: np.ndarray,
    grids: np.ndarray,
    count: np.ndarray,
    limits: np.ndarray,
    weights: np.ndarray,
    cell: int,
    to: int,
) -> None:
    """Give the cell to another grid; `cells` and `grids` have columns load, area, perimeter."""
    origin = labels[cell]
    to_origin, to_other = 0.0, 0.0
    for e in range(indptr[cell], indptr[cell + 1]):
        label = labels[indices[e]]
        if label == origin:
            to_origin += length[e]
        elif label == to:
            to_other += length[e]
    for side, sign, shared in ((origin, -1.0, to_origin), (to, 1.0, to_other)):
        grids[side, 0] += sign * cells[cell, 0]
        grids[side, 1] += sign * cells[cell, 1]
        grids[side, 2] += sign * (cells[cell, 2] - 2.0 * shared)
        grids[side, 3] = grid_energy(
            grids[side, 0], grids[side, 1], grids[side, 2], limits[side], weights
        )
        count[side] += int(sign)
    labels[cell] = to


@njit(cache=True, nogil=True, error_model="numpy")
def change_of(
    indptr: np.ndarray,
    indices: np.ndarray,
    length: np.ndarray,
    cells: np.ndarray,
    labels: np.ndarray,
    grids: np.ndarray,
    limits: np.ndarray,
    weights: np.ndarray,
    cell: int,
    to: int,
) -> float:
    """How the energy changes when the cell goes to that grid."""
    origin = labels[cell]
    to_origin, to_other = 0.0, 0.0
    for e in range(indptr[cell], indptr[cell + 1]):
        label = labels[indices[e]]
        if label == origin:
            to_origin += length[e]
        elif label == to:
            to_other += length[e]
    load, area, perimeter = cells[cell, 0], cells[cell, 1], cells[cell, 2]
    after = grid_energy(
        grids[origin, 0] - load,
        grids[origin, 1] - area,
        grids[origin, 2] - perimeter + 2.0 * to_origin,
        limits[origin],
        weights,
    ) + grid_energy(
        grids[to, 0] + load,
        grids[to, 1] + area,
        grids[to, 2] + perimeter - 2.0 * to_other,
        limits[to],
        weights,
    )
    change: float = after - grids[origin, 3] - grids[to, 3]
    return change


@njit(cache=True, nogil=True, error_model="numpy")
def best_second(
    indptr: np.ndarray,
    indices: np.ndarray,
    length: np.ndarray,
    cells: np.ndarray,
    labels: np.ndarray,
    grids: np.ndarray,
    limits: np.ndarray,
    weights: np.ndarray,
    movable: np.ndarray,
    cell: int,
    stamp: np.ndarray,
    queue: np.ndarray,
) -> tuple[int, int, float]:
    """The best other cell to leave the grid `cell` has come into, where to, and the change."""
    grid = labels[cell]
    stamp[0] += 1
    mark = stamp[0]
    stamp[cell + 1] = mark
    queue[0] = cell
    head, tail = 0, 1
    best_cell, best_to, best_change = -1, -1, 1e300
    while head < tail:
        node = queue[head]
        head += 1
        last = -1
        for e in range(indptr[node], indptr[node + 1]):
            other = indices[e]
            label = labels[other]
            if label == grid:
                if stamp[other + 1] != mark:
                    stamp[other + 1] = mark
                    queue[tail] = other
                    tail += 1
            elif node != cell and label != last and movable[label]:
                last = label
                change = change_of(
                    indptr, indices, length, cells, labels, grids, limits, weights, node, label
                )
                if change < best_change:
                    best_cell, best_to, best_change = node, label, change
    return best_cell, best_to, best_change


@njit(cache=True, nogil=True, error_model="numpy")
def anneal(
    indptr: np.ndarray,
    indices: np.ndarray,
    length: np.ndarray,
    cells: np.ndarray,
    labels: np.ndarray,
    grids: np.ndarray,
    count: np.ndarray,
    free: np.ndarray,
    movable: np.ndarray,
    limits: np.ndarray,
    weights: np.ndarray,
    temperature: float,
    chain_share: float,
    n_steps: int,
    state: np.ndarray,
    stamp: np.ndarray,
    queue: np.ndarray,
) -> int:
    """Change `labels`, `grids` and `count` by n_steps tried moves; how many were accepted.

    Parameters
    ----------
    indptr, indices, length : neighbours of each cell in compressed rows, shared border lengths
    cells : n x 3: load, area, perimeter
    grids : k x 4: load, area, perimeter, energy
    free : cells that may move; movable : grids that may change
    limits, weights : see `grid_energy`; limits are k x 3
    stamp : n + 1 integers, zero at first; queue : n integers
    """
    accepted = 0
    n_free = len(free)
    for _ in range(n_steps):
        cell = free[int(next_random(state) * n_free)]
        begin, end = indptr[cell], indptr[cell + 1]
        if begin == end:
            continue
        origin = labels[cell]
        to = labels[indices[begin + int(next_random(state) * (end - begin))]]
        if to == origin or count[origin] == 1 or not movable[origin] or not movable[to]:
            continue
        change = change_of(indptr, indices, length, cells, labels, grids, limits, weights, cell, to)
        allowed = 0.0
        if change > 0.0:
            allowed = -temperature * math.log(1.0 - next_random(state))
        if change <= allowed:
            if stays_connected(indptr, indices, labels, cell, stamp, queue):
                move_cell(
                    indptr, indices, length, cells, labels, grids, count, limits, weights, cell, to
                )
                accepted += 1
            continue
        if next_random(state) >= chain_share or not stays_connected(
            indptr, indices, labels, cell, stamp, queue
        ):
            continue
        move_cell(indptr, indices, length, cells, labels, grids, count, limits, weights, cell, to)
        second, goal, more = best_second(
            indptr,
            indices,
            length,
            cells,
            labels,
            grids,
            limits,
            weights,
            movable,
            cell,
            stamp,
            queue,
        )
        if (
            second >= 0
            and change + more <= allowed
            and stays_connected(indptr, indices, labels, second, stamp, queue)
        ):
            move_cell(
                indptr, indices, length, cells, labels, grids, count, limits, weights, second, goal
            )
            accepted += 1
        else:
            move_cell(
                indptr, indices, length, cells, labels, grids, count, limits, weights, cell, origin
            )
    return accepted

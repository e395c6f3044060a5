"""What one step of the compiled search changes: borders, shapes, penalties; and contiguity.

The energy of a plan is the objective's cost (see `geo.planning.objective`) and the excess weight
times a penalty: for each load of a grid outside its limits how far outside, as a share of the
target, and a step.

The kernels take flat arrays, for n units, k grids and m loads (named tuples would double their
time):

- `indptr`, `indices`: neighbours in compressed rows; `edges` (e, 2): length of the shared border
  in metres, its cost in the objective
- `body` (n, 2 + m): area, perimeter, loads of each unit
- `tie_ptr` (n, 3), `ties`: for each unit where in `ties` the others of its compound begin and end,
  and where those end that must not share its grid (they begin where the others end)
- `labels` (n): grid of each unit; `grids` (k, 4 + m): area, perimeter, cost of the shape, penalty,
  loads of each; `count` (k): units of each; `limits` (k, m, 3): low, high, target
- `weights` (3): of the shape, of the penalty, of a split compound
- `stamp` (n + 1), `queue` (n): room to mark and list units
"""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import math

import numpy as np
from numba import njit

FOUR_PI = 4.0 * math.pi

STEP_OUTSIDE = 0.02
"""Being outside the limits at all counts as this much excess more, so that no shape is worth it."""

APART_COST = 5.0
"""Cost of a pair of units in one grid that must not share one."""


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def next_random(state: np.ndarray) -> float:
    """A number in [0, 1); xorshift64* (Vigna 2016). `state` holds one non-zero uint64."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return float((x * np.uint64(2685821657736338717)) >> np.uint64(11)) / 9007199254740992.0


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


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def penalty_with(
    body: np.ndarray, grids: np.ndarray, limits: np.ndarray, grid: int, cell: int, sign: float
) -> float:
    """How far outside its limits the grid is, the cell's loads added sign times."""
    penalty = 0.0
    for j in range(limits.shape[1]):
        load = grids[grid, 4 + j] + sign * body[cell, 2 + j]
        if load < limits[grid, j, 0]:
            penalty += STEP_OUTSIDE + (limits[grid, j, 0] - load) / limits[grid, j, 2]
        elif load > limits[grid, j, 1]:
            penalty += STEP_OUTSIDE + (load - limits[grid, j, 1]) / limits[grid, j, 2]
    return penalty


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def shared(
    indptr: np.ndarray,
    indices: np.ndarray,
    edges: np.ndarray,
    labels: np.ndarray,
    cell: int,
    to: int,
) -> tuple[float, float, float]:
    """Border shared with the cell's own grid and with `to`, and the change of the borders' cost."""
    origin = labels[cell]
    with_own, with_other, cost = 0.0, 0.0, 0.0
    for e in range(indptr[cell], indptr[cell + 1]):
        label = labels[indices[e]]
        if label == origin:
            with_own += edges[e, 0]
            cost += edges[e, 1]
        elif label == to:
            with_other += edges[e, 0]
            cost -= edges[e, 1]
    return with_own, with_other, cost


@njit(cache=True, nogil=True, error_model="numpy")
def change_of_ties(
    tie_ptr: np.ndarray,
    ties: np.ndarray,
    labels: np.ndarray,
    split_cost: float,
    cell: int,
    to: int,
) -> float:
    """Change of the cost of split compounds and of units together that must be apart."""
    origin = labels[cell]
    change = 0.0
    in_own, in_other = 0, 0
    for i in range(tie_ptr[cell, 0], tie_ptr[cell, 1]):
        label = labels[ties[i]]
        in_own += label == origin
        in_other += label == to
    if in_own > 0:
        change += split_cost
    if in_other > 0:
        change -= split_cost
    for i in range(tie_ptr[cell, 1], tie_ptr[cell, 2]):
        label = labels[ties[i]]
        if label == to:
            change += APART_COST
        elif label == origin:
            change -= APART_COST
    return change


@njit(cache=True, nogil=True, error_model="numpy")
def change_of(
    indptr: np.ndarray,
    indices: np.ndarray,
    edges: np.ndarray,
    body: np.ndarray,
    tie_ptr: np.ndarray,
    ties: np.ndarray,
    labels: np.ndarray,
    grids: np.ndarray,
    limits: np.ndarray,
    weights: np.ndarray,
    cell: int,
    to: int,
) -> tuple[float, float]:
    """How cost and penalty change when the cell goes to that grid."""
    origin = labels[cell]
    with_own, with_other, cost = shared(indptr, indices, edges, labels, cell, to)
    area, perimeter = body[cell, 0], body[cell, 1]
    left_area, left_perimeter = grids[origin, 0] - area, grids[origin, 1] - perimeter + 2 * with_own
    area, perimeter = grids[to, 0] + area, grids[to, 1] + perimeter - 2 * with_other
    cost += (
        weights[0]
        * (
            2.0
            - FOUR_PI
            * (left_area / (left_perimeter * left_perimeter) + area / (perimeter * perimeter))
        )
        - grids[origin, 2]
        - grids[to, 2]
    )
    penalty = (
        penalty_with(body, grids, limits, origin, cell, -1.0)
        + penalty_with(body, grids, limits, to, cell, 1.0)
        - grids[origin, 3]
        - grids[to, 3]
    )
    if tie_ptr[cell, 0] < tie_ptr[cell, 2]:
        cost += change_of_ties(tie_ptr, ties, labels, weights[2], cell, to)
    return cost, penalty


@njit(cache=True, nogil=True, error_model="numpy")
def move_cell(
    indptr: np.ndarray,
    indices: np.ndarray,
    edges: np.ndarray,
    body: np.ndarray,
    labels: np.ndarray,
    grids: np.ndarray,
    limits: np.ndarray,
    weights: np.ndarray,
    count: np.ndarray,
    cell: int,
    to: int,
) -> None:
    """Give the cell to another grid."""
    origin = labels[cell]
    with_own, with_other, _ = shared(indptr, indices, edges, labels, cell, to)
    for grid, sign, border in ((origin, -1.0, with_own), (to, 1.0, with_other)):
        grids[grid, 0] += sign * body[cell, 0]
        grids[grid, 1] += sign * (body[cell, 1] - 2.0 * border)
        grids[grid, 2] = weights[0] * (
            1.0 - FOUR_PI * grids[grid, 0] / (grids[grid, 1] * grids[grid, 1])
        )
        grids[grid, 3] = penalty_with(body, grids, limits, grid, cell, sign)
        for j in range(limits.shape[1]):
            grids[grid, 4 + j] += sign * body[cell, 2 + j]
        count[grid] += int(sign)
    labels[cell] = to

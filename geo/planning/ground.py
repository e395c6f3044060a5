"""A few grids' ground and the state of an exact search on it, in three flat buffers.

`masks` (uint64), `whole` (int64: numbers, and lengths in the ground's own unit) and `real`
(float64); the constants are the places in them. Flat buffers keep the compiled search free of the
bookkeeping of many arrays: it is ten times as fast.
"""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import numpy as np
from numba import njit

from geo.planning.masks import LARGEST, NONE, ONE, bit

MOST_SETS = 16
"""Grids that one window may have."""

FINENESS = float(2**40)
"""Lengths are whole numbers, the window's perimeters together being this many: sums stay exact."""

FOUR_PI = 4.0 * np.pi

# masks: neighbours and compound of each cell; ground of each level, sets closed, best sets; who
# held what; then the frames
NEAR_OF, TAG_OF, REGION, CLOSED, BEST, HOME = 0, 64, 128, 144, 160, 176
MASK_FRAMES, MASK_STRIDE = 192, 6
SET, OUT, OUT_BEFORE, NEAR, TAGS, OUT_TAGS = 0, 1, 2, 3, 4, 5

# whole: slot in the window and perimeter of each cell; rows of the edges; for each level and cell
# the border to the outside, to the set and to the cells left out; flags; frames; edges
SLOT_OF, PERIMETER_OF, START, OUTER_OF, TO_SET, TO_OUT = 0, 64, 128, 200, 1224, 2248
N_CELLS, N_SETS, IS_ALIKE, HAS_HOME, IS_FOUND, ALL_HERE = 3272, 3273, 3274, 3275, 3276, 3277
WHOLE_FRAMES, WHOLE_STRIDE = 3296, 9
CELL, LEVEL, STAGE, PERIMETER, OUTER, CUT, MEET, OUT_OUTER, SPLIT = 0, 1, 2, 3, 4, 5, 6, 7, 8
EDGES = WHOLE_FRAMES + WHOLE_STRIDE * (LARGEST + MOST_SETS + 2)

# real: load and 4 pi area of each cell, cost of moving it; limits of each grid; rules; best
# excess and cost; levels; frames; costs of the edges
LOAD_OF, AREA_OF, MOVE_OF, LOW_OF, HIGH_OF, RULES, LEVELS = 0, 64, 128, 192, 208, 224, 240
LOW, HIGH, SHAPE, SPLIT_COST, TOUCHED = RULES, RULES + 1, RULES + 2, RULES + 3, RULES + 4
RATIO, LOSS, ROOMIEST, LEAST_EXCESS = RULES + 5, RULES + 6, RULES + 7, RULES + 8
NEAR_LOAD, NEAR_COST, BEST_EXCESS, BEST_COST = RULES + 9, RULES + 10, RULES + 11, RULES + 12
LEVEL_STRIDE = 6
L_LOAD, L_AREA, L_OUTER, L_COST, L_CLAIM, L_EXCESS = 0, 1, 2, 3, 4, 5
REAL_FRAMES, REAL_STRIDE = LEVELS + LEVEL_STRIDE * MOST_SETS, 6
LOAD, AREA, BORDER, CUT_COST, OUT_LOAD, OUT_AREA = 0, 1, 2, 3, 4, 5
COSTS = REAL_FRAMES + REAL_STRIDE * (LARGEST + MOST_SETS + 2)

# A frame is a set being built: OUTER and OUT_OUTER are how much border of the level's ground the
# set and the cells left out have, CUT how much lies between both, MEET at least how much more
# will, as undecided cells touch both. BORDER is the cost of the set's border if it were closed.
# RATIO is the least cost of a unit of border, LOSS the sum of the negative costs, ROOMIEST the
# largest area of a lawful set; no division has less than LEAST_EXCESS.


@njit(cache=True, nogil=True, error_model="numpy")
def walk(
    indptr: np.ndarray,
    indices: np.ndarray,
    position: np.ndarray,
    start: int,
    order: np.ndarray,
    tail: int,
) -> int:
    """Append to `order`, nearest first, what `start` reaches in the window; the new end.

    `position` is 0 for the window's cells not yet walked, 1 afterwards.
    """
    head = tail
    order[tail] = start
    position[start] = 1
    tail += 1
    while head < tail:
        cell = order[head]
        head += 1
        for e in range(indptr[cell], indptr[cell + 1]):
            if position[indices[e]] == 0:
                position[indices[e]] = 1
                order[tail] = indices[e]
                tail += 1
    return tail


@njit(cache=True, nogil=True, error_model="numpy")
def order_from_end(
    indptr: np.ndarray, indices: np.ndarray, position: np.ndarray, window: np.ndarray
) -> np.ndarray:
    """The window's cells by the number of steps from a cell at its end; ties as in `window`."""
    order = np.empty(len(window), dtype=np.int64)
    for turn in range(3):
        for cell in window:
            position[cell] = 0
        first = window[0] if turn == 0 else order[len(window) - 1]
        tail = walk(indptr, indices, position, first, order, 0)
        for cell in window:
            if position[cell] == 0:
                tail = walk(indptr, indices, position, cell, order, tail)
    return order


@njit(cache=True, nogil=True, error_model="numpy")
def open_ground(
    indptr: np.ndarray,
    indices: np.ndarray,
    length: np.ndarray,
    cut_cost: np.ndarray,
    cells: np.ndarray,
    window: np.ndarray,
    position: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The buffers for a window of at most 64 cells, the state of the search still empty.

    Parameters
    ----------
    indptr, indices, length, cut_cost : the whole graph, one entry a directed edge
    cells : n x 3: load, area, perimeter
    window : global numbers
    position : n integers, all -1, and again so afterwards
    """
    m = len(window)
    order = order_from_end(indptr, indices, position, window)
    n_edges, total = 0, 0.0
    for i in range(m):
        position[order[i]] = i
        total += cells[order[i], 2]
        n_edges += indptr[order[i] + 1] - indptr[order[i]]
    unit = max(total, 1e-300) / FINENESS
    masks = np.zeros(MASK_FRAMES + MASK_STRIDE * (LARGEST + MOST_SETS + 2), dtype=np.uint64)
    whole = np.zeros(EDGES + 2 * n_edges, dtype=np.int64)
    real = np.zeros(COSTS + n_edges)
    at = 0
    for i in range(m):
        cell = order[i]
        real[LOAD_OF + i] = cells[cell, 0]
        real[AREA_OF + i] = FOUR_PI * cells[cell, 1] / (unit * unit)
        whole[PERIMETER_OF + i] = round(cells[cell, 2] / unit)
        for e in range(indptr[cell], indptr[cell + 1]):
            to = position[indices[e]]
            if to >= 0:
                masks[NEAR_OF + i] |= bit(to)
                whole[EDGES + 2 * at] = to
                whole[EDGES + 2 * at + 1] = round(length[e] / unit)
                real[COSTS + at] = cut_cost[e]
                at += 1
        whole[START + i + 1] = at
    for i in range(m):
        whole[SLOT_OF + position[window[i]]] = i
    for cell in window:
        position[cell] = -1
    whole[N_CELLS] = m
    return masks, whole, real


@njit(cache=True, nogil=True, error_model="numpy")
def full(m: int) -> np.uint64:
    """The mask of cells 0 to m - 1."""
    return ~NONE if m == LARGEST else bit(m) - ONE


@njit(cache=True, nogil=True, error_model="numpy")
def largest_area(real: np.ndarray, m: int, load: float) -> float:
    """No cells of at most this load together have more area than this (fractional knapsack)."""
    is_left = np.ones(m, dtype=np.bool_)
    total = 0.0
    for _ in range(m):
        best = -1
        for i in range(m):
            if is_left[i] and (
                best < 0
                or real[LOAD_OF + i] * real[AREA_OF + best]
                < real[LOAD_OF + best] * real[AREA_OF + i]
            ):
                best = i
        is_left[best] = False
        own, area = float(real[LOAD_OF + best]), float(real[AREA_OF + best])
        if own > load:
            return total + area * max(0.0, load) / own
        total += area
        load -= own
    return total

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

MOST_SETS = 32
"""Grids that one window may have."""

FINENESS = float(2**40)
"""Lengths are whole numbers, the window's perimeters together being this many: sums stay exact."""

FOUR_PI = 4.0 * np.pi

MOST_LOADS = 4
"""Loads that may be balanced at once."""

# masks: neighbours and compound of each cell, and who must not share its grid; ground of each
# level, sets closed, best sets; who held what; then the frames
NEAR_OF, TAG_OF, ENEMY_OF, REGION, CLOSED, BEST, HOME = 0, 64, 128, 192, 224, 256, 288
MASK_FRAMES, MASK_STRIDE = 320, 6
SET, OUT, OUT_BEFORE, NEAR, TAGS, OUT_TAGS = 0, 1, 2, 3, 4, 5

# whole: slot in the window and perimeter of each cell; rows of the edges; for each level and cell
# the border to the outside, to the set and to the cells left out; flags; frames; edges
SLOT_OF, PERIMETER_OF, START, ALL_HERE = 0, 64, 128, 200
N_CELLS, N_SETS, N_LOADS, IS_ALIKE, HAS_HOME, IS_FOUND = 232, 233, 234, 235, 236, 237
OUTER_OF, TO_SET, TO_OUT = 240, 2288, 4336
WHOLE_FRAMES, WHOLE_STRIDE = 6384, 9
CELL, LEVEL, STAGE, PERIMETER, OUTER, CUT, MEET, OUT_OUTER, SPLIT = 0, 1, 2, 3, 4, 5, 6, 7, 8
EDGES = WHOLE_FRAMES + WHOLE_STRIDE * (LARGEST + MOST_SETS + 2)

# real: 4 pi area of each cell, cost of moving it, its loads; for each load the limits of each
# grid, the widest limits and the weight of its excess; rules; levels; frames; costs of the edges
AREA_OF, MOVE_OF, LOAD_OF, LOW_OF, HIGH_OF = 0, 64, 128, 384, 512
LOW, HIGH, LOAD_WEIGHT = 640, 644, 648
SHAPE, SPLIT_COST, TOUCHED, RATIO, LOSS, ROOMIEST = 652, 653, 654, 655, 656, 657
LEAST_EXCESS, NEAR_LOAD, NEAR_COST, BEST_EXCESS, BEST_COST = 658, 659, 660, 661, 662
EXCESS_WEIGHT = 663
LEVELS, LEVEL_STRIDE = 664, 9
L_AREA, L_OUTER, L_COST, L_CLAIM, L_EXCESS, L_LOAD = 0, 1, 2, 3, 4, 5
REAL_FRAMES, REAL_STRIDE = LEVELS + LEVEL_STRIDE * MOST_SETS, 12
AREA, OUT_AREA, BORDER, CUT_COST, LOAD, OUT_LOAD = 0, 1, 2, 3, 4, 8
COSTS = REAL_FRAMES + REAL_STRIDE * (LARGEST + MOST_SETS + 2)

# A frame is a set being built: OUTER and OUT_OUTER are how much border of the level's ground the
# set and the cells left out have, CUT how much lies between both, MEET at least how much more
# will, as undecided cells touch both. BORDER is the cost of the set's border if it were closed.
# LOAD, OUT_LOAD and L_LOAD are the first of up to four. RATIO is the least cost of a unit of
# border, LOSS the sum of the negative costs, ROOMIEST the largest area of a lawful set; no
# division has less than LEAST_EXCESS. EXCESS_WEIGHT is the cost of load outside the limits, 0 where
# less of it goes before any cost.


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
    edges: np.ndarray,
    body: np.ndarray,
    window: np.ndarray,
    position: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The buffers for a window of at most 64 cells, the state of the search still empty.

    Parameters
    ----------
    indptr, indices, edges, body : the whole graph, as in `geo.planning.energy`
    window : global numbers
    position : n integers, all -1, and again so afterwards
    """
    m = len(window)
    order = order_from_end(indptr, indices, position, window)
    n_edges, total = 0, 0.0
    for i in range(m):
        position[order[i]] = i
        total += body[order[i], 1]
        n_edges += indptr[order[i] + 1] - indptr[order[i]]
    unit = max(total, 1e-300) / FINENESS
    masks = np.zeros(MASK_FRAMES + MASK_STRIDE * (LARGEST + MOST_SETS + 2), dtype=np.uint64)
    whole = np.zeros(EDGES + 2 * n_edges, dtype=np.int64)
    real = np.zeros(COSTS + n_edges)
    at = 0
    for i in range(m):
        cell = order[i]
        real[AREA_OF + i] = FOUR_PI * body[cell, 0] / (unit * unit)
        whole[PERIMETER_OF + i] = round(body[cell, 1] / unit)
        for load in range(body.shape[1] - 2):
            real[LOAD_OF + LARGEST * load + i] = body[cell, 2 + load]
        for e in range(indptr[cell], indptr[cell + 1]):
            to = position[indices[e]]
            if to >= 0:
                masks[NEAR_OF + i] |= bit(to)
                whole[EDGES + 2 * at] = to
                whole[EDGES + 2 * at + 1] = round(edges[e, 0] / unit)
                real[COSTS + at] = edges[e, 1]
                at += 1
        whole[START + i + 1] = at
    for i in range(m):
        whole[SLOT_OF + position[window[i]]] = i
    for cell in window:
        position[cell] = -1
    whole[N_CELLS] = m
    whole[N_LOADS] = body.shape[1] - 2
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

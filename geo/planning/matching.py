"""Which set of cells becomes which grid: limits, old holders, and what a change of hands costs.

Works on the buffers of `geo.planning.ground`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geo.planning.ground import (
    ALL_HERE,
    CLOSED,
    HAS_HOME,
    HIGH_OF,
    HOME,
    IS_ALIKE,
    LOAD_OF,
    LOW_OF,
    MOVE_OF,
    N_SETS,
    TOUCHED,
)
from geo.planning.masks import NONE, sum_over

MOST_UNLIKE = 5
"""Grids that differ from one another are matched by trying every order: 120 for five."""


@njit(cache=True, nogil=True, error_model="numpy")
def excess_of(real: np.ndarray, load: float, grid: int) -> float:
    """How far the load lies outside the grid's limits."""
    low, high = float(real[LOW_OF + grid]), float(real[HIGH_OF + grid])
    return max(0.0, max(low - load, load - high))  # noqa: PLW3301 - compiles faster


@njit(cache=True, nogil=True, error_model="numpy")
def set_excess(whole: np.ndarray, real: np.ndarray, load: float) -> float:
    """The least excess of a set of this load, as any of the grids."""
    least = excess_of(real, load, 0)
    if not whole[IS_ALIKE]:
        for grid in range(1, whole[N_SETS]):
            least = min(least, excess_of(real, load, grid))
    return least


@njit(cache=True, nogil=True, error_model="numpy")
def claim_of(
    masks: np.ndarray, whole: np.ndarray, real: np.ndarray, cells: np.uint64, grid: int
) -> float:
    """What it costs at least that these cells, and perhaps others, come to that grid."""
    strange = cells & ~masks[HOME + grid]
    cost = sum_over(strange, real, MOVE_OF)
    if strange != NONE or not whole[ALL_HERE + grid]:
        cost += real[TOUCHED]
    return cost


@njit(cache=True, nogil=True, error_model="numpy")
def least_claim(masks: np.ndarray, whole: np.ndarray, real: np.ndarray, cells: np.uint64) -> float:
    """The least of `claim_of` over the grids."""
    least = np.inf
    for grid in range(whole[N_SETS]):
        least = min(least, claim_of(masks, whole, real, cells, grid))
    return least


@njit(cache=True, nogil=True, error_model="numpy")
def least_claim_of_two(
    masks: np.ndarray, whole: np.ndarray, real: np.ndarray, cells: np.uint64, others: np.uint64
) -> float:
    """The least that two parts of different grids cost."""
    least = np.inf
    for grid in range(whole[N_SETS]):
        one = claim_of(masks, whole, real, cells, grid)
        if one >= least:
            continue
        for second in range(whole[N_SETS]):
            if second != grid:
                least = min(least, one + claim_of(masks, whole, real, others, second))
    return least


@njit(cache=True, nogil=True, error_model="numpy")
def match_costs(
    masks: np.ndarray, whole: np.ndarray, real: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Excess and claim of each closed set as each grid, both q x q."""
    n = whole[N_SETS]
    excess, claim = np.zeros((n, n)), np.zeros((n, n))
    for i in range(n):
        cells = masks[CLOSED + i]
        load = sum_over(cells, real, LOAD_OF)
        for grid in range(n):
            excess[i, grid] = excess_of(real, load, grid)
            if whole[HAS_HOME]:
                claim[i, grid] = claim_of(masks, whole, real, cells, grid)
                is_part = cells & masks[HOME + grid] == cells and cells != masks[HOME + grid]
                if is_part and whole[ALL_HERE + grid]:
                    claim[i, grid] += real[TOUCHED]
    return excess, claim


@njit(cache=True, nogil=True, error_model="numpy")
def best_match(
    masks: np.ndarray, whole: np.ndarray, real: np.ndarray, labels: np.ndarray
) -> tuple[float, float]:
    """Give each closed set the grid, in `labels`, of the least excess and then claim; both.

    Every order is tried, by swaps (Heap 1963).
    """
    n = whole[N_SETS]
    excess, claim = match_costs(masks, whole, real)
    order = np.empty(n, dtype=np.int64)
    least_excess, least_claim = 0.0, 0.0
    for i in range(n):
        order[i] = labels[i] = i
        least_excess += excess[i, i]
        least_claim += claim[i, i]
    if whole[IS_ALIKE]:
        return least_excess, least_claim
    count = np.zeros(n, dtype=np.int64)
    i = 1
    while i < n:
        if count[i] == i:
            count[i] = 0
            i += 1
            continue
        j = 0 if i % 2 == 0 else count[i]
        order[i], order[j] = order[j], order[i]
        count[i] += 1
        i = 1
        now_excess, now_claim = 0.0, 0.0
        for k in range(n):
            now_excess += excess[k, order[k]]
            now_claim += claim[k, order[k]]
        near = 1e-12 * (1.0 + least_excess)
        is_equal = abs(now_excess - least_excess) <= near
        if now_excess < least_excess - near or (is_equal and now_claim < least_claim - 1e-12):
            least_excess, least_claim = now_excess, now_claim
            for k in range(n):
                labels[k] = order[k]
    return least_excess, least_claim

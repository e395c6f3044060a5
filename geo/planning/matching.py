"""What holds for whole sets: limits, old holders, what a change of hands costs, who must part.

Works on the buffers of `geo.planning.ground`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geo.planning.energy import STEP_OUTSIDE
from geo.planning.ground import (
    ALL_HERE,
    CLOSED,
    ENEMY_OF,
    EXCESS_WEIGHT,
    HAS_HOME,
    HIGH,
    HIGH_OF,
    HOME,
    IS_ALIKE,
    LOAD_OF,
    LOAD_WEIGHT,
    LOW,
    LOW_OF,
    MOST_SETS,
    MOVE_OF,
    N_LOADS,
    N_SETS,
    NEAR_LOAD,
    TAG_OF,
    TOUCHED,
)
from geo.planning.masks import LARGEST, NONE, ONE, first_of, sum_over

MOST_UNLIKE = 5
"""Grids that differ from one another are matched by trying every order: 120 for five."""


@njit(cache=True, nogil=True, error_model="numpy")
def outside(load: float, low: float, high: float) -> float:
    """How far the load lies outside its limits."""
    return max(0.0, max(low - load, load - high))  # noqa: PLW3301 - compiles faster


@njit(cache=True, nogil=True, error_model="numpy")
def excess_as(whole: np.ndarray, real: np.ndarray, cells: np.uint64, grid: int) -> float:
    """The weighted excess of the cells' loads as that grid."""
    excess = 0.0
    for j in range(whole[N_LOADS]):
        held = sum_over(cells, real, LOAD_OF + LARGEST * j)
        at = MOST_SETS * j + grid
        excess += real[LOAD_WEIGHT + j] * outside(held, real[LOW_OF + at], real[HIGH_OF + at])
    return excess


@njit(cache=True, nogil=True, error_model="numpy")
def least_excess(whole: np.ndarray, real: np.ndarray, loads: int) -> float:
    """The weighted excess that the loads, beginning there, have at least, as any grid."""
    excess = 0.0
    for j in range(whole[N_LOADS]):
        excess += real[LOAD_WEIGHT + j] * outside(real[loads + j], real[LOW + j], real[HIGH + j])
    return excess


@njit(cache=True, nogil=True, error_model="numpy")
def excess_beside(whole: np.ndarray, real: np.ndarray, all_loads: int, loads: int) -> float:
    """The weighted excess of what is left of the first loads without the second."""
    excess = 0.0
    for j in range(whole[N_LOADS]):
        left = real[all_loads + j] - real[loads + j]
        excess += real[LOAD_WEIGHT + j] * outside(left, real[LOW + j], real[HIGH + j])
    return excess


@njit(cache=True, nogil=True, error_model="numpy")
def penalty_of(real: np.ndarray, excess: float) -> float:
    """The cost of a set with that excess, where less of it does not go before any cost."""
    if real[EXCESS_WEIGHT] == 0.0 or excess <= real[NEAR_LOAD]:
        return 0.0
    step = STEP_OUTSIDE * (real[LOW] + real[HIGH]) / 2.0
    penalty: float = real[EXCESS_WEIGHT] * (excess + step)
    return penalty


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
        for grid in range(n):
            excess[i, grid] = excess_as(whole, real, cells, grid)
            if whole[HAS_HOME]:
                claim[i, grid] = claim_of(masks, whole, real, cells, grid)
                is_part = cells & masks[HOME + grid] == cells and cells != masks[HOME + grid]
                if is_part and whole[ALL_HERE + grid]:
                    claim[i, grid] += real[TOUCHED]
                if claim[i, grid] == np.inf:
                    excess[i, grid] = np.inf
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
    now_least, cheapest = 0.0, 0.0
    for i in range(n):
        order[i] = labels[i] = i
        now_least += excess[i, i]
        cheapest += claim[i, i]
    if whole[IS_ALIKE]:
        return now_least, cheapest
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
        near = 1e-12 * (1.0 + now_excess)
        is_equal = abs(now_excess - now_least) <= near
        if now_excess < now_least - near or (is_equal and now_claim < cheapest - 1e-12):
            now_least, cheapest = now_excess, now_claim
            for k in range(n):
                labels[k] = order[k]
    return now_least, cheapest


@njit(cache=True, nogil=True, error_model="numpy")
def has_enemies(masks: np.ndarray, cells: np.uint64) -> bool:
    """Whether two of the cells must not share a grid."""
    left = cells
    while left != NONE:
        if masks[ENEMY_OF + first_of(left)] & cells != NONE:
            return True
        left &= left - ONE
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def tags_of(masks: np.ndarray, cells: np.uint64) -> np.uint64:
    """The union of the cells' tags."""
    found = NONE
    while cells != NONE:
        found |= masks[TAG_OF + first_of(cells)]
        cells &= cells - ONE
    return found

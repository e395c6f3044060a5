"""Compiled sums over square windows, and conditional permutation."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import math

import numpy as np
from numba import njit

from geo.hotspots.counts.lattice import Floats, Indices

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)

_ROUNDING = 1e-14
"""Variance over squared mean below which values are all equal but for rounding."""

_NEAR = 1e-12
"""Sums of standardised values that differ by less are equal (order of adding)."""


@njit(cache=True, nogil=True, error_model="numpy")
def square_window_sums(values: Floats, reach: int) -> Floats:
    """(rows, cols) sum over the cells within `reach` rows and columns: along rows, then columns."""
    rows, cols = values.shape
    across, sums = np.zeros((rows, cols)), np.zeros((rows, cols))
    for row in range(rows):
        for step in range(-reach, reach + 1):
            for col in range(max(0, -step), min(cols, cols - step)):
                across[row, col] += values[row, col + step]
    for row in range(rows):
        for near in range(max(0, row - reach), min(rows, row + reach + 1)):
            for col in range(cols):
                sums[row, col] += across[near, col]
    return sums


@njit(cache=True, nogil=True, error_model="numpy")
def getis_ord_scores(
    x: Floats, lag: Floats, total: Floats, squares: Floats, star: bool
) -> tuple[Floats, Floats, Floats, Floats]:
    """(n,) Gi or Gi*, its expectation, variance and z (Ord & Getis 1995, eqs. 5 and 14).

    lag, total, squares : (n,) each place's weighted sum of values, sum of weights, and of their
    squares. Where values do not vary, or there is no other place, the variance and z are 0.
    """
    n_all = len(x)
    value, expected = np.zeros(n_all), np.zeros(n_all)
    variance, z = np.zeros(n_all), np.zeros(n_all)
    n = n_all if star else n_all - 1
    centre = x.mean() if n_all else 0.0
    one, two = centre * n_all, 0.0
    for i in range(n_all):
        two += (x[i] - centre) ** 2
    for i in range(n_all):
        own = 0.0 if star else x[i]
        rest = one - own
        if rest == 0.0 or n < 2:
            continue
        value[i] = lag[i] / rest
        expected[i] = total[i] / n
        mean = rest / n
        spread = two / n if star else (two - (x[i] - centre) ** 2 * n_all / n) / n
        if spread <= _ROUNDING * mean * mean:
            continue
        free = (n * squares[i] - total[i] * total[i]) / (n - 1)
        variance[i] = free * spread / (rest * rest)
        if variance[i] > 0.0:
            z[i] = (value[i] - expected[i]) / math.sqrt(variance[i])
    return value, expected, variance, z


@njit(cache=True, nogil=True, error_model="numpy")
def neighbour_sums(
    start: Indices, neighbours: Indices, weights: Floats, x: Floats
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """(n,) sum of the neighbours' weighted values, of their weights and of the squares of these.

    Then each place's weight of itself, which is in none of the sums, and its greatest weight.
    """
    n = len(x)
    lag, total, squares = np.zeros(n), np.zeros(n), np.zeros(n)
    own, greatest = np.zeros(n), np.zeros(n)
    for i in range(n):
        for k in range(start[i], start[i + 1]):
            weight = weights[k]
            if neighbours[k] == i:
                own[i] += weight
                continue
            lag[i] += weight * x[neighbours[k]]
            total[i] += weight
            squares[i] += weight * weight
            greatest[i] = max(greatest[i], weight)
    return lag, total, squares, own, greatest


@njit(cache=True, nogil=True, error_model="numpy")
def draw(state: np.uint64) -> np.uint64:
    """A random 64-bit number from a counter (SplitMix64, Steele, Lea & Flood 2014)."""
    mixed = state * _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    found: np.uint64 = mixed ^ (mixed >> np.uint64(31))
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def conditional_extremes(
    z: Floats,
    lag: Floats,
    start: Indices,
    neighbours: Indices,
    weights: Floats,
    permutations: int,
    seed: int,
) -> Indices:
    """(n,) in how many permutations z[i] times the lag is at least what was seen.

    For each place its neighbours' values are drawn without replacement from all other places.
    """
    n = len(z)
    greater = np.zeros(n, np.int64)
    taken = np.full(n, -1, np.int64)
    counter = np.uint64(seed) * np.uint64(0xD1342543DE82EF95)
    trial = 0
    for i in range(n):
        for _ in range(permutations):
            trial += 1
            drawn = 0.0
            for k in range(start[i], start[i + 1]):
                while True:
                    counter += np.uint64(1)
                    high = draw(counter) >> np.uint64(32)
                    other = np.int64(high * np.uint64(n) >> np.uint64(32))
                    if other != i and taken[other] != trial:
                        break
                taken[other] = trial
                drawn += weights[k] * z[other]
            if z[i] * drawn >= z[i] * lag[i] - _NEAR:
                greater[i] += 1
    return greater

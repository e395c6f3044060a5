"""Exact upper tails of the four count models, compiled."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import math

import numpy as np
from numba import njit

from geo.hotspots.counts.lattice import Floats, Indices

BINOMIAL = 0
POISSON = 1
NEGATIVE_BINOMIAL = 2
HYPERGEOMETRIC = 3

_BUFFER = 1024
"""Longest ladder that is walked, counts; beyond it a p-value counts as attained as it stands."""

_SMOOTH_MEAN = 50.0
"""Expected count above which the attainable p-values lie so close that each counts as attained."""

_SMOOTH_RATIO = 8.0
"""Variance over mean above which they do too: each is at least 7/8 of the one before."""

_NEGLIGIBLE = 1e-17
"""Share of a tail below which its further terms are left out."""

_SAME = 1.0 + 1e-9
"""Ratio within which two p-values are one (rounding of sums of expected counts)."""


@njit(cache=True, nogil=True, error_model="numpy")
def log_choose(n: float, k: float) -> float:
    """Logarithm of the binomial coefficient."""
    return math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)


@njit(cache=True, nogil=True, error_model="numpy")
def log_chance(model: int, count: int, expected: float, total: float, other: float) -> float:
    """Logarithm of the chance of that count; see `upper_tails` for the models' numbers."""
    if model == POISSON:
        return -expected + count * math.log(expected) - math.lgamma(count + 1.0)
    if model == NEGATIVE_BINOMIAL:
        size = expected / (other - 1.0)
        rising = math.lgamma(count + size) - math.lgamma(size) - math.lgamma(count + 1.0)
        return rising - size * math.log(other) + count * math.log1p(-1.0 / other)
    if model == HYPERGEOMETRIC:
        drawn = np.rint(expected * other / total)
        return (
            log_choose(total, count)
            + log_choose(other - total, drawn - count)
            - log_choose(other, drawn)
        )
    share = expected / total
    return log_choose(total, count) + count * math.log(share) + (total - count) * math.log1p(-share)


@njit(cache=True, nogil=True, error_model="numpy")
def next_ratio(model: int, count: int, expected: float, total: float, other: float) -> float:
    """Chance of count + 1 over the chance of count."""
    if model == POISSON:
        return expected / (count + 1.0)
    if model == NEGATIVE_BINOMIAL:
        return (count + expected / (other - 1.0)) / (count + 1.0) * (1.0 - 1.0 / other)
    if model == HYPERGEOMETRIC:
        drawn = np.rint(expected * other / total)
        below = (count + 1.0) * (other - total - drawn + count + 1.0)
        ratio: float = (total - count) * (drawn - count) / below
        return ratio
    share = expected / total
    return (total - count) / (count + 1.0) * share / (1.0 - share)


@njit(cache=True, nogil=True, error_model="numpy")
def support(model: int, expected: float, total: float, other: float) -> tuple[float, float]:
    """Least and greatest possible count."""
    if model == BINOMIAL:
        return (total if expected >= total else 0.0), total
    if model == HYPERGEOMETRIC:
        drawn = np.rint(expected * other / total)
        return max(0.0, drawn - (other - total)), min(total, drawn)
    return 0.0, np.inf


@njit(cache=True, nogil=True, error_model="numpy")
def upper_tail(model: int, count: int, expected: float, total: float, other: float) -> float:
    """Chance of that count or more; see `upper_tails`."""
    least, greatest = support(model, expected, total, other)
    if count <= least or expected <= 0.0:
        return 1.0 if count <= least else 0.0
    if count > greatest:
        return 0.0
    is_upper = count > expected
    at = count if is_upper else count - 1
    term = math.exp(log_chance(model, at, expected, total, other))
    tail = 0.0
    while term > tail * _NEGLIGIBLE:
        tail += term
        if is_upper:
            term *= next_ratio(model, at, expected, total, other)
            at += 1
            if at > greatest:
                break
        else:
            at -= 1
            if at < least:
                break
            term /= next_ratio(model, at, expected, total, other)
    return min(1.0, tail) if is_upper else max(0.0, 1.0 - tail)


@njit(cache=True, nogil=True, error_model="numpy")
def upper_tails(
    model: int, counts: Indices, expected: Floats, total: float, other: float
) -> Floats:
    """(n,) chance of each count or more.

    BINOMIAL: `total` trials. POISSON: neither number is read. NEGATIVE_BINOMIAL: `other` =
    variance over mean, > 1. HYPERGEOMETRIC: `total` marked of `other`, of which expected * other /
    total are drawn.
    """
    tails = np.empty(len(counts))
    for k in range(len(counts)):
        tails[k] = upper_tail(model, counts[k], expected[k], total, other)
    return tails


@njit(cache=True, nogil=True, error_model="numpy")
def attained_sums(
    model: int, expected: Floats, times: Floats, total: float, other: float, levels: Floats
) -> Floats:
    """For each level, the sum over tests of the chance of a p-value of at most that level.

    A discrete test has p-values with gaps: that chance is its greatest attainable p-value not
    above the level, which is at most the level itself.

    expected : (n,) of each test; times : (n,) how many tests have it; levels : ascending
    """
    n_levels = len(levels)
    sums = np.zeros(n_levels)
    chances = np.empty(_BUFFER)
    for k in range(len(expected)):
        mean = expected[k]
        if mean > _SMOOTH_MEAN or (model == NEGATIVE_BINOMIAL and other > _SMOOTH_RATIO):
            sums += times[k] * levels
            continue
        least, greatest = support(model, mean, total, other)
        first = int(max(least, np.floor(mean)))
        term = math.exp(log_chance(model, first, mean, total, other)) if mean > 0.0 else 0.0
        n_steps, at = 0, first
        while n_steps < _BUFFER and at <= greatest and term > levels[0] * 1e-6:
            chances[n_steps] = term
            term *= next_ratio(model, at, mean, total, other)
            n_steps += 1
            at += 1
        if n_steps == _BUFFER:
            sums += times[k] * levels
            continue
        tail, attained, level = 0.0, 0.0, 0
        for step in range(n_steps - 1, -1, -1):
            tail += chances[step]
            while level < n_levels and tail > levels[level] * _SAME:
                sums[level] += times[k] * attained
                level += 1
            attained = tail
        while level < n_levels:
            sums[level] += times[k] * levels[level]
            level += 1
    return sums

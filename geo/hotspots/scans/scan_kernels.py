"""What the scans run compiled: random draws, likelihood ratios, the best window of each centre.

Windows stand in flat arrays: centre i owns the elements first[i] to first[i + 1], nearest first;
`neighbour` names the location that an element adds, `reach` is the expected number of cases once it
is added, or infinite where no window may end (inside a ring of equal distances).
"""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from geo.hotspots.counts.lattice import Floats, Indices

Counts = npt.NDArray[np.int32]
Unsigned = npt.NDArray[np.uint32]
Words = npt.NDArray[np.uint64]

LEVEL_STEP = 0.5
"""Spacing of the levels of the log likelihood ratio that windows are skipped by, nats."""

N_LEVELS = 40
"""Levels of that ladder: it ends at 20 nats, which maps without clusters hardly ever reach."""

MAX_COLUMNS = 20_000
"""Counts of cases that the ladder knows; windows with more are always evaluated."""


@njit(cache=True, nogil=True, error_model="numpy")
def random_bits(state: Words) -> Any:
    """The next 64 bits of SplitMix64 (Steele, Lea and Flood 2014); moves `state` on."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True, error_model="numpy")
def ratio(cases: int, expected: float, total: int, is_high: bool) -> float:
    """Log likelihood ratio of a window (Kulldorff 1997, eq. 5); 0 on the side not looked for."""
    if (cases <= expected) if is_high else (cases >= expected):
        return 0.0
    value = 0.0
    if cases > 0:
        value += cases * math.log(cases / expected)
    if cases < total:
        value += (total - cases) * math.log((total - cases) / (total - expected))
    return value


@njit(cache=True, nogil=True, error_model="numpy")
def level_limits(total: int, min_cases: int, is_high: bool, step: float, limits: Floats) -> None:
    """Fills limits[j, c]: the largest `reach` at which c cases come up to a ratio of j * step.

    The ratio is convex in the expected number and falls (rises, for low rates) towards its root,
    so Newton's method from the root of one case fewer (more) never oversteps. The last column
    stands for every larger count and lets all pass. Low rates have their reach negated.
    """
    n_levels, n_columns = limits.shape
    for level in range(n_levels):
        root = 1e-300 if is_high else total * (1.0 - 1e-12)
        for column in range(n_columns):
            cases = column if is_high else n_columns - 1 - column
            limits[level, cases] = -math.inf
            if cases == n_columns - 1 and cases < total:
                limits[level, cases] = math.inf
                continue
            if (cases < max(min_cases, 1)) if is_high else (cases == total):
                continue
            root = max(root, cases * 1e-12) if is_high else root
            if level == 0:
                limits[level, cases] = cases if is_high else -cases
                continue
            for _ in range(60):
                value = (cases * math.log(cases / root) if cases > 0 else 0.0) - level * step
                slope = -cases / root
                if cases < total:
                    value += (total - cases) * math.log((total - cases) / (total - root))
                    slope += (total - cases) / (total - root)
                if abs(value) < 1e-9 or slope == 0.0:
                    break
                root -= value / slope
            limits[level, cases] = root * (1.0 + 1e-9) if is_high else -root * (1.0 - 1e-9)


@njit(cache=True, nogil=True, error_model="numpy")
def alias_table(weights: Floats, keep: Words, other: Counts) -> None:
    """Fills Walker's alias table (Vose 1991): slot i is kept below keep[i] of 2^32, else other[i].

    A weight of 0 is never drawn.
    """
    n = len(weights)
    scaled = weights * (n / weights.sum())
    small = np.empty(n, np.int64)
    large = np.empty(n, np.int64)
    n_small, n_large, heaviest = 0, 0, 0
    for i in range(n):
        if weights[i] > weights[heaviest]:
            heaviest = i
        if scaled[i] < 1.0:
            small[n_small] = i
            n_small += 1
        else:
            large[n_large] = i
            n_large += 1
    while n_small > 0:
        n_small -= 1
        i = small[n_small]
        j = large[n_large - 1] if n_large > 0 else heaviest
        keep[i] = np.uint64(scaled[i] * 4294967296.0)
        other[i] = j
        if n_large > 0:
            scaled[j] -= 1.0 - scaled[i]
            if scaled[j] < 1.0:
                n_large -= 1
                small[n_small] = j
                n_small += 1
    for k in range(n_large):
        keep[large[k]] = np.uint64(4294967296)
        other[large[k]] = large[k]


@njit(cache=True, nogil=True, error_model="numpy")
def draw_cases(state: Words, total: int, keep: Words, other: Counts, counts: Counts) -> None:
    """Fills `counts` with `total` cases, each at a location drawn from the alias table."""
    n = np.uint64(len(keep))
    low = np.uint64(0xFFFFFFFF)
    counts[:] = 0
    for _ in range(total):
        bits = random_bits(state)
        slot = ((bits >> np.uint64(32)) * n) >> np.uint64(32)
        place = np.int64(slot)
        if (bits & low) >= keep[place]:
            place = np.int64(other[place])
        counts[place] += 1


@njit(cache=True, nogil=True, error_model="numpy")
def best_windows(
    first: Indices,
    neighbour: Counts,
    reach: Floats,
    counts: Counts,
    total: int,
    min_cases: int,
    is_high: bool,
    ratios: Floats,
    ends: Indices,
    inside: Indices,
) -> None:
    """Fills, for each centre, its largest ratio, the element that window ends at and its cases."""
    for i in range(len(first) - 1):
        cases = 0
        for k in range(first[i], first[i + 1]):
            cases += counts[neighbour[k]]
            if reach[k] == math.inf or (is_high and cases < min_cases):
                continue
            value = ratio(cases, abs(reach[k]), total, is_high)
            if value > ratios[i]:
                ratios[i], ends[i], inside[i] = value, k, cases


@njit(cache=True, nogil=True, error_model="numpy")
def replicate_maxima(
    first: Indices,
    neighbour: Unsigned,
    reach: Floats,
    limits: Floats,
    keep: Words,
    other: Counts,
    total: int,
    seed: int,
    step: float,
    is_high: bool,
    maxima: Floats,
) -> None:
    """Fills the largest ratio of each replicate, `total` cases drawn at the risk of all.

    Exact: a window is evaluated unless its count and reach cannot come up to the ladder's level
    below the largest ratio found so far. Indices are unsigned, which spares a test for negative
    ones in the innermost loop.
    """
    state = np.array([np.uint64(seed)], dtype=np.uint64)
    counts = np.zeros(len(keep), np.int32)
    n_columns = limits.shape[1]
    last, top = limits.shape[0] - 1, np.int32(n_columns - 1)
    ladder = limits.ravel()
    for r in range(len(maxima)):
        draw_cases(state, total, keep, other, counts)
        largest, row = 0.0, np.uint64(0)
        for i in range(len(first) - 1):
            cases = np.int32(0)
            for k in range(np.uint64(first[i]), np.uint64(first[i + 1])):
                cases += counts[neighbour[k]]
                if reach[k] <= ladder[row + np.uint64(np.uint32(min(cases, top)))]:
                    value = ratio(cases, abs(reach[k]), total, is_high)
                    if value > largest:
                        largest = value
                        row = np.uint64(min(int(largest / step), last) * n_columns)
        maxima[r] = max(maxima[r], largest)

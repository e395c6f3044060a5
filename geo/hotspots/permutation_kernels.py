"""What the space-time permutation scan runs compiled: the days dealt anew, the best window."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from geo.hotspots.lattice import Floats, Indices
from geo.hotspots.scan_kernels import Counts, Words, random_bits, ratio

_DE_BRUIJN = np.uint64(0x03F79D71B4CB0A89)
_POSITIONS = np.zeros(64, np.int64)
_POSITIONS[[((1 << i) * 0x03F79D71B4CB0A89 % 2**64) >> 58 for i in range(64)]] = np.arange(64)


@njit(cache=True, nogil=True, error_model="numpy")
def alive_windows(
    first: Indices,
    neighbour: Counts,
    n_within: Floats,
    first_case: Indices,
    age: Counts,
    n_since: Counts,
    min_cases: int,
    ratios: Floats,
    ends: Indices,
    lengths: Indices,
) -> None:
    """Fills each centre's best window that lives today: ratio, last element, length in days.

    `n_within` (elements): cases of the whole period in the circle, infinite where none may end;
    location j owns cases first_case[j] to first_case[j + 1], of that `age` in days (1 = today),
    0 where older than the longest window; `n_since[k]`: cases of the last k days anywhere.
    """
    total, n_days = first_case[-1], len(n_since) - 1
    for i in range(len(first) - 1):
        inside = np.zeros(n_days + 1, np.int64)
        for k in range(first[i], first[i + 1]):
            place = neighbour[k]
            for case in range(first_case[place], first_case[place + 1]):
                for length in range(age[case], n_days + 1) if age[case] > 0 else range(0):
                    inside[length] += 1
            if n_within[k] == math.inf:
                continue
            for length in range(1, n_days + 1):
                if inside[length] >= min_cases:
                    expected = n_within[k] * n_since[length] / total
                    value = ratio(inside[length], expected, total, True)
                    if value > ratios[i]:
                        ratios[i], ends[i], lengths[i] = value, k, length


@njit(cache=True, nogil=True, error_model="numpy")
def lowest_bit(marks: Any) -> int:
    """Position of the lowest bit set, 0 to 63 (de Bruijn; Leiserson, Prokop and Randall 1998)."""
    lone = marks & (~marks + np.uint64(1))
    position: int = _POSITIONS[np.int64((lone * _DE_BRUIJN) >> np.uint64(58))]
    return position


@njit(cache=True, nogil=True, error_model="numpy")
def deal_days(state: Words, dealt: Indices, n_recent: int) -> None:
    """Puts a fresh random choice of cases, in random order, at the start of `dealt`."""
    for a in range(n_recent):
        left = np.uint64(len(dealt) - a)
        b = a + np.int64(((random_bits(state) >> np.uint64(32)) * left) >> np.uint64(32))
        dealt[a], dealt[b] = dealt[b], dealt[a]


@njit(cache=True, nogil=True, error_model="numpy")
def mark(
    place: int,
    seen_first: Indices,
    seen_centre: Counts,
    seen_rank: Counts,
    first_word: Indices,
    words: Words,
) -> None:
    """Sets the place's bit in the set of every centre whose circles may hold it."""
    for s in range(seen_first[place], seen_first[place + 1]):
        rank = seen_rank[s]
        words[first_word[seen_centre[s]] + (rank >> 6)] |= np.uint64(1) << np.uint64(rank & 63)


@njit(cache=True, nogil=True, error_model="numpy")
def best_length(
    n_within: float,
    youngest: int,
    so_far: int,
    of_age: Indices,
    n_since: Counts,
    total: int,
    ladder: Floats,
    row: int,
    top: int,
) -> float:
    """The largest ratio of a circle over the lengths from `youngest` on; 0 where the ladder's row
    shows that none comes up to it.

    `of_age`: marked cases in the circle by age in days, `so_far` in all. Lengths end where even
    all marks together would stay below the row.
    """
    share, largest = n_within / total, 0.0
    if share * n_since[youngest] > ladder[row + min(so_far, top)]:
        return largest
    inside = 0
    for length in range(1, youngest):
        inside += of_age[length]
    for length in range(youngest, len(n_since)):
        expected = share * n_since[length]
        inside += of_age[length]
        if expected > ladder[row + min(so_far, top)]:
            break
        if of_age[length] > 0 and expected <= ladder[row + min(inside, top)]:
            expected = n_within * n_since[length] / total
            largest = max(largest, ratio(inside, expected, total, True))
    return largest


@njit(cache=True, nogil=True, error_model="numpy")
def permuted_maxima(
    first: Indices,
    neighbour: Counts,
    n_within: Floats,
    seen_first: Indices,
    seen_centre: Counts,
    seen_rank: Counts,
    location: Counts,
    recent_age: Counts,
    n_since: Counts,
    limits: Floats,
    step: float,
    seed: int,
    maxima: Floats,
) -> None:
    """Fills the largest ratio of each replicate: the days dealt anew among the cases.

    Only the cases that get a recent day matter. Each marks its rank in a bit set of every centre
    whose circles may hold it (`seen_`: location -> centres and ranks); a centre then walks its
    marks in order of distance. `n_within[k]` here counts up to the end of the element's ring, so
    that every value is one of a real window or below one. Exact: windows are skipped only where
    the ladder `limits` shows that they stay below the largest ratio found so far.
    """
    n_centres = len(first) - 1
    first_word = np.zeros(n_centres + 1, np.int64)
    for i in range(n_centres):
        first_word[i + 1] = first_word[i] + (first[i + 1] - first[i] + 63) // 64
    words = np.zeros(first_word[n_centres], np.uint64)
    state = np.array([np.uint64(seed)], dtype=np.uint64)
    dealt, head = np.arange(len(location)), np.full(n_centres, -1, np.int64)
    following = np.zeros(len(recent_age), np.int64)
    of_age = np.zeros(len(n_since), np.int64)
    ladder, top, n = limits.ravel(), limits.shape[1] - 1, len(location)
    for r in range(len(maxima)):
        deal_days(state, dealt, len(recent_age))
        for a in range(len(recent_age)):
            place = location[dealt[a]]
            if head[place] < 0:
                mark(place, seen_first, seen_centre, seen_rank, first_word, words)
            following[a], head[place] = head[place], a
        largest, row = 0.0, 0
        for i in range(n_centres):
            so_far = 0
            of_age[:] = 0
            for word in range(first_word[i], first_word[i + 1]):
                marks, words[word] = words[word], 0
                while marks != 0:
                    k = first[i] + ((word - first_word[i]) << 6) + lowest_bit(marks)
                    marks &= marks - np.uint64(1)
                    a, youngest = head[neighbour[k]], len(n_since)
                    while a >= 0:
                        youngest = min(youngest, recent_age[a])
                        of_age[recent_age[a]] += 1
                        so_far += 1
                        a = following[a]
                    value = best_length(
                        n_within[k], youngest, so_far, of_age, n_since, n, ladder, row, top
                    )
                    if value > largest:
                        largest = value
                        row = min(int(largest / step), limits.shape[0] - 1) * limits.shape[1]
        for a in range(len(recent_age)):
            head[location[dealt[a]]] = -1
        maxima[r] = largest

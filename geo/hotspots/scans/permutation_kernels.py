"""What the space-time permutation scan runs compiled: the days dealt anew, the best window."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from geo.hotspots.counts.lattice import Bools, Floats, Indices
from geo.hotspots.scans.scan_kernels import Counts, Words, random_bits, ratio

Bytes = npt.NDArray[np.uint8]

SEVERAL = 255
"""Byte of a place with more than one recent case; ages in days stay below."""

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
        inside, is_fresh = np.zeros(n_days + 1, np.int64), False
        for k in range(first[i], first[i + 1]):
            place = neighbour[k]
            for case in range(first_case[place], first_case[place + 1]):
                if age[case] > 0:
                    is_fresh = True
                    inside[age[case] :] += 1
            if n_within[k] == math.inf or not is_fresh:
                continue
            is_fresh = False
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
def length_classes(n_days: int) -> Indices:
    """First length of each class of lengths, days, then n_days + 1; classes grow by a quarter."""
    starts = [1]
    while starts[-1] <= n_days:
        starts.append(min(max(starts[-1] + 1, int(starts[-1] * 1.25)), n_days + 1))
    return np.array(starts)


@njit(cache=True, nogil=True, error_model="numpy")
def best_length(
    n_within: float,
    youngest: int,
    is_open: Bools,
    of_age: Indices,
    n_since: Counts,
    total: int,
    ladder: Floats,
) -> float:
    """The largest ratio of a circle over the lengths from `youngest` on; 0 where the ladder shows
    that none comes up to its level.

    `of_age`: recent cases in the circle by age; `is_open`: lengths to be looked at.
    """
    largest, inside, top = 0.0, 0, len(ladder) - 1
    for length in range(1, len(n_since)):
        inside += of_age[length]
        if length >= youngest and of_age[length] > 0 and is_open[length]:
            expected = n_within * n_since[length] / total
            if expected <= ladder[min(inside, top)]:
                largest = max(largest, ratio(inside, expected, total, True))
    return largest


@njit(cache=True, nogil=True, error_model="numpy")
def put_ages(
    recent: Indices,
    recent_age: Counts,
    location: Counts,
    seen_first: Indices,
    seen_at: Counts,
    seen_block: Counts,
    class_of: Indices,
    head: Indices,
    following: Indices,
    ages: Bytes,
    table: npt.NDArray[np.signedinteger[Any]],
) -> None:
    """Writes the age of each recent case into its byte at every centre that may see its place.

    A place with several recent cases gets `SEVERAL`, and its cases hang on `head`. `table`
    (blocks, classes) counts the cases by block of ranks and class of ages.
    """
    for a in range(len(recent)):
        place, group = location[recent[a]], class_of[recent_age[a]]
        age = np.uint8(recent_age[a]) if head[place] < 0 else np.uint8(SEVERAL)
        following[a], head[place] = head[place], a
        for s in range(seen_first[place], seen_first[place + 1]):
            ages[seen_at[s]] = age
            table[seen_block[s], group] += 1


@njit(cache=True, nogil=True, error_model="numpy")
def open_blocks(
    first_block: int,
    table: npt.NDArray[np.signedinteger[Any]],
    n_least: Floats,
    n_needed: Floats,
    starts: Indices,
    up_to: Indices,
    is_open: Bools,
) -> int:
    """The last block of a centre's ranks that may hold the end of a window above the level, or -1;
    fills is_open[block, length] where one of that length may end there.

    A window that ends in a block and has a length of a class holds no more recent cases than all
    up to the block's end and the class's last length, and no fewer cases of the whole period than
    `n_least` of the block; `n_needed` (classes, counts): the most at which that count comes up to
    the level at the class's first length. Empties the centre's part of the table.
    """
    found, top = -1, n_needed.shape[1] - 1
    up_to[:] = 0
    for block in range(len(is_open)):
        inside = 0
        for group in range(len(up_to)):
            up_to[group] += table[first_block + block, group]
            table[first_block + block, group] = 0
            inside += up_to[group]
            is_possible = n_least[first_block + block] <= n_needed[group, min(inside, top)]
            if is_possible or found >= 0:
                if found < 0:
                    is_open[:] = False
                for length in range(starts[group], starts[group + 1]):
                    is_open[block, length] = is_possible
                if is_possible:
                    found = block
                    is_open[block, 0] = True
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def walk(
    begin: int,
    end: int,
    words: Words,
    block_of: Indices,
    is_open: Bools,
    neighbour: Counts,
    n_within: Floats,
    head: Indices,
    following: Indices,
    recent_age: Counts,
    of_age: Indices,
    n_since: Counts,
    total: int,
    ladder: Floats,
) -> float:
    """The largest ratio of a centre's windows that end in its words from `begin` to `end`; 0 where
    none comes up to the ladder's level."""
    lowest, largest = np.uint64(0xFF), 0.0
    of_age[:] = 0
    for word in range(begin, end):
        marks = words[word]
        while marks != 0:
            slot = np.uint64(lowest_bit(marks)) & ~np.uint64(7)
            age, a = np.int64((marks >> slot) & lowest), np.int64(-1)
            marks &= ~(lowest << slot)
            k = word * 8 + np.int64(slot // np.uint64(8))
            if age == SEVERAL:
                a = head[neighbour[k]]
                age = np.int64(recent_age[a])
            of_age[age] += 1
            while a >= 0 and following[a] >= 0:
                a = following[a]
                of_age[recent_age[a]] += 1
                age = min(age, np.int64(recent_age[a]))
            block = block_of[k - begin * 8]
            if is_open[block, 0]:
                value = best_length(
                    n_within[k], int(age), is_open[block], of_age, n_since, total, ladder
                )
                largest = max(largest, value)
    return largest


@njit(cache=True, nogil=True, error_model="numpy")
def permuted_maxima(
    neighbour: Counts,
    n_within: Floats,
    first_word: Indices,
    seen_first: Indices,
    seen_at: Counts,
    seen_block: Counts,
    block_of: Indices,
    n_least: Floats,
    table: npt.NDArray[np.signedinteger[Any]],
    location: Counts,
    recent_age: Counts,
    n_since: Counts,
    limits: Floats,
    step: float,
    seed: int,
    maxima: Floats,
) -> None:
    """Fills the largest ratio of each replicate: the days dealt anew among the cases.

    Only cases that get a recent day matter. Elements stand padded to words of eight: centre i owns
    words first_word[i] to first_word[i + 1], and each element a byte, the age of a recent case
    there; `seen_at` (location -> bytes) says where a location's age goes, `seen_block` in which of
    the centres' blocks of ranks it lies (`block_of` a rank). `n_within` counts up to the end of the
    element's ring, so that every value is one of a real window or below one; `n_least` (blocks) is
    its least in a block. `table` (blocks, classes of lengths) comes empty. Exact: centres and
    windows are skipped only where the ladder `limits` shows that they stay below the largest ratio
    found so far.
    """
    ages = np.zeros(8 * first_word[-1], np.uint8)
    words, total = ages.view(np.uint64), len(location)
    state = np.array([np.uint64(seed)], dtype=np.uint64)
    dealt, head = np.arange(total), np.full(len(seen_first) - 1, -1, np.int64)
    following, of_age = np.zeros(len(recent_age), np.int64), np.zeros(len(n_since), np.int64)
    starts = length_classes(len(n_since) - 1)
    class_of, up_to = np.zeros(len(n_since), np.int64), np.zeros(len(starts) - 1, np.int64)
    for group in range(len(up_to)):
        class_of[starts[group] : starts[group + 1]] = group
    is_open = np.zeros((block_of[-1] + 1, len(n_since)), np.bool_)
    n_needed = np.zeros((len(up_to), limits.shape[1]))
    for r in range(len(maxima)):
        deal_days(state, dealt, len(recent_age))
        recent = dealt[: len(recent_age)]
        put_ages(
            recent,
            recent_age,
            location,
            seen_first,
            seen_at,
            seen_block,
            class_of,
            head,
            following,
            ages,
            table,
        )
        largest, level = 0.0, -1
        for i in range(len(first_word) - 1):
            wanted = min(int(largest / step), limits.shape[0] - 1)
            if wanted > level:
                level = wanted
                for group in range(len(up_to)):
                    n_needed[group] = limits[level] * (total / max(n_since[starts[group]], 1))
            block = open_blocks(i * len(is_open), table, n_least, n_needed, starts, up_to, is_open)
            if block >= 0:
                value = walk(
                    first_word[i],
                    first_word[i + 1],
                    words,
                    block_of,
                    is_open,
                    neighbour,
                    n_within,
                    head,
                    following,
                    recent_age,
                    of_age,
                    n_since,
                    total,
                    limits[level],
                )
                largest = max(largest, value)
        words[:] = np.uint64(0)
        head[location[recent]] = -1
        maxima[r] = largest

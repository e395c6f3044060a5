"""The compiled part of cleaning: ordered arrays in, one code a fix out."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]

DUPLICATE, CLOCK_BACK, SAME_TIME, JUMP, DRIFT = 7, 8, 9, 10, 11
"""Positions in `cleaning.REASONS`."""

_PART_S = 1500.0
"""A silence from which a clock may have jumped, seconds: well below an hour."""

_SLACK_M = 20.0
"""Noise between two fixes of one place, metres."""

_PASSES = 5
"""Times that single spikes are looked for; each pass takes one fix of a run of bad ones."""

_STRANDS = 4
"""Phones that are told apart under one code, at most."""

_APART_M = 40.0
"""Phones nearer to each other than this, besides what they move, are not told apart, metres: twice
four times the noise of a phone of 5 m."""

_LEAST_S = 2.5
"""Steps shorter than this are judged as if they took it, seconds: at one fix a second noise alone
leaps by more than a person moves."""

_LEAST_SHARE, _LEAST_TURNS = 0.15, 10
"""A second phone has this share of the fixes, and reports in turn with the other this often."""

_DRIFT_M, _DRIFT_MPS, _DRIFT_S, _REST_M, _REST_N = 25.0, 3.0, 120.0, 12.0, 4
"""Drift of a standing phone: it leaves its place by a step above 25 m and 3 m/s (no walk), comes
back so within 120 s, and the 4 fixes before and after keep within 12 m of their middle."""


@njit(cache=True, nogil=True, error_model="numpy")
def hour_jumps(x: Floats, y: Floats, t: Floats, bounds: Indices, speed: float) -> Indices:
    """Hours to add to each fix: parts that fit on to their neighbour but for whole hours.

    Two parts of a patrol with a long silence between are tried both ways round. Where a whole
    number of hours (1 to 12) closes them to within three sampling steps, in time and in place, the
    one with fewer fixes is moved.
    """
    hours = np.zeros(len(t), np.int64)
    for p in range(len(bounds) - 1):
        start, end = bounds[p], bounds[p + 1]
        a0 = start
        i = start + 1
        while i < end:
            if t[i] - t[i - 1] < _PART_S:
                i += 1
                continue
            b1 = i + 1
            while b1 < end and t[b1] - t[b1 - 1] < _PART_S:
                b1 += 1
            k = _hours_between(x, y, t, i - 1, i, speed, a0, b1)
            if k == 0:
                k = -_hours_between(x, y, t, b1 - 1, a0, speed, a0, b1)
            if k != 0:
                if b1 - i <= i - a0:
                    hours[i:b1] -= k
                else:
                    hours[a0:i] += k
            a0, i = i, b1
    return hours


@njit(cache=True, nogil=True, error_model="numpy")
def _hours_between(
    x: Floats, y: Floats, t: Floats, last: int, first: int, speed: float, a0: int, b1: int
) -> int:
    """Hours that `first` lies too late after `last` (negative: too early); 0 where none fit."""
    if b1 - a0 < 6:
        return 0
    step = (t[b1 - 1] - t[a0] - _largest(t, a0, b1)) / max(b1 - a0 - 2, 1)
    step = min(max(step, 1.0), 60.0)
    gap = t[first] - t[last]
    k = math.floor(gap / 3600.0) if gap > 0 else -math.ceil(-gap / 3600.0)
    rest = gap - 3600.0 * k
    if k == 0 or abs(k) > 12 or rest <= 0.0 or rest > 3.0 * step:
        return 0
    if math.hypot(x[first] - x[last], y[first] - y[last]) > speed * rest + _SLACK_M:
        return 0
    return int(k)


@njit(cache=True, nogil=True, error_model="numpy")
def _largest(t: Floats, start: int, end: int) -> float:
    most = 0.0
    for i in range(start + 1, end):
        most = max(most, t[i] - t[i - 1])
    return most


@njit(cache=True, nogil=True, error_model="numpy")
def judge_ordered(
    x: Floats, y: Floats, t: Floats, sequence: Floats, bounds: Indices, speed: float
) -> tuple[Codes, Codes]:
    """Code and strand (0 the first phone) of fixes ordered by patrol, time and place."""
    code, strand = np.zeros(len(t), np.int8), np.zeros(len(t), np.int8)
    for p in range(len(bounds) - 1):
        a, b = bounds[p], bounds[p + 1]
        for i in range(a + 1, b):
            if t[i] == t[i - 1] and x[i] == x[i - 1] and y[i] == y[i - 1]:
                code[i] = DUPLICATE
        _backwards(t, sequence, code, a, b)
        n_strands = _strands(x, y, t, code, strand, a, b, speed)
        for s in range(n_strands):
            kept = np.empty(b - a, np.int64)
            n = 0
            for i in range(a, b):
                if code[i] == 0 and strand[i] == s:
                    kept[n] = i
                    n += 1
            n = _one_place_a_time(x, y, t, code, kept[:n])
            for _ in range(_PASSES):
                before = n
                n = _spikes(x, y, t, code, kept[:n], speed)
                if n == before:
                    break
            _drift(x, y, t, code, kept[:n])
    return code, strand


@njit(cache=True, nogil=True, error_model="numpy")
def _backwards(t: Floats, sequence: Floats, code: Codes, a: int, b: int) -> None:
    """Leaves out the fewest fixes so that time runs forward along the phone's own count."""
    if len(sequence) == 0:
        return
    rows = np.empty(b - a, np.int64)
    n = 0
    is_run = True
    for i in range(a, b):
        if code[i] == 0 and not math.isnan(sequence[i]):
            is_run = is_run and (n == 0 or sequence[i] >= sequence[rows[n - 1]])
            rows[n] = i
            n += 1
    if is_run:
        return
    rows = rows[:n][np.argsort(sequence[rows[:n]], kind="mergesort")]
    tail, before = np.empty(n, np.int64), np.empty(n, np.int64)
    length = 0
    for j in range(n):
        low, high = 0, length
        while low < high:
            middle = (low + high) // 2
            if t[rows[tail[middle]]] <= t[rows[j]]:
                low = middle + 1
            else:
                high = middle
        before[j] = tail[low - 1] if low > 0 else -1
        tail[low] = j
        length = max(length, low + 1)
    for j in range(n):
        code[rows[j]] = CLOCK_BACK
    j = tail[length - 1]
    while j >= 0:
        code[rows[j]] = 0
        j = before[j]


@njit(cache=True, nogil=True, error_model="numpy")
def _strands(
    x: Floats, y: Floats, t: Floats, code: Codes, strand: Codes, a: int, b: int, speed: float
) -> int:
    """Number of phones under one code; `strand` says which, where there are two or more.

    Each fix goes on with the nearest phone that can have come so far; where none can, another is
    begun. What is not a phone of its own (few fixes, not in turn with others) stays with the first.
    """
    last = np.full(_STRANDS, -1, np.int64)
    count, turns = np.zeros(_STRANDS, np.int64), np.zeros(_STRANDS, np.int64)
    n_strands, before, n = 0, -1, 0
    for i in range(a, b):
        if code[i] != 0:
            continue
        nearest, least = -1, np.inf
        for s in range(n_strands):
            away = math.hypot(x[i] - x[last[s]], y[i] - y[last[s]])
            reach = speed * (t[i] - t[last[s]]) + _APART_M
            if away < least and (away <= reach or (n_strands == _STRANDS and nearest < 0)):
                nearest, least = s, away
        if nearest < 0:
            if n_strands == _STRANDS:
                nearest = 0
            else:
                nearest = n_strands
                n_strands += 1
        strand[i], last[nearest] = nearest, i
        count[nearest] += 1
        if before >= 0 and before != nearest:
            turns[nearest] += 1
        before = nearest
        n += 1
    name = np.zeros(_STRANDS, np.int8)
    n_named = 0
    for s in range(n_strands):
        is_own = count[s] >= _LEAST_SHARE * n and turns[s] >= _LEAST_TURNS
        if is_own:
            name[s] = n_named
            n_named += 1
    for i in range(a, b):
        strand[i] = name[strand[i]] if n_named > 1 else 0
    return max(n_named, 1)


@njit(cache=True, nogil=True, error_model="numpy")
def _one_place_a_time(x: Floats, y: Floats, t: Floats, code: Codes, kept: Indices) -> int:
    """Of fixes at one instant the one nearest to the fix before stays; the number that stay."""
    n, i = 0, 0
    while i < len(kept):
        j, best, least = i, kept[i], np.inf
        while j < len(kept) and t[kept[j]] == t[kept[i]]:
            row = kept[j]
            away = math.hypot(x[row] - x[kept[n - 1]], y[row] - y[kept[n - 1]]) if n > 0 else 0.0
            if away < least:
                best, least = row, away
            code[row] = SAME_TIME
            j += 1
        code[best] = 0
        kept[n] = best
        n += 1
        i = j
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _spikes(x: Floats, y: Floats, t: Floats, code: Codes, kept: Indices, speed: float) -> int:
    """Leaves out single fixes reached and left too fast; the number that stay, first in `kept`."""
    n, was_spike = min(len(kept), 1), False
    left = kept[0] if len(kept) else 0
    for i in range(1, len(kept)):
        row = kept[i]
        is_spike = False
        if i + 1 < len(kept):
            after = kept[i + 1]
            is_spike = (
                _is_faster(x, y, t, left, row, speed)
                and _is_faster(x, y, t, row, after, speed)
                and not _is_faster(x, y, t, left, after, speed)
            )
        left = row
        if is_spike and not was_spike:
            code[row] = JUMP
            was_spike = True
            continue
        was_spike = is_spike
        kept[n] = row
        n += 1
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _is_faster(x: Floats, y: Floats, t: Floats, i: int, j: int, speed: float) -> bool:
    reach = speed * max(t[j] - t[i], _LEAST_S)
    return bool(math.hypot(x[j] - x[i], y[j] - y[i]) > reach)


@njit(cache=True, nogil=True, error_model="numpy")
def _drift(x: Floats, y: Floats, t: Floats, code: Codes, kept: Indices) -> None:
    """Leaves out excursions of a phone that stands before and after (see `_DRIFT_M`)."""
    i = _REST_N - 1
    while i + _REST_N < len(kept):
        row, out = kept[i], kept[i + 1]
        if not _is_leap(x, y, t, row, out):
            i += 1
            continue
        cx, cy = _rest(x, y, kept, i - _REST_N + 1)
        back = -1
        if not math.isnan(cx):
            for j in range(i + 2, len(kept) - _REST_N + 1):
                if t[kept[j]] - t[row] > _DRIFT_S:
                    break
                if math.hypot(x[kept[j]] - cx, y[kept[j]] - cy) <= 2.0 * _REST_M and _is_leap(
                    x, y, t, kept[j - 1], kept[j]
                ):
                    back = j
                    break
        if back > 0:
            bx, by = _rest(x, y, kept, back)
            if not math.isnan(bx) and math.hypot(bx - cx, by - cy) <= _REST_M:
                for j in range(i + 1, back):
                    code[kept[j]] = DRIFT
                i = back
                continue
        i += 1


@njit(cache=True, nogil=True, error_model="numpy")
def _is_leap(x: Floats, y: Floats, t: Floats, i: int, j: int) -> bool:
    away = math.hypot(x[j] - x[i], y[j] - y[i])
    return bool(away > _DRIFT_M and away > _DRIFT_MPS * (t[j] - t[i]))


@njit(cache=True, nogil=True, error_model="numpy")
def _rest(x: Floats, y: Floats, kept: Indices, start: int) -> tuple[float, float]:
    """Middle of the `_REST_N` fixes from `start`, NaN where they do not rest in one place."""
    cx, cy = 0.0, 0.0
    for k in range(start, start + _REST_N):
        cx += x[kept[k]] / _REST_N
        cy += y[kept[k]] / _REST_N
    for k in range(start, start + _REST_N):
        if math.hypot(x[kept[k]] - cx, y[kept[k]] - cy) > _REST_M:
            return np.nan, np.nan
    return cx, cy

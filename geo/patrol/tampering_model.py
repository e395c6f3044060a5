"""The compiled part of the tampering signs: ordered arrays in, runs and pairs out."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

_LAG_S = 5.0
"""Steps whose regularity is judged are at least this long, seconds."""

_SAME_M, _SAME_SHARE, _MOVING_MPS = 0.25, 0.01, 0.4
"""A step is regular when it goes on as the one before to 0.25 m, or its length is the same to 1%;
steps slower than 0.4 m/s are not judged: a phone that stands may well freeze."""

_SHORT_S, _CAR_MPS = 15.0, 20.0
"""A pause in which nobody gets into a car, seconds, and the speed of one in town, metres a second:
for longer pauses a step that a car explains is no teleport."""

_WINDOW_S = 60.0
"""Time over which a vehicle's speed is taken, seconds."""

_LEAST_STEP_M = 2.0
"""Only steps of this length can tell a copied path, metres."""

_MOST_IN_GROUP = 64
"""Fixes of one key that are compared with each other, at most."""


@njit(cache=True, nogil=True, error_model="numpy")
def _reach_m(took_s: float, speed: float) -> float:
    """How far a patrol comes in that time: in a longer pause a car may have taken it."""
    longer = max(took_s - _SHORT_S, 0.0)
    return float(speed * (took_s - longer) + max(_CAR_MPS, speed) * longer)


@njit(cache=True, nogil=True, error_model="numpy")
def teleports(
    x: Floats,
    y: Floats,
    t: Floats,
    bounds: Indices,
    speed: float,
    lasting_m: float,
    single_m: float,
) -> Indices:
    """Positions further from the fix before than `_reach_m` and `lasting_m`.

    Of a single fix off and back the step out counts only above `single_m`, the step back never.
    """
    found = []
    for p in range(len(bounds) - 1):
        a, b = bounds[p], bounds[p + 1]
        was_single = False
        for i in range(a + 1, b):
            excess = math.hypot(x[i] - x[i - 1], y[i] - y[i - 1])
            excess -= _reach_m(t[i] - t[i - 1], speed)
            if excess <= lasting_m or was_single:
                was_single = False
                continue
            is_single = False
            if i + 1 < b:
                out = math.hypot(x[i + 1] - x[i], y[i + 1] - y[i])
                out -= _reach_m(t[i + 1] - t[i], speed)
                across = math.hypot(x[i + 1] - x[i - 1], y[i + 1] - y[i - 1])
                is_single = out > lasting_m and across <= _reach_m(t[i + 1] - t[i - 1], speed)
            if not is_single or excess > single_m:
                found.append(i)
            was_single = is_single
    return np.array(found, np.int64)


@njit(cache=True, nogil=True, error_model="numpy")
def regular_steps(x: Floats, y: Floats, t: Floats, bounds: Indices) -> tuple[Indices, Indices]:
    """(steps judged, steps that are regular) of each track; see `_SAME_M`."""
    n_tracks = len(bounds) - 1
    judged, regular = np.zeros(n_tracks, np.int64), np.zeros(n_tracks, np.int64)
    for p in range(n_tracks):
        before, here = -1, bounds[p]
        for i in range(bounds[p] + 1, bounds[p + 1]):
            dt = t[i] - t[here]
            if dt < _LAG_S:
                continue
            if before >= 0:
                dt0 = t[here] - t[before]
                dx0, dy0 = (x[here] - x[before]) / dt0, (y[here] - y[before]) / dt0
                dx, dy = (x[i] - x[here]) / dt, (y[i] - y[here]) / dt
                v0, v = math.hypot(dx0, dy0), math.hypot(dx, dy)
                if v0 >= _MOVING_MPS and v >= _MOVING_MPS:
                    judged[p] += 1
                    off = math.hypot(dx - dx0, dy - dy0) * dt
                    if off <= _SAME_M or abs(v - v0) <= _SAME_SHARE * v0:
                        regular[p] += 1
            before, here = here, i
    return judged, regular


@njit(cache=True, nogil=True, error_model="numpy")
def fast_runs(
    x: Floats,
    y: Floats,
    t: Floats,
    bounds: Indices,
    speed: float,
    gap_s: float,
    least_s: float,
    jumps: Indices,
) -> tuple[Indices, Indices, Indices]:
    """(track, first, last) of stretches driven: each minute of them faster than `speed`.

    Net movement over a minute counts, which noise hardly changes; silences and `jumps` end it.
    """
    is_cut = np.zeros(len(x) + 1, np.bool_)
    for j in jumps:
        is_cut[j] = True
    track, first, last = [], [], []
    for p in range(len(bounds) - 1):
        a, b = bounds[p], bounds[p + 1]
        run_first, run_last, j, clear = -1, -1, a, a
        for i in range(a, b):
            j = max(j, i)
            clear = max(clear, i)
            while j < b - 1 and t[j] - t[i] < _WINDOW_S:
                j += 1
                if is_cut[j] or t[j] - t[j - 1] > gap_s:
                    clear = j
            if t[j] - t[i] < _WINDOW_S:
                break
            if clear > i:
                continue
            if math.hypot(x[j] - x[i], y[j] - y[i]) <= speed * (t[j] - t[i]):
                continue
            if run_first >= 0 and i > run_last:
                if t[run_last] - t[run_first] >= least_s:
                    track.append(p)
                    first.append(run_first)
                    last.append(run_last)
                run_first = -1
            if run_first < 0:
                run_first = i
            run_last = j
        if run_first >= 0 and t[run_last] - t[run_first] >= least_s:
            track.append(p)
            first.append(run_first)
            last.append(run_last)
    return np.array(track, np.int64), np.array(first, np.int64), np.array(last, np.int64)


@njit(cache=True, nogil=True, error_model="numpy")
def path_keys(
    x: Floats, y: Floats, owner: Indices, side_m: float, is_placed: bool
) -> tuple[Indices, Indices]:
    """(key, position) of steps: the squares of both ends, or the step and the one after it.

    Only where the steps move by `_LEAST_STEP_M` within one track.
    """
    keys, rows = np.empty(len(x), np.int64), np.empty(len(x), np.int64)
    n = 0
    for i in range(len(x) - 2):
        if owner[i + 2] != owner[i]:
            continue
        dx, dy = x[i + 1] - x[i], y[i + 1] - y[i]
        ex, ey = x[i + 2] - x[i + 1], y[i + 2] - y[i + 1]
        if math.hypot(dx, dy) < _LEAST_STEP_M or math.hypot(ex, ey) < _LEAST_STEP_M:
            continue
        key = np.int64(17)
        values = (x[i], y[i], x[i + 1], y[i + 1]) if is_placed else (dx, dy, ex, ey)
        for value in values:
            key = key * np.int64(1_000_003) + np.int64(math.floor(value / side_m + 0.5))
        keys[n], rows[n] = key, i
        n += 1
    return keys[:n], rows[:n]


@njit(cache=True, nogil=True, error_model="numpy")
def votes(
    keys: Indices, rows: Indices, order: Indices, t: Floats, owner: Indices
) -> tuple[Indices, Indices]:
    """(pair of tracks, seconds between them) of every two fixes of one key in two tracks."""
    n_tracks = owner[-1] + 1 if len(owner) else 1
    pairs, shifts = [], []
    start = 0
    for end in range(1, len(order) + 1):
        if end < len(order) and keys[order[end]] == keys[order[start]]:
            continue
        stop = min(end, start + _MOST_IN_GROUP)
        for i in range(start, stop):
            for j in range(i + 1, stop):
                r, s = rows[order[i]], rows[order[j]]
                if owner[r] == owner[s]:
                    continue
                if owner[r] > owner[s]:
                    r, s = s, r
                pairs.append(owner[r] * n_tracks + owner[s])
                shifts.append(np.int64(math.floor(t[s] - t[r] + 0.5)))
        start = end
    return np.array(pairs, np.int64), np.array(shifts, np.int64)


@njit(cache=True, nogil=True, error_model="numpy")
def same_steps(
    x: Floats,
    y: Floats,
    t: Floats,
    bounds: Indices,
    left: int,
    right: int,
    shift_s: float,
    away_m: float,
    is_placed: bool,
) -> tuple[int, float, int, int, float]:
    """(fixes alike, metres alike, first, last of `left`, share) of two tracks, `right` later.

    The share is that of fixes alike among those that could be, from the first to the last.

    Alike: where they are (`is_placed`), or their steps, to `away_m`; both moving.
    """
    n, metres, first, last, able, able_then = 0, 0.0, -1, -1, 0, 0
    j = bounds[right] + 1
    for i in range(bounds[left] + 1, bounds[left + 1]):
        while j < bounds[right + 1] - 1 and t[j] < t[i] + shift_s - 1.0:
            j += 1
        if j >= bounds[right + 1] or abs(t[j] - t[i] - shift_s) > 1.0:
            continue
        step = math.hypot(x[i] - x[i - 1], y[i] - y[i - 1])
        if step < _LEAST_STEP_M:
            continue
        able += 1 if first >= 0 else 0
        off_x, off_y = x[j] - x[i], y[j] - y[i]
        if not is_placed:
            off_x -= x[j - 1] - x[i - 1]
            off_y -= y[j - 1] - y[i - 1]
        if math.hypot(off_x, off_y) > away_m:
            continue
        n += 1
        metres += step
        if first < 0:
            first, able = i, 1
        last, able_then = i, able
    return n, metres, first, last, n / max(able_then, 1)

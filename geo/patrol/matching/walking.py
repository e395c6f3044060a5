"""Sampled walks that explain a track: forward over network states, backward by samples; compiled.

Hidden Markov model. A state is a cell of the network and a direction, or off the network. A fix is
the place plus a GPS error that is first-order autoregressive, so that given two successive states
the error of a fix has mean rho * (error before) and variance sigma^2 (1 - rho^2): the dependence is
exact and needs no larger state. Forward filtering, backward sampling (Carter and Kohn 1994).
"""

# ruff: noqa: PLR0912, PLR0915, PLR0917 - compiled kernels take flat arrays, by position

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]
Masks = npt.NDArray[np.uint64]

SAMPLES = 64
"""Walks sampled a patrol: one bit each of a word."""

OFF = -1
"""State of a walker away from the network."""

# Positions in the array of parameters of `explain`.
SPEED, SPREAD, HALT, RESUME, LEAVE, BACK, KEEP, SIGMA, TAU, CELL, STEP = range(11)
N_PARAMS = 11

EXP_STEP = 32.0
EXP_MOST = 24.0
EXP_TABLE = np.exp(-np.arange(int(EXP_STEP * EXP_MOST) + 2) / EXP_STEP)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _decay(value: float, table: Floats) -> float:
    """exp(-value) by a table, to 2e-4; 0 beyond its end."""
    if not value < EXP_MOST:
        return 0.0
    scaled = value * EXP_STEP
    k = int(scaled)
    return float(table[k] + (scaled - k) * (table[k + 1] - table[k]))


@njit(cache=True, nogil=True, error_model="numpy")
def near_cells(
    x: float,
    y: float,
    reach: float,
    cx: Floats,
    cy: Floats,
    square_start: Indices,
    squares: Ints,
    lattice: Floats,
    found: Ints,
) -> int:
    """Number of cells within reach of (x, y), written to `found` as far as it has room."""
    west, south, side, n_cols, n_rows = lattice
    n = 0
    low = max(math.floor((x - reach - west) / side), 0.0)
    high = min(math.floor((x + reach - west) / side), n_cols - 1.0)
    bottom = max(math.floor((y - reach - south) / side), 0.0)
    top = min(math.floor((y + reach - south) / side), n_rows - 1.0)
    if not (low <= high and bottom <= top):
        return 0
    for row in range(int(bottom), int(top) + 1):
        begin = square_start[row * int(n_cols) + int(low)]
        stop = square_start[row * int(n_cols) + int(high) + 1]
        for k in range(begin, stop):
            c = squares[k]
            dx, dy = cx[c] - x, cy[c] - y
            if dx * dx + dy * dy <= reach * reach and n < len(found):
                found[n] = c
                n += 1
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _place(
    fx: float, fy: float, weight: float, sigma: float, cx: Floats, cy: Floats, length: Floats,
    square_start: Indices, squares: Ints, lattice: Floats, found: Ints, mass: Floats,
    table: Floats,
) -> int:  # fmt: skip
    """Number of cells that the fix may lie at; `mass` shares `weight` among them, each way half."""
    reach = max(3.5 * sigma, 15.0)
    n = near_cells(fx, fy, reach, cx, cy, square_start, squares, lattice, found)
    total = 0.0
    for k in range(n):
        dx, dy = fx - cx[found[k]], fy - cy[found[k]]
        mass[k] = length[found[k]] * _decay((dx * dx + dy * dy) / (2 * sigma * sigma), table)
        total += mass[k]
    # Far from every street the sum is small against one sigma of a street: hardly any weight.
    scale = weight / max(total, sigma)
    for k in range(n):
        mass[k] *= 0.5 * scale
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _advance(
    begin: int, end: int, n_arcs: int, fix: Floats, before: Floats, dt: float, free: float,
    p: Floats, pace: Floats, spread2: float,
    cx: Floats, cy: Floats, length: Floats, start: Indices, target: Ints, quarters: Ints,
    gain: Floats32, square_start: Indices, squares: Ints, lattice: Floats,
    state: Ints, going: Floats, standing: Floats, mx: Floats32, my: Floats32, head: Ints,
    stood: Ints, arc_from: Ints, arc_row: Ints, arc_weight: Floats32, arc_next: Ints,
    slot: Ints, found: Ints, mass: Floats, table: Floats,
) -> tuple[int, int]:  # fmt: skip
    """States after one step from pool rows begin:end, and arcs to them; (rows, arcs) in use.

    `going` and `standing` are a state's weights on the move and standing; scaled to add up to 1, or
    0 where nothing explains the fix. `fix` x, y or NaN in silence; `free` variance of an error that
    was not seen before. Off is always the first new row. `stood` is the row stood at before.
    """
    is_seen = not math.isnan(fix[0])
    rho = math.exp(-dt / p[TAU])
    blur = p[CELL] * p[CELL] / 12.0
    q = p[SIGMA] * p[SIGMA] * (1.0 - rho * rho) + rho * rho * (free + blur) + blur
    half_q = 0.5 / q
    stray, scale = 1.0, 1.0
    if is_seen:
        scale = 1.0 / (2.0 * math.pi * q)
        s2 = spread2 + 2.0 * q
        jump2 = (fix[0] - before[0]) ** 2 + (fix[1] - before[1]) ** 2
        far2 = 64.0 * dt * dt + 400.0
        stray = 0.98 * _decay(jump2 / (2 * s2), table) / (2 * math.pi * s2)
        stray += 0.02 * _decay(jump2 / (2 * far2), table) / (2 * math.pi * far2)
    halt, resume = 1.0 - math.exp(-dt * p[HALT]), 1.0 - math.exp(-dt * p[RESUME])
    most_pace = 0.0
    for k in range(len(pace)):
        most_pace = max(most_pace, pace[k])
    most_pace = max(most_pace * p[CELL], 0.05)
    off, n, best = end, end + 1, 0.0
    state[off], going[off], standing[off], head[off], stood[off] = OFF, 0.0, 0.0, -1, -1
    mx[off], my[off] = 0.0, 0.0
    heaviest = begin
    for a in range(begin, end):
        if going[a] + standing[a] > going[heaviest] + standing[heaviest]:
            heaviest = a
    for nth in range(begin - 1, end):  # the heaviest first: what is far below it is passed over
        a = heaviest if nth < begin else nth
        if nth == heaviest:
            continue
        weight = going[a] + standing[a]
        source = state[a]
        w = weight * (p[LEAVE] if source >= 0 else 1.0 - p[BACK]) * stray
        if w > 1e-6 * best:
            going[off] += w
            arc_from[n_arcs], arc_row[n_arcs], arc_weight[n_arcs] = a, -1, w
            arc_next[n_arcs], head[off] = head[off], n_arcs
            n_arcs += 1
        if source < 0:
            if weight < 1e-3 or not is_seen:
                continue
            m = _place(fix[0], fix[1], weight * p[BACK] * stray, p[SIGMA], cx, cy, length,
                       square_start, squares, lattice, found, mass, table)  # fmt: skip
            for k in range(m):
                for way in range(2):
                    s = 2 * found[k] + way
                    if slot[s] < 0:
                        slot[s], state[n], going[n], standing[n] = n, s, 0.0, 0.0
                        head[n], stood[n] = -1, -1
                        n += 1
                    b = slot[s]
                    going[b] += mass[k]
                    best = max(best, going[b])
                    arc_from[n_arcs], arc_row[n_arcs], arc_weight[n_arcs] = a, -1, mass[k]
                    arc_next[n_arcs], head[b] = head[b], n_arcs
                    n_arcs += 1
            continue
        cutoff = 0.03 * p[KEEP] * best
        ex, ey = fix[0] - rho * mx[a], fix[1] - rho * my[a]
        w = going[a] * halt + standing[a] * (1.0 - resume)
        if is_seen:
            dx, dy = ex - cx[source >> 1], ey - cy[source >> 1]
            w *= scale * _decay((dx * dx + dy * dy) * half_q, table)
        if w > cutoff and w > 0.0:
            b = slot[source]
            if b < 0:
                b = n
                slot[source], state[n], going[n], standing[n] = n, source, 0.0, 0.0
                head[n], stood[n] = -1, -1
                n += 1
            standing[b], stood[b] = w, a
            best = max(best, w)
        moving = (going[a] * (1.0 - halt) + standing[a] * resume) * scale
        if moving * most_pace <= cutoff:
            continue
        first = start[source]
        for row in range(first, start[source + 1]):
            s = target[row]
            c = s >> 1
            if row == first + 1:
                w = moving * gain[row]  # turned round on the way
            else:
                if quarters[row] >= len(pace):
                    break
                w = moving * gain[row] * pace[quarters[row]]
            if w <= cutoff:
                continue
            if is_seen:
                dx, dy = ex - cx[c], ey - cy[c]
                w *= _decay((dx * dx + dy * dy) * half_q, table)
                if w <= cutoff or w <= 0.0:
                    continue
            b = slot[s]
            if b < 0:
                b = n
                slot[s], state[n], going[n], standing[n] = n, s, 0.0, 0.0
                head[n], stood[n] = -1, -1
                n += 1
            going[b] += w
            if going[b] > best:
                best = going[b]
                cutoff = 0.03 * p[KEEP] * best
            arc_from[n_arcs], arc_row[n_arcs], arc_weight[n_arcs] = a, row, w
            arc_next[n_arcs], head[b] = head[b], n_arcs
            n_arcs += 1
    best = max(best, going[off])
    kept, total = off + 1, going[off]
    for b in range(off + 1, n):
        slot[state[b]] = -1
        if going[b] + standing[b] < p[KEEP] * best:
            continue
        state[kept], going[kept], standing[kept] = state[b], going[b], standing[b]
        head[kept], stood[kept] = head[b], stood[b]
        if is_seen:
            c = state[b] >> 1
            mx[kept], my[kept] = fix[0] - cx[c], fix[1] - cy[c]
        else:
            sx, sy, k = 0.0, 0.0, head[b]
            if stood[b] >= 0:
                sx, sy = standing[b] * mx[stood[b]], standing[b] * my[stood[b]]
            while k >= 0:
                sx += arc_weight[k] * mx[arc_from[k]]
                sy += arc_weight[k] * my[arc_from[k]]
                k = arc_next[k]
            one = rho / (going[b] + standing[b])
            mx[kept], my[kept] = one * sx, one * sy
        total += going[kept] + standing[kept]
        kept += 1
    if total > 0.0:
        for b in range(off, kept):
            going[b] /= total
            standing[b] /= total
        # Arc weights are compared within one target only, they need no scaling.
    return kept, n_arcs


@njit(cache=True, nogil=True, error_model="numpy")
def _pace(dt: float, p: Floats, pace: Floats) -> None:
    """Chance a metre of each step length, in quarters of a metre, for one stretch of time."""
    mean, sd = p[SPEED] * dt, math.sqrt((p[SPREAD] * dt) ** 2 + p[CELL] * p[CELL] / 12.0)
    for k in range(len(pace)):
        z = (0.25 * k - mean) / sd
        pace[k] = math.exp(-0.5 * z * z) / (sd * math.sqrt(2 * math.pi))


@njit(cache=True, nogil=True)
def _random(seed: Masks) -> np.uint64:
    """The next 64 random bits (splitmix64; Steele et al. 2014)."""
    seed[0] += np.uint64(0x9E3779B97F4A7C15)
    z = seed[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.uint64 = z ^ (z >> np.uint64(31))
    return mixed


@njit(cache=True, nogil=True)
def _unit(seed: Masks) -> float:
    return float(_random(seed) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@njit(cache=True, nogil=True)
def count_bits(mask: np.uint64) -> int:
    n = 0
    while mask:
        mask &= mask - np.uint64(1)
        n += 1
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _divide(
    mask: np.uint64, first: int, weights: Floats32, following: Ints, seed: Masks, given: Masks
) -> None:
    """Deals the samples of the mask to the arcs chained from `first` by weight, into `given`.

    Systematic draws, dealt in a random order so that no sample keeps to first arcs.
    """
    total, k = 0.0, first
    while k >= 0:
        given[k] = np.uint64(0)
        total += weights[k]
        k = following[k]
    if following[first] < 0:
        given[first] = mask
        return
    n = count_bits(mask)
    step = total / n
    reach = _unit(seed) * step
    bits = _random(seed)
    odd, shift = (bits >> np.uint64(8)) | np.uint64(1), bits & np.uint64(63)
    k, so_far = first, weights[first]
    for i in range(SAMPLES):
        bit = np.uint64(1) << ((odd * np.uint64(i) + shift) & np.uint64(63))
        if not mask & bit:
            continue
        while reach > so_far and following[k] >= 0:
            k = following[k]
            so_far += weights[k]
        given[k] |= bit
        reach += step


@njit(cache=True, nogil=True, error_model="numpy")
def _split(mask: np.uint64, share: float, seed: Masks) -> np.uint64:
    """About that share of the samples of the mask, chosen at random."""
    n = count_bits(mask)
    wanted = int(share * n + _unit(seed))
    if wanted >= n:
        return mask
    chosen = np.uint64(0)
    if wanted <= 0:
        return chosen
    bits = _random(seed)
    odd, shift = (bits >> np.uint64(8)) | np.uint64(1), bits & np.uint64(63)
    for i in range(SAMPLES):
        bit = np.uint64(1) << ((odd * np.uint64(i) + shift) & np.uint64(63))
        if mask & bit:
            chosen |= bit
            wanted -= 1
            if wanted == 0:
                break
    return chosen

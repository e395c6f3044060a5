"""Whole patrols explained: chains of fixes, their sampled walks, what these passed; compiled."""

# ruff: noqa: PLR0912, PLR0915, PLR0917 - compiled kernels take flat arrays, by position

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from geo.patrol.matching.walking import (
    CELL,
    HALT,
    OFF,
    RESUME,
    SAMPLES,
    SIGMA,
    SPEED,
    SPREAD,
    STEP,
    TAU,
    _advance,
    _divide,
    _pace,
    _place,
    _split,
    count_bits,
)

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]
Masks = npt.NDArray[np.uint64]

PASSED_OVER = -2
"""Cell of a fix that came too soon after the one before to tell anything."""

CHAIN_TICKS = 2048
"""Longest chain kept at once; a longer track starts anew there, so that memory stays bounded."""

# Columns of the sums that the noise is estimated from, a row a patrol.
S00, S01, S11, PAIRS, PAIR_S, LENGTH, MOVED_M, MOVED_S, MOVED_M2, ON_S = range(10)
WALK_S, HALTS, STAND_S, RESUMES, N_SUMS = range(10, 15)


@njit(cache=True, nogil=True)
def _touch(c: int, mask: np.uint64, visited: Masks, touched: Ints, n_touched: int) -> int:
    """Marks a cell as passed by the samples of the mask; number of cells touched so far."""
    if not visited[c]:
        touched[n_touched] = c
        n_touched += 1
    visited[c] |= mask
    return n_touched


@njit(cache=True, nogil=True, error_model="numpy")
def _recall(
    n_ticks: int, tick_row: Indices, tick_fix: Indices, tick_dt: Floats, tick_free: Floats,
    p: Floats, random: Masks, state: Ints, going: Floats, standing: Floats, walks: Masks,
    stands: Masks, mx: Floats32, my: Floats32, head: Ints, stood: Ints, arc_from: Ints,
    arc_row: Ints, arc_weight: Floats32, arc_next: Ints, given: Masks, target: Ints,
    step_m: Floats32, parent: Ints, visited: Masks, spent: Floats32, touched: Ints, n_touched: int,
    cell_of: Ints, sums: Floats,
) -> int:  # fmt: skip
    """Samples a chain's walks from its end; marks cells; number of cells touched so far."""
    walks[: tick_row[n_ticks]] = np.uint64(0)
    stands[: tick_row[n_ticks]] = np.uint64(0)
    begin, end = tick_row[n_ticks - 1], tick_row[n_ticks]
    weight = (going[begin:end] + standing[begin:end]).astype(np.float32)
    chained = np.append(np.arange(1, end - begin), -1).astype(np.int32)
    dealt = np.zeros(end - begin, np.uint64)
    _divide(~np.uint64(0), 0, weight, chained, random, dealt)
    for k in range(end - begin):
        b = begin + k
        if dealt[k]:
            walks[b] = _split(dealt[k], going[b] / (going[b] + standing[b]), random)
            stands[b] = dealt[k] & ~walks[b]
    for tick in range(n_ticks - 1, -1, -1):
        i, dt = tick_fix[tick], tick_dt[tick]
        most = 0
        halt, resume = 1.0 - math.exp(-dt * p[HALT]), 1.0 - math.exp(-dt * p[RESUME])
        is_pair = i >= 0 and tick_free[tick] == 0.0
        for b in range(tick_row[tick], tick_row[tick + 1]):
            mask = walks[b] | stands[b]
            if not mask:
                continue
            n = count_bits(mask)
            if i >= 0 and n > most:
                most, cell_of[i] = n, state[b] >> 1 if state[b] >= 0 else OFF
            if state[b] >= 0:
                n_touched = _touch(state[b] >> 1, mask, visited, touched, n_touched)
                spent[state[b] >> 1] += n * dt / SAMPLES
                sums[ON_S] += n * dt / SAMPLES
            if tick == 0:
                continue
            if stands[b]:
                mask, a = stands[b], stood[b]
                part = count_bits(mask) / SAMPLES
                halting, staying = going[a] * halt, standing[a] * (1.0 - resume)
                halted = _split(mask, halting / (halting + staying), random)
                walks[a] |= halted
                stands[a] |= mask & ~halted
                k = count_bits(halted)
                sums[HALTS] += k / SAMPLES
                sums[WALK_S] += k * dt / SAMPLES
                sums[STAND_S] += part * dt - k * dt / SAMPLES
                if is_pair:
                    _add_pair(part, dt, mx[a], my[a], mx[b], my[b], sums)
            if not walks[b]:
                continue
            _divide(walks[b], head[b], arc_weight, arc_next, random, given)
            k = head[b]
            while k >= 0:
                mask, a, row = given[k], arc_from[k], arc_row[k]
                k = arc_next[k]
                if not mask:
                    continue
                moving, rising = going[a] * (1.0 - halt), standing[a] * resume
                if row < 0:
                    moving, rising = going[a], standing[a]
                walked = mask
                if rising > 0.0:
                    walked = _split(mask, moving / (moving + rising), random)
                walks[a] |= walked
                stands[a] |= mask & ~walked
                if row < 0:
                    continue
                part, went = count_bits(mask) / SAMPLES, count_bits(walked) / SAMPLES
                sums[LENGTH] += part * step_m[row]
                if is_pair:
                    _add_pair(part, dt, mx[a], my[a], mx[b], my[b], sums)
                sums[MOVED_M] += part * step_m[row]
                sums[MOVED_S] += part * dt
                sums[MOVED_M2] += part * step_m[row] ** 2 / dt
                sums[WALK_S] += went * dt
                sums[STAND_S] += (part - went) * dt
                sums[RESUMES] += part - went
                row = parent[row]
                while row >= 0:
                    n_touched = _touch(target[row] >> 1, mask, visited, touched, n_touched)
                    row = parent[row]
    return n_touched


@njit(cache=True, nogil=True)
def _add_pair(
    part: float, dt: float, ax: float, ay: float, bx: float, by: float, sums: Floats
) -> None:
    """Adds the errors of two fixes in a row to the sums of the noise."""
    sums[S00] += part * (ax * ax + ay * ay)
    sums[S01] += part * (ax * bx + ay * by)
    sums[S11] += part * (bx * bx + by * by)
    sums[PAIRS] += part
    sums[PAIR_S] += part * dt


@njit(cache=True, nogil=True, error_model="numpy")
def _collect(
    touched: Ints, visited: Masks, spent: Floats32, piece: Ints, length: Floats,
    piece_first: Indices, out_piece: Ints, out_walks: Masks, out_share: Floats32, out_s: Floats32,
    n_out: int, votes: Floats,
) -> int:  # fmt: skip
    """Writes one row a piece of the cells touched, and clears these; number of rows so far."""
    for c in touched:
        if not visited[c]:
            continue
        j = piece[c]
        votes[:] = 0.0
        total, seconds = 0.0, 0.0
        for other in range(piece_first[j], piece_first[j + 1]):
            total += length[other]
            seconds += spent[other]
            mask = visited[other]
            visited[other], spent[other] = np.uint64(0), 0.0
            if not mask:
                continue
            for s in range(SAMPLES):
                if (mask >> np.uint64(s)) & np.uint64(1):
                    votes[s] += length[other]
        walks, walked = np.uint64(0), 0.0
        for s in range(SAMPLES):
            walked += votes[s]
            if votes[s] >= 0.499 * total:
                walks |= np.uint64(1) << np.uint64(s)
        out_piece[n_out], out_walks[n_out] = j, walks
        out_share[n_out], out_s[n_out] = walked / (SAMPLES * total), seconds
        n_out += 1
    return n_out


@njit(cache=True, nogil=True, error_model="numpy")
def explain(
    bounds: Indices, x: Floats, y: Floats, second: Floats, params: Floats, gap_s: float,
    seeds: Masks, cx: Floats, cy: Floats, length: Floats, piece: Ints, start: Indices, target: Ints,
    step_m: Floats32, quarters: Ints, gain: Floats32, parent: Ints,
    square_start: Indices, squares: Ints, lattice: Floats, table: Floats, piece_first: Indices,
) -> tuple[Indices, Ints, Masks, Floats32, Floats32, Ints, Floats]:  # fmt: skip
    """What each patrol's sampled walks passed.

    Parameters
    ----------
    bounds : patrol k has fixes bounds[k]:bounds[k + 1], times ascending
    params : (patrols, 11) as named in `walking`
    seeds : of the patrols' random numbers
    piece_first : cells of piece j are piece_first[j]:piece_first[j + 1]

    Returns
    -------
    found_bounds (patrols + 1), piece, walks (bit s: sample s walked half of it or more), share
    walked and seconds spent on it (means over the samples), cell of each fix (-1 off), sums
    """
    n_cells, n_patrols = len(cx), len(bounds) - 1
    slot = np.full(2 * n_cells, -1, np.int32)
    found, mass = np.empty(4096, np.int32), np.empty(4096)
    visited, spent = np.zeros(n_cells, np.uint64), np.zeros(n_cells, np.float32)
    touched = np.empty(n_cells, np.int32)
    room_s, room_a = 1 << 14, 1 << 16
    state, head = np.empty(room_s, np.int32), np.empty(room_s, np.int32)
    stood = np.empty(room_s, np.int32)
    going, standing = np.empty(room_s), np.empty(room_s)
    walks, stands = np.zeros(room_s, np.uint64), np.zeros(room_s, np.uint64)
    mx, my = np.empty(room_s, np.float32), np.empty(room_s, np.float32)
    arc_from, arc_row = np.empty(room_a, np.int32), np.empty(room_a, np.int32)
    arc_next, arc_weight = np.empty(room_a, np.int32), np.empty(room_a, np.float32)
    given = np.zeros(room_a, np.uint64)
    tick_row, tick_fix = np.empty(CHAIN_TICKS + 2, np.int64), np.empty(CHAIN_TICKS + 2, np.int64)
    tick_dt, tick_free = np.empty(CHAIN_TICKS + 2), np.empty(CHAIN_TICKS + 2)
    cell_of = np.full(len(x), PASSED_OVER, np.int32)
    sums = np.zeros((n_patrols, N_SUMS))
    out_bounds = np.zeros(n_patrols + 1, np.int64)
    room_o = 1024
    out_piece, out_walks = np.empty(room_o, np.int32), np.empty(room_o, np.uint64)
    out_share, out_s = np.empty(room_o, np.float32), np.empty(room_o, np.float32)
    n_out = 0
    random = np.zeros(1, np.uint64)
    fix, before = np.empty(2), np.empty(2)
    pace = np.empty(0)
    votes = np.zeros(SAMPLES)
    for patrol in range(n_patrols):
        p = params[patrol]
        random[0] = seeds[patrol]
        n_touched = 0
        i, stop = bounds[patrol], bounds[patrol + 1]
        pace_dt = -1.0
        while i < stop:
            # One chain from fix i on.
            m = _place(x[i], y[i], 1.0, p[SIGMA], cx, cy, length, square_start, squares, lattice,
                       found, mass, table)  # fmt: skip
            if 4 * m + 2 > room_s:
                state, head = np.append(state, state), np.append(head, head)
                going, standing = np.append(going, going), np.append(standing, standing)
                walks, stands = np.append(walks, walks), np.append(stands, stands)
                stood = np.append(stood, stood)
                mx, my, room_s = np.append(mx, mx), np.append(my, my), 2 * room_s
            state[0], going[0], standing[0], head[0], stood[0] = OFF, 0.0, 0.0, -1, -1
            mx[0], my[0] = 0.0, 0.0
            n, total = 1, 0.0
            for k in range(m):
                total += 2.0 * mass[k]
            going[0] = max(1.0 - total, 0.02)
            for k in range(m):
                for way in range(2):
                    if mass[k] > 1e-5 * total:
                        state[n], stood[n] = 2 * found[k] + way, -1
                        going[n], standing[n], head[n] = 0.5 * mass[k], 0.5 * mass[k], -1
                        mx[n], my[n] = x[i] - cx[found[k]], y[i] - cy[found[k]]
                        n += 1
            tick_row[0], tick_row[1], tick_fix[0], tick_dt[0], tick_free[0] = 0, n, i, 0.0, 0.0
            n_ticks, n_arcs, last, free = 1, 0, i, 0.0
            j = i + 1
            is_cut = False
            while j < stop and not is_cut:
                wait = second[j] - second[last]
                if wait > gap_s or n_ticks >= CHAIN_TICKS - 1:
                    break
                if wait < 0.7 * p[STEP] and j + 1 < stop and second[j + 1] - second[last] <= gap_s:
                    j += 1
                    continue
                n_parts = max(math.ceil(wait / (1.6 * p[STEP])), 1)
                dt = max(wait / n_parts, 1e-3)
                if n_ticks + n_parts >= CHAIN_TICKS:
                    break
                if abs(dt - pace_dt) > 1e-3:
                    pace_dt = dt
                    longest = (p[SPEED] + 3.0 * p[SPREAD]) * dt + 1.5 * p[CELL]
                    pace = np.empty(int(4.0 * longest) + 2)
                    _pace(dt, p, pace)
                for part in range(n_parts):
                    begin, end = tick_row[n_ticks - 1], tick_row[n_ticks]
                    bound_a = n_arcs + 16384
                    for a in range(begin, end):
                        if state[a] >= 0:
                            bound_a += start[state[a] + 1] - start[state[a]] + 2
                    while bound_a > room_a:
                        arc_from, arc_row = (
                            np.append(arc_from, arc_from),
                            np.append(arc_row, arc_row),
                        )
                        arc_next = np.append(arc_next, arc_next)
                        arc_weight = np.append(arc_weight, arc_weight)
                        given = np.append(given, given)
                        room_a *= 2
                    while end + (bound_a - n_arcs) > room_s:
                        state, head = np.append(state, state), np.append(head, head)
                        going, standing = np.append(going, going), np.append(standing, standing)
                        walks, stands = np.append(walks, walks), np.append(stands, stands)
                        stood = np.append(stood, stood)
                        mx, my, room_s = np.append(mx, mx), np.append(my, my), 2 * room_s
                    before[0], before[1] = x[last], y[last]
                    is_last = part == n_parts - 1
                    fix[0] = x[j] if is_last else math.nan
                    fix[1] = y[j] if is_last else math.nan
                    spread2 = 0.5 * (p[SPEED] * wait) ** 2
                    kept, n_arcs = _advance(
                        begin, end, n_arcs, fix, before, dt, free, p, pace, spread2,
                        cx, cy, length, start, target, quarters, gain, square_start, squares,
                        lattice, state, going, standing, mx, my, head, stood, arc_from, arc_row,
                        arc_weight,
                        arc_next, slot, found, mass, table,
                    )  # fmt: skip
                    alive = 0.0
                    for b in range(end, kept):
                        alive += going[b] + standing[b]
                    if not alive > 0.0:
                        is_cut = True
                        break
                    tick_fix[n_ticks] = j if is_last else -1
                    tick_dt[n_ticks], tick_free[n_ticks] = dt, free
                    rho2 = math.exp(-2.0 * dt / p[TAU])
                    free = 0.0 if is_last else rho2 * free + p[SIGMA] ** 2 * (1.0 - rho2)
                    n_ticks += 1
                    tick_row[n_ticks] = kept
                if not is_cut:
                    last = j
                    j += 1
            n_touched = _recall(
                n_ticks, tick_row, tick_fix, tick_dt, tick_free, p, random, state, going, standing,
                walks, stands, mx, my, head, stood, arc_from, arc_row, arc_weight, arc_next, given,
                target, step_m, parent, visited, spent, touched, n_touched, cell_of, sums[patrol],
            )  # fmt: skip
            i = j if j > last else last + 1
        if n_out + n_touched > room_o:
            more = n_out + n_touched
            out_piece = np.append(out_piece, np.empty(more, np.int32))
            out_walks = np.append(out_walks, np.empty(more, np.uint64))
            out_share = np.append(out_share, np.empty(more, np.float32))
            out_s = np.append(out_s, np.empty(more, np.float32))
            room_o = len(out_piece)
        n_out = _collect(
            touched[:n_touched], visited, spent, piece, length, piece_first, out_piece, out_walks,
            out_share, out_s, n_out, votes,
        )  # fmt: skip
        out_bounds[patrol + 1] = n_out
    return (
        out_bounds, out_piece[:n_out].copy(), out_walks[:n_out].copy(), out_share[:n_out].copy(),
        out_s[:n_out].copy(), cell_of, sums,
    )  # fmt: skip

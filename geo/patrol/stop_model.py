"""The stop model: standing or walking, one compiled filter over each track and its noise.

A phone's error fades over time: n(t) = phi n(t - dt) + e with phi = exp(-dt / tau), of variance
sigma2 an axis (AR(1), first-order Gauss-Markov). The worker either stands or walks at `speed` in
one of `N_HEADINGS` directions, and passes from one to the other at given rates. Between two fixes
z(t) - z(t - dt) = step + n(t) - n(t - dt), so that the noise alone is the hidden state: one mean
and one variance a mode. Modes are mixed as in the interacting multiple model (Blom & Bar-Shalom
1988); a second filter runs backwards and the two are joined by the two-filter formula (Fraser &
Potter 1969).
"""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

N_HEADINGS = 16
"""Directions of walking that are told apart: 22.5 degrees between them."""

STAND_S, WALK_S, STRAIGHT_S = 180.0, 240.0, 60.0
"""Mean time of a stop, of a walk between two stops, and between two corners, seconds: chosen."""

SPEED_SPREAD = 0.125
"""Standard deviation an axis of the velocity from one fix to the next, share of the pace."""

WALK_MPS, RIDE_MPS = 1.2, 4.0
"""Paces that the search begins with, on foot and on a bicycle or e-bike, metres a second."""

THIN_S = 4.0
"""Least time between the fixes that the model looks at, seconds: a phone's error hardly changes
from one second to the next, and steps of a metre drown in it."""

STEP_M = 0.1
"""What a standing person sways, metres."""

_HALF_GAP = math.cos(math.pi / N_HEADINGS / 2)
_COS = np.cos(2 * np.pi * np.arange(N_HEADINGS) / N_HEADINGS)
_SIN = np.sin(2 * np.pi * np.arange(N_HEADINGS) / N_HEADINGS)


@njit(cache=True, nogil=True, error_model="numpy")
def _restart(weight: Floats, mean_x: Floats, mean_y: Floats, var: Floats, sigma2: float) -> None:
    """Nothing known: modes at their long-run shares, noise at its own variance."""
    stand = STAND_S / (STAND_S + WALK_S)
    for k in range(N_HEADINGS + 1):
        weight[k] = stand if k == 0 else (1.0 - stand) / N_HEADINGS
        mean_x[k], mean_y[k], var[k] = 0.0, 0.0, sigma2


@njit(cache=True, nogil=True, error_model="numpy")
def _mix(weight: Floats, mean_x: Floats, mean_y: Floats, var: Floats, dt: float) -> None:
    """Modes after the chances of stopping, setting off and turning in `dt` seconds."""
    leave, halt = 1.0 - math.exp(-dt / STAND_S), 1.0 - math.exp(-dt / WALK_S)
    turn = (1.0 - halt) * (1.0 - math.exp(-dt / STRAIGHT_S))
    stay = 1.0 - halt - turn
    total, gx, gy = 0.0, 0.0, 0.0
    for k in range(1, N_HEADINGS + 1):
        total += weight[k]
        gx += weight[k] * mean_x[k]
        gy += weight[k] * mean_y[k]
    gv = 0.0
    if total > 0.0:
        gx, gy = gx / total, gy / total
        for k in range(1, N_HEADINGS + 1):
            off = ((mean_x[k] - gx) ** 2 + (mean_y[k] - gy) ** 2) / 2.0
            gv += weight[k] * (var[k] + off)
        gv /= total
    w0, x0, y0, v0 = weight[0], mean_x[0], mean_y[0], var[0]
    for k in range(N_HEADINGS + 1):
        own = w0 * (1.0 - leave) if k == 0 else weight[k] * stay
        moved = halt * total if k == 0 else turn * total / N_HEADINGS
        stood = 0.0 if k == 0 else leave * w0 / N_HEADINGS
        w = own + moved + stood + 1e-300
        x = (own * mean_x[k] + moved * gx + stood * x0) / w
        y = (own * mean_y[k] + moved * gy + stood * y0) / w
        v = own * (var[k] + ((mean_x[k] - x) ** 2 + (mean_y[k] - y) ** 2) / 2.0)
        v += moved * (gv + ((gx - x) ** 2 + (gy - y) ** 2) / 2.0)
        v += stood * (v0 + ((x0 - x) ** 2 + (y0 - y) ** 2) / 2.0)
        weight[k], mean_x[k], mean_y[k], var[k] = w, x, y, v / w


@njit(cache=True, nogil=True, error_model="numpy")
def _update(
    weight: Floats,
    mean_x: Floats,
    mean_y: Floats,
    var: Floats,
    scratch: Floats,
    dx: float,
    dy: float,
    dt: float,
    reach: float,
    sigma2: float,
    phi: float,
) -> float:
    """Log likelihood of a step (dx, dy); the modes are brought up to it."""
    r = sigma2 * (1.0 - phi * phi)
    best = -1e300
    for k in range(N_HEADINGS + 1):
        q = STEP_M * STEP_M if k == 0 else (SPEED_SPREAD * reach) ** 2
        ex = dx - (phi - 1.0) * mean_x[k]
        ey = dy - (phi - 1.0) * mean_y[k]
        if k > 0:
            ex -= reach * _COS[k - 1]
            ey -= reach * _SIN[k - 1]
        s = (1.0 - phi) ** 2 * var[k] + r + q
        gain = (phi * (phi - 1.0) * var[k] + r) / s
        scratch[k] = -(ex * ex + ey * ey) / (2.0 * s)
        best = max(best, scratch[k])
        weight[k] /= s
        mean_x[k] = phi * mean_x[k] + gain * ex
        mean_y[k] = phi * mean_y[k] + gain * ey
        var[k] = max(phi * phi * var[k] + r - gain * gain * s, 1e-6)
    total = 0.0
    for k in range(N_HEADINGS + 1):
        off = scratch[k] - best
        weight[k] = weight[k] * math.exp(off) + 1e-300 if off > -60.0 else 1e-300
        total += weight[k]
    for k in range(N_HEADINGS + 1):
        weight[k] /= total
    return best + math.log(total)


@njit(cache=True, nogil=True, error_model="numpy")
def log_likelihood(
    x: Floats, y: Floats, second: Floats, sigma: float, tau: float, speed: float, gap_s: float
) -> float:
    """Log likelihood of the steps of one track; a silence above `gap_s` starts anew."""
    n_modes = N_HEADINGS + 1
    w, mx, my = np.empty(n_modes), np.empty(n_modes), np.empty(n_modes)
    var, scratch = np.empty(n_modes), np.empty(n_modes)
    _restart(w, mx, my, var, sigma * sigma)
    found = 0.0
    for i in range(1, len(x)):
        dt = second[i] - second[i - 1]
        if dt > gap_s or dt <= 0.0:
            _restart(w, mx, my, var, sigma * sigma)
            continue
        _mix(w, mx, my, var, dt)
        phi = math.exp(-dt / tau)
        dx, dy = x[i] - x[i - 1], y[i] - y[i - 1]
        found += _update(w, mx, my, var, scratch, dx, dy, dt, speed * dt, sigma * sigma, phi)
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _join(
    ahead: Floats,
    w: Floats,
    mx: Floats,
    my: Floats,
    var: Floats,
    sigma2: float,
    factor: Floats,
    joined: Floats,
) -> None:
    """Probability of each mode from the filter ahead (4, modes) and the one coming back."""
    stand = STAND_S / (STAND_S + WALK_S)
    best = -1e300
    for k in range(N_HEADINGS + 1):
        prior = stand if k == 0 else (1.0 - stand) / N_HEADINGS
        a, b = min(ahead[3, k], 0.999 * sigma2), min(var[k], 0.999 * sigma2)
        rate = 1.0 / a + 1.0 / b - 1.0 / sigma2
        ux, uy = ahead[1, k] / a + mx[k] / b, ahead[2, k] / a + my[k] / b
        off = (ahead[1, k] ** 2 + ahead[2, k] ** 2) / a + (mx[k] ** 2 + my[k] ** 2) / b
        off -= (ux * ux + uy * uy) / rate
        joined[k] = -off / 2.0
        factor[k] = ahead[0, k] * w[k] / prior * sigma2 / (a * b * rate)
        best = max(best, joined[k])
    total = 0.0
    for k in range(N_HEADINGS + 1):
        joined[k] = factor[k] * math.exp(joined[k] - best) + 1e-300
        total += joined[k]
    for k in range(N_HEADINGS + 1):
        joined[k] /= total


@njit(cache=True, nogil=True, error_model="numpy")
def _join_noise(
    ahead: Floats, mx: Floats, my: Floats, var: Floats, sigma2: float, joined: Floats
) -> tuple[float, float, float]:
    """Mean (x, y) and variance an axis of the noise, over modes with the joined probabilities."""
    x, y, second_moment = 0.0, 0.0, 0.0
    for k in range(N_HEADINGS + 1):
        a, b = min(ahead[3, k], 0.999 * sigma2), min(var[k], 0.999 * sigma2)
        rate = 1.0 / a + 1.0 / b - 1.0 / sigma2
        ux = (ahead[1, k] / a + mx[k] / b) / rate
        uy = (ahead[2, k] / a + my[k] / b) / rate
        x += joined[k] * ux
        y += joined[k] * uy
        second_moment += joined[k] * (1.0 / rate + (ux * ux + uy * uy) / 2.0)
    return x, y, max(second_moment - (x * x + y * y) / 2.0, 1e-6)


@njit(cache=True, nogil=True, error_model="numpy")
def _from_ahead_only(
    found: Floats, i: int, weight: Floats, mx: Floats, my: Floats, var: Floats
) -> None:
    """Noise of the first fix after a silence, known from the fixes that follow."""
    x, y, moment = 0.0, 0.0, 0.0
    for k in range(N_HEADINGS + 1):
        x += weight[k] * mx[k]
        y += weight[k] * my[k]
        moment += weight[k] * (var[k] + (mx[k] ** 2 + my[k] ** 2) / 2.0)
    found[i, 1], found[i, 2] = x, y
    found[i, 3] = max(moment - (x * x + y * y) / 2.0, 1e-6)


@njit(cache=True, nogil=True, error_model="numpy")
def smooth(
    x: Floats, y: Floats, second: Floats, sigma: float, tau: float, speed: float, gap_s: float
) -> Floats:
    """Of every fix (n, 4): probability of standing since the fix before, noise x, y, its variance.

    The first is NaN for the first fix and after a silence; the variance is an axis'.
    """
    n, n_modes, s2 = len(x), N_HEADINGS + 1, sigma * sigma
    w, mx, my = np.empty(n_modes), np.empty(n_modes), np.empty(n_modes)
    var, scratch, factor = np.empty(n_modes), np.empty(n_modes), np.empty(n_modes)
    ahead = np.empty((n, 4, n_modes))
    found = np.empty((n, 4))
    _restart(w, mx, my, var, s2)
    for i in range(1, n):
        dt = second[i] - second[i - 1]
        if dt > gap_s or dt <= 0.0:
            _restart(w, mx, my, var, s2)
            continue
        _mix(w, mx, my, var, dt)
        dx, dy = x[i] - x[i - 1], y[i] - y[i - 1]
        _update(w, mx, my, var, scratch, dx, dy, dt, speed * dt, s2, math.exp(-dt / tau))
        ahead[i, 0], ahead[i, 1], ahead[i, 2], ahead[i, 3] = w, mx, my, var
    _restart(w, mx, my, var, s2)
    for i in range(n - 1, -1, -1):
        dt = second[i] - second[i - 1] if i > 0 else 0.0
        if dt > gap_s or dt <= 0.0:
            found[i, 0] = np.nan
            _from_ahead_only(found, i, w, mx, my, var)
            _restart(w, mx, my, var, s2)
            continue
        _mix(w, mx, my, var, dt)
        _join(ahead[i], w, mx, my, var, s2, factor, scratch)
        found[i, 0] = scratch[0]
        found[i, 1], found[i, 2], found[i, 3] = _join_noise(ahead[i], mx, my, var, s2, scratch)
        dx, dy = x[i - 1] - x[i], y[i - 1] - y[i]
        _update(w, mx, my, var, scratch, dx, dy, dt, -speed * dt, s2, math.exp(-dt / tau))
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def smooth_tracks(
    x: Floats, y: Floats, second: Floats, bounds: Indices, noise: Floats, gap_s: float
) -> Floats:
    """`smooth` of every track; `noise` (tracks, 3) holds sigma, tau and speed of each."""
    found = np.empty((len(x), 4))
    for k in range(len(bounds) - 1):
        a, b = bounds[k], bounds[k + 1]
        sigma, tau, speed = noise[k, 0], noise[k, 1], noise[k, 2]
        found[a:b] = smooth(x[a:b], y[a:b], second[a:b], sigma, tau, speed, gap_s)
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def standing_tracks(
    x: Floats, y: Floats, second: Floats, bounds: Indices, noise: Floats, gap_s: float
) -> Floats:
    """Probability of standing alone, of every track: a quarter of the memory."""
    found = np.empty(len(x))
    for k in range(len(bounds) - 1):
        a, b = bounds[k], bounds[k + 1]
        sigma, tau, speed = noise[k, 0], noise[k, 1], noise[k, 2]
        found[a:b] = smooth(x[a:b], y[a:b], second[a:b], sigma, tau, speed, gap_s)[:, 0]
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def stop_runs(
    probability: Floats, second: Floats, bounds: Indices, least_s: float
) -> tuple[Indices, Indices, Indices]:
    """(track, first fix, last fix) of each unbroken run of likely standing, at least `least_s`."""
    track, first, last = [], [], []
    for k in range(len(bounds) - 1):
        start = bounds[k]
        for i in range(bounds[k] + 1, bounds[k + 1] + 1):
            if i < bounds[k + 1] and probability[i] >= 0.5:
                continue
            if i - 1 > start and second[i - 1] - second[start] >= least_s:
                track.append(k)
                first.append(start)
                last.append(i - 1)
            start = i
    return np.array(track, np.int64), np.array(first, np.int64), np.array(last, np.int64)


@njit(cache=True, nogil=True, error_model="numpy")
def thin(second: Floats, bounds: Indices, gap_s: float) -> Indices:
    """Positions at least `THIN_S` apart, and every one beside a silence or an end of a track."""
    rows = np.empty(len(second), np.int64)
    n = 0
    for k in range(len(bounds) - 1):
        for i in range(bounds[k], bounds[k + 1]):
            is_edge = i == bounds[k] or i + 1 == bounds[k + 1]
            is_edge = is_edge or second[i] - second[i - 1] > gap_s
            is_edge = is_edge or second[i + 1] - second[i] > gap_s
            if is_edge or second[i] - second[rows[n - 1]] >= THIN_S:
                rows[n] = i
                n += 1
    return rows[:n]

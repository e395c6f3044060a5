"""The stop model fitted: the noise and pace of a phone, the pace of a round."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from geo.patrol.stop_model import log_likelihood

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@njit(cache=True, nogil=True, error_model="numpy")
def _score(
    x: Floats,
    y: Floats,
    second: Floats,
    bounds: Indices,
    log_values: Floats,
    pace: float,
    gap_s: float,
) -> float:
    """Log likelihood of several tracks and of what phones are like (see `fit`)."""
    s, t, v = math.exp(log_values[0]), math.exp(log_values[1]), math.exp(log_values[2])
    found = -((log_values[0] - math.log(6.0)) ** 2) / 2.0
    found -= (log_values[1] - math.log(25.0)) ** 2 / (2.0 * 0.8**2)
    spread = 0.15 if pace < 2.0 else 0.4
    found -= (log_values[2] - math.log(pace)) ** 2 / (2.0 * spread**2)
    for k in range(len(bounds) - 1):
        a, b = bounds[k], bounds[k + 1]
        found += log_likelihood(x[a:b], y[a:b], second[a:b], s, t, v, gap_s)
    return float(found)


@njit(cache=True, nogil=True, error_model="numpy")
def fit(x: Floats, y: Floats, second: Floats, bounds: Indices, pace: float, gap_s: float) -> Floats:
    """(sigma m, tau s, speed m/s) under which one phone's tracks are likeliest.

    Pattern search (Hooke & Jeeves 1961) on the logarithms from 6 m, 25 s and the `pace` given,
    also the medians of weak log-normal priors (spreads 1.0, 0.8 and 0.15; 0.4 for riders). The
    first two sweeps see a third of the tracks.
    """
    at = np.array([math.log(6.0), math.log(25.0), math.log(pace)])
    step = np.array([0.4, 0.5, 0.1])
    some = bounds[: max(2, len(bounds) // 3 + 1)]
    best = 0.0
    for sweep in range(4):
        used = some if sweep < 2 else bounds
        if sweep % 2 == 0:
            best = _score(x, y, second, used, at, pace, gap_s)
        for axis in range(3):
            is_better = False
            for sign in (1.0, -1.0):
                for _ in range(4):
                    trial = at.copy()
                    trial[axis] += sign * step[axis]
                    score = _score(x, y, second, used, trial, pace, gap_s)
                    if score <= best:
                        break
                    best, at, is_better = score, trial, True
                if is_better:
                    break
        step *= 0.5
    values: Floats = np.exp(at)
    return values


@njit(cache=True, nogil=True, error_model="numpy")
def paces(
    x: Floats, y: Floats, second: Floats, bounds: Indices, noise: Floats, gap_s: float
) -> Floats:
    """Likeliest pace of each track, metres a second, given the noise and pace of its phone.

    Top of the parabola through the log likelihoods at the phone's pace and 15% to either side, with
    a log-normal prior of spread 0.1 about it; never further than those 15%.
    """
    found = np.empty(len(bounds) - 1)
    score = np.empty(3)
    side = math.log(1.15)
    for k in range(len(bounds) - 1):
        a, b = bounds[k], bounds[k + 1]
        for j in range(3):
            off = (j - 1) * side
            speed = noise[k, 2] * math.exp(off)
            score[j] = -(off * off) / (2.0 * 0.1**2) + log_likelihood(
                x[a:b], y[a:b], second[a:b], noise[k, 0], noise[k, 1], speed, gap_s
            )
        bend = score[0] - 2.0 * score[1] + score[2]
        top = side * (score[0] - score[2]) / (2.0 * bend) if bend < 0.0 else 0.0
        found[k] = noise[k, 2] * math.exp(min(max(top, -side), side))
    return found

"""Each worker's GPS noise and pace, estimated from the walks that explain the tracks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geo.patrol.matching import explaining as sums_of
from geo.patrol.matching.motion import Motion
from geo.patrol.matching.walking import (
    BACK,
    CELL,
    HALT,
    KEEP,
    LEAVE,
    N_PARAMS,
    RESUME,
    SIGMA,
    SPEED,
    SPREAD,
    STEP,
    TAU,
)

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

PRIOR_PAIRS = 150.0
"""Weight of the prior noise against what is seen, pairs of fixes."""

SIGMA_RANGE, TAU_RANGE = (1.0, 12.0), (5.0, 70.0)
"""Noise outside is not believed: metres an axis; seconds. Slower drift is a shift of the map."""

KEEP_FROM, KEEP_TO_LEARN = 5e-4, 3e-3
"""States less likely than this share of the likeliest are dropped; more while noise is learnt."""


def prior(n_patrols: int, motion: Motion) -> Floats:
    """(n_patrols, 11) parameters of the walks before any fix is seen."""
    params = np.zeros((n_patrols, N_PARAMS))
    for position, value in (
        (SPEED, motion.speed_mps), (SPREAD, motion.spread_mps), (HALT, motion.halt_hz),
        (RESUME, motion.resume_hz), (LEAVE, motion.leave), (BACK, motion.back), (KEEP, KEEP_FROM),
        (SIGMA, motion.sigma_m), (TAU, motion.tau_s), (CELL, motion.cell_m), (STEP, motion.step_s),
    ):  # fmt: skip
        params[:, position] = value
    return params


def first_guess(params: Floats) -> Floats:
    """Parameters to begin with: restless noise, hardly ever off the network, few states.

    With noise taken for too steady, a worker whose phone jumps more would be explained as off the
    network all day, and nothing would ever correct it.
    """
    fresh = params.copy()
    fresh[:, SIGMA] *= 1.4
    fresh[:, TAU] *= 0.5
    fresh[:, LEAVE] *= 1e-4
    fresh[:, KEEP] = KEEP_TO_LEARN
    return fresh


def reestimated(params: Floats, sums: Floats, worker: Indices, motion: Motion) -> Floats:
    """The parameters with each worker's noise and pace as its sampled walks show them.

    One step of stochastic expectation-maximisation. The prior counts `PRIOR_PAIRS` pairs, so that
    a worker without fixes on the network keeps it.

    Parameters
    ----------
    params : (patrols, 11); sums : (patrols, sums) of `explaining`; worker : (patrols,) from 0
    """
    n_workers = int(worker.max(initial=-1)) + 1
    total = np.stack([np.bincount(worker, column, minlength=n_workers) for column in sums.T])
    pairs = total[sums_of.PAIRS] + PRIOR_PAIRS
    step_s = (total[sums_of.PAIR_S] + PRIOR_PAIRS * motion.step_s) / pairs
    prior_sum = 2.0 * PRIOR_PAIRS * motion.sigma_m**2
    s00, s11 = total[sums_of.S00] + prior_sum, total[sums_of.S11] + prior_sum
    s01 = total[sums_of.S01] + prior_sum * np.exp(-motion.step_s / motion.tau_s)
    rho = np.clip(s01 / np.sqrt(s00 * s11), 1e-6, 1.0 - 1e-6)
    moved_s = total[sums_of.MOVED_S] + 60.0
    speed = (total[sums_of.MOVED_M] + 60.0 * motion.speed_mps) / moved_s
    fresh = params.copy()
    fresh[:, SIGMA] = np.clip(np.sqrt(s11 / (2.0 * pairs)), *SIGMA_RANGE)[worker]
    fresh[:, TAU] = np.clip(-step_s / np.log(rho), *TAU_RANGE)[worker]
    fresh[:, SPEED] = np.clip(speed, 0.5 * motion.speed_mps, 1.6 * motion.speed_mps)[worker]
    return fresh

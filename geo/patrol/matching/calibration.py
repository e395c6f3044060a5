"""Chances made honest: of the pieces given p, a share p was walked."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geo.patrol.matching.walking import SAMPLES

Floats = npt.NDArray[np.float64]

CONSTANT, SLOPE = 1.05, 0.95
"""Log-odds of the calibrated chance = CONSTANT + SLOPE x log-odds of the sampled one."""


def calibrated(share: Floats) -> Floats:
    """Chance that a piece was walked, from the share of sampled walks that walked it.

    The share counts half a walk for and half a walk against beside the samples, so that no chance
    is 0 or 1; then a logistic function (Platt 1999).
    """
    held = (share * SAMPLES + 0.5) / (SAMPLES + 1.0)
    logit = CONSTANT + SLOPE * np.log(held / (1.0 - held))
    chance: Floats = 1.0 / (1.0 + np.exp(-logit))
    return chance

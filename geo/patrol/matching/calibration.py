"""Chances made honest: of the pieces given p, a share p was walked."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geo.patrol.matching.walking import SAMPLES

Floats = npt.NDArray[np.float64]

CONSTANT, SLOPE = 0.70, 1.15
"""Log-odds of the calibrated chance = CONSTANT + SLOPE x log-odds of the sampled one.

Between fits by length to the simulated walks of either half of 48 workers on streets; either fit
leaves an expected calibration error of 0.01 on the other half."""


def calibrated(share: Floats) -> Floats:
    """Chance that a piece was walked, from the share of sampled walks that walked it.

    The share counts half a walk for and half a walk against beside the samples, so that no chance
    is 0 or 1; then a logistic function (Platt 1999).
    """
    held = (share * SAMPLES + 0.5) / (SAMPLES + 1.0)
    logit = CONSTANT + SLOPE * np.log(held / (1.0 - held))
    chance: Floats = 1.0 / (1.0 + np.exp(-logit))
    return chance

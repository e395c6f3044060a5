"""Grids divided into domains that are searched side by side."""

from __future__ import annotations

import numpy as np

DOMAIN_GRIDS = 48
"""Grids are searched in domains of about this many, side by side; other domains each slice."""


def divide(place: np.ndarray, movable: np.ndarray, *, turn: float) -> np.ndarray:
    """A domain for each movable grid, -1 for the others: halved by place across and across.

    Parameters
    ----------
    place : (k, 2) a point of each grid; movable : (k) mask
    turn : rotates the cuts (radians), so that no seam lasts
    """
    domain = np.where(movable, 0, -1)
    groups = [np.flatnonzero(movable)]
    while max(len(group) for group in groups) >= 2 * DOMAIN_GRIDS:
        along = place @ np.array([np.cos(turn), np.sin(turn)])
        halves = []
        for group in groups:
            ordered = group[np.argsort(along[group], kind="stable")]
            halves += [ordered[: len(group) // 2], ordered[len(group) // 2 :]]
        groups, turn = halves, turn + np.pi / 2
    for number, group in enumerate(groups):
        domain[group] = number
    return domain

"""What a patrol may have walked while its phone was silent: doubt, never guilt."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

from geo.patrol.tracks import Silences

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

WALK_MPS = 1.4
"""Brisk walking pace, metres a second: how far a silent worker can have come."""

LONGEST_S = 900.0
"""A longer silence is a break of the round; no more than this of it may have been walked, s."""


EVEN_ODDS = 0.5
"""Chance that a silent worker walked at all."""


def left_open(
    pieces: npt.NDArray[np.object_], silences: Silences
) -> tuple[Indices, Indices, Floats]:
    """(patrol, piece, probability) of the pieces that may have been walked in a silence.

    A piece may have been walked when the way from the fix before to its middle and on to the fix
    after fits into the silence at walking pace. Such pieces share the length that can have been
    walked in all, evenly by length, at most at even odds: a silent worker may have stood still.
    Over several silences the chances that none was it multiply.

    Parameters
    ----------
    pieces : n lines, metres
    """
    seconds = np.minimum(silences.seconds, LONGEST_S)
    budget = seconds * WALK_MPS
    ends = silences.ends
    middles = shapely.line_interpolate_point(pieces, 0.5, normalized=True)
    centre = (ends[:, :2] + ends[:, 2:]) / 2.0
    low, high = centre - budget[:, None] / 2.0, centre + budget[:, None] / 2.0
    boxes = shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1])
    silence, piece = shapely.STRtree(middles).query(boxes)
    xy = shapely.get_coordinates(middles)[piece]
    way = np.hypot(*(xy - ends[silence, :2]).T) + np.hypot(*(xy - ends[silence, 2:]).T)
    is_near = way <= budget[silence]
    silence, piece = silence[is_near], piece[is_near]
    reachable = np.bincount(silence, weights=shapely.length(pieces)[piece], minlength=len(budget))
    chance = EVEN_ODDS * np.minimum(budget[silence] / reachable[silence], 1.0)
    key, of_key = np.unique(silences.patrol[silence] * len(pieces) + piece, return_inverse=True)
    not_walked = np.ones(len(key))
    np.multiply.at(not_walked, of_key, 1.0 - chance)
    return key // len(pieces), key % len(pieces), 1.0 - not_walked

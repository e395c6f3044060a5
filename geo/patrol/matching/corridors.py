"""Corridors: parallel ways so close that GPS cannot tell which of them was walked."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from numba import njit

from geo.crs import check_metric
from geo.errors import ParameterError

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

PARALLEL = math.cos(math.radians(25.0))
"""Least cosine between the directions of two pieces of one corridor."""


def corridors(pieces: gpd.GeoDataFrame, *, within_m: float) -> Indices:
    """The corridor of each piece: the row of the piece that stands for it.

    Longest pieces first, each takes in the free pieces beside it: parallel within 25 degrees, the
    middle beside the piece, not before or behind it, and at most `within_m` off. Nothing is chained
    on, so that a corridor is as long as its longest piece.

    Parameters
    ----------
    pieces : n lines, projected CRS in metres
    within_m : distance, metres, > 0; two standard deviations of the GPS noise are sensible

    Returns
    -------
    labels (n,) int64; labels[labels[i]] == labels[i]

    Raises
    ------
    CrsError : the CRS is missing or in degrees
    ParameterError : the distance is not finite and positive
    """
    check_metric(pieces, "pieces")
    if not (math.isfinite(within_m) and within_m > 0):
        raise ParameterError(
            "parameter.not_positive",
            f"`within_m` must be finite and above 0; got {within_m}. Give it in metres.",
            name="within_m",
            value=within_m,
        )
    lines = pieces.geometry.to_numpy()
    held = np.flatnonzero(~(shapely.is_missing(lines) | shapely.is_empty(lines)))
    labels = np.arange(len(lines), dtype=np.int64)
    if not len(held):
        return labels
    first, last, middle = (
        shapely.get_coordinates(shapely.line_interpolate_point(lines[held], share, normalized=True))
        for share in (0.0, 1.0, 0.5)
    )
    across = last - first
    chord = np.hypot(*across.T)
    along = across / np.where(chord > 0, chord, 1.0)[:, None]
    length = shapely.length(lines[held])
    half = np.maximum(length / 2.0, 1.0)
    left, right = shapely.STRtree(shapely.points(middle)).query(
        shapely.points(middle), predicate="dwithin", distance=within_m + float(half.max())
    )
    offset = middle[right] - middle[left]
    beside = np.abs((offset * along[left]).sum(axis=1)) <= half[left]
    apart = np.abs(offset[:, 0] * along[left, 1] - offset[:, 1] * along[left, 0]) <= within_m
    parallel = np.abs((along[left] * along[right]).sum(axis=1)) >= PARALLEL
    kept = beside & apart & parallel
    left, right = left[kept], right[kept]
    order = np.argsort(left, kind="stable")
    start = np.searchsorted(left[order], np.arange(len(held) + 1))
    longest = np.lexsort([middle[:, 1], middle[:, 0], -np.rint(length * 100)])
    labels[held] = held[_taken(longest, start, right[order])]
    return labels


@njit(cache=True, nogil=True)
def _taken(order: Indices, start: Indices, beside: Indices) -> Indices:
    """For each piece the first in order that takes it in."""
    leader = np.full(len(order), -1, np.int64)
    for piece in order:
        if leader[piece] >= 0:
            continue
        leader[piece] = piece
        for k in range(start[piece], start[piece + 1]):
            if leader[beside[k]] < 0:
                leader[beside[k]] = piece
    return leader

"""Exact plane predicates on whole arrays: no tolerance, and the same answer on every machine."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Labels = npt.NDArray[np.int32]

_UNIT = 2.0**-53
_FILTER = (3.0 + 16.0 * _UNIT) * _UNIT
"""Relative error bound of the plain determinant (Shewchuk 1997, ccwerrboundA)."""

_SPLITTER = 2.0**27 + 1.0
"""Splits a double into two halves whose products are exact (Dekker 1971)."""

_EDGES_AT_ONCE = 2_000_000
"""Point-edge pairs looked at together: about 150 MB of arrays."""


def orientation(edges: Floats, px: Floats, py: Floats) -> Floats:
    """Sign of the turn a -> b -> p: 1 where p lies left of a -> b, -1 right, 0 on the line.

    The plain determinant decides where its error bound allows (Shewchuk 1997); elsewhere the
    exact value of the six products is summed without rounding.

    Parameters
    ----------
    edges : (n, 4) ends ax, ay, bx, by, finite, below 1e150 in size
    px, py : (n,) the points
    """
    ax, ay, bx, by = edges.T
    left = (ax - px) * (by - py)
    right = (ay - py) * (bx - px)
    sign: Floats = np.sign(left - right)
    is_sure = (np.sign(left) != np.sign(right)) | (
        np.abs(left - right) > _FILTER * (np.abs(left) + np.abs(right))
    )
    unsure = np.flatnonzero(~is_sure)
    if unsure.size:
        sign[unsure] = _exact_sign(edges[unsure], px[unsure], py[unsure])
    return sign


def _exact_sign(edges: Floats, px: Floats, py: Floats) -> Floats:
    """Sign of ax*by - ay*bx + bx*py - by*px + px*ay - py*ax, exactly."""
    ax, ay, bx, by = edges.T
    factors = ((ax, by), (-ay, bx), (bx, py), (-by, px), (px, ay), (-py, ax))
    terms = np.stack([term for a, b in factors for term in _two_product(a, b)], axis=-1)
    signs: Floats = np.sign(np.array([math.fsum(row) for row in terms.tolist()]))
    return signs


def _two_product(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The rounded product and what rounding took away: their sum is a*b exactly."""
    product = a * b
    a_high, b_high = _high_half(a), _high_half(b)
    a_low, b_low = a - a_high, b - b_high
    rest = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, rest


def _high_half(values: Floats) -> Floats:
    scaled = _SPLITTER * values
    return scaled - (scaled - values)


def contains_just_east(
    px: Floats, py: Floats, edges: Floats, first: Indices, count: Indices
) -> npt.NDArray[np.bool_]:
    """For each point, whether its polygon holds the points just east (and then north) of it.

    Ray crossing towards the east from p + (e, e*e), e tending to 0: an edge counts when exactly
    one of its ends lies above the height of p and p lies west of it. Under this rule no point is
    on a border, so that polygons that share an edge never both hold a point, nor neither.

    Parameters
    ----------
    px, py : coordinates of n points
    edges : (m, 4) ends x0, y0, x1, y1 of the edges of all polygons' rings, holes included
    first, count : for each point, the slice of `edges` that is its polygon's
    """
    n_crossings = np.zeros(len(px), dtype=np.int64)
    for start, stop in _blocks(count):
        counts = count[start:stop]
        point = np.repeat(np.arange(start, stop), counts)
        position = np.arange(len(point)) - np.repeat(np.cumsum(counts) - counts, counts)
        position += first[point]
        height = py[point]
        is_rising = edges[position, 1] <= height
        is_astride = is_rising != (edges[position, 3] <= height)
        point, is_rising = point[is_astride], is_rising[is_astride]
        side = orientation(edges[position[is_astride]], px[point], py[point])
        is_crossed = np.where(is_rising, side > 0, side < 0)
        n_crossings += np.bincount(point[is_crossed], minlength=len(px))
    is_inside: npt.NDArray[np.bool_] = n_crossings % 2 == 1
    return is_inside


def _blocks(count: Indices) -> list[tuple[int, int]]:
    """Slices of points that together have about `_EDGES_AT_ONCE` edges each."""
    block = np.cumsum(count) // _EDGES_AT_ONCE
    bounds = [0, *(np.flatnonzero(np.diff(block)) + 1).tolist(), len(count)]
    return list(itertools.pairwise(bounds))

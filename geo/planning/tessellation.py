"""Lines half way between seeds: the borders of their Voronoi ground.

A footprint is represented by points along its wall, so that the ground between two buildings is
shared out by distance to the walls (morphological tessellation, Fleischmann et al. 2020).
"""

from __future__ import annotations

import numpy as np
import shapely
from scipy.spatial import Delaunay, cKDTree

WALL_STEP_M = 3.0
"""Distance of the points along a wall."""

SAME_PLACE_DIGITS = 4
"""Points that agree to so many decimals of a metre are one."""

SMOOTHING_M = 1.0
"""Half-way lines are straightened within this distance, to take out the steps of the points."""

FRAME_FACTOR = 4.0
"""The surrounding dummy points lie this many diameters away, far enough not to matter inside."""

FLATTEST = 1e-12
"""Triangles flatter than this (twice the area over the longer side squared) have no circle."""

OVERHANG_M = 0.05
"""Lines reach this far over the zone's edge, so that they certainly meet it."""


def sample_points(seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points along the walls of each seed (the seed itself where it is a point), and their seed.

    Points that several seeds have in common (a party wall) belong to none, so that the line between
    them starts where their walls meet; a seed that has no others keeps them.
    """
    walls = np.where(shapely.get_dimensions(seeds) == 2, shapely.boundary(seeds), seeds)
    dense = shapely.segmentize(walls, WALL_STEP_M)
    xy, seed = shapely.get_coordinates(dense, return_index=True)
    near = np.round(xy, SAME_PLACE_DIGITS)
    order = np.lexsort((seed, near[:, 1], near[:, 0]))
    is_new = np.r_[True, (near[order][1:] != near[order][:-1]).any(axis=1)][: len(order)]
    place = np.cumsum(is_new) - 1
    first, last = np.flatnonzero(is_new), np.flatnonzero(np.r_[is_new[1:], True][: len(order)])
    is_common, is_kept = np.zeros(len(xy), dtype=bool), np.ones(len(xy), dtype=bool)
    is_common[order] = (seed[order[first]] != seed[order[last]])[place]
    is_kept[order[1:]] = is_new[1:] | (seed[order[1:]] != seed[order[:-1]])
    has_own = np.bincount(seed[is_kept & ~is_common], minlength=len(seeds)) > 0
    is_kept &= ~(is_common & has_own[seed])
    return xy[is_kept], seed[is_kept]


def halfway_lines(xy: np.ndarray, seed: np.ndarray, clip: shapely.Geometry) -> np.ndarray:
    """The lines inside `clip` that are equally far from two seeds, smoothed.

    Parameters
    ----------
    xy : n sample points; seed : the seed that each belongs to
    """
    if len(np.unique(seed)) < 2:
        return np.empty(0, dtype=object)
    low = np.minimum(xy.min(axis=0), shapely.bounds(clip)[:2])
    high = np.maximum(xy.max(axis=0), shapely.bounds(clip)[2:])
    middle, radius = (low + high) / 2, FRAME_FACTOR * float(np.hypot(*(high - low)))
    angle = np.arange(8) * (np.pi / 4) + 0.1
    frame = np.column_stack([np.cos(angle), np.sin(angle)]) * radius
    points, label = np.vstack([xy - middle, frame]), np.r_[seed, np.full(len(frame), -1)]
    corner, sides = _ridges(points, label)
    corner = np.round(corner + middle, SAME_PLACE_DIGITS)
    is_long = (corner[:, 0] != corner[:, 1]).any(axis=1)
    corner, sides = corner[is_long], sides[is_long]
    if len(corner) == 0:
        return np.empty(0, dtype=object)
    smooth = _smoothed(corner, sides)
    shapely.prepare(clip)
    is_over = ~shapely.covers(clip, smooth)
    smooth[is_over] = shapely.intersection(smooth[is_over], clip)
    return smooth


def _ridges(points: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The straight pieces of the Voronoi diagram between different labels, and their two labels.

    A piece runs between the circumcentres of two neighbouring Delaunay triangles, which takes half
    the time of the diagram itself. Labels below 0 have no pieces.
    """
    triangles = Delaunay(points)
    one, side = np.nonzero(triangles.neighbors > np.arange(len(triangles.simplices))[:, None])
    other = triangles.neighbors[one, side]
    ends = triangles.simplices[one[:, None], np.column_stack([side - 1, side - 2])]
    sides = np.sort(label[ends], axis=1)
    is_border = (sides[:, 0] != sides[:, 1]) & (sides[:, 0] >= 0)
    one, other = one[is_border], other[is_border]
    centre = _circumcentres(points[triangles.simplices])
    return np.stack([centre[one], centre[other]], axis=1), sides[is_border]


def _circumcentres(corner: np.ndarray) -> np.ndarray:
    """The middle of the circle through three points; of three in line, their mean."""
    first = corner[:, 0]
    b, c = corner[:, 1] - first, corner[:, 2] - first
    twice = 2 * (b[:, 0] * c[:, 1] - b[:, 1] * c[:, 0])
    b2, c2 = (b**2).sum(axis=1), (c**2).sum(axis=1)
    away = np.column_stack([c[:, 1] * b2 - b[:, 1] * c2, b[:, 0] * c2 - c[:, 0] * b2])
    is_flat = np.abs(twice) < FLATTEST * np.maximum(b2, c2)
    centre = first + away / np.where(is_flat, 1.0, twice)[:, None]
    return np.where(is_flat[:, None], corner.mean(axis=1), centre)


def _smoothed(corner: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """One line for each pair of seeds from its straight pieces, straightened.

    Parameters
    ----------
    corner : pieces x 2 ends x 2; sides : the two seeds of each, ascending
    """
    key = sides[:, 0] * (int(sides.max()) + 1) + sides[:, 1]
    order = np.argsort(key, kind="stable")
    is_first = np.r_[True, key[order][1:] != key[order][:-1]]
    nth = np.cumsum(is_first) - 1
    is_single = (np.bincount(nth) == 1)[nth]
    pieces = shapely.linestrings(corner[order])
    lines: np.ndarray = pieces[is_single]
    if is_single.all():
        return lines
    bundle = np.unique(nth[~is_single], return_inverse=True)[1]
    bundles = shapely.multilinestrings(pieces[~is_single], indices=bundle)
    straight = shapely.simplify(shapely.line_merge(bundles), SMOOTHING_M)
    return np.concatenate([lines, np.asarray(straight, dtype=object)])


def nearest_seed(
    points: np.ndarray, zone: np.ndarray, xy: np.ndarray, seed: np.ndarray, seed_zone: np.ndarray
) -> np.ndarray:
    """The seed nearest to each point among those of the point's own zone; -1 where it has none.

    Zones are told apart by a third coordinate, farther apart than any two places.
    """
    found = np.full(len(points), -1, dtype=np.int64)
    if len(xy) == 0 or len(points) == 0:
        return found
    place = shapely.get_coordinates(points)
    apart_m = 10 * float(np.ptp(np.vstack([place, xy]), axis=0).max() + 1)
    tree = cKDTree(np.column_stack([xy, seed_zone[seed] * apart_m]))
    near = tree.query(np.column_stack([place, zone * apart_m]))[1]
    is_own = seed_zone[seed[near]] == zone
    found[is_own] = seed[near][is_own]
    return found

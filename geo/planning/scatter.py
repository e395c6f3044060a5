"""Points spread evenly over ground, each to stand for an equal share of it."""

from __future__ import annotations

import numpy as np
import shapely
from scipy.spatial import cKDTree

SAMPLES_A_PART = 12
"""Points of a regular lattice a part that stand for the ground."""

LLOYD_STEPS = 2
"""Rounds of moving the points to the middle of the ground nearest to each."""


def spread_points(ground: shapely.Geometry, n: int, rng: np.random.Generator) -> np.ndarray:
    """n points inside the ground, with about equal ground nearest to each.

    A lattice over the ground is halved by number, across its longer side, until every part has one
    point (a k-d tree, Bentley 1975); these middles are then moved by Lloyd's (1982) method.

    Parameters
    ----------
    ground : polygon, metres; rng : where the lattice begins
    """
    if n == 1:
        return np.array([shapely.point_on_surface(ground)], dtype=object)
    n_samples = n * SAMPLES_A_PART
    while len(samples := _lattice(ground, n_samples, rng)) < n:
        n_samples *= 4
    part = _halved(samples, n)
    centres = np.empty((0, 2))
    for step in range(LLOYD_STEPS + 1):
        part = part if step == 0 else cKDTree(centres).query(samples)[1]
        count = np.bincount(part, minlength=n)
        middle = [np.bincount(part, samples[:, axis], minlength=n) for axis in (0, 1)]
        moved = np.column_stack(middle) / np.maximum(count, 1)[:, None]
        centres = moved if step == 0 else np.where(count[:, None] > 0, moved, centres)
    shapely.prepare(ground)
    is_out = ~shapely.contains_xy(ground, centres)
    centres[is_out] = samples[cKDTree(samples).query(centres[is_out])[1]]
    points: np.ndarray = shapely.points(centres)
    return points


def _lattice(ground: shapely.Geometry, n: int, rng: np.random.Generator) -> np.ndarray:
    """About n points of a square lattice inside the ground, its rows set off by half a step."""
    low_x, low_y, high_x, high_y = shapely.bounds(ground)
    step = np.sqrt(shapely.area(ground) / n)
    begin_x, begin_y = rng.uniform(0, step, 2)
    x = np.arange(low_x - step + begin_x, high_x, step)
    y = np.arange(low_y - step + begin_y, high_y, step)
    rows = np.tile(np.where(np.arange(len(y)) % 2, 0.5 * step, 0.0), (len(x), 1))
    places = np.column_stack([(x[:, None] + rows).ravel(), np.tile(y, len(x))])
    shapely.prepare(ground)
    inside: np.ndarray = places[shapely.contains_xy(ground, places)]
    return inside


def _halved(samples: np.ndarray, n: int) -> np.ndarray:
    """The part, 0 to n - 1, of each of at least n samples; parts have equally many, or one more."""
    part, wanted = np.zeros(len(samples), dtype=np.int64), np.array([n])
    while wanted.max() > 1:
        size = np.bincount(part, minlength=len(wanted))
        begin = np.cumsum(size) - size
        by_part = samples[np.argsort(part, kind="stable")]
        wide = np.maximum.reduceat(by_part, begin) - np.minimum.reduceat(by_part, begin)
        is_wide = wide[:, 0] > wide[:, 1]
        order = np.lexsort((np.where(is_wide[part], samples[:, 0], samples[:, 1]), part))
        own = part[order]
        half = np.column_stack([wanted // 2, wanted - wanted // 2]).ravel()
        is_second = (np.arange(len(own)) - begin[own]) * wanted[own] >= size[own] * half[2 * own]
        number = np.cumsum(half > 0) - 1
        part[order] = number[2 * own + is_second]
        wanted = half[half > 0]
    return part

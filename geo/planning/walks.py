"""How far a worker walks from one end of a grid to the other."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from geo.planning.contiguity import Adjacency

NO_STEP_M = 1e-9
"""Inner points at one place are this far apart, since a step of 0 would be no step at all."""


def longest(
    cells: gpd.GeoDataFrame, adjacency: Adjacency, labels: np.ndarray, n_labels: int
) -> np.ndarray:
    """For each grid the way between its two cells farthest apart; NaN where there is none.

    The way is the shortest one from inner point to inner point of neighbouring cells of the grid
    (Dijkstra 1959), so that it goes round what is not the grid's; which cells are farthest apart
    is judged in a straight line. NaN for an empty grid and where the two cells lie in different
    parts of it; 0 for one cell.

    Parameters
    ----------
    cells : projected CRS in metres
    labels : grid of each cell, 0 to n_labels - 1; negative for none

    Returns
    -------
    n_labels values in metres
    """
    walk_m = np.full(n_labels, np.nan)
    if not (labels >= 0).any():
        return walk_m
    xy = shapely.get_coordinates(shapely.point_on_surface(cells.geometry.to_numpy()))
    start, end = _farthest(xy, labels)
    left, right = adjacency.left, adjacency.right
    is_inside = (labels[left] == labels[right]) & (labels[left] >= 0)
    left, right = left[is_inside], right[is_inside]
    step_m = np.maximum(np.hypot(*(xy[left] - xy[right]).T), NO_STEP_M)
    steps = csr_array((step_m, (left, right)), shape=(len(labels), len(labels)))
    # grids do not touch in this graph: the nearest start of a cell is that of its own grid
    far_m = dijkstra(steps, directed=False, indices=start, min_only=True)[end]
    walk_m[labels[start]] = np.where(np.isfinite(far_m), far_m, np.nan)
    return walk_m


def _farthest(xy: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two cells of each grid present, as far apart in a straight line as any two of it."""
    held = np.flatnonzero(labels >= 0)
    held = held[np.argsort(labels[held], kind="stable")]
    place = np.unique(labels[held], return_inverse=True)[1]
    hulls = shapely.convex_hull(shapely.multipoints(xy[held], indices=place))
    corners, hull_of_corner = shapely.get_coordinates(hulls, return_index=True)
    cell_of_corner = cKDTree(xy).query(corners)[1]
    begins = np.searchsorted(hull_of_corner, np.arange(len(hulls)))
    ends = np.r_[begins[1:], len(corners)]
    start, end = np.empty(len(hulls), np.int64), np.empty(len(hulls), np.int64)
    for hull, (begin, stop) in enumerate(zip(begins, ends, strict=True)):
        here = corners[begin:stop]
        apart = ((here[:, None] - here[None]) ** 2).sum(axis=2)
        one, other = divmod(int(apart.argmax()), len(here))
        start[hull], end[hull] = cell_of_corner[begin + one], cell_of_corner[begin + other]
    return start, end

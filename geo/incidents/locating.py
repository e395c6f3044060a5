"""The grid of each point, one point after another: exact, whatever the grids are like.

The half-open rule: a point belongs to the grid that holds the points just east of it (and then
just north, where a border runs due east). So a point on a shared border or corner goes to one grid
by its place alone, whatever the order of the rows. Points on the town's own outline, where east of
them there is no grid, go to the grid just north, else just west, else just south of them (each
time turned a further quarter anticlockwise); where none of the four lies in a grid (the tip of an
outward spike) to the lowest code among the grids that touch. No point of a grid is lost. Where
neighbours overlap by no more than the rounding of their coordinates (a corner on the neighbour's
border that no double hits), a point held twice goes to the lower code.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.errors import GeometryError
from geo.incidents.predicates import Floats, Indices, contains_just_east

ROUNDING_STEPS = 8
"""Steps between neighbouring doubles that coordinates may be off by: a corner put on a border is
rounded in x and y, and so are the ends of the border."""


def rounding_of(largest: Floats | float) -> Floats:
    """What coordinates of that size may be off by, in their unit."""
    steps: Floats = ROUNDING_STEPS * np.spacing(np.abs(largest))
    return steps


def locate(points: npt.ArrayLike, polygons: npt.ArrayLike, *, codes: pd.Series) -> Indices:
    """Position of the polygon that each point belongs to by the half-open rule; -1 for none.

    Parameters
    ----------
    points : n Shapely points; missing and empty ones belong nowhere
    polygons : m Shapely polygons or multipolygons that do not overlap
    codes : m texts, the polygons' codes: the last resort on the outline, and for the error

    Raises
    ------
    GeometryError : a point lies inside two polygons
    """
    points, polygons = np.asarray(points, dtype=object), np.asarray(polygons, dtype=object)
    found = np.full(len(points), -1, dtype=np.int64)
    polygon, point = shapely.STRtree(points).query(polygons, predicate="intersects")
    found[point] = polygon
    is_shared = np.bincount(point, minlength=len(points))[point] > 1
    if is_shared.any():
        point, polygon = point[is_shared], polygon[is_shared]
        shared, pair_of = np.unique(point, return_inverse=True)
        found[shared] = _settle(points[shared], polygons, pair_of, polygon, codes)
    return found


def _settle(
    points: npt.NDArray[np.object_],
    polygons: npt.NDArray[np.object_],
    point: Indices,
    polygon: Indices,
    codes: pd.Series,
) -> Indices:
    """The one polygon of each point among the pairs (point, polygon) that touch."""
    names = codes.to_numpy(dtype=object).astype(str)
    order = np.argsort(names[polygon], kind="stable")[::-1]
    settled = np.full(len(points), -1, dtype=np.int64)
    settled[point[order]] = polygon[order]  # the lowest code is written last and stays
    x, y = shapely.get_x(points), shapely.get_y(points)
    used, slot = np.unique(polygon, return_inverse=True)
    edges, first, count = _edges(polygons[used])
    is_open = np.ones(len(points), dtype=bool)
    for _ in range(4):
        pairs = np.flatnonzero(is_open[point])
        p, s = point[pairs], slot[pairs]
        is_in = contains_just_east(x[p], y[p], edges, first[s], count[s])
        p, holder = p[is_in], polygon[pairs[is_in]]
        p, holder = _lowest_in_slivers(points, p, holder, polygons, names)
        _check_no_overlap(p, holder, names)
        settled[p] = holder
        is_open[p] = False
        x, y = y, -x
        edges = np.stack([edges[:, 1], -edges[:, 0], edges[:, 3], -edges[:, 2]], axis=1)
    return settled


def _lowest_in_slivers(
    points: npt.NDArray[np.object_],
    point: Indices,
    polygon: Indices,
    polygons: npt.NDArray[np.object_],
    names: npt.NDArray[np.str_],
) -> tuple[Indices, Indices]:
    """The pairs with the lowest code only, for points that all but one of their polygons hold by
    no more than rounding."""
    is_double = np.bincount(point, minlength=1)[point] > 1 if len(point) else np.zeros(0, bool)
    if not is_double.any():
        return point, polygon
    at = points[point]
    depth = shapely.distance(at, shapely.boundary(polygons[polygon]))
    rounding = rounding_of(np.maximum(np.abs(shapely.get_x(at)), np.abs(shapely.get_y(at))))
    n_deep = np.bincount(point, weights=depth > rounding)[point]
    order = np.lexsort((names[polygon], point))
    is_first = np.ones(len(point), dtype=bool)
    is_first[order[1:]] = point[order[1:]] != point[order[:-1]]
    is_kept = ~is_double | (n_deep > 1) | is_first
    return point[is_kept], polygon[is_kept]


def _edges(polygons: npt.NDArray[np.object_]) -> tuple[Floats, Indices, Indices]:
    """Ends of all rings' edges, (m, 4), and each polygon's first edge and number of edges."""
    parts, owner = shapely.get_parts(polygons, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    is_edge = ring[1:] == ring[:-1]
    edges = np.hstack([xy[:-1], xy[1:]])[is_edge]
    count = np.bincount(owner[part[ring[1:][is_edge]]], minlength=len(polygons))
    return edges, np.cumsum(count) - count, count


def _check_no_overlap(point: Indices, polygon: Indices, names: npt.NDArray[np.str_]) -> None:
    is_double = np.bincount(point)[point] > 1 if len(point) else np.zeros(0, dtype=bool)
    if is_double.any():
        codes = sorted(set(names[polygon[is_double]].tolist()))
        n_points = len(set(point[is_double].tolist()))
        raise GeometryError(
            "attribution.overlapping_grids",
            f"grids must not overlap; {n_points} points lie inside two of the grids {codes[:3]}. "
            "Redraw them so that they only share borders.",
            n_points=n_points,
            n_grids=len(codes),
            grids=codes[:3],
        )

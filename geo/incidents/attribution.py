"""Which grid each point lies in: exact, one grid for every point of the covered ground.

The half-open rule: a point belongs to the grid that holds the points just east of it (and then
just north, where a border runs due east). So a point on a shared border or corner goes to one grid
by its place alone, whatever the order of the rows. Points on the town's own outline, where east of
them there is no grid, go to the grid just north, else just west, else just south of them (each
time turned a further quarter anticlockwise); where none of the four lies in a grid (the tip of an
outward spike) to the lowest code among the grids that touch. No point of a grid is lost.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.errors import CrsError, GeometryError, ParameterError
from geo.incidents.predicates import Floats, Indices, contains_just_east

GRID_COLUMNS = ("grid", "plan", "community")


def attribute(incidents: gpd.GeoDataFrame, grids: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The incidents with `grid`, `plan` and `community` of the grid that each lies in.

    Exact half-open rule (module text); null where a point lies in no grid or has no geometry.

    Parameters
    ----------
    incidents : n points; index, row order and other columns are kept
    grids : polygons of one plan in the same CRS, with `grid` and, where known, `plan` and
        `community`; they may leave gaps but must not overlap where a point lies

    Raises
    ------
    CrsError : the two are not in the same CRS
    ParameterError : grids of more than one plan
    GeometryError : a point lies inside two grids, or an incident is no point
    """
    _check_same_crs(incidents, grids)
    _check_one_plan(grids)
    _check_points(incidents)
    position = locate(incidents.geometry.array, grids.geometry.array, codes=grids["grid"])
    is_found = position >= 0
    columns: dict[str, pd.Series] = {}
    for name in GRID_COLUMNS:
        values = np.full(len(incidents), None, dtype=object)
        if name in grids.columns:
            values[is_found] = grids[name].to_numpy(dtype=object)[position[is_found]]
        columns[name] = pd.Series(values, index=incidents.index, dtype="str")
    return incidents.assign(**columns)


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
        _check_no_overlap(p, holder, names)
        settled[p] = holder
        is_open[p] = False
        x, y = y, -x
        edges = np.stack([edges[:, 1], -edges[:, 0], edges[:, 3], -edges[:, 2]], axis=1)
    return settled


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


def _check_same_crs(incidents: gpd.GeoDataFrame, grids: gpd.GeoDataFrame) -> None:
    if incidents.crs != grids.crs:
        raise CrsError(
            "crs.mismatch",
            f"incidents and grids must share one CRS; got {incidents.crs} and {grids.crs}. "
            "Reproject with `crs.to_metric`.",
            left=str(incidents.crs),
            right=str(grids.crs),
        )


def _check_one_plan(grids: gpd.GeoDataFrame) -> None:
    plans = grids["plan"].dropna().unique().tolist() if "plan" in grids.columns else []
    if len(plans) > 1:
        raise ParameterError(
            "attribution.several_plans",
            f"grids must be of one plan; got {len(plans)}: {plans[:3]}. Pass one plan's grids.",
            n_plans=len(plans),
            plans=plans[:3],
        )


def _check_points(incidents: gpd.GeoDataFrame) -> None:
    kinds = shapely.get_type_id(incidents.geometry.array)
    n_others = int((~np.isin(kinds, (-1, 0))).sum())
    if n_others:
        raise GeometryError(
            "attribution.not_points",
            f"incidents must be points; {n_others} are not. Use their representative points.",
            n=n_others,
        )

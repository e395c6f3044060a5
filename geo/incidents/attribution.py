"""Which grid each point lies in: exact, one grid for every point of the covered ground.

By the half-open rule of `geo.incidents.locating`: a point on a shared border or corner goes to one
grid by its place alone. Many points are asked of a label index, few of the grids themselves; the
answers are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.errors import ConflictError, CrsError, GeometryError, ParameterError
from geo.incidents.locating import locate
from geo.incidents.predicates import Indices

if TYPE_CHECKING:
    from geo.incidents.label_index import LabelIndex

__all__ = ["GRID_COLUMNS", "attribute", "check_one_plan", "index_of", "locate", "positions_of"]

GRID_COLUMNS = ("grid", "plan", "community")

_POINTS_THAT_PAY = 100_000
_VERTICES_A_POINT = 8
"""An index is built from so many points on, and one more for every 8 vertices of the grids: a
point asked of the grids costs 2 microseconds and more, a vertex built in about 0.2, and loading
the compiled code 0.3 s, once."""


def attribute(
    incidents: gpd.GeoDataFrame, grids: gpd.GeoDataFrame, *, index: LabelIndex | None = None
) -> gpd.GeoDataFrame:
    """The incidents with `grid`, `plan` and `community` of the grid that each lies in.

    Exact half-open rule (module text); null where a point lies in no grid or has no geometry.

    Parameters
    ----------
    incidents : n points; index, row order and other columns are kept
    grids : polygons of one plan in the same CRS, with `grid` and, where known, `plan` and
        `community`; they may leave gaps but must not overlap where a point lies
    index : label index of these grids, where one is at hand; else one is built where it pays

    Raises
    ------
    CrsError : the two are not in the same CRS
    ParameterError : grids of more than one plan
    ConflictError : the index was built from other grids
    GeometryError : a point lies inside two grids, or an incident is no point
    """
    _check_same_crs(incidents, grids)
    check_one_plan(grids)
    _check_points(incidents)
    position = positions_of(incidents, grids, index=index)
    columns: dict[str, pd.Series] = {}
    for name in GRID_COLUMNS:
        known = grids[name] if name in grids.columns else pd.Series(None, index=grids.index)
        # texts one by one, so that a code that came as a number reads as its text
        texts = pd.array(known.to_numpy(dtype=object), dtype="str")
        values = texts.take(position, allow_fill=True)
        columns[name] = pd.Series(values, index=incidents.index)
    return incidents.assign(**columns)


def positions_of(
    incidents: gpd.GeoDataFrame, grids: gpd.GeoDataFrame, *, index: LabelIndex | None = None
) -> Indices:
    """Row of the grid that each incident lies in, -1 for none; parameters as in `attribute`.

    Where the grids make no index (they overlap somewhere, or are invalid) each point is asked of
    the grids themselves: only those in the overlap are in doubt.
    """
    points, polygons = incidents.geometry.array, np.asarray(grids.geometry.array, dtype=object)
    if index is not None:
        _check_same_polygons(index, polygons)
    elif len(points) >= _POINTS_THAT_PAY + _n_vertices(polygons) / _VERTICES_A_POINT:
        index = index_of(grids)
    if index is None:
        return locate(points, polygons, codes=grids["grid"])
    return index.locate_points(points)


def index_of(grids: gpd.GeoDataFrame) -> LabelIndex | None:
    """The grids' label index, gaps allowed; None where they overlap somewhere or are invalid."""
    from geo.incidents.label_index import LabelIndex  # noqa: PLC0415 - loads the compiler

    try:
        return LabelIndex.build(grids, gaps="allow")
    except GeometryError:
        return None


def _n_vertices(polygons: np.ndarray) -> int:
    return int(shapely.get_num_coordinates(polygons).sum())


def _check_same_polygons(index: LabelIndex, polygons: np.ndarray) -> None:
    is_same = len(index.polygons) == len(polygons) and bool(
        (
            shapely.equals_identical(index.polygons, polygons)
            | (shapely.is_missing(index.polygons) & shapely.is_missing(polygons))
        ).all()
    )
    if not is_same:
        raise ConflictError(
            "attribution.index_stale",
            "the label index was built from other grids than these. Build it anew with "
            "`LabelIndex.build`.",
            name="index",
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


def check_one_plan(grids: gpd.GeoDataFrame) -> None:
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

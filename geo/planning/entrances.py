"""Buildings with more households than a grid may have, taken apart by their entrances (单元)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

BISECTIONS = 40
"""Halvings that place a cut: a kilometre is halved to less than a micrometre."""


@dataclass(frozen=True)
class Parts:
    """`geometry` of each entrance part of one building, and its `share` of the households.

    `is_counted`: the shares are counts, not equal by assumption.
    """

    geometry: np.ndarray
    share: np.ndarray
    is_counted: bool


def with_counts(
    buildings: gpd.GeoDataFrame, entrances: gpd.GeoDataFrame | None
) -> gpd.GeoDataFrame:
    """The buildings, those nobody counted with the sum of their entrances' households and people.

    Only where every entrance of the building has been counted.
    """
    if entrances is None or len(entrances) == 0 or "households" not in entrances.columns:
        return buildings
    filled = buildings.copy()
    is_open = _is_missing(filled, "households")
    if "households_estimated" in filled.columns:
        is_open = is_open | filled["households_estimated"].fillna(False).to_numpy(dtype=bool)
    for column in ("households", "people"):
        if column not in entrances.columns:
            filled[column] = _nulled(filled, column, is_open)
            continue
        by_building = entrances.groupby("building")[column]
        is_known = by_building.count() == by_building.size()
        total = by_building.sum()[is_known].reindex(filled["building"]).to_numpy("float64")
        if column == "households":
            is_open = is_open & ~np.isnan(total)
        values = _nulled(filled, column, is_open).to_numpy("float64", na_value=np.nan)
        filled[column] = pd.array(np.where(is_open, total, values), dtype="Float64")
    if "households_estimated" in filled.columns:
        filled.loc[is_open, "households_estimated"] = False
    return filled


def parts_of(buildings: gpd.GeoDataFrame, entrances: gpd.GeoDataFrame | None) -> dict[int, Parts]:
    """The entrance parts of those of these buildings that can be taken apart, by position.

    A footprint is shared out to the nearest entrance (Voronoi); where only the number of entrances
    is known, from `n_entrances` or the layer's rows, it is cut across its long axis into that many
    parts of equal area. A building known as a point becomes its entrances' points.

    Parameters
    ----------
    buildings : with `building`, maybe `n_entrances`
    entrances : points with `building`, maybe `households`
    """
    own = {} if entrances is None else entrances.groupby("building").indices
    keys = buildings["building"].to_numpy(dtype=object)
    shapes = buildings.geometry.to_numpy()
    n_known = np.zeros(len(buildings), dtype=np.int64)
    if "n_entrances" in buildings.columns:
        n_known = buildings["n_entrances"].fillna(0).to_numpy(dtype="int64")
    found = {}
    for row in range(len(buildings)):
        mine = None if entrances is None else entrances.iloc[own.get(keys[row], [])]
        parts = _apart(shapes[row], mine, int(n_known[row]))
        if parts is not None and len(parts.geometry) > 1:
            found[row] = parts
    return found


def _apart(
    shape: shapely.Geometry, entrances: gpd.GeoDataFrame | None, n_known: int
) -> Parts | None:
    is_area = shapely.get_dimensions(shape) == 2
    if entrances is not None and len(entrances):
        place, at, counted = _places(shape if is_area else None, entrances)
        share = np.bincount(at, np.ones(len(at)) if counted is None else counted)
        if len(place) > 1:
            geometry = by_points(shape, place) if is_area else shapely.points(place)
            is_ground = ~shapely.is_empty(geometry)
            return Parts(geometry[is_ground], share[is_ground], counted is not None)
        n_known = max(n_known, len(at))
    if is_area and n_known > 1:
        return Parts(slices(shape, n_known), np.ones(n_known), is_counted=False)
    return None


def _places(
    ground: shapely.Geometry | None, entrances: gpd.GeoDataFrame
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Where entrances are (on the ground, if any), which place each has, and their counts."""
    points = entrances.geometry.to_numpy()
    has_point = ~(shapely.is_missing(points) | shapely.is_empty(points))
    if not has_point.all():
        return np.empty((0, 2)), np.zeros(len(points), dtype=np.int64), None
    points = shapely.centroid(points)
    if ground is not None:
        points = shapely.get_point(shapely.shortest_line(ground, points), 0)
    xy = np.round(shapely.get_coordinates(points), 3)
    place, at = np.unique(xy, axis=0, return_inverse=True)
    counted = None
    if "households" in entrances.columns and entrances["households"].notna().all():
        counted = entrances["households"].to_numpy(dtype="float64")
    return place, at.ravel(), counted if counted is not None and counted.sum() > 0 else None


def by_points(footprint: shapely.Geometry, points: np.ndarray) -> np.ndarray:
    """The footprint shared out to the nearest of n points inside it; each part is connected."""
    cells = shapely.voronoi_polygons(shapely.multipoints(points), extend_to=footprint, ordered=True)
    return _connected(shapely.intersection(shapely.get_parts(cells), footprint))


def slices(footprint: shapely.Geometry, n: int) -> np.ndarray:
    """n parts of equal area, cut across the long axis; each is connected."""
    corner = shapely.get_coordinates(shapely.minimum_rotated_rectangle(footprint))
    sides = np.diff(corner[:3], axis=0)
    length_m = np.hypot(*sides.T)
    along = sides[np.argmax(length_m)] / max(float(length_m.max()), 1e-9)
    reach_m = 2 * float(length_m.sum()) + 1
    middle = corner[:4].mean(axis=0)

    def before(place: float) -> shapely.Geometry:
        """The half of the plane up to that place on the axis, as a large rectangle."""
        across = np.array([-along[1], along[0]]) * reach_m
        end = middle + along * place
        back = end - along * reach_m
        return shapely.Polygon([back - across, back + across, end + across, end - across])

    whole_m2 = shapely.area(footprint)
    rest, parts = footprint, []
    for k in range(1, n):
        cut = before(_place_of(footprint, before, whole_m2 * k / n, float(length_m.max())))
        parts.append(shapely.intersection(rest, cut))
        rest = shapely.difference(rest, cut)
    return _connected(np.array([*parts, rest], dtype=object))


def _place_of(
    footprint: shapely.Geometry,
    before: Callable[[float], shapely.Geometry],
    wanted_m2: float,
    length_m: float,
) -> float:
    """Where on the axis the footprint has so much area behind."""
    low, high = -length_m, length_m
    for _ in range(BISECTIONS):
        place = (low + high) / 2
        if shapely.area(shapely.intersection(footprint, before(place))) < wanted_m2:
            low = place
        else:
            high = place
    return (low + high) / 2


def _connected(parts: np.ndarray) -> np.ndarray:
    """The parts, each with the pieces that touch its largest piece more than any other largest."""
    pieces, owner = shapely.get_parts(parts, return_index=True)
    is_area = shapely.get_dimensions(pieces) == 2
    pieces, owner = pieces[is_area], owner[is_area]
    order = np.lexsort((-shapely.area(pieces), owner))
    used, first = np.unique(owner[order], return_index=True)
    largest = order[first]
    for piece in np.setdiff1d(np.arange(len(pieces)), largest):
        touched_m = shapely.length(shapely.intersection(pieces[piece], pieces[largest]))
        owner[piece] = used[int(np.argmax(touched_m))]
    united = [shapely.union_all(pieces[owner == one]) for one in range(len(parts))]
    return np.array(united, dtype=object)


def _is_missing(frame: pd.DataFrame, column: str) -> np.ndarray:
    if column not in frame.columns:
        return np.ones(len(frame), dtype=bool)
    missing: np.ndarray = frame[column].isna().to_numpy(dtype=bool)
    return missing


def _nulled(frame: pd.DataFrame, column: str, is_nulled: np.ndarray) -> pd.Series:
    """The column as numbers, null where the mask is true."""
    if column not in frame.columns:
        return pd.Series(pd.NA, index=frame.index, dtype="Float64")
    return frame[column].astype("Float64").mask(is_nulled)

"""From what a file's coordinates are said to be to the town's metres."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.exceptions import CRSError as ProjError

from geo.crs import WGS84, convert_datum, metric_crs, projected_crs_of, to_metric, to_wgs84
from geo.errors import CrsError
from geo.intake.places import misplaced
from geo.intake.source import Note, note


def settle_crs(
    declared: Any, *, crs: Any, datum: str | None, geometry: NDArray[np.object_]
) -> tuple[pyproj.CRS, list[Note]]:
    """The CRS the coordinates are in: the caller's word, else the file's, else told by their size.

    A datum given for a file that names no CRS means degrees in that datum.

    Raises
    ------
    CrsError : nobody says, and the numbers fit neither degrees nor a zone with prefix; or what
        is said is no CRS
    """
    said, told = _crs_of(declared, "file"), _crs_of(crs, "option")
    if told is not None:
        differs = said is not None and not said.equals(told, ignore_axis_order=True)
        notes = (
            [note("crs.overridden", len(geometry), declared=said.to_string())] if differs else []
        )
        return told, notes
    if said is not None:
        return said, []
    if datum is not None:
        return WGS84, []
    return _guessed(geometry)


def _crs_of(value: Any, where: str) -> pyproj.CRS | None:
    if value is None or value == "":
        return None
    try:
        return pyproj.CRS.from_user_input(value)
    except ProjError as error:
        raise CrsError(
            "crs.unreadable",
            f"the CRS must be a known one; the {where} says {value!s:.80}. "
            "Give a code such as EPSG:4490.",
            value=str(value)[:80],
        ) from error


def _guessed(geometry: NDArray[np.object_]) -> tuple[pyproj.CRS, list[Note]]:
    bounds = shapely.bounds(geometry)
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    if not len(bounds):
        return WGS84, []
    # The middle half of the rows decides, so that a few absurd ones do not.
    low, high = np.quantile(bounds, 0.25, axis=0), np.quantile(bounds, 0.75, axis=0)
    west, south, east, north = low[0], low[1], high[2], high[3]
    if np.abs([west, east]).max() <= 180 and np.abs([south, north]).max() <= 180:
        return WGS84, [note("crs.assumed_wgs84", len(geometry))]
    found = projected_crs_of((west, south, east, north))
    if found is None:
        raise CrsError(
            "crs.unknown",
            "a file must name its CRS where its coordinates are not degrees; found "
            f"x from {west:.0f} to {east:.0f}, y from {south:.0f} to {north:.0f} and no CRS. "
            "Name it with the crs option, such as EPSG:4551.",
            bounds=[round(float(value)) for value in (west, south, east, north)],
        )
    return found, [note("crs.assumed_from_prefix", len(geometry), crs=found.to_string())]


def find_misplaced(
    frame: gpd.GeoDataFrame, lines: NDArray[np.int64], town_crs: Any
) -> tuple[list[Any], gpd.GeoDataFrame]:
    """Rejects of rows whose coordinates cannot be meant, and the frame in degrees."""
    in_degrees = frame if frame.crs.is_geographic else to_wgs84(frame)
    geometry = np.asarray(in_degrees.geometry.array, dtype=object)
    area = pyproj.CRS.from_user_input(town_crs).area_of_use if town_crs is not None else None
    zone = (area.west, area.south, area.east, area.north) if area is not None else None
    return misplaced(geometry, lines, zone), in_degrees


def to_town(
    frame: gpd.GeoDataFrame,
    in_degrees: gpd.GeoDataFrame,
    *,
    datum: str | None,
    town_crs: Any,
) -> gpd.GeoDataFrame:
    """The frame in the town's CRS, or where there is none yet, in the zone its rows lie in.

    Parameters
    ----------
    frame : rows in the file's CRS
    in_degrees : the same rows in degrees
    datum : wgs84, gcj02, bd09 or cgcs2000 where the numbers are in another datum than they say
    """
    if datum is not None:
        frame = in_degrees = convert_datum(in_degrees, datum=datum)
    if town_crs is None and not len(frame):
        return frame.to_crs(WGS84)
    target = (
        metric_crs(tuple(to_wgs84(in_degrees).total_bounds))
        if town_crs is None
        else pyproj.CRS.from_user_input(town_crs)
    )
    return frame if frame.crs == target else to_metric(frame, crs=target)

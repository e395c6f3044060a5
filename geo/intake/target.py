"""From what a file's coordinates are said to be to the town's metres."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.exceptions import CRSError as ProjError

from geo.crs import (
    DATUMS,
    WGS84,
    bd09_to_wgs84,
    convert_datum,
    gcj02_to_wgs84,
    metric_crs,
    projected_crs_of,
    to_metric,
)
from geo.errors import CrsError, ParameterError
from geo.intake.places import Places
from geo.intake.source import Note, note

GUESS_ROWS = 5_000
"""Rows looked at, evenly spread, to tell degrees from metres."""

_TO_WGS84 = {"gcj02": gcj02_to_wgs84, "bd09": bd09_to_wgs84}


def check_datum(datum: str | None) -> None:
    """Nothing, when the datum is one we know or none is said.

    Raises
    ------
    ParameterError : another is named
    """
    if datum is not None and datum not in DATUMS:
        raise ParameterError(
            "crs.unknown_datum",
            f"datum must be one of {', '.join(DATUMS)}; got {datum!r}.",
            datum=datum,
            known=list(DATUMS),
        )


def settle_crs(
    declared: Any, *, crs: Any, datum: str | None, bounds: NDArray[np.float64]
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
        if said is None or said.equals(told, ignore_axis_order=True):
            return told, []
        return told, [note("crs.overridden", len(bounds), declared=said.to_string())]
    if said is not None:
        return said, []
    if datum is not None:
        return WGS84, []
    return _guessed(bounds)


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


def _guessed(bounds: NDArray[np.float64]) -> tuple[pyproj.CRS, list[Note]]:
    n_rows = len(bounds)
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    if not len(bounds):
        return WGS84, []
    # The middle half of some rows decides, so that a few absurd ones do not.
    bounds = bounds[:: max(1, len(bounds) // GUESS_ROWS)]
    low, high = np.quantile(bounds, 0.25, axis=0), np.quantile(bounds, 0.75, axis=0)
    west, south, east, north = low[0], low[1], high[2], high[3]
    if np.abs([west, east]).max() <= 180 and np.abs([south, north]).max() <= 180:
        return WGS84, [note("crs.assumed_wgs84", n_rows)]
    found = projected_crs_of((west, south, east, north))
    if found is None:
        raise CrsError(
            "crs.unknown",
            "a file must name its CRS where its coordinates are not degrees; found "
            f"x from {west:.0f} to {east:.0f}, y from {south:.0f} to {north:.0f} and no CRS. "
            "Name it with the crs option, such as EPSG:4551.",
            bounds=[round(float(value)) for value in (west, south, east, north)],
        )
    return found, [note("crs.assumed_from_prefix", n_rows, crs=found.to_string())]


def degrees_of(bounds: NDArray[np.float64], crs: pyproj.CRS) -> NDArray[np.float64]:
    """(n, 4) the rows' bounds as longitudes and latitudes; of projected ones, by two corners."""
    if crs.is_geographic:
        return bounds
    to_degrees = pyproj.Transformer.from_crs(crs, WGS84, always_xy=True)
    west, south = to_degrees.transform(bounds[:, 0], bounds[:, 1])
    east, north = to_degrees.transform(bounds[:, 2], bounds[:, 3])
    return np.column_stack([west, south, east, north])


def zone_of(town_crs: Any) -> tuple[float, float, float, float] | None:
    """West, south, east, north of where the town's CRS is meant for, degrees; None if unknown."""
    area = pyproj.CRS.from_user_input(town_crs).area_of_use if town_crs is not None else None
    return (area.west, area.south, area.east, area.north) if area is not None else None


def to_town(
    places: Places,
    crs: pyproj.CRS,
    *,
    datum: str | None,
    town_crs: Any,
    degrees: NDArray[np.float64],
) -> gpd.GeoSeries:
    """The places in the town's CRS, or where there is none yet, in the zone they lie in.

    Parameters
    ----------
    places : rows in `crs`
    datum : wgs84, gcj02, bd09 or cgcs2000 where the numbers are in another datum than they say
    degrees : (n, 4) bounds of the rows that will count, longitudes and latitudes; not empty
    """
    target = pyproj.CRS.from_user_input(town_crs) if town_crs is not None else None
    if target is None:
        west, south = degrees[:, :2].min(axis=0)
        east, north = degrees[:, 2:].max(axis=0)
        target = metric_crs((float(west), float(south), float(east), float(north)))
    if places.xy is not None and crs.is_geographic:
        points = Places(xy=_moved(places.xy, crs, datum, target)).to_geometry()
        return gpd.GeoSeries(points, crs=target)
    frame = gpd.GeoDataFrame(geometry=places.to_geometry(), crs=crs)
    if datum is not None:
        frame = convert_datum(frame, datum=datum)
    return frame.geometry if frame.crs == target else to_metric(frame, crs=target).geometry


def _moved(
    xy: NDArray[np.float64], crs: pyproj.CRS, datum: str | None, target: pyproj.CRS
) -> NDArray[np.float64]:
    """(n, 2) coordinates in `target`, without a detour over geometries."""
    x, y = xy[:, 0], xy[:, 1]
    if datum is not None:
        if not crs.equals(WGS84, ignore_axis_order=True):
            x, y = pyproj.Transformer.from_crs(crs, WGS84, always_xy=True).transform(x, y)
        crs = WGS84
    if datum in _TO_WGS84:
        x, y = _TO_WGS84[datum](x, y)
    x, y = pyproj.Transformer.from_crs(crs, target, always_xy=True).transform(x, y)
    return np.column_stack([x, y])

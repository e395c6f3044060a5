"""Which projected CRS a place gets, and the ways into it and out of it."""

from __future__ import annotations

import math
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj

from geo.crs.mainland import is_mainland
from geo.errors import CrsError, ParameterError

WGS84 = pyproj.CRS.from_epsg(4326)

CGCS2000_ZONE_75E = 4534
"""EPSG code of CGCS2000 / 3-degree Gauss-Kruger CM 75E; the code grows by 1 per 3 degrees."""
CGCS2000_ZONES = range(4534, 4555)
"""Zones without prefix, central meridians 75E to 135E."""
PREFIX_CODE_STEP = 21
"""EPSG code of a zone without prefix minus that of the same zone with prefix (4513-4533)."""
PREFIXED_6_DEGREE_75E = 4491
"""EPSG code of CGCS2000 / Gauss-Kruger zone 13, easting 13 million; 11 zones of 6 degrees."""

WEB_MERCATOR = 3857


def metric_crs(bounds_wgs84: tuple[float, float, float, float]) -> pyproj.CRS:
    """The projected CRS, in metres, for data within these bounds.

    The zone of the bounds' centre: CGCS2000 3-degree Gauss-Kruger without zone prefix
    (EPSG:4534-4554) where the centre lies in mainland China, else UTM on WGS84.

    Parameters
    ----------
    bounds_wgs84 : west, south, east, north in degrees

    Raises
    ------
    ParameterError : the bounds are not finite, not ordered, or not longitudes and latitudes
    """
    west, south, east, north = (float(value) for value in bounds_wgs84)
    is_ordered = -180 <= west <= east <= 180 and -90 <= south <= north <= 90
    if not is_ordered:
        raise ParameterError(
            "crs.bounds_not_wgs84",
            f"bounds must be west, south, east, north in degrees; got {bounds_wgs84}. "
            "Reproject to WGS84, and check that latitude and longitude are not swapped.",
            bounds=[west, south, east, north],
        )
    lon, lat = (west + east) / 2, (south + north) / 2
    if bool(is_mainland(lon, lat)):
        zone = math.floor(lon / 3 + 0.5) - 25
        return pyproj.CRS.from_epsg(CGCS2000_ZONE_75E + min(max(zone, 0), 20))
    if not -80 <= lat <= 84:
        raise ParameterError(
            "crs.polar",
            f"UTM covers 80 S to 84 N; got a centre at latitude {lat:.4f}. Name a polar CRS.",
            lat=lat,
        )
    zone = min(int((lon + 180) // 6) + 1, 60)
    return pyproj.CRS.from_epsg((32600 if lat >= 0 else 32700) + zone)


def projected_crs_of(bounds: tuple[float, float, float, float]) -> pyproj.CRS | None:
    """The prefixed CGCS2000 zone that numbers of this size can only be in, or None.

    Eastings of 25 to 45 million carry a 3-degree zone number (EPSG:4513-4533), those of 13 to
    23 million a 6-degree one (EPSG:4491-4501). Without a prefix the zone cannot be known.
    """
    west, south, east, north = bounds
    if not np.isfinite(bounds).all() or not 0 < south <= north < 6_500_000:
        return None
    prefix = int(west // 1_000_000)
    if int(east // 1_000_000) != prefix:
        return None
    if 25 <= prefix <= 45:
        return pyproj.CRS.from_epsg(4513 + prefix - 25)
    if 13 <= prefix <= 23:
        return pyproj.CRS.from_epsg(PREFIXED_6_DEGREE_75E + prefix - 13)
    return None


def without_zone_prefix(crs: pyproj.CRS) -> pyproj.CRS:
    """The same CGCS2000 3-degree zone with small eastings; any other CRS as it is."""
    code = crs.to_epsg()
    if code is not None and code + PREFIX_CODE_STEP in CGCS2000_ZONES:
        return pyproj.CRS.from_epsg(code + PREFIX_CODE_STEP)
    return crs


def check_metric(frame: gpd.GeoDataFrame | gpd.GeoSeries, name: str) -> None:
    """Nothing when the frame's CRS is projected, in metres, and keeps lengths.

    Raises
    ------
    CrsError : `crs.missing`, `crs.not_projected` (degrees or another unit) or `crs.distorted`
        (Web Mercator, whose metres are too long by 1 / cos(latitude): 1.38 times at 43.9 N)
    """
    crs = frame.crs
    if crs is None:
        raise CrsError(
            "crs.missing",
            f"`{name}` must say its CRS; it has none. Give it with `set_crs`, "
            "or name it when the file is read.",
            name=name,
        )
    units = {axis.unit_name for axis in crs.axis_info[:2]}
    if not crs.is_projected or units != {"metre"}:
        raise CrsError(
            "crs.not_projected",
            f"`{name}` must use a projected CRS in metres; got {label(crs)} "
            f"({', '.join(sorted(units))}). Reproject with `crs.to_metric({name})`.",
            name=name,
            found=label(crs),
        )
    if crs.to_epsg() == WEB_MERCATOR:
        raise CrsError(
            "crs.distorted",
            f"`{name}` must use a CRS that keeps lengths; got Web Mercator (EPSG:3857). "
            f"Reproject with `crs.to_metric({name})`.",
            name=name,
            found=label(crs),
        )


def to_metric(frame: gpd.GeoDataFrame, *, crs: Any = None) -> gpd.GeoDataFrame:
    """The frame in a projected CRS in metres: `crs`, or the one its own ground asks for.

    A frame that already is in such a CRS stays in it when `crs` is not given, except that a
    CGCS2000 zone with prefix becomes the same zone without.

    Raises
    ------
    CrsError : the frame has no CRS, or `crs` is not in metres
    """
    _check_has_crs(frame)
    target = pyproj.CRS.from_user_input(crs) if crs is not None else _own_metric_crs(frame)
    projected = _reproject(frame, target)
    check_metric(projected, "frame")
    return projected


def to_wgs84(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The frame in WGS84 (EPSG:4326), longitude first."""
    _check_has_crs(frame)
    return _reproject(frame, WGS84)


def label(crs: pyproj.CRS) -> str:
    """A short name of the CRS, such as `EPSG:4551`."""
    authority = crs.to_authority()
    return ":".join(authority) if authority else str(crs.name)


def _own_metric_crs(frame: gpd.GeoDataFrame) -> pyproj.CRS:
    crs = frame.crs
    if crs.is_projected and crs.to_epsg() != WEB_MERCATOR:
        return without_zone_prefix(crs)
    in_wgs84 = _reproject(frame, WGS84)
    bounds = in_wgs84.total_bounds
    if not np.isfinite(bounds).all():
        raise CrsError(
            "crs.no_coordinates",
            "the frame must hold at least one coordinate for a CRS to be chosen; it has none. "
            "Name the CRS.",
        )
    return metric_crs(tuple(bounds))


def _reproject(frame: gpd.GeoDataFrame, target: pyproj.CRS) -> gpd.GeoDataFrame:
    """The frame in `target`; refused where some coordinates have no place there."""
    moved = frame.to_crs(target)
    before, after = frame.geometry.bounds.to_numpy(), moved.geometry.bounds.to_numpy()
    is_lost = np.isfinite(before).all(axis=1) & ~np.isfinite(after).all(axis=1)
    if is_lost.any():
        raise CrsError(
            "crs.outside",
            f"every coordinate must lie where {label(frame.crs)} and {label(target)} are "
            f"defined; {int(is_lost.sum())} rows do not, the first at {frame.index[is_lost][0]}. "
            "Check the CRS and that latitude and longitude are not swapped.",
            found=label(frame.crs),
            target=label(target),
            count=int(is_lost.sum()),
        )
    return moved


def _check_has_crs(frame: gpd.GeoDataFrame) -> None:
    if frame.crs is None:
        raise CrsError(
            "crs.missing",
            "the frame must say its CRS; it has none. Give it with `set_crs`, "
            "or name it when the file is read.",
            name="frame",
        )

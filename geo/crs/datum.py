"""Datum changes: WGS84, GCJ-02 and BD-09, exact both ways, identity outside mainland China.

Who is shifted
--------------
Map services shift what lies in mainland China, by up to 1.5 km; near the outline a shift can
leave it, and a lone inverse could no longer tell. So both directions ask the same of the WGS84
point: does it lie in the outline, or do its GCJ-02 or BD-09 numbers? Then there and back is exact
for every point of the outline, whichever datum its numbers are in. Points in Hong Kong, Macau and
Taiwan are never shifted, whatever their numbers. One doubt is real and stays: numbers just outside
the outline, one shift away at most, are read as those of a shifted point of the mainland.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geo.crs.mainland import INSIDE, NEAR, Lookup, Mask, load_lookup
from geo.crs.projected import WGS84, to_wgs84
from geo.crs.shifts import Coordinates, add_bd09, add_gcj02, remove_bd09, remove_gcj02
from geo.errors import ParameterError

Datum = Literal["wgs84", "cgcs2000", "gcj02", "bd09"]
DATUMS: tuple[str, ...] = get_args(Datum)

Pair = tuple[NDArray[np.float64], NDArray[np.float64]]
_Shift = Callable[[Coordinates, Coordinates], tuple[Coordinates, Coordinates]]

CHUNK = 16384
"""Points worked on at once: their temporaries stay in the processor's cache."""


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """These WGS84 points in GCJ-02, degrees; unchanged outside mainland China."""
    return _convert(lon, lat, _nothing, add_gcj02)


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """These GCJ-02 points in WGS84, degrees; unchanged outside mainland China."""
    return _convert(lon, lat, remove_gcj02, remove_gcj02)


def wgs84_to_bd09(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """These WGS84 points in BD-09, degrees; unchanged outside mainland China."""
    return _convert(lon, lat, _nothing, _add_both)


def bd09_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """These BD-09 points in WGS84, degrees; unchanged outside mainland China."""
    return _convert(lon, lat, _remove_both, _remove_both)


def gcj02_to_bd09(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """These GCJ-02 points in BD-09, degrees; unchanged outside mainland China."""
    return _convert(lon, lat, remove_gcj02, add_bd09)


def bd09_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> Pair:
    """These BD-09 points in GCJ-02, degrees; unchanged outside mainland China."""
    return _convert(lon, lat, _remove_both, remove_bd09)


def convert_datum(frame: gpd.GeoDataFrame, *, datum: str) -> gpd.GeoDataFrame:
    """The frame in WGS84 (EPSG:4326), its coordinates read as `datum`.

    A frame without CRS is taken to hold longitudes and latitudes; one in a projected CRS is
    brought to degrees first. CGCS2000 and WGS84 differ by plate motion only (about 3 cm a year
    since 2000) and are taken as one. Heights stay.

    Parameters
    ----------
    frame : any geometries
    datum : wgs84, cgcs2000, gcj02 or bd09

    Raises
    ------
    ParameterError : another datum is named
    """
    if datum not in DATUMS:
        raise ParameterError(
            "crs.unknown_datum",
            f"datum must be one of {', '.join(DATUMS)}; got {datum!r}.",
            datum=datum,
            known=list(DATUMS),
        )
    in_degrees = frame.set_crs(WGS84) if frame.crs is None else to_wgs84(frame)
    if datum in ("wgs84", "cgcs2000"):
        return in_degrees
    to_origin = gcj02_to_wgs84 if datum == "gcj02" else bd09_to_wgs84
    shapes = np.asarray(in_degrees.geometry.array, dtype=object)
    moved = shapes.copy()
    for has_z in (False, True):
        rows = (shapely.has_z(shapes) == has_z) & ~shapely.is_missing(shapes)
        moved[rows] = _move(shapes[rows], to_origin, include_z=has_z)
    return in_degrees.set_geometry(gpd.GeoSeries(moved, index=frame.index, crs=WGS84))


def _move(
    shapes: NDArray[np.object_],
    convert: Callable[[ArrayLike, ArrayLike], Pair],
    *,
    include_z: bool,
) -> NDArray[np.object_]:
    def convert_rows(coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        moved = coordinates.copy()
        moved[:, 0], moved[:, 1] = convert(coordinates[:, 0], coordinates[:, 1])
        return moved

    return np.asarray(shapely.transform(shapes, convert_rows, include_z=include_z), dtype=object)


def _convert(lon: ArrayLike, lat: ArrayLike, to_origin: _Shift, shift: _Shift) -> Pair:
    """`shift` applied where it applies; `to_origin` leads from the given numbers to WGS84."""
    x, y = np.broadcast_arrays(np.asarray(lon, dtype=float), np.asarray(lat, dtype=float))
    out_x, out_y = x.ravel().copy(), y.ravel().copy()
    for start in range(0, out_x.size, CHUNK):
        part = slice(start, start + CHUNK)
        rows = np.flatnonzero(_is_shifted(out_x[part], out_y[part], to_origin)) + start
        out_x[rows], out_y[rows] = shift(out_x[rows], out_y[rows])
    return out_x.reshape(x.shape), out_y.reshape(x.shape)


def _is_shifted(x: Coordinates, y: Coordinates, to_origin: _Shift) -> Mask:
    """Whether the points behind these numbers are shifted; most are known by their cell."""
    lookup = load_lookup()
    state = lookup.state(x, y)
    shifted: Mask = state == INSIDE
    near = np.flatnonzero(state == NEAR)
    if near.size:
        shifted[near] = _is_shifted_by_outline(lookup, *to_origin(x[near], y[near]))
    return shifted


def _is_shifted_by_outline(lookup: Lookup, lon: Coordinates, lat: Coordinates) -> Mask:
    is_shifted = lookup.contains(lon, lat)
    rest = np.flatnonzero(~is_shifted)
    if rest.size:
        in_gcj02 = add_gcj02(lon[rest], lat[rest])
        has_image = lookup.contains(*in_gcj02) | lookup.contains(*add_bd09(*in_gcj02))
        is_shifted[rest] = has_image & ~lookup.spares(lon[rest], lat[rest])
    return is_shifted


def _nothing(lon: Coordinates, lat: Coordinates) -> tuple[Coordinates, Coordinates]:
    return lon, lat


def _add_both(lon: Coordinates, lat: Coordinates) -> tuple[Coordinates, Coordinates]:
    return add_bd09(*add_gcj02(lon, lat))


def _remove_both(lon: Coordinates, lat: Coordinates) -> tuple[Coordinates, Coordinates]:
    return remove_gcj02(*remove_bd09(lon, lat))

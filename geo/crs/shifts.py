"""The GCJ-02 and BD-09 shifts as bare formulas, applied everywhere, and their exact inverses.

Whether a place is shifted at all is decided in `geo.crs.datum`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Coordinates = NDArray[np.float64]
"""Degrees, one dimension."""

SEMI_MAJOR_AXIS_M = 6378245.0
"""Krasovsky 1940, the ellipsoid of the published GCJ-02 formula."""
ECCENTRICITY_SQUARED = 0.00669342162296594323
"""Krasovsky 1940, as printed in the published formula."""
ORIGIN_LON = 105.0
ORIGIN_LAT = 35.0

BD09_RADIANS = np.pi * 3000.0 / 180.0
"""Argument scale of Baidu's published formula, radians per degree."""
BD09_LON_OFFSET = 0.0065
BD09_LAT_OFFSET = 0.006

GCJ02_STEPS = 4
"""Fixed-point steps: each shrinks the error about 150 times; 600 m becomes 1 micrometre."""
BD09_STEPS = 4
"""Fixed-point steps: each shrinks the error about 100 times, to 0.1 micrometre."""

MAX_SHIFT_DEG = 0.02
"""No place within 72-137 E, 3-54 N moves farther than this on either axis (measured: 0.0150)."""


def gcj02_offset(lon: Coordinates, lat: Coordinates) -> tuple[Coordinates, Coordinates]:
    """How far GCJ-02 moves these WGS84 points, degrees east and degrees north.

    The published formula (eviltransform and its ports); some sines come from the sine of a third
    of their angle, which changes less than 1e-8 m.
    """
    x = lon - ORIGIN_LON
    y = lat - ORIGIN_LAT
    sin_2x = _sin((2.0 * np.pi) * x)
    sin_x3 = _sin((np.pi / 3.0) * x)
    sin_y3 = _sin((np.pi / 3.0) * y)
    shared = 20.0 * (_triple(sin_2x) + sin_2x)
    root = np.sqrt(np.abs(x))
    xy = x * y
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * xy + 0.1 * root
    east_m += (2.0 / 3.0) * (
        shared
        + 20.0 * _triple(sin_x3)
        + 40.0 * sin_x3
        + 150.0 * _sin((np.pi / 12.0) * x)
        + 300.0 * _sin((np.pi / 30.0) * x)
    )
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * xy + 0.2 * root
    north_m += (2.0 / 3.0) * (
        shared
        + 20.0 * _triple(sin_y3)
        + 40.0 * sin_y3
        + 160.0 * _sin((np.pi / 12.0) * y)
        + 320.0 * _sin((np.pi / 30.0) * y)
    )
    phi = np.radians(lat)
    sin_phi = _sin(phi)
    flattening = 1.0 - ECCENTRICITY_SQUARED * sin_phi * sin_phi
    root_flattening = np.sqrt(flattening)
    east = np.degrees(east_m * root_flattening / (SEMI_MAJOR_AXIS_M * _cos(phi)))
    meridian_m = SEMI_MAJOR_AXIS_M * (1.0 - ECCENTRICITY_SQUARED)
    north = np.degrees(north_m * flattening * root_flattening / meridian_m)
    return east, north


def add_gcj02(lon: Coordinates, lat: Coordinates) -> tuple[Coordinates, Coordinates]:
    """WGS84 points moved to GCJ-02."""
    east, north = gcj02_offset(lon, lat)
    return lon + east, lat + north


def remove_gcj02(lon: Coordinates, lat: Coordinates) -> tuple[Coordinates, Coordinates]:
    """The WGS84 points that `add_gcj02` moves here, to about a micrometre."""
    origin_lon, origin_lat = lon, lat
    for _ in range(GCJ02_STEPS):
        east, north = gcj02_offset(origin_lon, origin_lat)
        origin_lon, origin_lat = lon - east, lat - north
    return origin_lon, origin_lat


def add_bd09(lon: Coordinates, lat: Coordinates) -> tuple[Coordinates, Coordinates]:
    """GCJ-02 points moved to BD-09, by Baidu's published formula."""
    radius = np.sqrt(lon * lon + lat * lat) + 0.00002 * _sin(BD09_RADIANS * lat)
    angle = np.arctan2(lat, lon) + 0.000003 * _cos(BD09_RADIANS * lon)
    return radius * _cos(angle) + BD09_LON_OFFSET, radius * _sin(angle) + BD09_LAT_OFFSET


def remove_bd09(lon: Coordinates, lat: Coordinates) -> tuple[Coordinates, Coordinates]:
    """The GCJ-02 points that `add_bd09` moves here, to less than a micrometre."""
    origin_lon, origin_lat = lon - BD09_LON_OFFSET, lat - BD09_LAT_OFFSET
    radius = np.sqrt(origin_lon * origin_lon + origin_lat * origin_lat)
    angle = np.arctan2(origin_lat, origin_lon)
    for _ in range(BD09_STEPS):
        own_radius = radius - 0.00002 * _sin(BD09_RADIANS * origin_lat)
        own_angle = angle - 0.000003 * _cos(BD09_RADIANS * origin_lon)
        origin_lon, origin_lat = own_radius * _cos(own_angle), own_radius * _sin(own_angle)
    return origin_lon, origin_lat


def _sin(angle: Coordinates) -> Coordinates:
    """Sine by the tangent of the half angle: NumPy's tangent is some 7 times as fast as its sine.

    The error is a few units in the last place, as the tangent's own.
    """
    half: Coordinates = np.tan(0.5 * angle)
    return 2.0 * half / (1.0 + half * half)


def _cos(angle: Coordinates) -> Coordinates:
    """Cosine, likewise."""
    square = np.square(np.tan(0.5 * angle))
    return (1.0 - square) / (1.0 + square)


def _triple(sine: Coordinates) -> Coordinates:
    """sin(3a) from sin(a)."""
    return sine * (3.0 - 4.0 * sine * sine)

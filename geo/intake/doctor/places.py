"""Where the rows lie: a CRS that cannot be, axes exchanged, places that cannot be meant."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from geo.crs import WGS84, is_mainland, projected_crs_of, to_wgs84
from geo.crs.projected import label
from geo.intake.doctor.findings import Finding, Mask, rows_finding

FAR_DEG = 1.5
"""A town's rows lie closer together than this: about 150 km."""


@dataclass(frozen=True)
class Places:
    """One longitude and latitude a row (the middle of its box), NaN where it has none."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]

    @property
    def is_known(self) -> Mask:
        return np.asarray(np.isfinite(self.x) & np.isfinite(self.y), dtype=bool)


def meant_crs(frame: gpd.GeoDataFrame) -> pyproj.CRS | None:
    """The CRS the numbers can be in: the declared one, else one told by their size, else None."""
    declared: pyproj.CRS | None = frame.crs
    west, south, east, north = (float(edge) for edge in frame.total_bounds)
    largest = max(abs(west), abs(south), abs(east), abs(north))
    if not np.isfinite(largest):
        return declared
    is_degrees = largest <= 180.0
    if declared is not None and declared.is_geographic == is_degrees:
        return declared
    return WGS84 if is_degrees else projected_crs_of((west, south, east, north))


def crs_findings(frame: gpd.GeoDataFrame) -> list[Finding]:
    """A CRS that is missing, or that numbers of this size cannot be in."""
    meant = meant_crs(frame)
    guess = None if meant is None else label(meant)
    if frame.crs is None:
        return [Finding("doctor.crs_missing", "error", len(frame), (), {"guess": guess})]
    if meant is None or meant != frame.crs:
        params = {"declared": label(frame.crs), "guess": guess}
        return [Finding("doctor.crs_contradicted", "error", len(frame), (), params)]
    return []


def places_of(frame: gpd.GeoDataFrame) -> Places:
    """The rows' places in degrees; none where the CRS cannot be told."""
    meant = meant_crs(frame)
    bounds = frame.geometry.bounds.to_numpy(dtype=float)
    if meant is None:
        bounds = np.full_like(bounds, np.nan)
    elif not meant.is_geographic:
        located = frame.geometry.set_crs(meant, allow_override=True)
        bounds = to_wgs84(located.to_frame("geometry")).geometry.bounds.to_numpy(dtype=float)
    return Places((bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2)


def is_swapped(places: Places, against: gpd.GeoDataFrame | None) -> Mask:
    """Rows whose latitude and longitude are exchanged.

    A latitude beyond 90, or a place that lies in mainland China (or by the trusted layer, or by
    the file's other rows) only when exchanged.
    """
    x, y = places.x, places.y
    known = places.is_known
    beyond = known & (np.abs(y) > 90) & (np.abs(x) <= 90)
    turned_home = known & ~is_mainland(x, y) & is_mainland(y, x)
    box = _home(places, beyond | turned_home, against)
    is_away = known & ~_within(x, y, box)
    return np.asarray(beyond | turned_home | (is_away & _within(y, x, box)), dtype=bool)


def place_findings(
    frame: gpd.GeoDataFrame, against: gpd.GeoDataFrame | None = None
) -> list[Finding]:
    """Rows with exchanged axes, beyond the globe, at nought-nought, or far from all others."""
    places = places_of(frame)
    known, x, y = places.is_known, places.x, places.y
    swapped = is_swapped(places, against)
    beyond = known & ~swapped & ((np.abs(y) > 90) | (np.abs(x) > 180))
    at_nought = known & (np.abs(x) < 1e-6) & (np.abs(y) < 1e-6)
    box = _home(places, swapped | beyond | at_nought, against)
    far = known & ~swapped & ~beyond & ~at_nought & ~_within(x, y, box)
    return [
        *rows_finding(frame, swapped, "doctor.swapped", "error"),
        *rows_finding(frame, beyond, "doctor.out_of_range", "error"),
        *rows_finding(frame, at_nought, "doctor.null_island", "error"),
        *rows_finding(frame, far, "doctor.far_away", "warning"),
    ]


def with_axes_put_right(
    frame: gpd.GeoDataFrame, against: gpd.GeoDataFrame | None
) -> gpd.GeoDataFrame:
    """The frame with exchanged coordinates exchanged back; the same where none are."""
    meant = meant_crs(frame)
    if meant is None or not meant.is_geographic:
        return frame
    swapped = is_swapped(places_of(frame), against)
    if not swapped.any():
        return frame
    shapes = np.asarray(frame.geometry.array, dtype=object).copy()
    shapes[swapped] = shapely.transform(shapes[swapped], lambda points: points[:, ::-1])
    return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))


def _home(
    places: Places, is_odd: Mask, against: gpd.GeoDataFrame | None
) -> tuple[float, float, float, float]:
    """The box that rows should lie in: around the trusted layer, or the middle of the others."""
    if against is not None and against.crs is not None and np.isfinite(against.total_bounds).all():
        west, south, east, north = to_wgs84(against).total_bounds
    else:
        usual = places.is_known & ~is_odd
        if not usual.any():
            return (-180.0, -90.0, 180.0, 90.0)
        west = east = float(np.median(places.x[usual]))
        south = north = float(np.median(places.y[usual]))
    return (west - FAR_DEG, south - FAR_DEG, east + FAR_DEG, north + FAR_DEG)


def _within(
    x: NDArray[np.float64], y: NDArray[np.float64], box: tuple[float, float, float, float]
) -> Mask:
    west, south, east, north = box
    return np.asarray((x >= west) & (x <= east) & (y >= south) & (y <= north), dtype=bool)

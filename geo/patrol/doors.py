"""Which homes a patrol passed."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from geo.crs import check_metric
from geo.patrol.tracks import GAP_S, segments


def passed(
    buildings: gpd.GeoDataFrame,
    tracks: gpd.GeoDataFrame,
    *,
    reach_m: float,
    gap_s: float = GAP_S,
) -> npt.NDArray[np.bool_]:
    """Whether some track came within reach of each building, in the buildings' order.

    Parameters
    ----------
    buildings : footprints or points, projected CRS in metres
    tracks : fixes as `tracks.clean` leaves them, same CRS
    reach_m : distance from the line through the fixes to the footprint, metres
    gap_s : longest silence between two fixes that is bridged, seconds

    Raises
    ------
    CrsError : a CRS is missing or in degrees
    """
    check_metric(buildings, "buildings")
    check_metric(tracks, "tracks")
    is_passed = np.zeros(len(buildings), dtype=bool)
    ends = segments(tracks, gap_s=gap_s).ends
    if len(ends):
        tree = shapely.STRtree(shapely.linestrings(ends.reshape(-1, 2, 2)))
        near, _ = tree.query(buildings.geometry.to_numpy(), predicate="dwithin", distance=reach_m)
        is_passed[near] = True
    return is_passed


def household_share(
    buildings: gpd.GeoDataFrame, tracks: gpd.GeoDataFrame, *, reach_m: float
) -> float | None:
    """The share of households whose building was passed; None where there are no households."""
    households = buildings["households"].fillna(0).to_numpy(dtype="float64")
    if households.sum() == 0:
        return None
    is_passed = passed(buildings, tracks, reach_m=reach_m)
    return float(households[is_passed].sum() / households.sum())

"""Which homes a patrol passed, and whose doors were checked in at."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.crs import check_metric
from geo.patrol.cleaning import check_positive, check_same_crs
from geo.patrol.tracks import GAP_S, segments

CHECKIN_NEAR_M = 50.0
"""Distance at which a check-in is still at the building, metres: GPS beside high walls."""


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


def visited(
    buildings: gpd.GeoDataFrame, checkins: gpd.GeoDataFrame, *, near_m: float = CHECKIN_NEAR_M
) -> pd.DataFrame:
    """Check-ins of every building, in the buildings' order and with their index.

    Columns `building`, `n_checkins`, `n_near` (made within `near_m` of the footprint), `last_at`
    (null where there is none) and `verdict`: covered where one was made near it or its place is
    unknown, cannot_tell where all were made further off (a wrong position, or a check-in from
    elsewhere: for a person to judge), missed where there is none. A check-in that names no
    building counts for the nearest one within `near_m`.

    Parameters
    ----------
    buildings : footprints or points with `building`, projected CRS in metres
    checkins : rows of the `checkins` layer, same CRS
    near_m : reach of a check-in, metres, > 0

    Raises
    ------
    CrsError : a CRS is missing or in degrees, or the two differ
    ParameterError : `near_m` is not finite and positive
    """
    check_same_crs(buildings, checkins, "buildings", "checkins")
    check_positive(near_m=near_m)
    shapes, points = buildings.geometry.to_numpy(), checkins.geometry.to_numpy()
    codes = pd.Index(buildings["building"].to_numpy(dtype=object))
    row = codes.get_indexer(checkins["building"].to_numpy(dtype=object))
    is_unnamed = checkins["building"].isna().to_numpy(dtype=bool)
    row[is_unnamed] = -1
    free = np.flatnonzero(is_unnamed & ~_is_unplaced(points))
    if len(free) and len(shapes):
        point, shape = shapely.STRtree(shapes).query_nearest(
            points[free], max_distance=near_m, all_matches=False
        )
        row[free[point]] = shape
    named = np.flatnonzero(row >= 0)
    row = row[named]
    is_near = _is_unplaced(points[named])
    is_near |= shapely.dwithin(shapes[row], points[named], near_m)
    n = np.bincount(row, minlength=len(buildings)).astype(np.int64)
    n_near = np.bincount(row[is_near], minlength=len(buildings)).astype(np.int64)
    last = pd.Series(checkins["at"].iloc[named].array).groupby(row).max()
    verdict = np.where(n_near > 0, "covered", np.where(n > 0, "cannot_tell", "missed"))
    return pd.DataFrame(
        {
            "building": buildings["building"].array,
            "n_checkins": n,
            "n_near": n_near,
            "last_at": last.reindex(range(len(buildings))).array,
            "verdict": pd.array(verdict, dtype="str"),
        },
        index=buildings.index,
    )


def _is_unplaced(points: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    unplaced: npt.NDArray[np.bool_] = shapely.is_missing(points) | shapely.is_empty(points)
    return unplaced

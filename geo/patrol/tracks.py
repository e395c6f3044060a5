"""Tracks: fixes cleaned and ordered, joined into segments, summed up by round."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.crs import check_metric

MAX_SPEED_MPS = 8.0
"""Fastest a patrol moves, metres a second: an e-bike at its legal 25 km/h is 6.9."""

GAP_S = 120.0
"""Longest silence between two fixes that is still walked through, seconds."""

_PASSES = 5
"""Times that single spikes are looked for; each pass takes one fix of a run of bad ones."""

SILENCE_S = 30.0
"""Shortest silence in which a patrol may have gone round a corner and back, seconds."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Segments:
    """Stretches of tracks: `ends` (n, 4) x0, y0, x1, y1 metres; `patrol` (n,) row of `patrols`.

    A fix that is joined to none is a stretch of no length. `patrols` has one row a patrol:
    `patrol`, `worker`, `day`, `round`.
    """

    ends: Floats
    patrol: npt.NDArray[np.int64]
    patrols: pd.DataFrame


def clean(tracks: gpd.GeoDataFrame, *, max_speed_mps: float = MAX_SPEED_MPS) -> gpd.GeoDataFrame:
    """The fixes in order of patrol and time, without repeats, blanks and single spikes.

    A spike is a fix reached and left faster than `max_speed_mps` whose neighbours are reached from
    each other at less. Longer jumps stay: `segments` does not bridge them, so that nothing between
    them counts as walked. Of two fixes of a patrol at the same instant the first row is kept. The
    index of the fixes that are kept stays.

    Raises
    ------
    CrsError : the CRS is missing or in degrees
    """
    check_metric(tracks, "tracks")
    points = tracks.geometry.array
    is_placed = ~(shapely.is_missing(points) | shapely.is_empty(points))
    ordered = tracks[is_placed].drop_duplicates(["patrol", "at"])
    ordered = ordered.sort_values(["patrol", "at"], kind="stable")
    kept = np.arange(len(ordered))
    xy = shapely.get_coordinates(ordered.geometry.array)
    second = _seconds(ordered["at"])
    patrol = ordered["patrol"].factorize()[0]
    for _ in range(_PASSES):
        is_spike = _spikes(xy[kept], second[kept], patrol[kept], max_speed_mps)
        if not is_spike.any():
            break
        kept = kept[~is_spike]
    return ordered.iloc[kept]


def segments(
    tracks: gpd.GeoDataFrame, *, gap_s: float = GAP_S, max_speed_mps: float = MAX_SPEED_MPS
) -> Segments:
    """The stretches between consecutive fixes, gaps and jumps left open.

    Parameters
    ----------
    tracks : fixes as `clean` leaves them
    gap_s : fixes further apart in time than this, seconds, are not joined
    max_speed_mps : nor those that only a faster move would join, metres a second
    """
    xy = shapely.get_coordinates(tracks.geometry.array)
    second = _seconds(tracks["at"])
    patrol, _ = tracks["patrol"].factorize()
    patrols = tracks.drop_duplicates("patrol")[["patrol", "worker", "day", "round"]]
    pause = np.diff(second)
    is_joined = (np.diff(patrol) == 0) & (pause <= gap_s)
    is_joined &= np.hypot(*np.diff(xy, axis=0).T) <= max_speed_mps * pause
    is_alone = ~(np.append(is_joined, False) | np.insert(is_joined, 0, False))[: len(xy)]
    start, alone = np.flatnonzero(is_joined), np.flatnonzero(is_alone)
    ends = np.concatenate(
        [np.hstack([xy[start], xy[start + 1]]), np.hstack([xy[alone], xy[alone]])]
    )
    owner = np.concatenate([patrol[start], patrol[alone]]).astype(np.int64)
    order = np.argsort(owner, kind="stable")
    return Segments(ends[order], owner[order], patrols.reset_index(drop=True))


@dataclass(frozen=True)
class Silences:
    """Stretches of time without a fix: the fixes before and after, and how long it was.

    `ends` (n, 4) x0, y0, x1, y1 metres; `seconds` (n,); `patrol` (n,) row of `Segments.patrols`.
    """

    ends: Floats
    seconds: Floats
    patrol: npt.NDArray[np.int64]


def silences(tracks: gpd.GeoDataFrame, *, silence_s: float = SILENCE_S) -> Silences:
    """Where a patrol gave no fix for longer than `silence_s`, bridged by `segments` or not.

    Parameters
    ----------
    tracks : fixes as `clean` leaves them
    """
    xy = shapely.get_coordinates(tracks.geometry.array)
    pause = np.diff(_seconds(tracks["at"]))
    patrol, _ = tracks["patrol"].factorize()
    start = np.flatnonzero((np.diff(patrol) == 0) & (pause > silence_s))
    ends = np.hstack([xy[start], xy[start + 1]])
    return Silences(ends, pause[start], patrol[start].astype(np.int64))


def rounds(tracks: gpd.GeoDataFrame, *, gap_s: float = GAP_S) -> pd.DataFrame:
    """One row a patrol: when it was, how long, how far, and its longest silence.

    Columns `patrol`, `worker`, `day`, `round`, `started_at`, `ended_at`, `n_fixes`, `duration_s`,
    `track_m` (length of the joined fixes, which GPS noise makes longer than the walk) and
    `longest_gap_s` (0 where there is one fix).
    """
    stretches = segments(tracks, gap_s=gap_s)
    ends = stretches.ends
    length = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])
    by_patrol = tracks.groupby("patrol", sort=False)["at"]
    summary = stretches.patrols.set_index("patrol")
    summary["started_at"], summary["ended_at"] = by_patrol.min(), by_patrol.max()
    summary["n_fixes"] = by_patrol.size()
    span = summary["ended_at"] - summary["started_at"]
    summary["duration_s"] = span.dt.total_seconds()
    summary["track_m"] = np.bincount(stretches.patrol, weights=length, minlength=len(summary))
    pauses = by_patrol.diff().dt.total_seconds().groupby(tracks["patrol"], sort=False)
    summary["longest_gap_s"] = pauses.max().fillna(0.0)
    return summary.reset_index()


def _seconds(instants: pd.Series) -> Floats:
    """Seconds since the first of the instants."""
    since: pd.Series = (instants - instants.min()).dt.total_seconds()
    seconds: Floats = since.to_numpy(dtype=np.float64)
    return seconds


def _spikes(
    xy: Floats, second: Floats, patrol: npt.NDArray[np.int64], max_speed_mps: float
) -> npt.NDArray[np.bool_]:
    """Fixes to be dropped now: never two neighbours at once."""
    is_spike = np.zeros(len(xy), dtype=bool)
    if len(xy) < 3:
        return is_spike
    reach = max_speed_mps * np.diff(second)
    is_fast = (np.hypot(*np.diff(xy, axis=0).T) > reach) & (np.diff(patrol) == 0)
    across = np.hypot(*(xy[2:] - xy[:-2]).T) <= max_speed_mps * (second[2:] - second[:-2])
    is_spike[1:-1] = is_fast[:-1] & is_fast[1:] & across
    is_spike[1:] &= ~is_spike[:-1]
    return is_spike

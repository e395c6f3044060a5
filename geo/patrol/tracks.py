"""Tracks: fixes cleaned and ordered, joined into segments, summed up by round."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.patrol.cleaning import KEPT, MAX_SPEED_MPS, judge, seconds, time_order

GAP_S = 120.0
"""Longest silence between two fixes that is still walked through, seconds."""

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
    """The fixes that `cleaning.judge` keeps, in order of patrol and time.

    Longer jumps stay: `segments` does not bridge them, so that nothing between them counts as
    walked. The index of the fixes that are kept stays; `cleaning.judge` gives the reason for those
    that are not.

    Raises
    ------
    CrsError : the CRS is missing or in degrees
    """
    judged = judge(tracks, max_speed_mps=max_speed_mps)
    kept = np.flatnonzero(judged["reason"].cat.codes.to_numpy() < len(KEPT))
    patrol = judged["patrol"].factorize(sort=True)[0].astype(np.int64)[kept]
    xy = shapely.get_coordinates(judged.geometry.array[kept])
    order = kept[time_order(patrol, seconds(judged["at"])[kept], xy)]
    judged = judged.drop(columns="reason")
    is_as_given = len(order) == len(judged) and bool((np.diff(order) == 1).all())
    return judged if is_as_given else judged.iloc[order]


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
    second = seconds(tracks["at"])
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
    pause = np.diff(seconds(tracks["at"]))
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

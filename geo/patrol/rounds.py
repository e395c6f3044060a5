"""Rounds: fixes cut by the office's windows and by silences; how far was really walked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from geo.crs import check_metric
from geo.errors import ParameterError
from geo.patrol import stop_fit
from geo.patrol.cleaning import check_positive
from geo.patrol.stops import GAP_S, noise_by_track, ordered, smoothed, thinned

WINDOWS = ((time(6), time(13)), (time(13), time(22)))
"""Two rounds a day (一日两巡), local time, from inclusive to exclusive; the hours are chosen."""

ROUND_GAP_S = 1_800.0
"""A silence that ends a walk, seconds: half an hour."""

LEAST_ROUND_S = 300.0
"""A walk shorter than this is no round, seconds."""

BY_PACE = 0.6
"""Weight of the length by time and pace beside that of the smoothed line: by their spreads on
simulated walks (4.3% and 4.9% of a round, correlation .4)."""

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


def cut_rounds(
    fixes: gpd.GeoDataFrame,
    *,
    windows: Sequence[tuple[time, time]] = WINDOWS,
    gap_s: float = ROUND_GAP_S,
    least_s: float = LEAST_ROUND_S,
    timezone: str = "Asia/Shanghai",
) -> gpd.GeoDataFrame:
    """Every fix in the order given, with the round it belongs to.

    Columns `patrol`, `day` and `round` are written, and `outcome`: `in_round`; `outside_windows`
    or `too_short`, whose `patrol`, `day` and `round` are null. A round is the number of its window,
    from 1. Its code is worker-yyyymmdd-round; a silence above `gap_s` inside a window begins a
    further walk of the same round, with -2, -3 ... at its code. A window that ends before it begins
    runs past midnight and belongs to the day on which it began. Fixes without a worker are one
    phone by the `patrol` they came with.

    Parameters
    ----------
    fixes : `worker`, `at` (with a time zone), projected CRS in metres; `patrol` where given
    windows : (from, to) local times, from inclusive, to exclusive; they must not overlap
    gap_s : silence that ends a walk, seconds, > 0
    least_s : shortest walk that is a round, seconds, > 0
    timezone : of the windows and of `day`

    Raises
    ------
    CrsError : the CRS is missing or in degrees
    ParameterError : an option is not finite and positive, or windows are empty or overlap
    """
    check_metric(fixes, "fixes")
    check_positive(gap_s=gap_s, least_s=least_s)
    _check_windows(windows)
    window, day = _window_of(fixes["at"], windows, timezone)
    owner = fixes["worker"].astype(object)
    if "patrol" in fixes:
        owner = owner.where(owner.notna(), fixes["patrol"].astype(object))
    outcome = np.full(len(fixes), "outside_windows", dtype=object)
    walks = pd.DataFrame(
        {"owner": owner.to_numpy(), "day": day, "round": window, "at": fixes["at"].array}
    )
    walks = walks[(window > 0) & owner.notna().to_numpy()]
    walks = walks.sort_values(["owner", "day", "round", "at"], kind="stable")
    keys = ["owner", "day", "round"]
    pause = walks.groupby(keys, sort=False)["at"].diff().dt.total_seconds()
    walks["walk"] = (pause.isna() | (pause > gap_s)).cumsum()
    by_walk = walks.groupby("walk")["at"]
    span = (by_walk.transform("max") - by_walk.transform("min")).dt.total_seconds()
    is_long = span >= least_s
    outcome[walks.index[~is_long]] = "too_short"
    walks = walks[is_long]
    outcome[walks.index] = "in_round"
    return _written(fixes, walks, outcome)


def _written(
    fixes: gpd.GeoDataFrame, walks: pd.DataFrame, outcome: npt.NDArray[np.object_]
) -> gpd.GeoDataFrame:
    """The fixes with the codes of their walks."""
    heads = walks.drop_duplicates("walk")
    number = heads.groupby(["owner", "day", "round"], sort=False).cumcount() + 1
    code = heads["owner"].astype(str) + heads["day"].dt.strftime("-%Y%m%d-")
    code = code + heads["round"].astype(str)
    code = code.where(number == 1, code + "-" + number.astype(str))
    codes = pd.Series(code.to_numpy(dtype=object), index=heads["walk"].to_numpy())
    patrol = pd.Series(None, index=range(len(fixes)), dtype="object")
    patrol.loc[walks.index] = codes.reindex(walks["walk"]).to_numpy()
    cut = fixes.copy()
    cut["patrol"] = patrol.astype("str").array
    cut["day"] = walks["day"].reindex(range(len(fixes))).array
    cut["round"] = walks["round"].reindex(range(len(fixes))).astype("Int64").array
    cut["outcome"] = pd.array(outcome, dtype="str")
    return cut


def _window_of(
    at: pd.Series, windows: Sequence[tuple[time, time]], timezone: str
) -> tuple[Indices, pd.Series]:
    """Window (from 1; 0 for none) and local day of each instant."""
    local = at.dt.tz_convert(timezone).dt.tz_localize(None).reset_index(drop=True)
    day = local.dt.normalize()
    clock = (local - day).dt.total_seconds().to_numpy(dtype=np.float64)
    window = np.zeros(len(at), dtype=np.int64)
    is_yesterday = np.zeros(len(at), dtype=bool)
    for number, (begin, end) in enumerate(windows, start=1):
        low, high = _clock(begin), _clock(end)
        if low < high:
            is_in = (clock >= low) & (clock < high)
        else:
            is_in = (clock >= low) | (clock < high)
            is_yesterday |= clock < high
        window[is_in] = number
    return window, day - pd.to_timedelta(is_yesterday.astype(np.int64), unit="D")


def _clock(at: time) -> float:
    return at.hour * 3600.0 + at.minute * 60.0 + at.second


def _check_windows(windows: Sequence[tuple[time, time]]) -> None:
    minutes = np.zeros(86_400, dtype=np.int64)
    for begin, end in windows:
        low, high = int(_clock(begin)), int(_clock(end))
        if low < high:
            minutes[low:high] += 1
        elif low > high:
            minutes[low:] += 1
            minutes[:high] += 1
    is_empty = any(begin == end for begin, end in windows)
    if not windows or is_empty or (minutes > 1).any():
        said = ", ".join(f"{begin:%H:%M}-{end:%H:%M}" for begin, end in windows)
        raise ParameterError(
            "patrol.windows",
            f"`windows` must be one or more spans of the day that do not overlap; got [{said}].",
            windows=said,
        )


def walked_length_m(
    fixes: gpd.GeoDataFrame, *, noise: pd.DataFrame | None = None, gap_s: float = GAP_S
) -> pd.DataFrame:
    """How far each patrol really walked: `patrol`, `walked_m`, `walking_s`, `standing_s`, `raw_m`.

    The line through the fixes (`raw_m`) is far too long: noise adds to every step. `walked_m` is a
    weighted mean of two figures whose errors differ: the line with the likeliest noise taken off,
    and the time spent walking (probability of walking, summed) times that round's likeliest pace.
    Silences above `gap_s` count in none of them.

    Parameters
    ----------
    fixes : as `tracks.clean` leaves them, projected CRS in metres
    noise : as `stops.estimate_noise` gives it; None estimates it from these fixes
    gap_s : longest silence that counts, seconds, > 0

    Raises
    ------
    CrsError : the CRS is missing or in degrees
    ParameterError : an option is not finite and positive
    """
    check_positive(gap_s=gap_s)
    tracks = ordered(fixes)
    params = noise_by_track(tracks, noise, gap_s=gap_s)
    state = smoothed(tracks, params, gap_s=gap_s)
    is_step = ~np.isnan(state[:, 0])
    standing = np.where(is_step, state[:, 0], 0.0)
    step_s = np.diff(tracks.second, prepend=0.0)
    owner = np.repeat(np.arange(len(tracks.patrols)), np.diff(tracks.bounds))[is_step]

    def total(values: Floats) -> Floats:
        sums: Floats = np.bincount(owner, values[is_step], len(tracks.patrols)).astype(np.float64)
        return sums

    walking = total((1.0 - standing) * step_s)
    few = thinned(tracks, gap_s=gap_s)
    pace = stop_fit.paces(few.x, few.y, few.second, few.bounds, params, gap_s)
    smooth_m = total(_steps(tracks.x - state[:, 1], tracks.y - state[:, 2]))
    return pd.DataFrame(
        {
            "patrol": pd.array(tracks.patrols, dtype="str"),
            "walked_m": BY_PACE * walking * pace + (1.0 - BY_PACE) * smooth_m,
            "walking_s": walking,
            "standing_s": total(standing * step_s),
            "raw_m": total(_steps(tracks.x, tracks.y)),
        }
    )


def _steps(x: Floats, y: Floats) -> Floats:
    """Metres from the fix before to each; that of the first means nothing."""
    steps: Floats = np.hypot(np.diff(x, prepend=0.0), np.diff(y, prepend=0.0))
    return steps

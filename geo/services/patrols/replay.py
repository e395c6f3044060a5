"""One worker's day: the fixes with their times, the silences, the pieces as they were passed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.patrol import tracks as patrol_tracks
from geo.patrol.stops import find_stops
from geo.services.patrols.figures import coverage
from geo.services.patrols.period import Period, Question
from geo.services.patrols.walked import walked
from geo.store import Store

AT_M = 30.0
"""A covered piece shows as passed at the first fix this near to it, metres."""


@dataclass(frozen=True)
class WorkersDay:
    """A worker's day.

    `rounds`: the `rounds` layer's rows of the day. `fixes`: cleaned, with `patrol`, `round`, `at`
    and `is_after_gap` (the phone was silent before it); empty once they are forgotten. `pieces`:
    as `coverage` gives them for that worker, less those neither expected nor passed, with `at` the
    time of passing, null where it is not known. `stops`: where the worker stood, as
    `stops.find_stops` gives them.
    """

    rounds: pd.DataFrame
    fixes: gpd.GeoDataFrame
    pieces: gpd.GeoDataFrame
    stops: gpd.GeoDataFrame


def day_of(store: Store, worker: str, day: date) -> WorkersDay:
    """What is known of that worker's rounds on that day."""
    period = Period(day, day)
    rounds = walked(store, period).patrols
    rounds = rounds[(rounds["worker"] == worker).fillna(False)]
    rounds = rounds.sort_values(["round", "patrol"], ignore_index=True)
    raw = store.read("tracks", where={"worker": worker, "day": pd.Timestamp(day)})
    fixes = patrol_tracks.clean(raw)
    passed = coverage(store, Question(period, worker=worker))
    passed = passed[passed["is_expected"] | (passed["verdict"] != "missed")]
    found = find_stops(fixes)
    return WorkersDay(
        rounds, _with_gaps(fixes), passed.assign(at=_first_near(passed, fixes)), found
    )


def _with_gaps(fixes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    pause = fixes.groupby("patrol", sort=False)["at"].diff().dt.total_seconds()
    columns = ["patrol", "round", "at", "geometry"]
    return fixes[columns].assign(is_after_gap=(pause > patrol_tracks.GAP_S).to_numpy())


def _first_near(passed: gpd.GeoDataFrame, fixes: gpd.GeoDataFrame) -> pd.Series:
    """The time of the first fix near each covered piece."""
    times = pd.Series(pd.NaT, index=passed.index, dtype="datetime64[us, UTC]")
    covered = passed[passed["verdict"] == "covered"]
    if covered.empty or fixes.empty:
        return times
    tree = shapely.STRtree(covered.geometry.to_numpy())
    fix, piece = tree.query(fixes.geometry.to_numpy(), predicate="dwithin", distance=AT_M)
    at = fixes["at"].to_numpy()[fix]
    first = pd.Series(at, index=covered.index.to_numpy()[piece]).groupby(level=0).min()
    times[first.index] = pd.to_datetime(first, utc=True).astype(times.dtype)
    return times


def n_fixes_of(store: Store, worker: str) -> pd.DataFrame:
    """What raw positions are kept of a worker: `day`, `n_fixes`, newest first."""
    rows = store.read("tracks", columns=["day"], where={"worker": worker})
    counts = rows["day"].value_counts().sort_index(ascending=False)
    return pd.DataFrame({"day": counts.index, "n_fixes": counts.to_numpy(dtype=np.int64)})

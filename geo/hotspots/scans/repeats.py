"""Repeat alarms: one address, one category, again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy import stats

from geo.crs import check_metric
from geo.errors import ParameterError, SchemaError
from geo.hotspots.counts.lattice import Floats, check_positive
from geo.hotspots.scans.same_place import Level, is_counted, same_places
from geo.hotspots.significant.false_discovery import Correction, q_values

Against = Literal["history", "town"]


@dataclass(frozen=True)
class RepeatAlarms:
    """Places with unusually many reports of a category, and what was counted to say so.

    `alarms` (least q first): `place`, `category`, `n` (reports in the window), `n_before` (in the
    history), `expected`, `ratio` (n over expected), `p`, `q`, `first` and `last` (times in the
    window), `incidents` (their ids, by time, joined by ", "), and a point (mean of the points in
    the window; missing where none has one).

    `n_incidents` were counted, in the window and the history; `n_duplicates` rows repeated an id,
    `n_future` lay after now, `n_unplaced` had neither code, address nor point, `n_older` lay before
    the history. `n_tested`: pairs of place and category.
    """

    alarms: gpd.GeoDataFrame
    n_incidents: int
    n_duplicates: int
    n_future: int
    n_unplaced: int
    n_older: int
    n_tested: int


def repeat_alarms(
    incidents: gpd.GeoDataFrame,
    *,
    window_days: float,
    now: pd.Timestamp,
    history_days: float = 365.0,
    against: Against = "history",
    n_places: int | None = None,
    min_reports: int = 3,
    alpha: float = 0.05,
    correction: Correction = "bh",
    level: Level = "building",
    join_m: float = 15.0,
    place: str | None = None,
) -> RepeatAlarms:
    """Places where a category was reported unusually often in the last days, with q <= alpha.

    against="history": given all reports of the category and all reports at the place, how many of
    the place's fall in the window if days were dealt blindly: hypergeometric, exact, so that a bad
    month of the whole town is no alarm of a place, nor a place that is always busy. A category
    without any report before the window raises none.

    against="town": the category's reports of the window dealt among `n_places` equal places:
    binomial, exact given their number. Places that are always busy are alarms here.

    False discoveries are held at `alpha` over all pairs of place and category (places without a
    report count too where `n_places` says how many there are).

    Parameters
    ----------
    incidents : points in a projected CRS in metres with `incident`, `category`, `reported_at` (with
        a zone) and, where known, `address`; rows without a point but with an address count.
        Cases that were rejected or merged are the caller's to leave out
    window_days : the window reaches back so far from `now`, its first instant included, so that
        reports that know only their day (midnight) count on the first day
    history_days : the history reaches back so far from the window's start
    n_places : addresses of the town, for against="town"; those seen where it is not given (or is
        smaller), which makes expected counts larger
    min_reports : fewest reports of an alarm
    level, join_m, place : what counts as the same place, see `same_place.same_places`

    Raises
    ------
    CrsError : the CRS is missing or in degrees
    SchemaError : a column is missing, or times have no zone
    ParameterError : an option lies outside its range
    """
    _check(incidents, now, against, n_places, place)
    check_positive(window_days=window_days, history_days=history_days, join_m=join_m)
    start = now - pd.Timedelta(days=window_days)
    at = incidents["reported_at"]
    is_first = is_counted(incidents["incident"], at)
    is_future = (at > now).to_numpy()
    is_older = (at < start - pd.Timedelta(days=history_days)).to_numpy()
    counted = incidents[is_first & ~is_future & ~is_older]
    counted = counted.assign(
        place=same_places(counted, level=level, join_m=join_m, place=place),
        is_recent=counted["reported_at"] >= start,
    )
    placed = counted[counted["place"].notna()].sort_values("reported_at", kind="stable")
    tested = _tally(placed)
    tested["expected"], tested["p"] = _chances(tested, against, n_places)
    tested.loc[tested["n"] < min_reports, ["p"]] = 1.0
    tested["q"] = _q(tested, against, n_places, correction)
    return RepeatAlarms(
        alarms=_alarms(tested[tested["q"] <= alpha], placed, incidents.crs),
        n_incidents=len(placed),
        n_duplicates=int((~is_first).sum()),
        n_future=int((is_first & is_future).sum()),
        n_unplaced=len(counted) - len(placed),
        n_older=int((is_first & is_older).sum()),
        n_tested=len(tested),
    )


def _tally(placed: gpd.GeoDataFrame) -> pd.DataFrame:
    """One row a pair of place and category: n, n_before, and the category's counts in town."""
    rows = placed[["place", "category", "is_recent"]]
    tested = rows.groupby(["place", "category"], as_index=False, observed=True).agg(
        n=("is_recent", "sum"), n_all=("is_recent", "size")
    )
    of_town = tested.groupby("category", observed=True)[["n", "n_all"]].transform("sum")
    return tested.assign(
        n=tested["n"].astype("int64"),
        n_before=tested["n_all"] - tested["n"],
        town_n=of_town["n"],
        town_all=of_town["n_all"],
    )


def _chances(tested: pd.DataFrame, against: Against, n_places: int | None) -> tuple[Floats, Floats]:
    """Expected reports and the exact chance of as many or more, for each row."""
    n, town_n = tested["n"].to_numpy(), tested["town_n"].to_numpy()
    if len(n) == 0:
        return np.zeros(0), np.zeros(0)
    if against == "town":
        share = 1.0 / max(n_places or 1, tested["place"].nunique())
        return town_n * share, stats.binom.sf(n - 1, town_n, share)
    n_all, town_all = tested["n_all"].to_numpy(), tested["town_all"].to_numpy()
    return n_all * town_n / town_all, stats.hypergeom.sf(n - 1, town_all, n_all, town_n)


def _q(
    tested: pd.DataFrame, against: Against, n_places: int | None, correction: Correction
) -> Floats:
    """q-values over the rows, and over the places without a report where their number is known."""
    n_silent = 0
    if against == "town" and n_places is not None:
        n_silent = max(n_places * tested["category"].nunique() - len(tested), 0)
    p = np.concatenate([tested["p"].to_numpy(), np.ones(n_silent)])
    return np.minimum(q_values(p, correction=correction), 1.0)[: len(tested)]


def _alarms(tested: pd.DataFrame, placed: gpd.GeoDataFrame, crs: object) -> gpd.GeoDataFrame:
    """The alarms with times, ids and a point of what was reported in the window."""
    recent = placed[placed["is_recent"]]
    recent = recent.assign(x=recent.geometry.x, y=recent.geometry.y)
    told = recent.groupby(["place", "category"], as_index=False, observed=True).agg(
        first=("reported_at", "min"),
        last=("reported_at", "max"),
        incidents=("incident", ", ".join),
        x=("x", "mean"),
        y=("y", "mean"),
    )
    alarms = tested.merge(told, on=["place", "category"], how="left", validate="one_to_one")
    alarms = alarms.sort_values(["q", "p", "place", "category"], ignore_index=True)
    xy = alarms[["x", "y"]].to_numpy(dtype=np.float64)
    points = shapely.points(np.nan_to_num(xy))
    points[np.isnan(xy).any(axis=1)] = None
    ratio = alarms["n"] / alarms["expected"]
    columns = ["place", "category", "n", "n_before", "expected", "ratio", "p", "q"]
    return gpd.GeoDataFrame(
        alarms.assign(ratio=ratio)[[*columns, "first", "last", "incidents"]],
        geometry=points,
        crs=crs,
    )


def _check(
    incidents: gpd.GeoDataFrame,
    now: pd.Timestamp,
    against: str,
    n_places: int | None,
    place: str | None,
) -> None:
    check_metric(incidents, "incidents")
    wanted = ["incident", "category", "reported_at", *([place] if place else [])]
    missing = [column for column in wanted if column not in incidents]
    if missing:
        raise SchemaError(
            "schema.missing_columns",
            f"`incidents` must have the columns {wanted}; missing: {missing}.",
            columns=missing,
            found=[str(name) for name in incidents.columns][:20],
        )
    if now.tzinfo is None or incidents["reported_at"].dt.tz is None:
        raise SchemaError(
            "hotspots.times_without_zone",
            "`reported_at` and `now` must say their time zone. Set it with `tz_localize`.",
        )
    for name, value, is_right in (
        ("against", against, against in ("history", "town")),
        ("n_places", n_places, n_places is None or n_places >= 1),
    ):
        if not is_right:
            raise ParameterError(
                "hotspots.bad_option",
                f"`{name}` lies outside its range; got {value!r}. See the docstring.",
                name=name,
                value=value,
            )

"""How a place's incidents recur: days and weeks hit, evenness, overdue, the usual address."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from geo.errors import SchemaError
from geo.hotspots.change.trends import trends
from geo.hotspots.counts.lattice import Bools, Floats, Indices

WEEK_DAYS = 7


def recurrence(place: Indices, day: Indices, *, n_places: int, n_days: int) -> pd.DataFrame:
    """A row per place: how its incidents spread over the window.

    Weeks are runs of seven days from the first day on; a shorter rest counts as a week.

    Parameters
    ----------
    place : (n,) place of each incident, 0 to n_places - 1; day : (n,) days since the first

    Returns
    -------
    n_days_hit, busiest_day_share (of the incidents), n_weeks, n_weeks_hit, weeks_share = hit over
    all, evenness: effective number of weeks hit, exp(entropy) (Hill 1973, order 1), over all
    weeks: 1 the same every week, 1 / n_weeks all in one week; figures of places without incidents
    are 0
    """
    n_weeks = -(-n_days // WEEK_DAYS)
    by_day = np.bincount(place * n_days + day, minlength=n_places * n_days)
    by_day = by_day.reshape(n_places, n_days)
    by_week = _by_week(place, day, n_places, n_weeks)
    n = np.maximum(by_week.sum(axis=1), 1)
    share = by_week / n[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(share > 0, share * np.log(share), 0.0).sum(axis=1)
    hit = (by_week > 0).sum(axis=1)
    return pd.DataFrame(
        {
            "n_days_hit": (by_day > 0).sum(axis=1),
            "busiest_day_share": by_day.max(axis=1, initial=0) / n,
            "n_weeks": n_weeks,
            "n_weeks_hit": hit,
            "weeks_share": hit / n_weeks,
            "evenness": np.where(hit > 0, np.exp(entropy) / n_weeks, 0.0),
        }
    )


def overdue(
    place: Indices,
    due_at: pd.Series,
    closed_at: pd.Series,
    *,
    now: pd.Timestamp,
    n_places: int,
) -> pd.DataFrame:
    """A row per place: n_due (promised end reached by `now`), n_overdue (closed later, or not
    closed), overdue_share = n_overdue / n_due, null where nothing was due.

    Raises
    ------
    SchemaError : times are without zone
    """
    due_at, closed_at = _instants(due_at), _instants(closed_at)
    is_due = (due_at <= now).to_numpy()
    is_late = is_due & (closed_at.isna() | (closed_at > due_at)).to_numpy()
    n_due = np.bincount(place[is_due], minlength=n_places)
    n_overdue = np.bincount(place[is_late], minlength=n_places)
    share = np.where(n_due > 0, n_overdue / np.maximum(n_due, 1), np.nan)
    return pd.DataFrame({"n_due": n_due, "n_overdue": n_overdue, "overdue_share": share})


def week_trends(
    place: Indices, day: Indices, *, group: Indices, course: Indices, n_days: int
) -> tuple[npt.NDArray[np.int8], Floats]:
    """(places,) 1 later than its group over the weeks, -1 earlier, 0 the same; and two-sided p.

    Parameters
    ----------
    place, day : (n,) of the incidents at places
    group : (places,) row of `course` that the place is compared with
    course : (groups, n_days) incidents of each group in the whole town
    """
    n_weeks = -(-n_days // WEEK_DAYS)
    by_week = _by_week(place, day, len(group), n_weeks)
    p, slope = np.ones(len(group)), np.zeros(len(group))
    edges = np.arange(0, n_days, WEEK_DAYS)
    for one in np.unique(group):
        at = np.flatnonzero(group == one)
        found = trends(by_week[at], np.add.reduceat(course[one], edges).astype(np.float64))
        p[at], slope[at] = found.p, found.slope
    return np.sign(slope).astype(np.int8), p


def top_addresses(place: Indices, address: pd.Series, *, n_places: int) -> pd.DataFrame:
    """A row per place: the address written most often, twice at least (the first in text order
    among equals), and how often; null and 0 where no address came back."""
    texts = address.reset_index(drop=True).astype(object)
    is_given: Bools = texts.notna().to_numpy()
    pairs = pd.DataFrame({"place": place[is_given], "address": texts[is_given]})
    often = pairs.groupby(["place", "address"], sort=True).size().reset_index(name="n")
    often = often[often["n"] > 1].sort_values(
        ["place", "n"], ascending=[True, False], kind="stable"
    )
    first = often.drop_duplicates("place").set_index("place").reindex(range(n_places))
    return pd.DataFrame(
        {
            "top_address": first["address"].astype(object).where(first["address"].notna(), None),
            "n_at_top_address": first["n"].fillna(0).astype(np.int64),
        }
    ).reset_index(drop=True)


def _instants(times: pd.Series) -> pd.Series:
    """The times in UTC; a column that holds none may be of any type."""
    if times.isna().all():
        return pd.Series(pd.NaT, index=times.index, dtype="datetime64[us, UTC]")
    if not isinstance(times.dtype, pd.DatetimeTZDtype):
        raise SchemaError(
            "hotspots.deadlines_without_zone",
            f"`{times.name}` must hold times with a zone; got {times.dtype}. Convert to UTC.",
            column=str(times.name),
        )
    return times.dt.tz_convert("UTC")


def _by_week(place: Indices, day: Indices, n_places: int, n_weeks: int) -> Indices:
    week = np.bincount(place * n_weeks + day // WEEK_DAYS, minlength=n_places * n_weeks)
    return week.reshape(n_places, n_weeks).astype(np.int64)

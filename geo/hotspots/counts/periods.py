"""Windows of local days cut into weeks, months or runs of days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Indices

Day: TypeAlias = str | date | np.datetime64
Days: TypeAlias = npt.NDArray[np.datetime64]
Period: TypeAlias = Literal["week", "month"] | int
"""Calendar weeks (Monday to Sunday), calendar months, or runs of that many days."""

_MONDAY = np.datetime64("1970-01-05", "D")


@dataclass(frozen=True)
class Periods:
    """Periods of a window; the window may cut the first and the last short.

    `starts` (periods,) first local day of each; `n_days` (periods,) its days in the window.
    """

    starts: Days
    n_days: Indices

    def __len__(self) -> int:
        return len(self.starts)


def periods(first: Day, last: Day, period: Period) -> Periods:
    """The periods of the window from `first` to `last` local day, both included.

    Runs of days are counted from `first`.

    Raises
    ------
    ParameterError : the window ends before it begins, or the period is unknown
    """
    begin, end = window_days(first, last)
    days = np.arange(begin, end + 1)
    if period == "week":
        group = (days - _MONDAY).astype(np.int64) // 7
    elif period == "month":
        group = days.astype("datetime64[M]").astype(np.int64)
    elif isinstance(period, int) and not isinstance(period, bool) and period >= 1:
        group = np.arange(len(days)) // period
    else:
        raise ParameterError(
            "hotspots.period_unknown",
            f"`period` must be 'week', 'month' or a number of days from 1; got {period!r}.",
            period=str(period),
        )
    is_start = np.concatenate([[True], group[1:] != group[:-1]])
    at = np.flatnonzero(is_start)
    return Periods(days[at], np.diff(np.append(at, len(days))))


def window_days(first: Day, last: Day) -> tuple[np.datetime64, np.datetime64]:
    """Both ends as local days.

    Raises
    ------
    ParameterError : one is no day, or the window ends before it begins
    """
    begin, end = day_of(first), day_of(last)
    if not begin <= end:
        raise ParameterError(
            "hotspots.window_reversed",
            f"a window must not end before it begins; got {first} to {last}. Swap the days.",
            first=str(first),
            last=str(last),
        )
    return begin, end


def day_of(day: Day) -> np.datetime64:
    """A local day in whole days."""
    whole: np.datetime64 = np.array([day], dtype="datetime64[D]")[0]
    return whole

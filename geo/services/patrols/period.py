"""What is asked of the coverage: which days, and whose."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, get_args

import pandas as pd

from geo.errors import ParameterError

Span = Literal["day", "week", "month"]
SPANS: tuple[str, ...] = get_args(Span)


@dataclass(frozen=True)
class Period:
    """The days `first` to `last`, both included."""

    first: date
    last: date

    @property
    def between(self) -> tuple[str, pd.Timestamp, pd.Timestamp]:
        """The condition of a store's `where` on a day."""
        end = pd.Timestamp(self.last + timedelta(days=1))
        return ("between", pd.Timestamp(self.first), end)


@dataclass(frozen=True)
class Question:
    """Coverage in a period, of one round of the day, of one grid, by one worker, where given.

    With a worker, only what that worker walked counts, and the worker's own grids are expected.
    """

    period: Period
    round: int | None = None
    grid: str | None = None
    worker: str | None = None


def period_of(day: date, *, span: str = "day") -> Period:
    """The day, the week (Monday to Sunday) or the calendar month that holds it.

    Raises
    ------
    ParameterError : the span is none of these
    """
    if span == "day":
        return Period(day, day)
    if span == "week":
        monday = day - timedelta(days=day.weekday())
        return Period(monday, monday + timedelta(days=6))
    if span == "month":
        n_days = calendar.monthrange(day.year, day.month)[1]
        return Period(day.replace(day=1), day.replace(day=n_days))
    raise ParameterError(
        "patrols.span",
        f"`span` must be one of {list(SPANS)}; got {span[:40]!r}.",
        value=span[:40],
        known=list(SPANS),
    )

"""When each incident is due: clock hours from the report, by the limit of its category."""

from __future__ import annotations

from datetime import datetime

import pandas as pd


def due_at(incidents: pd.DataFrame, categories: pd.DataFrame) -> pd.Series:
    """The promised end of each incident, UTC; null where its category is not in the catalogue.

    `reported_at` plus the category's `limit_hours` of clock time: nights, weekends and holidays
    count (urgent hours 紧急工作时). Indexed as `incidents`.

    Parameters
    ----------
    incidents : `category` and `reported_at` (UTC)
    categories : the catalogue as `load_categories` gives it
    """
    limits = categories.set_index("category")["limit_hours"]
    allowed = pd.to_timedelta(incidents["category"].map(limits).astype("float64"), unit="h")
    due: pd.Series = (incidents["reported_at"] + allowed).astype("datetime64[us, UTC]")
    return due.rename("due_at")


def is_overdue(incidents: pd.DataFrame, *, now: datetime) -> pd.Series:
    """Whether each incident was closed after it was due or, still open, is past it.

    Exactly on time is in time; false where nothing is due. Indexed as `incidents`.

    Parameters
    ----------
    incidents : `due_at` and `closed_at` (UTC)
    now : the present instant, with its zone
    """
    ended = incidents["closed_at"].fillna(pd.Timestamp(now))
    return (ended > incidents["due_at"]).rename("is_overdue")

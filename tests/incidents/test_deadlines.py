"""Deadlines by clock time."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd

from geo.incidents.categories import load_categories
from geo.incidents.deadlines import due_at, is_overdue


def times(*texts: str | None) -> pd.Series:
    return pd.Series(pd.to_datetime(list(texts), utc=True)).astype("datetime64[us, UTC]")


def test_due_at_rubbish_heap_is_four_clock_hours_over_midnight() -> None:
    incidents = pd.DataFrame(
        {"category": ["0151", "9999"], "reported_at": times("2026-02-16T22:30", "2026-02-16T22:30")}
    )
    due = due_at(incidents, load_categories())
    # 22:30 + 4 h = 02:30 of the next day, be it the Spring Festival; 9999 is no category.
    assert due.iloc[0] == pd.Timestamp("2026-02-17T02:30", tz="UTC")
    assert due.isna().tolist() == [False, True]
    assert str(due.dtype) == "datetime64[us, UTC]"


def test_due_at_no_incidents_gives_empty_times() -> None:
    incidents = pd.DataFrame({"category": pd.Series([], dtype="str"), "reported_at": times()})
    assert str(due_at(incidents, load_categories()).dtype) == "datetime64[us, UTC]"


def test_is_overdue_compares_end_or_present_with_promise() -> None:
    incidents = pd.DataFrame(
        {
            "due_at": times("2026-01-01T10:00", "2026-01-01T10:00", "2026-01-01T10:00", None),
            "closed_at": times("2026-01-01T10:00", "2026-01-01T10:01", None, None),
        }
    )
    # on the minute is in time; a minute late is not; open at 09:59 is not yet; nothing was promised
    early, late = datetime(2026, 1, 1, 9, 59, tzinfo=UTC), datetime(2026, 1, 1, 11, tzinfo=UTC)
    assert is_overdue(incidents, now=early).tolist() == [False, True, False, False]
    assert is_overdue(incidents, now=late).tolist() == [False, True, True, False]

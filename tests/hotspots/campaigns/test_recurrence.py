"""Recurrence, overdue share and addresses, counted by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from geo.errors import SchemaError
from geo.hotspots.campaigns.recurrence import overdue, recurrence, top_addresses, week_trends


def test_recurrence_by_hand() -> None:
    # 20 days are 3 weeks (7, 7, 6). Place 0: days 0, 0, 8, 19; place 1: four on day 3;
    # place 2: none. Place 0's weeks hold 2, 1, 1: entropy 1.5 ln 2, so 2^1.5 = 2.828 weeks of 3.
    found = recurrence(
        np.array([0, 0, 0, 0, 1, 1, 1, 1]), np.array([0, 0, 8, 19, 3, 3, 3, 3]), n_places=3,
        n_days=20,
    )  # fmt: skip
    assert found["n_days_hit"].tolist() == [3, 1, 0]
    assert found["n_weeks_hit"].tolist() == [3, 1, 0]
    assert found["weeks_share"].tolist() == pytest.approx([1, 1 / 3, 0])
    assert found["evenness"].tolist() == pytest.approx([2**1.5 / 3, 1 / 3, 0])
    assert found["busiest_day_share"].tolist() == pytest.approx([0.5, 1, 0])


def test_overdue_counts_only_what_is_due() -> None:
    now = pd.Timestamp("2026-06-10", tz="UTC")
    due = pd.to_datetime(
        ["2026-06-01", "2026-06-01", "2026-06-09", "2026-06-20", None, "2026-06-20"], utc=True
    )
    closed = pd.to_datetime(["2026-05-30", "2026-06-02", None, None, None, None], utc=True)
    found = overdue(
        np.array([0, 0, 0, 0, 0, 1]), pd.Series(due), pd.Series(closed), now=now, n_places=2
    )
    # Due by then: closed in time, closed late, still open; nothing is due at place 1: null, not 0.
    assert found["n_due"].tolist() == [3, 0] and found["n_overdue"].tolist() == [2, 0]
    assert found.loc[0, "overdue_share"] == pytest.approx(2 / 3)
    assert np.isnan(found.loc[1, "overdue_share"])


def test_overdue_no_case_is_closed_or_due() -> None:
    now, due = pd.Timestamp("2026-06-10", tz="UTC"), pd.to_datetime(["2026-06-01"], utc=True)
    place, none = np.array([0]), pd.Series([pd.NaT])
    assert overdue(place, pd.Series(due), none, now=now, n_places=1).loc[0, "n_overdue"] == 1
    found = overdue(place, pd.Series([None], dtype=object), none, now=now, n_places=1)
    assert found.loc[0, "n_due"] == 0 and np.isnan(found.loc[0, "overdue_share"])


def test_overdue_times_without_zone_are_refused() -> None:
    now, due = pd.Timestamp("2026-06-10", tz="UTC"), pd.Series(pd.to_datetime(["2026-06-01"]))
    with pytest.raises(SchemaError) as caught:
        overdue(np.array([0]), due.rename("due_at"), due, now=now, n_places=1)
    assert caught.value.params == {"column": "due_at"}


def test_week_trends_growing_place_in_a_steady_town() -> None:
    day = np.repeat(np.arange(70), np.arange(70) // 10)
    steady = np.tile(np.arange(70), 3)
    sign, p = week_trends(
        np.concatenate([np.zeros(len(day), int), np.ones(len(steady), int)]),
        np.concatenate([day, steady]),
        group=np.array([0, 0]),
        course=np.full((1, 70), 20),
        n_days=70,
    )
    assert sign[0] == 1 and p[0] < 1e-6 and p[1] > 0.5


def test_top_addresses_first_in_order_among_equals_and_twice_at_least() -> None:
    found = top_addresses(
        np.array([0, 0, 0, 2, 2, 3, 3, 3, 3]),
        pd.Series(["甲路1号", "乙路2号", "甲路1号", "b", "a", "d", "c", "d", "c"], dtype=object),
        n_places=4,
    )
    assert found["top_address"].tolist() == ["甲路1号", None, None, "c"]
    assert found["n_at_top_address"].tolist() == [2, 0, 0, 2]

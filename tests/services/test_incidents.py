"""Reading incidents by window, and their span."""

from __future__ import annotations

from datetime import date

import pandas as pd

from geo.services import clock, incidents
from geo.store import Store
from tests.services.conftest import incident_at

PLACE = (50.0, 50.0)


def fill(store: Store) -> None:
    cases = incident_at({"a": PLACE, "b": PLACE, "c": PLACE})
    cases["reported_at"] = pd.to_datetime(
        ["2026-03-01T15:59Z", "2026-03-01T16:00Z", "2026-03-02T16:00Z"]
    ).as_unit("us")
    cases["category"] = ["0101", "0102", "0101"]
    store.write("incidents", cases)


def test_in_window_local_day_runs_from_midnight_to_midnight(store: Store) -> None:
    fill(store)
    # 2 March in Shanghai is 1 March 16:00 UTC to 2 March 16:00 UTC, the end excluded
    start, end = clock.window_of_days(store, date(2026, 3, 2), date(2026, 3, 2))
    assert incidents.in_window(store, start=start, end=end)["incident"].tolist() == ["b"]


def test_in_window_newest_come_first_and_filters_hold(store: Store) -> None:
    fill(store)
    start, end = clock.window_of_days(store, date(2026, 1, 1), date(2026, 12, 31))
    assert incidents.in_window(store, start=start, end=end)["incident"].tolist() == ["c", "b", "a"]
    found = incidents.in_window(store, start=start, end=end, categories=["0101"], limit=1)
    assert found["incident"].tolist() == ["c"]


def test_span_no_incidents_is_none(store: Store) -> None:
    assert incidents.span(store) is None
    fill(store)
    first, last = incidents.span(store)  # type: ignore[misc]
    assert (first.isoformat(), last.isoformat()) == (
        "2026-03-01T15:59:00+00:00",
        "2026-03-02T16:00:00+00:00",
    )


def test_attribute_open_without_plan_changes_nothing(store: Store) -> None:
    fill(store)
    incidents.attribute_open(store, on=date(2026, 5, 1))
    assert store.read("incidents")["grid"].isna().all()

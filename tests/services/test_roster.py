"""Workers and their grids, through two plans."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pandas as pd
import pytest

from geo.schema import LAYERS, check_frame
from geo.services import plans, roster
from geo.store import Store

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)


@pytest.fixture
def staffed(store: Store) -> Store:
    """Two workers in each of the two communities."""
    rows = pd.DataFrame(
        {
            "person": ["W1", "W2", "W3", "W4"],
            "name": ["甲", "乙", "丙", "丁"],
            "role": "grid_worker",
            "area_kind": "community",
            "area": ["990101001001"] * 2 + ["990101001002"] * 2,
            "valid_from": "2025-01-01",
        }
    )
    checked = check_frame(LAYERS["roster"], rows)
    assert checked.n_rejected == 0
    store.write("roster", checked.accepted)
    return store


def plan(store: Store, target: float, day: date) -> plans.PlanResult:
    return plans.make_plan(store, target=target, effective_from=day, now=NOW)


def test_make_plan_every_grid_gets_a_worker_of_its_community(staffed: Store) -> None:
    made = plan(staffed, 40, date(2026, 5, 2))
    assert made.workers == 4
    grids = plans.grids(staffed, made.plan)
    assert sorted(grids["worker"]) == ["W1", "W2", "W3", "W4"]
    west = grids[grids["community"] == "990101001001"]
    assert sorted(west["worker"]) == ["W1", "W2"]


def test_grids_of_holds_from_the_plans_first_day(staffed: Store) -> None:
    plan(staffed, 40, date(2026, 5, 2))
    assert roster.grids_of(staffed, "W1", on=date(2026, 5, 1)) == frozenset()
    assert len(roster.grids_of(staffed, "W1", on=date(2026, 5, 2))) == 1


def test_grids_of_an_ended_plan_show_the_workers_of_that_time(staffed: Store) -> None:
    first = plan(staffed, 40, date(2026, 5, 2))
    before = plans.grids(staffed, first.plan).set_index("grid")["worker"].to_dict()
    plan(staffed, 20, date(2026, 6, 1))
    after = plans.grids(staffed, first.plan).set_index("grid")["worker"].to_dict()
    assert after == before


def test_give_grids_to_workers_one_left_over_is_thought_of_again(staffed: Store) -> None:
    plan(staffed, 40, date(2026, 5, 2))
    few = plan(staffed, 80, date(2026, 6, 1))  # one grid a community: two workers left over
    assert few.workers == 2
    many = plan(staffed, 40, date(2026, 7, 1))
    assert many.workers == 4
    assert sorted(plans.grids(staffed, many.plan)["worker"]) == ["W1", "W2", "W3", "W4"]

"""Plan versions over the small town."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pandas as pd
import pytest
import shapely

from geo.errors import ConflictError, NotFoundError, ParameterError
from geo.services import incidents, plans
from geo.store import Store
from tests.services.conftest import CRS, box, communities, frame_of, incident_at

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)


def make(store: Store, **options: object) -> plans.PlanResult:
    asked = {"target": 40, "effective_from": date(2026, 5, 2), "now": NOW, **options}
    return plans.make_plan(store, **asked)  # type: ignore[arg-type]


def test_make_plan_small_town_gives_four_equal_contiguous_grids(store: Store) -> None:
    made = make(store)
    # 160 households / 40 = 4 grids, two in each community, all of exactly 40 households
    assert made.report["n_grids"] == 4
    assert made.report["max_abs_deviation"] == 0
    assert made.report["noncontiguous"] == 0
    grids = store.read("grids", where={"plan": made.plan})
    assert list(grids["households"]) == [40, 40, 40, 40]
    assert grids["grid"].tolist() == [
        "990101001001001",
        "990101001001002",
        "990101001002001",
        "990101001002002",
    ]


def test_make_plan_report_shows_what_other_numbers_of_grids_mean(store: Store) -> None:
    made = make(store, target=60)
    rows = {row["area"]: row for row in made.report["communities"]}
    assert list(rows) == ["990101001001", "990101001002"]
    # 80 households: one grid of 80 is a third over 60, two of 40 a third under; the fewer on a tie
    west = rows["990101001001"]
    assert (west["low"], west["high"], west["chosen"], west["n_grids"]) == (1, 2, 1, 1)
    assert west["deviation_low"] == pytest.approx(1 / 3)
    assert west["deviation_high"] == pytest.approx(-1 / 3)
    assert not west["is_within_tolerance"]
    kept = store.read("plans", where={"plan": made.plan})["report"].iloc[0]
    assert kept["communities"] == made.report["communities"]


def test_make_plan_small_town_covers_the_outline_without_gap(store: Store) -> None:
    made = make(store)
    grids = store.read("grids", where={"plan": made.plan})
    assert shapely.coverage_is_valid(grids.geometry.to_numpy())
    outline = shapely.union_all(communities().geometry.to_numpy())
    united = shapely.union_all(grids.geometry.to_numpy())
    assert shapely.area(shapely.symmetric_difference(outline, united)) < 1e-6
    assert grids.area.sum() == pytest.approx(80_000)


def test_make_plan_every_cell_is_assigned_once(store: Store) -> None:
    made = make(store)
    cells = store.read("cells", where={"cell_set": made.plan})
    assignments = store.read("assignments", where={"plan": made.plan})
    assert sorted(assignments["cell"]) == sorted(cells["cell"])
    assert cells["households"].sum() == 160


def test_make_plan_second_version_ends_the_first_and_keeps_codes(store: Store) -> None:
    first = make(store)
    second = make(store, effective_from=date(2026, 6, 1))
    versions = store.read("plans").set_index("plan")
    assert versions.loc[first.plan, "effective_to"] == pd.Timestamp("2026-06-01")
    assert versions.loc[second.plan, "parent"] == first.plan
    before = store.read("grids", where={"plan": first.plan})["grid"]
    after = store.read("grids", where={"plan": second.plan})["grid"]
    assert before.tolist() == after.tolist()  # the same ground keeps its codes
    assert plans.current(store, on=date(2026, 5, 20)) == first.plan
    assert plans.current(store, on=date(2026, 6, 1)) == second.plan


def test_make_plan_other_target_retires_codes_and_never_reuses_them(store: Store) -> None:
    make(store)
    make(store, target=80, effective_from=date(2026, 6, 1))
    make(store, target=20, effective_from=date(2026, 7, 1))
    codes = store.read("grid_codes")
    assert codes["grid"].is_unique
    retired = set(codes.loc[codes["retired_on"].notna(), "grid"])
    latest = plans.current(store)
    in_use = set(store.read("grids", where={"plan": latest})["grid"])
    assert not in_use & retired


def test_make_plan_draft_changes_nothing_in_force(store: Store) -> None:
    first = make(store)
    make(store, target=80, publish=False, effective_from=date(2026, 6, 1))
    assert plans.current(store) == first.plan
    assert store.read("plans", where={"plan": first.plan})["effective_to"].isna().all()


def test_make_plan_publishing_moves_open_cases_and_leaves_closed_ones(store: Store) -> None:
    first = make(store, effective_from=date(2026, 2, 1))
    west, east = (50.0, 100.0), (350.0, 100.0)
    store.write("incidents", incident_at({"open": west, "closed": east}))
    store.update("incidents", {"status": "handling"}, where={"incident": "open"})
    second = make(store, effective_from=date(2026, 5, 1))  # today, by NOW
    cases = store.read("incidents").set_index("incident")
    assert cases.loc["open", "plan"] == second.plan
    assert cases.loc["closed", "plan"] == first.plan
    assert cases.loc["open", "community"] == "990101001001"


def test_make_plan_of_a_later_day_leaves_open_cases_until_then(store: Store) -> None:
    first = make(store, effective_from=date(2026, 2, 1))
    store.write("incidents", incident_at({"open": (50.0, 100.0)}))
    store.update("incidents", {"status": "handling"}, where={"incident": "open"})
    second = make(store, effective_from=date(2026, 6, 1))
    assert store.read("incidents")["plan"].tolist() == [first.plan]
    incidents.attribute_open(store, on=date(2026, 6, 1))
    assert store.read("incidents")["plan"].tolist() == [second.plan]


def test_make_plan_before_the_latest_one_is_refused(store: Store) -> None:
    first = make(store)
    with pytest.raises(ConflictError) as caught:
        make(store, effective_from=date(2026, 4, 1))
    assert caught.value.code == "plan.too_early"
    assert store.read("plans")["plan"].tolist() == [first.plan]


@pytest.mark.parametrize("target", [0, -5, float("nan"), float("inf")])
def test_make_plan_target_out_of_range_is_refused(store: Store, target: float) -> None:
    with pytest.raises(ParameterError) as caught:
        make(store, target=target)
    assert caught.value.code == "plan.target"


def test_make_plan_nothing_to_plan_is_said(empty_store: Store) -> None:
    with pytest.raises(NotFoundError) as caught:
        make(empty_store)
    assert caught.value.code == "ground.nothing"


def test_make_plan_stopped_stores_nothing(store: Store) -> None:
    class StopError(Exception):
        pass

    def stop(share: float, _step: str) -> None:
        if share >= 0.9:
            raise StopError

    with pytest.raises(StopError):
        make(store, progress=stop)
    assert store.count("plans") == 0
    assert store.count("grids") == 0


def test_import_plan_drawn_grids_keep_borders_codes_and_count_households(store: Store) -> None:
    drawn = frame_of(
        "grids",
        {"plan": "x", "grid": ["OLD-1", "OLD-2"], "community": ["990101001001", "990101001002"]},
        [box(0, 0, 200, 200), box(200, 0, 200, 200)],
    )
    plan = plans.import_plan(store, drawn, name="手绘", effective_from=date(2025, 1, 1), now=NOW)
    grids = plans.grids(store, plan).set_index("grid")
    assert grids["households"].to_dict() == {"OLD-1": 80, "OLD-2": 80}
    assert plans.current(store, on=date(2025, 6, 1)) == plan


def test_import_plan_grids_drawn_over_each_other_are_told_and_stored_apart(store: Store) -> None:
    drawn = frame_of(
        "grids",
        {"plan": "x", "grid": ["OLD-1", "OLD-2"], "community": ["990101001001", "990101001002"]},
        [box(0, 0, 210, 200), box(200, 0, 200, 200)],
    )
    plan = plans.import_plan(store, drawn, name="手绘", effective_from=date(2025, 1, 1), now=NOW)
    grids = plans.grids(store, plan)
    assert shapely.coverage_is_valid(grids.geometry.to_numpy())
    assert grids.area.sum() == pytest.approx(80_000)
    (found,) = store.read("plans", where={"plan": plan})["report"].iloc[0]["findings"]
    # 10 m x 200 m
    assert (found["code"], found["keys"]) == ("polygons.overlap", ["OLD-1 / OLD-2"])
    assert found["area_m2"] == 2000


def test_import_plan_code_issued_before_is_refused(store: Store) -> None:
    drawn = frame_of(
        "grids",
        {"plan": "x", "grid": ["OLD-1"], "community": ["990101001001"]},
        [box(0, 0, 200, 200)],
    )
    plans.import_plan(store, drawn, name="a", effective_from=date(2025, 1, 1), now=NOW)
    with pytest.raises(ParameterError) as caught:
        plans.import_plan(store, drawn, name="b", effective_from=date(2025, 2, 1), now=NOW)
    assert caught.value.code == "plan.codes_taken"
    assert caught.value.params["codes"] == ["OLD-1"]
    assert store.count("plans") == 1


def test_grids_unknown_plan_is_said(store: Store) -> None:
    with pytest.raises(NotFoundError) as caught:
        plans.grids(store, "P1")
    assert caught.value.code == "plan.unknown"


def test_import_plan_without_buildings_says_what_to_import(empty_store: Store) -> None:
    empty_store.set_crs(CRS)
    rows = {"plan": "x", "grid": ["OLD-1"], "community": ["A"]}
    drawn = frame_of("grids", rows, [box(0, 0, 200, 200)])
    with pytest.raises(ParameterError) as caught:
        plans.import_plan(empty_store, drawn, name="a", effective_from=date(2025, 1, 1), now=NOW)
    assert caught.value.code == "plan.no_households"

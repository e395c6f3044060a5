"""Coverage of one straight street of 200 m, in four pieces, by workers who walk parts of it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
import shapely

from geo.errors import NotFoundError, ParameterError
from geo.services import patrols, plans, recordings
from geo.services.patrols import Period, Question
from geo.store import Store
from tests.services.conftest import SOUTH, WEST, frame_of

DAY = date(2026, 5, 4)  # a Monday
NEXT = date(2026, 5, 5)
FIRST_HALF = [0.0, 13.0, 26.0, 39.0, 52.0, 65.0, 78.0, 88.0]
SECOND_HALF = [112.0, 122.0, 135.0, 148.0, 161.0, 174.0, 187.0, 200.0]


def street(store: Store) -> None:
    line = shapely.LineString([(WEST, SOUTH + 100), (WEST + 200, SOUTH + 100)])
    rows = {"street": ["S"], "name": ["中街"], "class": ["residential"], "length_m": [200.0]}
    store.write("streets", frame_of("streets", rows, [line]))


def plan(store: Store) -> str:
    """One grid a community; the street's, and W1 answers for it."""
    plans.make_plan(
        store, target=80, effective_from=date(2026, 1, 1), now=datetime(2026, 1, 1, tzinfo=UTC)
    )
    grids = store.read("grids")
    grid = str(grids.loc[grids.contains(shapely.Point(WEST + 100, SOUTH + 100)), "grid"].iloc[0])
    store.write(
        "roster",
        pd.DataFrame(
            {
                "person": ["W1"],
                "name": ["王一"],
                "role": "grid_worker",
                "area_kind": "grid",
                "area": [grid],
                "valid_from": pd.Timestamp("2026-01-01"),
            }
        ),
    )
    return grid


def walk(
    store: Store,
    patrol: str,
    metres: list[float],
    *,
    round: int = 1,
    day: date = DAY,
    by: str = "W1",
) -> None:
    start = pd.Timestamp(day, tz="UTC") + pd.Timedelta(hours=round)
    times = start + pd.to_timedelta([10 * step for step in range(len(metres))], unit="s")
    rows = {"patrol": patrol, "worker": by, "day": pd.Timestamp(day), "round": round, "at": times}
    places = [shapely.Point(WEST + x, SOUTH + 101) for x in metres]
    store.write("tracks", frame_of("tracks", rows, places))


def on(day: date, span: str = "day", **asked: object) -> Question:
    return Question(patrols.period_of(day, span=span), **asked)  # type: ignore[arg-type]


def verdicts(store: Store, question: Question) -> list[str]:
    return list(patrols.coverage(store, question).sort_values("piece")["verdict"])


def test_compute_half_a_street_walked_is_half_covered(store: Store) -> None:
    street(store)
    grid = plan(store)
    walk(store, "P1", FIRST_HALF)
    counts = patrols.compute(store, reach_m=20, piece_m=50)
    assert (counts["patrols"], counts["pieces"]) == (1, 4)
    assert verdicts(store, on(DAY)) == ["covered", "covered", "missed", "missed"]
    told = patrols.summary(store, on(DAY))
    # pieces of 50 m: 100 of 200 m covered, 100 missed
    assert told["whole"]["expected_m"] == pytest.approx(200)
    assert told["whole"]["covered"] == pytest.approx(0.5)
    assert told["whole"]["missed_m"] == pytest.approx(100)
    assert told["whole"]["cannot_tell"] == 0
    assert [row["grid"] for row in told["grids"]] == [grid]
    missed = told["missed"]
    assert [(row["name"], row["missed_m"]) for row in missed] == [("中街", pytest.approx(100))]
    assert missed[0]["pieces"] == ["S-003", "S-004"]


def test_coverage_by_round_and_worker_counts_these_only(store: Store) -> None:
    street(store)
    plan(store)
    walk(store, "P1", FIRST_HALF)
    walk(store, "P2", SECOND_HALF, round=2, by="W9")
    patrols.compute(store)
    assert verdicts(store, on(DAY)) == ["covered"] * 4
    assert verdicts(store, on(DAY, round=2)) == ["missed", "missed", "covered", "covered"]
    assert verdicts(store, on(DAY, worker="W1")) == ["covered", "covered", "missed", "missed"]
    rounds = patrols.summary(store, on(DAY))["rounds"]
    assert [(row["round"], row["covered"]) for row in rounds] == [
        (1, pytest.approx(0.5)),
        (2, pytest.approx(0.5)),
    ]
    days = patrols.days(store)
    assert days[["n_patrols", "rounds"]].values.tolist() == [[2, 2]]


def test_summary_of_a_week_is_once_in_the_week_and_each_day_apart(store: Store) -> None:
    street(store)
    plan(store)
    walk(store, "P1", FIRST_HALF)
    walk(store, "P2", SECOND_HALF, day=NEXT)
    patrols.compute(store)
    told = patrols.summary(store, on(NEXT, "week"))
    assert told["whole"]["covered"] == pytest.approx(1.0)
    assert [(row["day"], row["covered"]) for row in told["days"]] == [
        ("2026-05-04", pytest.approx(0.5)),
        ("2026-05-05", pytest.approx(0.5)),
    ]
    assert (told["n_patrols"], told["n_days"]) == (2, 2)


def test_coverage_days_since_counts_to_the_periods_end_and_is_null_for_never(store: Store) -> None:
    street(store)
    walk(store, "P1", FIRST_HALF)
    patrols.compute(store)
    found = patrols.coverage(store, on(date(2026, 5, 10))).sort_values("piece")
    assert found["days_since"].tolist() == [6, 6, pd.NA, pd.NA]
    assert found["n_patrols"].tolist() == [0, 0, 0, 0]
    before = patrols.coverage(store, on(date(2026, 5, 3)))
    assert before["days_since"].isna().all()


def test_coverage_without_plan_expects_every_street(store: Store) -> None:
    street(store)
    walk(store, "P1", FIRST_HALF)
    patrols.compute(store)
    told = patrols.summary(store, on(DAY))
    assert told["plan"] is None
    assert told["whole"]["covered"] == pytest.approx(0.5)
    assert told["grids"] == []
    assert patrols.summary(store, on(DAY, worker="W1"))["whole"]["covered"] is None


def test_summary_of_a_day_without_record_has_no_patrols(store: Store) -> None:
    street(store)
    walk(store, "P1", [0.0, 13.0])
    patrols.compute(store)
    told = patrols.summary(store, on(NEXT))
    assert (told["n_patrols"], told["days"], told["rounds"]) == (0, [], [])


def test_households_passed_are_those_whose_building_is_within_reach(store: Store) -> None:
    street(store)
    plan(store)
    walk(store, "P1", FIRST_HALF)
    patrols.compute(store, reach_m=20)
    told = patrols.summary(store, on(DAY))
    # Buildings of 10 households stand at x 40-60 and 140-160, y 20-30, 65-75, 110-120, 155-165 in
    # each of two communities. The walk is on y = 101 from 0 to 88: of the first column, the one at
    # 110 (9 m off) is in reach; 65-75 is 26 m off; of the second, x 140 is 52 m off.
    assert told["households"] == {"households": 160.0, "passed": 10.0, "share": 10 / 160}
    assert len(told["missed_homes"]) == 15
    assert {row["households"] for row in told["missed_homes"]} == {10.0}


def test_calendar_tells_own_share_and_duration(store: Store) -> None:
    street(store)
    plan(store)
    walk(store, "P1", FIRST_HALF)
    walk(store, "P2", SECOND_HALF, round=2)
    walk(store, "P3", FIRST_HALF, by="W9")
    patrols.compute(store)
    rows = patrols.calendar(store, Period(DAY, DAY))
    assert rows[["worker", "round"]].values.tolist() == [["W1", 1], ["W1", 2], ["W9", 1]]
    assert rows["covered"].iloc[:2].tolist() == pytest.approx([0.5, 0.5])
    assert rows["duration_s"].tolist() == [70.0, 70.0, 70.0]  # eight fixes, 10 s apart
    assert np.isnan(rows["covered"].iloc[2])  # nobody asks W9 for anything
    assert rows["covered_m"].iloc[2] == pytest.approx(100)


def test_calendar_round_in_two_parts_is_one_round(store: Store) -> None:
    street(store)
    plan(store)
    walk(store, "P1", FIRST_HALF)
    walk(store, "P1b", SECOND_HALF)
    patrols.compute(store)
    rows = patrols.calendar(store, Period(DAY, DAY))
    assert len(rows) == 1
    assert rows["covered"].iloc[0] == pytest.approx(1.0)
    assert rows["duration_s"].iloc[0] == 140.0


def test_calendar_of_nothing_is_empty(store: Store) -> None:
    street(store)
    assert patrols.calendar(store, Period(DAY, DAY)).empty


def test_calendar_worker_without_grid_on_the_roster_has_the_one_walked_most(store: Store) -> None:
    street(store)
    grid = plan(store)
    community = {"area_kind": "community", "area": "990101001001"}
    store.delete("roster", where={})
    entry = {"person": ["W1"], "role": "grid_worker", "valid_from": pd.Timestamp("2026-01-01")}
    store.write("roster", pd.DataFrame({**entry, **community}))
    walk(store, "P1", FIRST_HALF)
    patrols.compute(store)
    assert patrols.own_grids(store, Period(DAY, DAY), "W1") == [grid]
    assert patrols.own_grids(store, Period(NEXT, NEXT), "W1") == []
    rows = patrols.calendar(store, Period(DAY, DAY))
    assert rows["covered"].tolist() == [pytest.approx(0.5)]


def test_summary_tells_rounds_of_people_who_are_no_grid_workers_apart(store: Store) -> None:
    street(store)
    plan(store)
    walk(store, "P1", FIRST_HALF)
    walk(store, "P2", FIRST_HALF + SECOND_HALF, by="V1")
    patrols.compute(store)
    told = patrols.summary(store, on(DAY))["others"]
    assert told == {"n_patrols": 1, "covered_m": pytest.approx(100)}


def test_summary_evenness_is_one_less_gini(store: Store) -> None:
    street(store)
    plan(store)
    walk(store, "P1", FIRST_HALF)
    patrols.compute(store)
    # pieces passed 1, 1, 0, 0 times: Gini 1/2
    assert patrols.summary(store, on(DAY))["whole"]["evenness"] == pytest.approx(0.5)
    assert patrols.summary(store, on(NEXT))["whole"]["evenness"] is None


def test_effort_compares_what_is_needed_with_the_rounds(store: Store) -> None:
    street(store)
    grid = plan(store)
    walk(store, "P1", FIRST_HALF)
    walk(store, "P2", SECOND_HALF, round=2)
    patrols.compute(store)
    rows = patrols.effort(store, on(DAY)).set_index("grid")
    # 200 m there and back; two rounds of 70 s
    assert rows["street_m"][grid] == pytest.approx(200)
    assert rows["walk_minutes"][grid] > rows["walk_minutes"].drop(grid).max()
    assert rows["minutes"][grid] == pytest.approx(70 / 60)
    assert rows["minutes"].drop(grid).isna().all()


def test_refresh_follows_a_round_while_it_is_walked(store: Store) -> None:
    street(store)
    plan(store)
    assert not patrols.refresh(store, "W1", day=DAY)
    walk(store, "P1", FIRST_HALF)
    walk(store, "P9", FIRST_HALF, by="W9")
    assert patrols.refresh(store, "W1", day=DAY)
    assert verdicts(store, on(DAY)) == ["covered", "covered", "missed", "missed"]
    assert store.read("rounds")["patrol"].tolist() == ["P1"]
    assert not patrols.refresh(store, "W1", day=DAY)
    walk(store, "P2", SECOND_HALF, round=2)
    assert patrols.refresh(store, "W1", day=DAY)
    assert verdicts(store, on(DAY)) == ["covered"] * 4


def test_passing_tells_who_was_near_a_place_and_when(store: Store) -> None:
    street(store)
    walk(store, "P1", FIRST_HALF)
    walk(store, "P2", SECOND_HALF, day=NEXT)
    patrols.compute(store)
    week = patrols.period_of(DAY, span="week")
    near_start = shapely.Point(WEST + 26, SOUTH + 90)
    found = patrols.passing(store, near_start, week)
    assert found["patrol"].tolist() == ["P1"]
    # the fix at 26 m is the third: 01:00:20
    assert found["at"].iloc[0] == pd.Timestamp("2026-05-04T01:00:20Z")
    far = shapely.Point(WEST + 26, SOUTH + 190)
    assert patrols.passing(store, far, week).empty
    with pytest.raises(ParameterError) as caught:
        patrols.passing(store, near_start, week, within_m=0)
    assert caught.value.code == "patrols.within"


def test_day_of_marks_the_silence_and_when_pieces_were_passed(store: Store) -> None:
    street(store)
    plan(store)
    walk(store, "P1", FIRST_HALF)
    walk(store, "P2", SECOND_HALF, round=2)
    patrols.compute(store)
    found = patrols.day_of(store, "W1", DAY)
    assert found.rounds["patrol"].tolist() == ["P1", "P2"]
    assert len(found.fixes) == 16
    assert not found.fixes["is_after_gap"].any()
    first = found.pieces.set_index("piece")["at"]["S-001"]
    assert first == pd.Timestamp("2026-05-04T01:00:00Z")
    empty = patrols.day_of(store, "W1", NEXT)
    assert (len(empty.rounds), len(empty.fixes), len(empty.stops)) == (0, 0, 0)


def test_left_nearby_is_what_the_worker_has_not_covered(store: Store) -> None:
    street(store)
    plan(store)
    walk(store, "P1", FIRST_HALF)
    patrols.compute(store)
    left = patrols.left_nearby(store, "W1", DAY)
    assert left[["name", "verdict"]].values.tolist() == [["中街", "missed"]]
    assert left["left_m"].iloc[0] == pytest.approx(100)
    # from the last fix (88, 101) to the start of the third piece (100, 100)
    assert left["distance_m"].iloc[0] == pytest.approx(np.hypot(12, 1))
    assert patrols.left_nearby(store, "W9", DAY).empty


def test_compute_keeps_what_is_known_of_forgotten_fixes(store: Store) -> None:
    street(store)
    plan(store)
    walk(store, "P1", FIRST_HALF)
    patrols.compute(store)
    store.delete("tracks", where={})
    walk(store, "P2", SECOND_HALF, day=NEXT)
    patrols.compute(store)
    assert verdicts(store, on(DAY)) == ["covered", "covered", "missed", "missed"]
    assert verdicts(store, on(NEXT)) == ["missed", "missed", "covered", "covered"]
    patrols.compute(store)
    assert store.read("rounds")["patrol"].tolist() == ["P1", "P2"]


def test_forget_old_waits_for_the_coverage_and_keeps_the_rest(store: Store) -> None:
    street(store)
    walk(store, "P1", FIRST_HALF)
    walk(store, "P2", SECOND_HALF, day=NEXT)
    thirty_days_on = date(2026, 6, 4)  # 5 May is the first day that is kept
    assert recordings.forget_old(store, today=thirty_days_on) == {"tracks": 0, "checkins": 0}
    patrols.compute(store, today=thirty_days_on)
    assert set(store.read("tracks")["patrol"]) == {"P2"}
    assert verdicts(store, on(DAY)) == ["covered", "covered", "missed", "missed"]
    assert recordings.forget_old(store, today=thirty_days_on) == {"tracks": 0, "checkins": 0}


def test_forget_old_leaves_check_ins_the_place_of_their_building(store: Store) -> None:
    rows = {
        "checkin": ["K1", "K2", "K3"],
        "worker": "W1",
        "building": ["B00", None, "B00"],
        "at": pd.to_datetime(["2026-05-04T01:00Z", "2026-05-04T01:00Z", "2026-06-03T01:00Z"]),
    }
    place = shapely.Point(WEST + 33, SOUTH + 22)
    store.write("checkins", frame_of("checkins", rows, [place] * 3))
    assert recordings.forget_old(store, today=date(2026, 6, 4)) == {"tracks": 0, "checkins": 2}
    kept = store.read("checkins").set_index("checkin")
    assert kept.index.tolist() == ["K1", "K3"]
    building = store.read("buildings", where={"building": "B00"}).geometry.iloc[0]
    assert building.contains(kept.geometry["K1"])
    assert kept.geometry["K3"] == place
    assert recordings.forget_old(store, today=date(2026, 6, 4)) == {"tracks": 0, "checkins": 0}


@pytest.mark.parametrize("value", [0, "thirty", True, None])
def test_keep_fixes_days_must_be_a_whole_number_of_days(store: Store, value: object) -> None:
    store.set_setting("keep_fixes_days", value)
    with pytest.raises(ParameterError) as caught:
        recordings.keep_fixes_days(store)
    assert caught.value.code == "recordings.keep_days"


def test_looks_at_lists_own_looks_and_looks_at_everybody(store: Store) -> None:
    at = datetime(2026, 5, 6, 1, tzinfo=UTC)
    recordings.note_look(store, who="督查", whose="W1", day=DAY, now=at)
    recordings.note_look(store, who="督查", whose="W2", day=DAY, now=at)
    later = datetime(2026, 5, 6, 2, tzinfo=UTC)
    recordings.note_look(store, who="令牌", whose=None, day=None, now=later)
    found = recordings.looks_at(store, "W1")
    assert found["who"].tolist() == ["令牌", "督查"]
    assert found["whose"].tolist() == [None, "W1"] or pd.isna(found["whose"].iloc[0])
    assert recordings.looks_at(store, "W3")["who"].tolist() == ["令牌"]


@pytest.mark.parametrize(
    ("span", "first", "last"),
    [
        ("day", date(2026, 2, 28), date(2026, 2, 28)),
        ("week", date(2026, 2, 23), date(2026, 3, 1)),  # 28 February 2026 is a Saturday
        ("month", date(2026, 2, 1), date(2026, 2, 28)),
    ],
)
def test_period_of_day_week_and_month(span: str, first: date, last: date) -> None:
    assert patrols.period_of(date(2026, 2, 28), span=span) == Period(first, last)


def test_period_of_unknown_span_is_refused() -> None:
    with pytest.raises(ParameterError) as caught:
        patrols.period_of(DAY, span="year")
    assert caught.value.code == "patrols.span"


@pytest.mark.parametrize("layer", ["streets", "tracks"])
def test_compute_missing_layer_is_said(store: Store, layer: str) -> None:
    if layer == "tracks":
        street(store)
    with pytest.raises(NotFoundError) as caught:
        patrols.compute(store)
    assert caught.value.params["layer"] == layer

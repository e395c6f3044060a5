"""Rounds in the time given, and weeks of them, on streets drawn by hand."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
import numpy as np
import pytest

from geo.errors import ParameterError
from geo.patrol.routes import (
    Route,
    WalkNetwork,
    Week,
    round_in_time,
    walk_network,
    week_of_rounds,
    worth_by_age,
)
from tests.patrol.routes.test_network import CRS, at, streets

METRE_A_MINUTE = 1 / 60
MONDAY, TUESDAY, WEDNESDAY = date(2026, 5, 4), date(2026, 5, 5), date(2026, 5, 6)
NEVER = np.datetime64("NaT", "D")


def cross() -> WalkNetwork:
    """Four arms from (0, 0): A east 100 m, B north 80, C west 60, D south 40."""
    return walk_network(
        streets([(0, 0), (100, 0)], [(0, 0), (0, 80)], [(0, 0), (-60, 0)], [(0, 0), (0, -40)])
    )


def going(worth: list[float], minutes: float, **options: object) -> Route:
    options = {"base": at(0, 0), "walking_mps": METRE_A_MINUTE, **options}
    return round_in_time(cross(), np.array(worth, dtype=float), minutes=minutes, **options)


def walked(route: Route) -> set[str]:
    return set(route.walk.network.edges["street"].iloc[route.walk.edges])


def test_round_in_time_enough_time_walks_everything_wanted() -> None:
    route = going([1, 1, 1, 1], 560)
    assert route.minutes == pytest.approx(560)
    assert len(route.left_out) == 0


def test_round_in_time_takes_what_is_worth_most() -> None:
    # 200 minutes: A there and back is 200; B and D are 160 + 80 = 240; C and D 120 + 80 = 200.
    assert walked(going([5, 1, 1, 1], 200)) == {"A"}
    assert walked(going([5, 1, 3, 3], 200)) == {"C", "D"}


def test_round_in_time_says_what_is_left_out_and_why() -> None:
    route = going([1, 1, 0, 5], 170)
    assert walked(route) == {"D"}
    left = route.left_out.set_index("row")["reason"].to_dict()
    assert left == {0: "too_far", 1: "no_time"}


def test_round_in_time_too_short_for_anything_is_empty() -> None:
    route = going([1, 1, 1, 1], 10)
    assert (len(route.walk.edges), route.minutes) == (0, 0.0)
    assert set(route.left_out["reason"]) == {"too_far"}


def test_round_in_time_nothing_of_worth_is_empty() -> None:
    route = going([0, 0, 0, 0], 100)
    assert (len(route.walk.edges), len(route.left_out)) == (0, 0)


def test_round_in_time_visits_doors_on_the_way_and_by_a_detour() -> None:
    # A is walked: 200 minutes; one door on it, one on D 30 m down: 60 more, and 5 of service each.
    doors = gpd.GeoDataFrame(
        {"prize": [1.0, 1.0], "service_min": 5.0}, geometry=[at(50, 0), at(0, -30)], crs=CRS
    )
    route = going([1, 0, 0, 0], 280, places=doors)
    assert sorted(visit.place for visit in route.visits) == [0, 1]
    assert route.minutes == pytest.approx(270)
    assert route.walk.length_m == pytest.approx(260)
    shorter = going([1, 0, 0, 0], 240, places=doors)
    assert [visit.place for visit in shorter.visits] == [0]
    assert shorter.left_out["reason"].tolist() == ["no_time"]


def test_round_in_time_door_open_late_is_visited_on_the_way_back() -> None:
    # The door 20 m along A opens at 150; the way out passes at 20, the way back at 180.
    doors = gpd.GeoDataFrame({"opens_min": [150.0]}, geometry=[at(20, 0)], crs=CRS)
    route = going([1, 0, 0, 0], 200, places=doors)
    assert [visit.start_min for visit in route.visits] == [pytest.approx(180)]
    assert route.minutes == pytest.approx(200)


def test_round_in_time_prizes_may_outweigh_streets() -> None:
    doors = gpd.GeoDataFrame(
        {"prize": [500.0], "service_min": [90.0]}, geometry=[at(0, 0)], crs=CRS
    )
    route = going([10, 1, 1, 2], 200, places=doors)
    assert [visit.place for visit in route.visits] == [0]
    assert route.minutes <= 200
    assert walked(route) == {"D"}


@pytest.mark.parametrize("worth", [[1.0], [-1.0, 0, 0, 0], [np.nan, 0, 0, 0]])
def test_round_in_time_worth_that_does_not_fit_is_refused(worth: list[float]) -> None:
    with pytest.raises(ParameterError) as caught:
        going(worth, 100)
    assert caught.value.code == "routes.worth"


def test_worth_by_age_counts_days_up_to_four_weeks() -> None:
    seen = np.array([MONDAY, date(2026, 4, 27), NEVER, date(2020, 1, 1), NEVER], dtype="M8[D]")
    wanted = np.array([True, True, True, True, False])
    worth = worth_by_age(np.full(5, 100.0), wanted, seen, day=MONDAY)
    # the same day 1%; a week 1; never and long ago 28 / 7 = 4; not wanted 0
    assert worth.tolist() == [1.0, 100.0, 400.0, 400.0, 0.0]


def week(minutes: float, **options: object) -> Week:
    options = {"last_seen": np.full(4, NEVER), "is_wanted": np.ones(4, dtype=bool), **options}
    return week_of_rounds(
        cross(),
        base=at(0, 0),
        minutes=minutes,
        days=[MONDAY, TUESDAY, WEDNESDAY],
        walking_mps=METRE_A_MINUTE,
        **options,
    )


def test_week_of_rounds_alternates_until_everything_is_seen() -> None:
    # 280 m in all, 560 minutes of walking; 280 a day: two days see all.
    made = week(280)
    assert made.by_day["seen_m"].tolist() == [140.0, 280.0, 280.0]
    assert made.by_day["seen_share"].tolist() == [0.5, 1.0, 1.0]
    assert (made.by_day["minutes"] <= 280).all()
    first, second = (walked(made.routes[day]) for day in (MONDAY, TUESDAY))
    assert first | second == {"A", "B", "C", "D"}
    assert len(made.left_out) == 0


def test_week_of_rounds_begins_with_what_has_waited_longest() -> None:
    seen = np.array([date(2026, 5, 3), date(2026, 5, 3), date(2026, 5, 3), date(2026, 4, 20)])
    made = week(90, last_seen=seen.astype("M8[D]"))
    assert walked(made.routes[MONDAY]) == {"D"}


def test_week_of_rounds_says_what_no_round_can_see() -> None:
    # 130 minutes: A and B take 200 and 160 there and back.
    made = week(130)
    assert made.by_day["seen_share"].iloc[-1] == pytest.approx(100 / 280)
    assert made.left_out[["row", "length_m", "reason"]].values.tolist() == [
        [0, 100.0, "too_far"],
        [1, 80.0, "too_far"],
    ]


def test_week_of_rounds_places_are_offered_once() -> None:
    doors = gpd.GeoDataFrame(
        {"prize": 50.0, "service_min": 30.0, "name": ["甲", "乙"]},
        geometry=[at(0, 10), at(0, -10)],
        crs=CRS,
    )
    made = week(60, places=doors)
    called = [[visit.place for visit in route.visits] for route in made.routes.values()]
    assert sorted(called[0] + called[1]) == [0, 1]


def test_week_of_rounds_no_streets_wanted_has_no_share() -> None:
    made = week(100, is_wanted=np.zeros(4, dtype=bool))
    assert made.by_day["seen_share"].isna().all()
    assert made.by_day["length_m"].tolist() == [0.0] * 3


def test_week_of_rounds_days_must_ascend() -> None:
    with pytest.raises(ParameterError) as caught:
        week_of_rounds(
            cross(),
            np.ones(4, dtype=bool),
            base=at(0, 0),
            minutes=60,
            days=[TUESDAY, MONDAY],
            last_seen=np.full(4, NEVER),
        )
    assert caught.value.code == "routes.days"

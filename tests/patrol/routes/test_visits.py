"""Visits with prizes and hours in the time given: by hand, and against all orders."""

from __future__ import annotations

from itertools import permutations

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import CrsError, ParameterError
from geo.patrol.routes import Route, WalkNetwork, visits, walk_network
from geo.patrol.routes.ordering import best_order, decode
from tests.patrol.routes.test_network import CRS, at, streets

METRE_A_MINUTE = 1 / 60
"""Walking speed at which a metre takes a minute."""


def street() -> WalkNetwork:
    return walk_network(streets([(0, 0), (100, 0)]))


def doors(*places: tuple[float, float], **columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=[at(x, y) for x, y in places], crs=CRS)


def going(places: gpd.GeoDataFrame, minutes: float, **options: object) -> Route:
    options = {"base": at(0, 0), "walking_mps": METRE_A_MINUTE, **options}
    return visits(street(), places, minutes=minutes, **options)


def test_visits_two_doors_along_a_street_take_the_way_there_and_back() -> None:
    # Doors at 30 and 80 m, the second 5 m off: 85 m there, 85 back, 2 + 3 minutes of service.
    route = going(doors((30, 0), (80, 5), service_min=[2.0, 3.0]), 200)
    assert route.minutes == pytest.approx(175)
    assert sorted(visit.place for visit in route.visits) == [0, 1]
    assert len(route.left_out) == 0
    assert route.walk.length_m == pytest.approx(160)


def test_visits_time_for_one_of_two_takes_the_greater_prize() -> None:
    # 30 m west of the middle or 40 m east of it: 60 or 80 minutes, never 140.
    places = doors((20, 0), (90, 0), prize=[5.0, 6.0], name=["西", "东"])
    route = going(places, 100, base=at(50, 0))
    assert [visit.place for visit in route.visits] == [1]
    assert route.left_out.values.tolist() == [["place", 0, "西", "no_time"]]
    assert route.minutes == pytest.approx(80)


def test_visits_hours_decide_the_order() -> None:
    # The far door closes at 85: it comes first, the near one on the way back, at 80 + 50.
    places = doors((30, 0), (80, 0), opens_min=[100.0, 0.0], closes_min=[140.0, 85.0])
    route = going(places, 200)
    assert [(v.place, v.arrive_min, v.start_min) for v in route.visits] == [
        (1, pytest.approx(80), pytest.approx(80)),
        (0, pytest.approx(130), pytest.approx(130)),
    ]


def test_visits_door_not_yet_open_is_waited_for() -> None:
    route = going(doors((30, 0), opens_min=[50.0]), 100)
    assert (route.visits[0].arrive_min, route.visits[0].start_min) == (
        pytest.approx(30),
        pytest.approx(50),
    )
    assert route.minutes == pytest.approx(80)


def test_visits_says_why_each_is_left_out() -> None:
    network = walk_network(streets([(0, 0), (100, 0)], [(0, 500), (50, 500)]))
    places = doors((90, 0), (20, 0), (30, 500), (10, 0), (60, 0)).assign(
        prize=[1, 1, 1, 0, 1], closes_min=[np.inf, 15, np.inf, np.inf, np.inf]
    )
    route = visits(network, places, base=at(0, 0), minutes=150, walking_mps=METRE_A_MINUTE)
    assert route.left_out["reason"].tolist() == ["too_far", "closed", "unreachable", "worthless"]
    assert route.left_out["row"].tolist() == [0, 1, 2, 3]


def test_visits_too_little_time_for_any_is_an_empty_route() -> None:
    route = going(doors((30, 0), (80, 5)), 10)
    assert (len(route.visits), route.minutes, len(route.walk.edges)) == (0, 0.0, 0)
    assert route.left_out["reason"].tolist() == ["too_far", "too_far"]


def test_visits_no_places_is_an_empty_route() -> None:
    route = going(doors(), 10)
    assert (len(route.visits), route.minutes) == (0, 0.0)


def test_visits_base_off_the_street_is_walked_to() -> None:
    # 20 m from the base to the street, 30 along it, and back.
    route = going(doors((30, 0)), 200, base=at(0, 20))
    assert route.minutes == pytest.approx(100)


def test_visits_same_seed_same_route() -> None:
    rng = np.random.default_rng(3)
    places = doors(*rng.uniform(0, 100, (12, 2)).tolist())
    first, second = (going(places, 150, seed=7).visits for _ in range(2))
    assert first == second


@pytest.mark.parametrize("column", ["prize", "service_min", "opens_min", "closes_min"])
def test_visits_negative_numbers_are_refused(column: str) -> None:
    with pytest.raises(ParameterError) as caught:
        going(doors((30, 0), (40, 0), **{column: [1.0, -2.0]}), 100)
    assert (caught.value.code, caught.value.params["column"]) == ("routes.numbers", column)


def test_visits_another_crs_is_refused() -> None:
    with pytest.raises(CrsError):
        going(doors((30, 0)).to_crs(4326), 100)


@pytest.mark.parametrize("minutes", [0.0, -1.0, np.inf, np.nan])
def test_visits_time_out_of_range_is_refused(minutes: float) -> None:
    with pytest.raises(ParameterError) as caught:
        going(doors((30, 0)), minutes)
    assert caught.value.code == "parameter.not_positive"


@st.composite
def calls(draw: st.DrawFn) -> tuple[np.ndarray, ...]:
    n = draw(st.integers(1, 5))
    number = st.integers(0, 40).map(float)
    points = np.array(draw(st.lists(st.tuples(number, number), min_size=n + 1, max_size=n + 1)))
    between = np.abs(points[:, None] - points[None]).sum(axis=2)
    rows = [draw(st.lists(number, min_size=n, max_size=n)) for _ in range(3)]
    prize, service, opens = (np.append(0.0, row) for row in rows)
    closes = opens + np.append(0.0, draw(st.lists(number, min_size=n, max_size=n)))
    return between, prize, service, opens, closes


@settings(max_examples=60, deadline=None)
@given(calls=calls(), limit=st.integers(1, 250).map(float))
def test_best_order_gains_as_much_as_the_best_of_all_orders(
    calls: tuple[np.ndarray, ...], limit: float
) -> None:
    between, prize, service, opens, closes = calls
    n = len(prize) - 1

    def value(order: np.ndarray) -> tuple[float, float]:
        taken = np.empty(n, dtype=np.int64)
        k, end = decode(order, between, service, opens, closes, limit, taken)
        return float(prize[taken[:k]].sum()), -end

    # Each subset in each order; of a kept subset all fit, or it is no better than a smaller one.
    every = (
        np.array(order, dtype=np.int64)
        for k in range(n + 1)
        for order in permutations(range(1, n + 1), k)
    )
    best = max(value(order) for order in every)
    found = best_order(between, prize, service, opens, closes, limit, 2, 4000, 0)
    assert value(found)[0] == best[0]
    assert value(found)[1] == pytest.approx(best[1])

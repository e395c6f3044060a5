"""Suggested rounds from a store with two streets in each grid."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
import shapely

from geo.errors import NotFoundError, ParameterError
from geo.services import patrols, plans, routes
from geo.store import Store
from tests.services.conftest import SOUTH, WEST, frame_of

DAY = date(2026, 5, 5)
YESTERDAY = date(2026, 5, 4)


def at(x: float, y: float) -> shapely.Point:
    return shapely.Point(WEST + x, SOUTH + y)


def fill(store: Store) -> None:
    """One grid a community; in the first, streets A (y = 50) and B (y = 150) along x, joined by C
    at x = 100; A was walked yesterday."""
    lines = {
        "A": [(10, 50), (100, 50), (190, 50)],
        "B": [(10, 150), (100, 150), (190, 150)],
        "C": [(100, 50), (100, 150)],
    }
    rows = {"street": list(lines), "name": ["甲街", "乙街", "丙巷"], "class": "residential"}
    made = [shapely.LineString([at(*xy) for xy in line]) for line in lines.values()]
    store.write("streets", frame_of("streets", rows, made))
    plans.make_plan(
        store, target=80, effective_from=date(2026, 1, 1), now=datetime(2026, 1, 1, tzinfo=UTC)
    )
    places = [at(10 + 10 * step, 51) for step in range(19)]
    times = pd.Timestamp("2026-05-04T01:00Z") + pd.to_timedelta(range(0, 190, 10), unit="s")
    rows = {"patrol": "P1", "worker": "W1", "day": pd.Timestamp(YESTERDAY), "round": 1, "at": times}
    store.write("tracks", frame_of("tracks", rows, places))
    patrols.compute(store, reach_m=20, piece_m=50)


def grid_of(store: Store, x: float, y: float) -> str:
    grids = plans.grids(store, str(plans.current(store)))
    return str(grids.loc[grids.contains(at(x, y)), "grid"].iloc[0])


def test_suggest_enough_time_walks_every_street_of_the_grid(store: Store) -> None:
    fill(store)
    grid = grid_of(store, 100, 100)
    found = routes.suggest(store, day=DAY, minutes=60, grid=grid, base=at(100, 100))
    # 180 + 180 + 100 m, all dead ends from the middle of C: each walked twice
    assert found.route.walk.street_m == pytest.approx(460)
    assert found.route.walk.length_m == pytest.approx(920)
    assert found.grids == (grid,)
    assert set(found.legs["name"]) == {"甲街", "乙街", "丙巷"}
    assert found.notes == ()


def test_suggest_little_time_goes_where_nobody_has_been(store: Store) -> None:
    fill(store)
    # 8 minutes are 576 m: B with half of C is 460 m there and back, A the same.
    found = routes.suggest(
        store, day=DAY, minutes=8, grid=grid_of(store, 100, 100), base=at(100, 100)
    )
    seen = found.legs.loc[found.legs["kind"] == "street"].groupby("name")["length_m"].sum()
    assert seen["乙街"] == pytest.approx(180)
    assert seen.get("甲街", 0.0) < 20
    assert found.route.minutes <= 8


def test_suggest_without_base_says_that_one_was_assumed(store: Store) -> None:
    fill(store)
    grid = grid_of(store, 100, 100)
    found = routes.suggest(store, day=DAY, minutes=60, grid=grid)
    assert [note.code for note in found.notes] == ["routes.note.base_assumed"]


def test_suggest_for_a_worker_takes_the_workers_grids(store: Store) -> None:
    fill(store)
    grid = grid_of(store, 100, 100)
    entry = {
        "person": ["W1"],
        "name": ["张三"],
        "role": ["grid_worker"],
        "area_kind": ["grid"],
        "area": [grid],
        "valid_from": [pd.Timestamp(2026, 1, 1)],
    }
    store.write("roster", pd.DataFrame(entry))
    found = routes.suggest(store, day=DAY, minutes=60, worker="W1", base=at(100, 100))
    assert found.grids == (grid,)


@pytest.mark.parametrize(
    ("base", "minutes", "code"),
    [
        (at(100, 100), 0.01, "routes.note.too_short"),
        (at(100, 300), 60.0, "routes.note.off_network"),
    ],
)
def test_suggest_says_what_is_odd(
    store: Store, base: shapely.Point, minutes: float, code: str
) -> None:
    fill(store)
    grid = grid_of(store, 100, 100)
    found = routes.suggest(store, day=DAY, minutes=minutes, grid=grid, base=base)
    assert code in [note.code for note in found.notes]


def test_suggest_grid_without_streets_says_so(store: Store) -> None:
    fill(store)
    grid = grid_of(store, 300, 100)
    found = routes.suggest(store, day=DAY, minutes=30, grid=grid, base=at(300, 100))
    assert "routes.note.no_streets" in [note.code for note in found.notes]
    assert len(found.legs) == 0


def test_suggest_streets_apart_are_told(store: Store) -> None:
    fill(store)
    line = shapely.LineString([at(20, 10), at(60, 10)])
    store.write("streets", frame_of("streets", {"street": ["D"], "class": ["path"]}, [line]))
    patrols.compute(store, reach_m=20, piece_m=50)
    grid = grid_of(store, 100, 100)
    found = routes.suggest(store, day=DAY, minutes=60, grid=grid, base=at(100, 100))
    note = next(note for note in found.notes if note.code == "routes.note.unreachable")
    assert note.params == {"n": 1, "length_m": 40}


def test_week_sees_everything_and_says_when_it_cannot(store: Store) -> None:
    fill(store)
    grid = grid_of(store, 100, 100)
    days = [DAY + timedelta(days=n) for n in range(3)]
    made = routes.week(store, days=days, minutes=8, grid=grid, base=at(100, 100))
    assert made.week.by_day["seen_share"].iloc[-1] == pytest.approx(1.0)
    assert list(made.legs) == days
    short = routes.week(store, days=days[:1], minutes=8, grid=grid, base=at(100, 100))
    assert "routes.note.week_too_short" in [note.code for note in short.notes]


def test_suggest_neither_worker_nor_grid_or_both_is_refused(store: Store) -> None:
    fill(store)
    for whose in ({}, {"worker": "W1", "grid": "G"}):
        with pytest.raises(ParameterError) as caught:
            routes.suggest(store, day=DAY, minutes=30, **whose)
        assert caught.value.code == "routes.whose"


@pytest.mark.parametrize(
    ("whose", "day", "code"),
    [
        ({"grid": "nowhere"}, DAY, "routes.no_grid"),
        ({"worker": "nobody"}, DAY, "routes.no_own_grid"),
        ({"grid": "nowhere"}, date(2020, 1, 1), "routes.no_plan"),
    ],
)
def test_suggest_unknown_is_said(store: Store, whose: dict[str, str], day: date, code: str) -> None:
    fill(store)
    with pytest.raises(NotFoundError) as caught:
        routes.suggest(store, day=day, minutes=30, **whose)
    assert caught.value.code == code


def test_suggest_without_streets_is_said(store: Store) -> None:
    with pytest.raises(NotFoundError) as caught:
        routes.suggest(store, day=DAY, minutes=30, grid="G")
    assert caught.value.code == "routes.no_pieces"


def test_week_without_days_is_refused(store: Store) -> None:
    with pytest.raises(ParameterError) as caught:
        routes.week(store, days=[], minutes=30, grid="G")
    assert caught.value.code == "routes.days"

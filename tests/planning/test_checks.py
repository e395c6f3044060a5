from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from towns import area, box, houses, squares

from geo.errors import ParameterError
from geo.planning.barriers import close_barriers
from geo.planning.cells import make_cells
from geo.planning.checks import (
    MOST_KEYS,
    Finding,
    check_around,
    check_cells,
    check_crossings,
    check_made,
    overlaps,
    raise_errors,
    usable_cells,
)
from geo.planning.contiguity import adjacency
from web import texts


def checked(cells: gpd.GeoDataFrame, **options: Any) -> dict[str, Finding]:
    """Findings by code, for a target of 40 unless said otherwise; every text can be filled."""
    asked = {"load": "households", "target": 40.0, "tolerance": 0.05, **options}
    found = check_cells(cells, adjacency(cells), **asked)
    for one in found:
        told = {name: value for name, value in one.as_dict().items() if name != "code"}
        assert texts.text("zh", one.code, **told) != texts.text("en", one.code, **told)
    return {one.code: one for one in found}


def test_check_cells_of_a_sound_board_finds_nothing() -> None:
    assert checked(squares(4, 2)) == {}


def test_check_cells_of_an_empty_frame_says_so() -> None:
    found = check_cells(squares(1, 1).iloc[:0], None, load="households", tolerance=0.05)
    assert [(one.code, one.severity) for one in found] == [("checks.no_cells", "error")]


def test_check_cells_of_repeated_keys_names_each_once() -> None:
    cells = squares(4, 2)
    cells["cell"] = list("aabbbcde")
    found = checked(cells)["checks.repeated_keys"]
    assert (found.severity, found.count, found.keys) == ("error", 2, ("a", "b"))


def test_check_cells_of_odd_loads_names_the_cells() -> None:
    cells = squares(4, 2).assign(households=[10, -1, None, np.inf, 0, 30, 20, -3])
    found = checked(cells)
    assert {code: one.keys for code, one in found.items()} == {
        "checks.load_negative": ("0001", "0007"),
        "checks.load_not_number": ("0003",),
        "checks.load_missing": ("0002",),
        "checks.load_zero": ("0004",),
    }
    severe = [code for code, one in found.items() if one.severity == "error"]
    assert severe == ["checks.load_not_number", "checks.load_negative"]
    assert list(found)[:2] == severe


def test_check_cells_of_text_loads_finds_those_that_are_no_numbers() -> None:
    found = checked(squares(2, 1).assign(households=["40", "many"]))
    assert found["checks.load_not_number"].keys == ("0001",)


def test_check_cells_without_any_load_says_that_there_is_nothing_to_balance() -> None:
    found = checked(squares(2, 1).assign(households=0))
    assert found["checks.no_load"].severity == "error"


def test_check_cells_above_target_by_more_than_the_tolerance() -> None:
    # a grid may have 42
    cells = squares(3, 1).assign(households=[42, 43, 35])
    assert checked(cells)["checks.above_target"].keys == ("0001",)


def test_check_cells_of_areas_too_light_for_a_grid_names_them() -> None:
    # a grid must have 38; A has 37, B 40
    cells = squares(4, 1).assign(community=list("AABB"), households=[18, 19, 20, 20])
    found = checked(cells)["checks.area_below_target"]
    assert (found.keys, found.params) == (("A",), {"target": 40.0})


def test_check_cells_with_tolerance_0_warns() -> None:
    assert list(checked(squares(4, 1), tolerance=0)) == ["checks.tolerance_zero"]


def test_check_cells_of_islands_names_the_lesser_parts() -> None:
    # a large part of two cells, and two islands of one cell each
    cells = area((0, 0, 9, 9), (20, 0, 29, 9), (29, 0, 38, 9), (50, 0, 59, 9))
    cells = cells.assign(cell=list("abcd"), community="A", households=20)
    found = checked(cells)["checks.disconnected"]
    assert (found.keys, found.params) == (("a", "d"), {"n_cells": 2})


def test_check_cells_counts_parts_by_area() -> None:
    # the same four cells, but each is a community of its own, or no column says so
    cells = area((0, 0, 9, 9), (20, 0, 29, 9), (29, 0, 38, 9), (50, 0, 59, 9))
    assert "checks.disconnected" not in checked(cells.assign(households=40))


def test_check_cells_of_overlapping_cells_says_where_and_how_much() -> None:
    # a and b share 10 x 100 m; c only touches b
    cells = area((0, 0, 100, 100), (90, 0, 200, 100), (200, 0, 300, 100))
    cells = cells.assign(cell=list("abc"), community="A", households=40)
    found = checked(cells)["checks.overlap"]
    assert (found.severity, found.keys, found.params) == (
        "warning",
        ("a – b",),
        {"area_m2": 1000.0},
    )


def test_check_cells_of_a_cell_inside_another_and_of_equal_cells_finds_the_overlaps() -> None:
    cells = area((0, 0, 100, 100), (40, 40, 60, 60), (0, 0, 100, 100))
    left, right, area_m2 = overlaps(cells.geometry.to_numpy())
    found = sorted(zip(left.tolist(), right.tolist(), area_m2.tolist(), strict=True))
    assert found == [(0, 1, 400.0), (0, 2, 10_000.0), (1, 2, 400.0)]


def test_check_cells_of_a_sliver_names_it() -> None:
    # 0.4 m by 100 m: 4 x 40 / 200.8 = 0.8 m; 0.6 m by 100 m: 1.2 m
    cells = area((0, 0, 0.4, 100), (0.4, 0, 1, 100), (1, 0, 100, 100))
    cells = cells.assign(cell=list("abc"), community="A", households=20)
    assert checked(cells)["checks.sliver"].keys == ("a",)


def test_usable_cells_leaves_out_what_has_no_ground_and_mends_what_is_invalid() -> None:
    cells = squares(4, 1)
    bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    cells["geometry"] = [None, shapely.Point(0, 0), bow, cells.geometry.iloc[3]]
    cells.index = pd.Index([7, 8, 9, 10])
    usable, found = usable_cells(cells)
    assert usable.index.tolist() == [9, 10]
    # two triangles of 1 m2
    assert usable.geometry.iloc[0].area == pytest.approx(2.0)
    assert {one.code: one.keys for one in found} == {
        "checks.no_geometry": ("0000", "0001"),
        "checks.invalid_geometry": ("0002",),
    }
    assert cells.geometry.iloc[0] is None


def test_usable_cells_of_sound_cells_are_the_same() -> None:
    cells = squares(2, 1)
    assert usable_cells(cells) == (cells, [])


def test_check_crossings_tells_of_each_barrier() -> None:
    cells = squares(3, 1)
    roads = gpd.GeoDataFrame(
        {"kind": ["road", "water"], "class": ["primary", "river"]},
        geometry=[box(100, -9, 100, 109).exterior, box(200, -9, 200, 109).exterior],
        crs=cells.crs,
    )
    found = adjacency(cells, barriers=roads)
    load = cells["households"].to_numpy(dtype=float)
    _, unavoidable = close_barriers(
        found, cells, load=load, classes=["road", "water"], least_load=30
    )
    told = check_crossings(cells, unavoidable)
    assert [(one.params["barrier"], one.keys) for one in told] == [
        ("road/primary", ("0000 – 0001",)),
        ("water/river", ("0001 – 0002",)),
    ]


def test_check_around_tells_of_grids_that_reach_around_the_end_of_a_barrier() -> None:
    # 2 3   a wall of 100 m between 0 and 1 ends below 2 and 3
    # 0 1
    cells = squares(2, 2)
    wall = gpd.GeoDataFrame(
        {"kind": ["wall"]}, geometry=[box(100, 0, 100, 100).exterior], crs=cells.crs
    )
    found = adjacency(cells, barriers=wall)
    passable, _ = close_barriers(found, cells, load=np.ones(4), classes=["wall"], least_load=1)
    together, apart = np.zeros(4, dtype=int), np.array([0, 1, 0, 1])
    told = check_around(cells, found, passable, together)
    assert [(one.keys, one.params) for one in told] == [
        (("0000 – 0001",), {"barrier": "wall", "length_m": 100})
    ]
    assert check_around(cells, found, passable, apart) == []


def test_check_made_tells_what_was_mended_with_the_heavy_buildings_by_name() -> None:
    # a house of 50 households for a target of 40, one outside, and 20 x 100 m claimed twice
    homes = houses((20, 20, 60, 60), (300, 0, 320, 20), households=50)
    made = make_cells(
        buildings=homes,
        within=area((0, 0, 110, 100), (90, 0, 200, 100)),
        target_households=40,
        rng=np.random.default_rng(0),
    )
    found = {one.code: one for one in check_made(made, target=40)}
    assert list(found) == [
        "checks.buildings_above_target",
        "checks.buildings_outside",
        "checks.communities_overlap",
    ]
    assert found["checks.buildings_above_target"].keys == ("b0",)
    assert found["checks.buildings_outside"].count == 1
    assert found["checks.communities_overlap"].params == {"area_m2": 2000.0}


def test_raise_errors_raises_the_first_error_with_its_keys() -> None:
    raise_errors([Finding("checks.sliver", "warning", 1, ("a",))])
    with pytest.raises(ParameterError) as caught:
        raise_errors([Finding("checks.load_negative", "error", 2, ("a", "b"))])
    assert caught.value.code == "checks.load_negative"
    assert caught.value.params == {"count": 2, "keys": ["a", "b"]}


def test_check_cells_names_no_more_keys_than_can_be_read() -> None:
    found = checked(squares(30, 1).assign(households=[40] + [0] * 29))["checks.load_zero"]
    assert (found.count, len(found.keys)) == (29, MOST_KEYS)


@settings(max_examples=60, deadline=None)
@given(
    boxes=st.lists(
        st.tuples(*[st.integers(0, 12)] * 2, *[st.integers(1, 6)] * 2), min_size=1, max_size=7
    )
)
def test_overlaps_of_boxes_are_their_common_ground(
    boxes: list[tuple[int, int, int, int]],
) -> None:
    shapes = np.array([shapely.box(x, y, x + dx, y + dy) for x, y, dx, dy in boxes])
    left, right, area_m2 = overlaps(shapes)
    found = {
        (int(one), int(other)): round(float(share))
        for one, other, share in zip(left, right, area_m2, strict=True)
    }
    expected = {}
    for i, (x, y, dx, dy) in enumerate(boxes):
        for j, (u, v, du, dv) in enumerate(boxes[:i]):
            wide, high = min(x + dx, u + du) - max(x, u), min(y + dy, v + dv) - max(y, v)
            if wide > 0 and high > 0:
                expected[j, i] = wide * high
    assert found == expected

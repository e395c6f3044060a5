from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from test_cells import assert_exact
from towns import CRS, X0, Y0, area, box, houses

from geo.errors import SchemaError
from geo.planning.cells import CellsReport, make_cells
from geo.planning.entrances import by_points, slices


def doors(*places: tuple[float, float], **columns: list[Any]) -> gpd.GeoDataFrame:
    """Entrances of building b0."""
    n = len(places)
    named = {"entrance": [f"e{i}" for i in range(n)], "building": ["b0"] * n, **columns}
    return gpd.GeoDataFrame(
        named, geometry=[shapely.Point(X0 + x, Y0 + y) for x, y in places], crs=CRS
    )


def cut(
    buildings: gpd.GeoDataFrame, entrances: gpd.GeoDataFrame | None, target: float = 100
) -> CellsReport:
    return make_cells(
        buildings=buildings,
        entrances=entrances,
        within=area((0, 0, 200, 100)),
        target_households=target,
        rng=np.random.default_rng(0),
    )


def slab(households: int | None = 300) -> gpd.GeoDataFrame:
    """One building of 120 m by 20 m."""
    return houses((40, 40, 160, 60)).assign(households=pd.array([households], dtype="Int64"))


def test_make_cells_splits_a_heavy_building_by_its_entrances() -> None:
    # doors at 50, 90 and 150 m on the south wall: the half-way lines are at 70 and 120 m
    report = cut(slab(), doors((50, 40), (90, 40), (150, 40)))
    assert report.n_split == 1
    # the ground too is shared out by the parts' walls: 70, 50 and 80 m wide
    assert report.cells["area_m2"].tolist() == pytest.approx([7000, 5000, 8000], rel=0.02)
    assert report.cells["households"].tolist() == [100, 100, 100]
    assert report.cells["households_estimated"].all()
    assert report.cells["n_buildings"].sum() == 1
    assert report.n_empty == 0
    assert report.above_target == ()
    assert_exact(report.cells, area((0, 0, 200, 100)))


def test_make_cells_shares_households_as_the_entrances_are_counted() -> None:
    # counted 50 + 100 + 50, the building says 300: in proportion 75, 150, 75; 150 is above 105
    entrances = doors((50, 40), (90, 40), (150, 40), households=[50, 100, 50])
    report = cut(slab(), entrances)
    assert report.cells["households"].tolist() == [75, 150, 75]
    assert not report.cells["households_estimated"].any()
    assert report.above_target == (report.cells["cell"].iloc[1],)
    assert report.above_target_buildings == ("b0",)


def test_make_cells_counts_a_building_by_its_entrances_where_nobody_did() -> None:
    # 120 x 20 m x 6 floors would be estimated as more than 90
    entrances = doors((50, 40), (150, 40), households=[30, 60], people=[70, 90])
    report = cut(slab(None), entrances)
    assert report.cells[["households", "people"]].to_numpy().tolist() == [[90, 160]]
    assert not report.cells["households_estimated"].any()
    assert report.n_split == 0


def test_make_cells_leaves_a_building_whole_that_fits_into_a_grid() -> None:
    report = cut(slab(105), doors((50, 40), (150, 40)))
    assert (len(report.cells), report.n_split) == (1, 0)


@pytest.mark.parametrize("where", ["buildings", "entrances"])
def test_make_cells_slices_a_heavy_building_where_only_the_number_is_known(where: str) -> None:
    entrances = doors((50, 40), (50, 40), (50, 40))
    report = (
        cut(slab().assign(n_entrances=3), None) if where == "buildings" else cut(slab(), entrances)
    )
    # slices at 80 and 120 m: the ground is 80, 40 and 80 m wide
    assert report.cells["area_m2"].tolist() == pytest.approx([8000, 4000, 8000], rel=0.02)
    assert report.cells["households"].tolist() == [100, 100, 100]


def test_make_cells_of_a_heavy_building_without_entrances_keeps_and_names_it() -> None:
    report = cut(slab(), None)
    assert len(report.cells) == 1
    assert report.n_split == 0
    assert report.above_target_buildings == ("b0",)
    assert report.summary()["n_above_target"] == 1


def test_make_cells_of_a_heavy_point_makes_its_entrances_cells() -> None:
    buildings = slab().set_geometry([shapely.Point(X0 + 100, Y0 + 50)], crs=CRS)
    report = cut(buildings, doors((50, 50), (150, 50)))
    assert report.cells["area_m2"].tolist() == pytest.approx([10_000, 10_000])
    assert report.cells["households"].tolist() == [150, 150]


def test_make_cells_counts_entrances_of_buildings_that_are_not_there() -> None:
    entrances = doors((50, 40), (150, 40)).assign(building=["b0", "b9"])
    assert cut(slab(), entrances).n_stray_entrances == 1


def test_make_cells_of_entrances_without_their_building_raises() -> None:
    with pytest.raises(SchemaError) as caught:
        cut(slab(), doors((50, 40)).drop(columns="building"))
    assert caught.value.params["columns"] == ["building"]


def test_by_points_keeps_every_part_in_one_piece() -> None:
    # a U whose right leg is nearer to the left leg's door than to the bottom's: pieces stay whole
    u = shapely.union_all([box(0, 0, 10, 60), box(0, 0, 40, 10), box(30, 0, 40, 60)])
    parts = by_points(u, np.array([[X0 + 9.0, Y0 + 40.0], [X0 + 20.0, Y0 + 1.0]]))
    assert shapely.get_type_id(parts).tolist() == [3, 3]
    assert shapely.area(parts).sum() == pytest.approx(u.area)


def test_slices_are_cut_across_the_long_axis() -> None:
    parts = slices(box(0, 0, 20, 90), 3)
    bounds = sorted(shapely.bounds(parts)[:, 1] - Y0)
    assert bounds == pytest.approx([0, 30, 60], abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    legs=st.lists(
        st.tuples(st.integers(0, 60), st.integers(6, 40), st.integers(15, 60)),
        min_size=1,
        max_size=3,
    ),
    n=st.integers(2, 6),
    turn=st.floats(0, 3),
)
def test_slices_of_any_comb_are_equal_and_cover_it(
    legs: list[tuple[int, int, int]], n: int, turn: float
) -> None:
    comb = shapely.union_all(
        [box(0, 0, 100, 12), *[box(x, 0, x + wide, high) for x, wide, high in legs]]
    )
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    footprint = shapely.transform(comb, lambda xy: (xy - [X0, Y0]) @ rotation + [X0, Y0])
    parts = slices(footprint, n)
    assert len(parts) == n
    assert shapely.area(parts).sum() == pytest.approx(footprint.area, rel=1e-9)
    assert shapely.area(shapely.union_all(parts)) == pytest.approx(footprint.area, rel=1e-6)

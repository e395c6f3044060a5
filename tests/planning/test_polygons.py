from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from towns import CRS, X0, Y0, box, squares

from geo.errors import GeometryError, ParameterError
from geo.planning.polygons import HAIRLINE_M, dissolve, mend, simplify


def drawn(*corners: tuple[float, float]) -> shapely.Polygon:
    """A polygon, metres from the origin."""
    return shapely.Polygon([(X0 + x, Y0 + y) for x, y in corners])


def as_cells(*polygons: shapely.Polygon) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"community": ["A"] * len(polygons), "households": [10] * len(polygons)},
        geometry=list(polygons),
        crs=CRS,
    )


def crooked(n_columns: int, n_rows: int, shift: np.ndarray) -> gpd.GeoDataFrame:
    """Cells of 100 m whose shared sides have a middle vertex too, all inner vertices shifted."""
    nx, ny = 2 * n_columns + 1, 2 * n_rows + 1
    x, y = np.meshgrid(np.arange(nx) * 50.0, np.arange(ny) * 50.0)
    is_inner = (x > 0) & (x < x.max()) & (y > 0) & (y < y.max())
    moved = np.resize(shift, (ny, nx, 2)) * is_inner[..., None]
    x, y = X0 + x + moved[..., 0], Y0 + y + moved[..., 1]
    around = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    rings = [
        [(x[2 * row + i, 2 * column + j], y[2 * row + i, 2 * column + j]) for i, j in around]
        for row in range(n_rows)
        for column in range(n_columns)
    ]
    return as_cells(*map(shapely.Polygon, rings))


def shared_m(geometry: np.ndarray) -> float:
    """Length of all borders between two polygons."""
    outline = shapely.union_all(geometry)
    return float((shapely.length(geometry).sum() - shapely.length(outline)) / 2)


LABELS = st.lists(st.integers(0, 5), min_size=20, max_size=20)
SHIFTS = st.lists(st.floats(-12, 12), min_size=30, max_size=30)


@settings(max_examples=80, deadline=None)
@given(LABELS, SHIFTS)
def test_dissolve_of_any_plan_covers_just_what_the_cells_cover(
    plan: list[int], shift: list[float]
) -> None:
    cells = crooked(5, 4, np.array(shift))
    labels = np.unique(plan, return_inverse=True)[1]
    geometry = dissolve(cells, labels).geometry.to_numpy()
    ground = shapely.union_all(cells.geometry.to_numpy())
    apart = shapely.symmetric_difference(shapely.union_all(geometry), ground)
    assert shapely.area(apart) < 1e-6
    assert shapely.area(geometry).sum() == pytest.approx(shapely.area(ground))  # no overlap
    assert shapely.coverage_is_valid(geometry)


@settings(max_examples=80, deadline=None)
@given(LABELS, SHIFTS, st.sampled_from([1.0, 10.0, 60.0, 1000.0]))
def test_simplify_of_any_plan_stays_a_coverage_of_all_grids(
    plan: list[int], shift: list[float], simplify_m: float
) -> None:
    cells = crooked(5, 4, np.array(shift))
    labels = np.unique(plan, return_inverse=True)[1]
    grids = dissolve(cells, labels)
    simpler = simplify(grids, simplify_m=simplify_m)
    geometry = simpler.geometry.to_numpy()
    assert shapely.coverage_is_valid(geometry)
    assert shapely.is_valid(geometry).all()
    assert (shapely.area(geometry) > 0).all()
    # the outline stays, so nothing is gained or lost in all
    assert shapely.area(geometry).sum() == pytest.approx(grids["area_m2"].sum())
    assert (
        shapely.get_num_coordinates(geometry).sum()
        <= shapely.get_num_coordinates(grids.geometry.to_numpy()).sum()
    )


def bent_border() -> tuple[gpd.GeoDataFrame, shapely.LineString]:
    """Two grids side by side, 100 m wide and 400 m high; the border juts 4 m east twice."""
    border = [(100, 0), (100, 100), (104, 110), (100, 120), (100, 250), (104, 260), (100, 270)]
    border.append((100, 400))
    west = drawn((0, 0), *border, (0, 400))
    east = drawn((200, 400), *reversed(border), (200, 0))
    cells = as_cells(west, east)
    road = shapely.LineString([(X0 + x, Y0 + y) for x, y in border[:4]])
    return cells, road


def test_simplify_straightens_a_shared_border_on_both_sides() -> None:
    cells, _road = bent_border()
    grids = dissolve(cells, np.array([0, 1]), simplify_m=10.0)
    # each jut is a triangle of 20 m x 4 m / 2 = 40 m2, below 10 m x 10 m
    assert grids["area_m2"].tolist() == pytest.approx([40_000.0, 40_000.0])
    assert shared_m(grids.geometry.to_numpy()) == pytest.approx(400.0)
    # a rectangle of 100 m x 400 m: 4 pi 40000 / 1000^2
    assert grids["polsby_popper"].tolist() == pytest.approx([0.16 * np.pi] * 2)


def test_simplify_keeps_the_border_along_a_barrier() -> None:
    cells, road = bent_border()
    barriers = gpd.GeoDataFrame({"barrier": ["r"], "kind": ["road"]}, geometry=[road], crs=CRS)
    grids = dissolve(cells, np.array([0, 1]), simplify_m=10.0, barriers=barriers)
    # the southern jut of 40 m2 lies on the road and stays with the western grid
    assert grids["area_m2"].tolist() == pytest.approx([40_040.0, 39_960.0])
    kept = set(map(tuple, shapely.get_coordinates(grids.geometry.to_numpy())))
    assert set(map(tuple, shapely.get_coordinates(road))) <= kept


def test_simplify_keeps_the_line_between_communities_and_the_outline() -> None:
    cells, _road = bent_border()
    grids = dissolve(cells.assign(community=["A", "B"]), np.array([0, 1]))
    assert simplify(grids, simplify_m=10.0)["area_m2"].tolist() == grids["area_m2"].tolist()
    free = simplify(grids, simplify_m=10.0, with_outline=True)
    assert free["area_m2"].tolist() == pytest.approx([40_000.0, 40_000.0])


def test_simplify_with_outline_keeps_the_outline_along_a_barrier() -> None:
    cells, road = bent_border()
    grids = dissolve(cells.iloc[:1], np.array([0]))
    barriers = gpd.GeoDataFrame({"barrier": ["r"], "kind": ["road"]}, geometry=[road], crs=CRS)
    found = simplify(grids, simplify_m=10.0, barriers=barriers, with_outline=True)
    assert found["area_m2"].tolist() == pytest.approx([40_040.0])


def test_simplify_keeps_the_line_of_another_column() -> None:
    cells, _road = bent_border()
    cells = cells.assign(street=["x", "y"])
    how = {"simplify_m": 10.0, "within": "street"}
    assert dissolve(cells, np.array([0, 1]), **how)["area_m2"].tolist() == [40_080.0, 39_920.0]


def test_dissolve_of_a_cell_without_a_grid_raises() -> None:
    with pytest.raises(ParameterError) as caught:
        dissolve(squares(2, 1), np.array([0, -1]))
    assert (caught.value.code, caught.value.params["n_labels"]) == ("plan.labels", 1)


@pytest.mark.parametrize("simplify_m", [0.0, -1.0, float("nan"), float("inf")])
def test_simplify_by_no_length_raises(simplify_m: float) -> None:
    with pytest.raises(ParameterError) as caught:
        simplify(dissolve(squares(1, 1), np.array([0])), simplify_m=simplify_m)
    assert caught.value.code == "polygons.simplify"


def test_simplify_of_overlapping_grids_raises_with_their_codes() -> None:
    grids = as_cells(box(0, 0, 100, 100), box(90, 0, 200, 100), box(500, 0, 600, 100))
    with pytest.raises(GeometryError) as caught:
        simplify(grids.assign(grid=["x", "y", "z"]), simplify_m=5.0)
    assert caught.value.code == "polygons.not_coverage"
    assert caught.value.params == {"count": 2, "keys": ["x", "y"]}


def test_dissolve_barriers_without_simplifying_raises() -> None:
    cells, road = bent_border()
    barriers = gpd.GeoDataFrame({"barrier": ["r"]}, geometry=[road], crs=CRS)
    with pytest.raises(ParameterError) as caught:
        dissolve(cells, np.array([0, 1]), barriers=barriers)
    assert caught.value.code == "polygons.barriers_unused"


def test_dissolve_of_cells_that_overlap_gives_the_ground_to_one_grid() -> None:
    # the second cell reaches 10 m into the first
    cells = as_cells(box(0, 0, 100, 100), box(90, 0, 200, 100))
    grids = dissolve(cells, np.array([0, 1]))
    assert shapely.coverage_is_valid(grids.geometry.to_numpy())
    assert grids["area_m2"].sum() == pytest.approx(20_000.0)


def test_dissolve_of_equal_cells_in_one_grid_counts_their_ground_once() -> None:
    cells = as_cells(box(0, 0, 100, 100), box(0, 0, 100, 100), box(20, 20, 40, 40))
    assert dissolve(cells, np.zeros(3, int))["area_m2"].tolist() == pytest.approx([10_000.0])


def test_dissolve_of_a_grid_inside_another_as_drawn_raises() -> None:
    # on the same ground twice: nothing would be left of the inner one
    cells = as_cells(box(0, 0, 100, 100), box(0, 0, 100, 100))
    with pytest.raises(GeometryError) as caught:
        dissolve(cells, np.array([0, 1]))
    assert caught.value.code == "polygons.vanished"


@pytest.mark.parametrize(
    "polygons",
    [
        # a gap of 4 mm at the foot of a border
        [box(0, 0, 100, 100), drawn((100.004, 0), (200, 0), (200, 100), (100, 100))],
        # an overlap of 3 mm
        [box(0, 0, 100.003, 100), box(100, 0, 200, 100)],
        # a spike 30 m long and 4 mm wide, and the inlet it fills
        [
            drawn((0, 0), (100, 0), (100, 50), (130, 50.002), (100, 50.004), (100, 100), (0, 100)),
            drawn(
                (200, 0), (200, 100), (100, 100), (100, 50.004), (130, 50.002), (100, 50), (100, 0)
            ),
        ],
        # the same with a blunt tip
        [
            drawn(
                (0, 0),
                (100, 0),
                (100, 50),
                (130, 50),
                (130, 50.004),
                (100, 50.004),
                (100, 100),
                (0, 100),
            ),
            drawn(
                (200, 0),
                (200, 100),
                (100, 100),
                (100, 50.004),
                (130, 50.004),
                (130, 50),
                (100, 50),
                (100, 0),
            ),
        ],
        # a vertex that the neighbour lacks
        [drawn((0, 0), (100, 0), (100, 50), (100, 100), (0, 100)), box(100, 0, 200, 100)],
    ],
)
def test_mend_closes_hairlines_on_both_sides(polygons: list[shapely.Polygon]) -> None:
    found = mend(polygons)
    assert shapely.coverage_is_valid(found, gap_width=HAIRLINE_M)
    assert shapely.area(found).tolist() == pytest.approx([10_000.0, 10_000.0], abs=1.0)
    assert shared_m(found) == pytest.approx(100.0, abs=0.01)  # no spike of 2 x 30 m


@settings(max_examples=60, deadline=None)
@given(LABELS, SHIFTS)
def test_mend_leaves_a_coverage_as_it_is(plan: list[int], shift: list[float]) -> None:
    cells = crooked(5, 4, np.array(shift)).geometry.to_numpy()
    labels = np.unique(plan, return_inverse=True)[1]
    united = [shapely.coverage_union_all(cells[labels == one]) for one in np.unique(labels)]
    assert shapely.equals_exact(mend(united), np.array(united, dtype=object)).all()


def test_mend_fills_a_hairline_hole_but_no_pond() -> None:
    whole = box(0, 0, 100, 100)
    crack = whole.difference(drawn((10, 50), (90, 50.003), (90, 50.006)))
    pond = whole.difference(drawn((10, 50), (90, 50), (90, 60)))
    assert shapely.area(mend([crack])).tolist() == pytest.approx([10_000.0])
    assert shapely.equals(mend([pond])[0], pond)

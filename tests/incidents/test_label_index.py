"""The label index: the answers of the point-by-point way, always; overlaps and gaps refused."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import ConflictError, GeometryError, ParameterError, SchemaError
from geo.incidents.attribution import attribute, locate
from geo.incidents.label_index import LabelIndex

CRS = "EPSG:4551"


def frame_of(polygons: list[shapely.Geometry | None]) -> gpd.GeoDataFrame:
    codes = [f"网格{k:03d}" for k in range(len(polygons))]
    return gpd.GeoDataFrame({"grid": codes, "plan": "P"}, geometry=polygons, crs=CRS)


def assert_same_answers(grids: gpd.GeoDataFrame, index: LabelIndex, xy: np.ndarray) -> None:
    points = shapely.points(xy)
    wanted = locate(points, grids.geometry.array, codes=grids["grid"])
    np.testing.assert_array_equal(index.locate(xy[:, 0], xy[:, 1]), wanted)


def telling_points(grids: gpd.GeoDataFrame, rng: np.random.Generator) -> np.ndarray:
    """Corners, points of the borders, points a step off them, and points all over."""
    polygons = grids.geometry.array
    corners = shapely.get_coordinates(polygons)
    rings = shapely.get_rings(shapely.get_parts(polygons))
    at = np.repeat(rings, 5)
    on = shapely.get_coordinates(
        shapely.line_interpolate_point(at, rng.uniform(0, 1, len(at)), normalized=True)
    )
    near = np.vstack([corners, on])
    steps = rng.integers(-2, 3, near.shape) * np.spacing(near)
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = 0.1 * (high - low)
    anywhere = rng.uniform(low - margin, high + margin, (300, 2))
    return np.vstack([corners, on, near + steps, anywhere])


def coverage(seed: int, *, n_grids: int, step_m: float, n_left_out: int) -> gpd.GeoDataFrame:
    """Voronoi cells on coordinates of that step, some made one grid, some left out (gaps)."""
    rng = np.random.default_rng(seed)
    sites = shapely.multipoints(rng.uniform(0, 1000, (n_grids, 2)) + 500_000.0)
    frame = shapely.box(500_000, 500_000, 501_000, 501_000)
    cells = shapely.get_parts(shapely.voronoi_polygons(sites, extend_to=frame))
    cells = shapely.set_precision(cells, step_m)
    cells = cells[shapely.area(cells) > 0]
    owner = rng.integers(0, max(1, len(cells) * 2 // 3), len(cells))
    kept = owner >= n_left_out
    grids = [shapely.coverage_union_all(cells[kept & (owner == k)]) for k in np.unique(owner[kept])]
    return frame_of(grids)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    n_grids=st.integers(2, 40),
    step_m=st.sampled_from([0.0, 0.001, 1.0, 25.0]),
    n_left_out=st.integers(0, 3),
)
def test_locate_on_any_coverage_answers_as_point_by_point(
    seed: int, n_grids: int, step_m: float, n_left_out: int
) -> None:
    # Multipolygons with holes, islands in them, gaps; coarse steps give level and upright
    # borders, three grids at a corner, and several points on one line.
    grids = coverage(seed, n_grids=n_grids, step_m=step_m, n_left_out=n_left_out)
    if grids.empty:
        return
    index = LabelIndex.build(grids, gaps="allow")
    assert_same_answers(grids, index, telling_points(grids, np.random.default_rng(seed)))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**20), turn_deg=st.sampled_from([0.0, 7.3, 45.0]))
def test_locate_where_neighbours_have_different_corners_answers_as_point_by_point(
    seed: int, turn_deg: float
) -> None:
    # Strips cut into pieces at places of their own: corners lie on the neighbours' borders, off
    # them by rounding where the strips are turned.
    rng = np.random.default_rng(seed)
    boxes = []
    for row in range(4):
        cuts = np.concatenate([[0], np.sort(rng.uniform(5, 95, 3)), [100]])
        boxes += [shapely.box(a, 20 * row, b, 20 * row + 20) for a, b in pairwise(cuts)]
    turned = shapely.affinity.rotate(shapely.multipolygons(boxes), turn_deg, origin=(0, 0))
    grids = frame_of(list(shapely.get_parts(shapely.transform(turned, lambda c: c + 4.8e6))))
    index = LabelIndex.build(grids)
    xy = telling_points(grids, rng)
    assert_same_answers(grids, index, xy)
    corners = shapely.get_coordinates(grids.geometry.array)
    assert (index.locate(corners[:, 0], corners[:, 1]) >= 0).all()


def test_locate_on_unit_squares_is_half_open() -> None:
    # c | d over a | b: the border of a and b goes east (b), of a and c north (c), the corner to d;
    # the east outline to the grid north of the point, the outer corner to the one that touches.
    squares = [(0, 0), (1, 0), (0, 1), (1, 1)]
    grids = frame_of([shapely.box(x, y, x + 1, y + 1) for x, y in squares])
    x = [0.5, 1.0, 0.5, 1.0, 2.0, 2.0, 2.0, 2.0000001, np.nan]
    y = [0.5, 0.5, 1.0, 1.0, 0.5, 1.0, 2.0, 1.0, 0.5]
    assert LabelIndex.build(grids).locate(x, y).tolist() == [0, 1, 2, 3, 1, 3, 3, -1, -1]


def test_locate_of_one_grid_none_and_missing_ones() -> None:
    one = LabelIndex.build(frame_of([shapely.box(0, 0, 1, 1)]))
    assert one.locate([0.5, 1.5], [0.5, 0.5]).tolist() == [0, -1]
    none = LabelIndex.build(frame_of([]))
    assert none.locate([0.5], [0.5]).tolist() == [-1]
    some = LabelIndex.build(frame_of([None, shapely.Polygon(), shapely.box(0, 0, 1, 1)]))
    assert some.locate([0.5, 5.0], [0.5, 0.5]).tolist() == [2, -1]
    assert some.locate([], []).tolist() == []


def test_locate_far_from_a_long_thin_grid_is_none() -> None:
    strip = LabelIndex.build(frame_of([shapely.box(0, 0, 1e6, 1e-3)]))
    assert strip.locate([5e5, 5e5, -1e300], [5e-4, 1.0, 1e300]).tolist() == [0, -1, -1]


def dented(depth: float) -> gpd.GeoDataFrame:
    """Two boxes side by side at x = 1; the eastern one has a corner that far west of there."""
    east = shapely.Polygon([(1, 0), (2, 0), (2, 2), (1, 2), (1 - depth, 1)])
    return frame_of([shapely.box(0, 0, 1, 2), east])


def test_locate_in_an_overlap_of_rounding_gives_the_lower_code() -> None:
    # The corner one step of doubles west of the border lies inside the western grid, and the
    # ground just east of it in both.
    grids = dented(2.0**-53)
    corner = ([1 - 2.0**-53], [1.0])
    assert LabelIndex.build(grids).locate(*corner).tolist() == [0]
    assert locate(shapely.points(*corner), grids.geometry.array, codes=grids["grid"]).tolist() == [
        0
    ]
    turned = grids.assign(grid=["乙", "一"])  # U+4E59 after U+4E00
    assert LabelIndex.build(turned).locate(*corner).tolist() == [1]


def test_overlap_wider_than_rounding_raises_at_once_and_where_a_point_lies_in_it() -> None:
    grids = dented(1e-9)
    with pytest.raises(GeometryError):
        LabelIndex.build(grids)
    points = gpd.GeoDataFrame(geometry=[shapely.Point(1 - 0.5e-9, 1)], crs=CRS)
    with pytest.raises(GeometryError) as error:
        attribute(points, grids)
    assert error.value.params == {"n_points": 1, "n_grids": 2, "grids": ["网格000", "网格001"]}


def test_build_on_an_overlap_names_the_grids_its_area_and_place() -> None:
    # [0, 2] x [0, 2] and [1, 3] x [0, 2] have [1, 2] x [0, 2] in common: 2 m2.
    grids = frame_of([shapely.box(0, 0, 2, 2), shapely.box(1, 0, 3, 2)])
    with pytest.raises(GeometryError) as error:
        LabelIndex.build(grids)
    assert error.value.code == "attribution.overlapping_ground"
    params = error.value.params
    assert (params["n_pairs"], params["grids"]) == (1, ["网格000", "网格001"])
    assert params["area_m2"] == pytest.approx(2.0)
    assert 1 < params["x"] < 2
    assert 0 < params["y"] < 2


@pytest.mark.parametrize(
    "second",
    [
        shapely.box(0, 0, 10, 10),  # the same ground
        shapely.box(4, 4, 6, 6),  # wholly inside, touching nothing
        shapely.box(0, 4, 6, 6),  # inside, on the border
        shapely.box(5, 0, 15, 10),
        shapely.Polygon([(0, 0), (10, 0), (5, 1e-6), (0, 10)]),
        shapely.Polygon([(10, 0), (20, 0), (20, 10), (10, 10), (9.999_999, 5)]),  # a splinter
    ],
)
def test_build_on_overlaps_of_every_kind_raises(second: shapely.Polygon) -> None:
    with pytest.raises(GeometryError) as error:
        LabelIndex.build(frame_of([shapely.box(0, 0, 10, 10), second]), gaps="allow")
    assert error.value.code == "attribution.overlapping_ground"


def test_build_on_a_grid_over_a_whole_coverage_raises() -> None:
    # All edges of the nine squares inside match; the tenth lies on the four corners' meeting.
    squares = [shapely.box(x, y, x + 1, y + 1) for x in range(3) for y in range(3)]
    with pytest.raises(GeometryError) as error:
        LabelIndex.build(frame_of([*squares, shapely.box(0.5, 0.5, 1.5, 1.5)]))
    assert error.value.params["n_pairs"] == 4


def test_build_on_a_gap_names_its_area_and_place_unless_allowed() -> None:
    # A ring of [0, 3] x [0, 3] around [1, 2] x [1, 2], and a neighbour: one hole of 1 m2.
    ring = shapely.box(0, 0, 3, 3).difference(shapely.box(1, 1, 2, 2))
    grids = frame_of([ring, shapely.box(3, 0, 4, 3)])
    with pytest.raises(GeometryError) as error:
        LabelIndex.build(grids)
    assert error.value.code == "attribution.gaps"
    params = error.value.params
    assert (params["n_gaps"], params["grids"]) == (1, ["网格000"])
    assert (params["area_m2"], params["x"], params["y"]) == pytest.approx((1.0, 1.5, 1.5))
    assert LabelIndex.build(grids, gaps="allow").locate([1.5], [1.5]).tolist() == [-1]


def test_build_on_a_sliver_of_a_gap_with_other_corners_names_it() -> None:
    # The upper grid's corner lies 1 mm above the border: a triangle of 10 m x 1 mm / 2.
    lower = shapely.box(0, 0, 10, 5)
    upper = [shapely.Polygon([(0, 5), (5, 5.001), (5, 9), (0, 9)])]
    upper += [shapely.Polygon([(5, 5.001), (10, 5), (10, 9), (5, 9)])]
    with pytest.raises(GeometryError) as error:
        LabelIndex.build(frame_of([lower, *upper]))
    assert error.value.params["area_m2"] == pytest.approx(0.005)


def test_build_with_grids_apart_or_touching_at_corners_is_no_gap() -> None:
    apart = [shapely.box(0, 0, 1, 1), shapely.box(5, 5, 6, 6), shapely.box(1, 1, 2, 2)]
    assert LabelIndex.build(frame_of(apart)).locate([1.0], [1.0]).tolist() == [2]


def test_build_on_invalid_polygons_lines_or_another_word_raises() -> None:
    bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    spike = shapely.Polygon([(0, 0), (2, 0), (2, 2), (2, 5), (2, 2), (0, 2)])
    astray = shapely.Polygon(
        shapely.box(0, 0, 2, 2).exterior.coords, [shapely.box(5, 5, 6, 6).exterior.coords]
    )
    for broken in (bow, spike, astray):
        with pytest.raises(GeometryError) as error:
            LabelIndex.build(frame_of([shapely.box(10, 10, 11, 11), broken]))
        assert error.value.code == "attribution.invalid_grids"
        assert error.value.params == {"n": 1, "grids": ["网格001"]}
    with pytest.raises(GeometryError) as line_error:
        LabelIndex.build(frame_of([shapely.LineString([(0, 0), (1, 1)])]))
    assert line_error.value.code == "attribution.not_polygons"
    with pytest.raises(ParameterError):
        LabelIndex.build(frame_of([]), gaps="perhaps")


def test_load_gives_the_saved_index_for_the_same_grids_only(tmp_path: Path) -> None:
    grids = coverage(3, n_grids=30, step_m=0.001, n_left_out=2)
    built = LabelIndex.build(grids, gaps="allow")
    built.save(tmp_path / "网格.npz")
    loaded = LabelIndex.load(tmp_path / "网格.npz", grids)
    xy = telling_points(grids, np.random.default_rng(0))
    assert_same_answers(grids, loaded, xy)
    assert loaded.nbytes == built.nbytes > 0
    moved = grids.set_geometry(grids.geometry.translate(0.001, 0))
    for other in (moved, grids.iloc[::-1], grids.iloc[1:]):
        with pytest.raises(ConflictError) as error:
            LabelIndex.load(tmp_path / "网格.npz", other)
        assert error.value.code == "attribution.index_stale"


def test_load_of_a_foreign_or_damaged_file_raises(tmp_path: Path) -> None:
    grids = frame_of([shapely.box(0, 0, 1, 1)])
    (tmp_path / "text.npz").write_text("no index", "utf-8")
    np.savez(tmp_path / "other.npz", version=np.array(1), values=np.zeros(3))
    LabelIndex.build(grids).save(tmp_path / "good.npz")
    with np.load(tmp_path / "good.npz") as good:
        arrays = dict(good)
    np.savez(tmp_path / "damaged.npz", **{**arrays, "entries": arrays["entries"] + 1000})
    np.savez(tmp_path / "newer.npz", **{**arrays, "version": np.array(99)})
    for name in ("text.npz", "other.npz", "damaged.npz", "newer.npz"):
        with pytest.raises(SchemaError) as error:
            LabelIndex.load(tmp_path / name, grids)
        assert error.value.params == {"name": name}


def test_attribute_of_many_points_or_by_an_index_is_that_of_few() -> None:
    grids = coverage(11, n_grids=40, step_m=0.0, n_left_out=1)
    xy = np.random.default_rng(5).uniform(499_990, 501_010, (120_000, 2))
    points = gpd.GeoDataFrame(geometry=shapely.points(xy), crs=CRS)
    points.loc[7, "geometry"] = None
    many = attribute(points, grids)
    given = attribute(points, grids, index=LabelIndex.build(grids, gaps="allow"))
    few = pd.concat([attribute(points.iloc[k : k + 6000], grids) for k in range(0, 120_000, 6000)])
    assert many.equals(few)
    assert given.equals(few)


def test_attribute_of_many_points_on_overlapping_grids_asks_point_by_point() -> None:
    # As few points are asked: the overlap matters only where a point lies in it.
    grids = frame_of([shapely.box(0, 0, 2, 2), shapely.box(1, 0, 3, 2)])
    xy = np.column_stack([np.linspace(0.1, 0.9, 110_000), np.full(110_000, 1.0)])
    points = gpd.GeoDataFrame(geometry=shapely.points(xy), crs=CRS)
    assert (attribute(points, grids)["grid"] == "网格000").all()
    points.loc[0, "geometry"] = shapely.Point(1.5, 1)
    with pytest.raises(GeometryError):
        attribute(points, grids)


def test_attribute_with_the_index_of_other_grids_raises() -> None:
    grids = frame_of([shapely.box(0, 0, 2, 2)])
    index = LabelIndex.build(frame_of([shapely.box(0, 0, 2, 3)]))
    points = gpd.GeoDataFrame(geometry=[shapely.Point(1, 1)], crs=CRS)
    with pytest.raises(ConflictError):
        attribute(points, grids, index=index)

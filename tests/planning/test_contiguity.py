from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from towns import CRS, X0, Y0, area, box, squares

from geo.errors import CrsError, GeometryError
from geo.planning import segments
from geo.planning.contiguity import ALL_PAIRS_UP_TO, Adjacency, adjacency


def test_adjacency_of_four_squares_has_four_borders_of_100_m() -> None:
    found = adjacency(squares(2, 2))
    # 2 3
    # 0 1   corners (0,3) and (1,2) do not count
    assert list(zip(found.left, found.right, strict=True)) == [(0, 1), (0, 2), (1, 3), (2, 3)]
    assert found.length_m.tolist() == [100.0] * 4
    assert found.is_exact


def test_adjacency_of_unmatched_vertices_measures_the_shared_part() -> None:
    # one cell 200 wide below two of 100: the corner in the middle is no vertex of the lower one
    cells = area((0, 0, 200, 100), (0, 100, 100, 200), (100, 100, 200, 200))
    found = adjacency(cells, within=None)
    assert list(zip(found.left, found.right, strict=True)) == [(0, 1), (0, 2), (1, 2)]
    assert found.length_m == pytest.approx([100.0, 100.0, 100.0], abs=0.05)
    assert not found.is_exact


def test_adjacency_of_island_links_it_to_the_nearest_and_says_so() -> None:
    cells = area((0, 0, 100, 100), (100, 0, 200, 100), (230, 0, 300, 100))
    found = adjacency(cells, within=None)
    assert found.is_link.tolist() == [False, True]
    assert (found.left[1], found.right[1], found.length_m[1]) == (1, 2, 0.0)


def test_adjacency_without_connecting_leaves_islands_alone() -> None:
    cells = area((0, 0, 100, 100), (130, 0, 230, 100))
    assert len(adjacency(cells, within=None, connect_islands=False).left) == 0


def test_adjacency_marks_borders_on_barriers() -> None:
    line = shapely.LineString([box(100, -50, 101, 0).exterior.coords[2], (456_100, 4_909_150)])
    road = gpd.GeoDataFrame({"barrier": ["r"]}, geometry=[line], crs=CRS)
    found = adjacency(squares(3, 1), barriers=road)
    assert found.crosses.tolist() == [True, False]


def test_adjacency_in_degrees_raises() -> None:
    with pytest.raises(CrsError) as caught:
        adjacency(squares(2, 1).to_crs(4326))
    assert caught.value.code == "crs.not_projected"


def test_adjacency_of_points_raises_with_keys() -> None:
    cells = squares(2, 1)
    cells.loc[1, "geometry"] = shapely.Point(0, 0)
    with pytest.raises(GeometryError) as caught:
        adjacency(cells)
    assert caught.value.params == {"count": 1, "keys": ["1"]}


def test_adjacency_of_no_cells_is_empty() -> None:
    found = adjacency(squares(2, 1).iloc[:0])
    assert found.n_cells == 0
    assert len(found.left) == 0


def test_adjacency_is_the_same_after_a_shift_and_in_another_row_order() -> None:
    cells = squares(4, 3)
    order = np.random.default_rng(1).permutation(len(cells))
    first = adjacency(cells)
    other = adjacency(cells.iloc[order].set_geometry(cells.geometry.iloc[order].translate(7, -3)))
    pairs = {(int(a), int(b)) for a, b in zip(first.left, first.right, strict=True)}
    mapped = {
        tuple(sorted((int(order[a]), int(order[b]))))
        for a, b in zip(other.left, other.right, strict=True)
    }
    assert pairs == mapped


def pairs(found: Adjacency) -> list[tuple[int, int]]:
    return list(zip(found.left.tolist(), found.right.tolist(), strict=True))


def test_adjacency_of_a_cell_in_the_hole_of_another_is_the_holes_ring() -> None:
    ring = box(0, 0, 300, 300).difference(box(100, 100, 200, 200))
    cells = area((100, 100, 200, 200), (300, 0, 400, 300))
    cells.loc[2, "geometry"] = ring
    found = adjacency(cells, within=None)
    assert (pairs(found), found.length_m.tolist()) == ([(0, 2), (1, 2)], [400.0, 300.0])


def test_adjacency_of_a_cell_in_two_pieces_adds_both_borders() -> None:
    cells = area((100, 0, 200, 100), (500, 0, 600, 100))
    cells.loc[1, "geometry"] = shapely.union_all([box(0, 0, 100, 100), box(200, 0, 300, 100)])
    found = adjacency(cells, within=None)
    assert (pairs(found), found.length_m.tolist()) == ([(0, 1)], [200.0])


def test_adjacency_adds_matched_and_unmatched_parts_of_one_border() -> None:
    # up to y = 50 both have the same corner, above only the left one has corners at 70 and 90
    left = shapely.Polygon(
        [(0, 0), (100, 0), (100, 50), (100, 70), (100, 90), (100, 120), (0, 120)]
    )
    right = shapely.Polygon([(100, 0), (200, 0), (200, 100), (100, 100), (100, 50)])
    cells = gpd.GeoDataFrame(geometry=[left, right], crs=CRS)
    found = adjacency(cells)
    assert found.length_m.tolist() == pytest.approx([100.0], abs=0.05)
    assert not found.is_exact


def test_adjacency_links_islands_by_the_shortest_ways() -> None:
    # gaps of 10, 30 and 20 m in a row; 0 and 2 are 50 m apart
    cells = area((0, 0, 10, 10), (20, 0, 30, 10), (60, 0, 70, 10), (90, 0, 100, 10))
    found = adjacency(cells, within=None)
    assert pairs(found) == [(0, 1), (1, 2), (2, 3)]
    assert found.is_link.all()


def test_adjacency_links_many_islands_in_a_line_each_to_the_next() -> None:
    n = ALL_PAIRS_UP_TO + 20
    cells = area(*[(20 * i, 0, 20 * i + 10, 10) for i in range(n)])
    assert pairs(adjacency(cells, within=None)) == [(i, i + 1) for i in range(n - 1)]


def test_adjacency_links_islands_inside_their_own_area_only() -> None:
    cells = area((0, 0, 10, 10), (12, 0, 22, 10), (50, 0, 60, 10), (62, 0, 72, 10))
    cells["community"] = list("ABAB")
    assert pairs(adjacency(cells)) == [(0, 2), (1, 3)]


@settings(max_examples=40, deadline=None)
@given(
    places=st.lists(
        st.tuples(st.integers(1, 999), st.integers(1, 999)), min_size=2, max_size=25, unique=True
    ),
    seed=st.integers(0, 99),
)
def test_adjacency_of_any_coverage_has_the_lengths_of_the_common_lines(
    places: list[tuple[int, int]], seed: int
) -> None:
    frame = box(0, 0, 1000, 1000)
    middles = shapely.multipoints([(X0 + x, Y0 + y) for x, y in places])
    ground = shapely.get_parts(shapely.voronoi_polygons(middles, extend_to=frame))
    # the ground in random groups, so that cells have holes and pieces
    label = np.random.default_rng(seed).integers(0, 4, len(ground))
    used = np.unique(label)
    shapes = [shapely.coverage_union_all(ground[label == one]) for one in used]
    cells = gpd.GeoDataFrame({"community": "A"}, geometry=shapes, crs=CRS, index=used)
    found = adjacency(cells, connect_islands=False)
    lines = shapely.boundary(cells.geometry.to_numpy())
    common_m = shapely.length(shapely.intersection(lines[found.left], lines[found.right]))
    assert found.length_m == pytest.approx(common_m, rel=1e-6, abs=1e-3)
    apart = np.ones((len(cells), len(cells)), dtype=bool)
    apart[found.left, found.right] = False
    one, other = np.nonzero(np.triu(apart, 1))
    assert shapely.length(shapely.intersection(lines[one], lines[other])) == pytest.approx(0)


def test_adjacency_where_hashes_of_different_segments_agree_hashes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashed = segments._hashed
    asked = []

    def weak(found: segments._Segments, salt: int) -> np.ndarray:
        asked.append(salt)
        return hashed(found, salt) % np.uint64(2 if len(asked) == 1 else 2**63)

    monkeypatch.setattr(segments, "_hashed", weak)
    assert adjacency(squares(2, 2)).length_m.tolist() == [100.0] * 4
    assert asked == list(segments.HASH_SALTS[:2])

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from towns import CRS, area, box, squares

from geo.errors import CrsError, GeometryError
from geo.planning.contiguity import adjacency


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

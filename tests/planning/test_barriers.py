from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from towns import CRS, X0, Y0, area, box, squares

from geo.errors import CrsError, GeometryError, ParameterError
from geo.planning.barriers import NO_LOAD, TOO_LIGHT, check_classes, close_barriers, sides
from geo.planning.bridges import link_bridges
from geo.planning.contiguity import Adjacency, adjacency, connected_parts


def line(*points: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString([(X0 + x, Y0 + y) for x, y in points])


def layer(*shapes: shapely.Geometry, **columns: list[str | None]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=CRS)


def pairs(found: Adjacency) -> list[tuple[int, int]]:
    return list(zip(found.left.tolist(), found.right.tolist(), strict=True))


def river(x: float = 200.0, height: float = 200.0) -> gpd.GeoDataFrame:
    """A river from south to north at x metres east."""
    return layer(line((x, -50), (x, height + 50)), kind=["water"], **{"class": ["river"]})


def board() -> gpd.GeoDataFrame:
    """Four columns and two rows of cells of 100 m, 10 households each.

    4 5 | 6 7     the river of `river()` runs between columns two and three
    0 1 | 2 3
    """
    return squares(4, 2)


def test_adjacency_names_the_barrier_under_each_border() -> None:
    # a wall without class between columns one and two, the river two columns on
    both = pd.concat([river(), layer(line((100, -9), (100, 209)), kind=["wall"])])
    found = adjacency(board(), barriers=gpd.GeoDataFrame(both, crs=CRS))
    named = {pair: name for pair, name in zip(pairs(found), found.barrier, strict=True) if name}
    assert named == {
        (0, 1): "wall",
        (4, 5): "wall",
        (1, 2): "water/river",
        (5, 6): "water/river",
    }
    assert found.crosses.tolist() == [name != "" for name in found.barrier]


def test_adjacency_takes_the_barrier_with_most_of_the_border_and_the_harder_of_equals() -> None:
    # the border of 100 m: 30 m of wall and 60 m of path; and where a path and a river run together
    cells = squares(3, 1)
    barriers = layer(
        line((100, 0), (100, 30)),
        line((100, 30), (100, 90)),
        line((200, 0), (200, 100)),
        line((200, 0), (200, 100)),
        kind=["wall", "road", "water", "road"],
        **{"class": [None, "path", "river", "path"]},
    )
    assert adjacency(cells, barriers=barriers).barrier.tolist() == ["road/path", "water/river"]


def test_adjacency_inside_a_river_lies_on_it_but_not_inside_a_walled_area() -> None:
    cells = squares(3, 1)
    barriers = layer(box(80, -10, 120, 110), box(150, -10, 250, 110), kind=["water", "wall"])
    # the border at 100 m lies in the middle of the river, that at 200 m in the middle of a compound
    assert adjacency(cells, barriers=barriers).barrier.tolist() == ["water", ""]


def test_adjacency_of_an_island_beyond_a_river_says_so() -> None:
    cells = area((0, 0, 100, 100), (140, 0, 200, 100))
    found = adjacency(cells, barriers=river(x=120), within=None)
    assert found.is_link.tolist() == [True]
    assert found.barrier.tolist() == ["water/river"]


def test_close_barriers_removes_the_pairs_on_the_chosen_classes_only() -> None:
    cells = board()
    both = pd.concat([river(), layer(line((100, -9), (100, 209)), kind=["wall"])])
    found = adjacency(cells, barriers=gpd.GeoDataFrame(both, crs=CRS))
    load = np.full(8, 10.0)
    # each bank has 40 of load, a grid needs 30
    for classes in (["river"], ["water"], ["water/river"]):
        closed, unavoidable = close_barriers(
            found, cells, load=load, classes=classes, least_load=30.0
        )
        assert set(pairs(found)) - set(pairs(closed)) == {(1, 2), (5, 6)}
        assert len(unavoidable) == 0
    closed, _ = close_barriers(found, cells, load=load, classes=[], least_load=30.0)
    assert pairs(closed) == pairs(found)


def test_close_barriers_joins_a_piece_too_light_for_a_grid_over_its_whole_border() -> None:
    cells = board()
    found = adjacency(cells, barriers=river(x=100))
    # west of the river: two cells, 20 of load, and a grid needs 30
    closed, unavoidable = close_barriers(
        found, cells, load=np.full(8, 10.0), classes=["river"], least_load=30.0
    )
    assert pairs(closed) == pairs(found)
    assert unavoidable[["left", "right"]].to_numpy().tolist() == [[0, 1], [4, 5]]
    assert unavoidable["load"].tolist() == [20.0, 20.0]
    assert unavoidable["reason"].tolist() == [TOO_LIGHT] * 2
    assert unavoidable["barrier"].tolist() == ["water/river"] * 2
    assert unavoidable["piece"].tolist() == [0, 0]
    assert closed.crosses.sum() == 2


def test_close_barriers_joins_empty_ground_too_and_says_that_it_is_empty() -> None:
    cells = squares(2, 1)
    found = adjacency(cells, barriers=river(x=100))
    _, unavoidable = close_barriers(
        found, cells, load=np.array([50.0, 0.0]), classes=["river"], least_load=30.0
    )
    assert unavoidable["reason"].tolist() == [NO_LOAD]


def test_close_barriers_joins_over_the_lowest_class_then_the_longest_border() -> None:
    # 2      the cell 1 (20 x 100 m) has a motorway to the west (0) and a path to the east (3),
    # 0 1 3  and a path of 20 m to the north (2)
    cells = area((0, 0, 100, 100), (100, 0, 120, 100), (100, 100, 120, 200), (120, 0, 200, 100))
    cells["community"] = "A"
    roads = layer(
        line((100, 0), (100, 100)),
        line((120, 0), (120, 100)),
        line((100, 100), (120, 100)),
        kind=["road"] * 3,
        **{"class": ["motorway", "path", "path"]},
    )
    found = adjacency(cells, barriers=roads)
    load = np.array([50.0, 5.0, 50.0, 50.0])
    closed, unavoidable = close_barriers(found, cells, load=load, classes=["road"], least_load=30.0)
    # the path of 100 m, not the motorway of 100 m, nor the path of 20 m
    assert unavoidable[["left", "right", "length_m"]].to_numpy().tolist() == [[1, 3, 100.0]]
    assert pairs(closed) == [(1, 3)]


def test_close_barriers_joins_the_lightest_first_until_every_piece_can_hold_a_grid() -> None:
    # a row of pieces of 5, 20, 10 and 100, each between walls; a grid needs 30
    cells = squares(4, 1)
    walls = layer(*[line((x, 0), (x, 100)) for x in (100, 200, 300)], kind=["wall"] * 3)
    found = adjacency(cells, barriers=walls)
    load = np.array([5.0, 20.0, 10.0, 100.0])
    _, unavoidable = close_barriers(found, cells, load=load, classes=["wall"], least_load=30.0)
    # 5 joins 20; 10 has equal borders to both sides and takes the first, which makes 35
    assert unavoidable[["left", "right", "load"]].to_numpy().tolist() == [[0, 1, 5], [1, 2, 10]]
    assert unavoidable["piece"].tolist() == [0, 1]


def test_close_barriers_of_a_light_area_makes_it_whole() -> None:
    # both banks together have 80, less than the 100 of a grid: the area is made whole
    cells = board()
    found = adjacency(cells, barriers=river())
    closed, unavoidable = close_barriers(
        found, cells, load=np.full(8, 10.0), classes=["river"], least_load=100.0
    )
    assert pairs(closed) == pairs(found)
    assert len(unavoidable) == 2


def test_close_barriers_never_joins_two_communities() -> None:
    cells = board().assign(community=list("AABBAABB"))
    found = adjacency(cells, barriers=river())
    closed, unavoidable = close_barriers(
        found, cells, load=np.full(8, 10.0), classes=["river"], least_load=100.0
    )
    assert len(unavoidable) == 0
    assert (1, 2) not in pairs(closed)


def test_close_barriers_keeps_the_pair_under_a_bridge_with_its_name() -> None:
    cells = board()
    found = adjacency(cells, barriers=river())
    bridges = layer(line((150, 50), (250, 50)), name=["南桥"])
    closed, unavoidable = close_barriers(
        found,
        cells,
        load=np.full(8, 10.0),
        classes=["river"],
        least_load=30.0,
        bridges=bridges,
    )
    assert set(pairs(found)) - set(pairs(closed)) == {(5, 6)}
    named = {pair: name for pair, name in zip(pairs(closed), closed.bridge, strict=True) if name}
    assert named == {(1, 2): "南桥"}
    assert len(unavoidable) == 0


def test_link_bridges_at_a_point_marks_the_nearest_border_on_a_barrier() -> None:
    found = adjacency(board(), barriers=river())
    bridges = layer(shapely.Point(X0 + 190, Y0 + 130))
    linked, lost = link_bridges(found, board(), bridges)
    # ten metres from the border of 5 and 6; nameless, so it is called by its row
    assert linked.bridge[pairs(linked).index((5, 6))] == "1"
    assert (linked.bridge != "").sum() == 1
    assert lost == []


@pytest.mark.parametrize(
    "bridge",
    [line((95, 50), (170, 50)), line((70, 50), (190, 50)), shapely.Point(X0 + 130, Y0 + 50)],
)
def test_link_bridges_over_water_that_nobody_owns_links_the_banks(
    bridge: shapely.Geometry,
) -> None:
    # 60 m of water between the banks, two cells on each
    cells = area((0, 0, 100, 100), (0, 100, 100, 200), (160, 0, 260, 100), (160, 100, 260, 200))
    cells["community"] = "A"
    found = adjacency(cells, connect_islands=False)
    linked, lost = link_bridges(found, cells, layer(bridge, bridge=["b"]))
    assert pairs(linked) == [(0, 1), (0, 2), (2, 3)]
    assert linked.bridge.tolist() == ["", "b", ""]
    assert linked.is_link.tolist() == [False, True, False]
    assert lost == []


def test_link_bridges_names_the_link_that_is_there() -> None:
    cells = area((0, 0, 100, 100), (160, 0, 260, 100))
    found = adjacency(cells, within=None)
    linked, _ = link_bridges(found, cells, layer(line((90, 50), (170, 50)), name=["b"]))
    assert pairs(linked) == [(0, 1)]
    assert linked.bridge.tolist() == ["b"]


def test_link_bridges_that_lead_nowhere_are_named() -> None:
    cells = board()
    found = adjacency(cells, barriers=river())
    # one far away, one inside a cell, one point far from any barrier
    bridges = layer(
        line((900, 50), (950, 50)),
        line((120, 50), (150, 50)),
        shapely.Point(X0 + 50, Y0 + 50),
        name=["a", "b", "c"],
    )
    linked, lost = link_bridges(found, cells, bridges)
    assert lost == ["a", "b", "c"]
    assert pairs(linked) == pairs(found)
    assert (linked.bridge == "").all()


def test_link_bridges_of_areas_or_another_crs_raises() -> None:
    cells = board()
    found = adjacency(cells)
    with pytest.raises(GeometryError) as caught:
        link_bridges(found, cells, layer(box(0, 0, 9, 9), name=["南桥"]))
    assert caught.value.code == "bridges.geometry"
    assert caught.value.params == {"count": 1, "keys": ["南桥"]}
    with pytest.raises(CrsError):
        link_bridges(found, cells, layer(line((0, 0), (9, 9))).to_crs(4326))


def test_check_classes_names_what_is_unknown_and_what_there_is() -> None:
    check_classes(river(), ["river", "water", "primary"])
    with pytest.raises(ParameterError) as caught:
        check_classes(river(), ["river", "rivre"])
    assert caught.value.code == "barriers.unknown_class"
    assert caught.value.params == {"classes": ["rivre"], "known": ["water/river"]}


def test_sides_of_two_cells_are_their_border_and_the_outline() -> None:
    cells = squares(2, 1)
    found = sides(cells, adjacency(cells, barriers=river(x=100)))
    assert found["cell"].tolist() == ["0000", "0000", "0001", "0001"]
    assert found["neighbour"].fillna("-").tolist() == ["0001", "-", "0000", "-"]
    # a border of 100 m, and the other three sides
    assert found["length_m"].tolist() == [100.0, 300.0, 100.0, 300.0]
    assert found["barrier"].tolist() == ["water/river", "", "water/river", ""]


@settings(max_examples=60, deadline=None)
@given(
    loads=st.lists(st.integers(0, 9), min_size=16, max_size=16),
    lines=st.lists(
        st.tuples(st.booleans(), st.integers(1, 3), st.integers(0, 3), st.integers(0, 3)),
        max_size=8,
    ),
    least_load=st.integers(1, 40),
)
def test_close_barriers_leaves_no_light_piece_that_could_be_joined(
    loads: list[int], lines: list[tuple[bool, int, int, int]], least_load: int
) -> None:
    cells = squares(4, 4)
    shapes = [
        line((100 * at, 100 * low), (100 * at, 100 * high + 100))
        if is_upright
        else line((100 * low, 100 * at), (100 * high + 100, 100 * at))
        for is_upright, at, low, high in lines
    ]
    barriers = layer(*shapes, kind=["road"] * len(shapes)) if shapes else None
    found = adjacency(cells, barriers=barriers)
    load = np.array(loads, dtype=float)
    closed, unavoidable = close_barriers(
        found, cells, load=load, classes=["road"], least_load=least_load
    )
    assert set(pairs(closed)) <= set(pairs(found))
    # what is kept though it crosses is what is reported, no more
    crossing = set(pairs(closed.take(closed.crosses)))
    assert crossing == set(zip(unavoidable["left"], unavoidable["right"], strict=True))
    part = connected_parts(closed.left, closed.right, 16)
    sums = np.bincount(part, load)
    # the board hangs together, so a light piece is left only where it is the whole board
    assert (sums >= least_load).all() or part.max() == 0

"""Networks drawn by hand: what is joined, what stays apart."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geo.errors import CrsError, ParameterError
from geo.patrol.routes import attach, walk_network

CRS = "EPSG:4549"
WEST, SOUTH = 480_000.0, 4_420_000.0


def streets(*lines: list[tuple[float, float]]) -> gpd.GeoDataFrame:
    """Streets A, B ... through points in metres from the town's corner."""
    made = [shapely.LineString([(WEST + x, SOUTH + y) for x, y in line]) for line in lines]
    codes = [chr(ord("A") + n) for n in range(len(lines))]
    return gpd.GeoDataFrame({"street": codes, "name": None}, geometry=made, crs=CRS)


def at(x: float, y: float) -> shapely.Point:
    return shapely.Point(WEST + x, SOUTH + y)


def test_walk_network_end_on_the_middle_of_a_street_is_joined_there() -> None:
    #  A runs 100 m along x; B comes down on its middle: A is cut into 60 and 40 m, 4 nodes.
    network = walk_network(streets([(0, 0), (100, 0)], [(60, 30), (60, 0)]))
    assert network.edges[["street", "length_m"]].values.tolist() == [
        ["A", 60.0],
        ["A", 40.0],
        ["B", 30.0],
    ]
    assert network.edges["line"].tolist() == [0, 0, 1]
    assert len(network.nodes) == 4
    assert set(network.part_of_node()) == {0}


def test_walk_network_crossing_without_a_shared_vertex_is_a_bridge() -> None:
    network = walk_network(streets([(0, 0), (100, 0)], [(50, -50), (50, 50)]))
    assert len(network.edges) == 2
    assert len(set(network.part_of_node())) == 2


def test_walk_network_shared_vertex_is_a_crossing() -> None:
    network = walk_network(streets([(0, 0), (50, 0), (100, 0)], [(50, -50), (50, 0), (50, 50)]))
    assert network.length_m.tolist() == [50.0] * 4
    assert len(network.nodes) == 5


def test_walk_network_ends_a_hand_apart_are_one() -> None:
    network = walk_network(streets([(0, 0), (100, 0)], [(100.3, 0), (100.3, 50)]))
    assert len(network.nodes) == 3


def test_walk_network_ways_out_name_neighbours_and_edges() -> None:
    # T: node at (60, 0) has three ways out, each of the ends one.
    network = walk_network(streets([(0, 0), (100, 0)], [(60, 30), (60, 0)]))
    degree = np.diff(network.first)
    middle = int(degree.argmax())
    assert sorted(degree.tolist()) == [1, 1, 1, 3]
    ways = slice(network.first[middle], network.first[middle + 1])
    assert sorted(network.way_edge[ways].tolist()) == [0, 1, 2]
    assert network.nodes[middle].tolist() == [WEST + 60, SOUTH]


def test_walk_network_no_streets_is_empty() -> None:
    network = walk_network(streets())
    assert len(network.tail) == 0
    assert len(network.nodes) == 0


def test_walk_network_street_without_length_or_geometry_is_left_out() -> None:
    lines = streets([(0, 0), (100, 0)], [(5, 5), (5, 5)], [(0, 0), (0, 50)])
    lines.loc[2, "geometry"] = None
    assert walk_network(lines).edges["street"].tolist() == ["A"]


def test_walk_network_degrees_are_refused() -> None:
    with pytest.raises(CrsError):
        walk_network(streets([(0, 0), (100, 0)]).to_crs(4326))


def test_walk_network_snap_of_nothing_is_refused() -> None:
    with pytest.raises(ParameterError) as caught:
        walk_network(streets([(0, 0), (100, 0)]), snap_m=0)
    assert caught.value.code == "parameter.not_positive"


def test_attach_places_by_the_middle_cut_the_edge() -> None:
    # Feet at 30 and 70 of 100 m, 10 and 5 m off; the third stands at the end itself.
    network = walk_network(streets([(0, 0), (100, 0)]))
    places = gpd.GeoSeries([at(70, -5), at(30, 10), at(0, 0)], crs=CRS)
    attached = attach(network, places)
    assert attached.network.length_m.tolist() == pytest.approx([30.0, 40.0, 30.0])
    assert attached.off_m.tolist() == pytest.approx([5.0, 10.0, 0.0])
    feet = attached.network.nodes[attached.node] - [WEST, SOUTH]
    assert feet.tolist() == [pytest.approx([70, 0]), pytest.approx([30, 0]), pytest.approx([0, 0])]
    assert attached.network.edges["line"].tolist() == [0, 0, 0]


def test_attach_two_places_at_one_foot_share_a_node() -> None:
    network = walk_network(streets([(0, 0), (100, 0)]))
    attached = attach(network, gpd.GeoSeries([at(30, 4), at(30, -4)], crs=CRS))
    assert attached.node[0] == attached.node[1]
    assert len(attached.network.tail) == 2


def test_attach_without_streets_is_said() -> None:
    with pytest.raises(ParameterError) as caught:
        attach(walk_network(streets()), gpd.GeoSeries([at(0, 0)], crs=CRS))
    assert caught.value.code == "routes.no_streets"


def test_attach_place_without_point_is_said() -> None:
    network = walk_network(streets([(0, 0), (100, 0)]))
    with pytest.raises(ParameterError) as caught:
        attach(network, gpd.GeoSeries([at(0, 0), shapely.Point()], crs=CRS))
    assert caught.value.code == "routes.empty_place"

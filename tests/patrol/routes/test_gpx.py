"""Legs, GPX and directions of a walk round a block."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pytest

from geo.crs import to_wgs84
from geo.patrol.routes import Route, directions, legs, round_in_time, to_gpx, walk_network
from tests.patrol.routes.test_network import CRS, at, streets

NAMESPACE = {"g": "http://www.topografix.com/GPX/1/1"}


def block() -> Route:
    """From (0, 0) east 100 m along 中街, north 50 m along 东路, and the same way back."""
    lines = streets([(0, 0), (60, 0)], [(60, 0), (100, 0)], [(100, 0), (100, 50)])
    lines["name"] = ["中街", "中街", "东路"]
    door = gpd.GeoDataFrame(
        {"name": ["一号楼 <A&B>"], "service_min": [3.0]}, geometry=[at(100, 50)], crs=CRS
    )
    return round_in_time(
        walk_network(lines),
        np.array([1.0, 1.0, 1.0]),
        base=at(0, 0),
        minutes=400,
        places=door,
        walking_mps=1 / 60,
    )


def test_legs_are_in_order_with_lengths_and_minutes() -> None:
    rows = legs(block(), walking_mps=1 / 60)
    assert rows[["order", "kind", "street", "length_m", "minutes"]].values.tolist() == [
        [1, "street", "A", 60.0, pytest.approx(60)],
        [2, "street", "B", 40.0, pytest.approx(40)],
        [3, "street", "C", 50.0, pytest.approx(50)],
        [4, "visit", None, 0.0, 3.0],
        [5, "way", "C", 50.0, pytest.approx(50)],
        [6, "way", "B", 40.0, pytest.approx(40)],
        [7, "way", "A", 60.0, pytest.approx(60)],
    ]
    assert rows["name"].tolist()[3:5] == ["一号楼 <A&B>", "东路"]
    assert rows["minutes"].sum() == pytest.approx(block().minutes)


def test_legs_run_as_walked() -> None:
    rows = legs(block())
    walked = rows[rows["kind"] != "visit"].geometry
    ends = [(line.coords[0], line.coords[-1]) for line in walked]
    assert all(one[1] == after[0] for one, after in pairwise(ends))
    assert ends[0][0] == ends[-1][1] == at(0, 0).coords[0]


def test_legs_of_an_empty_route_are_no_rows() -> None:
    network = walk_network(streets([(0, 0), (100, 0)]))
    route = round_in_time(network, np.zeros(1), base=at(0, 0), minutes=10)
    rows = legs(route)
    assert len(rows) == 0
    assert {"order", "kind", "street", "name", "length_m", "minutes"} <= set(rows.columns)
    assert len(directions(rows)) == 0
    assert ET.fromstring(to_gpx(rows, name="空")).tag.endswith("gpx")


def test_to_gpx_is_a_track_and_a_point_a_visit_in_degrees() -> None:
    rows = legs(block())
    tree = ET.fromstring(to_gpx(rows, name="第1网格 & <早巡>\x00"))
    assert tree.attrib["version"] == "1.1"
    assert tree.find("g:trk/g:name", NAMESPACE).text == "第1网格 & <早巡>"
    points = tree.findall("g:wpt", NAMESPACE)
    assert [point.find("g:name", NAMESPACE).text for point in points] == ["一号楼 <A&B>"]
    fixes = tree.findall("g:trk/g:trkseg/g:trkpt", NAMESPACE)
    # (0, 0) (60, 0) (100, 0) (100, 50) and back
    assert len(fixes) == 7
    start = to_wgs84(gpd.GeoDataFrame(geometry=[at(0, 0)], crs=CRS)).geometry.iloc[0]
    assert float(fixes[0].attrib["lat"]) == pytest.approx(start.y, abs=1e-6)
    assert float(fixes[0].attrib["lon"]) == pytest.approx(start.x, abs=1e-6)


def test_directions_join_legs_of_one_name_and_say_the_turns() -> None:
    said = directions(legs(block(), walking_mps=1 / 60))
    assert said[["kind", "name", "length_m", "turn"]].values.tolist() == [
        ["street", "中街", 100.0, "start"],
        ["street", "东路", 50.0, "left"],
        ["visit", "一号楼 <A&B>", 0.0, "visit"],
        ["way", "东路", 50.0, "back"],
        ["way", "中街", 100.0, "right"],
    ]
    assert said["order"].tolist() == [1, 2, 3, 4, 5]

"""GeoJSON of RFC 7946: numbers worked by hand on geometry small enough to draw."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from geo.crs import to_metric
from geo.errors import CrsError, GeometryError, ParameterError, SchemaError
from geo.exchange import to_geojson
from geo.schema import LAYERS, empty_frame


def communities(*geometries: Any, crs: Any = 4326, **columns: Any) -> gpd.GeoDataFrame:
    keys = [f"99010100100{n}" for n in range(1, len(geometries) + 1)]
    return gpd.GeoDataFrame({"community": keys, **columns}, geometry=list(geometries), crs=crs)


def collection(frame: Any, **options: Any) -> dict[str, Any]:
    """The collection; NaN and infinities, which are no JSON, fail."""
    text = "".join(to_geojson(frame, **{"layer": "communities", **options}))
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_to_geojson_clockwise_ring_becomes_counterclockwise() -> None:
    clockwise = shapely.Polygon(
        [(125.0, 43.0), (125.0, 43.4), (125.4, 43.4), (125.4, 43.0)],
        holes=[[(125.1, 43.1), (125.2, 43.1), (125.2, 43.2), (125.1, 43.2)]],
    )
    (feature,) = collection(communities(clockwise))["features"]
    outer, hole = feature["geometry"]["coordinates"]
    assert shapely.LinearRing(outer).is_ccw
    assert not shapely.LinearRing(hole).is_ccw


def test_to_geojson_any_frame_has_no_crs_member_and_names_the_layer() -> None:
    read = collection(communities(shapely.box(125, 43, 126, 44)))
    assert sorted(read) == ["features", "name", "type"]
    assert (read["type"], read["name"]) == ("FeatureCollection", "communities")


def test_to_geojson_coordinates_have_seven_decimals_and_no_height() -> None:
    point = shapely.Point(125.123456749, 43.876543251, 210.0)
    (feature,) = collection(communities(point))["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": [125.1234567, 43.8765433]}


def test_to_geojson_metric_frame_comes_in_degrees() -> None:
    # EPSG:4551 is CGCS2000 with central meridian 126 E: easting 500,000 m lies on it
    frame = communities(shapely.Point(500_000, 4_860_000), crs=4551)
    (feature,) = collection(frame)["features"]
    lon, lat = feature["geometry"]["coordinates"]
    assert lon == 126.0
    # a degree of latitude has about 111.1 km: 4,860 / 111.1 = 43.74; meridian arcs say 43.875
    assert lat == pytest.approx(43.875, abs=0.01)


def test_to_geojson_neighbours_still_share_their_border() -> None:
    corner = (125.123456789, 43.123456789)
    left = shapely.Polygon([(125, 43), (125.2, 43), corner, (125, 43.3)])
    right = shapely.Polygon([(125.2, 43), (125.3, 43.3), (125, 43.3), corner])
    shapes = [
        shapely.geometry.shape(f["geometry"])
        for f in collection(communities(left, right))["features"]
    ]
    assert shapely.coverage_is_valid(shapes)


def test_to_geojson_key_of_several_columns_is_joined() -> None:
    tracks = gpd.GeoDataFrame(
        {"patrol": ["p1"], "at": pd.to_datetime(["2026-10-01T08:30:00+08:00"], utc=True)},
        geometry=[shapely.Point(126, 43)],
        crs=4326,
    )
    (feature,) = collection(tracks, layer="tracks")["features"]
    assert feature["id"] == "p1/2026-10-01T00:30:00Z"


def test_to_geojson_id_columns_given_take_the_key_s_place() -> None:
    frame = communities(shapely.Point(126, 43), name=["甲"])
    (feature,) = collection(frame, id_columns=["name", "community"])["features"]
    assert feature["id"] == "甲/990101001001"


def test_to_geojson_values_of_every_type_come_as_plain_json() -> None:
    frame = communities(
        shapely.Point(126, 43),
        shapely.Point(126, 44),
        name=pd.Series(['甲"\n<b>', None], dtype="str"),
        households=pd.array([380, None], dtype="Int64"),
        deviation=[0.05, np.nan],
        density=[np.inf, -1.5],
        estimated=pd.array([True, None], dtype="boolean"),
        day=pd.to_datetime(["2026-11-01", None]).astype("datetime64[us]"),
        at=pd.to_datetime(["2026-11-01T00:00:00.25+08:00", None], utc=True),
        report=[{"n": np.int64(3), "worst": float("nan"), "of": (1, 2)}, None],
    )
    first, second = [feature["properties"] for feature in collection(frame)["features"]]
    assert first == {
        "community": "990101001001",
        "name": '甲"\n<b>',
        "households": 380,
        "deviation": 0.05,
        "density": None,
        "estimated": True,
        "day": "2026-11-01",
        "at": "2026-10-31T16:00:00.250000Z",
        "report": {"n": 3, "worst": None, "of": [1, 2]},
    }
    assert second.pop("density") == -1.5
    assert second.pop("community") == "990101001002"
    assert set(second.values()) == {None}


def test_to_geojson_missing_and_empty_geometry_is_null() -> None:
    features = collection(communities(None, shapely.Point()))["features"]
    assert [feature["geometry"] for feature in features] == [None, None]


def test_to_geojson_layer_without_geometry_has_null_geometry() -> None:
    roster = pd.DataFrame(
        {
            "person": ["w1"],
            "role": ["grid_worker"],
            "area": ["g1"],
            "valid_from": pd.to_datetime(["2026-01-01"]).astype("datetime64[us]"),
        }
    )
    (feature,) = collection(roster, layer="roster")["features"]
    assert feature["geometry"] is None
    assert feature["id"] == "w1/grid_worker/g1/2026-01-01"


@pytest.mark.parametrize("layer", ["grids", "incidents", "streets", "roster"])
def test_to_geojson_empty_frame_gives_an_empty_collection(layer: str) -> None:
    assert collection(empty_frame(LAYERS[layer]), layer=layer)["features"] == []


def test_to_geojson_stream_of_frames_equals_the_whole_frame() -> None:
    n = 2500
    points = communities(*shapely.points(np.linspace(125, 126, n), 43.5))
    points["community"] = [str(key) for key in range(n)]

    def parts() -> Iterator[gpd.GeoDataFrame]:
        for start in (0, 1, 1200):
            yield points.iloc[start : {0: 1, 1: 1200, 1200: n}[start]]

    assert collection(parts()) == collection(points)
    assert len(collection(points)["features"]) == n


def test_to_geojson_row_order_and_index_change_no_feature() -> None:
    frame = communities(shapely.Point(125, 43), shapely.Point(126, 44))
    turned = frame.iloc[::-1].set_axis([7, 7])
    by_id = [{f["id"]: f for f in collection(rows)["features"]} for rows in (frame, turned)]
    assert by_id[0] == by_id[1]


def test_to_geojson_argument_stays_as_it_was() -> None:
    frame = communities(shapely.box(125, 43, 126, 44).reverse())
    before = frame.copy(deep=True)
    collection(frame)
    assert frame.geometry.iloc[0].wkb == before.geometry.iloc[0].wkb
    assert frame.crs == before.crs


def test_to_geojson_written_file_is_read_alike_by_gdal_and_geopandas(tmp_path: Path) -> None:
    square = shapely.box(125.2, 43.8, 125.3, 43.9)
    both = shapely.MultiPolygon([square, shapely.box(125.4, 43.8, 125.5, 43.9)])
    frame = communities(square, both, name=["甲", "乙"])
    path = tmp_path / "communities.geojson"
    path.write_text("".join(to_geojson(frame, layer="communities")), "utf-8")
    info = pyogrio.read_info(path)
    read = gpd.read_file(path)
    assert (info["crs"], info["features"]) == ("EPSG:4326", 2)
    assert info["layer_name"] == "communities"
    assert list(read["community"]) == ["990101001001", "990101001002"]
    assert list(read["name"]) == ["甲", "乙"]
    assert read.geometry.geom_equals(frame.geometry).all()


def test_to_geojson_metric_round_trip_stays_within_a_centimetre() -> None:
    square = communities(shapely.box(500_000, 4_860_000, 500_100, 4_860_100), crs=4551)
    read = gpd.GeoDataFrame.from_features(collection(square)["features"], crs=4326)
    back = to_metric(read, crs=4551)
    # half of 1e-7 degrees is 5.6 mm north, 4.0 mm east: at most 6.9 mm
    assert shapely.hausdorff_distance(back.geometry[0], square.geometry[0]) < 0.007


def test_to_geojson_no_crs_raises() -> None:
    with pytest.raises(CrsError) as raised:
        collection(communities(shapely.Point(1, 1), crs=None))
    assert raised.value.code == "crs.missing"


def test_to_geojson_missing_id_column_raises() -> None:
    with pytest.raises(SchemaError) as raised:
        collection(communities(shapely.Point(1, 1)), id_columns=["plan", "community"])
    assert raised.value.code == "schema.missing_columns"
    assert raised.value.params["columns"] == ["plan"]


def test_to_geojson_coordinate_not_finite_raises() -> None:
    with np.errstate(invalid="ignore"):
        line = shapely.LineString([(125, 43), (125, np.nan)])
    with pytest.raises(GeometryError) as raised:
        collection(communities(line))
    assert (raised.value.code, raised.value.params["count"]) == ("export.not_finite", 1)


def test_to_geojson_unknown_layer_raises() -> None:
    with pytest.raises(ParameterError) as raised:
        collection(communities(shapely.Point(1, 1)), layer="nowhere")
    assert raised.value.code == "export.unknown_layer"

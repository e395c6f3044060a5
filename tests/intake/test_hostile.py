"""Files that are broken or meant to harm: a clear error or a counted reject, nothing else."""

import json
import sqlite3
import time
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from geo.errors import GridError, InputError, NotFoundError
from geo.intake import Intake, Limits, read_layer
from geo.intake.limited import read_limited

SQUARE = [[125.3, 43.9], [125.3002, 43.9], [125.3002, 43.9002], [125.3, 43.9002], [125.3, 43.9]]


def refusal(path: Path, *, layer: str = "buildings", **options: Any) -> GridError:
    with pytest.raises(GridError) as caught:
        read_layer(path, layer=layer, **options)
    assert isinstance(caught.value, (InputError, NotFoundError))
    assert caught.value.message.endswith(".")
    return caught.value


def collection(*geometries: object) -> str:
    features = [
        {"type": "Feature", "properties": {"building": f"B{i}"}, "geometry": geometry}
        for i, geometry in enumerate(geometries, start=1)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features})


def polygon(ring: list[list[float]]) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": [ring]}


def codes(taken: Intake) -> dict[int, str]:
    assert taken.n_read == len(taken.frame) + taken.n_rejected
    return dict(zip(taken.rejects["line"], taken.rejects["code"], strict=True))


def write_vrt(path: Path, secret: Path) -> Path:
    path.write_text(
        '<OGRVRTDataSource><OGRVRTLayer name="secret">'
        f"<SrcDataSource>{secret}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
    )
    return path


@pytest.mark.parametrize("suffix", ["geojson", "gpkg", "kml", "fgb", "shp", "csv", "osm", "vrt"])
def test_read_layer_vrt_under_another_name_reads_no_other_file(suffix: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("building,lon,lat\nSECRET,125.3,43.9\n")
    fault = refusal(write_vrt(tmp_path / f"town.{suffix}", secret))
    assert fault.code == "file.unsupported"
    assert "SECRET" not in str(fault)


@pytest.mark.parametrize("driver_format", ["gpkg", "fgb", "gpx"])
def test_read_limited_vrt_given_to_gdal_itself_is_refused(
    driver_format: str, tmp_path: Path
) -> None:
    # Past the sniffer on purpose: the process has one driver left, and it is not VRT.
    secret = tmp_path / "secret.csv"
    secret.write_text("building,lon,lat\nSECRET,125.3,43.9\n")
    with pytest.raises(InputError) as caught:
        read_limited(
            write_vrt(tmp_path / "town.vrt", secret),
            format=driver_format,
            layer="buildings",
            layer_names=["buildings"],
            source_layer=None,
            limits=Limits(),
        )
    assert caught.value.code == "file.unreadable"


def test_read_layer_zip_bomb_is_stopped_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("bomb.csv", b"0" * (64 * 1024 * 1024))
    assert path.stat().st_size < 100_000
    started = time.perf_counter()
    assert refusal(path).code == "pack.too_large"
    assert time.perf_counter() - started < 5


def test_read_layer_workbook_bomb_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("xl/workbook.xml", "<workbook/>")
        pack.writestr("xl/worksheets/sheet1.xml", b" " * (64 * 1024 * 1024))
    assert refusal(path).code == "pack.too_large"


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({}, "pack.not_one_file"),
        ({"a.csv": b"x", "b.csv": b"x"}, "pack.not_one_file"),
        ({"../../etc/passwd": b"x"}, "pack.not_one_file"),
        ({"inner.csv": b"PK\x03\x04 a zip"}, "file.mismatch"),
        ({f"{i}.txt": b"x" for i in range(1001)}, "pack.too_many_files"),
        ({"a.shp": b"\0\0\x27\x0a" + b"\0" * 200}, "shapefile.incomplete"),
    ],
)
def test_read_layer_odd_zip_is_refused(
    members: dict[str, bytes], code: str, tmp_path: Path
) -> None:
    path = tmp_path / "odd.zip"
    with zipfile.ZipFile(path, "w") as pack:
        for name, data in members.items():
            pack.writestr(name, data)
    assert refusal(path).code == code
    assert sorted(tmp_path.iterdir()) == [path]


def test_read_layer_zip_member_climbing_out_stays_inside(tmp_path: Path) -> None:
    path = tmp_path / "climb.zip"
    with zipfile.ZipFile(path, "w") as pack:
        pack.writestr("../../climbed.csv", "building,lon,lat\nB1,125.3,43.9\n")
    assert read_layer(path, layer="buildings").n_read == 1
    assert not (tmp_path.parent.parent / "climbed.csv").exists()


def test_read_layer_damaged_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.zip"
    with zipfile.ZipFile(path, "w") as pack:
        pack.writestr("a.csv", "building,lon,lat\n" * 50)
    path.write_bytes(path.read_bytes()[:60])
    assert refusal(path).code == "pack.damaged"


def test_read_layer_geojson_nan_is_a_counted_reject(tmp_path: Path) -> None:
    path = tmp_path / "n.geojson"
    path.write_text(
        collection(
            polygon(SQUARE),
            {"type": "Point", "coordinates": [float("nan"), 43.9]},
            {"type": "Point", "coordinates": [125.3, float("inf")]},
            {"type": "Point", "coordinates": ["125.3", None]},
            {"type": "Point", "coordinates": []},
            {"type": "Circle", "coordinates": [1, 2]},
            None,
            polygon(SQUARE[:2]),
            {"type": "Polygon", "coordinates": 7},
        )
    )
    taken = read_layer(path, layer="buildings")
    assert taken.n_read == 9
    assert codes(taken) == {
        2: "geometry.not_finite",
        3: "geometry.not_finite",
        4: "geometry.not_finite",
        5: "geometry.missing",
        6: "geometry.wrong_type",
        7: "geometry.missing",
        8: "geometry.unreadable",
        9: "geometry.unreadable",
    }


@pytest.mark.parametrize("place", ["coordinates", "properties", "document"])
def test_read_layer_geojson_nested_10000_deep_is_refused(place: str, tmp_path: Path) -> None:
    deep = "[" * 10_000 + "]" * 10_000
    texts = {
        "coordinates": f'{{"type":"Polygon","coordinates":{deep}}}',
        "properties": f'{{"type":"Feature","geometry":null,"properties":{{"a":{deep}}}}}',
        "document": deep,
    }
    path = tmp_path / "deep.geojson"
    path.write_text(texts[place])
    assert refusal(path).code == "geojson.too_deep"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"type":"FeatureCollection","features":[', "geojson.not_json"),
        ('{"type":"Topology","objects":{}}', "geojson.not_geojson"),
        ("[1,2,3]", "geojson.not_geojson"),
        ('{"type":"FeatureCollection","features":{}}', "geojson.not_geojson"),
        ('{"type":"FeatureCollection"}', "geojson.not_geojson"),
    ],
)
def test_read_layer_json_that_is_no_geojson_is_refused(
    text: str, code: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.geojson"
    path.write_text(text)
    assert refusal(path).code == code


def test_read_layer_features_that_are_none_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.geojson"
    good = {"type": "Feature", "properties": None, "geometry": polygon(SQUARE)}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [good, 7, None, {}]}))
    taken = read_layer(path, layer="buildings")
    assert (taken.n_read, len(taken.frame)) == (4, 1)
    assert set(codes(taken).values()) == {"feature.not_a_feature"}


@pytest.mark.parametrize("missing", [".dbf", ".shx"])
def test_read_layer_shapefile_without_a_part_is_refused(missing: str, tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame({"building": ["B1"]}, geometry=[shapely.box(125.3, 43.9, 125.4, 44)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame.to_file(tmp_path / "s.shp")
    (tmp_path / f"s{missing}").unlink()
    fault = refusal(tmp_path / "s.shp")
    assert (fault.code, fault.params["suffix"]) == ("shapefile.incomplete", missing)


def test_read_layer_csv_formulas_are_rejected_and_excel_codes_kept(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text(
        "楼栋编码,名称,经度,纬度\n"
        '="0012",好,125.3,43.9\n'
        'B2,"=HYPERLINK(""http://x"",""点"")",125.3,43.9\n'
        "B3,@SUM(A1:A9),125.3,43.9\n"
        "B4,+cmd|' /C calc'!A0,125.3,43.9\n"
        "B5,-,125.3,43.9\n",
        encoding="utf-8",
    )
    taken = read_layer(path, layer="buildings")
    assert taken.frame["building"].tolist() == ["0012", "B5"]
    assert codes(taken) == dict.fromkeys((2, 3, 4), "value.formula")


def test_read_layer_gbk_mojibake_is_mended_or_rejected(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    wrong = "团结湖路".encode("gbk").decode("latin-1")
    path.write_text(
        f"楼栋编码,名称,经度,纬度\nB1,{wrong},125.3,43.9\nB2,团结\ufffd路,125.3,43.9\n"
        "B3,锟斤拷锟斤拷,125.3,43.9\nB4,团结湖路,125.3,43.9\n",
        encoding="utf-8",
    )
    taken = read_layer(path, layer="buildings")
    assert taken.frame["name"].tolist() == ["团结湖路", "团结湖路"]
    assert codes(taken) == {2: "text.mojibake", 3: "text.mojibake"}
    assert {"code": "text.redecoded", "count": 1, "column": "name"} in taken.notes


def test_read_layer_csv_with_bytes_of_no_encoding_rejects_those_rows(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(
        "楼栋编码,名称,经度,纬度\nB1,团结湖,125.3,43.9\nB2,".encode()
        + b"\xff\xfe\xfd"
        + b",125.3,43.9\n"
    )
    taken = read_layer(path, layer="buildings")
    assert taken.frame["name"].tolist() == ["团结湖"]
    assert codes(taken) == {2: "text.mojibake"}


def test_read_layer_polygon_of_1000_parts_is_rejected(tmp_path: Path) -> None:
    parts = [[[[x + i / 1e3, y] for x, y in SQUARE]] for i in range(1000)]
    path = tmp_path / "p.geojson"
    path.write_text(
        collection({"type": "MultiPolygon", "coordinates": parts}, polygon(SQUARE)),
    )
    taken = read_layer(path, layer="buildings")
    assert len(taken.frame) == 1
    faults = taken.rejects[taken.rejects["line"] == 1]
    assert faults["code"].tolist() == ["geometry.too_many_parts"]
    assert faults["value"].tolist() == ["1000"]


def test_read_layer_geometry_of_too_many_vertices_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "v.geojson"
    path.write_text(collection(polygon(SQUARE)))
    taken = read_layer(path, layer="buildings", limits=Limits(max_feature_vertices=4))
    assert codes(taken)[1] == "geometry.too_many_vertices"


def test_read_layer_self_crossing_ring_is_mended_and_said(tmp_path: Path) -> None:
    # A bow tie: two triangles, each half of 0.0002 x 0.0001 degrees, meet in the middle.
    bow = [SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3], SQUARE[0]]
    flat = [SQUARE[0], SQUARE[1], SQUARE[0], SQUARE[0]]
    path = tmp_path / "b.geojson"
    path.write_text(collection(polygon(bow), polygon(flat)))
    taken = read_layer(path, layer="buildings")
    assert codes(taken) == {2: "geometry.invalid"}
    assert {"code": "geometry.mended", "count": 1} in taken.notes
    assert taken.frame.geometry.is_valid.all()
    # 16.07 m x 22.22 m is the square; the two triangles are half of it.
    assert taken.frame.area[0] == pytest.approx(16.07 * 22.22 / 2, rel=0.01)


@pytest.mark.parametrize("data", [b"", b"\n\n  \n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("suffix", ["geojson", "csv", "gpkg", "shp", "xlsx", "osm"])
def test_read_layer_empty_file_is_refused(data: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"e.{suffix}"
    path.write_bytes(data)
    assert refusal(path).code == "file.empty"


def test_read_layer_no_file_or_a_folder_is_not_found(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no.csv").code == "file.not_found"
    assert refusal(tmp_path).code == "file.not_found"
    assert refusal(Path("/vsicurl/http://127.0.0.1/x.gpkg")).code == "file.not_found"


def test_read_layer_header_only_gives_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "h.csv"
    path.write_text("楼栋编码,名称,经度,纬度\n", encoding="utf-8")
    taken = read_layer(path, layer="buildings")
    assert (taken.n_read, taken.n_rejected, len(taken.frame)) == (0, 0, 0)


@pytest.mark.parametrize("town_crs", [None, "EPSG:4551"])
def test_read_layer_swapped_axes_are_counted_rejects(town_crs: str | None, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text(
        "楼栋编码,经度,纬度\nB1,43.9,125.3\nB2,125.3,43.9\nB3,0,0\nB4,125.3,90\nB5,2.35,48.86\n"
        "B6,125.31,43.91\n",
        encoding="utf-8",
    )
    taken = read_layer(path, layer="buildings", town_crs=town_crs)
    assert taken.frame["building"].tolist() == ["B2", "B6"]
    assert codes(taken) == {
        1: "geometry.swapped",
        3: "geometry.null_island",
        4: "geometry.out_of_range",
        5: "geometry.far_away",
    }


def test_read_layer_wholly_swapped_file_is_told_by_the_town(tmp_path: Path) -> None:
    # Monaco: both numbers are possible latitudes, only the town's zone tells.
    path = tmp_path / "s.csv"
    path.write_text("building,lon,lat\nB1,43.73,7.42\nB2,43.74,7.43\n")
    taken = read_layer(path, layer="buildings", town_crs="EPSG:32632")
    assert codes(taken) == {1: "geometry.swapped", 2: "geometry.swapped"}


def test_read_layer_csv_row_of_other_length_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text(
        '楼栋编码,名称,经度,纬度\nB1,"两行\n名称",125.3,43.9\nB2,125.3,43.9\n'
        "B3,好,125.3,43.9,1,2\n,,,\nB5,好,125.3,43.9\n",
        encoding="utf-8",
    )
    taken = read_layer(path, layer="buildings")
    assert taken.frame["building"].tolist() == ["B1", "B5"]
    assert codes(taken) == {2: "row.wrong_cells", 3: "row.wrong_cells"}


def test_read_layer_repeated_keys_keep_the_first(tmp_path: Path) -> None:
    path = tmp_path / "k.csv"
    path.write_text("building,lon,lat\nB1,125.3,43.9\nB1,125.3,43.9\nB2,125.3,\n")
    assert codes(read_layer(path, layer="buildings")) == {2: "key.repeated", 3: "geometry.missing"}


def test_read_layer_row_with_several_faults_lists_them_all(tmp_path: Path) -> None:
    path = tmp_path / "k.csv"
    path.write_text(
        "incident,category,status,reported_at,lon,lat\n"
        "A1,0151,nonsense,yesterday,x,43.9\nA2,0151,closed,2026-10-01,125.3,43.9\n"
    )
    taken = read_layer(path, layer="incidents")
    assert (taken.n_read, taken.n_rejected) == (2, 1)
    faults = taken.rejects.groupby("column")["code"].agg(list).to_dict()
    assert faults == {
        "status": ["value.unknown"],
        "reported_at": ["value.not_time"],
        "lon": ["value.not_float"],
        "geometry": ["geometry.missing"],
    }


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("a.gpkg", "building,lon,lat\n", "file.mismatch"),
        ("a.csv", '{"type":"FeatureCollection","features":[]}', "file.mismatch"),
        ("a.kml", '<?xml version="1.0"?><gpx></gpx>', "file.mismatch"),
        ("a.xml", "<!DOCTYPE kml [<!ENTITY a 'b'>]><kml>&a;</kml>", "file.unsupported"),
        ("a.kml", '<!DOCTYPE kml [<!ENTITY a SYSTEM "/etc/passwd">]><kml/>', "file.unsupported"),
        ("a.html", "<html></html>", "file.unsupported"),
        ("a.bin", "abc\0def", "file.unsupported"),
        ("a.kml", "<kml><Document><Placemark></kml>", "file.unreadable"),
        ("a.gpx", "<gpx><trk>", "file.unreadable"),
    ],
)
def test_read_layer_content_that_is_not_its_name_is_refused(
    name: str, text: str, code: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert refusal(path).code == code


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a.gpkg", b"SQLite format 3\0"),
        ("a.fgb", b"fgb\x03fgb\x01"),
        ("a.parquet", b"PAR1"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        ("a.osm.pbf", b"\0\0\0\x0d\x0a\x09OSMHeader\x18\x20"),
    ],
)
def test_read_layer_damaged_binary_is_refused(name: str, start: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(start + b"\x07\xff\x80garbage" * 500)
    assert refusal(path).code in ("file.unreadable", "file.reader_failed")


def test_read_layer_plain_sqlite_is_no_geopackage(tmp_path: Path) -> None:
    path = tmp_path / "x.gpkg"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE buildings (building TEXT)")
        connection.execute("INSERT INTO buildings VALUES ('B1')")
    connection.close()
    assert refusal(path).code in ("file.unreadable", "file.which_layer", "table.no_coordinates")


def test_read_layer_slow_file_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"building": ["B1"]}).to_parquet(path)
    fault = refusal(path, limits=Limits(timeout_s=0.05))
    assert (fault.code, fault.params["limit_s"]) == ("file.too_slow", 0.05)


def test_read_layer_memory_hungry_file_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"building": pa.repeat("x" * 1000, 400_000)}), path)
    assert path.stat().st_size < 100_000
    fault = refusal(path, limits=Limits(memory_bytes=512 * 1024 * 1024))
    assert fault.code == "file.too_heavy"


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"max_rows": 2}, "file.too_many_rows"),
        ({"max_columns": 2}, "file.too_many_columns"),
        ({"max_file_bytes": 50}, "file.too_large"),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "geojson", "parquet"])
def test_read_layer_over_a_limit_is_refused(
    suffix: str, limits: dict[str, int], code: str, tmp_path: Path
) -> None:
    path = tmp_path / f"l.{suffix}"
    frame = gpd.GeoDataFrame(
        {"building": ["B1", "B2", "B3"], "a": 1, "b": 2, "c": 3},
        geometry=gpd.points_from_xy([125.3] * 3, [43.9] * 3),
        crs=4326,
    )
    if suffix == "csv":
        frame.drop(columns="geometry").assign(lon=125.3, lat=43.9).to_csv(path, index=False)
    elif suffix == "geojson":
        path.write_text(frame.to_json())
    else:
        frame.to_parquet(path)
    assert refusal(path, limits=replace(Limits(), **limits)).code == code


def test_read_layer_unknown_crs_or_datum_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("building,lon,lat\nB1,125.3,43.9\n")
    assert refusal(path, crs="EPSG:999999").code == "crs.unreadable"
    assert refusal(path, datum="mars").code == "crs.unknown_datum"


def test_read_layer_table_without_coordinates_says_which_columns(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("building,name\nB1,x\n")
    assert refusal(path).code == "table.no_coordinates"
    (tmp_path / "d.csv").write_text("name,lon,lat\nx,125.3,43.9\n")
    fault = refusal(tmp_path / "d.csv", layer="incidents")
    assert (fault.code, fault.params["columns"]) == (
        "schema.missing_columns",
        ["category", "reported_at"],
    )


def test_read_layer_geojson_of_odd_types_and_numbers_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "odd.geojson"
    point = {"type": "Point", "coordinates": [125.3, 43.9]}
    far = {"type": "Point", "coordinates": [10**400, 43.9]}
    odd = [{**point, "type": ["Point"]}, {**point, "coordinates": {"x": 1}}, far, point]
    path.write_text(collection(*odd))
    taken = read_layer(path, layer="buildings")
    assert codes(taken) == {
        1: "geometry.wrong_type",
        2: "geometry.unreadable",
        3: "geometry.unreadable",
    }
    assert taken.frame["building"].tolist() == ["B4"]


@pytest.mark.parametrize("document", ['{"type": ["Point"]}', '{"type": {}, "features": []}'])
def test_read_layer_geojson_whose_type_is_no_text_is_refused(document: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.geojson"
    path.write_text(document)
    assert refusal(path).code == "geojson.not_geojson"


def test_read_layer_geojson_half_a_character_is_a_counted_reject(tmp_path: Path) -> None:
    path = tmp_path / "half.geojson"
    text = collection(*[{"type": "Point", "coordinates": [125.3, 43.9]}] * 2)
    text = text.replace('"B1"', '"B1", "name": "\\ud83d"')
    path.write_text(text.replace('"B2"', '"B2", "name": "\\ud83d\\ude00"'))
    taken = read_layer(path, layer="buildings")
    assert codes(taken) == {1: "text.mojibake"}
    assert taken.frame["name"].tolist() == ["\U0001f600"]


def test_read_layer_curve_is_a_counted_reject(tmp_path: Path) -> None:
    path = tmp_path / "curves.csv"
    curve, line = '"CIRCULARSTRING(125 43,125.1 43,125.2 43.1)"', '"LINESTRING(125 43,125.1 43)"'
    path.write_text(f"street,wkt\nS1,{curve}\nS2,{line}\n")
    taken = read_layer(path, layer="streets")
    assert set(taken.rejects["line"]) == {1}
    assert taken.frame["street"].tolist() == ["S2"]

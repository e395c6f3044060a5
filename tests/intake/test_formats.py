"""The same three buildings through every format give the same frame."""

import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import openpyxl
import osmium
import pandas as pd
import pytest
import shapely

from geo.crs import convert_datum, to_wgs84
from geo.errors import InputError
from geo.intake import Intake, read_layer, write_rejects
from geo.schema import LAYERS, empty_frame

NAMES = ["团结湖一号楼", "东方银座", "三里屯北楼"]


def buildings() -> gpd.GeoDataFrame:
    """Three squares of 0.0002 degrees near Changchun, with Chinese headers and values."""
    squares = [shapely.box(x, 43.9, x + 0.0002, 43.9002) for x in (125.3, 125.301, 125.302)]
    return gpd.GeoDataFrame(
        {
            "楼栋编码": ["0101", "0102", "0103"],
            "名称": NAMES,
            "层数": [6, 26, 3],
            "用途": ["住宅", "商业", "住宅"],
        },
        geometry=squares,
        crs=4326,
    )


def check_buildings(taken: Intake) -> None:
    assert (taken.n_read, taken.n_rejected) == (3, 0), taken.rejects
    frame = taken.frame
    assert frame["building"].tolist() == ["0101", "0102", "0103"]
    assert frame["name"].tolist() == NAMES
    assert frame["floors"].tolist() == [6.0, 26.0, 3.0]
    assert frame["use"].tolist() == ["residential", "commercial", "residential"]
    assert frame.crs.to_epsg() == 4551  # CGCS2000, 3-degree zone around 126 E
    expected = empty_frame(LAYERS["buildings"], crs=4551).dtypes
    assert frame.dtypes.drop("geometry").equals(expected.drop("geometry"))
    back = to_wgs84(frame).geometry
    assert back.geom_equals_exact(buildings().geometry.normalize(), 1e-9).all() or (
        back.normalize().geom_equals_exact(buildings().geometry.normalize(), 1e-9).all()
    )


def write_gpkg(folder: Path) -> Path:
    buildings().to_file(folder / "楼栋.gpkg", layer="楼栋")
    return folder / "楼栋.gpkg"


def write_shapefile(folder: Path, *, label: str | None, encoding: str) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        buildings().to_file(folder / "b.shp", encoding=encoding)
    (folder / "b.cpg").unlink(missing_ok=True)
    if label is not None:
        (folder / "b.cpg").write_text(label)
    return folder / "b.shp"


def write_flatgeobuf(folder: Path) -> Path:
    buildings().to_file(folder / "b.fgb", driver="FlatGeobuf", spatial_index=False)
    return folder / "b.fgb"


def write_parquet(folder: Path) -> Path:
    buildings().to_crs(4551).to_parquet(folder / "b.parquet")
    return folder / "b.parquet"


def write_kml(folder: Path) -> Path:
    marks = "".join(
        f"<Placemark><name>{row['名称']}</name><ExtendedData>"
        + "".join(
            f'<Data name="{key}"><value>{row[key]}</value></Data>'
            for key in ("楼栋编码", "层数", "用途")
        )
        + "</ExtendedData><Polygon><outerBoundaryIs><LinearRing><coordinates>"
        + " ".join(f"{x},{y},0" for x, y in shape.exterior.coords)
        + "</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
        for (_, row), shape in zip(
            buildings().drop(columns="geometry").iterrows(), buildings().geometry, strict=True
        )
    )
    path = folder / "b.kml"
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{marks}</Document></kml>',
        encoding="utf-8",
    )
    return path


def write_kmz(folder: Path) -> Path:
    path = folder / "b.kmz"
    with zipfile.ZipFile(path, "w") as pack:
        pack.write(write_kml(folder), "doc.kml")
    return path


def write_zipped_shapefile(folder: Path) -> Path:
    inner = write_shapefile(folder, label="GBK", encoding="GB18030")
    path = folder / "楼栋.zip"
    with zipfile.ZipFile(path, "w") as pack:
        for part in sorted(folder.glob("b.*")):
            pack.write(part, f"数据/{part.name}")
    inner.unlink()
    return path


def write_geojson(folder: Path) -> Path:
    path = folder / "b.geojson"
    path.write_text("\ufeff" + buildings().to_json(drop_id=True), encoding="utf-8")
    return path


def write_csv(folder: Path, *, encoding: str = "utf-8", separator: str = ",") -> Path:
    path = folder / "b.csv"
    table = pd.DataFrame(buildings().drop(columns="geometry"))
    table["WKT"] = buildings().to_wkt()["geometry"]
    table.to_csv(path, index=False, encoding=encoding, sep=separator)
    return path


def write_xlsx(folder: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["某街道楼栋信息表"])
    sheet.append([])
    sheet.append(["楼栋编码", "名称", "层数（层）", "用途", "WKT"])
    shapes = buildings().to_wkt()["geometry"]
    for (_, row), wkt in zip(buildings().iterrows(), shapes, strict=True):
        sheet.append([row["楼栋编码"], row["名称"], row["层数"], row["用途"], wkt])
    book.save(folder / "b.xlsx")
    return folder / "b.xlsx"


WRITERS: dict[str, Callable[[Path], Path]] = {
    "geopackage": write_gpkg,
    "shapefile labelled GBK": lambda f: write_shapefile(f, label="GBK", encoding="GB18030"),
    "shapefile GBK without label": lambda f: write_shapefile(f, label=None, encoding="GB18030"),
    "shapefile GBK labelled UTF-8": lambda f: write_shapefile(f, label="UTF-8", encoding="GB18030"),
    "shapefile UTF-8 without label": lambda f: write_shapefile(f, label=None, encoding="UTF-8"),
    "zipped shapefile": write_zipped_shapefile,
    "flatgeobuf": write_flatgeobuf,
    "geoparquet": write_parquet,
    "kml": write_kml,
    "kmz": write_kmz,
    "geojson": write_geojson,
    "csv": write_csv,
    "csv with BOM": lambda f: write_csv(f, encoding="utf-8-sig"),
    "csv in GBK": lambda f: write_csv(f, encoding="gbk"),
    "csv in GB18030, tabs": lambda f: write_csv(f, encoding="gb18030", separator="\t"),
    "csv in UTF-16": lambda f: write_csv(f, encoding="utf-16"),
    "xlsx with title rows": write_xlsx,
}


@pytest.mark.parametrize("name", list(WRITERS))
def test_read_layer_every_format_gives_the_same_buildings(name: str, tmp_path: Path) -> None:
    check_buildings(read_layer(WRITERS[name](tmp_path), layer="buildings"))


def test_read_layer_several_layers_takes_the_one_named_alike(tmp_path: Path) -> None:
    path = write_gpkg(tmp_path)
    buildings().iloc[:1].to_file(path, layer="其他", mode="a")
    check_buildings(read_layer(path, layer="buildings"))
    assert read_layer(path, layer="buildings", source_layer="其他").n_read == 1


def test_read_layer_several_layers_none_named_alike_asks(tmp_path: Path) -> None:
    path = write_gpkg(tmp_path)
    buildings().to_file(path, layer="b2", mode="a")
    with pytest.raises(InputError) as caught:
        read_layer(path, layer="streets")
    assert caught.value.code == "file.which_layer"
    assert caught.value.params["found"] == ["楼栋", "b2"]


def test_read_layer_layer_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_layer(write_gpkg(tmp_path), layer="buildings", source_layer="x")
    assert caught.value.code == "file.no_such_layer"


def test_read_layer_gpx_gives_tracks(tmp_path: Path) -> None:
    points = "".join(
        f'<trkpt lat="43.9" lon="{125.3 + i / 1e4}"><time>2026-10-01T00:0{i}:00Z</time></trkpt>'
        for i in range(3)
    )
    path = tmp_path / "walk.gpx"
    path.write_text(
        '<?xml version="1.0"?><gpx version="1.1" creator="t" '
        'xmlns="http://www.topografix.com/GPX/1/1">'
        f"<trk><name>P1</name><trkseg>{points}</trkseg></trk>"
        f"<trk><trkseg>{points}</trkseg></trk></gpx>"
    )
    taken = read_layer(path, layer="tracks")
    assert (taken.n_read, taken.n_rejected) == (6, 0)
    assert taken.frame["patrol"].tolist() == ["P1"] * 3 + ["track-2"] * 3
    assert taken.frame["at"].iloc[2] == pd.Timestamp("2026-10-01 00:02", tz="UTC")
    assert (taken.frame["day"] == pd.Timestamp("2026-10-01")).all()


def write_osm(path: Path) -> Path:
    corners = [(125.3, 43.9), (125.3002, 43.9), (125.3002, 43.9002), (125.3, 43.9002)]
    with osmium.SimpleWriter(str(path)) as writer:
        for number, (x, y) in enumerate(corners, start=1):
            writer.add_node(osmium.osm.mutable.Node(id=number, location=(x, y), version=1))
        ways = [
            ([1, 2, 3, 4, 1], {"building": "apartments", "building:levels": "6;7", "name": "甲"}),
            ([1, 2, 3], {"highway": "primary_link", "name": "人民路"}),
            ([1, 99], {"highway": "residential"}),
            ([2, 4], {"waterway": "river", "tunnel": "culvert"}),
            ([1, 3], {"railway": "rail"}),
            ([1, 2, 3], {"building": "yes"}),
        ]
        for number, (nodes, tags) in enumerate(ways, start=1):
            writer.add_way(osmium.osm.mutable.Way(id=number, nodes=nodes, tags=tags, version=1))
    return path


@pytest.mark.parametrize("suffix", [".osm", ".osm.pbf"])
def test_read_layer_openstreetmap_buildings_unclosed_ring_is_rejected(
    suffix: str, tmp_path: Path
) -> None:
    taken = read_layer(write_osm(tmp_path / f"x{suffix}"), layer="buildings")
    assert (taken.n_read, taken.n_rejected) == (2, 1)
    assert taken.frame.loc[0, ["building", "floors", "use"]].tolist() == ["w1", 6.0, "residential"]
    assert taken.rejects["code"].tolist() == ["geometry.missing"]


def test_read_layer_openstreetmap_streets_and_barriers(tmp_path: Path) -> None:
    path = write_osm(tmp_path / "x.osm")
    streets = read_layer(path, layer="streets")
    assert (streets.n_read, streets.n_rejected) == (2, 1)  # way 3 has a node that is not there
    assert streets.frame.loc[0, ["street", "class", "name"]].tolist() == ["w2", "primary", "人民路"]
    # 0.0002 degrees at 43.9 N: 16.07 m east-west and 22.22 m north-south
    assert streets.frame.loc[0, "length_m"] == pytest.approx(16.07 + 22.22, abs=0.05)
    barriers = read_layer(path, layer="barriers")
    assert barriers.frame["kind"].tolist() == ["road", "rail"]  # the culvert is no barrier


def test_read_layer_parquet_with_coordinates_and_datum(tmp_path: Path) -> None:
    path = tmp_path / "i.parquet"
    pd.DataFrame(
        {
            "案件编号": ["A1", "A2"],
            "类别": ["0151", "0152"],
            "状态": ["已结案", "处置中"],
            "上报时间": pd.to_datetime(["2026-10-01 08:00", "2026-10-01 09:30"]),
            "经度": [125.31, None],
            "纬度": [43.91, None],
        }
    ).to_parquet(path)
    taken = read_layer(path, layer="incidents", datum="gcj02")
    assert (taken.n_read, taken.n_rejected) == (2, 1)
    assert taken.rejects["code"].tolist() == ["geometry.missing"]
    assert taken.frame.loc[0, "status"] == "closed"
    assert taken.frame.loc[0, "reported_at"] == pd.Timestamp("2026-10-01", tz="UTC")
    given = gpd.GeoDataFrame(geometry=[shapely.Point(125.31, 43.91)], crs=4326)
    expected = convert_datum(given, datum="gcj02").to_crs(4551).geometry[0]
    assert taken.frame.geometry[0].distance(expected) < 1e-6


def test_read_layer_datum_moves_polygons_and_points_alike(tmp_path: Path) -> None:
    path = write_geojson(tmp_path)
    moved = read_layer(path, layer="buildings", datum="bd09").frame
    corner = shapely.Point(125.3, 43.9)
    given = gpd.GeoDataFrame(geometry=[corner], crs=4326)
    expected = convert_datum(given, datum="bd09").to_crs(4551).geometry[0]
    assert shapely.distance(moved.geometry[0], expected) < 1e-6


def test_read_layer_town_crs_is_kept(tmp_path: Path) -> None:
    taken = read_layer(write_geojson(tmp_path), layer="buildings", town_crs="EPSG:32651")
    assert taken.frame.crs.to_epsg() == 32651


def test_read_layer_same_crs_keeps_coordinates_to_the_bit(tmp_path: Path) -> None:
    metric = buildings().to_crs(4551)
    metric.to_parquet(tmp_path / "m.parquet")
    taken = read_layer(tmp_path / "m.parquet", layer="buildings", town_crs="EPSG:4551")
    assert (taken.frame.geometry.to_wkb() == metric.geometry.to_wkb()).all()


def test_read_layer_prefixed_eastings_without_crs_are_told(tmp_path: Path) -> None:
    # EPSG:4530 is CGCS2000 zone 42 (126 E) with the zone number before the easting.
    path = tmp_path / "p.csv"
    at = gpd.GeoSeries([shapely.Point(125.3, 43.9)], crs=4326).to_crs(4530)[0]
    path.write_text(f"小区编码,户数,x,y\nC1,500,{at.x!r},{at.y!r}\n", encoding="utf-8")
    taken = read_layer(path, layer="compounds")
    assert to_wgs84(taken.frame).geometry[0].distance(shapely.Point(125.3, 43.9)) < 1e-9


def test_read_layer_metres_without_crs_asks(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("小区编码,x,y\nC1,443812.5,4862911.2\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_layer(path, layer="compounds")
    assert caught.value.code == "crs.unknown"
    assert read_layer(path, layer="compounds", crs="EPSG:4551").n_rejected == 0


def test_write_rejects_opens_in_a_spreadsheet_and_runs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "小区编码,户数,经度,纬度\n=1+1,5,125.3,43.9\nC2,很多,125.3,43.9\n", encoding="utf-8"
    )
    taken = read_layer(path, layer="compounds")
    assert taken.n_rejected == 2
    write_rejects(taken.rejects, tmp_path / "r.csv")
    raw = (tmp_path / "r.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    lines = raw.decode("utf-8-sig").splitlines()
    assert lines == [
        "line,column,code,value",
        "1,compound,value.formula,'=1+1",
        "2,households,value.not_int,很多",
    ]


def test_read_layer_geojson_json_values_and_ids_are_kept(tmp_path: Path) -> None:
    feature = {
        "type": "Feature",
        "id": "b-7",
        "properties": {"tags": {"a": [1]}, "floors": None},
        "geometry": {"type": "Point", "coordinates": [125.3, 43.9, 200.0]},
    }
    path = tmp_path / "one.json"
    path.write_text(json.dumps(feature))
    taken = read_layer(path, layer="buildings")
    assert taken.frame["building"].tolist() == ["b-7"]
    assert taken.ignored_columns == ["tags"]

"""Files in every format, read back by GDAL and by GeoPandas."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pytest
import shapely

from geo.errors import CrsError, InputError, ParameterError
from geo.exchange import FORMATS, tables, write_layer
from geo.exchange.shapefile import field_names
from geo.exchange.tables import neutral
from geo.schema import LAYERS, check_frame, empty_frame

SPATIAL = ["geojson", "gpkg", "shp", "parquet", "fgb"]


def communities() -> gpd.GeoDataFrame:
    """Two communities of the schema's types, the second with nothing but its key and shape."""
    frame = gpd.GeoDataFrame(
        {
            "community": ["990101001001", "000000000002"],
            "name": pd.Series(["云栖社区", None], dtype="str"),
            "households": pd.array([380, None], dtype="Int64"),
        },
        geometry=[
            shapely.box(500_000, 4_860_000, 500_400, 4_860_300),
            shapely.MultiPolygon(
                [
                    shapely.box(500_400, 4_860_000, 500_500, 4_860_300),
                    shapely.box(500_600, 4_860_000, 500_700, 4_860_300),
                ]
            ),
        ],
        crs=4551,
    )
    return frame


def incidents(**columns: Any) -> gpd.GeoDataFrame:
    """One incident, all columns of the layer."""
    rows = gpd.GeoDataFrame(
        {
            "incident": ["000123"],
            "category": ["0301"],
            "status": ["reported"],
            "reported_at": pd.to_datetime(["2026-10-01T08:30:00+08:00"], utc=True),
            **columns,
        },
        geometry=[shapely.Point(500_000, 4_860_000)],
        crs=4551,
    )
    checked = check_frame(LAYERS["incidents"], rows)
    assert checked.n_rejected == 0, checked.rejects
    return checked.accepted


def read_back(path: Path, format: str) -> gpd.GeoDataFrame:
    return gpd.read_parquet(path) if format == "parquet" else gpd.read_file(path)


def cells(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream))


@pytest.mark.parametrize("format", SPATIAL)
def test_write_layer_spatial_format_reads_back_equal(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"out.{format}"
    frame = communities()
    assert write_layer(frame, path, layer="communities", format=format) == 2
    read = read_back(path, format).sort_values("community", ascending=False)
    assert read.crs.to_epsg() == 4326
    assert read["community"].tolist() == ["990101001001", "000000000002"]
    assert read["name"].tolist()[0] == "云栖社区"
    assert read["name"].isna().tolist() == [False, True]
    assert read["households"].tolist()[0] == 380
    assert read["households"].isna().tolist() == [False, True]
    gap_m = shapely.hausdorff_distance(
        read.to_crs(4551).geometry.to_numpy(), frame.geometry.to_numpy()
    )
    assert (gap_m < (0.007 if format == "geojson" else 1e-6)).all()


# the GDAL inside pyogrio's wheels has no Parquet driver; GeoPandas reads it back above
@pytest.mark.parametrize("format", ["geojson", "gpkg", "shp", "fgb"])
def test_write_layer_gdal_sees_wgs84_and_every_row(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"out.{format}"
    write_layer(communities(), path, layer="communities", format=format)
    info = pyogrio.read_info(path)
    assert (info["crs"], info["features"]) == ("EPSG:4326", 2)
    assert info["encoding"] == "UTF-8"


@pytest.mark.parametrize("format", ["gpkg", "fgb"])
def test_write_layer_mixed_shapes_get_one_type(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"out.{format}"
    write_layer(communities(), path, layer="communities", format=format)
    assert pyogrio.read_info(path)["geometry_type"] == "MultiPolygon"


@pytest.mark.parametrize("format", ["gpkg", "fgb"])
def test_write_layer_times_and_days_keep_their_types(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"out.{format}"
    frame = incidents()
    frame["day"] = pd.to_datetime(["2026-10-01"]).astype("datetime64[us]")
    write_layer(frame, path, layer="incidents", format=format)
    read = gpd.read_file(path)
    assert read["reported_at"].iloc[0] == pd.Timestamp("2026-10-01T00:30:00Z")
    assert pd.Timestamp(read["day"].iloc[0]) == pd.Timestamp("2026-10-01")
    assert read["closed_at"].isna().all()


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("layer", ["grids", "incidents", "streets"])
def test_write_layer_empty_frame_writes_a_readable_file(
    tmp_path: Path, layer: str, format: str
) -> None:
    path = tmp_path / f"out.{format}"
    assert write_layer(empty_frame(LAYERS[layer]), path, layer=layer, format=format) == 0
    if format in SPATIAL:
        assert len(read_back(path, format)) == 0
    elif format == "csv":
        assert len(cells(path)) == 1
    else:
        assert openpyxl.load_workbook(path).active.max_row == 1


@pytest.mark.parametrize("format", FORMATS)
def test_write_layer_row_without_place_keeps_its_row(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"out.{format}"
    frame = incidents()
    frame.loc[frame.index[0], frame.geometry.name] = None
    assert write_layer(frame, path, layer="incidents", format=format) == 1
    if format in SPATIAL:
        assert read_back(path, format).geometry.isna().tolist() == [True]
    elif format == "csv":
        assert cells(path)[1][-2:] == ["", ""]


@pytest.mark.parametrize("format", ["geojson", "gpkg", "parquet", "csv", "xlsx"])
def test_write_layer_table_without_geometry_is_written(tmp_path: Path, format: str) -> None:
    roster = empty_frame(LAYERS["roster"])
    roster.loc[0, ["person", "role", "area_kind", "area"]] = ["007", "grid_worker", "grid", "01"]
    path = tmp_path / f"out.{format}"
    assert write_layer(roster, path, layer="roster", format=format) == 1
    if format == "parquet":
        assert pd.read_parquet(path)["person"].tolist() == ["007"]
    elif format in ("geojson", "gpkg"):
        assert pyogrio.read_dataframe(path)["person"].tolist() == ["007"]


@pytest.mark.parametrize("format", ["shp", "fgb"])
def test_write_layer_table_into_spatial_only_format_raises(tmp_path: Path, format: str) -> None:
    with pytest.raises(ParameterError) as raised:
        write_layer(
            empty_frame(LAYERS["roster"]), tmp_path / "o.shp", layer="roster", format=format
        )
    assert raised.value.code == "export.no_geometry"
    assert raised.value.params == {"layer": "roster", "format": format}


def test_write_layer_json_column_comes_as_text(tmp_path: Path) -> None:
    frame = communities()
    frame["report"] = pd.Series([{"n_grids": 48, "worst": np.nan}, None], dtype="object")
    write_layer(frame, tmp_path / "out.gpkg", layer="communities", format="gpkg")
    read = gpd.read_file(tmp_path / "out.gpkg")
    assert read["report"].iloc[0] == '{"n_grids": 48, "worst": null}'


def test_write_layer_csv_has_mark_codes_and_seven_decimals(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    write_layer(incidents(address=["云栖小区3号楼"]), path, layer="incidents", format="csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    header, row = cells(path)
    assert header == [*LAYERS["incidents"].column_names, "lon", "lat"]
    written = dict(zip(header, row, strict=True))
    assert written["incident"] == "000123"
    assert written["address"] == "云栖小区3号楼"
    assert written["reported_at"] == "2026-10-01T00:30:00Z"
    assert written["lon"] == "126.0"
    assert len(written["lat"].split(".")[1]) <= 7


def test_write_layer_csv_polygons_come_as_wkt(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    frame = communities().to_crs(4326)
    write_layer(frame, path, layer="communities", format="csv")
    shapes = shapely.from_wkt([row[-1] for row in cells(path)[1:]])
    assert shapely.equals_exact(shapes, frame.geometry.to_numpy(), tolerance=1e-7).all()


@pytest.mark.parametrize("format", ["csv", "xlsx"])
@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_write_layer_formula_in_text_is_neutralised(
    tmp_path: Path, format: str, start: str
) -> None:
    path = tmp_path / f"out.{format}"
    text = f"{start}HYPERLINK(0)"
    write_layer(incidents(description=[text]), path, layer="incidents", format=format)
    at = LAYERS["incidents"].column_names.index("description")
    if format == "csv":
        assert cells(path)[1][at] == f"'{text}"
        return
    cell = openpyxl.load_workbook(path).active.cell(2, at + 1)
    assert (cell.value, cell.data_type) == (f"'{text}", "s")


@pytest.mark.parametrize(
    ("text", "written"),
    [("3-2-501", "3-2-501"), ("\t=1", "'\t=1"), ("\r=1", "'\r=1"), ("", ""), ("'=1", "'=1")],
)
def test_neutral_only_computed_text_gets_an_apostrophe(text: str, written: str) -> None:
    assert neutral(text) == written


def test_write_layer_negative_number_in_csv_stays_a_number(tmp_path: Path) -> None:
    frame = communities()
    frame["deviation"] = [-0.05, 0.02]
    write_layer(frame, tmp_path / "out.csv", layer="communities", format="csv")
    assert pd.read_csv(tmp_path / "out.csv")["deviation"].tolist() == [-0.05, 0.02]


def test_write_layer_xlsx_codes_are_text_and_days_dates(tmp_path: Path) -> None:
    path = tmp_path / "out.xlsx"
    frame = incidents(description=["ring\x07 bell"])
    frame["day"] = pd.to_datetime(["2026-10-01"]).astype("datetime64[us]")
    write_layer(frame, path, layer="incidents", format="xlsx")
    sheet = openpyxl.load_workbook(path)["incidents"]
    written = dict(zip(*(list(row) for row in sheet.iter_rows()), strict=True))
    by_name = {cell.value: row for cell, row in written.items()}
    assert (by_name["incident"].value, by_name["incident"].number_format) == ("000123", "@")
    assert by_name["day"].is_date
    assert by_name["day"].value.date().isoformat() == "2026-10-01"
    assert by_name["description"].value == "ring  bell"
    assert by_name["lon"].value == 126.0


def test_write_layer_xlsx_shape_too_long_raises(tmp_path: Path) -> None:
    frame = communities().iloc[:1]
    frame = frame.set_geometry(shapely.buffer(frame.geometry.to_numpy(), 100.0, quad_segs=500))
    with pytest.raises(ParameterError) as raised:
        write_layer(frame, tmp_path / "out.xlsx", layer="communities", format="xlsx")
    assert raised.value.code == "export.cell_too_long"
    assert list(tmp_path.iterdir()) == []


def test_write_layer_xlsx_too_many_rows_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "XLSX_MAX_ROWS", 2)  # a header and one row
    with pytest.raises(ParameterError) as raised:
        write_layer(communities(), tmp_path / "out.xlsx", layer="communities", format="xlsx")
    assert raised.value.code == "export.too_many_rows"
    assert (raised.value.params["count"], raised.value.params["limit"]) == (2, 1)


def test_write_layer_shapefile_has_encoding_and_field_list(tmp_path: Path) -> None:
    long = "长" * 100  # 300 bytes of UTF-8, of which 84 whole characters fit into 254
    frame = incidents(description=[long])
    write_layer(frame, tmp_path / "out.shp", layer="incidents", format="shp")
    assert (tmp_path / "out.cpg").read_text().strip() == "UTF-8"
    listed = pd.read_csv(tmp_path / "out.fields.csv").set_index("column")
    assert listed["field"].str.len().max() <= 10
    assert listed["field"].is_unique
    assert listed.loc["description", "n_cut"] == 1
    assert listed["n_cut"].sum() == 1
    read = gpd.read_file(tmp_path / "out.shp").iloc[0]
    assert read[listed.loc["description", "field"]] == "长" * 84
    assert read[listed.loc["reported_at", "field"]] == "2026-10-01T00:30:00Z"


def test_write_layer_zipped_shapefile_holds_all_parts(tmp_path: Path) -> None:
    path = tmp_path / "out.zip"
    write_layer(communities(), path, layer="communities", format="shp")
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.zip"]
    with zipfile.ZipFile(path) as archive:
        suffixes = {name.removeprefix("out") for name in archive.namelist()}
    assert suffixes == {".shp", ".shx", ".dbf", ".prj", ".cpg", ".fields.csv"}
    assert len(gpd.read_file(path)) == 2


def test_write_layer_shapefile_name_without_suffix_raises(tmp_path: Path) -> None:
    with pytest.raises(ParameterError) as raised:
        write_layer(communities(), tmp_path / "out.dat", layer="communities", format="shp")
    assert raised.value.code == "export.shapefile_name"


def test_field_names_long_name_keeps_its_first_ten_characters() -> None:
    assert field_names(["name", "reported_at"]) == {"name": "name", "reported_at": "reported_a"}


def test_field_names_equal_beginnings_are_shortened_evenly() -> None:
    fields = field_names(["effective_from", "effective_to", "households_estimated", "households"])
    assert fields["effective_from"] == "effec_from"
    assert fields["effective_to"] == "effecti_to"
    assert fields["households"] == "households"
    # 10 and 9 letters lose 10 in turn from the longer one: 4 and 5 are left
    assert fields["households_estimated"] == "hous_estim"


def test_field_names_collision_gets_a_number() -> None:
    fields = field_names(["abcdefghij", "ABCDEFGHIJ", "abcdefghijklm"])
    assert list(fields.values()) == ["abcdefghij", "ABCDEFGHI2", "abcdefghi3"]


@pytest.mark.parametrize("layer", sorted(LAYERS))
def test_field_names_of_every_layer_fit_and_differ(layer: str) -> None:
    fields = list(field_names(LAYERS[layer].column_names).values())
    assert max(map(len, fields)) <= 10
    assert len({field.lower() for field in fields}) == len(fields)


@pytest.mark.parametrize("format", FORMATS)
def test_write_layer_failure_leaves_the_old_file(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"out.{format}"
    path.write_text("before")
    with pytest.raises(CrsError) as raised:
        write_layer(
            communities().set_crs(None, allow_override=True),
            path,
            layer="communities",
            format=format,
        )
    assert raised.value.code == "crs.missing"
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("format", FORMATS)
def test_write_layer_second_export_replaces_the_first(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"out.{format}"
    write_layer(communities(), path, layer="communities", format=format)
    assert write_layer(communities().iloc[:1], path, layer="communities", format=format) == 1
    if format in SPATIAL:
        assert len(read_back(path, format)) == 1


def test_write_layer_argument_stays_as_it_was(tmp_path: Path) -> None:
    frame = communities()
    before = frame.copy(deep=True)
    for format in FORMATS:
        write_layer(frame, tmp_path / f"out.{format}", layer="communities", format=format)
    pd.testing.assert_frame_equal(pd.DataFrame(frame), pd.DataFrame(before))


def test_write_layer_unknown_format_raises(tmp_path: Path) -> None:
    with pytest.raises(ParameterError) as raised:
        write_layer(communities(), tmp_path / "out.dwg", layer="communities", format="dwg")
    assert raised.value.code == "export.unknown_format"
    assert raised.value.params["format"] == "dwg"


def test_write_layer_missing_folder_raises(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        write_layer(communities(), tmp_path / "no" / "o.csv", layer="communities", format="csv")
    assert raised.value.code == "export.no_folder"

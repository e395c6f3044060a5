"""The hostile files of the acceptance list, each brought to a store that holds something.

Each gets a clear error or a counted reject, and what was stored before stays bit for bit.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo.errors import GridError
from geo.services import imports
from geo.store import Store
from tests.services.conftest import CRS, SOUTH, WEST, box, buildings

Make = Callable[[Path], Path]
NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)


def _geojson(path: Path, *geometries: object) -> Path:
    features = [
        {"type": "Feature", "properties": {"building": f"H{n}"}, "geometry": geometry}
        for n, geometry in enumerate(geometries)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    return path


def vrt_named_geojson(folder: Path) -> Path:
    secret = folder / "secret.csv"
    secret.write_text("building,wkt\nSECRET,POINT(117 39.9)\n", "utf-8")
    path = folder / "innocent.geojson"
    path.write_text(
        f'<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>{secret}</SrcDataSource>'
        "</OGRVRTLayer></OGRVRTDataSource>",
        "utf-8",
    )
    return path


def zip_bomb(folder: Path) -> Path:
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("buildings.geojson", b" " * 200_000_000)
    path = folder / "bomb.zip"
    path.write_bytes(inside.getvalue())
    return path


def nan_coordinates(folder: Path) -> Path:
    path = _geojson(folder / "nan.geojson", {"type": "Point", "coordinates": [0.125, 39.9]})
    path.write_text(path.read_text("utf-8").replace("0.125", "NaN"), "utf-8")
    return path


def nested_deep(folder: Path) -> Path:
    path = folder / "deep.geojson"
    path.write_text(
        '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{},"geometry":'
        '{"type":"Polygon","coordinates":' + "[" * 10_000 + "]" * 10_000 + "}}]}",
        "utf-8",
    )
    return path


def shapefile_without_dbf(folder: Path) -> Path:
    buildings()[["building", "geometry"]].to_file(folder / "b.shp")
    (folder / "b.dbf").unlink()
    return folder / "b.shp"


def formulas(folder: Path) -> Path:
    path = folder / "formulas.csv"
    path.write_text("building,lon,lat\n\"=cmd|' /C calc'!A0\",117.0,39.9\n", "utf-8")
    return path


def mojibake(folder: Path) -> Path:
    path = folder / "mojibake.csv"
    # bytes that are neither UTF-8 nor GB18030 in the key itself
    path.write_bytes(b"building,lon,lat\n\xff\xfe\xfa\x81,117.0,39.9\n")
    return path


def thousand_parts(folder: Path) -> Path:
    parts = [shapely.box(117 + n / 1e4, 39.9, 117 + n / 1e4 + 4e-5, 39.9001) for n in range(1000)]
    return _geojson(folder / "parts.geojson", shapely.MultiPolygon(parts).__geo_interface__)


def swapped_axes(folder: Path) -> Path:
    return _geojson(folder / "swapped.geojson", {"type": "Point", "coordinates": [39.9, 117.0]})


def empty_file(folder: Path) -> Path:
    path = folder / "empty.geojson"
    path.write_bytes(b"")
    return path


HOSTILE: tuple[Make, ...] = (
    vrt_named_geojson,
    zip_bomb,
    nan_coordinates,
    nested_deep,
    shapefile_without_dbf,
    formulas,
    mojibake,
    thousand_parts,
    swapped_axes,
    empty_file,
)


def state(store: Store) -> dict[str, object]:
    """All that is stored, geometry as bytes, in a form that compares."""
    found: dict[str, object] = {}
    for layer in ("buildings", "communities"):
        frame = store.read(layer)
        found[layer] = shapely.to_wkb(frame.geometry.to_numpy()).tolist()
        found[f"{layer}.table"] = pd.DataFrame(frame.drop(columns="geometry")).to_json()
    return found


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__)
def test_import_file_hostile_is_refused_or_counted_and_changes_nothing(
    store: Store, tmp_path: Path, make: Make
) -> None:
    before = state(store)
    path = make(tmp_path)
    try:
        report = imports.import_file(
            store, "buildings", path, rejects_dir=tmp_path / "rejects", now=NOW
        )
    except GridError as error:
        assert error.code
        assert "secret" not in str(error).replace(str(tmp_path), "").casefold()
    else:
        assert (report.read, report.accepted, report.rejected) == (1, 0, 1)
        assert report.rejects_path is not None and report.rejects_path.stat().st_size > 0
    assert state(store) == before


def test_import_file_self_crossing_ring_is_mended_and_the_rest_untouched(
    store: Store, tmp_path: Path
) -> None:
    """A bow tie of two triangles of 50 m2 each: mended to its 100 m2."""
    before = state(store)
    x, y = WEST + 100, SOUTH + 100
    tie = shapely.Polygon([(x, y), (x + 20, y + 10), (x + 20, y), (x, y + 10)])
    path = tmp_path / "tie.gpkg"
    gpd.GeoDataFrame({"building": ["TIE"]}, geometry=[tie], crs=CRS).to_file(path)
    report = imports.import_file(
        store, "buildings", path, rejects_dir=tmp_path / "rejects", now=NOW
    )
    assert (report.read, report.accepted, report.rejected) == (1, 1, 0)
    assert report.notes
    mended = store.read("buildings", where={"building": "TIE"}).geometry.iloc[0]
    assert mended.is_valid
    assert mended.area == pytest.approx(100)
    store.delete("buildings", where={"building": "TIE"})
    assert state(store) == before


def test_import_file_one_hostile_row_leaves_the_good_ones(store: Store, tmp_path: Path) -> None:
    good = box(10, 150, 8, 8)
    rows = gpd.GeoDataFrame(
        {"building": ["NEW", "FAR"], "households": [3, 3]},
        geometry=[good, shapely.Point(np.inf, 0)],
        crs=CRS,
    )
    rows["wkt"] = ["" if not np.isfinite(g.bounds[0]) else g.wkt for g in rows.geometry]
    path = tmp_path / "mixed.csv"
    pd.DataFrame(rows.drop(columns="geometry")).to_csv(path, index=False)
    report = imports.import_file(
        store, "buildings", path, rejects_dir=tmp_path / "rejects", now=NOW, crs=CRS
    )
    assert (report.read, report.accepted, report.rejected) == (2, 1, 1)
    assert store.count("buildings") == 17

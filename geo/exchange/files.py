"""Layers written to files, all in WGS84, each file whole or not there at all."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely

from geo.crs import WGS84, to_wgs84
from geo.errors import InputError, ParameterError
from geo.exchange.geojson import to_geojson
from geo.exchange.shapefile import fit_shapefile
from geo.exchange.tables import write_csv, write_xlsx
from geo.exchange.values import check_finite, is_day, layer_of, plain_values
from geo.schema import LINEAR, POLYGONAL, Layer

Frame: TypeAlias = gpd.GeoDataFrame | pd.DataFrame
Writer: TypeAlias = Callable[[Layer, Frame, Path], None]


def write_layer(frame: Frame, path: Path | str, *, layer: Layer | str, format: str) -> int:
    """The number of rows written to `path` in one of FORMATS.

    Every format is in WGS84: the text formats (geojson, csv, xlsx) with 7 decimals, the others
    with all digits. Shapefile and FlatGeobuf take only layers with geometry. A shapefile comes
    with `<name>.fields.csv`, which says what its short field names stand for and how many texts
    were cut; under a `.zip` path all its files lie in that one archive. The files are written
    beside their place and then renamed: a failure leaves what was there before. Rows keep their
    order, except in FlatGeobuf, whose index sorts them by place.

    Raises
    ------
    ParameterError : an unknown format, or one that cannot hold this layer
    InputError : the folder does not exist
    CrsError : rows with geometry but no CRS
    """
    of, target = layer_of(layer), Path(path)
    writer = _writer(format)
    _check_target(of, frame, target, format)
    with tempfile.TemporaryDirectory(prefix=".wangge-export-", dir=target.parent) as folder:
        written = Path(folder, target.name)
        writer(of, frame, written)
        # the file that was asked for comes last, when those beside it are in place
        for part in sorted(Path(folder).iterdir(), key=lambda part: part == written):
            part.replace(target.parent / part.name)
    return len(frame)


def _write_geojson(layer: Layer, frame: Frame, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(to_geojson(frame, layer=layer))


def _write_gpkg(layer: Layer, frame: Frame, path: Path) -> None:
    _write_ogr(layer, _exchanged(layer, frame), path, driver="GPKG")


def _write_fgb(layer: Layer, frame: Frame, path: Path) -> None:
    exchanged = _exchanged(layer, frame)
    # FlatGeobuf's index has no room for rows without a place
    has_all = len(frame) > 0 and not exchanged.geometry.isna().any()
    index = "YES" if has_all else "NO"
    _write_ogr(layer, exchanged, path, driver="FlatGeobuf", SPATIAL_INDEX=index)


def _write_parquet(layer: Layer, frame: Frame, path: Path) -> None:
    _exchanged(layer, frame).to_parquet(path, index=False)


def _write_shapefile(layer: Layer, frame: Frame, path: Path) -> None:
    """The shapefile's parts beside `path`, or all inside `path` where it ends in .zip."""
    exchanged = _exchanged(layer, frame)
    columns = [name for name in exchanged.columns if name != exchanged.geometry.name]
    for name in columns:
        if isinstance(exchanged[name].dtype, pd.DatetimeTZDtype):
            exchanged[name] = pd.Series(
                plain_values(exchanged[name]), index=exchanged.index, dtype="str"
            )
    fitted = fit_shapefile(exchanged, columns=columns)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        inner = Path(folder, f"{path.stem}.shp")
        _write_ogr(layer, fitted.frame, inner, driver="ESRI Shapefile", ENCODING="UTF-8")
        fitted.fields.to_csv(
            inner.with_suffix(".fields.csv"), index=False, encoding="utf-8-sig", lineterminator="\n"
        )
        parts = sorted(Path(folder).iterdir())
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for part in parts:
                    archive.write(part, part.name)
        else:
            for part in parts:
                part.replace(path.parent / part.name)


_WRITERS: dict[str, Writer] = {
    "geojson": _write_geojson,
    "gpkg": _write_gpkg,
    "shp": _write_shapefile,
    "parquet": _write_parquet,
    "fgb": _write_fgb,
    "csv": write_csv,
    "xlsx": write_xlsx,
}
FORMATS = tuple(_WRITERS)
_ONLY_SPATIAL = frozenset({"shp", "fgb"})


def _writer(format: str) -> Writer:
    if format not in _WRITERS:
        raise ParameterError(
            "export.unknown_format",
            f"there is no format {format}; the formats are {', '.join(FORMATS)}",
            format=format,
            formats=", ".join(FORMATS),
        )
    return _WRITERS[format]


def _check_target(layer: Layer, frame: Frame, target: Path, format: str) -> None:
    if format in _ONLY_SPATIAL and not isinstance(frame, gpd.GeoDataFrame):
        raise ParameterError(
            "export.no_geometry",
            f"{layer.name} has no geometry, which {format} needs. Export it as csv or xlsx.",
            layer=layer.name,
            format=format,
        )
    if format == "shp" and target.suffix.lower() not in (".shp", ".zip"):
        raise ParameterError(
            "export.shapefile_name",
            f"a shapefile's name must end in .shp or .zip; got {target.name}",
            file=target.name,
        )
    if not target.parent.is_dir():
        raise InputError(
            "export.no_folder",
            f"the folder {target.parent} must exist; it does not. Make it first.",
            folder=str(target.parent),
        )


def _exchanged(layer: Layer, frame: Frame) -> Any:
    """The frame in WGS84 with column types that every format knows.

    Days become dates; lists and objects become JSON text.
    """
    exchanged: Any = frame.reset_index(drop=True)
    if isinstance(frame, gpd.GeoDataFrame):
        check_finite(layer, shapely.get_coordinates(frame.geometry.to_numpy()))
        is_placeless = (frame.geometry.isna() | frame.geometry.is_empty).all()
        has_no_need = frame.crs is None and is_placeless
        exchanged = exchanged.set_crs(WGS84) if has_no_need else to_wgs84(exchanged)
    for name in exchanged.columns:
        values = exchanged[name]
        if is_day(values):
            days = [day and date.fromisoformat(day) for day in plain_values(values)]
            exchanged[name] = pd.Series(days, dtype="object")
        elif values.dtype == object:
            exchanged[name] = pd.Series(map(_json_text, plain_values(values)), dtype="str")
    return exchanged


def _json_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _write_ogr(layer: Layer, frame: Any, path: Path, *, driver: str, **options: str) -> None:
    kinds: list[str] = []
    if isinstance(frame, gpd.GeoDataFrame):
        located = frame.geometry[~(frame.geometry.isna() | frame.geometry.is_empty)]
        kinds = sorted(set(located.geom_type))
    is_mixed = len(kinds) > 1
    pyogrio.write_dataframe(
        frame,
        path,
        driver=driver,
        layer=path.stem if driver == "ESRI Shapefile" else layer.name,
        geometry_type=None if kinds else _usual_type(layer, frame),
        promote_to_multi=is_mixed,
        use_arrow=True,
        **options,
    )


def _usual_type(layer: Layer, frame: Any) -> str | None:
    """The geometry type of the layer's file when no row tells it."""
    if not isinstance(frame, gpd.GeoDataFrame):
        return None
    if layer.geometry == POLYGONAL:
        return "MultiPolygon"
    return "MultiLineString" if layer.geometry == LINEAR else "Point"

"""Frames to Arrow tables for writing, and fetched rows back to frames."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from geo.errors import ConflictError, GeometryError, SchemaError
from geo.schema import Column, Layer, empty_frame
from geo.schema.check import DTYPES
from geo.store.tables import GEOMETRY

_ARROW = {
    "text": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "time": pa.timestamp("us", tz="UTC"),
    "json": pa.string(),
}


def check_columns(layer: Layer, names: Sequence[str]) -> None:
    """Nothing; raises SchemaError when the layer has no column of one of these names."""
    known = {*layer.column_names, *([GEOMETRY] if layer.is_spatial else [])}
    unknown = [str(name) for name in names if name not in known]
    if unknown:
        raise SchemaError(
            "schema.unknown_columns",
            f"{layer.name} has no columns {unknown[:3]}. Drop them or use geo.schema's names.",
            layer=layer.name,
            columns=unknown[:3],
        )


def to_arrow(layer: Layer, frame: pd.DataFrame, *, all_required: bool) -> pa.Table:
    """The frame's columns in the layer's order and types; geometry as 2-D WKB, last.

    Heights of vertices are dropped: the store is flat.

    Parameters
    ----------
    frame : rows with the layer's column names; its key columns at least
    all_required : refuse a frame that lacks a required column or the geometry

    Raises
    ------
    SchemaError : a column is unknown, missing, of another type, or empty where it may not be
    GeometryError : a geometry is missing or of a kind that the layer does not hold
    ConflictError : two rows have the same key
    """
    check_columns(layer, list(frame.columns))
    needed = [c.name for c in layer.columns if c.required or c.name in layer.key]
    _check_present(layer, frame, needed if all_required else list(layer.key), all_required)
    present = [c for c in layer.columns if c.name in frame.columns]
    arrays = {c.name: _to_array(layer, c, frame[c.name], c.name in needed) for c in present}
    _check_keys(layer, frame)
    if len(present) == len(layer.key) and not all_required and GEOMETRY not in frame.columns:
        _check_present(layer, frame, [c.name for c in layer.columns if c not in present][:1], False)
    if layer.is_spatial and GEOMETRY in frame.columns:
        arrays[GEOMETRY] = _geometry_array(layer, frame.geometry.array)
    return pa.table(arrays)


def _check_present(
    layer: Layer, frame: pd.DataFrame, names: Sequence[str], with_geometry: bool
) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise SchemaError(
            "schema.missing_columns",
            f"{layer.name} must have columns {missing}; got {list(frame.columns)[:20]}. "
            "Rename or add them.",
            layer=layer.name,
            columns=missing,
            found=[str(name) for name in frame.columns][:20],
        )
    wants_geometry = layer.is_spatial and (with_geometry or GEOMETRY in frame.columns)
    if wants_geometry and not isinstance(frame, gpd.GeoDataFrame):
        raise SchemaError(
            "schema.missing_geometry",
            f"{layer.name} must have geometry; got a plain table. Name its coordinate columns.",
            layer=layer.name,
        )


def _to_array(layer: Layer, column: Column, raw: pd.Series, is_needed: bool) -> pa.Array:
    try:
        if column.type == "json":
            array = _json_array(raw)
        else:
            array = pa.array(raw.astype(DTYPES[column.type]), from_pandas=True)
            if isinstance(array, pa.ChunkedArray):
                array = array.combine_chunks()
            array = array.cast(_ARROW[column.type])
    except (TypeError, ValueError, OverflowError, pa.ArrowException) as error:
        raise SchemaError(
            "schema.wrong_type",
            f"{layer.name}.{column.name} must hold {column.type} values; {error}. "
            "Check the frame with geo.schema.check_frame.",
            layer=layer.name,
            column=column.name,
            type=column.type,
        ) from error
    if is_needed and array.null_count:
        raise SchemaError(
            "schema.empty_values",
            f"{layer.name}.{column.name} must be filled; {array.null_count} rows are empty. "
            "Fill or drop them.",
            layer=layer.name,
            column=column.name,
            count=array.null_count,
        )
    if column.type in ("text", "json") and pc.any(pc.match_substring(array, "\0")).as_py():
        raise SchemaError(
            "schema.nul_character",
            f"{layer.name}.{column.name} must not hold the character U+0000. Remove it.",
            layer=layer.name,
            column=column.name,
        )
    return array


def _json_array(raw: pd.Series) -> pa.Array:
    texts = [None if _is_null(value) else json_text(str(raw.name), value) for value in raw]
    return pa.array(texts, pa.string())


def json_text(name: str, value: Any) -> str:
    """The value as JSON text; raises SchemaError where it is not plain JSON (NaN is not)."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise SchemaError(
            "schema.not_json",
            f"`{name}` must be plain JSON; {error}. Use None, numbers, texts, lists and dicts.",
            column=name,
        ) from error


def _is_null(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value))


def _check_keys(layer: Layer, frame: pd.DataFrame) -> None:
    keys = frame[list(layer.key)]
    is_repeated = keys.duplicated().to_numpy()
    if is_repeated.any():
        first = keys[is_repeated].head(3).astype("str").agg("/".join, axis=1).tolist()
        raise ConflictError(
            "store.key_repeated",
            f"{layer.name} must have one row a key; {int(is_repeated.sum())} repeat an earlier "
            f"one, first {first}. Drop them.",
            layer=layer.name,
            count=int(is_repeated.sum()),
            keys=first,
        )


def _geometry_array(layer: Layer, geometry: Any) -> pa.Array:
    shapes = np.asarray(geometry, dtype=object)
    is_gone = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    allowed = [shapely.GeometryType[name.upper()].value for name in layer.geometry]
    is_bad = is_gone | ~np.isin(shapely.get_type_id(shapes), allowed)
    if is_bad.any():
        raise GeometryError(
            "store.no_geometry" if is_gone.any() else "store.wrong_geometry",
            f"{layer.name} must have a {' or '.join(sorted(layer.geometry))} in every row; "
            f"{int(is_bad.sum())} rows have none. Check the frame with geo.schema.check_frame.",
            layer=layer.name,
            count=int(is_bad.sum()),
            kinds=sorted(layer.geometry),
        )
    return pa.array(shapely.to_wkb(shapes, output_dimension=2, byte_order=1), pa.binary())


def to_frame(
    layer: Layer, rows: Sequence[Sequence[Any]], *, names: Sequence[str], crs: Any
) -> gpd.GeoDataFrame | pd.DataFrame:
    """Fetched rows as a frame with the layer's dtypes; a GeoDataFrame when `geometry` is asked."""
    if not rows:
        empty = empty_frame(layer, crs=crs)
        return empty[list(names)]
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    wkb = columns.pop(GEOMETRY, None)
    table = pd.DataFrame(
        {name: _to_series(layer.column(name), values) for name, values in columns.items()}
    )
    if wkb is None:
        return table
    shapes = shapely.from_wkb(np.array(wkb, dtype=object))
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(shapes, crs=crs), crs=crs)


def _to_series(column: Column, values: tuple[Any, ...]) -> pd.Series:
    kind = column.type
    if kind == "json":
        loaded = [None if value is None else json.loads(value) for value in values]
        return pd.Series(loaded, dtype="object")
    if kind == "float":
        return pd.Series(np.array(values, dtype="float64"))
    if kind == "date":
        return pd.Series(np.array(values, dtype="datetime64[D]").astype("datetime64[us]"))
    array = pa.array(values, pa.int64() if kind == "time" else _ARROW[kind])
    if kind == "time":
        array = array.cast(_ARROW["time"])
    return array.to_pandas().astype(DTYPES[kind]) if kind != "int" else _to_int64(array)


def _to_int64(array: pa.Array) -> pd.Series:
    """Nullable integers without a detour over floats, which would lose digits."""
    is_null = array.is_null().to_numpy(zero_copy_only=False)
    return pd.Series(pd.arrays.IntegerArray(array.fill_null(0).to_numpy().copy(), is_null))

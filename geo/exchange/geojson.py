"""GeoJSON as RFC 7946 wants it, streamed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.crs import to_wgs84
from geo.exchange.values import WIRE_DECIMALS, check_columns, check_finite, layer_of, plain_values
from geo.schema import Layer

CHUNK_ROWS = 1000
"""Features in one piece of the stream: some hundred kilobytes of buildings."""


def to_geojson(
    frame: gpd.GeoDataFrame | pd.DataFrame | Iterable[gpd.GeoDataFrame | pd.DataFrame],
    *,
    layer: Layer | str,
    id_columns: Sequence[str] | None = None,
) -> Iterator[str]:
    """Pieces of text that together are one FeatureCollection.

    RFC 7946: WGS84 with 7 decimals, outer rings counterclockwise, no `crs` member. A feature's
    `id` is its key joined by ``/``, the same at every export. Vertices are rounded one by one,
    so that neighbours keep sharing their borders. All columns stand in `properties`: NaN and
    missing values as null, days as ISO days, times in UTC with Z. Empty and missing geometry,
    and that of a layer without geometry, is null.

    Parameters
    ----------
    frame : rows of the layer, in any CRS, or an iterable of such frames
    layer : the layer, or its name; the collection's `name`
    id_columns : columns that make the `id`; by default the layer's key

    Raises
    ------
    CrsError : rows with geometry but no CRS
    SchemaError : an id column is missing
    GeometryError : a coordinate is not finite
    """
    of = layer_of(layer)
    ids = list(of.key if id_columns is None else id_columns)
    frames = [frame] if isinstance(frame, pd.DataFrame) else frame
    yield f'{{"type":"FeatureCollection","name":{_encode(of.name)},"features":['
    separator = "\n"
    for rows in frames:
        check_columns(of, rows, ids)
        for start in range(0, len(rows), CHUNK_ROWS):
            features = _features(of, rows.iloc[start : start + CHUNK_ROWS], ids)
            yield separator + ",\n".join(features)
            separator = ",\n"
    yield "\n]}\n"


def wire_geometry(layer: Layer, frame: gpd.GeoDataFrame | pd.DataFrame) -> np.ndarray[Any, Any]:
    """The rows' geometry in WGS84, two dimensions, rounded to 7 decimals; None where empty."""
    if not isinstance(frame, gpd.GeoDataFrame):
        return np.full(len(frame), None, dtype=object)
    located: np.ndarray[Any, Any] = frame.geometry.to_numpy().copy()
    located[shapely.is_empty(located)] = None
    if all(geometry is None for geometry in located):
        return located
    flat = shapely.force_2d(to_wgs84(frame[[frame.geometry.name]]).geometry.to_numpy())
    flat[shapely.is_missing(located)] = None
    check_finite(layer, shapely.get_coordinates(flat))
    rounded: np.ndarray[Any, Any] = shapely.transform(
        flat, lambda lonlat: np.round(lonlat, WIRE_DECIMALS) + 0.0
    )
    return rounded


def _features(layer: Layer, rows: gpd.GeoDataFrame | pd.DataFrame, ids: list[str]) -> Iterator[str]:
    """One JSON text a row."""
    geometries = shapely.to_geojson(shapely.orient_polygons(wire_geometry(layer, rows)))
    located = rows.geometry.name if isinstance(rows, gpd.GeoDataFrame) else None
    names = [str(name) for name in rows.columns if name != located]
    columns = {name: plain_values(rows[name]) for name in names}
    keys = zip(*(columns[name] for name in ids), strict=True)
    table = zip(*columns.values(), strict=True)
    for key, values, geometry in zip(keys, table, geometries, strict=True):
        properties = _encode(dict(zip(names, values, strict=True)))
        yield (
            f'{{"type":"Feature","id":{_encode("/".join(map(str, key)))},'
            f'"geometry":{geometry or "null"},"properties":{properties}}}'
        )


def _encode(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

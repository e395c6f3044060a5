"""One question to a layer: which rows, columns and order; and its answer in frames."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
import sqlalchemy as sa

from geo.errors import ParameterError
from geo.schema import Layer
from geo.store.backend import Backend
from geo.store.filters import Where, conditions, ordering
from geo.store.frames import check_columns, to_frame
from geo.store.tables import GEOMETRY
from geo.store.towncrs import srid_of


@dataclass(frozen=True)
class Query:
    """The checked question; nothing has been asked of the database yet."""

    layer: Layer
    names: list[str]
    tests: list[sa.ColumnElement[bool]]
    terms: list[sa.ColumnElement[Any]]
    box: shapely.Geometry | None
    limit: int | None
    distinct: bool


def make_query(
    backend: Backend,
    layer: Layer,
    *,
    where: Where | None,
    bbox: Sequence[float] | None,
    columns: Sequence[str] | None,
    order_by: str | Sequence[str] | None,
    limit: int | None,
    distinct: bool,
) -> Query:
    """The question, its names and values checked against the schema."""
    table = backend.tables.layers[layer.name]
    names = _asked_columns(layer, columns)
    if distinct and (GEOMETRY in names or bbox is not None or order_by is not None):
        raise out_of_range("distinct", "not with geometry, a box or an order")
    if limit is not None and limit < 0:
        raise out_of_range("limit", limit)
    if bbox is not None and not layer.is_spatial:
        raise out_of_range("bbox", f"{layer.name} has no geometry")
    return Query(
        layer,
        names,
        conditions(layer, table, where, backend),
        ordering(layer, table, names, tail=()) if distinct else ordering(layer, table, order_by),
        None if bbox is None else box_shape(bbox),
        limit,
        distinct,
    )


def fetch_frames(
    query: Query,
    *,
    backend: Backend,
    connection: sa.Connection,
    crs: pyproj.CRS | None,
    chunk_rows: int,
) -> Iterator[gpd.GeoDataFrame | pd.DataFrame]:
    """The rows in frames of at most `chunk_rows`; one empty frame where there are none.

    A box that the database only narrows is tested here exactly.
    """
    box = query.box if backend.refines_boxes else None
    names = query.names
    fetched = [*names, GEOMETRY] if box is not None and GEOMETRY not in names else names
    n_left = query.limit
    is_empty = True
    statement = _statement(query, fetched, backend, crs)
    for rows in backend.fetch(connection, statement, chunk_rows):
        frame = to_frame(query.layer, rows, names=fetched, crs=crs)
        if box is not None:
            frame = _inside(frame, box).iloc[:n_left][names]
            n_left = None if n_left is None else n_left - len(frame)
        if len(frame):
            is_empty = False
            yield frame
        if n_left == 0:
            break
    if is_empty:
        yield to_frame(query.layer, [], names=names, crs=crs)


def _statement(
    query: Query, names: list[str], backend: Backend, crs: pyproj.CRS | None
) -> sa.Select[Any]:
    table = backend.tables.layers[query.layer.name]
    tests = list(query.tests)
    if query.box is not None:
        tests.append(backend.in_box(query.layer, query.box, srid_of(crs)))
    fetched = [
        backend.fetched_geometry(table)
        if name == GEOMETRY
        else backend.fetched(query.layer.column(name), table.c[name])
        for name in names
    ]
    statement = sa.select(*fetched).where(*tests).order_by(*query.terms)
    if query.distinct:
        statement = statement.group_by(*[table.c[name] for name in names])
    is_limited_here = query.box is not None and backend.refines_boxes
    return statement if query.limit is None or is_limited_here else statement.limit(query.limit)


def _asked_columns(layer: Layer, columns: Sequence[str] | None) -> list[str]:
    """The columns to fetch, geometry last."""
    if columns is None:
        return layer.column_names + ([GEOMETRY] if layer.is_spatial else [])
    names = list(dict.fromkeys(columns))
    check_columns(layer, names)
    if not names:
        raise out_of_range("columns", names)
    return sorted(names, key=lambda name: name == GEOMETRY)


def _inside(frame: gpd.GeoDataFrame, box: shapely.Geometry) -> gpd.GeoDataFrame:
    shapely.prepare(box)
    return frame[np.asarray(shapely.intersects(box, frame.geometry.array))].reset_index(drop=True)


def box_shape(bbox: Sequence[float]) -> shapely.Geometry:
    """The closed box (min x, min y, max x, max y) as polygon, line or point.

    Raises
    ------
    ParameterError : not four finite numbers with min <= max
    """
    corners = tuple(float(corner) for corner in bbox)
    if (
        len(corners) != 4
        or not all(map(math.isfinite, corners))
        or corners[0] > corners[2]
        or corners[1] > corners[3]
    ):
        raise ParameterError(
            "store.bad_box",
            f"`bbox` must be four finite numbers, min x, min y, max x, max y; got {corners}.",
            bbox=list(corners),
        )
    min_x, min_y, max_x, max_y = corners
    if min_x < max_x and min_y < max_y:
        return shapely.box(min_x, min_y, max_x, max_y)
    if min_x == max_x and min_y == max_y:
        return shapely.Point(min_x, min_y)
    return shapely.LineString([(min_x, min_y), (max_x, max_y)])


def out_of_range(option: str, value: Any) -> ParameterError:
    """The error for an option outside its allowed range."""
    shown = str(value)[:60]
    return ParameterError(
        "store.bad_option", f"`{option}` is out of range: {shown}.", option=option, value=shown
    )

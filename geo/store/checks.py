"""Is a store whole? Its file, its tables, its index, and what its rows say of each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy as sa

from geo.schema import LAYERS
from geo.store.faults import translated
from geo.store.store import Store
from geo.store.tables import FID, SQLITE, has_rtree, rtree_name

_REFERENCES = (
    ("entrances", "building", "buildings", "building"),
    ("assignments", "plan", "plans", "plan"),
    ("grids", "plan", "plans", "plan"),
    ("grids", "grid", "grid_codes", "grid"),
    ("grid_links", "plan", "plans", "plan"),
    ("grid_links", "successor", "grid_codes", "grid"),
    ("incidents", "plan", "plans", "plan"),
    ("incidents", "grid", "grid_codes", "grid"),
    ("pieces", "street", "streets", "street"),
    ("coverage", "piece", "pieces", "piece"),
)
"""Layer and column whose values must stand in another layer's column."""


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be: how often, and the first few keys."""

    code: str
    severity: Literal["error", "warning"]
    count: int
    keys: list[str] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)


def check(store: Store) -> list[Finding]:
    """What is wrong with the store; nothing where it is whole.

    Codes: `store.damaged` (the file's own check), `store.column_missing` (a table lacks a column
    of the schema), `store.index_differs` (rows and box index disagree), `store.dangling` (a value
    that should name a row of another layer names none).
    """
    with translated(), store.backend.reading() as connection:
        missing = list(_missing_columns(store, connection))
        if missing:
            return missing
        found = [*_damages(store, connection), *_index_faults(store, connection)]
        return [*found, *_dangling(store, connection)]


def _missing_columns(store: Store, connection: sa.Connection) -> Iterator[Finding]:
    inspector = sa.inspect(connection)
    for name, table in store.backend.tables.layers.items():
        there = {column["name"] for column in inspector.get_columns(name)}
        lacking = sorted(set(table.c.keys()) - there)
        if lacking:
            yield Finding("store.column_missing", "error", len(lacking), lacking, {"layer": name})


def _damages(store: Store, connection: sa.Connection) -> Iterator[Finding]:
    if connection.dialect.name != SQLITE:
        return
    lines = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(10)")]
    if lines != ["ok"]:
        yield Finding("store.damaged", "error", len(lines), lines[:3])


def _index_faults(store: Store, connection: sa.Connection) -> Iterator[Finding]:
    """Rows without a box and boxes without a row; PostgreSQL keeps its own index right."""
    if connection.dialect.name != SQLITE:
        return
    for name, layer in LAYERS.items():
        if not has_rtree(layer):
            continue
        rows = sa.select(store.backend.tables.layers[name].c[FID])
        fid: sa.ColumnClause[int] = sa.column(FID)
        boxes = sa.select(fid).select_from(sa.table(rtree_name(layer)))
        count = sum(
            connection.scalar(sa.select(sa.func.count()).select_from(only.subquery())) or 0
            for only in (sa.except_(rows, boxes), sa.except_(boxes, rows))
        )
        if count:
            yield Finding("store.index_differs", "error", count, [], {"layer": name})


def _dangling(store: Store, connection: sa.Connection) -> Iterator[Finding]:
    tables = store.backend.tables.layers
    for layer, column, other, key in _REFERENCES:
        value = tables[layer].c[column]
        known = sa.exists().where(tables[other].c[key] == value)
        lost = sa.select(value).where(value.is_not(None), ~known).distinct().order_by(value)
        count = connection.scalar(sa.select(sa.func.count()).select_from(lost.subquery())) or 0
        if count:
            keys = [str(found) for found in connection.scalars(lost.limit(3))]
            params = {"layer": layer, "column": column, "other": other}
            yield Finding("store.dangling", "warning", count, keys, params)

"""SQLite: one file, WKB with R*Tree boxes, write-ahead log, every commit on the disk."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from geo.errors import NotFoundError, StoreError
from geo.schema import Column, Layer
from geo.store.backend import WriteMode
from geo.store.tables import FID, GEOMETRY, SQLITE, has_rtree, rtree_name, tables_for

BUSY_S = 30.0
"""How long a writer waits for another one, seconds."""

_BATCH_ROWS = 50_000
_PRAGMAS = (
    "PRAGMA synchronous=FULL",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA cache_size=-16000",
)


class SqliteBackend:
    """The layers in one SQLite file."""

    refines_boxes = True

    def __init__(self, path: Path, *, create: bool) -> None:
        self.path = path
        self.location = str(path)
        self.tables = tables_for(SQLITE)
        _check_file(path, create=create)
        self.engine = sa.create_engine(
            sa.URL.create("sqlite", database=str(path)),
            connect_args={"timeout": BUSY_S},
            pool_size=10,
            max_overflow=30,
        )
        sa.event.listen(self.engine, "connect", _prepare)
        sa.event.listen(self.engine, "begin", _begin)
        self._writer = self.engine.execution_options(wangge_writes=True)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        with self._writer.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        with self.engine.begin() as connection:
            yield connection

    def bound(self, column: Column, value: Any) -> Any:
        if column.type == "date":
            return value.isoformat()
        if column.type == "time":
            return int(np.datetime64(value.replace(tzinfo=None), "us").astype("int64"))
        return value

    def one_of(
        self, column: Column, expression: sa.ColumnElement[Any], values: Sequence[Any]
    ) -> sa.ColumnElement[bool]:
        bound = [self.bound(column, value) for value in values]
        if column.type == "float":
            return expression.in_(bound)
        listed = sa.func.json_each(json.dumps(bound)).table_valued("value")
        return expression.in_(sa.select(listed.c.value))

    def fetched(self, column: Column, expression: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return expression

    def fetched_geometry(self, table: sa.Table) -> sa.ColumnElement[Any]:
        return table.c[GEOMETRY]

    def in_box(self, layer: Layer, box: shapely.Geometry, srid: int) -> sa.ColumnElement[bool]:
        if not has_rtree(layer):
            return sa.true()
        min_x, min_y, max_x, max_y = (float(corner) for corner in shapely.bounds(box))
        boxes = _rtree(layer)
        inside = sa.and_(
            boxes.c.max_x >= min_x,
            boxes.c.min_x <= max_x,
            boxes.c.max_y >= min_y,
            boxes.c.min_y <= max_y,
        )
        return self.tables.layers[layer.name].c[FID].in_(sa.select(boxes.c[FID]).where(inside))

    def fetch(
        self, connection: sa.Connection, statement: sa.Select[Any], chunk_rows: int
    ) -> Iterator[Sequence[Any]]:
        result = connection.execute(statement)
        while rows := result.fetchmany(chunk_rows):
            yield rows

    def insert(
        self, connection: sa.Connection, layer: Layer, rows: pa.Table, mode: WriteMode, srid: int
    ) -> int:
        table = self.tables.layers[layer.name]
        names = rows.column_names
        if mode == "update":
            statement = _update_statement(layer, table, names)
            names = [name for name in names if name not in layer.key] + list(layer.key)
        else:
            statement = _insert_statement(layer, table, names, mode)
        first_fid = 0
        if has_rtree(layer) and mode != "update":
            first_fid = connection.scalar(sa.select(sa.func.max(table.c[FID]))) or 0
        n_written = 0
        for start in range(0, rows.num_rows, _BATCH_ROWS):
            batch = rows.slice(start, _BATCH_ROWS)
            values = [_plain_list(batch[name]) for name in names]
            if has_rtree(layer) and mode != "update":
                values.insert(0, list(range(first_fid + 1, first_fid + 1 + batch.num_rows)))
            done = connection.exec_driver_sql(statement, list(zip(*values, strict=True)))
            n_written += done.rowcount
            if has_rtree(layer) and GEOMETRY in names:
                if mode in ("upsert", "update"):
                    batch, fids = self._fids(connection, layer, batch)
                else:
                    fids = np.arange(first_fid + 1, first_fid + 1 + batch.num_rows)
                _index(connection, layer, fids, batch[GEOMETRY])
            first_fid += batch.num_rows
        return n_written

    def _fids(
        self, connection: sa.Connection, layer: Layer, batch: pa.Table
    ) -> tuple[pa.Table, np.ndarray]:
        """The rows of the batch that the table holds, and their row numbers."""
        table = self.tables.layers[layer.name]
        keys = list(zip(*[_plain_list(batch[name]) for name in layer.key], strict=True))
        listed = sa.func.json_each(json.dumps(keys)).table_valued("key", "value")
        is_same = [
            table.c[name] == sa.func.json_extract(listed.c.value, f"$[{i}]")
            for i, name in enumerate(layer.key)
        ]
        found = connection.execute(
            sa.select(listed.c.key, table.c[FID]).select_from(listed).join(table, sa.and_(*is_same))
        ).all()
        pairs = np.array([tuple(pair) for pair in found], dtype="int64").reshape(-1, 2)
        return batch.take(pa.array(pairs[:, 0])), pairs[:, 1]

    def delete(
        self, connection: sa.Connection, layer: Layer, where: Sequence[sa.ColumnElement[bool]]
    ) -> int:
        table = self.tables.layers[layer.name]
        if has_rtree(layer):
            boxes = _rtree(layer)
            unindex = sa.delete(boxes)
            if where:
                unindex = unindex.where(boxes.c[FID].in_(sa.select(table.c[FID]).where(*where)))
            connection.execute(unindex)
        return connection.execute(sa.delete(table).where(*where)).rowcount


def _check_file(path: Path, *, create: bool) -> None:
    """Nothing; makes an empty file, readable by its owner only, where one is wanted."""
    if str(path) == ":memory:" or path.is_dir():
        raise StoreError(
            "store.not_a_file",
            f"A store must be one file; got {path}. Name a file.",
            path=str(path),
        )
    if path.exists():
        return
    if not create:
        raise NotFoundError(
            "store.absent",
            f"A store must exist at {path}. Import a file or run `wangge demo` first.",
            path=str(path),
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as error:
        raise StoreError(
            "store.not_writable",
            f"A store must be writable at {path}; {error.strerror}. Choose another folder.",
            path=str(path),
        ) from error


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    """Nothing; makes SQLAlchemy's BEGIN the only one, and sets the connection's rules."""
    connection.isolation_level = None
    _use_write_ahead_log(connection)
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Nothing; waits for other processes, since this PRAGMA ignores the busy timeout."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _begin(connection: sa.Connection) -> None:
    is_writer = connection.get_execution_options().get("wangge_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")


def _rtree(layer: Layer) -> sa.TableClause:
    names = (FID, "min_x", "max_x", "min_y", "max_y")
    return sa.table(rtree_name(layer), *[sa.column(name) for name in names])


def _insert_statement(layer: Layer, table: sa.Table, names: list[str], mode: WriteMode) -> str:
    quote = _quote(table)
    stored = ([FID] if has_rtree(layer) else []) + names
    columns = ", ".join(map(quote, stored))
    marks = ", ".join("?" * len(stored))
    statement = f"INSERT INTO {quote(table.name)} ({columns}) VALUES ({marks})"
    if mode == "upsert":
        changed = [name for name in names if name not in layer.key]
        sets = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in changed)
        keys = ", ".join(map(quote, layer.key))
        statement += f" ON CONFLICT ({keys}) DO " + (f"UPDATE SET {sets}" if sets else "NOTHING")
    return statement


def _update_statement(layer: Layer, table: sa.Table, names: list[str]) -> str:
    quote = _quote(table)
    sets = ", ".join(f"{quote(name)} = ?" for name in names if name not in layer.key)
    keys = " AND ".join(f"{quote(name)} = ?" for name in layer.key)
    return f"UPDATE {quote(table.name)} SET {sets} WHERE {keys}"


def _quote(table: sa.Table) -> Any:
    return sqlite.dialect().identifier_preparer.quote


def _plain_list(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_date32(column.type):
        column = column.cast(pa.string())
    elif pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return column.to_pylist()  # type: ignore[no-any-return]


def _index(
    connection: sa.Connection, layer: Layer, fids: np.ndarray, geometry: pa.ChunkedArray
) -> None:
    """Nothing; puts the boxes of these rows into the R*Tree, over any older ones."""
    boxes = shapely.bounds(shapely.from_wkb(np.array(geometry.to_pylist(), dtype=object)))
    rows = zip(fids.tolist(), *boxes[:, [0, 2, 1, 3]].T.tolist(), strict=True)
    connection.exec_driver_sql(
        f"INSERT OR REPLACE INTO {rtree_name(layer)} VALUES (?, ?, ?, ?, ?)", list(rows)
    )

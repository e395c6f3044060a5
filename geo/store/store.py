"""The store: layers in and out of one database, whole writes or none."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, get_args

import geopandas as gpd
import pandas as pd
import pyproj
import sqlalchemy as sa

from geo.errors import ConflictError, NotFoundError
from geo.schema import LAYERS, Layer
from geo.store.backend import Backend, WriteMode
from geo.store.faults import translated
from geo.store.filters import Where, conditions, is_null, plain_value
from geo.store.frames import check_columns, json_text, to_arrow
from geo.store.migrate import migrate
from geo.store.opening import open_backend
from geo.store.query import Query, fetch_frames, make_query, out_of_range
from geo.store.tables import GEOMETRY
from geo.store.towncrs import (
    check_same_crs,
    checked_crs,
    crs_from_text,
    crs_to_text,
    is_same_crs,
    srid_of,
)

_READ_ROWS = 100_000


class Store:
    """All data of one town. Safe to share between threads; each thread has its own transaction.

    One writer at a time, readers never wait: a writer waits up to 30 s for another one, then
    StoreError `store.busy`. So compute first, then write in one short transaction.
    """

    def __init__(self, backend: Backend) -> None:
        """A store on an opened backend; people call `Store.open`."""
        self._backend = backend
        self._tables = backend.tables
        self._local = threading.local()

    @classmethod
    def open(cls, url_or_path: str | Path, *, create: bool = True) -> Self:
        """The store at a file path or a `postgresql://` URL, its tables brought up to date.

        Parameters
        ----------
        url_or_path : path of an SQLite file, `sqlite:///path`, or `postgresql://user@host/name`
        create : make the SQLite file where there is none (a PostgreSQL database must exist)

        Raises
        ------
        NotFoundError : there is no such file, and `create` is off
        StoreError : the database cannot be reached, is not Wangge's, or is of a newer program
        """
        backend = open_backend(url_or_path, create=create)
        try:
            migrate(backend)
        except BaseException:
            backend.engine.dispose()
            raise
        return cls(backend)

    def close(self) -> None:
        """Nothing; gives all connections back."""
        self._backend.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def engine(self) -> sa.Engine:
        """The SQLAlchemy engine, for tables that are not layers (accounts)."""
        return self._backend.engine

    @property
    def backend(self) -> Backend:
        """The database behind the store, for backup and check."""
        return self._backend

    @property
    def location(self) -> str:
        """Where the data are, for people; never a password."""
        return self._backend.location

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A block whose writes are kept all together at its end, or not at all.

        A block inside another one joins it: when the inner one raises, its own writes are undone;
        what it wrote is kept only when the outermost block ends well.
        """
        with translated(), self._writing():
            yield

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        outer: sa.Connection | None = getattr(self._local, "connection", None)
        if outer is not None:
            with outer.begin_nested():
                yield outer
            return
        with self._backend.writing() as connection:
            self._local.connection = connection
            try:
                yield connection
            finally:
                self._local.connection = None

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        outer: sa.Connection | None = getattr(self._local, "connection", None)
        if outer is not None:
            yield outer
            return
        with self._backend.reading() as connection:
            yield connection

    def read(
        self,
        layer: str,
        *,
        where: Where | None = None,
        bbox: Sequence[float] | None = None,
        columns: Sequence[str] | None = None,
        order_by: str | Sequence[str] | None = None,
        limit: int | None = None,
    ) -> gpd.GeoDataFrame | pd.DataFrame:
        """The layer's rows that match, in the schema's columns and dtypes, in key order.

        Parameters
        ----------
        layer : a name of geo.schema.LAYERS
        where : column -> value (equal), None (empty), list (one of), or
            ("between", low, high) for low <= value < high
        bbox : min x, min y, max x, max y in the town's CRS; rows whose geometry meets that
            closed box
        columns : these columns only; without "geometry" a plain DataFrame comes back
        order_by : column or columns to sort by before the key; "-name" descending, empty last
        limit : at most so many rows

        Raises
        ------
        NotFoundError : no layer of that name
        SchemaError : no column of that name
        ParameterError : a value, box or limit is out of range
        """
        asked = make_query(
            self._backend,
            self._layer(layer),
            where=where,
            bbox=bbox,
            columns=columns,
            order_by=order_by,
            limit=limit,
        )
        frames = list(self._answer(asked, _READ_ROWS))
        return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)

    def stream(
        self,
        layer: str,
        *,
        where: Where | None = None,
        bbox: Sequence[float] | None = None,
        columns: Sequence[str] | None = None,
        order_by: str | Sequence[str] | None = None,
        limit: int | None = None,
        chunk_rows: int = 5000,
    ) -> Iterator[gpd.GeoDataFrame | pd.DataFrame]:
        """The same rows as `read`, in frames of at most `chunk_rows`; one empty frame for none.

        All chunks are of one committed state, however long it takes to use them up.
        """
        if chunk_rows < 1:
            raise out_of_range("chunk_rows", chunk_rows)
        asked = make_query(
            self._backend,
            self._layer(layer),
            where=where,
            bbox=bbox,
            columns=columns,
            order_by=order_by,
            limit=limit,
        )
        return self._answer(asked, chunk_rows)

    def _answer(self, query: Query, chunk_rows: int) -> Iterator[gpd.GeoDataFrame | pd.DataFrame]:
        with translated(), self._reading() as connection:
            yield from fetch_frames(
                query,
                backend=self._backend,
                connection=connection,
                crs=self._crs(connection) if query.layer.is_spatial else None,
                chunk_rows=chunk_rows,
            )

    def count(self, layer: str, *, where: Where | None = None) -> int:
        """How many rows match."""
        found = self._layer(layer)
        table = self._tables.layers[layer]
        tests = conditions(found, table, where, self._backend)
        with translated(), self._reading() as connection:
            statement = sa.select(sa.func.count()).select_from(table).where(*tests)
            return int(connection.scalar(statement) or 0)

    def write(
        self, layer: str, frame: gpd.GeoDataFrame | pd.DataFrame, *, mode: WriteMode = "append"
    ) -> int:
        """How many rows were written: all of the frame's, or none when it raises.

        Columns that the frame lacks are stored empty; rows already there keep theirs.

        Parameters
        ----------
        layer : a name of geo.schema.LAYERS
        frame : rows as geo.schema says, geometry in the town's CRS (see `set_crs`)
        mode : "append" new keys; "upsert" new keys, and known ones changed; "update" known keys
            only, in the columns given; "replace" the whole layer

        Raises
        ------
        ConflictError : a key is taken (append), unknown (update), or twice in the frame
        SchemaError, GeometryError : the frame is not as the layer asks
        CrsError : the frame is not in the town's CRS
        """
        found = self._layer(layer)
        table = self._tables.layers[layer]
        if mode not in get_args(WriteMode):
            raise out_of_range("mode", mode)
        rows = to_arrow(found, frame, all_required=mode != "update")
        with translated(found.name), self._writing() as connection:
            srid = 0
            if found.is_spatial and GEOMETRY in rows.column_names:
                crs = self._crs(connection)
                check_same_crs(found.name, frame, crs)
                srid = srid_of(crs)
            if mode == "replace":
                self._backend.delete(connection, found, [])
            if len(frame):
                n_written = self._backend.insert(connection, found, rows, mode, srid)
                if mode == "update" and n_written < len(frame):
                    raise ConflictError(
                        "store.key_unknown",
                        f"{layer} must hold every key to be updated; {len(frame) - n_written} "
                        "are unknown. Use upsert, or read them again.",
                        layer=layer,
                        count=len(frame) - n_written,
                    )
            if len(frame) or mode == "replace":
                self._raise_revision(connection, table)
        return len(frame)

    def update(self, layer: str, values: Mapping[str, Any], *, where: Where) -> int:
        """How many rows got these values; `where` of {} means all rows."""
        found = self._layer(layer)
        table = self._tables.layers[layer]
        check_columns(found, list(values))
        if not values or GEOMETRY in values:
            raise out_of_range("values", sorted(values))
        tests = conditions(found, table, where, self._backend)
        bound = {name: self._bound(found, name, value) for name, value in values.items()}
        with translated(found.name), self._writing() as connection:
            n_rows = connection.execute(sa.update(table).where(*tests).values(bound)).rowcount
            if n_rows:
                self._raise_revision(connection, table)
        return int(n_rows)

    def _bound(self, layer: Layer, name: str, value: Any) -> Any:
        column = layer.column(name)
        if column.type == "json":
            if value is None:
                return sa.null()
            return self._json(name, value)
        if is_null(value):
            return None
        return self._backend.bound(column, plain_value(column, value))

    def _json(self, name: str, value: Any) -> sa.ColumnElement[Any]:
        text = sa.literal(json_text(name, value), sa.Text())
        return sa.cast(text, self._tables.settings.c.value.type)

    def delete(self, layer: str, *, where: Where) -> int:
        """How many rows were deleted; `where` of {} means all rows."""
        found = self._layer(layer)
        table = self._tables.layers[layer]
        tests = conditions(found, table, where, self._backend)
        with translated(found.name), self._writing() as connection:
            n_rows = self._backend.delete(connection, found, tests)
            if n_rows:
                self._raise_revision(connection, table)
        return n_rows

    def revision(self, layer: str) -> int:
        """A number that grows with every write to the layer; 0 before the first."""
        found = self._layer(layer)
        revisions = self._tables.revisions
        with translated(), self._reading() as connection:
            statement = sa.select(revisions.c.revision).where(revisions.c.layer == found.name)
            return int(connection.scalar(statement) or 0)

    def _raise_revision(self, connection: sa.Connection, table: sa.Table) -> None:
        revisions = self._tables.revisions
        raised = connection.execute(
            sa.update(revisions)
            .where(revisions.c.layer == table.name)
            .values(revision=revisions.c.revision + 1)
        )
        if raised.rowcount == 0:
            connection.execute(sa.insert(revisions).values(layer=table.name, revision=1))

    def get_setting(self, name: str, default: Any = None) -> Any:
        """The setting's value, or the default where it was never set."""
        with translated(), self._reading() as connection:
            text = self._setting_text(connection, name)
        return default if text is None else json.loads(text)

    def _setting_text(self, connection: sa.Connection, name: str) -> str | None:
        settings = self._tables.settings
        statement = sa.select(sa.cast(settings.c.value, sa.Text)).where(settings.c.name == name)
        return connection.scalar(statement)

    def set_setting(self, name: str, value: Any) -> None:
        """Nothing; keeps the value, which must be plain JSON."""
        settings = self._tables.settings
        bound = self._json(name, value)
        with translated(), self._writing() as connection:
            statement = sa.update(settings).where(settings.c.name == name).values(value=bound)
            if connection.execute(statement).rowcount == 0:
                connection.execute(sa.insert(settings).values(name=name, value=bound))

    @property
    def crs(self) -> pyproj.CRS | None:
        """The town's projected CRS in metres; None until it is set."""
        with translated(), self._reading() as connection:
            return self._crs(connection)

    def _crs(self, connection: sa.Connection) -> pyproj.CRS | None:
        text = self._setting_text(connection, "crs")
        return None if text is None else crs_from_text(json.loads(text))

    def set_crs(self, crs: Any) -> None:
        """Nothing; fixes the town's CRS, in which all geometry is kept.

        Parameters
        ----------
        crs : what pyproj understands: a CRS, an EPSG number, a text; projected, in metres

        Raises
        ------
        CrsError : the CRS is unknown, in degrees, or not in metres
        ConflictError : another CRS is set and layers with geometry have rows
        """
        wanted = checked_crs(crs)
        with self.transaction():
            current = self.crs
            if current is not None and is_same_crs(current, wanted):
                return
            filled = [] if current is None else self._filled_layers()
            if filled:
                raise ConflictError(
                    "store.crs_in_use",
                    f"The town's CRS must stay {current.name if current else ''} while "
                    f"{filled[:3]} have rows. Reproject the frame, or use a new store.",
                    crs=crs_to_text(wanted),
                    layers=filled,
                )
            self.set_setting("crs", crs_to_text(wanted))

    def _filled_layers(self) -> list[str]:
        return [name for name, layer in LAYERS.items() if layer.is_spatial and self.count(name)]

    def _layer(self, name: str) -> Layer:
        layer = LAYERS.get(name)
        if layer is None:
            raise NotFoundError(
                "schema.unknown_layer",
                f"The layer must be one of {sorted(LAYERS)}; got {name!r}.",
                layer=str(name)[:60],
            )
        return layer

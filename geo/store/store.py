"""The store: layers in and out of one database, whole writes or none."""

from __future__ import annotations

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
from geo.store import registry
from geo.store.backend import Backend, WriteMode
from geo.store.faults import translated, unknown_keys
from geo.store.filters import Where, conditions, is_null, plain_value
from geo.store.frames import check_columns, to_arrow
from geo.store.migrate import migrate
from geo.store.opening import open_backend
from geo.store.query import Query, fetch_frames, make_query, out_of_range
from geo.store.session import Session
from geo.store.tables import GEOMETRY
from geo.store.towncrs import (
    check_same_crs,
    checked_crs,
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
        self._session = Session(backend)

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
        """The SQLAlchemy engine, for tables that are not layers (accounts).

        A transaction that writes begins on `engine.execution_options(wangge_writes=True)`: else
        SQLite refuses it at once when somebody wrote since its first read.
        """
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
        with translated(), self._session.writing():
            yield

    def read(
        self,
        layer: str,
        *,
        where: Where | None = None,
        bbox: Sequence[float] | None = None,
        columns: Sequence[str] | None = None,
        order_by: str | Sequence[str] | None = None,
        limit: int | None = None,
        distinct: bool = False,
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
        distinct : each combination of `columns` once, in their order; not with geometry or a box

        Raises
        ------
        NotFoundError : no layer of that name
        SchemaError : no column of that name
        ParameterError : a value, box or limit is out of range
        """
        chunks = self.stream(
            layer,
            where=where,
            bbox=bbox,
            columns=columns,
            order_by=order_by,
            limit=limit,
            distinct=distinct,
            chunk_rows=_READ_ROWS,
        )
        frames = list(chunks)
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
        distinct: bool = False,
        chunk_rows: int = 5000,
    ) -> Iterator[gpd.GeoDataFrame | pd.DataFrame]:
        """The same rows as `read`, in frames of at most `chunk_rows`; one empty frame for none.

        All chunks are of one committed state, however long it takes to use them up. Do not write
        to the layer while streaming it inside one transaction.
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
            distinct=distinct,
        )
        return self._answer(asked, chunk_rows)

    def _answer(self, query: Query, chunk_rows: int) -> Iterator[gpd.GeoDataFrame | pd.DataFrame]:
        with translated(), self._session.reading() as connection:
            yield from fetch_frames(
                query,
                backend=self._backend,
                connection=connection,
                crs=registry.town_crs(connection, self._tables) if query.layer.is_spatial else None,
                chunk_rows=chunk_rows,
            )

    def count(self, layer: str, *, where: Where | None = None) -> int:
        """How many rows match."""
        found = self._layer(layer)
        table = self._tables.layers[layer]
        tests = conditions(found, table, where, self._backend)
        with translated(), self._session.reading() as connection:
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
        if mode not in get_args(WriteMode):
            raise out_of_range("mode", mode)
        rows = to_arrow(found, frame, all_required=mode != "update")
        with translated(found.name), self._session.writing() as connection:
            srid = 0
            if found.is_spatial and GEOMETRY in rows.column_names:
                crs = registry.town_crs(connection, self._tables)
                check_same_crs(found.name, frame, crs)
                srid = srid_of(crs)
            if mode == "replace":
                self._backend.delete(connection, found, [])
            if len(frame):
                n_written = self._backend.insert(connection, found, rows, mode, srid)
                if mode == "update" and n_written < len(frame):
                    raise unknown_keys(layer, len(frame) - n_written)
            if len(frame) or mode == "replace":
                registry.raise_revision(connection, self._tables, layer)
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
        with translated(found.name), self._session.writing() as connection:
            n_rows = connection.execute(sa.update(table).where(*tests).values(bound)).rowcount
            if n_rows:
                registry.raise_revision(connection, self._tables, layer)
        return int(n_rows)

    def _bound(self, layer: Layer, name: str, value: Any) -> Any:
        column = layer.column(name)
        if is_null(value):
            if column.required:
                raise out_of_range(name, value)
            return sa.null()
        if column.type == "json":
            return registry.json_value(self._tables, name, value)
        return self._backend.bound(column, plain_value(column, value))

    def delete(self, layer: str, *, where: Where) -> int:
        """How many rows were deleted; `where` of {} means all rows."""
        found = self._layer(layer)
        table = self._tables.layers[layer]
        tests = conditions(found, table, where, self._backend)
        with translated(found.name), self._session.writing() as connection:
            n_rows = self._backend.delete(connection, found, tests)
            if n_rows:
                registry.raise_revision(connection, self._tables, layer)
        return n_rows

    def revision(self, layer: str) -> int:
        """A number that grows with every write to the layer; 0 before the first."""
        found = self._layer(layer)
        with translated(), self._session.reading() as connection:
            return registry.get_revision(connection, self._tables, found.name)

    def get_setting(self, name: str, default: Any = None) -> Any:
        """The setting's value, or the default where it was never set."""
        with translated(), self._session.reading() as connection:
            return registry.get_setting(connection, self._tables, name, default)

    def set_setting(self, name: str, value: Any) -> None:
        """Nothing; keeps the value, which must be plain JSON. The CRS has its own `set_crs`."""
        if name == registry.CRS_SETTING:
            raise out_of_range("name", name)
        with translated(), self._session.writing() as connection:
            registry.set_setting(connection, self._tables, name, value)

    @property
    def crs(self) -> pyproj.CRS | None:
        """The town's projected CRS in metres; None until it is set."""
        with translated(), self._session.reading() as connection:
            return registry.town_crs(connection, self._tables)

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
        with translated(), self._session.writing() as connection:
            current = registry.town_crs(connection, self._tables)
            if current is not None and is_same_crs(current, wanted):
                return
            filled = self._filled_layers()
            if current is not None and filled:
                raise ConflictError(
                    "store.crs_in_use",
                    f"The town's CRS must stay {current.name} while "
                    f"{filled[:3]} have rows. Reproject the frame, or use a new store.",
                    crs=current.name,
                    layers=filled,
                )
            registry.set_setting(
                connection, self._tables, registry.CRS_SETTING, crs_to_text(wanted)
            )

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

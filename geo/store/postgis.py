"""PostGIS: geometry columns with GiST, COPY for bulk, one writer at a time as in SQLite."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.csv
import shapely
import sqlalchemy as sa
from geoalchemy2 import functions as geo_functions
from sqlalchemy.dialects import postgresql

from geo.errors import StoreError
from geo.schema import Column, Layer
from geo.store.backend import WriteMode
from geo.store.faults import fault
from geo.store.tables import GEOMETRY, POSTGRESQL, tables_for

BUSY_S = 30
"""How long a writer waits for another one, seconds."""

_WRITER_LOCK = 0x57414E47
"""Key of the advisory lock that the one writer holds: the bytes of WANG."""

_BATCH_ROWS = 50_000
_STAGE = "wangge_stage"

_HAS_SRID = 0x20000000
"""Flag of EWKB's type that an SRID follows (PostGIS manual, 4.1.3)."""


class PostgisBackend:
    """The layers in one PostgreSQL database with PostGIS."""

    refines_boxes = False

    def __init__(self, url: sa.URL) -> None:
        self.location = url.render_as_string(hide_password=True)
        self.tables = tables_for(POSTGRESQL)
        self.engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args={"options": f"-c timezone=UTC -c lock_timeout={BUSY_S}s"},
            pool_size=10,
            max_overflow=30,
            pool_pre_ping=True,
        )
        self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ")
        try:
            self._check_postgis()
        except BaseException:
            self.engine.dispose()
            raise

    def _check_postgis(self) -> None:
        try:
            with self.engine.begin() as connection:
                has_it = "SELECT 1 FROM pg_extension WHERE extname = 'postgis'"
                if connection.scalar(sa.text(has_it)) is None:
                    connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS postgis")
        except sa.exc.OperationalError as error:
            raise fault(error.orig, "") from error
        except sa.exc.DBAPIError as error:
            raise StoreError(
                "store.no_postgis",
                f"The database at {self.location} must have PostGIS; it has not. Ask its "
                "administrator for CREATE EXTENSION postgis.",
                location=self.location,
            ) from error

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        with self.engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITER_LOCK)))
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        with self._reader.begin() as connection:
            yield connection

    def bound(self, column: Column, value: Any) -> Any:
        return value

    def one_of(
        self, column: Column, expression: sa.ColumnElement[Any], values: Sequence[Any]
    ) -> sa.ColumnElement[bool]:
        listed = sa.literal(list(values), postgresql.ARRAY(expression.type))
        return expression == sa.any_(listed)

    def fetched(self, column: Column, expression: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        if column.type == "time":
            seconds = sa.func.extract("epoch", expression)
            return sa.cast(seconds * 1_000_000, sa.BigInteger)
        if column.type == "date":
            return sa.func.to_char(expression, "YYYY-MM-DD")
        if column.type == "json":
            return sa.cast(expression, sa.Text)
        return expression

    def fetched_geometry(self, table: sa.Table) -> sa.ColumnElement[Any]:
        return sa.type_coerce(geo_functions.ST_AsBinary(table.c[GEOMETRY]), sa.LargeBinary)

    def in_box(self, layer: Layer, box: shapely.Geometry, srid: int) -> sa.ColumnElement[bool]:
        asked = geo_functions.ST_GeomFromWKB(shapely.to_wkb(box), srid)
        table = self.tables.layers[layer.name]
        is_inside: sa.ColumnElement[bool] = geo_functions.ST_Intersects(table.c[GEOMETRY], asked)
        return is_inside

    def fetch(
        self, connection: sa.Connection, statement: sa.Select[Any], chunk_rows: int
    ) -> Iterator[Sequence[Any]]:
        with connection.execute(statement.execution_options(yield_per=chunk_rows)) as result:
            yield from result.partitions(chunk_rows)

    def insert(
        self, connection: sa.Connection, layer: Layer, rows: pa.Table, mode: WriteMode, srid: int
    ) -> int:
        quote = connection.dialect.identifier_preparer.quote
        table = quote(layer.name)
        columns = ", ".join(map(quote, rows.column_names))
        if mode in ("append", "replace"):
            _copy(connection, layer, f"{table} ({columns})", rows, srid)
            return int(rows.num_rows)
        connection.exec_driver_sql(
            f"CREATE TEMP TABLE {_STAGE} ON COMMIT DROP AS SELECT {columns} FROM {table} LIMIT 0"
        )
        _copy(connection, layer, f"{_STAGE} ({columns})", rows, srid)
        done = connection.exec_driver_sql(_merge(layer, rows.column_names, mode, quote))
        connection.exec_driver_sql(f"DROP TABLE {_STAGE}")
        return done.rowcount

    def delete(
        self, connection: sa.Connection, layer: Layer, where: Sequence[sa.ColumnElement[bool]]
    ) -> int:
        table = self.tables.layers[layer.name]
        return connection.execute(sa.delete(table).where(*where)).rowcount


def _merge(layer: Layer, names: list[str], mode: WriteMode, quote: Any) -> str:
    """The statement that takes the staged rows into the layer's table."""
    table = quote(layer.name)
    columns = ", ".join(map(quote, names))
    changed = [quote(name) for name in names if name not in layer.key]
    if mode == "update":
        sets = ", ".join(f"{name} = s.{name}" for name in changed)
        same = " AND ".join(f"t.{quote(name)} = s.{quote(name)}" for name in layer.key)
        return f"UPDATE {table} AS t SET {sets} FROM {_STAGE} AS s WHERE {same}"
    keys = ", ".join(map(quote, layer.key))
    sets = ", ".join(f"{name} = excluded.{name}" for name in changed)
    return (
        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {_STAGE} "
        f"ON CONFLICT ({keys}) DO " + (f"UPDATE SET {sets}" if sets else "NOTHING")
    )


def _copy(connection: sa.Connection, layer: Layer, target: str, rows: pa.Table, srid: int) -> None:
    """Nothing; sends the rows as CSV: empty values bare, all others quoted."""
    driver: Any = connection.connection.driver_connection
    try:
        with (
            driver.cursor() as cursor,
            cursor.copy(f"COPY {target} FROM STDIN (FORMAT csv)") as copy,
        ):
            for start in range(0, rows.num_rows, _BATCH_ROWS):
                copy.write(_csv(rows.slice(start, _BATCH_ROWS), srid))
    except psycopg.Error as error:
        raise fault(error, layer.name) from error


def _csv(rows: pa.Table, srid: int) -> bytes:
    if GEOMETRY in rows.column_names:
        hexes = _with_srid(rows[GEOMETRY].to_pylist(), srid)
        position = rows.column_names.index(GEOMETRY)
        rows = rows.set_column(position, GEOMETRY, pa.array(hexes, pa.string()))
    buffer = io.BytesIO()
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="all_valid")
    pyarrow.csv.write_csv(rows, buffer, options)
    return buffer.getvalue()


def _with_srid(shapes: list[bytes], srid: int) -> list[str]:
    """Little-endian WKB as PostGIS's EWKB in hexadecimal: a flag in the type, then the SRID."""
    heads = {
        wkb[:5]: b"\x01" + struct.pack("<II", int.from_bytes(wkb[1:5], "little") | _HAS_SRID, srid)
        for wkb in {wkb[:5] for wkb in shapes}
    }
    return [(heads[wkb[:5]] + wkb[5:]).hex() for wkb in shapes]

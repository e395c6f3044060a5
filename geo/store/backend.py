"""What differs between SQLite and PostGIS, named once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol

import pyarrow as pa
import shapely
import sqlalchemy as sa

from geo.schema import Column, Layer
from geo.store.tables import Tables

WriteMode = Literal["append", "upsert", "replace", "update"]


class Backend(Protocol):
    """One database: its engine, its tables, and the few statements that differ."""

    engine: sa.Engine
    tables: Tables
    location: str
    """Where the data are, for people; never a password."""
    refines_boxes: bool
    """True where a box query returns too many rows, to be tested exactly in Shapely."""

    def writing(self) -> AbstractContextManager[sa.Connection]:
        """A connection in a transaction that no other writer shares; commits, or rolls back."""

    def reading(self) -> AbstractContextManager[sa.Connection]:
        """A connection in a transaction that sees one committed state."""

    def bound(self, column: Column, value: Any) -> Any:
        """The plain value as this database compares it."""

    def one_of(
        self, column: Column, expression: sa.ColumnElement[Any], values: Sequence[Any]
    ) -> sa.ColumnElement[bool]:
        """True where the expression equals one of the plain values."""

    def fetched(self, column: Column, expression: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """The column as fetched: a time as microseconds, a date as ISO text, json as text."""

    def fetched_geometry(self, table: sa.Table) -> sa.ColumnElement[Any]:
        """The geometry as WKB."""

    def in_box(self, layer: Layer, box: shapely.Geometry, srid: int) -> sa.ColumnElement[bool]:
        """True where the row's geometry may intersect the box."""

    def fetch(
        self, connection: sa.Connection, statement: sa.Select[Any], chunk_rows: int
    ) -> Iterator[Sequence[Any]]:
        """The rows, in chunks."""

    def insert(
        self, connection: sa.Connection, layer: Layer, rows: pa.Table, mode: WriteMode, srid: int
    ) -> int:
        """Rows written: appended, upserted by key, or updated by key."""

    def delete(
        self, connection: sa.Connection, layer: Layer, where: Sequence[sa.ColumnElement[bool]]
    ) -> int:
        """Rows deleted, from the spatial index too."""

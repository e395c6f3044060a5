"""The SQL tables that hold the layers, derived from `geo.schema.LAYERS` for one SQL dialect.

These objects name columns in statements. They never create anything: tables are made by the
Alembic scripts in `migrations/`, and a test holds the two equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from geo.schema import LAYERS, Column, Layer

SQLITE = "sqlite"
POSTGRESQL = "postgresql"

FID = "fid"
"""Integer row number of a spatially indexed layer; the R*Tree refers to rows by it."""

GEOMETRY = "geometry"

INDEXES: dict[str, tuple[str, ...]] = {
    "incidents": ("reported_at",),
    "coverage": ("day", "round"),
}
"""Columns, beside the key, by which people ask for some of many rows."""


@dataclass(frozen=True)
class Tables:
    """The tables of one dialect: one a layer, plus settings and revisions."""

    metadata: sa.MetaData
    layers: dict[str, sa.Table]
    settings: sa.Table
    revisions: sa.Table


def rtree_name(layer: Layer) -> str:
    """Name of the R*Tree that indexes the layer's boxes in SQLite."""
    return f"rtree_{layer.name}"


def has_rtree(layer: Layer) -> bool:
    """True where the layer's geometry is looked up by box."""
    return layer.is_spatial and layer.spatial_index


@cache
def tables_for(dialect: str) -> Tables:
    """The tables for `sqlite` or `postgresql`."""
    metadata = sa.MetaData()
    text = _text_type(dialect)
    layers = {name: _layer_table(layer, metadata, dialect) for name, layer in LAYERS.items()}
    settings = sa.Table(
        "settings",
        metadata,
        sa.Column("name", text, primary_key=True),
        sa.Column("value", _json_type(dialect), nullable=False),
    )
    revisions = sa.Table(
        "revisions",
        metadata,
        sa.Column("layer", text, primary_key=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
    )
    return Tables(metadata, layers, settings, revisions)


def _layer_table(layer: Layer, metadata: sa.MetaData, dialect: str) -> sa.Table:
    """A table keyed by the layer's key; a spatially indexed one by `fid`, its key unique."""
    parts: list[Any] = []
    if has_rtree(layer):
        parts.append(_fid_column(dialect))
    parts += [
        sa.Column(c.name, _column_type(c, dialect), nullable=not _is_filled(layer, c))
        for c in layer.columns
    ]
    if layer.is_spatial:
        parts.append(sa.Column(GEOMETRY, _geometry_type(dialect), nullable=False))
    if layer.name in INDEXES:
        parts.append(sa.Index(f"ix_{layer.name}", *INDEXES[layer.name]))
    if has_rtree(layer):
        parts.append(sa.UniqueConstraint(*layer.key, name=f"uq_{layer.name}"))
        if dialect == POSTGRESQL:
            parts.append(sa.Index(f"gist_{layer.name}", GEOMETRY, postgresql_using="gist"))
        return sa.Table(layer.name, metadata, *parts)
    parts.append(sa.PrimaryKeyConstraint(*layer.key, name=f"pk_{layer.name}"))
    return sa.Table(layer.name, metadata, *parts, sqlite_with_rowid=False)


def _is_filled(layer: Layer, column: Column) -> bool:
    return column.required or column.name in layer.key


def _fid_column(dialect: str) -> sa.Column[int]:
    if dialect == SQLITE:
        return sa.Column(FID, sa.Integer(), primary_key=True)
    return sa.Column(FID, sa.BigInteger(), sa.Identity(always=False), primary_key=True)


def _text_type(dialect: str) -> sa.types.TypeEngine[Any]:
    """Text that sorts by code point in both dialects."""
    return sa.Text(collation="C") if dialect == POSTGRESQL else sa.Text()


def _json_type(dialect: str) -> sa.types.TypeEngine[Any]:
    return postgresql.JSON() if dialect == POSTGRESQL else sa.Text()


def _geometry_type(dialect: str) -> sa.types.TypeEngine[Any]:
    """PostGIS geometry of any kind and SRID; WKB in SQLite."""
    if dialect == SQLITE:
        return sa.LargeBinary()
    from geoalchemy2 import Geometry  # noqa: PLC0415 - belongs to the extra `postgis`

    return Geometry("GEOMETRY", srid=0, spatial_index=False)


def _column_type(column: Column, dialect: str) -> sa.types.TypeEngine[Any]:
    """SQLite keeps a time as microseconds of UTC since 1970 and a date as ISO text."""
    is_sqlite = dialect == SQLITE
    types: dict[str, sa.types.TypeEngine[Any]] = {
        "text": _text_type(dialect),
        "int": sa.BigInteger(),
        "float": sa.Double(),
        "bool": sa.Boolean(),
        "date": sa.Text() if is_sqlite else sa.Date(),
        "time": sa.BigInteger() if is_sqlite else sa.DateTime(timezone=True),
        "json": _json_type(dialect),
    }
    return types[column.type]

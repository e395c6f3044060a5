"""The first tables: one a layer, the settings and the revisions.

This list is frozen history once a version is released; until then a column that joins
`geo/schema/layers.py` joins its table here. After the release each change is a script of its own:

1. copy `migrations/script.py.mako` to `versions/v0002_what_changes.py`, fill in `revision = "0002"`
   and `down_revision = "0001"`;
2. write the change with `op`, such as `op.add_column("incidents", sa.Column("urgent",
   sa.Boolean()))`; see `_column` below for the SQL type that each schema type has in a dialect;
3. run `pytest tests/store/test_migrations.py`: it names every difference between the migrated
   tables and those that `geo.store.tables` derives from the schema, in SQLite and in PostGIS.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

FILLED = False
EMPTY = True
"""Whether a column may be empty (SQL's `nullable`)."""


class Made(NamedTuple):
    """A table to make: its key, its columns (name, schema type, nullable), its geometry."""

    name: str
    key: tuple[str, ...]
    columns: tuple[tuple[str, str, bool], ...]
    geometry: Literal["none", "plain", "indexed"] = "none"


TABLES = (
    Made(
        "subdistricts",
        ("subdistrict",),
        (
            ("subdistrict", "text", FILLED),
            ("name", "text", EMPTY),
            ("name_en", "text", EMPTY),
            ("district", "text", EMPTY),
            ("people", "int", EMPTY),
        ),
        geometry="indexed",
    ),
    Made(
        "communities",
        ("community",),
        (
            ("community", "text", FILLED),
            ("name", "text", EMPTY),
            ("name_en", "text", EMPTY),
            ("subdistrict", "text", EMPTY),
        ),
        geometry="indexed",
    ),
    Made(
        "compounds",
        ("compound",),
        (
            ("compound", "text", FILLED),
            ("name", "text", EMPTY),
            ("name_en", "text", EMPTY),
            ("community", "text", EMPTY),
            ("n_buildings", "int", EMPTY),
            ("households", "int", EMPTY),
            ("people", "int", EMPTY),
            ("households_estimated", "bool", EMPTY),
        ),
        geometry="indexed",
    ),
    Made(
        "buildings",
        ("building",),
        (
            ("building", "text", FILLED),
            ("name", "text", EMPTY),
            ("number", "text", EMPTY),
            ("compound", "text", EMPTY),
            ("community", "text", EMPTY),
            ("street", "text", EMPTY),
            ("address", "text", EMPTY),
            ("use", "text", EMPTY),
            ("floors", "float", EMPTY),
            ("height_m", "float", EMPTY),
            ("n_entrances", "int", EMPTY),
            ("households", "int", EMPTY),
            ("people", "int", EMPTY),
            ("households_estimated", "bool", EMPTY),
        ),
        geometry="indexed",
    ),
    Made(
        "entrances",
        ("entrance",),
        (
            ("entrance", "text", FILLED),
            ("building", "text", FILLED),
            ("number", "text", EMPTY),
            ("households", "int", EMPTY),
            ("people", "int", EMPTY),
        ),
        geometry="indexed",
    ),
    Made(
        "barriers",
        ("barrier",),
        (
            ("barrier", "text", FILLED),
            ("kind", "text", FILLED),
            ("class", "text", EMPTY),
            ("name", "text", EMPTY),
            ("name_en", "text", EMPTY),
        ),
        geometry="indexed",
    ),
    Made(
        "streets",
        ("street",),
        (
            ("street", "text", FILLED),
            ("name", "text", EMPTY),
            ("name_en", "text", EMPTY),
            ("class", "text", EMPTY),
            ("length_m", "float", EMPTY),
        ),
        geometry="indexed",
    ),
    Made(
        "sites",
        ("site",),
        (
            ("site", "text", FILLED),
            ("kind", "text", FILLED),
            ("name", "text", EMPTY),
            ("name_en", "text", EMPTY),
        ),
        geometry="indexed",
    ),
    Made(
        "cells",
        ("cell_set", "cell"),
        (
            ("cell_set", "text", FILLED),
            ("cell", "text", FILLED),
            ("community", "text", FILLED),
            ("compound", "text", EMPTY),
            ("households", "int", EMPTY),
            ("people", "int", EMPTY),
            ("households_estimated", "bool", EMPTY),
            ("n_buildings", "int", EMPTY),
            ("area_m2", "float", EMPTY),
        ),
        geometry="indexed",
    ),
    Made(
        "plans",
        ("plan",),
        (
            ("plan", "text", FILLED),
            ("name", "text", EMPTY),
            ("status", "text", FILLED),
            ("parent", "text", EMPTY),
            ("cell_set", "text", FILLED),
            ("created_at", "time", FILLED),
            ("effective_from", "date", EMPTY),
            ("effective_to", "date", EMPTY),
            ("load", "text", EMPTY),
            ("target", "float", EMPTY),
            ("tolerance", "float", EMPTY),
            ("seed", "int", EMPTY),
            ("report", "json", EMPTY),
        ),
    ),
    Made(
        "assignments",
        ("plan", "cell"),
        (
            ("plan", "text", FILLED),
            ("cell", "text", FILLED),
            ("grid", "text", FILLED),
        ),
    ),
    Made(
        "grids",
        ("plan", "grid"),
        (
            ("plan", "text", FILLED),
            ("grid", "text", FILLED),
            ("community", "text", FILLED),
            ("name", "text", EMPTY),
            ("households", "int", EMPTY),
            ("people", "int", EMPTY),
            ("households_estimated", "bool", EMPTY),
            ("n_buildings", "int", EMPTY),
            ("n_cells", "int", EMPTY),
            ("load", "float", EMPTY),
            ("target", "float", EMPTY),
            ("deviation", "float", EMPTY),
            ("area_m2", "float", EMPTY),
            ("perimeter_m", "float", EMPTY),
            ("polsby_popper", "float", EMPTY),
        ),
        geometry="indexed",
    ),
    Made(
        "grid_codes",
        ("grid",),
        (
            ("grid", "text", FILLED),
            ("issued_by", "text", FILLED),
            ("issued_on", "date", EMPTY),
            ("retired_on", "date", EMPTY),
        ),
    ),
    Made(
        "grid_links",
        ("plan", "predecessor", "successor"),
        (
            ("plan", "text", FILLED),
            ("predecessor", "text", FILLED),
            ("successor", "text", FILLED),
            ("share", "float", EMPTY),
        ),
    ),
    Made(
        "roster",
        ("person", "role", "area", "valid_from"),
        (
            ("person", "text", FILLED),
            ("name", "text", EMPTY),
            ("phone", "text", EMPTY),
            ("role", "text", FILLED),
            ("area_kind", "text", FILLED),
            ("area", "text", FILLED),
            ("valid_from", "date", FILLED),
            ("valid_to", "date", EMPTY),
        ),
    ),
    Made(
        "incidents",
        ("incident",),
        (
            ("incident", "text", FILLED),
            ("category", "text", FILLED),
            ("status", "text", FILLED),
            ("reported_at", "time", FILLED),
            ("due_at", "time", EMPTY),
            ("closed_at", "time", EMPTY),
            ("reporter_kind", "text", EMPTY),
            ("reporter", "text", EMPTY),
            ("contact", "text", EMPTY),
            ("description", "text", EMPTY),
            ("address", "text", EMPTY),
            ("grid", "text", EMPTY),
            ("plan", "text", EMPTY),
            ("community", "text", EMPTY),
        ),
        geometry="indexed",
    ),
    Made(
        "checkins",
        ("checkin",),
        (
            ("checkin", "text", FILLED),
            ("patrol", "text", EMPTY),
            ("worker", "text", FILLED),
            ("at", "time", FILLED),
            ("building", "text", EMPTY),
            ("note", "text", EMPTY),
        ),
        geometry="indexed",
    ),
    Made(
        "tracks",
        ("patrol", "at"),
        (
            ("patrol", "text", FILLED),
            ("worker", "text", EMPTY),
            ("day", "date", FILLED),
            ("round", "int", FILLED),
            ("at", "time", FILLED),
            ("accuracy_m", "float", EMPTY),
        ),
        geometry="plain",
    ),
    Made(
        "gazetteer",
        ("place",),
        (
            ("place", "text", FILLED),
            ("kind", "text", FILLED),
            ("name", "text", EMPTY),
            ("compound", "text", EMPTY),
            ("building", "text", EMPTY),
            ("entrance", "text", EMPTY),
            ("address", "text", EMPTY),
        ),
        geometry="indexed",
    ),
    Made(
        "hotspots",
        ("run", "cell"),
        (
            ("run", "text", FILLED),
            ("cell", "text", FILLED),
            ("method", "text", FILLED),
            ("category", "text", EMPTY),
            ("window_from", "time", FILLED),
            ("window_to", "time", FILLED),
            ("n_incidents", "int", EMPTY),
            ("density_per_km2", "float", EMPTY),
            ("expected", "float", EMPTY),
            ("excess", "float", EMPTY),
            ("relative_risk", "float", EMPTY),
            ("risk_low", "float", EMPTY),
            ("risk_high", "float", EMPTY),
            ("q", "float", EMPTY),
            ("verdict", "text", EMPTY),
        ),
        geometry="indexed",
    ),
    Made(
        "campaigns",
        ("campaign",),
        (
            ("campaign", "text", FILLED),
            ("category", "text", EMPTY),
            ("place", "text", EMPTY),
            ("decision", "text", FILLED),
            ("window_from", "date", FILLED),
            ("window_to", "date", FILLED),
            ("starts_on", "date", FILLED),
            ("n_incidents", "int", EMPTY),
            ("expected", "float", EMPTY),
            ("excess", "float", EMPTY),
            ("households", "int", EMPTY),
            ("decided_by", "text", EMPTY),
            ("decided_at", "time", FILLED),
            ("ended_at", "time", EMPTY),
            ("outcome", "text", EMPTY),
        ),
        geometry="indexed",
    ),
    Made(
        "pieces",
        ("piece",),
        (
            ("piece", "text", FILLED),
            ("street", "text", FILLED),
            ("length_m", "float", FILLED),
        ),
        geometry="indexed",
    ),
    Made(
        "coverage",
        ("patrol", "piece"),
        (
            ("patrol", "text", FILLED),
            ("piece", "text", FILLED),
            ("worker", "text", EMPTY),
            ("day", "date", FILLED),
            ("round", "int", FILLED),
            ("covered_m", "float", EMPTY),
            ("probability", "float", EMPTY),
            ("verdict", "text", EMPTY),
        ),
    ),
    Made(
        "rounds",
        ("patrol",),
        (
            ("patrol", "text", FILLED),
            ("worker", "text", EMPTY),
            ("day", "date", FILLED),
            ("round", "int", FILLED),
            ("started_at", "time", FILLED),
            ("ended_at", "time", FILLED),
            ("n_fixes", "int", EMPTY),
            ("duration_s", "float", EMPTY),
            ("walked_m", "float", EMPTY),
            ("silent_s", "float", EMPTY),
        ),
    ),
    Made(
        "passes",
        ("patrol", "building"),
        (
            ("patrol", "text", FILLED),
            ("building", "text", FILLED),
            ("worker", "text", EMPTY),
            ("day", "date", FILLED),
            ("round", "int", FILLED),
        ),
    ),
    Made(
        "looks",
        ("look",),
        (
            ("look", "text", FILLED),
            ("who", "text", FILLED),
            ("whose", "text", EMPTY),
            ("day", "date", EMPTY),
            ("at", "time", FILLED),
        ),
    ),
    Made(
        "imports",
        ("import",),
        (
            ("import", "text", FILLED),
            ("layer", "text", FILLED),
            ("file", "text", FILLED),
            ("at", "time", FILLED),
            ("read", "int", EMPTY),
            ("accepted", "int", EMPTY),
            ("rejected", "int", EMPTY),
            ("rejects_file", "text", EMPTY),
        ),
    ),
    Made(
        "jobs",
        ("job",),
        (
            ("job", "text", FILLED),
            ("kind", "text", FILLED),
            ("state", "text", FILLED),
            ("progress", "float", EMPTY),
            ("step", "text", EMPTY),
            ("asked_by", "text", EMPTY),
            ("params", "json", EMPTY),
            ("created_at", "time", FILLED),
            ("ended_at", "time", EMPTY),
            ("result", "json", EMPTY),
        ),
    ),
)


def upgrade() -> None:
    """Nothing; makes all tables and their indexes."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for made in TABLES:
        _create(made, is_sqlite)
    op.create_index("ix_incidents", "incidents", ["reported_at"])
    op.create_index("ix_coverage", "coverage", ["day", "round"])
    op.create_table(
        "settings",
        sa.Column("name", _type("text", is_sqlite), primary_key=True),
        sa.Column("value", _type("json", is_sqlite), nullable=False),
    )
    op.create_table(
        "revisions",
        sa.Column("layer", _type("text", is_sqlite), primary_key=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    """Nothing; drops all tables."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for made in TABLES:
        if is_sqlite and made.geometry == "indexed":
            op.execute(f"DROP TABLE rtree_{made.name}")
        op.drop_table(made.name)
    op.drop_table("settings")
    op.drop_table("revisions")


def _create(made: Made, is_sqlite: bool) -> None:
    """Nothing; makes one table, with a GiST index or an R*Tree where it is looked up by box."""
    parts: list[Any] = []
    if made.geometry == "indexed":
        parts.append(_fid(is_sqlite))
    parts += [
        sa.Column(name, _type(kind, is_sqlite), nullable=nullable)
        for name, kind, nullable in made.columns
    ]
    if made.geometry != "none":
        parts.append(sa.Column("geometry", _geometry(is_sqlite), nullable=False))
    if made.geometry == "indexed":
        parts.append(sa.UniqueConstraint(*made.key, name=f"uq_{made.name}"))
        op.create_table(made.name, *parts)
        if is_sqlite:
            op.execute(
                f"CREATE VIRTUAL TABLE rtree_{made.name} "
                "USING rtree(fid, min_x, max_x, min_y, max_y)"
            )
        else:
            op.create_index(f"gist_{made.name}", made.name, ["geometry"], postgresql_using="gist")
        return
    parts.append(sa.PrimaryKeyConstraint(*made.key, name=f"pk_{made.name}"))
    op.create_table(made.name, *parts, sqlite_with_rowid=False)


def _fid(is_sqlite: bool) -> sa.Column[int]:
    if is_sqlite:
        return sa.Column("fid", sa.Integer(), primary_key=True)
    return sa.Column("fid", sa.BigInteger(), sa.Identity(always=False), primary_key=True)


def _geometry(is_sqlite: bool) -> sa.types.TypeEngine[Any]:
    if is_sqlite:
        return sa.LargeBinary()
    from geoalchemy2 import Geometry  # noqa: PLC0415 - belongs to the extra `postgis`

    return Geometry("GEOMETRY", srid=0, spatial_index=False)


def _type(kind: str, is_sqlite: bool) -> sa.types.TypeEngine[Any]:
    """SQLite keeps a time as microseconds of UTC since 1970, a date and json as text."""
    sqlite_types: dict[str, sa.types.TypeEngine[Any]] = {
        "text": sa.Text(),
        "int": sa.BigInteger(),
        "float": sa.Double(),
        "bool": sa.Boolean(),
        "date": sa.Text(),
        "time": sa.BigInteger(),
        "json": sa.Text(),
    }
    postgresql_types: dict[str, sa.types.TypeEngine[Any]] = {
        "text": sa.Text(collation="C"),
        "int": sa.BigInteger(),
        "float": sa.Double(),
        "bool": sa.Boolean(),
        "date": sa.Date(),
        "time": sa.DateTime(timezone=True),
        "json": postgresql.JSON(),
    }
    return (sqlite_types if is_sqlite else postgresql_types)[kind]

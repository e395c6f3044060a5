"""The two small tables beside the layers: settings by name, and a revision number a layer."""

from __future__ import annotations

import json
from typing import Any

import pyproj
import sqlalchemy as sa

from geo.store.frames import json_text
from geo.store.tables import Tables
from geo.store.towncrs import crs_from_text

CRS_SETTING = "crs"


def json_value(tables: Tables, name: str, value: Any) -> sa.ColumnElement[Any]:
    """The value as this database's JSON type; raises SchemaError where it is not plain JSON."""
    return sa.cast(sa.literal(json_text(name, value), sa.Text()), tables.settings.c.value.type)


def get_setting(connection: sa.Connection, tables: Tables, name: str, default: Any = None) -> Any:
    """The setting's value, or the default where it was never set."""
    settings = tables.settings
    statement = sa.select(sa.cast(settings.c.value, sa.Text)).where(settings.c.name == name)
    text = connection.scalar(statement)
    return default if text is None else json.loads(text)


def set_setting(connection: sa.Connection, tables: Tables, name: str, value: Any) -> None:
    """Nothing; keeps the value under this name."""
    settings = tables.settings
    kept = {"value": json_value(tables, name, value)}
    changed = connection.execute(sa.update(settings).where(settings.c.name == name).values(**kept))
    if changed.rowcount == 0:
        connection.execute(sa.insert(settings).values(name=name, **kept))


def town_crs(connection: sa.Connection, tables: Tables) -> pyproj.CRS | None:
    """The town's CRS; None until it is set."""
    text = get_setting(connection, tables, CRS_SETTING)
    return None if text is None else crs_from_text(text)


def get_revision(connection: sa.Connection, tables: Tables, layer: str) -> int:
    """How often the layer was written; 0 before the first time."""
    revisions = tables.revisions
    statement = sa.select(revisions.c.revision).where(revisions.c.layer == layer)
    return int(connection.scalar(statement) or 0)


def raise_revision(
    connection: sa.Connection, tables: Tables, layer: str, *, above: int = 0
) -> None:
    """Nothing; the layer's revision grows by one, and beyond `above`."""
    revisions = tables.revisions
    raised = max(get_revision(connection, tables, layer), above) + 1
    changed = connection.execute(
        sa.update(revisions).where(revisions.c.layer == layer).values(revision=raised)
    )
    if changed.rowcount == 0:
        connection.execute(sa.insert(revisions).values(layer=layer, revision=raised))

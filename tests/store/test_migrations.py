"""The tables that the migrations make are those that the schema asks for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command

from geo.errors import StoreError
from geo.schema import LAYERS
from geo.store import Store
from geo.store.migrate import alembic_config, current_revision, newest_revision
from geo.store.opening import open_backend
from geo.store.tables import has_rtree, rtree_name, tables_for

_CATALOGUE = """
SELECT c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
       || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
       || CASE WHEN a.attidentity <> '' THEN ' identity ' || a.attidentity::text ELSE '' END
       || CASE WHEN co.collname IS NOT NULL THEN ' collate ' || co.collname ELSE '' END
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_collation co ON co.oid = a.attcollation AND co.collname <> 'default'
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
  AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL SELECT pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = current_schema()::regnamespace
UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = current_schema()::regnamespace
"""
_OTHERS = ("wangge_version", "spatial_ref_sys")


def _described(connection: sa.Connection) -> set[str]:
    """A line a column, index and constraint in PostgreSQL; a line a table or index in SQLite."""
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        lines = {" ".join(str(row[0]).replace('"', "").split()) for row in found}
    else:
        lines = {str(line) for line in connection.scalars(sa.text(_CATALOGUE))}
    return {line for line in lines if not any(name in line for name in _OTHERS)}


@contextmanager
def _writing(address: str) -> Iterator[sa.Connection]:
    backend = open_backend(address, create=True)
    try:
        with backend.writing() as connection:
            yield connection
    finally:
        backend.engine.dispose()


def test_migrations_from_nothing_make_the_tables_of_the_schema(
    empty_address: str, store: Store
) -> None:
    with _writing(empty_address) as connection:
        tables_for(connection.dialect.name).metadata.create_all(connection)
        derived = _described(connection)
    with store.engine.begin() as connection:
        migrated = _described(connection)
    migrated = {line for line in migrated if "rtree_" not in line}

    # The first set is what the schema asks for and no migration makes; the second the reverse.
    assert (derived - migrated, migrated - derived) == (set(), set())
    assert len(derived) >= len(LAYERS) + 2


def test_migrations_on_sqlite_make_an_rtree_for_each_layer_looked_up_by_box(
    tmp_path: Path,
) -> None:
    with Store.open(tmp_path / "a.sqlite") as store, store.engine.begin() as connection:
        found = connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE % USING rtree%'"
        )
        made = {row[0] for row in found}
    assert made == {rtree_name(layer) for layer in LAYERS.values() if has_rtree(layer)}


def test_migrations_down_and_up_again_leave_the_same_tables(address: str) -> None:
    config = alembic_config()
    with _writing(address) as connection:
        before = _described(connection)
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert _described(connection) == set()
        command.upgrade(config, "head")
        assert _described(connection) == before


def test_migrations_that_fail_leave_nothing(
    empty_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def upgrade_then_fail(config: object, revision: str) -> None:
        command_upgrade(config, revision)
        raise RuntimeError("power cut")

    command_upgrade = command.upgrade
    monkeypatch.setattr(command, "upgrade", upgrade_then_fail)
    with pytest.raises(RuntimeError, match="power cut"):
        Store.open(empty_address)
    with _writing(empty_address) as connection:
        assert _described(connection) == set()
        assert current_revision(connection) is None


def test_open_of_a_newer_store_is_refused(address: str) -> None:
    with Store.open(address) as store, store.engine.begin() as connection:
        assert current_revision(connection) == newest_revision()
        connection.exec_driver_sql("UPDATE wangge_version SET version_num = '9999'")
    with pytest.raises(StoreError) as caught:
        Store.open(address)
    assert caught.value.code == "store.newer"
    assert caught.value.params["revision"] == "9999"


def test_open_of_another_programs_database_is_refused(
    empty_address: str,
) -> None:
    with _writing(empty_address) as connection:
        connection.exec_driver_sql("CREATE TABLE streets (name TEXT)")
    with pytest.raises(StoreError) as caught:
        Store.open(empty_address)
    assert caught.value.code == "store.foreign"
    assert caught.value.params["tables"] == ["streets"]


def test_open_twice_changes_nothing(address: str) -> None:
    with Store.open(address) as store:
        store.set_setting("name", "云栖")
    with Store.open(address) as store:
        assert store.get_setting("name") == "云栖"

"""Bring a database's tables to the newest revision, once, whoever comes first."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from geo.errors import StoreError
from geo.store.backend import Backend
from geo.store.faults import translated

SCRIPTS = Path(__file__).with_name("migrations")
VERSION_TABLE = "wangge_version"


def alembic_config() -> Config:
    """Alembic's configuration; no ini file, the connection is handed over."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return config


def newest_revision() -> str:
    """The revision that this program's scripts lead to."""
    return str(ScriptDirectory.from_config(alembic_config()).get_current_head())


def current_revision(connection: sa.Connection) -> str | None:
    """The revision of the database's tables; None where none were made."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.scalar(sa.text(f"SELECT version_num FROM {VERSION_TABLE}"))
    return None if found is None else str(found)


def migrate(backend: Backend) -> None:
    """Nothing; makes or changes the tables in one transaction that others wait for.

    Raises
    ------
    StoreError : the database belongs to another program, or to a newer Wangge
    """
    newest = newest_revision()
    with translated(), backend.reading() as connection:
        if current_revision(connection) == newest:
            return
    with translated(), backend.writing() as connection:
        current = current_revision(connection)
        if current == newest:
            return
        if current is None:
            _check_unused(connection, backend)
        elif not _is_known(current):
            raise StoreError(
                "store.newer",
                f"The store at {backend.location} must not be newer than this program; its "
                f"revision is {current}. Install the newer Wangge.",
                location=backend.location,
                revision=current,
            )
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _is_known(revision: str) -> bool:
    scripts = ScriptDirectory.from_config(alembic_config())
    return revision in {script.revision for script in scripts.walk_revisions()}


def _check_unused(connection: sa.Connection, backend: Backend) -> None:
    taken = set(sa.inspect(connection).get_table_names()) & set(backend.tables.metadata.tables)
    is_file = connection.dialect.name == "sqlite"
    others = sa.inspect(connection).get_table_names() if is_file else sorted(taken)
    if others:
        raise StoreError(
            "store.foreign",
            f"The database at {backend.location} must be empty or Wangge's; it holds "
            f"{others[:3]} of another program. Choose another place.",
            location=backend.location,
            tables=others[:3],
        )

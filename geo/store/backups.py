"""All data of a store in one file, and back: SQLite's own copy, or PostgreSQL's own dump."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa

from geo.errors import ConflictError, NotFoundError, StoreError
from geo.schema import LAYERS
from geo.store import registry
from geo.store.faults import fault, translated
from geo.store.sqlite import BUSY_S, SqliteBackend
from geo.store.store import Store

_SQLITE_MAGIC = b"SQLite format 3\0"
_DUMP_MAGIC = b"PGDMP"
_SETTINGS = {"host": "PGHOST", "port": "PGPORT", "sslmode": "PGSSLMODE"}
"""Parts of a database URL's query that PostgreSQL's programs read from the environment."""


def backup(store: Store, out: str | Path) -> int:
    """The size in bytes of `out`, which then holds all of the store: layers, settings, accounts.

    One committed state, while others go on reading and writing. The file appears whole or not at
    all, readable by its owner only; one of that name is replaced.

    Raises
    ------
    StoreError : the file cannot be written, or pg_dump is not installed
    """
    with _beside(Path(out)) as draft:
        if isinstance(store.backend, SqliteBackend):
            _copy_sqlite(store.backend.path, draft)
        else:
            _dump(store, draft)
        return draft.stat().st_size


def restore(source: str | Path, url_or_path: str | Path, *, replace: bool = False) -> None:
    """Nothing; puts a backup's data in the store at that address, all of them or none.

    A store in use may be restored: readers see the old state, then the new one. Revisions grow
    beyond both, so that nobody takes an old page for a new one.

    Parameters
    ----------
    source : file that `backup` wrote, from a store of the same kind
    url_or_path : the store to fill, made where there is none
    replace : allow it to hold data, which are then lost

    Raises
    ------
    NotFoundError : no such file
    ConflictError : the store holds data, and `replace` is off
    StoreError : the file is damaged, of another kind of store, or of a newer program
    """
    path = Path(source)
    if not path.is_file():
        raise NotFoundError("store.no_backup", f"A backup must exist at {path}.", path=str(path))
    with path.open("rb") as file:
        magic = file.read(len(_SQLITE_MAGIC))
    with Store.open(url_or_path) as store:
        is_sqlite = isinstance(store.backend, SqliteBackend)
        if not magic.startswith(_SQLITE_MAGIC if is_sqlite else _DUMP_MAGIC):
            raise StoreError(
                "store.not_a_backup",
                f"{path} must be a backup of a store of the same kind as {store.location}.",
                path=str(path),
            )
        filled = [name for name in LAYERS if store.count(name)]
        if filled and not replace:
            raise ConflictError(
                "store.not_empty",
                f"The store at {store.location} must be empty; {filled[:3]} have rows. Choose "
                "another place, or allow it to be replaced.",
                location=store.location,
                layers=filled,
            )
        revisions = {name: store.revision(name) for name in LAYERS}
        if isinstance(store.backend, SqliteBackend):
            _restore_sqlite(path, store.backend.path, revisions)
        else:
            _undump(store, path)
            _raise_revisions(store, revisions)
    Store.open(url_or_path).close()


@contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """A draft file in the same folder, renamed to `out` when the block ends well."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    except OSError as error:
        raise StoreError(
            "store.not_writable",
            f"A backup must be writable at {out}; {error.strerror}. Choose another folder.",
            path=str(out),
        ) from error
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


def _copy_sqlite(path: Path, out: Path) -> None:
    """Nothing; a compact copy of one committed state, without remains of deleted rows."""
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)) as connection:
            connection.execute("VACUUM INTO ?", (str(out),))
    except sqlite3.Error as error:
        raise fault(error, "") from error


def _restore_sqlite(source: Path, target: Path, revisions: dict[str, int]) -> None:
    """Nothing; prepares a checked copy, then takes its pages over in one transaction."""
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=target.parent) as folder:
        copy = Path(folder) / "copy.sqlite"
        shutil.copyfile(source, copy)
        _check_sound(copy)
        with Store.open(copy) as prepared:
            _raise_revisions(prepared, revisions)
        try:
            with (
                closing(sqlite3.connect(copy)) as new,
                closing(sqlite3.connect(target, timeout=BUSY_S)) as old,
            ):
                new.backup(old, pages=-1)
        except sqlite3.Error as error:
            raise fault(error, "") from error


def _check_sound(path: Path) -> None:
    try:
        with closing(sqlite3.connect(path)) as connection:
            verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise fault(error, "") from error
    if verdict != "ok":
        raise StoreError("store.damaged", "The backup is damaged. Take an older one.")


def _raise_revisions(store: Store, above: dict[str, int]) -> None:
    with translated(), store.backend.writing() as connection:
        for layer, revision in above.items():
            registry.raise_revision(connection, store.backend.tables, layer, above=revision)


def _dump(store: Store, out: Path) -> None:
    """Nothing; PostgreSQL's custom format, of every table that no extension owns."""
    options = ["--format=custom", "--no-owner", "--no-privileges", f"--file={out}"]
    options += [f"--table={name}" for name in _own_tables(store)]
    _run(store, "pg_dump", options)


def _undump(store: Store, source: Path) -> None:
    options = ["--single-transaction", "--clean", "--if-exists", "--no-owner", "--no-privileges"]
    _run(store, "pg_restore", [*options, f"--dbname={store.engine.url.database}", str(source)])


def _own_tables(store: Store) -> list[str]:
    """Quoted names of the tables in the current schema that belong to no extension."""
    statement = sa.text(
        "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') "
        "AND n.nspname = current_schema() AND NOT EXISTS (SELECT 1 FROM pg_depend d "
        "WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY 1"
    )
    with translated(), store.backend.reading() as connection:
        return [str(name) for name in connection.scalars(statement)]


def _run(store: Store, program: str, options: list[str]) -> None:
    """Nothing; runs a PostgreSQL program on the store's database, the password not in sight."""
    found = shutil.which(program)
    if found is None:
        raise StoreError(
            "store.no_program",
            f"Backup and restore of PostGIS need {program}. Install postgresql-client.",
            program=program,
        )
    url = store.engine.url
    query = {_SETTINGS[name]: str(value) for name, value in url.query.items() if name in _SETTINGS}
    parts = {
        "PGHOST": url.host,
        "PGPORT": url.port and str(url.port),
        "PGUSER": url.username,
        "PGPASSWORD": url.password and str(url.password),
        "PGDATABASE": url.database,
    }
    environment = {**os.environ, **{k: v for k, v in parts.items() if v}, **query}
    done = subprocess.run(
        [found, *options], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise StoreError(
            "store.program_failed",
            f"{program} must succeed; it ended with {done.returncode}: "
            f"{done.stderr.partition(chr(10))[0][:200]}",
            program=program,
            status=done.returncode,
        )

"""Database faults in the house's one tree of errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from geo.errors import ConflictError, GridError, StoreError

_BUSY = frozenset({"55P03", "40P01", "40001"})
"""PostgreSQL: lock not available, deadlock, serialization failure."""

_FULL = frozenset({"53100", "53200"})
"""PostgreSQL: disk full, out of memory."""

_DENIED = frozenset({"42501", "25006"})
"""PostgreSQL: insufficient privilege, read-only transaction."""


@contextmanager
def translated(layer: str = "") -> Iterator[None]:
    """A block whose database faults leave it as ConflictError or StoreError."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise fault(error.orig, layer) from error
    except sa.exc.TimeoutError as error:
        raise _busy() from error


def fault(error: BaseException | None, layer: str) -> GridError:
    """The error of the house for a driver's error.

    Its message names no value: a driver's own text may quote a resident's name.
    """
    if isinstance(error, sqlite3.Error):
        kind = _sqlite_kind(error)
    else:
        kind = _postgres_kind(str(getattr(error, "sqlstate", "") or ""))
    if kind == "taken":
        return ConflictError(
            "store.key_taken",
            f"{layer or 'The layer'} must have new keys to append; some are taken. Use upsert, "
            "or drop the rows that are there.",
            layer=layer,
        )
    if kind == "busy":
        return _busy()
    messages = {
        "full": "The store needs room on its disk; it is full. Free some and try again.",
        "denied": "The store must be writable; it is read-only for us. Change its permissions.",
        "damaged": "The store's file is damaged. Restore the last backup.",
        "unreachable": "The database must be reachable; it is not. Check server and address.",
        "failed": f"The database refused a statement ({type(error).__name__}).",
    }
    return StoreError(f"store.{kind}", messages[kind], layer=layer)


def unknown_keys(layer: str, count: int) -> ConflictError:
    """The error for an update of rows that are not there."""
    return ConflictError(
        "store.key_unknown",
        f"{layer} must hold every key to be updated; {count} are unknown. Use upsert, or read "
        "them again.",
        layer=layer,
        count=count,
    )


def _busy() -> StoreError:
    return StoreError(
        "store.busy", "Another writer must finish first; it took too long. Try again."
    )


def _sqlite_kind(error: sqlite3.Error) -> str:
    extended = getattr(error, "sqlite_errorcode", 0)
    code = extended & 0xFF
    if extended in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY):
        return "taken"
    names = {
        sqlite3.SQLITE_BUSY: "busy",
        sqlite3.SQLITE_LOCKED: "busy",
        sqlite3.SQLITE_FULL: "full",
        sqlite3.SQLITE_READONLY: "denied",
        sqlite3.SQLITE_PERM: "denied",
        sqlite3.SQLITE_CANTOPEN: "unreachable",
        sqlite3.SQLITE_CORRUPT: "damaged",
        sqlite3.SQLITE_NOTADB: "damaged",
    }
    return names.get(code, "failed")


def _postgres_kind(state: str) -> str:
    if state == "23505":
        return "taken"
    if state in _BUSY:
        return "busy"
    if state in _FULL:
        return "full"
    if state in _DENIED:
        return "denied"
    return "unreachable" if state[:2] in ("", "08", "57", "28", "3D") else "failed"

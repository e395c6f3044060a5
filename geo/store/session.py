"""Whose turn it is: one transaction a thread, which everything inside it joins."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from geo.store.backend import Backend


class Session:
    """Connections for reading and writing; a thread that is in a transaction stays in it."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._local = threading.local()

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A connection whose changes are kept at the end of the block, or undone.

        Inside another block it is a savepoint of that one's transaction.
        """
        outer = self._current()
        if outer is not None:
            with outer.begin_nested():
                yield outer
            return
        with self._backend.writing() as connection:
            self._local.connection = connection
            try:
                yield connection
            finally:
                self._local.connection = None

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that sees one committed state, or this thread's own transaction."""
        outer = self._current()
        if outer is not None:
            yield outer
            return
        with self._backend.reading() as connection:
            yield connection

    def _current(self) -> sa.Connection | None:
        connection: sa.Connection | None = getattr(self._local, "connection", None)
        return connection

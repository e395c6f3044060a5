"""Answers that many pages ask for, kept until one of the layers they come from changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from geo.store import Store

T = TypeVar("T")

MOST_KEPT = 48
"""Values kept; the one asked for longest ago goes first."""


class Remembered:
    """Values by name, each with the revisions of the layers it was computed from."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._values: dict[str, tuple[tuple[int, ...], Any]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, name: str, layers: Sequence[str], compute: Callable[[], T]) -> T:
        """The value of that name, computed anew where a layer changed; once, whoever asks.

        The value is shared: whoever gets it must not change it.
        """
        with self._lock:
            if len(self._locks) > 4 * MOST_KEPT:
                self._locks = {key: held for key, held in self._locks.items() if held.locked()}
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            revisions = tuple(self._store.revision(layer) for layer in layers)
            with self._lock:
                kept = self._values.pop(name, None)
            if kept is None or kept[0] != revisions:
                kept = (revisions, compute())
            with self._lock:
                self._values[name] = kept  # the newest stands last
                while len(self._values) > MOST_KEPT:
                    del self._values[next(iter(self._values))]
        return kept[1]  # type: ignore[no-any-return]

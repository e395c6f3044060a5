"""Values at hand until a layer they come from changes; the few asked for last, by store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from geo.store import Store

T = TypeVar("T")


class Kept(Generic[T]):
    """At most `most` values a store, each with the revisions of `layers` it was computed from."""

    def __init__(self, layers: Sequence[str], *, most: int) -> None:
        self._layers, self._most = tuple(layers), most
        self._values: WeakKeyDictionary[Store, dict[Hashable, tuple[tuple[int, ...], T]]] = (
            WeakKeyDictionary()
        )
        self._lock = threading.RLock()

    def get(self, store: Store, key: Hashable, compute: Callable[[], T]) -> T:
        """The value of that key, computed anew where a layer changed.

        The value is shared: whoever gets it must not change it.
        """
        with self._lock:
            values = self._values.setdefault(store, {})
            revisions = tuple(store.revision(layer) for layer in self._layers)
            held = values.pop(key, None)
            if held is None or held[0] != revisions:
                held = (revisions, compute())
            values[key] = held
            while len(values) > self._most:
                del values[next(iter(values))]  # the one asked for longest ago
            return held[1]

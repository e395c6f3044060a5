"""Layers out of the store, for other systems."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geo.exchange.files import write_layer
from geo.exchange.values import layer_of
from geo.store import Store


def export(
    store: Store, layer: str, path: Path, *, format: str, where: Mapping[str, Any] | None = None
) -> int:
    """The number of rows of a layer written to a file.

    Raises
    ------
    ParameterError : no such layer or format
    """
    of = layer_of(layer)
    return write_layer(store.read(of.name, where=where), path, layer=of, format=format)

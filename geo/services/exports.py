"""Layers out of the store, for other systems."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geo.errors import ParameterError
from geo.exchange.files import write_layer
from geo.schema import LAYERS
from geo.store import Store


def export(
    store: Store, layer: str, path: Path, *, format: str, where: Mapping[str, Any] | None = None
) -> int:
    """The number of rows of a layer written to a file.

    Raises
    ------
    ParameterError : no such layer or format
    """
    if layer not in LAYERS:
        raise ParameterError(
            "export.unknown_layer",
            f"there is no layer {layer}; the layers are {', '.join(sorted(LAYERS))}",
            layer=layer,
            layers=", ".join(sorted(LAYERS)),
        )
    return write_layer(store.read(layer, where=where), path, layer=LAYERS[layer], format=format)

"""Which of a file's columns is which of ours, and what its values mean, by the alias tables."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from geo.errors import ParameterError
from geo.schema import LAYERS, Layer

_ALIASES = Path(__file__).with_name("aliases.toml")
_BRACKETS = re.compile(r"[(\[（【].*?[)\]）】]")
_FILLERS = re.compile(r"[\s_\-:*#：.]+")
_LAYER_ALIASES = {"workers": "roster"}
_KEYS = {"grids": "grid", "roster": "person"}
"""The column a general word for a key means, where the layer's key has several columns."""

_DBF_NAME_BYTES = 10
"""Length of a field name in a .dbf (dBASE III)."""


def layer_named(name: str) -> Layer:
    """The importable layer of that name; `workers` is another name of `roster`.

    Raises
    ------
    ParameterError : no layer is called so, or files may not be taken into it
    """
    layer = LAYERS.get(_LAYER_ALIASES.get(name, name))
    if layer is None or not layer.importable:
        importable = sorted(layer.name for layer in LAYERS.values() if layer.importable)
        raise ParameterError(
            "layer.unknown",
            f"layer must be one of {importable}; got {name!r}.",
            layer=name,
            layers=importable,
        )
    return layer


def plain_name(name: object) -> str:
    """A header as it is compared: NFKC, lower case, no spaces, marks or bracketed units."""
    text = unicodedata.normalize("NFKC", str(name)).lower().strip("\ufeff ")
    return _FILLERS.sub("", _BRACKETS.sub("", text)) or text


def column_sources(
    names: Iterable[object], layer: Layer, given: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Our column -> the file's column, each used once; `given` pairs come first.

    A column's own name wins over aliases, the layer's aliases over those all layers share, and
    a general word for a key (id, 编号) serves only where nothing named the layer's key.
    """
    free: dict[str, str] = {}
    for name in names:
        free.setdefault(plain_name(name), str(name))
    found: dict[str, str] = {}
    for column, source in (given or {}).items():
        if source in free.values():
            found[column] = source
            free = {plain: raw for plain, raw in free.items() if raw != source}
    for candidates in _candidates(layer.name):
        for column, plain in candidates:
            if column not in found and plain in free:
                found[column] = free.pop(plain)
    return found


def coordinate_sources(names: Iterable[object]) -> dict[str, str]:
    """lon, lat, pair, wkt -> the file's column, as far as it has them."""
    plain = {plain_name(name): str(name) for name in names}
    return {
        kind: plain[alias]
        for kind, aliases in _coordinate_aliases().items()
        for alias in reversed(aliases)
        if alias in plain
    }


def matches(cells: list[str], layer: Layer) -> int:
    """How many of these cells would be understood as column names of the layer."""
    if not layer.columns:
        return 0
    return len(column_sources(cells, layer)) + len(coordinate_sources(cells))


def value_aliases(layer: Layer, column: str) -> dict[str, str]:
    """What people write -> the value we keep, for an enumeration of the layer; lower case."""
    table = _tables()["values"].get(layer.name, {}).get(column, {})
    return {
        unicodedata.normalize("NFKC", alias).lower(): value
        for value, aliases in table.items()
        for alias in [value, *aliases]
    }


def layer_aliases(layer: Layer) -> list[str]:
    """Names the layer may have inside a file that holds several, best first."""
    return [layer.name, *_tables()["layers"].get(layer.name, [])]


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(_ALIASES.read_text(encoding="utf-8"))


@cache
def _coordinate_aliases() -> dict[str, list[str]]:
    return {
        kind: [plain_name(alias) for alias in aliases]
        for kind, aliases in _tables()["coordinates"].items()
    }


@cache
def _candidates(layer_name: str) -> list[list[tuple[str, str]]]:
    """(column, comparable name) pairs in four rounds: own names, layer's, shared, key's."""
    layer = LAYERS[layer_name]
    columns = layer.column_names
    own, shared = _tables()["columns"].get(layer_name, {}), _tables()["columns"]["any"]
    general = _tables()["columns"]["key"]["key"]
    key = _KEYS.get(layer_name, layer.key[0] if len(layer.key) == 1 else None)
    rounds = [
        [(column, column) for column in columns],
        [(column, alias) for column in columns for alias in own.get(column, [])],
        [(column, alias) for column in columns for alias in shared.get(column, [])],
        [(key, alias) for alias in general] if key is not None else [],
    ]
    rounds += [
        [(column, cut) for column, alias in pairs for cut in _cuts(alias)] for pairs in rounds[:3]
    ]
    return [[(column, plain_name(alias)) for column, alias in pairs] for pairs in rounds]


def _cuts(alias: str) -> list[str]:
    """The alias as a shapefile keeps it: the first 10 bytes, in UTF-8 and in GBK."""
    cuts = {
        alias.encode(encoding)[:_DBF_NAME_BYTES].decode(encoding, "ignore")
        for encoding in ("utf-8", "gbk")
    }
    return sorted(cuts - {alias})

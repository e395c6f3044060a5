"""A file's columns made into the layer's columns: renamed, read, and every fault marked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.intake.hygiene import is_formula, mend_mojibake, unquote_codes
from geo.intake.names import column_sources, value_aliases
from geo.intake.source import Note, Source, note
from geo.intake.values import STRING, clean_text, read_days, read_numbers, read_times
from geo.schema import Column, Layer, reject_rows

Mask = NDArray[np.bool_]


@dataclass
class Taken:
    """The layer's columns as far as the file had them, the faults, and what was not used."""

    table: pd.DataFrame
    sources: dict[str, str]
    faults: list[pd.DataFrame] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def take_columns(
    source: Source,
    layer: Layer,
    *,
    zone: ZoneInfo,
    columns: Mapping[str, str] | None = None,
    values: Mapping[str, Mapping[str, str]] | None = None,
) -> Taken:
    """The layer's columns read from the source's rows.

    Parameters
    ----------
    source : rows under the file's own names
    layer : whose columns are wanted
    zone : of local times
    columns : our column -> the file's column, where the alias tables would not find it
    values : column -> {what is written -> value to keep}, beside the alias tables'
    """
    sources = column_sources(source.rows.columns, layer, columns)
    taken = Taken(pd.DataFrame(index=source.rows.index), sources)
    for column in layer.columns:
        if column.name not in sources:
            continue
        cells = source.rows[sources[column.name]]
        extra = (values or {}).get(column.name, {})
        aliases = {**value_aliases(layer, column.name), **_lowered(extra)}
        if column.type in ("text", "bool", "json"):
            text = _read_text(column, cells, taken, source.lines)
            taken.table[column.name] = _renamed(text, aliases)
            continue
        if aliases and not pd.api.types.is_numeric_dtype(cells):
            cells = _renamed(clean_text(cells), aliases)
        parsed, is_bad = _READERS[column.type](cells, zone)
        taken.table[column.name] = parsed
        if is_bad.any():
            code = f"value.not_{column.type}"
            taken.faults.append(reject_rows(source.lines[is_bad], column.name, code, cells[is_bad]))
    return taken


def _lowered(aliases: Mapping[str, str]) -> dict[str, str]:
    return {alias.lower(): value for alias, value in aliases.items()}


def _read_float(cells: pd.Series, zone: ZoneInfo) -> tuple[pd.Series, Mask]:
    return read_numbers(cells)


def _read_int(cells: pd.Series, zone: ZoneInfo) -> tuple[pd.Series, Mask]:
    numbers, is_bad = read_numbers(cells)
    return numbers, is_bad | (numbers.notna() & (numbers % 1 != 0)).to_numpy()


_READERS: dict[str, Callable[[pd.Series, ZoneInfo], tuple[pd.Series, Mask]]] = {
    "float": _read_float,
    "int": _read_int,
    "date": read_days,
    "time": read_times,
}


def _read_text(
    column: Column, cells: pd.Series, taken: Taken, lines: NDArray[np.int64]
) -> pd.Series:
    """The cells as text, mended where wrongly decoded; faults and notes go to `taken`."""
    text = unquote_codes(clean_text(cells))
    text, is_mended, is_lost = mend_mojibake(text)
    if is_mended.any():
        taken.notes.append(note("text.redecoded", is_mended.sum(), column=column.name))
    is_run = is_formula(text)
    for code, mask in (("text.mojibake", is_lost), ("value.formula", is_run)):
        if mask.any():
            taken.faults.append(reject_rows(lines[mask], column.name, code, text[mask]))
    return text


def _renamed(text: pd.Series, aliases: dict[str, str]) -> pd.Series:
    """The text with known spellings replaced by the value we keep; others stay."""
    if not aliases:
        return text
    distinct = text.dropna().unique()
    plain = pd.Series(distinct, dtype=STRING).str.normalize("NFKC").str.strip().str.lower()
    known = {
        value: aliases[key] for value, key in zip(distinct, plain, strict=True) if key in aliases
    }
    return text.map(known).astype(STRING).fillna(text) if known else text

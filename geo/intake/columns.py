"""A file's columns made into the layer's columns: renamed, read, and every fault marked."""

from __future__ import annotations

from collections.abc import Mapping
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
        taken.table[column.name] = _read(column, cells, aliases, zone, taken, source.lines)
    return taken


def _lowered(aliases: Mapping[str, str]) -> dict[str, str]:
    return {alias.lower(): value for alias, value in aliases.items()}


def _read(
    column: Column,
    cells: pd.Series,
    aliases: dict[str, str],
    zone: ZoneInfo,
    taken: Taken,
    lines: NDArray[np.int64],
) -> pd.Series:
    if column.type in ("text", "bool", "json"):
        return _read_text(column, cells, aliases, taken, lines)
    if aliases and not pd.api.types.is_numeric_dtype(cells):
        cells = _renamed(clean_text(cells), aliases)
    if column.type == "time":
        parsed, is_bad = read_times(cells, zone)
    elif column.type == "date":
        parsed, is_bad = read_days(cells, zone)
    else:
        parsed, is_bad = read_numbers(cells)
        if column.type == "int":
            is_bad |= parsed.notna().to_numpy() & (parsed % 1 != 0).to_numpy()
    if is_bad.any():
        taken.faults.append(
            reject_rows(lines[is_bad], column.name, f"value.not_{column.type}", cells[is_bad])
        )
    return parsed


def _read_text(
    column: Column,
    cells: pd.Series,
    aliases: dict[str, str],
    taken: Taken,
    lines: NDArray[np.int64],
) -> pd.Series:
    text = unquote_codes(clean_text(cells))
    text, is_mended, is_lost = mend_mojibake(text)
    if is_mended.any():
        taken.notes.append(note("text.redecoded", is_mended.sum(), column=column.name))
    is_run = is_formula(text)
    for code, mask in (("text.mojibake", is_lost), ("value.formula", is_run)):
        if mask.any():
            taken.faults.append(reject_rows(lines[mask], column.name, code, text[mask]))
    return _renamed(text, aliases) if aliases else text


def _renamed(text: pd.Series, aliases: dict[str, str]) -> pd.Series:
    """The text with known spellings replaced by the value we keep; others stay."""
    distinct = text.dropna().unique()
    plain = pd.Series(distinct, dtype=STRING).str.normalize("NFKC").str.strip().str.lower()
    known = {
        value: aliases[key] for value, key in zip(distinct, plain, strict=True) if key in aliases
    }
    return text.map(known).astype(STRING).fillna(text) if known else text

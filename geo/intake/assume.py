"""What a file leaves unsaid, filled in where only one answer is sensible, and said in notes."""

from __future__ import annotations

import re
from collections.abc import Callable
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.intake.source import Note, note
from geo.intake.values import STRING
from geo.schema import Layer

ROUND_GAP = pd.Timedelta(hours=1)
"""A worker's fixes further apart than this belong to two rounds, where the file names none."""

ALWAYS = pd.Timestamp("2000-01-01")
"""First day of a duty whose file names none."""

_AREA_OF_ROLE = {"grid_worker": "grid", "building_chief": "building", "entrance_chief": "entrance"}
_ROAD_CLASSES = {"motorway", "trunk", "primary", "secondary", "tertiary", "residential"}
_KIND_OF_CLASS = {
    **dict.fromkeys(_ROAD_CLASSES, "road"),
    **dict.fromkeys(("rail", "light_rail", "tram", "subway"), "rail"),
    **dict.fromkeys(("river", "canal", "stream", "ditch", "drain", "water"), "water"),
}


def fill_unsaid(
    table: pd.DataFrame, layer: Layer, *, lines: NDArray[np.int64], stem: str, zone: ZoneInfo
) -> tuple[pd.DataFrame, list[Note]]:
    """The table with what its layer needs and the file never mentions; a note for each.

    Parameters
    ----------
    table : the layer's columns as far as the file had them
    lines : source row of each row; made keys are `stem-line`, so that the same file read twice
        gives the same keys
    """
    filled, notes = table.copy(deep=False), []
    for step in (_other_values, _STEPS.get(layer.name, _nothing)):
        filled, more = step(filled, layer, stem, zone)
        notes += more
    for key in layer.key:
        if layer.column(key).type == "text" and _is_absent(filled, key):
            filled[key] = _codes(stem, lines, filled.index)
            notes.append(note("key.from_row", len(filled), column=key))
    return filled, notes


def _is_absent(table: pd.DataFrame, column: str) -> bool:
    return column not in table.columns or bool(table[column].isna().all())


def _codes(stem: str, lines: NDArray[np.int64], index: pd.Index) -> pd.Series:
    prefix = re.sub(r"\s+", "_", stem)[:40]
    return f"{prefix}-" + pd.Series(lines, index=index).astype("str").astype(STRING)


Filled = tuple[pd.DataFrame, list[Note]]


def _nothing(table: pd.DataFrame, layer: Layer, stem: str, zone: ZoneInfo) -> Filled:
    return table, []


def _other_values(table: pd.DataFrame, layer: Layer, stem: str, zone: ZoneInfo) -> Filled:
    """Unknown values of an enumeration that has `other` become that."""
    notes = []
    for column in layer.columns:
        if column.name not in table.columns or "other" not in (column.values or ()):
            continue
        cells = table[column.name]
        if layer.name in ("streets", "barriers"):
            cells = cells.str.replace(r"^\[?['\"]?(\w+).*$", r"\1", regex=True)
            cells = cells.str.replace("_link", "", regex=False)
        is_odd = cells.notna() & ~cells.isin(column.values)
        table[column.name] = cells.mask(is_odd, "other")
        if is_odd.any():
            notes.append(note("value.as_other", is_odd.sum(), column=column.name))
    return table, notes


def _areas(table: pd.DataFrame, layer: Layer, stem: str, zone: ZoneInfo) -> Filled:
    """Subdistricts, communities and compounds known by name only have the name for a key."""
    key, notes = layer.key[0], []
    if _is_absent(table, key) and not _is_absent(table, "name") and table["name"].is_unique:
        table[key] = table["name"]
        notes.append(note("key.from_name", len(table), column=key))
    elif _is_absent(table, "name") and not _is_absent(table, key) and layer.name != "compounds":
        is_word = table[key].str.contains(r"[^\x00-\x7f]", regex=True, na=False)
        table["name"] = table[key].where(is_word)
    if layer.name == "subdistricts" and not _is_absent(table, "district"):
        # Two districts of a city may each have a subdistrict of that name.
        is_shared = table[key].duplicated(keep=False) & table["district"].notna()
        if is_shared.any():
            table[key] = table[key].mask(is_shared, table["district"] + table[key])
            notes.append(note("key.with_district", is_shared.sum(), column=key))
    return table, notes


def _barriers(table: pd.DataFrame, layer: Layer, stem: str, zone: ZoneInfo) -> Filled:
    if not _is_absent(table, "kind"):
        return table, []
    kinds = None
    if "class" in table.columns:
        kinds = table["class"].str.removesuffix("_link").map(_KIND_OF_CLASS)
    table["kind"] = (
        kinds.astype(STRING).fillna("other")
        if kinds is not None
        else pd.Series("other", index=table.index, dtype=STRING)
    )
    return table, [note("kind.assumed", len(table), column="kind")]


def _roster(table: pd.DataFrame, layer: Layer, stem: str, zone: ZoneInfo) -> Filled:
    notes = []
    if _is_absent(table, "area_kind") and not _is_absent(table, "role"):
        table["area_kind"] = table["role"].map(_AREA_OF_ROLE).astype(STRING)
        notes.append(note("area_kind.from_role", len(table), column="area_kind"))
    if _is_absent(table, "valid_from"):
        table["valid_from"] = pd.Series(ALWAYS, index=table.index, dtype="datetime64[us]")
        notes.append(note("valid_from.assumed", len(table), column="valid_from"))
    return table, notes


def _incidents(table: pd.DataFrame, layer: Layer, stem: str, zone: ZoneInfo) -> Filled:
    if not _is_absent(table, "status"):
        return table, []
    status = pd.Series("reported", index=table.index, dtype=STRING)
    if "closed_at" in table.columns:
        status = status.mask(table["closed_at"].notna(), "closed")
    table["status"] = status
    return table, [note("status.assumed", len(table), column="status")]


def _grids(table: pd.DataFrame, layer: Layer, stem: str, zone: ZoneInfo) -> Filled:
    if not _is_absent(table, "plan"):
        return table, []
    table["plan"] = pd.Series(stem[:64], index=table.index, dtype=STRING)
    return table, [note("plan.from_file", len(table), column="plan")]


def _gazetteer(table: pd.DataFrame, layer: Layer, stem: str, zone: ZoneInfo) -> Filled:
    if not _is_absent(table, "kind"):
        return table, []
    kind = pd.Series("site", index=table.index, dtype=STRING)
    for column in ("compound", "building", "entrance"):
        if column in table.columns:
            kind = kind.mask(table[column].notna(), column)
    table["kind"] = kind
    return table, [note("kind.assumed", len(table), column="kind")]


def _tracks(table: pd.DataFrame, layer: Layer, stem: str, zone: ZoneInfo) -> Filled:
    """Day, round and patrol from what there is: the time, the worker, gaps between fixes."""
    notes: list[Note] = []
    if _is_absent(table, "at"):
        return table, notes
    if _is_absent(table, "day"):
        day = table["at"].dt.tz_convert(zone).dt.tz_localize(None).dt.normalize()
        table["day"] = day.astype("datetime64[us]")
        if not _is_absent(table, "patrol"):
            table["day"] = table.groupby("patrol")["day"].transform("min")
        notes.append(note("day.from_time", len(table), column="day"))
    who = "worker" if not _is_absent(table, "worker") else None
    if _is_absent(table, "round"):
        table["round"] = _rounds(table, who)
        notes.append(note("round.assumed", len(table), column="round"))
    if _is_absent(table, "patrol"):
        worker = table[who] if who else pd.Series(stem[:40], index=table.index, dtype=STRING)
        day = table["day"].dt.strftime("%Y%m%d").astype(STRING)
        table["patrol"] = worker + "-" + day + "-" + table["round"].astype("Int64").astype(STRING)
        notes.append(note("patrol.assumed", len(table), column="patrol"))
    return table, notes


def _rounds(table: pd.DataFrame, who: str | None) -> pd.Series:
    """Rounds of a day from 1: in order of the patrols' starts, or cut at long gaps."""
    groups = [table["day"]] + ([table[who]] if who else [])
    if not _is_absent(table, "patrol"):
        start = table.groupby("patrol")["at"].transform("min")
        return start.groupby(groups, dropna=False).rank(method="dense").astype("Int64")
    order = table["at"].sort_values(kind="stable").index
    gap = table["at"].loc[order].groupby([g.loc[order] for g in groups], dropna=False).diff()
    is_new = (gap > ROUND_GAP).astype("int64")
    number = is_new.groupby([g.loc[order] for g in groups], dropna=False).cumsum() + 1
    return number.reindex(table.index).astype("Int64")


_STEPS: dict[str, Callable[[pd.DataFrame, Layer, str, ZoneInfo], Filled]] = {
    "subdistricts": _areas,
    "communities": _areas,
    "compounds": _areas,
    "barriers": _barriers,
    "roster": _roster,
    "incidents": _incidents,
    "grids": _grids,
    "gazetteer": _gazetteer,
    "tracks": _tracks,
}

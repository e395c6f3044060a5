"""Check a frame against its layer: typed good rows out, every fault of the others listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.errors import SchemaError
from geo.schema.columns import Column, Layer

DTYPES: dict[str, Any] = {
    "text": "str",
    "int": "Int64",
    "float": "float64",
    "bool": "boolean",
    "date": "datetime64[us]",
    "time": "datetime64[us, UTC]",
    "json": "object",
}
"""Column type -> pandas dtype of every frame in the house. A `date` is midnight, no zone."""

REJECT_COLUMNS = ["line", "column", "code", "value"]

_TRUE = frozenset({"1", "true", "t", "yes", "y", "是"})
_FALSE = frozenset({"0", "false", "f", "no", "n", "否"})


@dataclass(frozen=True)
class Checked:
    """Good rows in the layer's columns and dtypes, and one row per fault of the others.

    `rejects` has columns `line` (row of the source, from 1), `column`, `code`, `value`; a source
    row with two faults stands there twice, and `n_rejected` counts it once.
    """

    accepted: gpd.GeoDataFrame | pd.DataFrame
    rejects: pd.DataFrame
    n_rejected: int


def reject_rows(lines: Any, column: str, code: str, values: Any) -> pd.DataFrame:
    """Rejects for these source lines, all with the same column and code."""
    return pd.DataFrame(
        {
            "line": np.asarray(lines, dtype="int64"),
            "column": column,
            "code": code,
            "value": [None if _is_null(value) else str(value)[:200] for value in values],
        },
        columns=REJECT_COLUMNS,
    )


def empty_frame(layer: Layer, *, crs: Any = None) -> gpd.GeoDataFrame | pd.DataFrame:
    """A frame of that layer with no rows and the right dtypes."""
    table = pd.DataFrame(
        {column.name: pd.Series([], dtype=DTYPES[column.type]) for column in layer.columns}
    )
    if not layer.is_spatial:
        return table
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries([], crs=crs), crs=crs)


def check_frame(
    layer: Layer, frame: gpd.GeoDataFrame | pd.DataFrame, *, lines: Any = None
) -> Checked:
    """The frame's good rows, typed as the layer asks, and all faults of the others.

    Columns the layer does not know are dropped, optional ones that are absent are added empty.
    Of rows with the same key the first is kept. Row order and the index of good rows stay.

    Parameters
    ----------
    layer : the layer to check against
    frame : rows with the layer's column names; a GeoDataFrame where the layer has geometry
    lines : source row of each row, from 1; by default its position + 1

    Raises
    ------
    SchemaError : a required column or the geometry is absent from the whole frame
    """
    _check_columns_present(layer, frame)
    line = np.arange(1, len(frame) + 1) if lines is None else np.asarray(lines)
    faults: list[pd.DataFrame] = []
    typed: dict[str, pd.Series] = {}
    for column in layer.columns:
        if column.name not in frame.columns:
            typed[column.name] = pd.Series(
                pd.array([None] * len(frame), dtype=DTYPES[column.type]), index=frame.index
            )
            continue
        raw = frame[column.name]
        values, bad = _to_type(column, raw)
        for code, mask in _broken_rules(column, raw, values, bad):
            faults.append(reject_rows(line[mask], column.name, code, raw[mask]))
        typed[column.name] = values
    if layer.is_spatial:
        faults += _geometry_faults(layer, frame, line)
    rejects = _join(faults)
    is_good = ~np.isin(line, rejects["line"])
    repeated = np.zeros(len(frame), dtype=bool)
    table = pd.DataFrame(typed, index=frame.index)
    repeated[is_good] = table.loc[is_good, list(layer.key)].duplicated().to_numpy()
    if repeated.any():
        keys = table.loc[repeated, list(layer.key)].astype("str").agg("/".join, axis=1)
        rejects = _join([rejects, reject_rows(line[repeated], layer.key[-1], "key.repeated", keys)])
        is_good &= ~repeated
    accepted: gpd.GeoDataFrame | pd.DataFrame = table[is_good]
    if layer.is_spatial:
        accepted = gpd.GeoDataFrame(accepted, geometry=frame.geometry[is_good].array, crs=frame.crs)
    return Checked(accepted, rejects, int((~is_good).sum()))


def _check_columns_present(layer: Layer, frame: pd.DataFrame) -> None:
    missing = [c.name for c in layer.columns if c.required and c.name not in frame.columns]
    if missing:
        raise SchemaError(
            "schema.missing_columns",
            f"{layer.name} must have columns {missing}; got {list(frame.columns)[:20]}. "
            "Rename or add them.",
            layer=layer.name,
            columns=missing,
            found=[str(name) for name in frame.columns][:20],
        )
    if layer.is_spatial and not isinstance(frame, gpd.GeoDataFrame):
        raise SchemaError(
            "schema.missing_geometry",
            f"{layer.name} must have geometry; got a plain table. Name its coordinate columns.",
            layer=layer.name,
        )


def _is_null(value: Any) -> bool:
    return value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value))


def _to_type(column: Column, raw: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """Values in the column's dtype, and a mask of those that could not be read."""
    is_empty = raw.isna().to_numpy()
    if column.type == "json":
        return raw.astype("object"), np.zeros(len(raw), dtype=bool)
    if not pd.api.types.is_string_dtype(raw) and column.type != "text":
        values = _cast_typed(column, raw)
    else:
        text = _plain_text(raw)
        is_empty = (text.isna() | (text == "")).to_numpy()
        values = _parse_text(column, text.where(~pd.Series(is_empty, index=raw.index)))
    return values, (values.isna().to_numpy() & ~is_empty)


def _plain_text(raw: pd.Series) -> pd.Series:
    """Trimmed text; whole floats such as 12.0 (a spreadsheet's way to hold a code) as 12."""
    if pd.api.types.is_float_dtype(raw):
        whole = raw.notna() & (raw % 1 == 0) & (raw.abs() < 2**53)
        text = raw.astype("str")
        text[whole] = raw[whole].astype("int64").astype("str")
        return text.astype("str").where(raw.notna())
    return raw.astype("str").where(raw.notna()).str.strip()


def _cast_typed(column: Column, raw: pd.Series) -> pd.Series:
    if column.type == "bool":
        known = raw.isin([True, False, 0, 1])
        return raw.where(known).astype("boolean")
    if column.type in ("date", "time"):
        instants = pd.to_datetime(raw, errors="coerce", utc=column.type == "time")
        if column.type == "date":
            instants = instants.dt.tz_localize(None).dt.normalize()
        return instants.astype(DTYPES[column.type])
    numbers = pd.to_numeric(raw, errors="coerce").astype("float64")
    return _to_number(column, numbers)


def _parse_text(column: Column, text: pd.Series) -> pd.Series:
    if column.type == "text":
        return text.astype("str")
    if column.type == "bool":
        lower = text.str.lower()
        truth = pd.Series(pd.array([None] * len(text), dtype="boolean"), index=text.index)
        truth[lower.isin(_TRUE)] = True
        truth[lower.isin(_FALSE)] = False
        return truth
    if column.type in ("date", "time"):
        instants = pd.to_datetime(
            text, errors="coerce", utc=column.type == "time", format="ISO8601"
        )
        if column.type == "date":
            instants = instants.dt.normalize()
        return instants.astype(DTYPES[column.type])
    return _to_number(column, pd.to_numeric(text, errors="coerce").astype("float64"))


def _to_number(column: Column, numbers: pd.Series) -> pd.Series:
    numbers = numbers.where(np.isfinite(numbers.to_numpy()))
    if column.type == "float":
        return numbers
    whole = numbers.where((numbers % 1 == 0) & (numbers.abs() < 2**53))
    return whole.astype("Int64")


def _broken_rules(
    column: Column, raw: pd.Series, values: pd.Series, is_bad: np.ndarray
) -> list[tuple[str, np.ndarray]]:
    """Code and row mask of each rule that some row breaks."""
    is_null = values.isna().to_numpy()
    found = [(f"value.not_{column.type}", is_bad)]
    if column.required:
        found.append(("value.missing", is_null & ~is_bad))
    if column.type == "text":
        found.append(("value.too_long", (values.str.len() > column.max_length).to_numpy(bool)))
        if column.values is not None:
            found.append(
                ("value.unknown", ~is_null & ~values.isin(column.values).to_numpy(dtype=bool))
            )
    if column.type in ("int", "float"):
        numbers = values.astype("float64").to_numpy()
        if column.minimum is not None:
            found.append(("value.too_small", numbers < column.minimum))
        if column.maximum is not None:
            found.append(("value.too_large", numbers > column.maximum))
    return [(code, mask) for code, mask in found if mask.any()]


def _geometry_faults(layer: Layer, frame: gpd.GeoDataFrame, line: np.ndarray) -> list[pd.DataFrame]:
    geometry = frame.geometry.array
    kinds = np.asarray(frame.geom_type, dtype=object)
    is_null = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    is_wrong = ~is_null & ~np.isin(kinds, list(layer.geometry))
    is_invalid = ~is_null & ~is_wrong & ~shapely.is_valid(geometry)
    faults = [
        reject_rows(line[is_null], "geometry", "geometry.missing", [None] * int(is_null.sum())),
        reject_rows(line[is_wrong], "geometry", "geometry.wrong_type", kinds[is_wrong]),
        reject_rows(
            line[is_invalid],
            "geometry",
            "geometry.invalid",
            shapely.is_valid_reason(geometry[is_invalid]),
        ),
    ]
    return [fault for fault in faults if len(fault)]


def _join(faults: list[pd.DataFrame]) -> pd.DataFrame:
    if not faults:
        return reject_rows([], "", "", [])
    joined = pd.concat(faults, ignore_index=True)
    return joined.sort_values("line", kind="stable", ignore_index=True)

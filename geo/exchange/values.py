"""Column values as other systems can carry them: plain Python, dates and times as ISO text."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from geo.errors import GeometryError, ParameterError, SchemaError
from geo.schema import LAYERS, Layer

WIRE_DECIMALS = 7
"""Decimals of degrees in text formats: 1e-7 degrees is 11 mm."""


def layer_of(layer: Layer | str) -> Layer:
    """The layer itself, also when only its name is given.

    Raises
    ------
    ParameterError : no layer has that name
    """
    if isinstance(layer, Layer):
        return layer
    if layer not in LAYERS:
        raise ParameterError(
            "export.unknown_layer",
            f"there is no layer {layer}; the layers are {', '.join(sorted(LAYERS))}",
            layer=layer,
            layers=", ".join(sorted(LAYERS)),
        )
    return LAYERS[layer]


def check_columns(layer: Layer, frame: pd.DataFrame, names: list[str]) -> None:
    """Raise SchemaError `schema.missing_columns` when the frame lacks one of the columns."""
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise SchemaError(
            "schema.missing_columns",
            f"{layer.name} must have columns {missing}; got {list(frame.columns)[:20]}. "
            "Rename or add them.",
            layer=layer.name,
            columns=missing,
            found=[str(name) for name in frame.columns][:20],
        )


def check_finite(layer: Layer, coordinates: np.ndarray[Any, Any]) -> None:
    """Raise GeometryError `export.not_finite` when a coordinate is NaN or infinite."""
    count = int((~np.isfinite(coordinates)).any(axis=1).sum())
    if count:
        raise GeometryError(
            "export.not_finite",
            f"every coordinate of {layer.name} must be finite; {count} vertices are not. "
            "Run `wangge check`, and import the layer again.",
            layer=layer.name,
            count=count,
        )


def plain_values(values: pd.Series) -> list[Any]:
    """The column's values as JSON carries them, None for every kind of missing.

    Times (with a zone) become UTC such as ``2026-10-01T08:30:00Z``; days (midnights without a
    zone) ``2026-10-01``; infinities, which JSON does not know, None.
    """
    kind = values.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return plain_values(values.astype(kind.categories.dtype))
    if isinstance(kind, pd.DatetimeTZDtype):
        return _instants(values.dt.tz_convert("UTC").dt.tz_localize(None), suffix="Z")
    if pd.api.types.is_datetime64_any_dtype(kind):
        return _iso_days(values) if is_day(values) else _instants(values, suffix="")
    if pd.api.types.is_float_dtype(kind):
        numbers = values.to_numpy(dtype="float64", na_value=np.nan)
        return [number if math.isfinite(number) else None for number in numbers.tolist()]
    if pd.api.types.is_object_dtype(kind):
        return [_plain(value) for value in values]
    missing = values.isna().to_numpy()
    plain = values.astype("object").tolist()
    return [None if lost else value for value, lost in zip(plain, missing, strict=True)]


def _iso_days(values: pd.Series) -> list[str | None]:
    """ISO days of a column of midnights without a zone."""
    days = values.to_numpy(dtype="datetime64[D]")
    return [None if day == "NaT" else day for day in np.datetime_as_string(days).tolist()]


def is_day(values: pd.Series) -> bool:
    """Whether the column holds calendar days: datetimes without a zone, all at midnight."""
    kind = values.dtype
    if isinstance(kind, pd.DatetimeTZDtype) or not pd.api.types.is_datetime64_any_dtype(kind):
        return False
    return bool((values.isna() | (values == values.dt.normalize())).all())


def _instants(values: pd.Series, *, suffix: str) -> list[str | None]:
    """ISO times; fractions of a second only where there are any."""
    stamps = np.datetime_as_string(values.to_numpy(dtype="datetime64[us]"), unit="us").tolist()
    return [None if s == "NaT" else s.removesuffix(".000000") + suffix for s in stamps]


def _plain(value: Any) -> Any:
    """A JSON value: containers copied, NumPy scalars and dates made plain, missing as None."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, bool | int | str) else str(value)

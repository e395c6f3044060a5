"""Cells as people type them, read as numbers, days and instants; what cannot be read is marked."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

STRING = pd.StringDtype(na_value=np.nan)

_NUMBER = (
    r"^\s*([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*(?:层|户|人|栋|个|单元|米|平方米|巡|m|km|F)?\s*$"
)
_CALENDAR = (
    r"^(?P<y>\d{4})\s*[-/.年]\s*(?P<m>\d{1,2})\s*[-/.月]\s*(?P<d>\d{1,2})\s*[日号]?"
    r"(?:[T\s]*(?P<H>\d{1,2})\s*[:时点]\s*"
    r"(?:(?P<M>\d{1,2})\s*(?:[:分]\s*(?:(?P<S>\d{1,2}(?:\.\d+)?)\s*秒?)?)?)?)?$"
)
_COMPACT = r"^(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?:[T ]?(?P<H>\d{2})(?P<M>\d{2})(?P<S>\d{2})?)?$"
_ZONED = r"(?:\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*(?:[zZ]|[+-]\d{2}:?\d{2})$"
_EXCEL_EPOCH = pd.Timestamp("1899-12-30")
_EXCEL_DAYS = (20_000.0, 80_000.0)
"""Excel's serial days of the years 1954 to 2119; other numbers are not taken for days."""


def clean_text(cells: pd.Series) -> pd.Series:
    """The cells as text without blanks around, empty ones as missing; whole floats as integers."""
    if isinstance(cells.dtype, pd.CategoricalDtype):
        cells = cells.astype(cells.cat.categories.dtype)
    if pd.api.types.is_bool_dtype(cells):
        return cells.map({True: "true", False: "false"}).astype(STRING)
    if pd.api.types.is_float_dtype(cells):
        whole = cells.dropna()
        if len(whole) and ((whole % 1 == 0) & (whole.abs() < 2**53)).all():
            return cells.astype("Int64").astype(STRING)
    if not isinstance(cells.dtype, pd.StringDtype):
        return _stripped(cells.astype("object").where(cells.notna()).map(str, na_action="ignore"))
    return _stripped(cells)


def _stripped(cells: pd.Series) -> pd.Series:
    text = cells.astype(STRING).str.strip()
    is_empty = text == ""
    return text.mask(is_empty) if is_empty.any() else text


def read_numbers(cells: pd.Series) -> tuple[pd.Series, Mask]:
    """float64 values, NaN where empty, and a mask of cells that hold something else.

    Full-width digits, thousands separators and a unit behind the number (`26层`) are understood.
    """
    if pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells):
        numbers = cells.astype("float64")
        return numbers, np.isinf(numbers.to_numpy())
    text = clean_text(cells)
    quick = _cast_all(text, pa.float64())
    numbers = _read_decorated(text) if quick is None else quick
    is_bad = text.notna().to_numpy(dtype=bool) & ~np.isfinite(numbers.to_numpy())
    return numbers, is_bad


def _read_decorated(text: pd.Series) -> pd.Series:
    numbers = pd.Series(pd.to_numeric(text, errors="coerce"), index=text.index).astype("float64")
    left = (numbers.isna() & text.notna()).to_numpy(dtype=bool)
    plain = text[left].str.normalize("NFKC").str.replace(r"(?<=\d),(?=\d{3})", "", regex=True)
    found = plain.str.extract(_NUMBER, expand=False)
    numbers[left] = pd.to_numeric(found, errors="coerce").astype("float64")
    return numbers


def read_times(cells: pd.Series, zone: ZoneInfo) -> tuple[pd.Series, Mask]:
    """Instants in UTC, NaT where empty, and a mask of cells that hold something else.

    Local times (no offset written) are of `zone`; of an hour that the clock repeats, the second.
    """
    if pd.api.types.is_datetime64_any_dtype(cells):
        return _to_utc(cells.astype(_precision(cells)), zone), np.zeros(len(cells), dtype=bool)
    text = clean_text(cells)
    fast = _cast_all(text, pa.timestamp("us"))
    if fast is not None:
        return _to_utc(fast, zone), np.zeros(len(cells), dtype=bool)
    is_zoned = text.str.contains(_ZONED, regex=True, na=False).to_numpy(dtype=bool)
    instants = pd.Series(pd.NaT, index=cells.index, dtype="datetime64[us, UTC]")
    zoned = pd.to_datetime(text[is_zoned], errors="coerce", utc=True, format="ISO8601")
    instants[is_zoned] = zoned.astype("datetime64[us, UTC]")
    is_epoch = ~is_zoned & text.str.fullmatch(r"\d{10}|\d{13}", na=False).to_numpy(dtype=bool)
    seconds = text[is_epoch].astype("float64")
    seconds = seconds.where(seconds < 1e11, seconds / 1000)
    instants[is_epoch] = pd.to_datetime(seconds, unit="s", utc=True).astype("datetime64[us, UTC]")
    is_local = ~is_zoned & ~is_epoch
    instants[is_local] = _to_utc(_local(text[is_local]), zone)
    return instants, (instants.isna() & text.notna()).to_numpy(dtype=bool)


def read_days(cells: pd.Series, zone: ZoneInfo) -> tuple[pd.Series, Mask]:
    """Midnights without zone, NaT where empty, and a mask of cells that hold something else.

    An instant with an offset gives the day it has in `zone`.
    """
    if isinstance(cells.dtype, pd.DatetimeTZDtype):
        days = cells.dt.tz_convert(zone).dt.tz_localize(None).dt.normalize()
        return days.astype("datetime64[us]"), np.zeros(len(cells), dtype=bool)
    if pd.api.types.is_datetime64_any_dtype(cells):
        return cells.dt.normalize().astype("datetime64[us]"), np.zeros(len(cells), dtype=bool)
    text = clean_text(cells)
    days = _cast_all(text, pa.timestamp("us"))
    if days is None:
        days = _local(text)
        left = (days.isna() & text.notna()).to_numpy(dtype=bool)
        if left.any():
            instants, _ = read_times(text[left], zone)
            days[left] = instants.dt.tz_convert(zone).dt.tz_localize(None).astype("datetime64[us]")
    days = days.dt.normalize()
    return days, (days.isna() & text.notna()).to_numpy(dtype=bool)


def _precision(cells: pd.Series) -> str:
    zone = getattr(cells.dtype, "tz", None)
    return "datetime64[us, UTC]" if zone is not None else "datetime64[us]"


def _cast_all(text: pd.Series, kind: pa.DataType) -> pd.Series | None:
    """All cells in one quick cast (times: ISO, local), or None where some cell is not that."""
    array = pa.array(text, type=pa.large_string(), from_pandas=True)
    try:
        values = array.cast(kind).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    return pd.Series(values, index=text.index)


def _local(text: pd.Series) -> pd.Series:
    """Local times as typed: 2026年1月5日8时5分, 2026/1/5 8:05, 20260105, Excel's 46027.5."""
    plain = text.str.normalize("NFKC")
    local = _from_parts(plain.str.extract(_CALENDAR))
    compact = _from_parts(plain.str.extract(_COMPACT))
    local = local.where(local.notna(), compact)
    serial = pd.to_numeric(plain, errors="coerce").astype("float64")
    is_serial = local.isna() & serial.between(*_EXCEL_DAYS)
    if is_serial.any():
        days = pd.to_timedelta((serial[is_serial] * 86_400).round(), unit="s")
        local[is_serial] = (_EXCEL_EPOCH + days).astype("datetime64[us]")
    return local


def _from_parts(parts: pd.DataFrame) -> pd.Series:
    """Local times from text columns y m d H M S; NaT where the date does not exist."""
    filled = parts.fillna({"H": "0", "M": "0", "S": "0"})
    numbers = filled.apply(pd.to_numeric, errors="coerce").astype("float64")
    dates = numbers[["y", "m", "d"]].set_axis(["year", "month", "day"], axis="columns")
    days = pd.Series(pd.to_datetime(dates, errors="coerce"), index=parts.index)
    is_clock = (numbers["H"] <= 24) & (numbers["M"] < 60) & (numbers["S"] < 61)
    seconds = numbers["H"] * 3600 + numbers["M"] * 60 + numbers["S"]
    local = days + pd.to_timedelta(seconds.where(is_clock), unit="s")
    return local.astype("datetime64[us]")


def _to_utc(local: pd.Series, zone: ZoneInfo) -> pd.Series:
    if isinstance(local.dtype, pd.DatetimeTZDtype):
        return local.dt.tz_convert("UTC").astype("datetime64[us, UTC]")
    is_summer = np.zeros(len(local), dtype=bool)
    placed = local.dt.tz_localize(zone, ambiguous=is_summer, nonexistent="shift_forward")
    return placed.dt.tz_convert("UTC").astype("datetime64[us, UTC]")

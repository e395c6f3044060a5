"""A plan and its loads out of the columns of any table: what was odd is told, with the keys."""

from __future__ import annotations

import numpy as np
import pandas as pd

from geo.planning.checks import Finding, named


def read_labels(values: pd.Series, keys: pd.Series) -> tuple[np.ndarray, list[str], list[Finding]]:
    """The grid of each cell as a number, the grids' codes in that order, and what was odd.

    Codes are text: leading zeros count, whole numbers from a spreadsheet (12.0) are 12, and space
    around a code does not count. A cell without a code gets -1.

    - `reading.unassigned`: cells without a grid, by key
    - `reading.leading_zeros`: codes that differ only by leading zeros (`7` and `007`), which mostly
      is one grid whose code a spreadsheet took for a number; they stay two grids

    Parameters
    ----------
    values : grid of each cell, text or numbers
    keys : key of each cell
    """
    text = _as_codes(values)
    labels, names = pd.factorize(text, sort=True)
    codes = [str(name) for name in names]
    findings = named("reading.unassigned", keys[np.asarray(labels < 0)])
    bare = pd.Series(codes, dtype="str").str.lstrip("0")
    twins = pd.Series(codes, dtype="str")[bare.duplicated(keep=False).to_numpy()]
    return labels.astype(np.int64), codes, findings + named("reading.leading_zeros", twins)


def read_loads(values: pd.Series, keys: pd.Series) -> tuple[np.ndarray, list[Finding]]:
    """The load of each cell, 0 where it cannot be used, and what was odd.

    - `reading.load_missing`, `reading.load_not_number`, `reading.load_negative`: cells whose load
      is absent, no finite number, or below 0; each counts as none

    Parameters
    ----------
    values : load of each cell, numbers or text that reads as one
    keys : key of each cell
    """
    is_missing = np.asarray(values.isna())
    numbers = pd.to_numeric(values, errors="coerce").astype("Float64")
    weight = numbers.fillna(np.nan).to_numpy(dtype="float64", na_value=np.nan)
    is_odd = ~np.isfinite(weight) & ~is_missing
    is_negative = np.isfinite(weight) & (weight < 0)
    findings = [
        finding
        for code, mask in (
            ("reading.load_missing", is_missing),
            ("reading.load_not_number", is_odd),
            ("reading.load_negative", is_negative),
        )
        for finding in named(code, keys[mask])
    ]
    return np.where(is_missing | is_odd | is_negative, 0.0, weight), findings


def repeated_keys(keys: pd.Series) -> list[Finding]:
    """`reading.repeated_keys`: keys that more than one cell carries; none where all differ."""
    return named("reading.repeated_keys", keys[keys.duplicated()].drop_duplicates())


def _as_codes(values: pd.Series) -> pd.Series:
    """Codes as text without space around; missing and blank ones are missing."""
    if pd.api.types.is_float_dtype(values):
        whole = values.astype("Float64")
        is_whole = (whole % 1 == 0).fillna(False)
        text = values.astype("string").where(
            ~is_whole, whole.round().astype("Int64").astype("string")
        )
    else:
        text = values.astype("string")
    text = text.str.strip()
    return text.where(text != "", None)

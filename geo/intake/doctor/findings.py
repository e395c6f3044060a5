"""What the doctor reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.schema import LAYERS

Severity = Literal["error", "warning", "info"]
Mask = NDArray[np.bool_]

KEYS_SHOWN = 10

KEY_COLUMNS = tuple(layer.key[0] for layer in LAYERS.values() if len(layer.key) == 1)


@dataclass(frozen=True)
class Finding:
    """One fault: `code` names the text people read, `params` fills it.

    `count` rows have it; `keys` names the first of them, by the layer's key column where the
    frame has one, else by row number from 1. Both are empty for a fault of the whole frame.
    """

    code: str
    severity: Severity
    count: int = 0
    keys: tuple[Any, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)


MOSTLY = 0.9
"""A key column tells at least this share of the rows apart; else it is another layer's key."""


def key_column(frame: pd.DataFrame) -> str | None:
    """The column that names the rows, or None."""
    for name in KEY_COLUMNS:
        if name in frame.columns and frame[name].nunique() >= max(1, MOSTLY * len(frame)):
            return name
    return None


def rows_finding(
    frame: pd.DataFrame, rows: Mask, code: str, severity: Severity, **params: Any
) -> list[Finding]:
    """One finding for the rows in the mask; none when there are none."""
    where = np.flatnonzero(rows)
    if not where.size:
        return []
    name = key_column(frame)
    first = where[:KEYS_SHOWN]
    keys = (first + 1).tolist() if name is None else frame[name].iloc[first].astype("str").tolist()
    return [Finding(code, severity, int(where.size), tuple(keys), params)]

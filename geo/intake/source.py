"""Rows as a file holds them, before they are anybody's layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geo.schema import reject_rows

Note = dict[str, Any]
"""Something done to many rows: `code`, `count`, and what the text needs."""


def note(code: str, count: int, **params: Any) -> Note:
    """A note as a plain dictionary."""
    return {"code": code, "count": int(count), **params}


def no_rejects() -> pd.DataFrame:
    """An empty frame of rejects."""
    return reject_rows([], "", "", [])


@dataclass
class Source:
    """What a reader found: attribute columns under the file's own names, and geometry if any.

    `lines` numbers the rows from 1 in file order, rows in `lost` included; `lost` holds the
    rejects of rows that could not even be split into columns.
    """

    rows: pd.DataFrame
    lines: NDArray[np.int64]
    geometry: NDArray[np.object_] | None = None
    crs: Any = None
    lost: pd.DataFrame = field(default_factory=no_rejects)
    notes: list[Note] = field(default_factory=list)

    @property
    def n_read(self) -> int:
        """Rows the file held."""
        return len(self.lines) + int(self.lost["line"].nunique())

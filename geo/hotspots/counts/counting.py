"""Which rows a cube counts, and why the others are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Bools, Floats, Indices, Lattice
from geo.hotspots.counts.periods import Day, Days, day_of

Texts: TypeAlias = Sequence[str | None] | npt.NDArray[np.object_] | pd.Series


@dataclass(frozen=True)
class LeftOut:
    """Rows that a cube does not count, by the first reason that holds.

    `n_duplicate` ids seen before, `n_undated` without a day, `n_future` after today,
    `n_unplaced` without a finite place, `n_outside` off the lattice or in a cell without ground.
    """

    n_duplicate: int = 0
    n_undated: int = 0
    n_future: int = 0
    n_unplaced: int = 0
    n_outside: int = 0

    def plus(self, other: LeftOut, sign: int = 1) -> LeftOut:
        """The sums, or with sign -1 the differences."""
        return LeftOut(
            **{f.name: getattr(self, f.name) + sign * getattr(other, f.name) for f in fields(self)}
        )


def counted_rows(
    lattice: Lattice,
    x: Floats,
    y: Floats,
    *,
    day: Days,
    category: Texts,
    incident: Texts | None = None,
    today: Day | None = None,
) -> tuple[tuple[Indices, Indices, list[str]], LeftOut]:
    """Keys (day * cells + cell), category codes and names of the rows that count."""
    days = np.asarray(day)
    if days.dtype != np.dtype("datetime64[D]"):
        raise ParameterError(
            "hotspots.days_expected",
            f"`day` must be datetime64[D] local days; got {days.dtype}. "
            "Convert to the town's time zone, then to days.",
            dtype=str(days.dtype),
        )
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    cell = lattice.cell_of(x, y)
    is_ground = (cell >= 0) & lattice.is_inside.ravel()[cell]
    reasons = {
        "n_duplicate": None if incident is None else _is_repeated(incident),
        "n_undated": np.isnat(days),
        "n_future": None if today is None else days > day_of(today),
        "n_unplaced": ~(np.isfinite(x) & np.isfinite(y)),
        "n_outside": ~is_ground,
    }
    is_kept, found = np.ones(len(cell), dtype=bool), {}
    for name, is_out in reasons.items():
        if is_out is not None:
            found[name] = int((is_kept & is_out).sum())
            is_kept &= ~is_out
    code, names = coded(category)
    keys = days.astype(np.int64)[is_kept] * lattice.n_cells + cell[is_kept]
    return (keys, code[is_kept], names), LeftOut(**found)


def _is_repeated(incident: Texts) -> Bools:
    repeated: Bools = pd.Series(incident, dtype=object).duplicated().to_numpy()
    return repeated


def coded(category: Texts) -> tuple[Indices, list[str]]:
    """(n,) code of each text and the texts in order; null is ""."""
    texts = category if isinstance(category, pd.Series) else pd.Series(category, dtype=object)
    code, names = pd.factorize(texts, use_na_sentinel=True)
    words = [str(name) for name in names]
    code = np.asarray(code, dtype=np.int64)
    if (code < 0).any():
        blank = words.index("") if "" in words else len(words)
        words = words if "" in words else [*words, ""]
        code = np.where(code < 0, blank, code)
    order = np.argsort(np.array(words, dtype=object), kind="stable")
    rank = np.empty(len(words), dtype=np.int64)
    rank[order] = np.arange(len(words))
    return rank[code] if len(words) else code, [words[k] for k in order]

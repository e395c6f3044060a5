"""The coverage rows of some days as flat arrays, and the rounds they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import pandas as pd

from geo.services.patrols.duties import Duties, pieces
from geo.services.patrols.kept import Kept
from geo.services.patrols.period import Period, Question
from geo.store import Store
from geo.store.grouping import joined

MISSED, CANNOT_TELL, COVERED = 0, 1, 2
VERDICTS = ("missed", "cannot_tell", "covered")
"""Verdicts from worst to best, by their rank."""

_MOST_KEPT = 3
"""Periods whose rows are kept at hand; a month of 48 workers takes about 3 MB."""

_ROUND_COLUMNS = ["patrol", "worker", "day", "round"]
_BETWEEN = "\n"
"""Between codes of pieces that come as one text: no code holds it."""

Ranks = npt.NDArray[np.int8]
Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Walked:
    """What was walked in a period, rows by patrol.

    `patrols`: every patrol, those without a row included: the columns of the `rounds` layer, with
    null times where only its coverage is known. `patrol` (n,) row of `patrols`; `piece` (n,) row
    of the stored pieces; `rank` (n,) position in VERDICTS. A pair of patrol and piece without a row
    was missed.
    """

    patrols: pd.DataFrame
    patrol: Rows
    piece: Rows
    rank: Ranks

    def only(self, question: Question) -> Walked:
        """What the question's round and worker walked."""
        keep = np.ones(len(self.patrols), dtype=bool)
        if question.round is not None:
            keep &= (self.patrols["round"] == question.round).to_numpy(dtype=bool)
        if question.worker is not None:
            keep &= (self.patrols["worker"] == question.worker).fillna(False).to_numpy(dtype=bool)
        if keep.all():
            return self
        number = np.cumsum(keep) - 1
        is_kept = keep[self.patrol]
        return Walked(
            self.patrols[keep].reset_index(drop=True),
            number[self.patrol[is_kept]],
            self.piece[is_kept],
            self.rank[is_kept],
        )

    def best(self, group: Rows, n_groups: int, n_pieces: int) -> Ranks:
        """The best rank of each piece in each group of patrols, (n_groups, n_pieces).

        Parameters
        ----------
        group : of each patrol, 0 to n_groups - 1
        """
        table = np.zeros(n_groups * n_pieces, dtype=np.int8)
        at = group[self.patrol] * n_pieces + self.piece
        table[at[self.rank == CANNOT_TELL]] = CANNOT_TELL
        table[at[self.rank == COVERED]] = COVERED
        return table.reshape(n_groups, n_pieces)


_walked: Kept[Walked] = Kept(("coverage", "rounds", "pieces", "streets"), most=_MOST_KEPT)


def walked(store: Store, period: Period) -> Walked:
    """What was walked in these days; shared, do not change."""
    return _walked.get(store, period, lambda: _read(store, period))


def owners(duty: Duties, rows: Walked, length_m: Floats) -> pd.DataFrame:
    """The grids that each worker answers for: `worker`, `name`, `grid`, `is_assumed`.

    A grid worker whom the roster gives no grid of the plan is taken to answer for the one of which
    they walked the most, and this is told; with no such walk, for none.

    Parameters
    ----------
    rows : what was walked in the period that is looked at
    length_m : of each stored piece, metres
    """
    known = duty.workers.assign(is_assumed=False)
    placeless = known[known["grid"].isna()]
    worker = pd.Index(placeless["worker"]).get_indexer(rows.patrols["worker"])
    grid, codes = pd.factorize(duty.grid)
    who, where = worker[rows.patrol], grid[rows.piece]
    is_in = (rows.rank == COVERED) & (who >= 0) & (where >= 0)
    n_grids = max(len(codes), 1)
    cell = who[is_in] * n_grids + where[is_in]
    weights = length_m[rows.piece[is_in]]
    metres = np.bincount(cell, weights, minlength=len(placeless) * n_grids)
    metres = metres.reshape(len(placeless), n_grids)
    has_walked = metres.max(axis=1, initial=0.0) > 0
    assumed = placeless[has_walked].assign(is_assumed=True)
    assumed["grid"] = np.asarray(codes, dtype=object)[metres[has_walked].argmax(axis=1)]
    both = [frame for frame in (known[known["grid"].notna()], assumed) if len(frame)]
    return pd.concat(both or [known.head(0)], ignore_index=True)


def _read(store: Store, period: Period) -> Walked:
    """Pieces come joined to one text a patrol: a third of the time of a row each."""
    where = {"day": period.between, "verdict": list(VERDICTS[CANNOT_TELL:])}
    names = [*_ROUND_COLUMNS, "verdict"]
    table_rows = joined(store, "coverage", by=names, of="piece", between=_BETWEEN, where=where)
    codes = [text.split(_BETWEEN) for text in table_rows["piece"]]
    counts = np.array([len(part) for part in codes], dtype=np.int64)
    patrols = _rounds(store, period, table_rows[_ROUND_COLUMNS].drop_duplicates("patrol"))
    patrol = pd.Index(patrols["patrol"]).get_indexer(table_rows["patrol"]).repeat(counts)
    piece = pd.Index(pieces(store)["piece"]).get_indexer(list(chain.from_iterable(codes)))
    is_covered = (table_rows["verdict"] == "covered").to_numpy(dtype=bool)
    rank = np.where(is_covered, COVERED, CANNOT_TELL).astype(np.int8).repeat(counts)
    is_known = piece >= 0  # pieces of streets that are no more say nothing
    return Walked(
        patrols,
        patrol[is_known].astype(np.int64),
        piece[is_known].astype(np.int64),
        rank[is_known],
    )


def _rounds(store: Store, period: Period, seen: pd.DataFrame) -> pd.DataFrame:
    """The `rounds` layer of these days, and the patrols that are known by their coverage only."""
    kept = store.read("rounds", where={"day": period.between})
    others = seen[~seen["patrol"].isin(kept["patrol"])]
    if others.empty:
        return kept.reset_index(drop=True)
    others = others.assign(day=pd.to_datetime(others["day"]))
    others = others.reindex(columns=kept.columns).astype(kept.dtypes)
    return others if kept.empty else pd.concat([kept, others], ignore_index=True)

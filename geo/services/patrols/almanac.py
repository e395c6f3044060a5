"""The calendar of rounds: each worker, each day, which rounds were walked and how much of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from geo.services.patrols.duties import duties, since
from geo.services.patrols.figures import lengths
from geo.services.patrols.kept import Kept
from geo.services.patrols.period import Period
from geo.services.patrols.walked import (
    CANNOT_TELL,
    COVERED,
    VERDICTS,
    Floats,
    Rows,
    Walked,
    owners,
    walked,
)
from geo.store import Store

_calendars: Kept[pd.DataFrame] = Kept(
    ("coverage", "rounds", "pieces", "plans", "grids", "roster"), most=4
)


def calendar(store: Store, period: Period, *, worker: str | None = None) -> pd.DataFrame:
    """One row a worker, day and round that has a record, in that order.

    Columns `worker`, `day`, `round`, `covered`, `missed`, `cannot_tell` (shares of the length of
    the worker's own grids by the plan and roster of that day; null for one who had no grid),
    `covered_m` (of any streets), `duration_s`, `silent_s`, `walked_m` (null where only the coverage
    is known; a round in several parts is added up) and `started_at`. Who has no row on a day has no
    record of it: that may be leave, and is not a missed round. Shared: do not change.
    """
    return _calendars.get(store, (period, worker), lambda: _calendar(store, period, worker))


def _calendar(store: Store, period: Period, worker: str | None) -> pd.DataFrame:
    rows = walked(store, period)
    keep = rows.patrols["worker"].notna()
    if worker is not None:
        keep &= rows.patrols["worker"] == worker
    if not keep.any():
        return _no_rows()
    patrols = rows.patrols
    group = np.full(len(patrols), -1, dtype=np.int64)
    keys = patrols.loc[keep, ["worker", "day", "round"]]
    codes, found = pd.factorize(pd.MultiIndex.from_frame(keys), sort=True)
    group[keep.to_numpy(dtype=bool)] = codes
    table = pd.DataFrame(found.to_frame(index=False, name=["worker", "day", "round"]))
    table = pd.concat([table, _shares(store, rows, group, table)], axis=1)
    sums = patrols[keep].groupby(codes)
    for column in ("duration_s", "silent_s", "walked_m"):
        table[column] = sums[column].sum(min_count=1).to_numpy(dtype=np.float64, na_value=np.nan)
    table["started_at"] = sums["started_at"].min().to_numpy()
    return table


def _shares(store: Store, rows: Walked, group: Rows, table: pd.DataFrame) -> pd.DataFrame:
    """The shares of `calendar` and `covered_m`, a row of `table` each.

    Parameters
    ----------
    group : of each patrol its row of `table`, -1 for none
    """
    length_m = lengths(store)
    own = _own_ground(store, rows, table)
    owner, piece, rank = _best_pairs(rows, group, len(length_m))
    grid = own.grid[own.day[owner], piece]
    is_own = own.answers[owner, grid]
    asked_m = (own.answers * own.grid_m(length_m)[own.day]).sum(axis=1)
    metres = {
        name: np.bincount(owner[chosen], length_m[piece[chosen]], minlength=len(table))
        for name, chosen in (
            ("covered", is_own & (rank == COVERED)),
            ("cannot_tell", is_own & (rank == CANNOT_TELL)),
            ("covered_m", rank == COVERED),
        )
    }
    whole = np.where(asked_m > 0, asked_m, np.nan)
    covered, cannot_tell = metres["covered"] / whole, metres["cannot_tell"] / whole
    return pd.DataFrame(
        {
            "covered": covered,
            "missed": np.clip(1.0 - covered - cannot_tell, 0.0, 1.0),
            "cannot_tell": cannot_tell,
            "covered_m": metres["covered_m"],
        }
    )


@dataclass(frozen=True)
class _Ground:
    """`day` of each row of the calendar, as a number from 0 that is equal while one plan and roster
    held; `grid` (days, pieces), -1 for none; `answers` (rows, grids and none): whether the row's
    worker answers for that grid on the row's day."""

    day: Rows
    grid: Rows
    answers: npt.NDArray[np.bool_]

    def grid_m(self, length_m: Floats) -> Floats:
        """Length of the pieces of each grid on each day, (days, grids), metres."""
        n_grids = self.answers.shape[1]
        inside = self.grid >= 0
        metres = [
            np.bincount(row[here], length_m[here], minlength=n_grids)
            for row, here in zip(self.grid, inside, strict=True)
        ]
        return np.array(metres, dtype=np.float64).reshape(len(self.grid), n_grids)


def _own_ground(store: Store, rows: Walked, table: pd.DataFrame) -> _Ground:
    day, days = pd.factorize(pd.Series(since(store, table["day"].dt.date.tolist())))
    held = [duties(store, on=one) for one in days]
    given = [owners(duty, rows, lengths(store)) for duty in held]
    codes = pd.Index(sorted({code for one in given for code in one["grid"]}))
    grid = np.array([codes.get_indexer(duty.grid) for duty in held], dtype=np.int64)
    workers = pd.Index(table["worker"].unique())
    # one more grid that nobody has, so that a piece without grid (-1) belongs to nobody
    answers = np.zeros((len(held), len(workers), len(codes) + 1), dtype=bool)
    for number, one in enumerate(given):
        who, what = workers.get_indexer(one["worker"]), codes.get_indexer(one["grid"])
        answers[number, who[who >= 0], what[who >= 0]] = True
    return _Ground(day, grid, answers[day, workers.get_indexer(table["worker"])])


def _best_pairs(rows: Walked, group: Rows, n_pieces: int) -> tuple[Rows, Rows, Rows]:
    """Each pair of a group and a piece once, with its best rank."""
    owner = group[rows.patrol]
    is_in = owner >= 0
    pair = owner[is_in] * n_pieces + rows.piece[is_in]
    both = np.sort(pair * len(VERDICTS) + rows.rank[is_in])  # the best rank of a pair comes last
    pair = both // len(VERDICTS)
    is_last = np.append(pair[1:] != pair[:-1], True)[: len(pair)]
    pair, rank = pair[is_last], both[is_last] % len(VERDICTS)
    return pair // n_pieces, pair % n_pieces, rank


def _no_rows() -> pd.DataFrame:
    dtypes = {"worker": "str", "day": "datetime64[us]", "round": "int64"}
    numbers = ["covered", "missed", "cannot_tell", "covered_m"]
    numbers += ["duration_s", "silent_s", "walked_m"]
    dtypes |= {**dict.fromkeys(numbers, "float64"), "started_at": "datetime64[us, UTC]"}
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in dtypes.items()})

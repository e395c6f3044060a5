"""The best plan that can be put together from the grids of many plans.

Every grid of every plan tried is a set of cells with a label and a cost of its own (load outside
the limits, shape, borders, cells from elsewhere, whether it changed at all). One set a grid, each
cell in one set, at the least cost: a set partitioning problem (Garfinkel and Nemhauser 1969) over
the sets that were seen. Its linear relaxation leaves little open; what it does is settled by
diving and branching.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csc_array, csr_array

MOST_PROGRAMS = 24
"""Linear programs solved for one plan, at most."""

NEAR_ONE = 0.999
"""Sets chosen to this share in a relaxation are taken."""


@dataclass(frozen=True)
class GridSet:
    """Cells, ascending, that were a grid of some plan, and what they cost as that grid."""

    grid: int
    cells: np.ndarray
    cost: float


class Mix:
    """Grids of many plans of the same cells; the first plan's stand wherever nothing is better."""

    def __init__(self, labels: np.ndarray, costs: np.ndarray, *, seed: int) -> None:
        """Begin with a plan: grid of each cell, 0 to k - 1, each with a cell, and its cost (k)."""
        self._start = labels.copy()
        self._start_costs = costs.copy()
        sign = np.random.default_rng(seed).integers(1, 2**63 - 1, size=len(labels), dtype=np.int64)
        self._sign = sign
        self._start_signs = self._signs(labels, np.argsort(labels, kind="stable"))
        self._sets: dict[tuple[int, int], GridSet] = {}

    def __len__(self) -> int:
        return len(self._sets)

    def _signs(self, labels: np.ndarray, order: np.ndarray) -> np.ndarray:
        """A number for each grid's set of cells, by its cells' random numbers (Zobrist 1970)."""
        begins = np.searchsorted(labels[order], np.arange(len(self._start_costs)))
        signs: np.ndarray = np.bitwise_xor.reduceat(self._sign[order], begins)
        return signs

    def add(self, labels: np.ndarray, costs: np.ndarray) -> None:
        """Take in the grids of another plan: grid of each cell, cost of each grid."""
        order = np.argsort(labels, kind="stable")
        signs = self._signs(labels, order)
        begins = np.searchsorted(labels[order], np.arange(len(costs) + 1))
        for grid in np.flatnonzero(signs != self._start_signs).tolist():
            key = (grid, int(signs[grid]))
            if key not in self._sets:
                cells = order[begins[grid] : begins[grid + 1]]
                self._sets[key] = GridSet(grid, cells, float(costs[grid]))

    def best(self, known: np.ndarray, gap: float) -> np.ndarray:
        """Labels of the cheapest plan found from the sets, to within about `gap`.

        Parameters
        ----------
        known : labels of a plan all of whose grids were added
        """
        sets = list(self._sets.values())
        if not sets:
            return self._start.copy()
        foreign = np.concatenate([one.cells[self._start[one.cells] != one.grid] for one in sets])
        is_used = np.zeros(len(self._start_costs), dtype=bool)
        is_used[[one.grid for one in sets]] = True
        is_used[self._start[foreign]] = True
        order = np.argsort(self._start, kind="stable")
        begins = np.searchsorted(self._start[order], np.arange(len(is_used) + 1))
        sets += [
            GridSet(grid, order[begins[grid] : begins[grid + 1]], float(self._start_costs[grid]))
            for grid in np.flatnonzero(is_used).tolist()
        ]
        cost = np.array([one.cost for one in sets])
        chosen = cheapest_cover(
            cover_rows(sets, self._start), cost, known=self._columns(sets, known, is_used), gap=gap
        )
        labels = self._start.copy()
        for column in chosen:
            labels[sets[column].cells] = sets[column].grid
        return labels

    def _columns(self, sets: list[GridSet], labels: np.ndarray, is_used: np.ndarray) -> np.ndarray:
        """Which of the sets are the plan's."""
        signs = self._signs(labels, np.argsort(labels, kind="stable"))
        own = [int(np.bitwise_xor.reduce(self._sign[one.cells])) for one in sets]
        is_plan = [signs[one.grid] == sign for one, sign in zip(sets, own, strict=True)]
        return np.flatnonzero(is_plan)


def cover_rows(sets: list[GridSet], labels: np.ndarray) -> csr_array:
    """What each set covers (rows x sets): its grid, and cells that differ between the sets.

    Cells that lie in the same sets are one row; cells that every set of their grid holds, none.
    """
    n, k = len(labels), int(labels.max()) + 1
    size = np.array([len(one.cells) for one in sets])
    cell = np.concatenate([one.cells for one in sets])
    column = np.repeat(np.arange(len(sets)), size)
    grid = np.array([one.grid for one in sets])
    sign = np.random.default_rng(len(sets)).integers(1, 2**63 - 1, size=len(sets), dtype=np.int64)
    row_sign = np.zeros(n + k, dtype=np.int64)
    order = np.argsort(cell, kind="stable")
    held, first = np.unique(cell[order], return_index=True)
    row_sign[held] = np.bitwise_xor.reduceat(sign[column[order]], first)
    np.bitwise_xor.at(row_sign, n + grid, sign)
    _, kept = np.unique(row_sign, return_index=True)
    kept = kept[row_sign[kept] != 0]
    row = np.full(n + k, -1)
    row[kept] = np.arange(len(kept))
    rows, columns = np.r_[row[cell], row[n + grid]], np.r_[column, np.arange(len(sets))]
    is_kept = rows >= 0
    ones = np.ones(int(is_kept.sum()))
    return csr_array((ones, (rows[is_kept], columns[is_kept])), shape=(len(kept), len(sets)))


def cheapest_cover(
    rows: csr_array, cost: np.ndarray, *, known: np.ndarray, gap: float
) -> np.ndarray:
    """Columns that cover every row once, of the least cost found; proved to within `gap` or not.

    Depth first: a column that the relaxation leaves open is taken, then left out. What costs more
    than the best known by its reduced cost is dropped at the root.

    Parameters
    ----------
    rows : rows x columns of 0 and 1
    known : columns of one cover
    """
    best, least, n_solved = known, float(cost[known].sum()), 0
    columns, holds = rows.tocsc(), rows
    todo = [(np.empty(0, dtype=np.int64), np.arange(rows.shape[1]))]
    while todo and n_solved < MOST_PROGRAMS:
        taken, free = todo.pop()
        spent = float(cost[taken].sum())
        is_open = np.ones(rows.shape[0], dtype=bool)
        for column in taken:
            is_open[_rows_of(columns, column)] = False
        open_rows = np.flatnonzero(is_open)
        if len(open_rows) == 0:
            if spent < least:
                best, least = taken, spent
            continue
        if len(free) == 0:
            continue
        found = linprog(
            cost[free],
            A_eq=holds[open_rows][:, free],
            b_eq=np.ones(len(open_rows)),
            bounds=(0, None),
            method="highs",
        )
        n_solved += 1
        if found.status != 0 or spent + found.fun > least - gap:
            continue
        if len(taken) == 0:
            spare = cost[free] - rows[:, free].T @ found.eqlin.marginals
            is_left = spare <= least - found.fun
            free, share = free[is_left], found.x[is_left]
        else:
            share = found.x
        is_whole = share > NEAR_ONE
        if is_whole.sum() and _covers(columns, free[is_whole], open_rows):
            best, least = np.r_[taken, free[is_whole]], spent + float(found.fun)
            continue
        todo += _branches(rows, columns, taken, free, share)
    return best


def _branches(
    rows: csr_array, columns: csc_array, taken: np.ndarray, free: np.ndarray, share: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Without the open column of the largest share, and with it and all that is settled."""
    is_open = share <= NEAR_ONE
    pick = int(np.argmax(np.where(is_open, share, -1.0)))
    with_it = np.r_[taken, free[~is_open], free[pick]]
    covered = np.unique(np.concatenate([_rows_of(columns, column) for column in with_it]))
    clashing = np.unique(rows[covered].indices)
    return [(taken, np.delete(free, pick)), (with_it, np.setdiff1d(free, clashing))]


def _rows_of(columns: csc_array, column: np.integer) -> np.ndarray:
    found: np.ndarray = columns.indices[columns.indptr[column] : columns.indptr[column + 1]]
    return found


def _covers(columns: csc_array, chosen: np.ndarray, open_rows: np.ndarray) -> bool:
    return sum(len(_rows_of(columns, column)) for column in chosen) == len(open_rows)

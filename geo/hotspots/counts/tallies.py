"""Counts of cell and day in day order, with running sums: any window in time near its cells."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from geo.hotspots.counts.lattice import Bools, Indices

Int32s = npt.NDArray[np.int32]

_MARK_MIN = 4096
"""Fewest entries between two running sums; below, adding up is quicker than a look-up."""


_SCATTERED = 8
"""How many times as long an entry takes when it is added straight to the raster."""


@dataclass(frozen=True, eq=False)
class Tally:
    """Entries (day, cell, count) sorted by day then cell; no two alike, no count 0.

    `cells` (a,) raster index of the cells that have entries, ascending; `day` (e,) days since
    1970; `cell` (e,) position in `cells`; `count` (e,). `running` (m, a): counts per cell of the
    first step, 2 step, ... entries, where a step is at least as many entries as there are cells,
    so that the running sums take no more room than the entries.
    """

    cells: Indices
    day: Int32s
    cell: Int32s
    count: Int32s
    running: Indices

    @property
    def total(self) -> int:
        """Incidents in all."""
        return int(self.count.sum(dtype=np.int64))

    @property
    def step(self) -> int:
        """Entries between two running sums."""
        return max(len(self.cells), _MARK_MIN)

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Begin and end of the entries of a window, both days included."""
        begin = np.searchsorted(self.day, first, side="left")
        end = np.searchsorted(self.day, last, side="right")
        return int(begin), int(end)

    def window(self, first: int, last: int) -> Indices:
        """(a,) counts per active cell in the window, both days included."""
        begin, end = self.span(first, last)
        sums = np.zeros(len(self.cells), dtype=np.int64)
        if end - begin <= self.step:
            _add_up(sums, self.cell, self.count, begin, end, 1)
            return sums
        for at, sign in ((end, 1), (begin, -1)):
            mark = min((at + self.step // 2) // self.step, len(self.running))
            if mark:
                sums += sign * self.running[mark - 1]
            near = mark * self.step
            _add_up(sums, self.cell, self.count, near, at, sign)
            _add_up(sums, self.cell, self.count, at, near, -sign)
        return sums

    def add_window(self, raster: Indices, first: int, last: int) -> None:
        """Add the counts of the window to the flat raster, both days included."""
        begin, end = self.span(first, last)
        if end - begin < len(self.cells) // _SCATTERED:
            _add_through(raster, self.cells, self.cell, self.count, begin, end)
        else:
            raster[self.cells] += self.window(first, last)

    def by_period(self, edges: Indices) -> Indices:
        """(a, periods) counts; period p holds the days edges[p] <= day < edges[p + 1]."""
        n = len(edges) - 1
        counts = np.zeros((len(self.cells), n), dtype=np.int64)
        ends = np.searchsorted(self.day, edges, side="left").astype(np.int64)
        _add_periods(counts, self.cell, self.count, ends)
        return counts

    def daily(self, first: int, last: int) -> Indices:
        """(days,) incidents on each day of the window."""
        begin, end = self.span(first, last)
        totals = np.zeros(last - first + 1, dtype=np.int64)
        _add_up(
            totals, self.day[begin:end] - np.int32(first), self.count[begin:end], 0, end - begin, 1
        )
        return totals


def tally_of(keys: Indices, count: npt.NDArray[np.integer], n_cells: int) -> Tally:
    """The tally of distinct ascending keys (day * n_cells + raster cell) and their counts."""
    day = keys // n_cells
    return _assembled(day, keys - day * n_cells, count, n_cells)


def _assembled(
    day: npt.NDArray[np.integer], cell: Indices, count: npt.NDArray[np.integer], n_cells: int
) -> Tally:
    cells, local = _compact(cell, n_cells)
    counts = count.astype(np.int32)
    step = max(len(cells), _MARK_MIN)
    running = np.zeros((len(cell) // step, len(cells)), dtype=np.int64)
    _run(running, local, counts, step)
    return Tally(cells, day.astype(np.int32), local, counts, running)


def distinct(keys: Indices) -> tuple[Indices, Indices]:
    """Ascending distinct keys and how often each occurs."""
    keys = np.sort(keys)
    is_first = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=is_first[1:])
    at = np.flatnonzero(is_first)
    return keys[at], np.diff(np.append(at, len(keys)))


def summed(keys: Indices, count: Indices) -> tuple[Indices, Indices]:
    """Ascending distinct keys and the sum of their counts."""
    order = np.argsort(keys, kind="stable")
    keys, count = keys[order], count[order]
    is_first = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=is_first[1:])
    at = np.flatnonzero(is_first)
    return keys[at], np.add.reduceat(count, at) if len(at) else count


def changed(tally: Tally, keys: Indices, count: Indices, n_cells: int) -> Tally | None:
    """The tally with counts (also below 0) added at distinct ascending keys.

    None where a count would fall below 0: rows to be taken away are not there.
    """
    if not len(tally.day):
        return None if (count < 0).any() else tally_of(keys, count, n_cells)
    cell = tally.cells[tally.cell]
    old = tally.day.astype(np.int64) * n_cells + cell
    at = np.searchsorted(old, keys)
    is_known = np.zeros(len(keys), dtype=bool)
    in_range = at < len(old)
    is_known[in_range] = old[at[in_range]] == keys[in_range]
    counts, day = tally.count.astype(np.int64), tally.day
    counts[at[is_known]] += count[is_known]
    is_new = ~is_known
    if (counts < 0).any() or (count[is_new] < 0).any():
        return None
    if is_new.any():
        new_day, new_cell = np.divmod(keys[is_new], n_cells)
        day = np.insert(day, at[is_new], new_day)
        cell = np.insert(cell, at[is_new], new_cell)
        counts = np.insert(counts, at[is_new], count[is_new])
    is_left: Bools = counts > 0
    if not is_left.all():
        day, cell, counts = day[is_left], cell[is_left], counts[is_left]
    return _assembled(day, cell, counts, n_cells)


def _compact(cell: Indices, n_cells: int) -> tuple[Indices, Int32s]:
    """Distinct cells, ascending, and each entry's position among them."""
    if len(cell) * 16 < n_cells:
        cells, local = np.unique(cell, return_inverse=True)
        return cells.astype(np.int64), local.astype(np.int32)
    is_active = np.zeros(n_cells, dtype=bool)
    is_active[cell] = True
    cells = np.flatnonzero(is_active).astype(np.int64)
    position = np.empty(n_cells, dtype=np.int32)
    position[cells] = np.arange(len(cells), dtype=np.int32)
    return cells, position[cell]


@njit(cache=True, nogil=True, error_model="numpy")
def _add_up(sums, cell, count, begin, end, sign):  # type: ignore[no-untyped-def]
    for i in range(begin, end):
        sums[cell[i]] += sign * count[i]


@njit(cache=True, nogil=True, error_model="numpy")
def _add_through(raster, cells, cell, count, begin, end):  # type: ignore[no-untyped-def]
    for i in range(begin, end):
        raster[cells[cell[i]]] += count[i]


@njit(cache=True, nogil=True, error_model="numpy")
def _add_periods(counts, cell, count, ends):  # type: ignore[no-untyped-def]
    for p in range(len(ends) - 1):
        for i in range(ends[p], ends[p + 1]):
            counts[cell[i], p] += count[i]


@njit(cache=True, nogil=True, error_model="numpy")
def _run(running, cell, count, step):  # type: ignore[no-untyped-def]
    for m in range(running.shape[0]):
        if m:
            running[m] = running[m - 1]
        for i in range(m * step, (m + 1) * step):
            running[m, cell[i]] += count[i]

"""Counts of cell, day and category: any window and category without touching incidents again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from geo.errors import ParameterError
from geo.hotspots.counts.counting import LeftOut, Texts, coded, counted_rows
from geo.hotspots.counts.cube_files import read_counts, write_counts
from geo.hotspots.counts.lattice import MAX_CELLS, Floats, Indices, Lattice
from geo.hotspots.counts.periods import Day, Days, Period, Periods, periods, window_days
from geo.hotspots.counts.tallies import Tally, changed, distinct, summed, tally_of

Wanted: TypeAlias = str | Iterable[str] | None
"""A category, several, or all of them."""


@dataclass(frozen=True, eq=False)
class Cube:
    """Incidents counted by cell, local day and category.

    Entries that hold a count are kept sorted by category, day and cell, and once more over all
    categories, each with running sums (see `Tally`); memory follows entries and active cells.
    A window costs about the number of its active cells, however many incidents it has.

    `categories` texts in order, "" for rows without one; `tallies` one a category; `everything`
    over all of them; `left_out` rows not counted.
    """

    lattice: Lattice
    categories: tuple[str, ...]
    tallies: tuple[Tally, ...]
    everything: Tally
    left_out: LeftOut

    @classmethod
    def build(
        cls,
        lattice: Lattice,
        x: Floats,
        y: Floats,
        day: Days,
        category: Texts,
        *,
        incident: Texts | None = None,
        today: Day | None = None,
    ) -> Cube:
        """The cube of n incidents.

        Parameters
        ----------
        x, y : (n,) places in the lattice's CRS, metres; not finite: counted as unplaced
        day : (n,) datetime64[D] local days; NaT: counted as undated
        category : (n,) texts; null counts as category ""
        incident : (n,) ids; a repeated one is counted once, at its first row
        today : local day after which rows are in the future: left out and counted

        Raises
        ------
        ParameterError : `day` is not in whole days (the caller converts the time zone)
        """
        empty = cls.from_entries(lattice, _no_entries())
        return empty.add(x, y, day, category, incident=incident, today=today)

    def add(
        self,
        x: Floats,
        y: Floats,
        day: Days,
        category: Texts,
        *,
        incident: Texts | None = None,
        today: Day | None = None,
    ) -> Cube:
        """A new cube with these rows too; arguments as for `build`.

        Only the categories of the new rows are rebuilt. Ids are compared among these rows only:
        the cube keeps no ids.
        """
        rows, left_out = counted_rows(
            self.lattice, x, y, day=day, category=category, incident=incident, today=today
        )
        return self._changed(*rows, left_out=left_out, sign=1)

    def without(self, x: Floats, y: Floats, day: Days, category: Texts) -> Cube:
        """A new cube with these rows taken away.

        Raises
        ------
        ParameterError : a row is not in the cube
        """
        rows, left_out = counted_rows(self.lattice, x, y, day=day, category=category)
        return self._changed(*rows, left_out=left_out, sign=-1)

    @classmethod
    def from_entries(
        cls, lattice: Lattice, entries: pd.DataFrame, *, left_out: LeftOut | None = None
    ) -> Cube:
        """The cube of entries as `entries()` gives them; equal ones are added up.

        Raises
        ------
        ParameterError : a cell is not on the lattice or a count is below 1
        """
        cell = entries["cell"].to_numpy(np.int64)
        count = entries["count"].to_numpy(np.int64)
        is_wrong = (cell < 0) | (cell >= lattice.n_cells) | (count < 1)
        if is_wrong.any():
            raise ParameterError(
                "hotspots.cube_entries",
                f"entries must have a cell of the lattice and a count from 1; "
                f"{int(is_wrong.sum())} have not. Count on the same lattice.",
                n=int(is_wrong.sum()),
            )
        day = entries["day"].to_numpy().astype("datetime64[D]").astype(np.int64)
        code, names = coded(entries["category"])
        keys = day * lattice.n_cells + cell
        tallies = tuple(
            tally_of(*summed(keys[code == k], count[code == k]), lattice.n_cells)
            for k in range(len(names))
        )
        everything = tally_of(*summed(keys, count), lattice.n_cells)
        return cls(lattice, tuple(names), tallies, everything, left_out or LeftOut())

    def entries(self) -> pd.DataFrame:
        """A row per category, day and cell: cell, day (local), category, count."""
        return pd.DataFrame(
            {
                "cell": _joined(t.cells[t.cell] for t in self.tallies),
                "day": _joined(t.day for t in self.tallies)
                .astype("datetime64[D]")
                .astype("datetime64[s]"),
                "category": pd.Categorical.from_codes(
                    np.repeat(np.arange(len(self.tallies)), [len(t.day) for t in self.tallies]),
                    categories=pd.Index(self.categories, dtype=object),
                ),
                "count": _joined(t.count for t in self.tallies),
            }
        )

    @property
    def n_incidents(self) -> int:
        """Incidents counted."""
        return self.everything.total

    @property
    def n_outside(self) -> int:
        """Incidents off the lattice or in a cell without ground."""
        return self.left_out.n_outside

    @property
    def n_unplaced(self) -> int:
        """Incidents without a finite place."""
        return self.left_out.n_unplaced

    @property
    def first_day(self) -> np.datetime64 | None:
        """Local day of the first incident; None without any."""
        day = self.everything.day
        return np.datetime64(int(day[0]), "D") if len(day) else None

    @property
    def last_day(self) -> np.datetime64 | None:
        """Local day of the last incident; None without any."""
        day = self.everything.day
        return np.datetime64(int(day[-1]), "D") if len(day) else None

    def window(self, first: Day, last: Day, *, category: Wanted = None) -> Indices:
        """(rows, cols) incidents from `first` to `last` local day, both included.

        A category that the cube has not seen has no incidents.

        Raises
        ------
        ParameterError : the window ends before it begins
        """
        begin, end = _numbers(first, last)
        counts = np.zeros(self.lattice.n_cells, dtype=np.int64)
        for tally in self._wanted(category):
            tally.add_window(counts, begin, end)
        return counts.reshape(self.lattice.shape)

    def daily(self, first: Day, last: Day, *, category: Wanted = None) -> Indices:
        """(days,) incidents on each local day of the window."""
        begin, end = _numbers(first, last)
        totals = np.zeros(end - begin + 1, dtype=np.int64)
        for tally in self._wanted(category):
            totals += tally.daily(begin, end)
        return totals

    def series(
        self, first: Day, last: Day, *, category: Wanted = None, period: Period = "month"
    ) -> tuple[Indices, Indices, Periods]:
        """Cells (k,) with an incident in the window, counts (k, periods), and the periods.

        Raises
        ------
        ParameterError : the window ends before it begins, or the period is unknown
        """
        cut = periods(first, last, period)
        starts = cut.starts.astype(np.int64)
        edges = np.append(starts, starts[-1] + cut.n_days[-1])
        tallies = self._wanted(category)
        if len(tallies) == 1:
            cells, counts = tallies[0].cells, tallies[0].by_period(edges)
        else:
            every = [t.cells for t in tallies]
            cells = np.unique(np.concatenate(every or [_NONE])).astype(np.int64)
            counts = np.zeros((len(cells), len(cut)), dtype=np.int64)
            for tally in tallies:
                counts[np.searchsorted(cells, tally.cells)] += tally.by_period(edges)
        is_seen = counts.any(axis=1)
        return cells[is_seen], counts[is_seen], cut

    def by_period(
        self, first: Day, last: Day, *, category: Wanted = None, period: Period = "month"
    ) -> Indices:
        """(periods, rows, cols) incidents; the periods are those of `periods.periods`.

        Raises
        ------
        ParameterError : the window or period is wrong, or there would be more than `MAX_CELLS`
            values (`series` holds the active cells only)
        """
        n_values = len(periods(first, last, period)) * self.lattice.n_cells
        if n_values > MAX_CELLS:
            raise ParameterError(
                "hotspots.raster_too_large",
                f"counts by period must have at most {MAX_CELLS} values; {n_values} needed. "
                "Use longer periods or larger cells.",
                n_cells=n_values,
                limit=MAX_CELLS,
            )
        cells, counts, cut = self.series(first, last, category=category, period=period)
        dense = np.zeros((len(cut), self.lattice.n_cells), dtype=np.int64)
        dense[:, cells] = counts.T
        return dense.reshape(len(cut), *self.lattice.shape)

    def save(self, path: str | Path) -> None:
        """Write the cube to a file, whole or not at all."""
        entries = self.entries()
        arrays = {
            "categories": np.array(self.categories, dtype=np.str_),
            "code": entries["category"].cat.codes.to_numpy(np.int32),
            "cell": entries["cell"].to_numpy(),
            "day": _joined(t.day for t in self.tallies),
            "count": entries["count"].to_numpy(),
            "left_out": np.array([getattr(self.left_out, f.name) for f in fields(LeftOut)]),
        }
        write_counts(Path(path), self.lattice, arrays)

    @classmethod
    def load(cls, path: str | Path) -> Cube:
        """The cube of a file that `save` wrote.

        Raises
        ------
        InputError : the file is no cube of this version
        """
        lattice, found = read_counts(Path(path))
        names = pd.Index(found["categories"].tolist(), dtype=object)
        entries = pd.DataFrame(
            {
                "cell": found["cell"],
                "day": found["day"].astype("datetime64[D]").astype("datetime64[s]"),
                "category": pd.Categorical.from_codes(found["code"], categories=names),
                "count": found["count"],
            }
        )
        return cls.from_entries(lattice, entries, left_out=LeftOut(*found["left_out"].tolist()))

    def _wanted(self, category: Wanted) -> list[Tally]:
        if category is None:
            return [self.everything]
        names = {category} if isinstance(category, str) else set(category)
        return [t for name, t in zip(self.categories, self.tallies, strict=True) if name in names]

    def _changed(
        self, keys: Indices, code: Indices, names: list[str], *, left_out: LeftOut, sign: int
    ) -> Cube:
        n_cells = self.lattice.n_cells
        held = dict(zip(self.categories, self.tallies, strict=True))
        # Two bytes are sorted by radix, ten times as fast.
        narrow = code.astype(np.int16) if len(names) < 2**15 else code
        order = np.argsort(narrow, kind="stable")
        ends = np.cumsum(np.bincount(code, minlength=len(names)))
        parts = np.split(keys[order], ends)[: len(names)]
        total_keys, total_count = distinct(keys)
        everything = changed(self.everything, total_keys, sign * total_count, n_cells)
        for name, part in zip(names, parts, strict=True):
            if not len(part):
                continue
            part_keys, count = distinct(part)
            old = held.get(name) or tally_of(_NONE, _NONE, n_cells)
            new = changed(old, part_keys, sign * count, n_cells)
            if new is None:
                everything = None
                break
            held[name] = new
        if everything is None:
            raise ParameterError(
                "hotspots.cube_lacks_rows",
                "only rows that were counted can be taken away; some are not in the cube. "
                "Build it anew from the incidents.",
            )
        kept = sorted(name for name, tally in held.items() if len(tally.day))
        return replace(
            self,
            categories=tuple(kept),
            tallies=tuple(held[name] for name in kept),
            everything=everything,
            left_out=self.left_out.plus(left_out, sign),
        )


def merged(cubes: Iterable[Cube]) -> Cube:
    """One cube of several on the same lattice: of the partitions of a set larger than memory.

    Raises
    ------
    ParameterError : there is no cube, or the lattices differ
    """
    held = list(cubes)
    if not held or not all(_is_same(held[0].lattice, cube.lattice) for cube in held):
        raise ParameterError(
            "hotspots.cubes_differ",
            f"cubes must be counted on one lattice to be merged; {len(held)} given. "
            "Count every part on the same lattice.",
            n=len(held),
        )
    left_out = LeftOut()
    for cube in held:
        left_out = left_out.plus(cube.left_out)
    entries = [cube.entries().astype({"category": object}) for cube in held]
    return Cube.from_entries(
        held[0].lattice, pd.concat(entries, ignore_index=True), left_out=left_out
    )


_NONE: Indices = np.zeros(0, dtype=np.int64)


def _no_entries() -> pd.DataFrame:
    nothing = pd.Categorical([])
    return pd.DataFrame({"cell": _NONE, "day": _NONE, "category": nothing, "count": _NONE})


def _joined(parts: Iterable[npt.NDArray[np.integer]]) -> Indices:
    return np.concatenate([_NONE, *parts]).astype(np.int64)


def _numbers(first: Day, last: Day) -> tuple[int, int]:
    begin, end = window_days(first, last)
    return int(begin.astype(np.int64)), int(end.astype(np.int64))


def _is_same(one: Lattice, other: Lattice) -> bool:
    return one.transform == other.transform and np.array_equal(one.ground_share, other.ground_share)

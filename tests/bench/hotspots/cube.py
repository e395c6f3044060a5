# ruff: noqa: E402 - threads are set before NumPy starts
"""The cube beside counting incidents anew, in one run; answers compared.

Run: python -m tests.bench.hotspots.cube [--quick]
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
import shapely

from geo.hotspots.counts.cube import Cube
from geo.hotspots.counts.lattice import Lattice, lattice_over
from geo.hotspots.significant.areas import hotspot_areas
from geo.hotspots.significant.significance import significant_cells
from tests.bench.results import table

SIDE_M = 25_000.0
N_CATEGORIES = 30
FIRST, N_DAYS = np.datetime64("2021-01-01"), 1826
WINDOWS = {
    "five years": ("2021-01-01", "2025-12-31"),
    "a year": ("2024-03-01", "2025-02-28"),
    "a month": ("2025-06-01", "2025-06-30"),
}
WINDOW_TARGET_MS = 5.0
PAGE_TARGET_MS = 1000.0

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Rows:
    """Incidents as columns: half anywhere, half around 400 centres."""

    x: np.ndarray
    y: np.ndarray
    day: np.ndarray
    category: np.ndarray

    @classmethod
    def drawn(cls, n: int, seed: int = 0) -> Rows:
        rng = np.random.default_rng(seed)
        centre = rng.uniform(0, SIDE_M, (400, 2))
        at = rng.uniform(0, SIDE_M, (n, 2))
        near = rng.random(n) < 0.5
        at[near] = centre[rng.integers(0, 400, near.sum())] + rng.normal(0, 600, (near.sum(), 2))
        names = np.array([f"{k:04d}" for k in range(N_CATEGORIES)], dtype=object)
        day = FIRST + rng.integers(0, N_DAYS, n)
        at = at.clip(0, SIDE_M - 1)
        return cls(at[:, 0], at[:, 1], day, names[rng.integers(0, N_CATEGORIES, n)])

    def some(self, n: int) -> Rows:
        return Rows(self.x[:n], self.y[:n], self.day[:n], self.category[:n])


def best_ms(work: Callable[[], Answer], *, times: int) -> tuple[float, Answer]:
    """Least processor milliseconds of several runs, and the last answer."""
    best = np.inf
    for _ in range(times):
        clock = time.process_time()
        answer = work()
        best = min(best, time.process_time() - clock)
    return best * 1e3, answer


def counted_anew(
    rows: Rows, cell: np.ndarray, lattice: Lattice, window: tuple[str, str], category: str | None
) -> np.ndarray:
    """The same raster from the incidents: a mask and a bincount."""
    is_in = (rows.day >= np.datetime64(window[0])) & (rows.day <= np.datetime64(window[1]))
    if category is not None:
        is_in &= rows.category == category
    return np.bincount(cell[is_in], minlength=lattice.n_cells).reshape(lattice.shape)


def page(cube: Cube, lattice: Lattice, category: str | None) -> int:
    """Window, significance and areas: what a map answers; the number of areas."""
    seen = cube.window(*WINDOWS["a year"], category=category)
    judged = significant_cells(seen, lattice.ground_share, is_inside=lattice.is_inside)
    return len(hotspot_areas(judged, lattice))


def size_mb(cube: Cube) -> float:
    tallies = (*cube.tallies, cube.everything)
    columns = ("cells", "day", "cell", "count", "running")
    return sum(getattr(t, name).nbytes for t in tallies for name in columns) / 1e6


def lines(n: int, cells_a_side: int, times: int) -> list[list[object]]:
    """Rows of the table for one lattice."""
    rows = Rows.drawn(n)
    side = SIDE_M / cells_a_side
    ground = shapely.box(0, 0, SIDE_M - side / 2, SIDE_M - side / 2)
    lattice = lattice_over(ground, cell_size_m=side, crs="EPSG:4551")
    name = f"{n / 1e6:g}M, {lattice.shape[0]} x {lattice.shape[1]}"
    warm = rows.some(20_000)
    Cube.build(lattice, warm.x, warm.y, warm.day, warm.category).window(*WINDOWS["a month"])
    few = max(1, times - 2)
    ms, cube = best_ms(
        lambda: Cube.build(lattice, rows.x, rows.y, rows.day, rows.category),
        times=max(1, times - 2),
    )
    out: list[list[object]] = [
        [name, f"build ({size_mb(cube):.0f} MB)", f"{ms:.0f}", "", "", "", ""]
    ]
    cell = lattice.cell_of(rows.x, rows.y)
    for label, window in WINDOWS.items():
        for category in (None, "0007"):
            ours_ms, ours = best_ms(
                lambda w=window, c=category: cube.window(*w, category=c), times=times
            )
            peer_ms, peer = best_ms(
                lambda w=window, c=category: counted_anew(rows, cell, lattice, w, c), times=times
            )
            what = f"{label}, {_named(category)}"
            same = "same" if np.array_equal(ours, peer) else "DIFFERENT"
            out.append(
                [name, what, f"{ours_ms:.2f}", f"{peer_ms:.1f}", f"{peer_ms / ours_ms:.0f}x",
                 f"<= {WINDOW_TARGET_MS:g}: {_met(ours_ms <= WINDOW_TARGET_MS)}", same]
            )  # fmt: skip
    new = Rows.drawn(1_000, seed=1)
    ms, grown = best_ms(lambda: cube.add(new.x, new.y, new.day, new.category), times=times)
    every = [
        np.concatenate([a, b]) for a, b in zip(vars(rows).values(), vars(new).values(), strict=True)
    ]
    whole_ms, whole = best_ms(lambda: Cube.build(lattice, *every), times=1)
    same = "same" if _is_same(grown, whole) else "DIFFERENT"
    out.append([name, "1,000 more, against building", f"{ms:.1f}", f"{whole_ms:.0f}",
                f"{whole_ms / ms:.0f}x", "", same])  # fmt: skip
    page(cube, lattice, "0007")
    for category in (None, "0007"):
        ms, n_areas = best_ms(lambda c=category: page(cube, lattice, c), times=few)
        what = f"page, a year, {_named(category)} ({n_areas} areas)"
        out.append(
            [
                name,
                what,
                f"{ms:.0f}",
                "",
                "",
                f"< {PAGE_TARGET_MS:g}: {_met(ms < PAGE_TARGET_MS)}",
                "",
            ]
        )
    return out


def _named(category: str | None) -> str:
    return "all categories" if category is None else "one category"


def _met(is_met: bool) -> str:
    return "met" if is_met else "MISSED"


def _is_same(one: Cube, other: Cube) -> bool:
    try:
        pd.testing.assert_frame_equal(one.entries(), other.entries())
    except AssertionError:
        return False
    return True


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    is_quick = parser.parse_args().quick
    heads = ["incidents, cells", "what", "ours ms", "anew ms", "ratio", "target ms", "answers"]
    body = lines(1_000_000, 250, 3 if is_quick else 7)
    if not is_quick:
        body += lines(1_000_000, 1000, 5)
        body += lines(5_000_000, 250, 3)
    print(table(heads, body))


if __name__ == "__main__":
    main()

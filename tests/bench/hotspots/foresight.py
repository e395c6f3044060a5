# ruff: noqa: E402 - threads are set before NumPy starts
"""Monthly forecasts of 2013 and 2014 on 150 m cells: ours beside count, Gi* and kernel density.

Each month is forecast from what was before it, our weights tuned on that past too. Town: the cells
within 300 m of a cell that ever held an incident of any category. Peers: incidents of the last 12
months; Gi* of them (the cell and its eight neighbours); their Gaussian density of 200 m. Scores:
means over the months of PAI at 1% of the town and of AUC, ties by expectation. "Oracle" knows the
month. Data: `../shared/data` beside the project; sets that are absent are named and skipped.

Run: python -m tests.bench.hotspots.foresight [--quick]
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
from scipy import ndimage
from scipy.sparse import csr_array

from geo.hotspots.surfaces.evaluation import auc, pai
from geo.hotspots.surfaces.forecast import forecast
from tests.bench.results import table

DATA = Path(__file__).parents[4] / "shared" / "data"
CELL_M = 150.0
NEAR_CELLS = 2.0
"""How far the town reaches beyond cells with incidents, in cells: 300 m."""

WEEK_DAYS, WEEKS = 7, 4
"""Our forecasts of a month count the past in weeks, and learn from four of them at a time."""


@dataclass(frozen=True)
class Case:
    """A set: its file, zone, column of times, category (None: all), first year, PAI target."""

    name: str
    file: str
    epsg: int
    time: str
    category: str | None
    first_year: int
    target: float


SF = ("sf_police_incidents_2003_2015.parquet", 32610, "dt")
CASES = (
    Case("Chicago rubbish", "chicago_311_sanitation.parquet", 32616, "created", None, 2011, 1.15),
    Case("San Francisco vehicle theft", *SF, "VEHICLE THEFT", 2003, 1.15),
    Case("San Francisco vandalism", *SF, "VANDALISM", 2003, 1.05),
    Case("San Francisco larceny", *SF, "LARCENY/THEFT", 2003, 1.0),
)


@dataclass(frozen=True)
class Ground:
    """Incidents in cells: `cell` and `day` (n,) since the first year; `starts`: day of each month;
    `is_inside` (rows, cols)."""

    cell: np.ndarray
    day: np.ndarray
    starts: np.ndarray
    is_inside: np.ndarray

    def between(self, first: int, last: int) -> np.ndarray:
        """(rows, cols) incidents of the months first, ..., last - 1."""
        is_in = (self.day >= self.starts[first]) & (self.day < self.starts[last])
        counts = np.bincount(self.cell[is_in], minlength=self.is_inside.size)
        return counts.reshape(self.is_inside.shape).astype(np.float64)

    def weeks_before(self, month: int) -> csr_array:
        """(weeks, cells) counts of the past, in weeks counted back from the month's first day."""
        is_past = self.day < self.starts[month]
        back = ((self.starts[month] - self.day[is_past] - 1e-9) // WEEK_DAYS).astype(np.int64)
        n_weeks = int(self.starts[month] // WEEK_DAYS)
        is_whole = back < n_weeks
        week, cell = n_weeks - 1 - back[is_whole], self.cell[is_past][is_whole]
        return csr_array((np.ones(len(week)), (week, cell)), shape=(n_weeks, self.is_inside.size))


def read(case: Case) -> Ground:
    rows = pd.read_parquet(DATA / case.file)
    rows = rows[rows["lat"].between(-89, 89) & rows["lon"].notna()]
    to_metric = pyproj.Transformer.from_crs(4326, case.epsg, always_xy=True)
    x, y = to_metric.transform(rows["lon"].to_numpy(), rows["lat"].to_numpy())
    col, row = np.floor(x / CELL_M).astype(np.int64), np.floor(y / CELL_M).astype(np.int64)
    margin = int(NEAR_CELLS) + 1
    col, row = col - col.min() + margin, row.max() - row + margin
    shape = (int(row.max()) + 1 + margin, int(col.max()) + 1 + margin)
    has_any = np.zeros(shape, dtype=bool)
    has_any[row, col] = True
    begin = pd.Timestamp(f"{case.first_year}-01-01")
    months = pd.date_range(begin, "2015-01-01", freq="MS")
    day = ((rows[case.time] - begin) / pd.Timedelta(days=1)).to_numpy(dtype=np.float64)
    is_kept = day >= 0
    if case.category is not None:
        is_kept &= (rows["category"] == case.category).to_numpy()
    return Ground(
        cell=(row * shape[1] + col)[is_kept],
        day=day[is_kept],
        starts=((months - begin) / pd.Timedelta(days=1)).to_numpy(dtype=np.float64),
        is_inside=ndimage.distance_transform_edt(~has_any) <= NEAR_CELLS,
    )


def gi_star(counts: np.ndarray, is_inside: np.ndarray) -> np.ndarray:
    """z of Gi* with binary weights on the cell and its eight neighbours (Ord and Getis 1995)."""
    around = np.ones((3, 3))
    n = is_inside.sum()
    n_around = ndimage.convolve(is_inside.astype(np.float64), around, mode="constant")
    total = ndimage.convolve(counts * is_inside, around, mode="constant")
    mean, sd = counts[is_inside].mean(), counts[is_inside].std()
    spread = sd * np.sqrt(np.maximum(n * n_around - n_around**2, 1e-12) / (n - 1))
    return (total - mean * n_around) / spread


def methods(ground: Ground, month: int) -> dict[str, Callable[[], np.ndarray]]:
    """Name -> forecast of a month from what was before it."""
    is_inside = ground.is_inside

    def year() -> np.ndarray:
        return ground.between(month - 12, month)

    return {
        "count 12 months": year,
        "Gi* 12 months": lambda: gi_star(year(), is_inside),
        "density 200 m, 12 months": lambda: ndimage.gaussian_filter(
            year(), 200 / CELL_M, mode="constant"
        ),
        "ours": lambda: forecast(ground.weeks_before(month), is_inside=is_inside, horizon=WEEKS),
        "ours, past in months": lambda: forecast(
            np.stack([ground.between(m, m + 1) for m in range(month)]), is_inside=is_inside
        ),
        "oracle": lambda: ground.between(month, month + 1),
    }


def run(case: Case, n_months: int) -> list[list[object]]:
    ground = read(case)
    n_all = len(ground.starts) - 1
    scores: dict[str, list[tuple[float, float, float]]] = {}
    for month in range(n_all - n_months, n_all):
        observed = ground.between(month, month + 1)[ground.is_inside]
        for name, work in methods(ground, month).items():
            clock = time.process_time()
            expected = work()[ground.is_inside]
            seconds = time.process_time() - clock
            score = pai(expected, observed, share=0.01), auc(expected, observed), seconds
            scores.setdefault(name, []).append(score)
    means = {name: np.mean(values, axis=0) for name, values in scores.items()}
    peers = list(means)[:3]
    best_pai, best_auc = (max(means[name][k] for name in peers) for k in (0, 1))
    rows: list[list[object]] = []
    for name, (found_pai, found_auc, seconds) in means.items():
        said = ""
        if name == "ours":
            is_far, is_wide = found_pai >= case.target * best_pai, found_auc >= best_auc
            said = f"PAI >= {case.target}x: {'yes' if is_far else 'NO'}; " + (
                f"AUC >= the best: {'yes' if is_wide else 'NO'}"
            )
        rows.append(
            [
                case.name,
                name,
                f"{found_pai:.2f}",
                f"{found_pai / best_pai:.3f}",
                f"{found_auc:.4f}",
                f"{seconds:.2f}",
                said,
            ]
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the last 6 months only")
    n_months = 6 if parser.parse_args().quick else 24
    rows = []
    for case in CASES:
        if (DATA / case.file).exists():
            rows += run(case, n_months)
        else:
            print(f"SKIPPED: {case.name}: {case.file} is not in shared/data beside the project")
    heads = ["data", "method", "PAI at 1%", "of the best peer", "AUC", "CPU s a forecast", "target"]
    if rows:
        rest = "" if n_months == 24 else " (the targets are for all 24)"
        print(f"{n_months} monthly forecasts{rest}\n")
        print(table(heads, rows))


if __name__ == "__main__":
    main()

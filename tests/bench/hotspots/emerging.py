# ruff: noqa: E402 - threads are set before NumPy starts
"""Emerging classes beside z-scores and Mann-Kendall, in one run; tests checked against SciPy.

Run: python -m tests.bench.hotspots.emerging [--quick]
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import math
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from scipy import ndimage, special, stats

from geo.hotspots.change.emerging import CLASSES, emerging
from tests.bench.results import table

SIDE, N_PERIODS = 316, 12
TARGET_S = 0.1
LOOP_CELLS = 500

Answer = TypeVar("Answer")


def best_s(work: Callable[[], Answer], *, times: int) -> tuple[float, Answer]:
    """Least processor seconds of several runs, and the last answer."""
    best = np.inf
    for _ in range(times):
        clock = time.process_time()
        answer = work()
        best = min(best, time.process_time() - clock)
    return best, answer


def by_z_scores(counts: np.ndarray) -> np.ndarray:
    """(cells,) whether the cell gets a class as ArcGIS gives them, in whole-array NumPy.

    Gi* of 3 x 3 cells in every period, Benjamini and Hochberg, Mann-Kendall of the z-scores.
    """
    cube = counts.T.reshape(N_PERIODS, SIDE, SIDE).astype(np.float64)
    near = ndimage.uniform_filter(cube, (0, 3, 3), mode="constant") * 9
    weight = ndimage.uniform_filter(np.ones((SIDE, SIDE)), 3, mode="constant") * 9
    n, mean = SIDE * SIDE, cube.mean(axis=(1, 2), keepdims=True)
    scale = cube.std(axis=(1, 2), keepdims=True)
    z = (near - mean * weight) / (scale * np.sqrt((n * weight - weight**2) / (n - 1)))
    z = z.reshape(N_PERIODS, n)
    p = np.sort(special.ndtr(-np.abs(z)).ravel() * 2)
    low = np.flatnonzero(p <= 0.05 * np.arange(1, p.size + 1) / p.size)
    bound = -special.ndtri(p[low[-1]] / 2) if len(low) else np.inf
    score = np.zeros(n)
    for gap in range(1, N_PERIODS):
        score += np.sign(z[gap:] - z[:-gap]).sum(axis=0)
    spread = math.sqrt(N_PERIODS * (N_PERIODS - 1) * (2 * N_PERIODS + 5) / 18)
    trend = np.abs(score) > 1.645 * spread
    hot = z >= bound
    is_classed: np.ndarray = hot.any(axis=0) & (hot[-1] | trend | (hot.sum(axis=0) > 0))
    return is_classed


def by_loop(counts: np.ndarray) -> np.ndarray:
    """(cells,) Mann-Kendall z, a cell at a time, as the usual package computes it."""
    out = np.empty(len(counts))
    for i, series in enumerate(counts):
        n, s = len(series), 0.0
        for k in range(n - 1):
            s += np.sign(series[k + 1 :] - series[k]).sum()
        ties = np.unique(series, return_counts=True)[1]
        spread = (n * (n - 1) * (2 * n + 5) - (ties * (ties - 1) * (2 * ties + 5)).sum()) / 18
        out[i] = 0.0 if s == 0 or spread == 0 else (s - np.sign(s)) / math.sqrt(spread)
    return out


def planted(mean: float) -> np.ndarray:
    """(cells, periods) Poisson counts; 200 cells have five times the mean, half of them grow."""
    rng = np.random.default_rng(1)
    rate = np.full((SIDE * SIDE, N_PERIODS), mean)
    rate[:200] *= 5
    rate[:100] *= np.linspace(0.2, 1.8, N_PERIODS)
    return rng.poisson(rate)


def tails_agree(counts: np.ndarray) -> bool:
    """Of 500 cells the flags against SciPy's binomial tails, controlled a cell at a time."""
    part = counts[:500]
    found = emerging(part, dispersion="none")
    whole = part.sum(axis=0)
    p = stats.binom.sf(part - 1, whole, 1 / len(part))
    window = stats.binom.sf(part.sum(axis=1) - 1, whole.sum(), 1 / len(part))
    within = np.array([stats.false_discovery_control(row) for row in p])
    cell = np.minimum(1, 2 * np.minimum(window, within.min(axis=1)))
    is_found = stats.false_discovery_control(cell) <= 0.05
    level = 0.05 * is_found.sum() / len(part) / 2
    hot = is_found[:, None] & (within <= level)
    return bool(np.array_equal(found.flags > 0, hot))


def lines(mean: float, times: int) -> list[object]:
    """A row of the table for one mean count."""
    rng = np.random.default_rng(0)
    null = rng.poisson(mean, (SIDE * SIDE, N_PERIODS))
    emerging(null[:100])
    ours_s, ours = best_s(lambda: emerging(null), times=times)
    numpy_s, classed = best_s(lambda: by_z_scores(null), times=times)
    loop_s, _ = best_s(lambda: by_loop(null[:LOOP_CELLS]), times=1)
    counts = planted(mean)
    busy_s, found = best_s(lambda: emerging(counts), times=times)
    steady = np.isin(found.code[:200], [CLASSES.index(c) for c in CLASSES[1:7]])
    n_false = int((found.code[200:] > 0).sum())
    return [
        f"{mean:g}",
        f"{ours_s:.3f} / {busy_s:.3f}",
        f"{numpy_s:.3f}",
        f"{loop_s * SIDE * SIDE / LOOP_CELLS:.1f}",
        f"<= {TARGET_S:g}: {'met' if max(ours_s, busy_s) <= TARGET_S else 'MISSED'}",
        int((ours.code > 0).sum()),
        int(classed.sum()),
        f"{int(steady.sum())} of 200, {n_false} false",
        "same" if tails_agree(counts) else "DIFFERENT",
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    is_quick = parser.parse_args().quick
    heads = [
        "mean a cell and month", "ours s (null / planted)", "Gi* + Mann-Kendall, NumPy s",
        "Mann-Kendall alone, loop s", "target s", "cells classed on the null map, ours",
        "theirs", "planted found by ours", "flags against SciPy",
    ]  # fmt: skip
    means = (0.5, 5.0) if is_quick else (0.05, 0.5, 1.0, 5.0, 20.0)
    print(f"{SIDE * SIDE} cells x {N_PERIODS} months\n")
    print(table(heads, [lines(mean, 3 if is_quick else 7) for mean in means]))


if __name__ == "__main__":
    main()

"""Sums over square windows of cells, and the part of a window that makes its excess; compiled."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import math

import numpy as np
from numba import njit

from geo.hotspots.counts.lattice import Bools, Floats, Indices
from geo.hotspots.significant.tails import upper_tail


@njit(cache=True, nogil=True, error_model="numpy")
def window_sums(values: Floats, reach: int) -> Floats:
    """(rows, cols) sum over the cells within `reach` rows and columns, off the raster nothing.

    Added cell by cell in one order, so that like windows have equal sums to the last bit.
    """
    rows, cols = values.shape
    sums = np.empty((rows, cols))
    for row in range(rows):
        for col in range(cols):
            total = 0.0
            for r in range(max(0, row - reach), min(rows, row + reach + 1)):
                for c in range(max(0, col - reach), min(cols, col + reach + 1)):
                    total += values[r, c]
            sums[row, col] = total
    return sums


@njit(cache=True, nogil=True, error_model="numpy")
def spread_to_cores(
    counts: Indices,
    expected: Floats,
    is_tested: Bools,
    windows: Indices,
    reaches: Indices,
    evidence: Floats,
    model: int,
    total: float,
    other: float,
    level: float,
    strict_level: float,
    least: Floats,
    deciding: Indices,
) -> None:
    """Give each cell the evidence (q) of the first window in whose core it lies.

    Windows are heard from the strongest evidence on. Cells that lie in a core already are left
    out of the later windows; a window is passed by when what is left of it is not in excess at
    the strict level: a hot cell does not widen itself through the other windows that hold it.

    A window's core is its subset of cells with the greatest Poisson log likelihood ratio
    C ln(C / E) - (C - E); it is a run from the top of its cells in order of count over expected
    (linear-time subset scanning, Neill 2012, J. R. Stat. Soc. B 74(2), theorem 1). So a cell
    without an excess of its own is in no core. From the second cell (or cells of equal ratio) on,
    what is left of the window must still be in excess at the level: the neighbours of one hot
    cell do not enter on its account.

    windows, reaches, evidence : (n,) flat index of the windows' centres, their reach in cells,
    their q, ascending
    model, total, other : of `tails.upper_tail`
    strict_level : `level` over the number of windows that hold a cell
    least, deciding : (rows, cols) of ones and zeros, written: q, and the width of that window
    """
    rows, cols = counts.shape
    most = (2 * reaches.max() + 1) ** 2 if len(reaches) else 0
    ratio, place = np.empty(most), np.empty(most, np.int64)
    for k in range(len(windows)):
        row, col, reach = windows[k] // cols, windows[k] % cols, reaches[k]
        n, seen, mean, is_whole = 0, 0, 0.0, True
        for r in range(max(0, row - reach), min(rows, row + reach + 1)):
            for c in range(max(0, col - reach), min(cols, col + reach + 1)):
                if not is_tested[r, c]:
                    continue
                if deciding[r, c]:
                    is_whole = False
                    continue
                seen += counts[r, c]
                mean += expected[r, c]
                if counts[r, c] > expected[r, c]:
                    ratio[n] = -counts[r, c] / expected[r, c]
                    place[n] = r * cols + c
                    n += 1
        if n == 0 or seen <= mean:
            continue
        if not is_whole and upper_tail(model, seen, mean, total, other) > strict_level:
            continue
        order = np.argsort(ratio[:n])
        before = -np.inf
        for j in range(core_size(counts, expected, place, order)):
            r, c = place[order[j]] // cols, place[order[j]] % cols
            is_weaker = j > 0 and ratio[order[j]] > before * (1.0 - 1e-9)
            if is_weaker and upper_tail(model, seen, mean, total, other) > level:
                break
            before = ratio[order[j]]
            least[r, c], deciding[r, c] = evidence[k], 2 * reach + 1
            seen -= counts[r, c]
            mean -= expected[r, c]


@njit(cache=True, nogil=True, error_model="numpy")
def core_size(counts: Indices, expected: Floats, place: Indices, order: Indices) -> int:
    """How many of the cells, from the top, have together the greatest likelihood ratio."""
    cols = counts.shape[1]
    total, mean, best, n_core = 0.0, 0.0, 0.0, 0
    for j in range(len(order)):
        r, c = place[order[j]] // cols, place[order[j]] % cols
        total += counts[r, c]
        mean += expected[r, c]
        score = total * math.log(total / mean) - (total - mean)
        if score >= best:
            best, n_core = score, j + 1
    return n_core

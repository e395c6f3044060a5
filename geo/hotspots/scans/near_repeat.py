"""Near repeats: whether incidents follow one another closely in both place and time (Knox)."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from numba import njit
from scipy.spatial import cKDTree

from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Floats, Indices
from geo.hotspots.scans.scan_kernels import Words, random_bits
from geo.hotspots.scans.scan_windows import check_pairs

MAX_DAYS = 36_600
"""Longest span of the incidents, days: a century; more is a mistaken date."""


def near_repeat(
    x: Floats,
    y: Floats,
    day: Indices,
    *,
    distances_m: Sequence[float],
    days: Sequence[int],
    seed: int,
    n_permutations: int = 999,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Pairs of incidents in bands of distance and time, beside what chance would bring.

    Knox test (Knox 1964, Applied Statistics 13:25) over bands, as the near-repeat literature does
    (Townsley, Homel and Chaseling 2003): a band holds pairs farther apart than the edge before it
    and no farther than its own; the first begins at 0, inclusive, so an edge of 0 m makes a band
    of the very same place. Expected is exact under dealing the days anew among the incidents:
    pairs in the band of distance x pairs in the band of time / all pairs. `p` by rank among
    `n_permutations` such dealings, for more pairs than expected. `p_adjusted` holds over all bands
    at once: step-down maximum of standardised counts (Westfall and Young 1993, algorithm 4.1).

    Parameters
    ----------
    x, y : (n,) places, metres of one projected CRS
    day : (n,) whole days
    distances_m : rising upper edges of the bands, >= 0
    days : rising upper edges in whole days, >= 0

    Returns
    -------
    One row a band, by distance, then time: `distance_from_m`, `distance_to_m`, `day_from`,
    `day_to` (inclusive), `pairs`, `expected`, `ratio` (seen over expected; 1 where neither was
    seen nor expected), `p`, `p_adjusted`, `is_significant` (`p_adjusted` <= alpha)

    Raises
    ------
    ParameterError : arrays of different length or not finite, days not whole or spanning more
        than a century, edges that do not rise, or too many near pairs
    """
    x, y, day = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64), np.asarray(day)
    _check_events(x, y, day)
    _check_options(distances_m, days, n_permutations)
    xy = np.column_stack([x, y])
    near, far = _near_pairs(xy, float(distances_m[-1]))
    gap_m = np.sqrt(((xy[near] - xy[far]) ** 2).sum(axis=1))
    band = np.searchsorted(np.asarray(distances_m, dtype=np.float64), gap_m, side="left")
    is_in = band < len(distances_m)
    near, far, band = near[is_in], far[is_in], band[is_in].astype(np.int32)
    lengths = day.astype(np.int64) - (day.min() if len(day) else 0)
    time_band = np.searchsorted(days, np.arange((lengths.max() if len(day) else 0) + 1))
    shape = (len(distances_m), len(days))
    counts = np.zeros((n_permutations + 1, *shape), dtype=np.int64)
    _count(near, far, band, lengths.astype(np.int32), time_band.astype(np.int32), seed, counts)
    expected = _expected(lengths, band, days, shape)
    return _frame(counts.reshape(len(counts), -1), expected.ravel(), distances_m, days, alpha)


def _near_pairs(xy: Floats, reach_m: float) -> tuple[npt.NDArray[np.int32], ...]:
    """Both ends of every pair no farther apart than the reach, each pair once."""
    if len(xy) < 2:
        return np.zeros(0, np.int32), np.zeros(0, np.int32)
    tree = cKDTree(xy)
    reach_m *= 1 + 1e-12
    n_pairs = (int(tree.count_neighbors(tree, reach_m)) - len(xy)) // 2
    check_pairs(n_pairs)
    pairs = tree.query_pairs(reach_m, output_type="ndarray").astype(np.int32)
    return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])


@njit(cache=True, nogil=True, error_model="numpy")
def _count(
    near: npt.NDArray[np.int32],
    far: npt.NDArray[np.int32],
    band: npt.NDArray[np.int32],
    day: npt.NDArray[np.int32],
    time_band: npt.NDArray[np.int32],
    seed: int,
    counts: Indices,
) -> None:
    """Fills counts[r, distance, time]: pairs in each band, r = 0 as seen, then days dealt anew.

    `time_band[d]`: band of a gap of d days; the number of bands where it lies beyond all.
    """
    state: Words = np.array([np.uint64(seed)], dtype=np.uint64)
    dealt, n = day.copy(), len(day)
    tally = np.zeros((counts.shape[1], counts.shape[2] + 1), np.int64)
    for r in range(len(counts)):
        for a in range(n - 1 if r > 0 else 0):
            left = np.uint64(n - a)
            b = a + np.int64(((random_bits(state) >> np.uint64(32)) * left) >> np.uint64(32))
            dealt[a], dealt[b] = dealt[b], dealt[a]
        tally[:] = 0
        for k in range(len(near)):
            tally[band[k], time_band[abs(dealt[near[k]] - dealt[far[k]])]] += 1
        counts[r] = tally[:, :-1]


def _expected(
    lengths: Indices, band: npt.NDArray[np.int32], days: Sequence[int], shape: tuple[int, int]
) -> Floats:
    """(distances, times) mean pairs over every dealing of the days, exact."""
    n = len(lengths)
    if n < 2:
        return np.zeros(shape)
    in_space = np.bincount(band, minlength=shape[0]).astype(np.float64)
    ordered = np.sort(lengths)
    within = [
        int((np.searchsorted(ordered, ordered + edge, side="right") - np.arange(1, n + 1)).sum())
        for edge in days
    ]
    in_time = np.diff(np.array([0, *within], dtype=np.float64))
    expected: Floats = np.outer(in_space, in_time) / (n * (n - 1) / 2)
    return expected


def _frame(
    counts: Indices,
    expected: Floats,
    distances_m: Sequence[float],
    days: Sequence[int],
    alpha: float,
) -> pd.DataFrame:
    """The table of bands from counts (1 + permutations, bands), the first as seen."""
    seen, n = counts[0], len(counts)
    p = (counts >= seen).sum(axis=0) / n
    is_expected = expected > 0
    adjusted = _step_down(counts)
    edges_m = [0.0, *map(float, distances_m)]
    starts = [0, *(edge + 1 for edge in days[:-1])]
    space = [(low, high) for low, high in itertools.pairwise(edges_m) for _ in days]
    time = list(zip(starts, days, strict=True)) * len(distances_m)
    return pd.DataFrame(
        {
            "distance_from_m": [low for low, _ in space],
            "distance_to_m": [high for _, high in space],
            "day_from": [low for low, _ in time],
            "day_to": [int(high) for _, high in time],
            "pairs": seen,
            "expected": expected,
            "ratio": np.where(is_expected, seen / np.where(is_expected, expected, 1.0), 1.0),
            "p": p,
            "p_adjusted": adjusted,
            "is_significant": adjusted <= alpha,
        }
    )


def _step_down(counts: Indices) -> Floats:
    """p of each band, adjusted for all of them: Westfall and Young's step-down maximum.

    Counts are standardised over all rows, the seen one among them, so that every row is treated
    alike and the adjusted p is exact under dealing.
    """
    spread = counts.std(axis=0)
    z = (counts - counts.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    order = np.argsort(-z[0], kind="stable")
    rising = np.maximum.accumulate(z[:, order[::-1]], axis=1)[:, ::-1]
    share = (rising >= z[0, order] - 1e-12).mean(axis=0)
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate(share)
    return adjusted


def _check_options(distances_m: Sequence[float], days: Sequence[int], n_permutations: int) -> None:
    for name, edges in (("distances_m", distances_m), ("days", days)):
        values = np.asarray(edges, dtype=np.float64)
        is_right = len(values) > 0 and values[0] >= 0 and bool((np.diff(values) > 0).all())
        is_right &= bool(np.isfinite(values).all())
        if name == "days":
            is_right &= bool((values == np.floor(values)).all())
        if not is_right:
            raise ParameterError(
                "hotspots.bad_option",
                f"`{name}` must be rising, finite edges from 0 up, days whole; got {list(edges)}.",
                name=name,
                value=str(list(edges)),
            )
    if n_permutations < 1:
        raise ParameterError(
            "hotspots.bad_option",
            f"`n_permutations` must be at least 1; got {n_permutations}.",
            name="n_permutations",
            value=n_permutations,
        )


def _check_events(x: Floats, y: Floats, day: npt.NDArray[np.generic]) -> None:
    n_wrong = max(len(x), len(y), len(day)) - min(len(x), len(y), len(day))
    if n_wrong == 0:
        n_wrong = int((~(np.isfinite(x) & np.isfinite(y))).sum())
    is_whole = len(day) == 0 or np.issubdtype(day.dtype, np.integer)
    if n_wrong or not is_whole or (len(day) and np.ptp(day) > MAX_DAYS):
        raise ParameterError(
            "hotspots.bad_events",
            "`x`, `y` and `day` must be of one length, finite, the days whole numbers within a "
            f"century; {n_wrong} are not. Clean them first.",
            n=n_wrong,
        )

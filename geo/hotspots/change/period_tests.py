"""Exact tests of cells and periods, false discoveries controlled by the cell, then within it."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy import stats

from geo.hotspots.counts.lattice import Bools, Floats, Indices
from geo.hotspots.significant.false_discovery import Correction

Codes = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Level:
    """What counts as found: `alpha` share of false finds; `dispersion` variance over mean, 1:
    binomial."""

    alpha: float
    correction: Correction
    dispersion: float

    def penalty(self, n: int) -> float:
        """What Benjamini and Yekutieli divide the level of n tests by; 1 for the others."""
        return float((1 / np.arange(1, n + 1)).sum()) if self.correction == "by" else 1.0

    def cut(self, p: Floats, n_tests: int) -> tuple[float, int]:
        """Largest p that is found of n_tests (those above alpha may lack; below 0: none), and how
        many are found."""
        ordered = np.sort(p[p <= self.alpha])
        bound = self.alpha * np.arange(1, len(ordered) + 1)
        is_low = ordered <= bound / (max(n_tests, 1) * self.penalty(n_tests))
        if not is_low.any():
            return -1.0, 0
        last = int(np.flatnonzero(is_low)[-1])
        return float(ordered[last]), last + 1


@dataclass(frozen=True)
class Finds:
    """Cells in which something was found.

    `is_found` (k,) in the window as one or in a period; `in_window` (k,) in the window as one;
    `in_period` (k, periods).
    """

    is_found: Bools
    in_window: Bools
    in_period: Bools


@dataclass(frozen=True)
class PeriodTests:
    """Tests of k cells' counts in each period, and of their sums, against their share.

    counts : (k, periods); whole : (periods,); share : (k,) 0 to 1, 0: not tested
    """

    counts: Indices
    whole: Indices
    share: Floats
    n_tested: int
    level: Level

    def finds(self) -> tuple[Finds, Finds]:
        """Too many, and too few.

        Of a cell the window as one has half the level, its periods together the other half
        (Simes 1986); cells are found under false-discovery control over cells, and within the R
        of m cells that are found, periods are at level alpha R / m (Benjamini and Bogomolov 2014,
        J. R. Stat. Soc. B 76(1)): a control over all cells and periods at once would let the many
        periods of a few truly hot cells pay for single periods of cells that are not.
        """
        apart = self._candidates(self.counts, self.whole)
        sums = self.counts.sum(axis=1, keepdims=True)
        together = self._candidates(sums, np.array([self.whole.sum()]))
        too_many, too_few = (
            self._found(periods, window) for periods, window in zip(apart, together, strict=True)
        )
        return too_many, too_few

    def upper_p(self, counts: Indices, whole: int) -> Floats:
        """(k,) upper tail of other counts of the same cells, 1 where above alpha."""
        (at, found), _ = self._candidates(counts[:, None], np.array([whole]))
        p = np.ones(len(counts))
        p[at] = found
        return p

    def _found(self, periods: tuple[Indices, Floats], window: tuple[Indices, Floats]) -> Finds:
        k, n_periods = self.counts.shape
        n_used = int((self.whole > 0).sum())
        alone = np.ones(k)
        alone[window[0]] = window[1]
        together = np.ones(k)
        _simes(*periods, n_periods, n_used * self.level.penalty(n_used), together)
        p = 2 * np.minimum(alone, together)
        cut, n_found = self.level.cut(p, self.n_tested)
        is_found = p <= cut
        share = n_found / (max(self.n_tested, 1) * self.level.penalty(self.n_tested))
        bound = self.level.alpha * share / 2
        in_period = np.zeros((k, n_periods), dtype=np.bool_)
        within = bound / (max(n_used, 1) * self.level.penalty(n_used))
        _mark(*periods, n_periods, within, is_found, in_period.reshape(-1))
        return Finds(is_found, is_found & (alone <= bound), in_period)

    def _candidates(
        self, counts: Indices, whole: Indices
    ) -> tuple[tuple[Indices, Floats], tuple[Indices, Floats]]:
        """Flat indices and p of the tests with p <= alpha by the binomial, too many and too few;
        those of a cell stand together.

        Over-dispersed counts have fatter tails, so that no test is lost; theirs replace the
        binomial's.
        """
        n, alpha = counts.size, self.level.alpha
        at, p = np.empty(n, dtype=np.int64), np.empty(n)
        table = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, 4097)))])
        z = float(stats.norm.isf(alpha))
        n_up, n_down = _test(counts, whole, self.share, alpha, z, table, at, p)
        upper, lower = at[:n_up], at[n - n_down :]
        if self.level.dispersion == 1.0:
            return (upper, p[:n_up]), (lower, p[n - n_down :])
        wide, count = self.level.dispersion, counts.ravel()
        mean = (whole * self.share[:, None]).ravel()
        return (
            (upper, stats.nbinom.sf(count[upper] - 1, mean[upper] / (wide - 1), 1 / wide)),
            (lower, stats.nbinom.cdf(count[lower], mean[lower] / (wide - 1), 1 / wide)),
        )


@njit(cache=True, nogil=True, error_model="numpy")
def _sorted_run(at, p, n_periods, begin, order):  # type: ignore[no-untyped-def]
    """End of the run of one cell's tests, whose places stand in `order` by ascending p."""
    end, cell = begin, at[begin] // n_periods
    while end < len(at) and at[end] // n_periods == cell:
        k = end - begin
        while k > 0 and p[order[k - 1]] > p[end]:
            order[k] = order[k - 1]
            k -= 1
        order[k] = end
        end += 1
    return end


@njit(cache=True, nogil=True, error_model="numpy")
def _simes(at, p, n_periods, n_used, together):  # type: ignore[no-untyped-def]
    order = np.empty(n_periods, dtype=np.int64)
    begin = 0
    while begin < len(at):
        end = _sorted_run(at, p, n_periods, begin, order)
        least = 1.0
        for k in range(end - begin):
            least = min(least, p[order[k]] * n_used / (k + 1))
        together[at[begin] // n_periods] = least
        begin = end


@njit(cache=True, nogil=True, error_model="numpy")
def _mark(at, p, n_periods, within, is_found, marks):  # type: ignore[no-untyped-def]
    order = np.empty(n_periods, dtype=np.int64)
    begin = 0
    while begin < len(at):
        end = _sorted_run(at, p, n_periods, begin, order)
        if is_found[at[begin] // n_periods]:
            n_marked = 0
            for k in range(end - begin):
                if p[order[k]] <= within * (k + 1):
                    n_marked = k + 1
            for k in range(n_marked):
                marks[at[order[k]]] = True
        begin = end


@njit(cache=True, nogil=True, error_model="numpy")
def _log_factorial(n, table):  # type: ignore[no-untyped-def]
    if n < len(table):
        return table[n]
    z = n + 1.0
    return (z - 0.5) * math.log(z) - z + 0.918938533204672742 + 1 / (12 * z) - 1 / (360 * z**3)


@njit(cache=True, nogil=True, error_model="numpy")
def _test(counts, whole, share, alpha, z, table, at, p):  # type: ignore[no-untyped-def]
    """Tests with p <= alpha: too many from the front of the buffers, too few from their end.

    Most tests are dismissed without a logarithm, by proved bounds: for shares up to 1/4 the upper
    tail is no less than the normal one (Slud 1977, Ann. Probab. 5(3)); the lower tail is no less
    than the normal one at the root of twice the divergence (Zubkov and Serov 2013), which is at
    most twice the square of the standardised count, and no less than the chance of none.
    """
    k, n_periods = counts.shape
    n_up, n_down, size = 0, 0, k * n_periods
    for i in range(k):
        s = share[i]
        if s <= 0 or s >= 1:
            continue
        for j in range(n_periods):
            n, c = whole[j], counts[i, j]
            mean = n * s
            gap2, bound = (c - mean) * (c - mean), z * z * mean * (1 - s)
            if c > mean:
                if s > 0.25 or gap2 >= bound:
                    tail = _upper_tail(c, n, s, alpha, table)
                    if tail <= alpha:
                        at[n_up], p[n_up] = i * n_periods + j, tail
                        n_up += 1
            elif 2 * gap2 >= bound and mean >= -math.log(alpha) * (1 - s):
                tail = _lower_tail(c, n, s, alpha, table)
                if tail <= alpha:
                    n_down += 1
                    at[size - n_down], p[size - n_down] = i * n_periods + j, tail
    return n_up, n_down


@njit(cache=True, nogil=True, error_model="numpy")
def _chance(c, n, s, table):  # type: ignore[no-untyped-def]
    """Of c among n, each with chance s."""
    ways = _log_factorial(n, table) - _log_factorial(c, table) - _log_factorial(n - c, table)
    return math.exp(ways + c * math.log(s) + (n - c) * math.log1p(-s))


@njit(cache=True, nogil=True, error_model="numpy")
def _upper_tail(c, n, s, alpha, table):  # type: ignore[no-untyped-def]
    """Chance of c or more above the mean; above alpha only so much that it is above."""
    term = _chance(c, n, s, table)
    total, x, odds = term, c, s / (1 - s)
    while total <= alpha and term > total * 1e-17 and x < n:
        term *= (n - x) / (x + 1) * odds
        total += term
        x += 1
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _lower_tail(c, n, s, alpha, table):  # type: ignore[no-untyped-def]
    """Chance of c or fewer below the mean; above alpha only so much that it is above."""
    term = _chance(c, n, s, table)
    total, x, odds = term, c, s / (1 - s)
    while total <= alpha and term > total * 1e-17 and x > 0:
        term *= x / (n - x + 1) / odds
        total += term
        x -= 1
    return total

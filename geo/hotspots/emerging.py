"""How a hot place behaves over time: new, intensifying, persistent, diminishing and so on."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from numba import njit
from scipy import stats

from geo.errors import ParameterError
from geo.hotspots.false_discovery import Correction
from geo.hotspots.lattice import Bools, Floats, Indices
from geo.hotspots.trends import trends

Codes = npt.NDArray[np.int8]
CLASSES = (
    "none",
    "new",
    "intensifying",
    "persistent",
    "diminishing",
    "oscillating",
    "sporadic",
    "untested",
)
"""Names of the class codes 0 to 7."""

STEADY_SHARE = 0.9
"""Share of periods above expected from which a hot place is persistent (ArcGIS' 90%)."""


@dataclass(frozen=True)
class Emerging:
    """Behaviour of k cells over the periods.

    `code` (k,) position in `CLASSES`; `flags` (k, periods) 1 hot, -1 cold, 0 neither;
    `is_hot` (k,) hot over the whole window; `trend` (k,) 1 growing, -1 falling, 0 neither;
    `seen`, `expected` (k,) incidents of the whole window; `p_trend` (k,) two-sided;
    `n_tests` cells x periods under one false-discovery control; `dispersion`, `is_overdispersed`
    of the counts over time (see `trends`).
    """

    code: Codes
    flags: Codes
    is_hot: Bools
    trend: Codes
    seen: Indices
    expected: Floats
    p_trend: Floats
    n_tests: int
    dispersion: float
    is_overdispersed: bool

    def table(self) -> pd.DataFrame:
        """A row per cell: verdict, n_hot and n_cold periods, is_hot_now, first_hot and last_hot
        (period numbers, null without), seen, expected, excess, trend, p_trend."""
        hot = self.flags > 0
        any_hot = hot.any(axis=1)
        first, last = hot.argmax(axis=1), hot.shape[1] - 1 - hot[:, ::-1].argmax(axis=1)
        return pd.DataFrame(
            {
                "verdict": pd.Categorical.from_codes(self.code, categories=list(CLASSES)),
                "n_hot": hot.sum(axis=1),
                "n_cold": (self.flags < 0).sum(axis=1),
                "is_hot_now": hot[:, -1],
                "first_hot": pd.Series(first, dtype="Int64").where(any_hot),
                "last_hot": pd.Series(last, dtype="Int64").where(any_hot),
                "seen": self.seen,
                "expected": self.expected,
                "excess": self.seen - self.expected,
                "trend": self.trend,
                "p_trend": self.p_trend,
            }
        )


def emerging(
    counts: Indices,
    *,
    exposure: Floats | None = None,
    totals: Indices | None = None,
    total_exposure: float | None = None,
    n_cells: int | None = None,
    alpha: float = 0.05,
    correction: Correction = "bh",
    dispersion: Literal["test", "none"] = "test",
    steady_share: float = STEADY_SHARE,
) -> Emerging:
    """The behaviour of each cell, in the sense of ArcGIS' emerging hot spots, by exact tests.

    Each cell and period: exact conditional binomial test of its count, given the whole's count of
    that period, against its share of the exposure; too many (hot) and too few (cold), each under
    one false-discovery control over all cells and periods. Where the counts vary over time beyond
    chance, the negative binomial's tails are taken. The window as one: the same test of
    its sums, one control over cells. Trend: `trends.trends` against the whole's course, under
    control over the cells whose counts could reach `alpha` at all (Tarone 1990).

    The first that holds: **new** hot in the last period only and before it, taken together, not
    even at an uncontrolled `alpha`; **intensifying** hot over the window and in the last period,
    growing; **diminishing** hot over the window, falling; **persistent** hot over the window and
    above expected in at least `steady_share` of the periods; **oscillating** hot in some periods
    and cold in others; **sporadic** hot in some period or over the window; **none**.
    **untested**: no exposure, so nothing can be expected there; its incidents are left out.

    Parameters
    ----------
    counts : (k, periods) incidents; overlapping neighbourhoods are allowed, then give `totals`
    exposure : (k,) households or other weights >= 0; None: the same everywhere
    totals : (periods,) incidents of the whole where `counts` hold only a part of its cells
    total_exposure : exposure of the whole where `exposure` holds a part (of equal cells: their
        number)
    n_cells : cells of the whole that have exposure, where only active ones are given: those
        without an incident were tested too
    alpha : share of false finds accepted, 0 to 0.5
    correction : "bh" Benjamini and Hochberg, "by" Benjamini and Yekutieli
    dispersion : "test" whether counts vary over time beyond chance, and if so take the negative
        binomial of that variance over mean in place of the binomial; "none": do not

    Raises
    ------
    ParameterError : shapes do not fit, a value is negative, or an option is out of range
    """
    counts = np.ascontiguousarray(counts, dtype=np.int64)
    weight = np.ones(len(counts)) if exposure is None else np.asarray(exposure, dtype=np.float64)
    is_tested = weight > 0
    if counts.ndim == 2 and not is_tested.all():
        counts = counts * is_tested[:, None]
    whole = counts.sum(axis=0) if totals is None else np.asarray(totals, dtype=np.int64)
    ground = float(weight.sum()) if total_exposure is None else float(total_exposure)
    _check(counts, weight, whole, ground)
    _check_options(alpha, correction, dispersion)
    share = np.minimum(weight / ground, 1.0) if ground > 0 else np.zeros(len(counts))
    n_tested = int(is_tested.sum()) if n_cells is None else n_cells
    n_tests = n_tested * int((whole > 0).sum())
    seen, n_whole = counts.sum(axis=1), int(whole.sum())
    course = whole.astype(np.float64) if n_whole else np.ones(len(whole))
    found = trends(counts, course, dispersion=dispersion)
    level = _Level(alpha, correction, found.dispersion if found.is_overdispersed else 1.0)
    flags = _flags(counts, whole, share, n_tests, level)
    pooled = _flags(seen[:, None], np.array([n_whole]), share, n_tested, level)
    earlier = _upper_p(seen - counts[:, -1], n_whole - int(whole[-1]), share, level)
    is_testable = is_tested & (found.least_p <= alpha)
    cut = _cut(found.p[is_testable], int(is_testable.sum()), level)
    trend = np.where(is_testable & (found.p <= cut), np.sign(found.slope), 0).astype(np.int8)
    above = (counts > whole * share[:, None]).mean(axis=1)
    is_hot = pooled[:, 0] > 0
    code = _classes(flags, is_hot, trend, earlier <= alpha, above >= steady_share)
    code[~is_tested] = CLASSES.index("untested")
    return Emerging(
        code=code,
        flags=flags,
        is_hot=is_hot,
        trend=trend,
        seen=seen,
        expected=n_whole * share,
        p_trend=found.p,
        n_tests=n_tests,
        dispersion=found.dispersion,
        is_overdispersed=found.is_overdispersed,
    )


def _classes(flags: Codes, is_hot: Bools, trend: Codes, was_hot: Bools, is_steady: Bools) -> Codes:
    """(k,) codes by the rules of `emerging`; the first rule that holds wins."""
    hot = flags > 0
    n_hot = hot.sum(axis=1)
    is_now = hot[:, -1] if hot.shape[1] else np.zeros(len(hot), dtype=bool)
    rules = {
        "new": is_now & (n_hot == 1) & ~was_hot,
        "intensifying": is_hot & is_now & (trend > 0),
        "diminishing": is_hot & (trend < 0),
        "persistent": is_hot & is_steady,
        "oscillating": (n_hot > 0) & (flags < 0).any(axis=1),
        "sporadic": (n_hot > 0) | is_hot,
    }
    numbers = [np.int8(CLASSES.index(name)) for name in rules]
    return np.select(list(rules.values()), numbers, default=np.int8(0))


@dataclass(frozen=True)
class _Level:
    """What counts as found: `dispersion` variance over mean, 1: binomial."""

    alpha: float
    correction: Correction
    dispersion: float


def _flags(counts: Indices, whole: Indices, share: Floats, n_tests: int, level: _Level) -> Codes:
    """(k, periods) 1 hot, -1 cold, 0 neither."""
    flags = np.zeros(counts.shape, dtype=np.int8)
    upper, lower = _candidates(counts, whole, share, level)
    for (at, p), sign in ((upper, 1), (lower, -1)):
        is_found = p <= _cut(p, n_tests, level)
        flags.ravel()[at[is_found]] = sign
    return flags


def _cut(p: Floats, n_tests: int, level: _Level) -> float:
    """Largest p that is still found; `p` may lack values above alpha. Below 0: none."""
    ordered = np.sort(p[p <= level.alpha])
    is_harmonic = level.correction == "by"
    penalty = float((1 / np.arange(1, n_tests + 1)).sum()) if is_harmonic else 1.0
    bound = level.alpha * np.arange(1, len(ordered) + 1) / (max(n_tests, 1) * penalty)
    is_low = ordered <= bound
    return float(ordered[np.flatnonzero(is_low)[-1]]) if is_low.any() else -1.0


def _upper_p(seen: Indices, whole: int, share: Floats, level: _Level) -> Floats:
    """(k,) upper tail, 1 where above alpha."""
    p = np.ones(len(seen))
    (at, found), _ = _candidates(seen[:, None], np.array([whole]), share, level)
    p[at] = found
    return p


def _candidates(
    counts: Indices, whole: Indices, share: Floats, level: _Level
) -> tuple[tuple[Indices, Floats], tuple[Indices, Floats]]:
    """Flat indices and p of the tests with p <= alpha by the binomial, too many and too few.

    Over-dispersed counts have fatter tails, so that no test is lost; theirs replace the binomial's.
    """
    n = counts.size
    at, p = np.empty(n, dtype=np.int64), np.empty(n)
    table = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, 4097)))])
    z = float(stats.norm.isf(level.alpha))
    n_up, n_down = _test(counts, whole, share, level.alpha, z, table, at, p)
    upper, lower = at[:n_up], at[n - n_down :]
    if level.dispersion == 1.0:
        return (upper, p[:n_up]), (lower, p[n - n_down :])
    wide = level.dispersion
    mean = (whole * share[:, None]).ravel()
    count = counts.ravel()
    return (
        (upper, stats.nbinom.sf(count[upper] - 1, mean[upper] / (wide - 1), 1 / wide)),
        (lower, stats.nbinom.cdf(count[lower], mean[lower] / (wide - 1), 1 / wide)),
    )


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


def _check(counts: Indices, weight: Floats, whole: Indices, ground: float) -> None:
    fits = counts.ndim == 2 and weight.shape == counts.shape[:1] and whole.shape == counts.shape[1:]
    if not fits or not counts.shape[1]:
        raise ParameterError(
            "hotspots.shapes_differ",
            f"counts (k, periods), exposure (k,) and totals (periods,) must fit; got "
            f"{counts.shape}, {weight.shape}, {whole.shape}. Count them on the same cells.",
            counts=str(counts.shape),
            other=str(weight.shape),
        )
    is_sound = np.isfinite(weight).all() and (weight >= 0).all() and (counts >= 0).all()
    is_part = (counts <= whole).all() and (weight <= ground * (1 + 1e-9)).all()
    if not (is_sound and is_part):
        raise ParameterError(
            "hotspots.exposure_wrong",
            "counts and exposure must be finite, not negative, and no more than those of the "
            "whole. Give the totals of the whole ground.",
        )


def _check_options(alpha: float, correction: str, dispersion: str) -> None:
    is_known = correction in ("bh", "by") and dispersion in ("test", "none")
    if not (0 < alpha < 0.5 and is_known):
        raise ParameterError(
            "hotspots.significance_option",
            f"`alpha` must lie between 0 and 0.5, `correction` be 'bh' or 'by', `dispersion` "
            f"'test' or 'none'; got {alpha}, {correction}, {dispersion}.",
            alpha=alpha,
            correction=correction,
        )

"""What gets worse: a cell against the town's course, and the town against its last period."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numba import njit
from scipy import stats

from geo.errors import ParameterError
from geo.hotspots.counts.cube import Cube
from geo.hotspots.counts.lattice import Floats, Indices
from geo.hotspots.counts.periods import Day, window_days
from geo.hotspots.significant.false_discovery import Correction, q_values

_N_EXACT = 200
"""Incidents a cell up to which the trend's distribution is summed exactly."""

_TABLE_STEPS = 4e7
"""Bound on (incidents x periods) squared of the exact table: about 0.02 s."""

_FREE_MIN = 20
"""Degrees of freedom in all from which the dispersion can be told."""

_NEAR = 1.5
"""Standard deviations within which the normal tail serves where no exact table is held."""


@dataclass(frozen=True)
class Trends:
    """Trend of each of k cells against the course of the whole.

    `slope` (k,) mean period of the cell's incidents minus that of the whole, periods; above 0:
    later, so growing. `p` (k,) two-sided, 1 without incidents. `least_p` (k,) the smallest p that
    so few incidents could give. `dispersion` variance over that of Poisson counts, pooled over
    cells; `is_overdispersed` whether it is above 1 beyond chance, and p widened by it.
    """

    slope: Floats
    p: Floats
    least_p: Floats
    dispersion: float
    is_overdispersed: bool


def trends(
    counts: Indices, course: Floats, *, dispersion: Literal["test", "none"] = "test"
) -> Trends:
    """Whether each cell's share of the whole grows or falls over the periods.

    Score test for a log-linear trend of Poisson counts, conditional on the cell's own total n:
    its incidents fall on the periods as n draws from the course of the whole, so that a season or
    a growth that the whole town shares is no trend of a cell. The statistic is the sum of the
    period numbers of the incidents; its distribution is exact (n-fold convolution) up to
    `_N_EXACT` incidents, beyond that Lugannani and Rice's saddlepoint tail with lattice
    correction (Daniels 1987). It is the most powerful test against a log-linear trend and, other
    than Mann-Kendall's, uses the size of counts; ties need no care. Where the counts vary more
    than Poisson's (Pearson's X2 pooled over cells against Haldane's 1937 moments, one-sided 5%),
    p is the normal one with the variance times the dispersion (McCullagh and Nelder 1989, 4.5).

    Parameters
    ----------
    counts : (k, periods) incidents
    course : (periods,) incidents of the whole, or any weights >= 0 of which some are above 0
    dispersion : "test" it and use it if found; "none": p is that of Poisson counts

    Raises
    ------
    ParameterError : the course holds nothing, or nothing in a period in which a cell has incidents
    """
    weight = np.asarray(course, dtype=np.float64)
    if not (weight.sum() > 0 and (weight >= 0).all()) or counts[:, weight == 0].any():
        raise ParameterError(
            "hotspots.course_empty",
            "the course of the whole must be above 0 in some period, and in every period in which "
            "a cell has incidents. Give the totals of the same incidents.",
        )
    weight = weight / weight.sum()
    n_periods = len(weight)
    n_exact = max(1, min(_N_EXACT, int(math.sqrt(_TABLE_STEPS) / n_periods)))
    totals, scores, pearson = _score(np.ascontiguousarray(counts, dtype=np.int64), weight)
    times = np.arange(n_periods)
    mean = float(times @ weight)
    variance = float((times - mean) ** 2 @ weight)
    some = np.maximum(totals, 1)
    slope = np.where(totals > 0, scores / some - mean, 0.0)
    spread, is_over = _dispersion(totals, pearson, slope, weight, variance)
    is_over = is_over and dispersion == "test"
    p = np.ones(len(totals))
    if variance > 0:
        if is_over:
            z = np.abs(slope) * np.sqrt(some / variance / spread)
            p = np.where(totals > 0, 2 * stats.norm.sf(z), 1.0)
        else:
            top = int(totals[totals <= n_exact].max(initial=1))
            upper, lower = _tables(weight, top)
            _tails(p, totals, scores, weight, upper, lower, mean, variance)
    ends = min(1.0, 2 * float(weight[weight > 0][[0, -1]].min()))
    least = np.minimum(1.0, ends * (ends / 2) ** np.maximum(totals - 1.0, 0.0))
    return Trends(slope, p, np.where(totals > 0, least, 1.0), spread, is_over)


def category_changes(
    cube: Cube,
    *,
    now: tuple[Day, Day],
    before: tuple[Day, Day],
    categories: Sequence[str] | None = None,
    confidence: float = 0.95,
    correction: Correction = "bh",
) -> pd.DataFrame:
    """A row per category: what gets worse town-wide, this window against an earlier one.

    Given the sum of both counts, the later one is binomial with the later window's share of days
    where nothing has changed; two-sided p is twice the smaller exact tail, the interval Clopper
    and Pearson's (Lehmann and Romano 2005, 4.5). q: over the
    categories.

    Returns
    -------
    Columns category, n_now, n_before, days_now, days_before, ratio of daily rates (null without
    earlier incidents), ratio_low, ratio_high (null: unbounded), p, q; worst first

    Raises
    ------
    ParameterError : a window ends before it begins, or the windows overlap
    """
    spans = [window_days(*now), window_days(*before)]
    if spans[0][0] <= spans[1][1] and spans[1][0] <= spans[0][1]:
        raise ParameterError(
            "hotspots.windows_overlap",
            f"the windows compared must not overlap; got {before} and {now}. Move one of them.",
        )
    names = list(cube.categories if categories is None else categories)
    days = [int((end - begin).astype(np.int64)) + 1 for begin, end in spans]
    counts = [[int(cube.daily(*span, category=name).sum()) for name in names] for span in spans]
    n_now, n_before = (np.array(column, dtype=np.int64) for column in counts)
    ratio, low, high, p = rate_change(
        n_now, n_before, days_now=days[0], days_before=days[1], confidence=confidence
    )
    changes = pd.DataFrame(
        {
            "category": pd.Series(names, dtype=object),
            "n_now": n_now,
            "n_before": n_before,
            "days_now": days[0],
            "days_before": days[1],
            "ratio": ratio,
            "ratio_low": low,
            "ratio_high": high,
            "p": p,
            "q": q_values(p, correction=correction),
        }
    )
    rank = np.where(n_now + n_before > 0, -np.nan_to_num(low), np.inf)
    return changes.iloc[np.argsort(rank, kind="stable")].reset_index(drop=True)


def rate_change(
    n_now: Indices,
    n_before: Indices,
    *,
    days_now: float,
    days_before: float,
    confidence: float = 0.95,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Ratio of daily rates, its interval's ends, and two-sided p: exact conditional binomial.

    A bound that does not exist is NaN: the ratio and its upper end without earlier incidents;
    without any incident all three, with p = 1.
    """
    n = n_now + n_before
    share = days_now / (days_now + days_before)
    tail = (1 - confidence) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        low_share = np.where(n_now > 0, stats.beta.ppf(tail, n_now, n_before + 1), 0.0)
        high_share = np.where(n_before > 0, stats.beta.ppf(1 - tail, n_now + 1, n_before), np.nan)
        odds = days_before / days_now
        ratio = np.where(n_before > 0, n_now / n_before * odds, np.nan)
        low = np.where(n > 0, low_share / (1 - low_share) * odds, np.nan)
        high = high_share / (1 - high_share) * odds
    upper, lower = stats.binom.sf(n_now - 1, n, share), stats.binom.cdf(n_now, n, share)
    return ratio, low, high, np.minimum(1.0, 2 * np.minimum(upper, lower))


def _dispersion(
    totals: Indices, pearson: Floats, slope: Floats, weight: Floats, variance: float
) -> tuple[float, bool]:
    """Pooled X2 without the trends' part over its degrees of freedom; is it over 1?"""
    used = weight[weight > 0]
    free = len(used) - 2
    is_used = totals > 1
    n = totals[is_used]
    if free < 1 or free * len(n) < _FREE_MIN:
        return 1.0, False
    spread = 2 * (free + 1) + ((1 / used).sum() - len(used) ** 2 - 2 * len(used) + 2) / n
    total = float((pearson[is_used] - n * slope[is_used] ** 2 / variance).sum())
    z = (total - free * len(n)) / math.sqrt(float(spread.sum()) * free / (free + 1))
    dispersion = total / (free * len(n))
    return dispersion, bool(dispersion > 1 and z > stats.norm.ppf(0.95))


@njit(cache=True, nogil=True, error_model="numpy")
def _score(counts, weight):  # type: ignore[no-untyped-def]
    k, n_periods = counts.shape
    totals = np.zeros(k, dtype=np.int64)
    scores = np.zeros(k, dtype=np.int64)
    pearson = np.zeros(k)
    inverse = np.zeros(n_periods)
    for p in range(n_periods):
        if weight[p] > 0:
            inverse[p] = 1.0 / weight[p]
    for i in range(k):
        n, score, squares = 0, 0, 0.0
        for p in range(n_periods):
            c = counts[i, p]
            n += c
            score += p * c
            squares += c * c * inverse[p]
        totals[i], scores[i] = n, score
        if n > 0:
            pearson[i] = squares / n - n
    return totals, scores, pearson


@njit(cache=True, nogil=True, error_model="numpy")
def _tables(weight, top):  # type: ignore[no-untyped-def]
    """P(T >= t) and P(T <= t) of each score t of n = 1..top incidents, in row n - 1."""
    span = len(weight) - 1
    upper = np.zeros((top, top * span + 2))
    upper[0, : span + 1] = weight
    for n in range(1, top):
        for p in range(span + 1):
            for t in range(n * span + 1):
                upper[n, t + p] += upper[n - 1, t] * weight[p]
    lower = upper.copy()
    for n in range(top):
        last = (n + 1) * span
        for t in range(last):
            lower[n, t + 1] += lower[n, t]
            upper[n, last - t - 1] += upper[n, last - t]
    return upper, lower


@njit(cache=True, nogil=True, error_model="numpy")
def _tails(p, totals, scores, weight, upper, lower, mean, variance):  # type: ignore[no-untyped-def]
    mirrored = weight[::-1].copy()
    span = len(weight) - 1
    for i in range(len(p)):
        n, t = totals[i], scores[i]
        if n == 0:
            continue
        if n <= len(upper):
            p[i] = min(1.0, 2 * min(upper[n - 1, t], lower[n - 1, t]))
            continue
        z = (t - n * mean) / math.sqrt(n * variance)
        if abs(z) < _NEAR:
            p[i] = math.erfc(abs(z) / math.sqrt(2.0))
        elif z > 0:
            p[i] = min(1.0, 2 * _saddlepoint(n, t, weight))
        else:
            p[i] = min(1.0, 2 * _saddlepoint(n, n * span - t, mirrored))


@njit(cache=True, nogil=True, error_model="numpy")
def _saddlepoint(n, t, weight):  # type: ignore[no-untyped-def]
    """P(T >= t) above the mean: Lugannani and Rice with Daniels' first lattice correction."""
    top = len(weight) - 1
    while weight[top] <= 0:
        top -= 1
    if t >= n * top:
        return math.exp(n * math.log(weight[top])) if t == n * top else 0.0
    tilt, low, high = 0.0, 0.0, 60.0
    for _ in range(80):
        mass, first, second, factor, ratio = 0.0, 0.0, 0.0, 1.0, math.exp(-tilt)
        for p in range(top, -1, -1):
            e = weight[p] * factor
            mass += e
            first += p * e
            second += p * p * e
            factor *= ratio
        mean = first / mass
        variance = second / mass - mean * mean
        gap = t / n - mean
        if gap > 0:
            low = tilt
        else:
            high = tilt
        step = tilt + gap / variance if variance > 0 else (low + high) / 2
        if not low < step < high:
            step = (low + high) / 2
        if abs(step - tilt) < 1e-10 * (1 + tilt):
            break
        tilt = step
    log_mean = math.log(mass) + tilt * top
    w = math.sqrt(max(2 * n * (tilt * t / n - log_mean), 1e-300))
    u = (1 - math.exp(-tilt)) * math.sqrt(n * variance)
    density = math.exp(-w * w / 2) / math.sqrt(2 * math.pi)
    return 0.5 * math.erfc(w / math.sqrt(2.0)) + density * (1 / u - 1 / w)

"""Did a decision work: before and after, beside the rest of the town."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Floats, Indices

BETTER, WORSE, CANNOT_TELL = "better", "worse", "cannot_tell"

_Found: TypeAlias = tuple[float | None, float | None, float | None, float]
"""Ratio, both ends of its interval (None: no bound), and p."""

_SIMILAR_MIN = 10
"""Fewest comparable places from which their spread can be told."""

_LOG_REACH = 60.0
"""Natural logarithm of the largest ratio looked at when an interval's end is sought."""


@dataclass(frozen=True)
class Effect:
    """What followed a decision at a place.

    `expected_after` what the place would have seen without the decision; `ratio` seen over
    expected (below 1: fewer) with its interval, null where it has no bound; `p` two-sided;
    `n_fewer` expected minus seen; `verdict` better, worse or cannot_tell; `is_corrected` whether
    the fall that follows a peak anyway was taken off; `notes` codes of texts to show beside it.
    """

    seen_before: int
    seen_after: int
    rate_before: float
    rate_after: float
    expected_after: float
    n_fewer: float
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    p: float
    verdict: str
    is_corrected: bool
    notes: tuple[str, ...]

    @property
    def text(self) -> str:
        """Code of the sentence that says it; filled by the figures of the same names."""
        return f"hotspots.effect.{self.verdict}"


def before_after(
    *,
    seen_before: int,
    seen_after: int,
    days_before: float,
    days_after: float,
    control_before: int | None = None,
    control_after: int | None = None,
    similar_before: npt.NDArray[np.integer] | None = None,
    confidence: float = 0.95,
) -> Effect:
    """Whether a place changed more than the rest of the town did.

    With control: the ratio of both rate ratios is an odds ratio, tested given all margins by
    Fisher's noncentral hypergeometric, two-sided mid-p (twice the smaller tail with half the
    chance of the seen table; Lancaster 1961, Agresti 2013, 3.5.6), the interval by inverting it.
    Days cancel there. Without control: the same mid-p with the binomial of the days.

    A place that was picked because it was high falls anyway (regression to the mean). With the
    counts of comparable places, `expected_after` is the empirical-Bayes one of Hauer 1997
    (Observational Before-After Studies in Road Safety, ch. 11): the places' true means are gamma
    distributed (moments), the place's own mean is the posterior one, times the control's ratio;
    the count after is then negative binomial, its coefficient of variation that of the posterior
    and, with Haldane's 1/2 added, of the control's ratio. p is its two-sided mid-p; the interval
    is an F distribution's, of two gamma variables. Without them `notes` says what is not told.

    Parameters
    ----------
    seen_before, seen_after : incidents at the place, of the category
    days_before, days_after : lengths of the two windows, the same for place and control
    control_before, control_after : the same category in the rest of the town
    similar_before : incidents before at 10 or more comparable places, the quiet ones included;
        the place itself may be among them

    Raises
    ------
    ParameterError : a count is negative, a length not positive, one control count lacks, or the
        comparable places are too few
    """
    control = None
    if control_before is not None and control_after is not None:
        control = (control_before, control_after)
    _check(
        np.array([seen_before, seen_after, control_before or 0, control_after or 0]),
        np.array([days_before, days_after]),
        (control_before is None, control_after is None),
        similar_before,
        confidence,
    )
    case = _Case(seen_before, seen_after, control, days_after / days_before, confidence)
    if similar_before is None:
        expected, found, least = case.by_table()
    else:
        expected, found, least = case.by_forecast(similar_before)
    ratio, low, high, p = found
    verdict = CANNOT_TELL
    if p <= 1 - confidence:
        verdict = WORSE if seen_after > expected else BETTER
    return Effect(
        seen_before=seen_before,
        seen_after=seen_after,
        rate_before=seen_before / days_before,
        rate_after=seen_after / days_after,
        expected_after=expected,
        n_fewer=expected - seen_after,
        ratio=ratio,
        ratio_low=low,
        ratio_high=high,
        p=p,
        verdict=verdict,
        is_corrected=similar_before is not None,
        notes=_notes(control is None, similar_before is None, least > 1 - confidence),
    )


@dataclass(frozen=True)
class _Case:
    """The counts, and `days` after over before."""

    before: int
    after: int
    control: tuple[int, int] | None
    days: float
    confidence: float

    @property
    def factor(self) -> float:
        """By what the rest of the town changed, or the days alone."""
        if self.control is None:
            return self.days
        half = 0.5 if 0 in self.control else 0.0
        return (self.control[1] + half) / (self.control[0] + half)

    def by_table(self) -> tuple[float, _Found, float]:
        """Expected after; ratio, interval and p; the p of nothing at all after."""
        k, log_weight = self._table()
        found = _against_table(k, log_weight, self.after, self.confidence)
        least = min(1.0, 2 * min(_tails(k, log_weight, int(k[0]), 0.0)))
        return self.before * self.factor, found, least

    def by_forecast(self, similar: npt.NDArray[np.integer]) -> tuple[float, _Found, float]:
        """The same by empirical Bayes."""
        mean, shape = posterior_mean(self.before, similar)
        spread = 1 / shape + sum(1 / (c + 0.5) for c in self.control or ())
        expected = mean * self.factor
        found = _against_forecast(self.after, expected, spread, self.confidence)
        return expected, found, _against_forecast(0, expected, spread, self.confidence)[3]

    def _table(self) -> tuple[Indices, Floats]:
        """Possible counts after, and the logarithm of their weights where nothing has changed."""
        n = self.before + self.after
        if self.control is None:
            k = np.arange(n + 1)
            return k, _log_choose(n, k) + k * math.log(self.days)
        n_control, n_after = sum(self.control), self.after + self.control[1]
        k = np.arange(max(0, n_after - n_control), min(n, n_after) + 1)
        return k, _log_choose(n, k) + _log_choose(n_control, n_after - k)


def posterior_mean(seen: int, similar: npt.NDArray[np.integer]) -> tuple[float, float]:
    """Mean that the place has in the long run, and the shape of its gamma distribution.

    Empirical Bayes by moments (Hauer 1997, eq. 11.2): the place's own count is drawn towards the
    mean of the comparable places the more, the less these differ beyond chance.
    """
    mean = float(np.mean(similar))
    excess = float(np.var(similar, ddof=1)) - mean
    if mean <= 0:
        return float(seen), max(seen, 0.5)
    if excess <= 0:
        return mean, mean * len(similar)
    shape = mean**2 / excess
    return (shape + seen) / (shape / mean + 1), shape + seen


def _log_choose(n: int, k: Indices) -> Floats:
    chosen: Floats = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return chosen


def _tails(k: Indices, log_weight: Floats, seen: int, log_ratio: float) -> tuple[float, float]:
    """Mid-p upper and lower tail of the seen count at a ratio."""
    log = log_weight + k * log_ratio
    chance = np.exp(log - special.logsumexp(log))
    at = float(chance[k == seen].sum())
    return float(chance[k > seen].sum()) + at / 2, float(chance[k < seen].sum()) + at / 2


def _against_table(k: Indices, log_weight: Floats, seen: int, confidence: float) -> _Found:
    """Conditional ratio, its mid-p interval's ends (null: no bound) and two-sided mid-p."""
    p = min(1.0, 2 * min(_tails(k, log_weight, seen, 0.0)))
    if len(k) < 2:
        return None, None, None, 1.0
    tail = (1 - confidence) / 2

    def mean_gap(log_ratio: float) -> float:
        log = log_weight + k * log_ratio
        return float(np.exp(log - special.logsumexp(log)) @ k) - seen

    low = _root(lambda r: _tails(k, log_weight, seen, r)[0] - tail) if seen > k[0] else 0.0
    high = _root(lambda r: tail - _tails(k, log_weight, seen, r)[1]) if seen < k[-1] else None
    if seen == k[-1]:
        return None, low, None, p
    return (_root(mean_gap) if seen > k[0] else 0.0), low, high, p


def _root(rising: Callable[[float], float]) -> float:
    """The ratio at which a rising function of its logarithm is 0."""
    return math.exp(optimize.brentq(rising, -_LOG_REACH, _LOG_REACH, xtol=1e-12))


def _against_forecast(seen: int, mean: float, spread: float, confidence: float) -> _Found:
    """Ratio, interval and two-sided mid-p of a count against a negative binomial forecast."""
    if mean <= 0:
        return None, None, None, 1.0
    size = 1 / max(spread, 1e-9)
    chance = size / (size + mean)
    at = float(stats.nbinom.pmf(seen, size, chance))
    upper = float(stats.nbinom.sf(seen, size, chance)) + at / 2
    lower = float(stats.nbinom.cdf(seen, size, chance)) - at / 2
    half = (1 - confidence) / 2
    ends = stats.f.ppf([half, 1 - half], 2 * (seen + 0.5), 2 * size) * (seen + 0.5) / mean
    return seen / mean, float(ends[0]), float(ends[1]), min(1.0, 2 * min(upper, lower))


def _notes(is_alone: bool, is_raw: bool, is_few: bool) -> tuple[str, ...]:
    says = {
        "hotspots.effect.no_control": is_alone,
        "hotspots.effect.peak_falls": is_raw,
        "hotspots.effect.too_few": is_few,
    }
    return tuple(code for code, is_so in says.items() if is_so)


def _check(
    counts: Indices,
    days: Floats,
    lacks: tuple[bool, bool],
    similar: npt.NDArray[np.integer] | None,
    confidence: float,
) -> None:
    if not 0.5 < confidence < 1:
        raise ParameterError(
            "hotspots.effect.option",
            f"`confidence` must lie between 0.5 and 1; got {confidence}.",
            value=confidence,
        )
    if (counts < 0).any() or not (np.isfinite(days) & (days > 0)).all():
        raise ParameterError(
            "hotspots.effect.counts",
            "counts must not be negative and both windows be longer than 0 days; "
            f"got {counts.tolist()}, {days.tolist()}.",
        )
    if lacks[0] != lacks[1]:
        raise ParameterError(
            "hotspots.effect.control",
            "the control needs its count before and after; got one. Give both or none.",
        )
    if similar is not None and len(similar) < _SIMILAR_MIN:
        raise ParameterError(
            "hotspots.effect.similar",
            f"at least {_SIMILAR_MIN} comparable places are needed; got {len(similar)}. "
            "Give more, or none.",
            n=len(similar),
            least=_SIMILAR_MIN,
        )

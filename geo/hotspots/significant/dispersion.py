"""Whether counts scatter more than chance alone, and by how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

from geo.hotspots.counts.lattice import Floats, Indices

DISPERSION_LEVEL = 0.05
"""Level of the test; below it the negative binomial is used. The usual level."""

MIN_CELLS = 30
"""Fewest cells, and incidents, from which a dispersion is estimated."""

MAX_DISPERSION = 1e3
"""Largest variance over mean that is estimated; more is a map of a few points."""

_CUT_DEVIATIONS = 1.3
"""Cells above the mean by more than so many standard deviations (about the upper tenth) are not
looked at, so that hotspots cannot pass for over-dispersion and hide themselves."""

_GROUPS_PER_E = 32
"""Cells whose expected counts differ by less than 1/32 are counted together."""


@dataclass(frozen=True)
class Dispersion:
    """Variance over mean, 1 where it is chance alone, and the p-value that it is not above 1."""

    ratio: float
    p: float
    is_tested: bool


def dispersion_of_map(counts: Indices, expected: Floats) -> Dispersion:
    """Dispersion of one map, from its lower bulk of cells.

    Negative binomial with variance D times the mean (its sums over cells are again such) against
    Poisson, by the likelihood ratio on counts truncated from above at a bound set by the expected
    count alone; the level of the map is fitted with it, so that hotspots neither count as scatter
    nor raise what is expected. D = 1 lies on the border: p is half a chi-square's tail (Self &
    Liang 1987, JASA 82). Never above the variance over mean of all cells, hotspots and all: where
    much ground is simply empty (a lake), the truncated fit reaches far beyond it.

    Parameters
    ----------
    counts, expected : (n,) of the cells that are tested; expected > 0
    """
    if len(counts) < MIN_CELLS or counts.sum() < MIN_CELLS:
        return Dispersion(1.0, 1.0, False)
    bulk = _Bulk.of(counts, expected)
    if bulk.n_pairs == 0:
        return Dispersion(1.0, 1.0, True)
    single = optimize.minimize_scalar(
        lambda scale: -bulk.log_likelihood(scale, 1.0), bounds=(-4.0, 2.0), method="bounded"
    )
    double = optimize.minimize(
        lambda at: -bulk.log_likelihood(at[0], 1.0 + np.exp(at[1])),
        x0=(single.x, -1.5),
        method="Nelder-Mead",
        bounds=((-6.0, 3.0), (-7.0, np.log(MAX_DISPERSION))),
        options={"xatol": 1e-3, "fatol": 1e-4},
    )
    gain = 2.0 * (single.fun - double.fun)
    if gain <= 0.0:
        return Dispersion(1.0, 1.0, True)
    plain = float(((counts - expected) ** 2).sum() / expected.sum())
    ratio = min(1.0 + float(np.exp(double.x[1])), max(plain, 1.0))
    return Dispersion(ratio, float(0.5 * stats.chi2.sf(gain, 1)), True)


def dispersion_in_time(counts_by_period: Indices, expected: Floats) -> Dispersion:
    """Dispersion from repeats: pairs of incidents of one cell that fall in one period.

    Given a cell's total, chance spreads it over the periods by their shares; a place that is hot
    all the time adds nothing. The expected pairs and their variance are exact (multinomial); D
    solves observed = expected pairs of the Dirichlet-multinomial, to which the negative binomial
    leads. Cells far above their expected count are left out, as in `dispersion_of_map`.

    Parameters
    ----------
    counts_by_period : (periods, n) of the cells that are tested; expected : (n,) for all periods
    """
    totals = counts_by_period.sum(axis=0)
    by_period = counts_by_period.sum(axis=1)
    is_bulk = totals <= _cut(expected)
    n = totals[is_bulk].astype(np.float64)
    if len(by_period) < 2 or len(totals) < MIN_CELLS or (n * (n - 1)).sum() < MIN_CELLS:
        return Dispersion(1.0, 1.0, False)
    share = by_period / by_period.sum()
    two, three = (share**2).sum(), (share**3).sum()
    inside = counts_by_period[:, is_bulk].astype(np.float64)
    pairs = (inside * (inside - 1.0)).sum()
    orders = n * (n - 1.0)
    spread = (2 * orders * (two - two**2) + 4 * orders * (n - 2.0) * (three - two**2)).sum()
    if spread <= 0.0:
        return Dispersion(1.0, 1.0, False)
    z = (pairs - two * orders.sum()) / np.sqrt(spread)

    def missing(log_excess: float) -> float:
        size = expected[is_bulk] / np.exp(log_excess)
        return float(pairs - (orders * (size * two + 1.0) / (size + 1.0)).sum())

    low, high = -12.0, float(np.log(MAX_DISPERSION))
    if missing(low) <= 0.0:
        return Dispersion(1.0, float(stats.norm.sf(z)), True)
    root = high if missing(high) >= 0.0 else optimize.brentq(missing, low, high)
    return Dispersion(float(1.0 + np.exp(root)), float(stats.norm.sf(z)), True)


def _cut(expected: Floats) -> Floats:
    """Greatest count that is looked at, by the expected count alone; at least 3."""
    cut: Floats = np.maximum(3.0, np.floor(expected + _CUT_DEVIATIONS * np.sqrt(expected)))
    return cut


@dataclass(frozen=True)
class _Bulk:
    """Counts up to the cut, in groups of like expected count."""

    group_mean: Floats
    group_cut: Floats
    group_n: Floats
    mean: Floats
    count: Floats
    n: Floats

    @classmethod
    def of(cls, counts: Indices, expected: Floats) -> _Bulk:
        group = np.floor(np.log(expected) * _GROUPS_PER_E).astype(np.int64)
        group -= group.min()
        size = np.bincount(group)
        mean = np.bincount(group, weights=expected) / np.maximum(size, 1)
        cut = _cut(mean)
        is_low = counts <= cut[group]
        width = int(counts.max()) + 1
        pairs, n = np.unique(group[is_low] * width + counts[is_low], return_counts=True)
        of_pair, count = np.divmod(pairs, width)
        group_n = np.bincount(of_pair, weights=n, minlength=len(size))
        held = group_n > 0
        return cls(
            mean[held],
            cut[held],
            group_n[held].astype(np.float64),
            mean[of_pair],
            count.astype(np.float64),
            n.astype(np.float64),
        )

    @property
    def n_pairs(self) -> float:
        """Cells with at least two incidents."""
        return float(self.n[self.count >= 2].sum())

    def log_likelihood(self, log_scale: float, ratio: float) -> float:
        """Of the truncated counts, up to a constant."""
        mean, group = self.mean * np.exp(log_scale), self.group_mean * np.exp(log_scale)
        if ratio == 1.0:
            chance = self.count * np.log(mean) - mean
            below = special.pdtr(self.group_cut, group)
        else:
            size = mean / (ratio - 1.0)
            chance = (
                special.gammaln(self.count + size)
                - special.gammaln(size)
                - size * np.log(ratio)
                + self.count * np.log1p(-1.0 / ratio)
            )
            below = special.betainc(group / (ratio - 1.0), self.group_cut + 1.0, 1.0 / ratio)
        below = np.maximum(below, 1e-300)
        return float((self.n * chance).sum() - (self.group_n * np.log(below)).sum())

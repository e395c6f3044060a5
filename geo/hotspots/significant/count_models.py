"""The chance model that counts are tested under, and exact intervals of the relative risk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from geo.hotspots.counts.lattice import Floats, Indices
from geo.hotspots.significant import tails

INTERVAL_LEVEL = 0.95
"""Coverage of the intervals of the relative risk."""

_HALVINGS = 80
"""Bisections of an interval's end: to the last bit of a float."""

_CODES = {
    "binomial": tails.BINOMIAL,
    "poisson": tails.POISSON,
    "negative binomial": tails.NEGATIVE_BINOMIAL,
    "hypergeometric": tails.HYPERGEOMETRIC,
}


@dataclass(frozen=True)
class CountModel:
    """How counts scatter where nothing is hot; sums over cells follow the same model.

    `total`: incidents in all tested cells (binomial, hypergeometric). `other`: variance over mean
    (negative binomial), or incidents of all categories (hypergeometric).
    """

    name: str
    total: float = 0.0
    other: float = 0.0

    @property
    def code(self) -> int:
        """The model's number in the kernels."""
        return _CODES[self.name]

    def upper_tails(self, counts: Indices, expected: Floats) -> Floats:
        """(n,) chance of that count or more."""
        found: Floats = tails.upper_tails(self.code, counts, expected, self.total, self.other)
        return found

    def chance_sums(self, expected: Floats, levels: Floats) -> Floats:
        """For each ascending level, the sum over the tests of the chance of a p-value below it."""
        means, times = np.unique(expected, return_counts=True)
        sums: Floats = tails.attained_sums(
            self.code, means, times.astype(np.float64), self.total, self.other, levels
        )
        return sums

    def risk_interval(self, counts: Indices, expected: Floats) -> tuple[Floats, Floats]:
        """Exact ends of the 95% interval of count over expected, each tail 2.5%.

        Binomial: Clopper & Pearson 1934. Poisson: Garwood 1936. Hypergeometric: Clopper-Pearson
        of the category's share among the cell's incidents. Negative binomial: the means at which
        the count is in a tail, at the same dispersion.
        """
        if not len(counts):
            return np.zeros(0), np.zeros(0)
        if self.name == "hypergeometric":
            drawn = np.rint(expected * self.other / self.total)
            low, high = _clopper_pearson(counts, drawn)
            share = self.total / self.other
            return low / share, high / share
        one_of_each, at = np.unique(counts, return_inverse=True)
        if self.name == "binomial":
            low, high = _clopper_pearson(one_of_each, np.full(len(one_of_each), self.total))
            low, high = low * self.total, high * self.total
        elif self.name == "poisson":
            low, high = _garwood(one_of_each)
        else:
            low, high = _of_negative_binomial(one_of_each, self.other)
        return low[at] / expected, high[at] / expected


def _clopper_pearson(counts: Indices, trials: Floats) -> tuple[Floats, Floats]:
    tail = (1.0 - INTERVAL_LEVEL) / 2.0
    some, rest = np.maximum(counts, 1), np.maximum(trials - counts, 1.0)
    low: Floats = special.betaincinv(some, trials - some + 1.0, tail)
    high: Floats = special.betaincinv(counts + 1.0, rest, 1.0 - tail)
    return np.where(counts > 0, low, 0.0), np.where(counts < trials, high, 1.0)


def _garwood(counts: Indices) -> tuple[Floats, Floats]:
    tail = (1.0 - INTERVAL_LEVEL) / 2.0
    low: Floats = special.gammaincinv(np.maximum(counts, 1), tail)
    high: Floats = special.gammaincinv(counts + 1.0, 1.0 - tail)
    return np.where(counts > 0, low, 0.0), high


def _of_negative_binomial(counts: Indices, ratio: float) -> tuple[Floats, Floats]:
    """Means at which the count or more, and the count or fewer, has the tail's chance."""
    tail = (1.0 - INTERVAL_LEVEL) / 2.0
    some, step = np.maximum(counts, 1).astype(np.float64), ratio - 1.0
    most = (4.0 * (counts + 20.0 * ratio)).astype(np.float64)
    low, high = np.zeros(len(counts)), most.copy()
    low_2, high_2 = np.zeros(len(counts)), most.copy()
    for _ in range(_HALVINGS):
        middle, middle_2 = (low + high) / 2.0, (low_2 + high_2) / 2.0
        is_rare = special.betainc(some, middle / step, 1.0 - 1.0 / ratio) < tail
        low, high = np.where(is_rare, middle, low), np.where(is_rare, high, middle)
        is_common = special.betainc(middle_2 / step, counts + 1.0, 1.0 / ratio) > tail
        low_2, high_2 = np.where(is_common, middle_2, low_2), np.where(is_common, high_2, middle_2)
    return np.where(counts > 0, low, 0.0), high_2

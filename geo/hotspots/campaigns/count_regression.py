"""Regression of counts with logarithmic link, negative binomial."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Floats, Indices

_STEPS = 100
"""Most Newton steps; a dozen are usual."""

_FAR_DEVIATIONS = 2.0
"""Standard deviations of a Poisson count from its mean, from which a row may be a finding."""

_TURNS = 20
"""Most turns between coefficients and dispersion; a few are usual."""

_LOG_LEAST = -10.0
"""Natural logarithm of the least dispersion told from none."""


@dataclass(frozen=True)
class CountFit:
    """A fitted regression of n counts.

    `coefficients` (m,); `expected` (n,) of the fit; `dispersion` of the negative binomial,
    variance = mean + dispersion mean^2, 0: Poisson; `expected_of_others` (n,) what the other rows
    say of each row; `spread_of_others` (n,) squared coefficient of variation of that mean: their
    dispersion and the uncertainty of the coefficients.
    """

    coefficients: Floats
    expected: Floats
    dispersion: float
    expected_of_others: Floats
    spread_of_others: Floats


def fit_counts(counts: Indices, terms: Floats, offset: Floats) -> CountFit:
    """The regression log E(counts) = offset + terms @ coefficients, by maximum likelihood.

    Newton's method (iteratively reweighted least squares; McCullagh and Nelder 1989, 2.5) with a
    ridge of 1e-8, in turn with the dispersion by the profile likelihood that Cox and Reid 1987
    adjusted for the coefficients (as edgeR does, McCarthy et al. 2012). It is not tested first:
    counts of areas scatter more than Poisson's, and with some dozen areas a test would often miss
    it. Rows taken out by one step (Pregibon 1981).

    Parameters
    ----------
    counts : (n,) not all 0; terms : (n, m) with a column of ones; offset : (n,) logarithms

    Raises
    ------
    ParameterError : no coefficients could be found (terms that explain the counts completely)
    """
    fitted = _newton(counts, terms, offset, 0.0)
    mean = _mean(terms, fitted, offset)
    dispersion = 0.0
    for _ in range(_TURNS):
        known = dispersion
        dispersion = _likeliest_dispersion(counts, mean, terms)
        fitted = _newton(counts, terms, offset, dispersion)
        mean = _mean(terms, fitted, offset)
        if abs(dispersion - known) < 1e-6 * (1 + known):
            break
    weight = mean / (1 + dispersion * mean)
    inverse = np.linalg.inv(_information(terms, weight))
    reach = np.einsum("ij,jk,ik->i", terms, inverse, terms)
    scatter = _dispersion_of_others(counts, mean, terms, dispersion)
    leverage = np.minimum(weight * reach, 1 - 1e-6)
    gap = weight * (counts - mean) / mean / (1 - leverage)
    others = mean * np.exp(np.clip(-reach * gap, -3.0, 3.0))
    spread = scatter + reach / (1 - leverage)
    return CountFit(fitted, mean, dispersion, others, spread)


def _newton(counts: Indices, terms: Floats, offset: Floats, dispersion: float) -> Floats:
    fitted = np.zeros(terms.shape[1])
    start = np.log(counts.sum() / np.exp(offset).sum())
    fitted += np.linalg.lstsq(terms, np.full(len(terms), start), rcond=None)[0]
    for _ in range(_STEPS):
        mean = _mean(terms, fitted, offset)
        weight = mean / (1 + dispersion * mean)
        step = np.linalg.solve(
            _information(terms, weight), terms.T @ (weight * (counts - mean) / mean)
        )
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))
        fitted = fitted + step
        if np.abs(step).max() < 1e-10:
            return fitted
    raise ParameterError(
        "hotspots.fit_failed",
        f"the expected counts could not be fitted in {_STEPS} steps. Use fewer columns beside.",
        n=len(counts),
    )


def _mean(terms: Floats, fitted: Floats, offset: Floats) -> Floats:
    mean: Floats = np.exp(np.clip(offset + terms @ fitted, -50.0, 50.0))
    return mean


def _information(terms: Floats, weight: Floats) -> Floats:
    information: Floats = terms.T @ (weight[:, None] * terms) + 1e-8 * np.eye(terms.shape[1])
    return information


def _dispersion_of_others(
    counts: Indices, mean: Floats, terms: Floats, dispersion: float
) -> Floats:
    """(n,) dispersion; of rows far from their mean that of the other rows, lest they hide."""
    others = np.full(len(counts), dispersion)
    far = np.abs(counts - mean) > _FAR_DEVIATIONS * np.sqrt(mean)
    for row in np.flatnonzero(far):
        rest = np.arange(len(counts)) != row
        others[row] = _likeliest_dispersion(counts[rest], mean[rest], terms[rest])
    return others


def _likeliest_dispersion(counts: Indices, mean: Floats, terms: Floats) -> float:
    """By the likelihood less half the logarithm of the information's determinant."""

    def loss(log_dispersion: float) -> float:
        dispersion = float(np.exp(log_dispersion))
        size = 1 / dispersion
        chance = (
            special.gammaln(counts + size)
            - special.gammaln(size)
            - size * np.log1p(mean * dispersion)
            + counts * np.log(mean / (size + mean))
        )
        _, log_det = np.linalg.slogdet(_information(terms, mean / (1 + dispersion * mean)))
        return float(log_det) / 2 - float(chance.sum())

    best = optimize.minimize_scalar(loss, bounds=(_LOG_LEAST, 4.0), method="bounded").x
    return 0.0 if best < _LOG_LEAST + 0.5 else float(np.exp(best))

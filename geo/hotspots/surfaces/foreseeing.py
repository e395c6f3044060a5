"""The parts of a forecast: surfaces made from the past, and the weights that fit what came."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from geo.hotspots.counts.lattice import Bools, Floats, Indices
from geo.hotspots.surfaces.smoothing import gaussian_filter

HALF_LIVES = (0.5, 2.0, 8.0, math.inf)
"""How fast the past fades, in horizons; the last never."""

POWERS = (1.0, 0.6)
"""Of a period's count: below 1, many incidents at once tell less than as many one by one."""

SPREADS = (0.0, 0.5, 1.6, 4.0)
"""How far an incident is spread, standard deviations in cell sides."""

BAND_SHARES = (0.005, 0.02, 0.08, 0.3)
"""Where the ground of highest expectation is divided into bands, shares of its cells: by a factor
of 4, away from the shares at which forecasts are acted upon, so that these cut through no edge."""

OVERLAP = 1.5
"""Bands are fitted on ground that reaches this many times beyond their limits."""

BAND_SHRINKAGE = 30.0
"""Incidents that a band's own experience must weigh against the whole ground's weights."""

LEAST_HELD = 0.05
"""Smallest share of a spread taken to fall on the ground, when edges are corrected."""

_STEPS, _CLOSE = 100, 1e-6
"""Most steps of expectation maximisation, and the change of weights that ends it."""

Surfaces = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Parts:
    """How each surface is made; read the three together. The last is the flat ground.

    `half_lives` in periods, `powers` of a period's count, `spreads` in cell sides (infinite: flat).
    """

    half_lives: Floats
    powers: Floats
    spreads: Floats

    def surfaces(self, periods: csr_array, is_inside: Bools) -> Surfaces:
        """(parts, cells of the ground) float32, each adding up to one.

        Decayed sums of the periods' counts, spread by a Gaussian and divided by the share of it
        that stays on the ground. Flat where there is no past.
        """
        age = np.arange(periods.shape[0])[::-1]
        made = np.full((len(self.spreads), int(is_inside.sum())), 1.0 / is_inside.sum(), np.float32)
        damped = {p: _powered(periods, p) for p in np.unique(self.powers)}
        held = {s: _held(is_inside, s) for s in np.unique(self.spreads) if 0 < s < math.inf}
        decayed: dict[tuple[float, float], Floats] = {}
        for k, (half_life, power, spread) in enumerate(
            zip(self.half_lives, self.powers, self.spreads, strict=True)
        ):
            if math.isinf(spread):
                continue
            if (half_life, power) not in decayed:
                fading = 0.5 ** (age / half_life)
                decayed[half_life, power] = (damped[power].T @ fading).reshape(is_inside.shape)
            values = decayed[half_life, power]
            if spread:
                values = gaussian_filter(values, sd_cells=spread) / held[spread]
            inside = values[is_inside]
            total = inside.sum()
            if total > 0:
                made[k] = inside / total
        return made


def all_parts(horizon: int) -> Parts:
    """Every half-life with every power and spread, and the flat ground."""
    made = [(h * horizon, p, s) for p in POWERS for h in HALF_LIVES for s in SPREADS]
    half_lives, powers, spreads = np.array([*made, (math.inf, 1.0, math.inf)]).T
    return Parts(half_lives, powers, spreads)


@dataclass(frozen=True)
class Past:
    """What a forecast is tuned on: horizons of the past, each foreseen from what was before it.

    `periods` (periods, rows * cols) counts; `is_inside` (rows, cols); `origins`: the period in
    which each horizon begins; `seen`: (cells of the ground,) what it then held.
    """

    periods: csr_array
    is_inside: Bools
    origins: list[int]
    seen: list[Floats]

    def foreseen(self, parts: Parts) -> Iterator[tuple[Surfaces, Floats]]:
        """For each horizon the surfaces of its past, and what came."""
        for at, observed in zip(self.origins, self.seen, strict=True):
            yield parts.surfaces(self.periods[:at], self.is_inside), observed


def fit_mixture(parts: Parts, past: Past) -> Floats:
    """(parts,) weights under which what was seen after each origin is likeliest; sum one.

    Equal where nothing was seen.
    """
    columns, counts = [], []
    for surfaces, observed in past.foreseen(parts):
        here = np.flatnonzero(observed)
        columns.append(surfaces[:, here])
        counts.append(observed[here])
    foreseen = np.concatenate(columns, axis=1)
    start = np.full(len(foreseen), 1.0 / len(foreseen))
    observed = np.concatenate(counts)
    if not len(observed):
        return start
    capacity = np.full(len(foreseen), observed.sum())
    return _maximise(foreseen, observed, capacity, start, shrinkage=0.0)


def fit_bands(parts: Parts, weights: Floats, past: Past) -> Floats:
    """(bands, parts) weights within each band of the ground, shrunk to those of the whole.

    Poisson likelihood with a gamma prior around the whole's weights, worth `BAND_SHRINKAGE`
    incidents. Bands follow the mixture's expectation at each origin.
    """
    n_bands = len(BAND_SHARES) + 1
    capacity = np.zeros((n_bands, len(weights)))
    columns: list[list[Surfaces]] = [[] for _ in range(n_bands)]
    counts: list[list[Floats]] = [[] for _ in range(n_bands)]
    for surfaces, observed in past.foreseen(parts):
        expected = (weights.astype(np.float32) @ surfaces).astype(np.float64)
        n_seen = observed.sum()
        for band, is_near in enumerate(_reaches(expected)):
            here = np.flatnonzero(is_near & (observed > 0))
            capacity[band] += surfaces[:, is_near].sum(axis=1, dtype=np.float64) * n_seen
            columns[band].append(surfaces[:, here] * np.float32(n_seen))
            counts[band].append(observed[here])
    fitted = np.tile(weights, (n_bands, 1))
    for band in range(n_bands):
        observed = np.concatenate(counts[band])
        if len(observed):
            foreseen = np.concatenate(columns[band], axis=1)
            fitted[band] = _maximise(
                foreseen, observed, capacity[band], weights, shrinkage=BAND_SHRINKAGE
            )
    return fitted


def bands_of(expected: Floats) -> Indices:
    """(cells,) band of each cell, 0 the highest expectation; equal cells share a band."""
    limits = _limits(expected, 1.0)
    band: Indices = (expected[None, :] < limits[:, None]).sum(axis=0)
    return band


def _reaches(expected: Floats) -> list[Bools]:
    """The ground on which each band is fitted: its own and some beyond both limits."""
    upper, lower = _limits(expected, 1.0 / OVERLAP), _limits(expected, OVERLAP)
    everywhere = np.ones(len(expected), dtype=bool)
    below = [everywhere, *(expected < limit for limit in upper)]
    above = [*(expected >= limit for limit in lower), everywhere]
    return [a & b for a, b in zip(below, above, strict=True)]


def _limits(expected: Floats, times: float) -> Floats:
    """Expectation of the last cell within each band share, times a factor."""
    share = np.minimum(np.array(BAND_SHARES) * times, 1.0)
    rank = np.ceil(share * len(expected)).astype(np.int64) - 1
    limits: Floats = np.sort(expected)[::-1][rank]
    return limits


def _maximise(
    foreseen: Surfaces, observed: Floats, capacity: Floats, start: Floats, *, shrinkage: float
) -> Floats:
    """Weights that maximise sum(observed log(weights . foreseen)) - weights . capacity.

    Expectation maximisation from `start`, which is the prior's mode too.
    """
    weights = start + _CLOSE
    for _ in range(_STEPS):
        share = (observed / (weights.astype(np.float32) @ foreseen)).astype(np.float32)
        earned = weights * (foreseen @ share)
        new: Floats = (earned + shrinkage * start) / (capacity + shrinkage)
        is_close = np.abs(new - weights).max() < _CLOSE
        weights = new
        if is_close:
            break
    return weights


def _powered(periods: csr_array, power: float) -> csr_array:
    if power == 1.0:
        return periods
    return csr_array((periods.data**power, periods.indices, periods.indptr), shape=periods.shape)


def _held(is_inside: Bools, spread: float) -> Floats:
    """(rows, cols) share of a Gaussian on each cell that stays on the ground."""
    return np.maximum(gaussian_filter(is_inside.astype(np.float64), sd_cells=spread), LEAST_HELD)

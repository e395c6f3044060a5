"""Where the next incidents will be: a mixture of pasts, weighted by what they foresaw."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, issparse

from geo.errors import ParameterError
from geo.hotspots.lattice import Bools, Floats
from geo.hotspots.smoothing import gaussian_filter

Counts: TypeAlias = Any
"""(periods, rows, cols) array, or a SciPy sparse (periods, rows * cols) one."""

HALF_LIVES = (1.5, 6.0, 24.0, math.inf)
"""How fast the past fades, in periods; the last never."""

SPREADS = (0.0, 1.0, 2.5)
"""How far each incident is spread, standard deviations in cell sides."""

N_TUNING = 12
"""Latest periods on which the weights are tuned, each foreseen from what is before it."""

_STEPS = 200
"""Most steps of expectation maximisation."""


@dataclass(frozen=True)
class ForecastModel:
    """A mixture of surfaces, each made from the past in its own way.

    `half_lives` (in periods), `spreads` (in cell sides) and `weights` (adding up to 1) are read
    together, one a component; the last component is the flat ground.
    """

    half_lives: tuple[float, ...]
    spreads: tuple[float, ...]
    weights: Floats
    n_tuned_on: int

    @classmethod
    def fit(cls, counts: Counts, *, is_inside: Bools, n_tuning: int = N_TUNING) -> ForecastModel:
        """The mixture under which the latest past periods, foreseen in turn, are likeliest."""
        periods = _as_periods(counts, is_inside)
        half_lives = (*(h for h in HALF_LIVES for _ in SPREADS), math.inf)
        spreads = (*SPREADS * len(HALF_LIVES), math.inf)
        first = max(1, periods.shape[0] - n_tuning)
        seen, foreseen = [], []
        for period in range(first, periods.shape[0]):
            at = periods.indices[periods.indptr[period] : periods.indptr[period + 1]]
            surfaces = _surfaces(periods[:period], is_inside, half_lives, spreads)
            foreseen.append(surfaces.reshape(len(surfaces), -1)[:, at])
            seen.append(periods.data[periods.indptr[period] : periods.indptr[period + 1]])
        weights = np.full(len(spreads), 1.0 / len(spreads))
        if seen and sum(len(s) for s in seen):
            weights = _mixture(np.concatenate(foreseen, axis=1), np.concatenate(seen))
        return cls(half_lives, spreads, weights, periods.shape[0] - first)

    def predict(self, counts: Counts, *, is_inside: Bools) -> Floats:
        """(rows, cols) expected counts in the period after the last one given."""
        periods = _as_periods(counts, is_inside)
        surfaces = _surfaces(periods, is_inside, self.half_lives, self.spreads)
        recent = periods[max(0, periods.shape[0] - N_TUNING) :].sum() / min(
            N_TUNING, periods.shape[0]
        )
        expected: Floats = np.tensordot(self.weights, surfaces, axes=1) * recent
        return expected

    def to_frame(self) -> pd.DataFrame:
        """The weights, one row a component: half_life, spread, weight."""
        return pd.DataFrame(
            {"half_life": self.half_lives, "spread": self.spreads, "weight": self.weights}
        )


def forecast(counts: Counts, *, is_inside: Bools, n_tuning: int = N_TUNING) -> Floats:
    """(rows, cols) expected counts in the next period; `ForecastModel.fit` and `predict` in one."""
    model = ForecastModel.fit(counts, is_inside=is_inside, n_tuning=n_tuning)
    return model.predict(counts, is_inside=is_inside)


def _as_periods(counts: Counts, is_inside: Bools) -> csr_array:
    """(periods, cells) sparse counts of the cells of the ground; the others are left out."""
    if issparse(counts):
        table = csr_array(counts, dtype=np.float64)
    else:
        dense = np.asarray(counts, dtype=np.float64)
        table = csr_array(dense.reshape(len(dense), -1)) if dense.ndim == 3 else csr_array((0, 0))
    if table.shape[0] < 1 or table.shape[1] != is_inside.size:
        raise ParameterError(
            "hotspots.wrong_shape",
            f"`counts` must be (periods, rows, cols) over {is_inside.shape}, at least one period",
            found=str(counts.shape),
            expected=str(is_inside.shape),
        )
    table = csr_array(table.multiply(is_inside.ravel()[None, :]))
    table.sum_duplicates()
    table.eliminate_zeros()
    return table


def _surfaces(
    periods: csr_array,
    is_inside: Bools,
    half_lives: tuple[float, ...],
    spreads: tuple[float, ...],
) -> Floats:
    """(components, rows, cols), each adding up to one over the ground."""
    age = np.arange(periods.shape[0])[::-1]
    surfaces = np.zeros((len(spreads), *is_inside.shape))
    flat = is_inside / is_inside.sum()
    for k, (half_life, spread) in enumerate(zip(half_lives, spreads, strict=True)):
        if math.isinf(spread):
            surfaces[k] = flat
            continue
        decayed = (periods.T @ 0.5 ** (age / half_life)).reshape(is_inside.shape)
        if spread:
            decayed = gaussian_filter(decayed, sd_cells=spread) * is_inside
        total = decayed.sum()
        surfaces[k] = decayed / total if total else flat
    return surfaces


def _mixture(foreseen: Floats, seen: Floats) -> Floats:
    """Weights that make what was seen likeliest: expectation maximisation, from equal weights."""
    weights: Floats = np.full(len(foreseen), 1.0 / len(foreseen))
    for _ in range(_STEPS):
        share = seen / (weights @ foreseen)
        new: Floats = weights * (foreseen @ share) / seen.sum()
        if np.abs(new - weights).max() < 1e-6:
            return new
        weights = new
    return weights

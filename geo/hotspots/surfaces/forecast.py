"""Where the next incidents will be: a mixture of pasts, weighted by what they foresaw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, issparse

from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Bools, Floats
from geo.hotspots.surfaces.foreseeing import (
    Parts,
    Past,
    all_parts,
    bands_of,
    fit_bands,
    fit_mixture,
)

Counts: TypeAlias = Any
"""(periods, rows, cols) array, or a SciPy sparse (periods, rows * cols) one."""

N_TUNING = 12
"""Latest horizons on which the weights are tuned, each foreseen from what was before it."""

LEVEL_SPANS = (1, 3, 12)
"""Over how many of the latest horizons the town's level may be averaged."""

_LEAST_LEVEL = 0.5
"""Incidents a horizon taken where none was seen, when averages are compared."""


@dataclass(frozen=True)
class ForecastModel:
    """A mixture of surfaces ("parts"), each made from the past in its own way.

    `parts` : how each surface is made (half-life, power, spread); the last is the flat ground
    `weights` (parts,) : share of each in the town's forecast, adding up to 1
    `band_weights` (bands, parts) : the same within each band of the ground, from the ground of
        highest expectation (`foreseeing.BAND_SHARES`) to the rest; adding up to about 1
    `horizon` : periods forecast in one; `level_span` : horizons over which the level is averaged;
    `n_tuned_on` : horizons of the past on which the weights were tuned
    """

    parts: Parts
    weights: Floats
    band_weights: Floats
    horizon: int
    level_span: int
    n_tuned_on: int

    @classmethod
    def fit(
        cls, counts: Counts, *, is_inside: Bools, horizon: int = 1, n_tuning: int = N_TUNING
    ) -> ForecastModel:
        """The mixture under which the latest horizons, each foreseen from its past, are likeliest.

        An empirical-Bayes surface: a cell's own past shrinks towards its surroundings', towards
        longer pasts and towards the town's mean, by weights that maximise the Poisson likelihood
        of what then came (expectation maximisation; the problem is convex). First for the whole
        ground, then for bands of it, shrunk to the whole's: where incidents are many a cell's own
        recent past tells more. Nothing is tuned on the horizon to be forecast.

        Parameters
        ----------
        counts : (periods, rows, cols) incidents in equal periods, the oldest first, or sparse
            (periods, rows * cols); periods shorter than the horizon (weeks for a month) let the
            forecast see how recent an incident is
        is_inside : (rows, cols) cells of the ground; counts elsewhere are left out
        horizon : periods to be forecast in one, >= 1
        n_tuning : latest horizons to tune on, >= 1; fewer where the past is short

        Raises
        ------
        ParameterError : shapes differ, a count is negative or not finite, there is no ground, a
            number is below 1, or the past is shorter than two horizons
        """
        _check_numbers(horizon=horizon, n_tuning=n_tuning)
        periods = as_periods(counts, is_inside)
        n_past = periods.shape[0]
        n_tuned_on = min(n_tuning, n_past // horizon - 1)
        if n_tuned_on < 1:
            raise ParameterError(
                "hotspots.past_too_short",
                f"a forecast needs at least {2 * horizon} periods, two horizons; got {n_past}",
                n_periods=n_past,
                needed=2 * horizon,
            )
        origins = [n_past - horizon * k for k in range(n_tuned_on, 0, -1)]
        seen = [_sum_of(periods[at : at + horizon])[is_inside.ravel()] for at in origins]
        past = Past(periods, is_inside, origins, seen)
        parts = all_parts(horizon)
        weights = fit_mixture(parts, past)
        return cls(
            parts=parts,
            weights=weights,
            band_weights=fit_bands(parts, weights, past),
            horizon=horizon,
            level_span=_best_span(past, horizon),
            n_tuned_on=n_tuned_on,
        )

    def predict(self, counts: Counts, *, is_inside: Bools) -> Floats:
        """(rows, cols) incidents expected in the horizon after the last period; 0 off the ground.

        They add up to the town's level: the mean of its latest `level_span` horizons, the whole
        past's mean counted in as one more.

        Raises
        ------
        ParameterError : as in `fit`
        """
        periods = as_periods(counts, is_inside)
        surfaces = self.parts.surfaces(periods, is_inside)
        band = bands_of(self.weights @ surfaces)
        inside = np.zeros(surfaces.shape[1])
        for number, weights in enumerate(self.band_weights):
            inside[band == number] = weights @ surfaces[:, band == number]
        total = inside.sum()
        level = _level(periods, periods.shape[0], self.level_span, self.horizon)
        expected = np.zeros(is_inside.shape)
        expected[is_inside] = inside * (level / total if total else 0.0)
        return expected

    def to_frame(self) -> pd.DataFrame:
        """How the forecast is made, one row a part, the heaviest first.

        Columns: half_life (periods), power (of a period's count), spread (standard deviation,
        cell sides; infinite for the flat ground), weight, and weight_1 ... of each band.
        """
        rows = pd.DataFrame(
            {
                "half_life": self.parts.half_lives,
                "power": self.parts.powers,
                "spread": self.parts.spreads,
                "weight": self.weights,
            }
        )
        for number, weights in enumerate(self.band_weights, start=1):
            rows[f"weight_{number}"] = weights
        return rows.sort_values("weight", ascending=False, kind="stable", ignore_index=True)


def forecast(
    counts: Counts, *, is_inside: Bools, horizon: int = 1, n_tuning: int = N_TUNING
) -> Floats:
    """(rows, cols) incidents expected over the next `horizon` periods.

    `ForecastModel.fit` and `predict` in one, with their parameters and errors.
    """
    model = ForecastModel.fit(counts, is_inside=is_inside, horizon=horizon, n_tuning=n_tuning)
    return model.predict(counts, is_inside=is_inside)


def as_periods(counts: Counts, is_inside: Bools) -> csr_array:
    """(periods, rows * cols) sparse counts of the ground's cells; the others are left out.

    Raises
    ------
    ParameterError : shapes differ, a count is negative or not finite, or there is no ground
    """
    found = np.shape(counts) if not issparse(counts) else counts.shape
    expected = (is_inside.size,) if issparse(counts) else is_inside.shape
    if len(found) != len(expected) + 1 or found[1:] != expected or found[0] < 1:
        raise ParameterError(
            "hotspots.wrong_shape",
            f"`counts` must be (periods, *{expected}) with at least one period; got {found}",
            found=str(found),
            expected=str(("n", *expected)),
        )
    if not is_inside.any():
        raise ParameterError("hotspots.no_cells", "a forecast needs a ground; no cell is inside")
    table = csr_array(counts if issparse(counts) else np.reshape(counts, (found[0], -1)))
    table = csr_array(table.astype(np.float64).multiply(is_inside.ravel()[None, :]))
    table.sum_duplicates()
    table.eliminate_zeros()
    if not (np.isfinite(table.data).all() and (table.data >= 0).all()):
        raise ParameterError(
            "hotspots.bad_counts", "`counts` must be finite and not negative", name="counts"
        )
    return table


def _best_span(past: Past, horizon: int) -> int:
    """The span under which the totals of the tuning horizons are likeliest (Poisson)."""
    totals = np.array([observed.sum() for observed in past.seen])
    likelihood = []
    for span in LEVEL_SPANS:
        levels = np.array([_level(past.periods, at, span, horizon) for at in past.origins])
        levels = np.maximum(levels, _LEAST_LEVEL)
        likelihood.append(float(totals @ np.log(levels) - levels.sum()))
    return LEVEL_SPANS[int(np.argmax(likelihood))]


def _level(periods: csr_array, at: int, span: int, horizon: int) -> float:
    """Incidents in a horizon, mean of the latest `span` horizons before a period.

    The mean of the whole past counts as one horizon more, so that a quiet month alone does not
    promise that nothing will happen.
    """
    first = max(0, at - span * horizon)
    whole = float(periods[:at].sum()) / at * horizon
    n_latest = (at - first) / horizon
    return (float(periods[first:at].sum()) + whole) / (n_latest + 1.0)


def _sum_of(periods: csr_array) -> Floats:
    total: Floats = np.asarray(periods.sum(axis=0), dtype=np.float64).ravel()
    return total


def _check_numbers(**numbers: int) -> None:
    for name, number in numbers.items():
        if number < 1:
            raise ParameterError(
                "hotspots.not_a_number_of_periods",
                f"`{name}` must be at least 1; got {number}",
                name=name,
                value=number,
            )

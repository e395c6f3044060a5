"""Which cells have more incidents than chance explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from geo.errors import ParameterError
from geo.hotspots.counts.exposure import check_not_negative, whole_numbers
from geo.hotspots.counts.lattice import Bools, Floats, Indices
from geo.hotspots.significant.count_models import CountModel
from geo.hotspots.significant.dispersion import (
    DISPERSION_LEVEL,
    Dispersion,
    dispersion_in_time,
    dispersion_of_map,
)
from geo.hotspots.significant.false_discovery import Correction
from geo.hotspots.significant.window_tests import q_of_cells

MIN_INCIDENTS = 5
"""With fewer incidents on the map nothing is called hot: two reports of one matter would be."""


@dataclass(frozen=True)
class Significance:
    """What is known of each cell; arrays (rows, cols), 0 (`p`, `q`: 1) where a cell is not tested.

    `expected` incidents if nothing were hot; `excess` = counts - expected; `relative_risk` =
    counts / expected with its exact 95% interval; `p` chance of the cell's own count or more;
    `q` false-discovery rate at which the cell is called hot, from the windows of 1, 3 and 5 cells
    in whose core it lies (so `q` may be below `p`: the neighbours add evidence); `window_cells`
    width of the window that decided, 0 where none; `is_hot`: q <= alpha.

    `n_incidents` in tested cells, `n_unexposed` in cells of the ground without exposure,
    `n_outside` outside the ground. `notes`: codes of the texts that the page shows.
    """

    counts: Indices
    is_tested: Bools
    expected: Floats
    excess: Floats
    relative_risk: Floats
    risk_low: Floats
    risk_high: Floats
    p: Floats
    q: Floats
    is_hot: Bools
    window_cells: Indices
    model: CountModel
    n_incidents: int
    n_tested: int
    n_unexposed: int
    n_outside: int
    dispersion: float
    dispersion_p: float
    alpha: float
    notes: tuple[str, ...]


def significant_cells(
    counts: Indices,
    exposure: Floats | None,
    *,
    is_inside: Bools,
    alpha: float = 0.05,
    correction: Correction = "bh",
    known_rate: float | None = None,
    background: Indices | None = None,
    dispersion: Literal["test", "none"] | float = "test",
    counts_by_period: Indices | None = None,
) -> Significance:
    """Cells with significantly more incidents than their exposure explains.

    Windows of 1, 3 and 5 cells around every tested cell are tested exactly, each scale at its
    share of the level (`SCALES`) under false-discovery control: binomial given the total, Poisson
    where the rate is known, hypergeometric against the background of all categories; negative
    binomial where counts are over-dispersed.

    A cell is hot when it lies in the core of a significant window: the cells that make its excess,
    each with an excess of its own, and without those that lie in the core of a stronger window
    (see `spread_to_cores`). So a cold neighbour of a hot cell is not hot, and the chance of any
    hot cell on a map where nothing is hot is at most alpha. What is controlled is the share of
    windows called in error; at the edge of a true hot area a cell may be taken in by chance.

    Parameters
    ----------
    counts : (rows, cols) incidents of each cell, whole, >= 0
    exposure : (rows, cols) what they are measured against, >= 0, in any unit (`geo.hotspots.
        exposure`); None where `background` is given
    is_inside : (rows, cols) cells in the ground; others are not tested
    alpha : wanted false-discovery rate, above 0 and below 1
    correction : "bh", or "by" (stricter, under any dependence)
    known_rate : incidents per unit of exposure where nothing is hot, > 0, if it is known from
        elsewhere; without it the map's own total over its exposure
    background : (rows, cols) incidents of all categories, these included
    dispersion : "test" and use what is found, "none", or a variance over mean >= 1
    counts_by_period : (periods, rows, cols) the same counts by period (weeks, months): dispersion
        is then tested on the repeats in time

    Raises
    ------
    ParameterError : shapes differ, a value is negative, a count exceeds the background, or an
        option lies outside its range
    """
    counts, is_inside = whole_numbers("counts", counts), np.asarray(is_inside, dtype=bool)
    measure = _measure(counts, exposure, background, is_inside, known_rate)
    _check_options(alpha, dispersion, known_rate)
    _check_periods(counts_by_period, counts)
    is_tested = is_inside & (measure > 0)
    n_incidents = int(counts[is_tested].sum())
    n_unexposed = int(counts[is_inside & ~is_tested].sum())
    n_outside = int(counts[~is_inside].sum())
    expected = _expected(measure, is_tested, n_incidents, known_rate)
    found = _dispersion(dispersion, counts, expected, is_tested, counts_by_period)
    model = _model(
        found.ratio,
        n_incidents,
        is_rate_known=known_rate is not None,
        n_background=None if background is None else float(measure[is_tested].sum()),
    )
    own = np.ones(counts.shape)
    q, window_cells = np.ones(counts.shape), np.zeros(counts.shape, dtype=np.int64)
    if n_incidents:
        own[is_tested] = model.upper_tails(counts[is_tested], expected[is_tested])
    if n_incidents >= MIN_INCIDENTS:
        q, window_cells = q_of_cells(
            model, counts, expected, is_tested, correction=correction, alpha=alpha
        )
    risk, low, high = _risks(model, counts, expected, is_tested)
    is_hot = q <= alpha
    return Significance(
        counts=counts,
        is_tested=is_tested,
        expected=expected,
        excess=np.where(is_tested, counts - expected, 0.0),
        relative_risk=risk,
        risk_low=low,
        risk_high=high,
        p=own,
        q=q,
        is_hot=is_hot,
        window_cells=window_cells,
        model=model,
        n_incidents=n_incidents,
        n_tested=int(is_tested.sum()),
        n_unexposed=n_unexposed,
        n_outside=n_outside,
        dispersion=found.ratio,
        dispersion_p=found.p,
        alpha=alpha,
        notes=_notes(
            n_incidents=n_incidents,
            n_unexposed=n_unexposed,
            n_outside=n_outside,
            is_tested=is_tested,
            found=found,
            dispersion=dispersion,
            is_hot=is_hot,
        ),
    )


def _measure(
    counts: Indices,
    exposure: Floats | None,
    background: Indices | None,
    is_inside: Bools,
    known_rate: float | None,
) -> Floats:
    """(rows, cols) what counts are measured against, checked."""
    if (exposure is None) == (background is None) or (known_rate and background is not None):
        raise ParameterError(
            "hotspots.one_exposure",
            "give either `exposure` or `background`, and `known_rate` only with `exposure`.",
        )
    if background is not None:
        measure = whole_numbers("background", background).astype(np.float64)
    else:
        measure = np.asarray(exposure, dtype=np.float64)
    for name, values in (("exposure", measure), ("is_inside", is_inside)):
        if values.shape != counts.shape:
            raise ParameterError(
                "hotspots.shape_differs",
                f"`{name}` must have the shape of `counts`; got {values.shape}, {counts.shape}.",
                name=name,
                found=str(values.shape),
                wanted=str(counts.shape),
            )
    check_not_negative("exposure", measure)
    if background is not None and (counts > measure).any():
        raise ParameterError(
            "hotspots.above_background",
            "`background` must count all categories, these incidents included; "
            f"{int((counts > measure).sum())} cells have fewer.",
            n=int((counts > measure).sum()),
        )
    return measure


def _check_options(
    alpha: float, dispersion: Literal["test", "none"] | float, known_rate: float | None
) -> None:
    is_ratio = dispersion in ("test", "none") or (
        not isinstance(dispersion, str) and 1.0 <= dispersion < np.inf
    )
    is_rate = known_rate is None or 0.0 < known_rate < np.inf
    for name, value, is_right in (
        ("alpha", alpha, 0.0 < alpha < 1.0),
        ("dispersion", dispersion, is_ratio),
        ("known_rate", known_rate, is_rate),
    ):
        if not is_right:
            raise ParameterError(
                "hotspots.option_range",
                "`alpha` must lie between 0 and 1, `dispersion` be test, none or at least 1, "
                f"`known_rate` above 0; got {name} = {value}.",
                name=name,
                value=str(value),
            )


def _check_periods(counts_by_period: Indices | None, counts: Indices) -> None:
    if counts_by_period is not None and not (
        counts_by_period.ndim == 3 and np.array_equal(counts_by_period.sum(axis=0), counts)
    ):
        raise ParameterError(
            "hotspots.periods_differ",
            "`counts_by_period` (periods, rows, cols) must sum to `counts`.",
        )


def _expected(
    measure: Floats, is_tested: Bools, n_incidents: int, known_rate: float | None
) -> Floats:
    total = measure[is_tested].sum()
    rate = known_rate if known_rate is not None else n_incidents / total if total else 0.0
    return np.where(is_tested, measure * rate, 0.0)


def _dispersion(
    dispersion: Literal["test", "none"] | float,
    counts: Indices,
    expected: Floats,
    is_tested: Bools,
    counts_by_period: Indices | None,
) -> Dispersion:
    if dispersion == "none":
        return Dispersion(1.0, 1.0, False)
    if not isinstance(dispersion, str):
        return Dispersion(float(dispersion), 1.0, False)
    is_seen = is_tested & (expected > 0)
    if counts_by_period is None:
        found = dispersion_of_map(counts[is_seen], expected[is_seen])
    else:
        found = dispersion_in_time(counts_by_period[:, is_seen], expected[is_seen])
    return found if found.p <= DISPERSION_LEVEL else Dispersion(1.0, found.p, found.is_tested)


def _model(
    ratio: float, n_incidents: int, *, is_rate_known: bool, n_background: float | None
) -> CountModel:
    if ratio > 1.0:
        return CountModel("negative binomial", other=ratio)
    if is_rate_known:
        return CountModel("poisson")
    if n_background is not None:
        return CountModel("hypergeometric", float(n_incidents), n_background)
    return CountModel("binomial", float(n_incidents))


def _risks(
    model: CountModel, counts: Indices, expected: Floats, is_tested: Bools
) -> tuple[Floats, Floats, Floats]:
    risk, low, high = (np.zeros(counts.shape) for _ in range(3))
    is_seen = is_tested & (expected > 0)
    if is_seen.any():
        risk[is_seen] = counts[is_seen] / expected[is_seen]
        low[is_seen], high[is_seen] = model.risk_interval(counts[is_seen], expected[is_seen])
    return risk, low, high


def _notes(
    *,
    n_incidents: int,
    n_unexposed: int,
    n_outside: int,
    is_tested: Bools,
    found: Dispersion,
    dispersion: Literal["test", "none"] | float,
    is_hot: Bools,
) -> tuple[str, ...]:
    """Codes of what the page must say beside the map."""
    is_few = 0 < n_incidents < MIN_INCIDENTS
    says = {
        "hotspots.note.nothing_exposed": not is_tested.any(),
        "hotspots.note.no_incidents": n_incidents + n_unexposed + n_outside == 0,
        "hotspots.note.too_few": is_few,
        "hotspots.note.unexposed": n_unexposed > 0,
        "hotspots.note.outside": n_outside > 0,
        "hotspots.note.overdispersed": found.ratio > 1.0,
        "hotspots.note.dispersion_untested": (
            dispersion == "test" and not found.is_tested and n_incidents >= MIN_INCIDENTS
        ),
        "hotspots.note.nothing_hot": n_incidents >= MIN_INCIDENTS and not is_hot.any(),
    }
    return tuple(code for code, is_so in says.items() if is_so)

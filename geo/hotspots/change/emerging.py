"""How a hot place behaves over time: new, intensifying, persistent, diminishing and so on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from geo.errors import ParameterError
from geo.hotspots.change.period_tests import Codes, Finds, Level, PeriodTests
from geo.hotspots.change.trends import trends
from geo.hotspots.counts.lattice import Bools, Floats, Indices
from geo.hotspots.significant.false_discovery import Correction
from geo.hotspots.significant.significance import MIN_INCIDENTS

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

    `code` (k,) position in `CLASSES`; `flags` (k, periods) 1 hot, -1 cold, 0 neither (in cells
    that are found only);
    `is_hot` (k,) hot over the whole window; `trend` (k,) 1 growing, -1 falling, 0 neither;
    `seen`, `expected` (k,) incidents of the whole window; `p_trend` (k,) two-sided;
    `n_tested` cells under one false-discovery control; `dispersion`, `is_overdispersed`
    of the counts over time (see `trends`).
    """

    code: Codes
    flags: Codes
    is_hot: Bools
    trend: Codes
    seen: Indices
    expected: Floats
    p_trend: Floats
    n_tested: int
    dispersion: float
    is_overdispersed: bool

    def table(self) -> pd.DataFrame:
        """A row per cell: verdict, n_hot and n_cold periods, is_hot_now, first_hot and last_hot
        (period numbers, null without), hot_since (from which on it was hot without a break; null
        where it is not hot now), seen, expected, excess, trend, p_trend."""
        hot = self.flags > 0
        any_hot = hot.any(axis=1)
        n_periods = hot.shape[1]
        first, last = hot.argmax(axis=1), n_periods - 1 - hot[:, ::-1].argmax(axis=1)
        run = np.where(hot.all(axis=1), n_periods, (~hot[:, ::-1]).argmax(axis=1))
        return pd.DataFrame(
            {
                "verdict": pd.Categorical.from_codes(self.code, categories=list(CLASSES)),
                "n_hot": hot.sum(axis=1),
                "n_cold": (self.flags < 0).sum(axis=1),
                "is_hot_now": hot[:, -1],
                "first_hot": pd.Series(first, dtype="Int64").where(any_hot),
                "last_hot": pd.Series(last, dtype="Int64").where(any_hot),
                "hot_since": pd.Series(n_periods - run, dtype="Int64").where(run > 0),
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

    Each cell and period, and the window as one: exact conditional binomial test of the count, given
    the whole's, against the cell's share of the exposure; too many (hot) and too few (cold), each
    under false-discovery control by the cell, then within it (see `PeriodTests.finds`). Where the
    counts vary over time beyond chance, the negative binomial's tails are taken. Trend:
    `trends.trends` against the whole's course, under control over the cells whose counts could
    reach `alpha` at all (Tarone 1990).

    The first that holds: **new** hot in the last period only and before it, taken together, not
    even at an uncontrolled `alpha`; **intensifying** hot over the window and in the last period,
    growing; **diminishing** hot over the window, falling; **persistent** hot over the window and
    above expected in at least `steady_share` of the periods; **oscillating** hot in some periods
    and cold in others; **sporadic** hot in some period or over the window; **none**.
    **untested**: no exposure, so nothing can be expected there; its incidents are left out. With
    fewer than `MIN_INCIDENTS` in all, every cell is **none**: they may be reports of one matter.

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
    seen, n_whole = counts.sum(axis=1), int(whole.sum())
    course = whole.astype(np.float64) if n_whole else np.ones(len(whole))
    found = trends(counts, course, dispersion=dispersion)
    level = Level(alpha, correction, found.dispersion if found.is_overdispersed else 1.0)
    n_tested = int(is_tested.sum()) if n_cells is None else n_cells
    tests = PeriodTests(
        counts, whole, share if n_whole >= MIN_INCIDENTS else 0 * share, n_tested, level
    )
    hot, cold = tests.finds()
    earlier = tests.upper_p(seen - counts[:, -1], n_whole - int(whole[-1]))
    is_testable = is_tested & (found.least_p <= alpha)
    cut, _ = level.cut(found.p[is_testable], int(is_testable.sum()))
    trend = np.where(is_testable & (found.p <= cut), np.sign(found.slope), 0).astype(np.int8)
    above = (counts > whole * share[:, None]).mean(axis=1)
    code = _classes(hot, cold, trend, earlier <= alpha, above >= steady_share)
    code[~is_tested] = CLASSES.index("untested")
    return Emerging(
        code=code,
        flags=hot.in_period.astype(np.int8) - cold.in_period.astype(np.int8),
        is_hot=hot.in_window,
        trend=trend,
        seen=seen,
        expected=n_whole * share,
        p_trend=found.p,
        n_tested=n_tested,
        dispersion=found.dispersion,
        is_overdispersed=found.is_overdispersed,
    )


def _classes(hot: Finds, cold: Finds, trend: Codes, was_hot: Bools, is_steady: Bools) -> Codes:
    """(k,) codes by the rules of `emerging`; the first rule that holds wins."""
    n_hot = hot.in_period.sum(axis=1)
    is_now = hot.in_period[:, -1]
    rules = {
        "new": is_now & (n_hot == 1) & ~was_hot,
        "intensifying": hot.in_window & is_now & (trend > 0),
        "diminishing": hot.in_window & (trend < 0),
        "persistent": hot.in_window & is_steady,
        "oscillating": (n_hot > 0) & cold.in_period.any(axis=1),
        "sporadic": hot.is_found,
    }
    numbers = [np.int8(CLASSES.index(name)) for name in rules]
    return np.select(list(rules.values()), numbers, default=np.int8(0))


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

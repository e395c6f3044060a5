"""How good a forecast was: hit rate, PAI, PEI and AUC, and forecasts evaluated one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Bools, Floats

SHARES = (0.01, 0.05, 0.1)
"""Shares of the ground at which forecasts are usually compared."""

Forecaster = Callable[[Floats], Floats]
"""From counts (periods, rows, cols) before a period, the expected counts (rows, cols) in it."""


def hit_rate(
    expected: Floats, observed: Floats, *, share: float, area: Floats | None = None
) -> float:
    """Share of the observed incidents in the ground of highest expectation; NaN without any.

    Cells of equal expectation are taken in an order drawn at random, and what comes back is the
    mean over such orders; the last cell counts by the part of it that still fits. So the answer
    depends neither on the order of the cells nor on rounding to whole cells.

    Parameters
    ----------
    expected, observed : (n,) of the cells of the ground; observed counts >= 0
    share : of the ground's area, above 0 and at most 1
    area : (n,) area of each cell, > 0; equal without it

    Raises
    ------
    ParameterError : lengths differ, a value is not finite, or the share is out of range
    """
    _check_share(share)
    ground, hits = _curve(expected, observed, area)
    return float(np.interp(share, ground, hits))


def pai(expected: Floats, observed: Floats, *, share: float, area: Floats | None = None) -> float:
    """Predictive accuracy index (n/N)/(a/A) at a share of the ground (Chainey et al. 2008).

    1 = no better than chance. Ties, arguments and errors as in `hit_rate`.
    """
    return hit_rate(expected, observed, share=share, area=area) / share


def pei(expected: Floats, observed: Floats, *, share: float, area: Floats | None = None) -> float:
    """Predictive efficiency index: hits over the most that this share could hold (Hunt 2016).

    Between 0 and 1. Ties, arguments and errors as in `hit_rate`.
    """
    sizes = np.ones(len(observed)) if area is None else area
    best = hit_rate(observed / sizes, observed, share=share, area=area)
    return hit_rate(expected, observed, share=share, area=area) / best


def auc(expected: Floats, observed: Floats, *, area: Floats | None = None) -> float:
    """Area under the curve of hit rate over share of the ground; 0.5 = chance, NaN without hits.

    It is the probability that a random incident stands on ground of higher expectation than a
    random place, ties counted half. Arguments and errors as in `hit_rate`.
    """
    ground, hits = _curve(expected, observed, area)
    return float(np.sum((hits[1:] + hits[:-1]) / 2 * np.diff(ground)))


def evaluate_forecasts(
    counts: Floats,
    forecasters: Mapping[str, Forecaster],
    *,
    is_inside: Bools,
    first: int,
    last: int | None = None,
    horizon: int = 1,
    shares: Sequence[float] = SHARES,
) -> pd.DataFrame:
    """Scores of each method, each horizon forecast from the periods before it alone.

    Parameters
    ----------
    counts : (periods, rows, cols) incidents
    forecasters : name -> function from the counts before a period to (rows, cols) what is
        expected in the horizon that begins with it
    is_inside : (rows, cols) cells of the ground, taken as equally large
    first, last : where horizons begin, every `horizon` periods, both included; as late as the
        counts allow by default
    horizon : periods forecast in one, >= 1

    Returns
    -------
    One row a method and period: method, period, n_incidents, auc, and hit_rate, pai and pei at
    each share, such as ``pai_0.01``. Scores of a period without incidents are NaN.

    Raises
    ------
    ParameterError : the periods do not lie within the counts, or none lies before the first
    """
    latest = len(counts) - horizon
    last = latest if last is None else last
    if not (horizon >= 1 and 1 <= first <= last <= latest):
        raise ParameterError(
            "hotspots.bad_periods",
            f"horizons must begin in periods 1 to {latest}; got {first} to {last}",
            first=first,
            last=last,
            n_periods=latest,
        )
    rows = []
    for period in range(first, last + 1, horizon):
        observed = counts[period : period + horizon].sum(axis=0, dtype=np.float64)[is_inside]
        for name, forecaster in forecasters.items():
            expected = forecaster(counts[:period])[is_inside]
            rows.append({"method": name, "period": period, **_scores(expected, observed, shares)})
    return pd.DataFrame(rows)


def _scores(expected: Floats, observed: Floats, shares: Sequence[float]) -> dict[str, float]:
    found = {"n_incidents": float(observed.sum()), "auc": auc(expected, observed)}
    for share in shares:
        rate = hit_rate(expected, observed, share=share)
        found[f"hit_rate_{share:g}"] = rate
        found[f"pai_{share:g}"] = rate / share
        found[f"pei_{share:g}"] = rate / hit_rate(observed, observed, share=share)
    return found


def _curve(expected: Floats, observed: Floats, area: Floats | None) -> tuple[Floats, Floats]:
    """Shares of ground and of hits, from (0, 0) to (1, 1), a straight line through ties."""
    expected = np.asarray(expected, dtype=np.float64).ravel()
    observed = np.asarray(observed, dtype=np.float64).ravel()
    sizes = np.ones(len(expected)) if area is None else np.asarray(area, dtype=np.float64).ravel()
    _check_cells(expected, observed, sizes)
    order = np.argsort(-expected, kind="stable")
    ordered = expected[order]
    is_last = np.append(ordered[1:] != ordered[:-1], True)
    ground = np.cumsum(sizes[order])[is_last]
    hits = np.cumsum(observed[order])[is_last]
    if hits[-1] == 0:
        return np.array([0.0, 1.0]), np.array([np.nan, np.nan])
    return np.append(0.0, ground / ground[-1]), np.append(0.0, hits / hits[-1])


def _check_cells(expected: Floats, observed: Floats, sizes: Floats) -> None:
    if not (len(expected) == len(observed) == len(sizes) > 0):
        raise ParameterError(
            "hotspots.wrong_shape",
            f"expected, observed and area must be of one length, at least 1; got "
            f"{len(expected)}, {len(observed)}, {len(sizes)}",
            found=f"{len(expected)}, {len(sizes)}",
            expected=str(len(observed)),
        )
    is_good = np.isfinite(expected).all() and np.isfinite(observed).all() and (observed >= 0).all()
    if not (is_good and np.isfinite(sizes).all() and (sizes > 0).all()):
        raise ParameterError(
            "hotspots.bad_counts",
            "expectations and counts must be finite, counts not negative, areas above 0",
            name="observed",
        )


def _check_share(share: float) -> None:
    if not 0 < share <= 1:
        raise ParameterError(
            "hotspots.bad_share",
            f"`share` must be above 0 and at most 1; got {share}",
            name="share",
            value=share,
        )

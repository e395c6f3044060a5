"""Where suspiciously few reports come from, and hotspots that one kind of reporter makes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from geo.errors import ParameterError, SchemaError
from geo.hotspots.campaigns.count_regression import fit_counts
from geo.hotspots.counts.lattice import Floats
from geo.hotspots.significant.false_discovery import Correction, q_values


def suspiciously_few(
    grids: pd.DataFrame,
    *,
    seen: str | Sequence[str],
    households: str = "households",
    beside: Sequence[str] = (),
    alpha: float = 0.05,
    correction: Correction = "bh",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Of each grid the reports seen and expected, and whether they are suspiciously few.

    Expected: regression with logarithmic link on the households (offset: twice the households,
    twice the reports) and on log((n + 1/2) / households) of every column of `beside` (what others
    report there, other categories): negative binomial, see `fit_counts`. Each grid is expected
    from the others: its own row is taken out of the fit by one Newton step (Pregibon 1981), so
    that a silent grid does not vouch for itself. Test: exact lower tail of the negative binomial
    whose spread holds the dispersion and the uncertainty of the fit; q over the tested grids.

    Parameters
    ----------
    grids : a row per grid; columns of counts are whole and >= 0
    seen : column of the reports judged, or several to be added (residents' and hotline's, say);
        routes of couriers and rounds of workers tell nothing of residents' silence
    households : column; grids without households are not tested
    beside : columns that tell how much there is to report: what others report of the categories
        that these reporters would see too

    Returns
    -------
    The rows in order with columns seen, expected, ratio, ratio_low, ratio_high, p, q (null where
    not tested), is_tested, is_few (q <= alpha); `attrs["dispersion"]` of the fit, 0: Poisson

    Raises
    ------
    SchemaError : a column lacks, or holds a value below 0 or none
    ParameterError : fewer grids with households than the fit needs
    """
    columns = [seen] if isinstance(seen, str) else list(seen)
    _check_columns(grids, [*columns, households, *beside])
    count = grids[columns].sum(axis=1).to_numpy(np.int64)
    homes = grids[households].to_numpy(np.float64)
    is_tested = homes > 0
    rates = [
        np.log((grids[name].to_numpy(np.float64) + 0.5) / np.maximum(homes, 1.0)) for name in beside
    ]
    terms = np.column_stack([np.ones(len(grids)), *rates])
    answer = pd.DataFrame(
        {"seen": count, "is_tested": is_tested, "is_few": False}, index=grids.index
    )
    n_needed = terms.shape[1] + 4
    if 0 < is_tested.sum() < n_needed:
        raise ParameterError(
            "hotspots.too_few_grids",
            f"at least {n_needed} grids with households are needed; got {int(is_tested.sum())}. "
            "Judge a larger area, or use fewer columns beside.",
            n=int(is_tested.sum()),
            least=n_needed,
        )
    figures = np.full((6, len(grids)), np.nan)
    dispersion = 0.0
    if is_tested.any() and count[is_tested].any():
        fit = fit_counts(count[is_tested], terms[is_tested], np.log(homes[is_tested]))
        dispersion = fit.dispersion
        figures[:, is_tested] = _judged(
            count[is_tested], fit.expected_of_others, fit.spread_of_others, confidence
        )
        figures[5, is_tested] = q_values(figures[4, is_tested], correction=correction)
    elif is_tested.any():
        figures[0, is_tested], figures[4:, is_tested] = 0.0, 1.0
    for name, values in zip(
        ("expected", "ratio", "ratio_low", "ratio_high", "p", "q"), figures, strict=True
    ):
        answer[name] = values
    answer["is_few"] = answer["q"].le(alpha)
    answer.attrs["dispersion"] = dispersion
    return answer


def reporter_reliance(
    places: pd.DataFrame,
    *,
    kind: str,
    kinds: Sequence[str],
    town: pd.Series | dict[str, int],
    alpha: float = 0.05,
    correction: Correction = "bh",
) -> pd.DataFrame:
    """Of each place the share of its reports from one kind of reporter, against the town's share.

    Hypergeometric: if reporters were alike everywhere, a place's n reports were n drawn from the
    town's without return. Upper tail, q over the places with reports.

    Parameters
    ----------
    places : a row per place (a hotspot, a grid) with a column of counts per kind
    kind : the kind looked at, such as courier
    kinds : all kinds that are counted, `kind` among them
    town : reports of each kind in the whole town, the places' own included

    Returns
    -------
    The rows in order: n, n_kind, share (null without reports), town_share, p, q,
    rests_on_kind (q <= alpha), n_others (reports that remain without that kind)

    Raises
    ------
    SchemaError : a column lacks, or holds a value below 0 or none
    ParameterError : `kind` is not among `kinds`, or a place has more reports than the town
    """
    _check_columns(places, kinds)
    whole = {name: int(town[name]) for name in kinds}
    if kind not in whole or any(places[name].gt(whole[name]).any() for name in kinds):
        raise ParameterError(
            "hotspots.reporters_differ",
            "the kind must be counted, and no place may have more reports than the town; "
            f"got {kind} of {list(kinds)}.",
            kind=kind,
        )
    n = places[list(kinds)].sum(axis=1).to_numpy(np.int64)
    n_kind = places[kind].to_numpy(np.int64)
    n_town = sum(whole.values())
    some = n > 0
    p = np.ones(len(n))
    p[some] = stats.hypergeom.sf(n_kind[some] - 1, n_town, whole[kind], n[some])
    q = np.ones(len(n))
    q[some] = q_values(p[some], correction=correction)
    return pd.DataFrame(
        {
            "n": n,
            "n_kind": n_kind,
            "share": np.where(some, n_kind / np.maximum(n, 1), np.nan),
            "town_share": whole[kind] / n_town if n_town else np.nan,
            "p": p,
            "q": q,
            "rests_on_kind": some & (q <= alpha),
            "n_others": n - n_kind,
        },
        index=places.index,
    )


def _judged(count: np.ndarray, expected: Floats, spread: Floats, confidence: float) -> Floats:
    """(6, n) expected, ratio, its interval's ends, lower tail p, and room for q.

    The true mean is gamma distributed around the expected one with that squared coefficient of
    variation; the interval is that of seen over expected with Garwood's Poisson limits widened
    by it (an F distribution's quantiles).
    """
    size = 1 / np.maximum(spread, 1e-9)
    p = stats.nbinom.cdf(count, size, size / (size + expected))
    tail = (1 - confidence) / 2
    some = np.maximum(count, 1)
    low = np.where(count > 0, stats.f.ppf(tail, 2 * some, 2 * size) * count / expected, 0.0)
    high = stats.f.ppf(1 - tail, 2 * (count + 1), 2 * size) * (count + 1) / expected
    return np.stack([expected, count / expected, low, high, p, np.ones(len(p))])


def _check_columns(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    lacking = [name for name in columns if name not in frame]
    wrong = [
        name
        for name in columns
        if name in frame and not (pd.to_numeric(frame[name], errors="coerce") >= 0).all()
    ]
    if lacking or wrong:
        raise SchemaError(
            "hotspots.count_columns",
            f"columns of counts must be there and hold numbers from 0; lacking {lacking}, "
            f"wrong {wrong}.",
            columns=", ".join(lacking + wrong),
        )

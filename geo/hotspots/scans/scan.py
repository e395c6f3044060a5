"""Kulldorff's Poisson scan: places where cases are more than their population accounts for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Floats, Indices, check_positive
from geo.hotspots.scans import scan_kernels as kernels
from geo.hotspots.scans.scan_windows import Windows, windows_around

Rates = Literal["high", "low", "both"]

SMALLEST_RATIO = 1e-6
"""Log likelihood ratio below which a window is no cluster but rounding."""

DTYPES: dict[str, str] = {
    "centre": "int64",
    "x": "float64",
    "y": "float64",
    "radius_m": "float64",
    "members": "object",
    "n_locations": "int64",
    "cases": "int64",
    "population": "float64",
    "expected": "float64",
    "relative_risk": "float64",
    "log_likelihood_ratio": "float64",
}
"""Columns of `Scan.clusters` but p and is_significant, which follow."""


@dataclass(frozen=True)
class Scan:
    """Clusters found by a scan, the most likely first, none sharing a location with another.

    `clusters` has one row a cluster: `centre` (position of its central location), `x`, `y`,
    `radius_m` (distance of its farthest location, 0 where it is one place), `members` (positions
    of its locations, int64 array), `n_locations`, `cases`, `population`, `expected`,
    `relative_risk` (inside over outside; infinite where no case lies outside),
    `log_likelihood_ratio`, `p`, `is_significant`.

    `n_cases` were scanned over `population`; `n_unexposed` cases stood where the population is 0
    and were left out. `critical_ratio`: the smallest log likelihood ratio with p <= alpha,
    infinite where the replicates are too few for that.
    """

    clusters: pd.DataFrame
    n_cases: int
    population: float
    n_unexposed: int
    n_replicates: int
    alpha: float
    critical_ratio: float


@dataclass(frozen=True)
class _Ground:
    """Distinct locations with population, and the windows over them.

    `location` (n,): distinct location of each place handed in, -1 without population; `expected`:
    cases expected in the circle up to each element, infinite where none may end.
    """

    x: Floats
    y: Floats
    counts: kernels.Counts
    weights: Floats
    location: Indices
    windows: Windows
    expected: Floats


_Found = tuple[float, int, int]
"""A cluster before it is described: log likelihood ratio, centre, its last element."""


def poisson_scan(
    x: Floats,
    y: Floats,
    cases: Indices,
    population: Floats,
    *,
    seed: int,
    max_share: float = 0.5,
    max_radius_m: float = math.inf,
    n_replicates: int = 999,
    alpha: float = 0.05,
    rates: Rates = "high",
    min_cases: int = 2,
    max_clusters: int = 20,
) -> Scan:
    """Circles whose rate differs from the rest of the map, most likely first.

    Discrete Poisson model (Kulldorff 1997, Communications in Statistics 26:1481), circles around
    every location, Monte Carlo p by rank among the largest ratios of `n_replicates` maps with the
    same number of cases thrown at equal risk. Secondary clusters as SaTScan reports them without
    geographic overlap: each centre's best circle, in order, where it shares no location with one
    before it; their p, from the same maxima, is conservative. Locations at one distance enter a
    circle together. Every replicate is run to its end, so that p is valid at any value.

    Parameters
    ----------
    x, y : (n,) places, metres of one projected CRS; several may coincide
    cases : (n,) whole numbers, >= 0; those where the population is 0 are left out and counted
    population : (n,) people, households or any exposure, >= 0; need not be whole
    seed : of the replicates; the same seed gives the same p
    max_share : largest share of the population in a circle, 0 to 1
    max_radius_m : largest radius; give it on lattices, where it bounds the work
    n_replicates : maps thrown, >= 1; p is never below 1 / (n_replicates + 1)
    rates : whether clusters have more cases than expected, fewer, or either
    min_cases : fewest cases of a cluster of high rates; one case is no cluster
    max_clusters : most rows returned

    Returns
    -------
    Scan; without rows where nothing exceeds its expectation or there are no cases

    Raises
    ------
    ParameterError : arrays that differ in length, values that are not finite or below 0, cases
        that are not whole, options out of range, or more than `MAX_ELEMENTS` pairs of locations
    """
    _check_options(max_share, max_radius_m, n_replicates, alpha, rates)
    x, y, population = (np.asarray(values, dtype=np.float64) for values in (x, y, population))
    cases = np.asarray(cases)
    _check_places(x, y, cases, population)
    counts = np.where(population > 0, cases, 0).astype(np.int64)
    maxima = np.zeros(n_replicates)
    kept: list[_Found] = []
    if counts.any():
        ground = _ground(
            np.column_stack([x, y]),
            counts,
            population,
            max_share=max_share,
            max_radius_m=max_radius_m,
        )
        found: list[_Found] = []
        for is_high in {"high": (True,), "low": (False,), "both": (True, False)}[rates]:
            found += _observed(ground, min_cases, is_high)
            _replicate(ground, min_cases, is_high, seed, maxima)
        kept = _apart(found, ground.windows, max_clusters)
        rows = [_describe(one, ground, counts, population) for one in kept]
    else:
        rows = []
    clusters = pd.DataFrame(rows, columns=list(DTYPES)).astype(DTYPES)
    maxima.sort()
    clusters["p"] = p_values(clusters["log_likelihood_ratio"].to_numpy(), maxima)
    clusters["is_significant"] = clusters["p"] <= alpha
    return Scan(
        clusters=clusters,
        n_cases=int(counts.sum()),
        population=float(population.sum()),
        n_unexposed=int(cases.sum() - counts.sum()),
        n_replicates=n_replicates,
        alpha=alpha,
        critical_ratio=critical_ratio(maxima, alpha),
    )


def p_values(ratios: Floats, maxima: Floats) -> Floats:
    """Monte Carlo p of log likelihood ratios among the replicates' maxima, sorted upwards.

    (1 + maxima at least as large) / (1 + maxima); ratios equal to 1e-9 count as equal.
    """
    n_larger = len(maxima) - np.searchsorted(maxima, ratios - 1e-9, side="left")
    p: Floats = ((1.0 + n_larger) / (1.0 + len(maxima))).astype(np.float64)
    return p


def critical_ratio(maxima: Floats, alpha: float) -> float:
    """The ratio above which p <= alpha; infinite where the replicates are too few for that."""
    rank = math.floor(alpha * (len(maxima) + 1) + 1e-9)
    return float(maxima[-rank]) if rank >= 1 else math.inf


def _ground(
    xy: Floats, counts: Indices, population: Floats, *, max_share: float, max_radius_m: float
) -> _Ground:
    """Places at one point made one, places without population left out, windows between them."""
    is_exposed = population > 0
    xy, where = np.unique(xy[is_exposed], axis=0, return_inverse=True)
    location = np.full(len(population), -1)
    location[is_exposed] = where.ravel()
    weights: Floats = np.bincount(where.ravel(), weights=population[is_exposed]).astype(np.float64)
    n_at = np.bincount(where.ravel(), weights=counts[is_exposed])
    windows = windows_around(xy[:, 0], xy[:, 1], max_radius_m=max_radius_m)
    total = weights.sum()
    windows = windows.cut(windows.cumulated(weights) <= max_share * total * (1 + 1e-12))
    expected = counts.sum() * windows.cumulated(weights) / total
    return _Ground(
        x=xy[:, 0],
        y=xy[:, 1],
        counts=n_at.astype(np.int32),
        weights=weights,
        location=location,
        windows=windows,
        expected=np.where(windows.is_end, expected, math.inf),
    )


def _observed(ground: _Ground, min_cases: int, is_high: bool) -> list[_Found]:
    """The best window of each centre, where it exceeds (stays below) what is expected."""
    n = len(ground.counts)
    ratios, ends, inside = np.zeros(n), np.full(n, -1), np.zeros(n, dtype=np.int64)
    kernels.best_windows(
        ground.windows.first,
        ground.windows.neighbour,
        ground.expected,
        ground.counts,
        int(ground.counts.sum()),
        min_cases,
        is_high,
        ratios,
        ends,
        inside,
    )
    found = np.flatnonzero(ratios > SMALLEST_RATIO)
    return [(float(ratios[i]), int(i), int(ends[i])) for i in found]


def _replicate(ground: _Ground, min_cases: int, is_high: bool, seed: int, maxima: Floats) -> None:
    """Raises `maxima` to the largest ratio of each replicate."""
    total, n = int(ground.counts.sum()), len(ground.counts)
    n_columns = min(total, kernels.MAX_COLUMNS) + 1
    limits = np.empty((kernels.N_LEVELS, n_columns))
    kernels.level_limits(total, min_cases, is_high, kernels.LEVEL_STEP, limits)
    keep, other = np.zeros(n, dtype=np.uint64), np.zeros(n, dtype=np.int32)
    kernels.alias_table(ground.weights, keep, other)
    kernels.replicate_maxima(
        ground.windows.first,
        ground.windows.neighbour.view(np.uint32),
        np.where(ground.windows.is_end & ~np.bool_(is_high), -ground.expected, ground.expected),
        limits,
        keep,
        other,
        total,
        seed,
        kernels.LEVEL_STEP,
        is_high,
        maxima,
    )


def _apart(found: list[_Found], windows: Windows, max_clusters: int) -> list[_Found]:
    """The clusters in order of ratio that share no location with one before them."""
    is_taken = np.zeros(len(windows.first) - 1, dtype=bool)
    kept: list[_Found] = []
    for one in sorted(found, key=lambda found: (-found[0], found[1])):
        members = windows.neighbour[windows.first[one[1]] : one[2] + 1]
        if len(kept) == max_clusters:
            break
        if not is_taken[members].any():
            is_taken[members] = True
            kept.append(one)
    return kept


def _describe(
    one: _Found, ground: _Ground, counts: Indices, population: Floats
) -> tuple[object, ...]:
    """The figures of a cluster, in the order of `DTYPES`."""
    ratio, centre, end = one
    windows = ground.windows
    is_member = np.zeros(len(ground.counts) + 1, dtype=bool)
    is_member[windows.neighbour[windows.first[centre] : end + 1]] = True
    members = np.flatnonzero(is_member[ground.location])
    cases, total = int(counts[members].sum()), int(counts.sum())
    expected = float(ground.expected[end])
    outside = (total - cases) / (total - expected) if expected < total else 0.0
    return (
        int(np.flatnonzero(ground.location == centre)[0]),
        float(ground.x[centre]),
        float(ground.y[centre]),
        float(windows.distance_m[end]),
        members,
        len(members),
        cases,
        float(population[members].sum()),
        expected,
        cases / expected / outside if outside > 0 else math.inf,
        ratio,
    )


def _check_options(
    max_share: float, max_radius_m: float, n_replicates: int, alpha: float, rates: str
) -> None:
    if not math.isinf(max_radius_m):
        check_positive(max_radius_m=max_radius_m)
    for name, value, is_right in (
        ("max_share", max_share, 0 < max_share <= 1),
        ("n_replicates", n_replicates, n_replicates >= 1),
        ("alpha", alpha, 0 < alpha < 1),
        ("rates", rates, rates in ("high", "low", "both")),
    ):
        if not is_right:
            raise ParameterError(
                "hotspots.bad_option",
                f"`{name}` lies outside its range; got {value!r}. See the docstring.",
                name=name,
                value=value,
            )


def _check_places(x: Floats, y: Floats, cases: npt.NDArray[Any], population: Floats) -> None:
    n_wrong = abs(len({len(x), len(y), len(cases), len(population)}) - 1)
    if n_wrong == 0:
        is_right = np.isfinite(x) & np.isfinite(y) & np.isfinite(population) & (population >= 0)
        is_right &= (cases >= 0) & (np.floor(cases) == cases)
        n_wrong = int((~is_right).sum())
    if n_wrong:
        raise ParameterError(
            "hotspots.bad_places",
            "`x`, `y`, `cases` and `population` must be of one length, finite and not negative, "
            f"`cases` whole numbers; {n_wrong} are not. Clean them before the scan.",
            n=n_wrong,
        )

"""Space-time permutation scan: trouble that is under way today, without any population."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Floats, Indices, check_positive
from geo.hotspots.scans import permutation_kernels, scan_kernels
from geo.hotspots.scans.scan import SMALLEST_RATIO, critical_ratio, p_values
from geo.hotspots.scans.scan_windows import Windows, grouped, windows_around

BLOCK_GROWTH = 1.25
"""Growth of the blocks of ranks by which centres are skipped: finer ones skip more, cost more."""

DTYPES: dict[str, str] = {
    "centre": "int64",
    "x": "float64",
    "y": "float64",
    "radius_m": "float64",
    "members": "object",
    "first_day": "int64",
    "last_day": "int64",
    "cases": "int64",
    "expected": "float64",
    "log_likelihood_ratio": "float64",
}
"""Columns of `AliveScan.clusters`; p, recurrence_interval_days and is_alarm follow."""


@dataclass(frozen=True)
class AliveScan:
    """Clusters that live on the last day, the most likely first, no place in two of them.

    `clusters` has one row a cluster: `centre` (position of a case at its centre), `x`, `y`,
    `radius_m` (distance of its farthest place), `members` (positions of its cases, int64 array),
    `first_day` and `last_day` (inclusive; the last is today), `cases`, `expected`,
    `log_likelihood_ratio`, `p`, `recurrence_interval_days`, `is_alarm`.

    `n_cases` stood in the period, `n_recent` of them in the last `max_days`; `n_future` were dated
    after today and left out. `critical_ratio`: the ratio above which a cluster is an alarm,
    infinite where the replicates are too few for any.
    """

    clusters: pd.DataFrame
    n_cases: int
    n_recent: int
    n_future: int
    n_replicates: int
    critical_ratio: float


@dataclass(frozen=True)
class _Recent:
    """Cases by place, and the windows around places.

    `position` (n,): where each case stood in the arguments, cases ordered by place; `location`
    (n,): its place; `age` (n,): days, 1 for today, 0 for older than the longest window;
    `n_since[k]`: cases of the last k days; `n_within` (elements): cases of the whole period in the
    circle up to the end of the element's ring.
    """

    position: Indices
    location: npt.NDArray[np.int32]
    age: npt.NDArray[np.int32]
    n_since: npt.NDArray[np.int32]
    xy: Floats
    windows: Windows
    n_within: Floats

    @property
    def first_case(self) -> Indices:
        """(places + 1,) first case of each place."""
        return np.searchsorted(self.location, np.arange(len(self.xy) + 1))


_Found = tuple[float, int, int, int]
"""A cluster before it is described: log likelihood ratio, centre, last element, length in days."""


def permutation_scan(
    x: Floats,
    y: Floats,
    day: Indices,
    *,
    today: int,
    max_radius_m: float,
    max_days: int,
    seed: int,
    n_replicates: int = 999,
    max_share: float = 0.5,
    min_cases: int = 2,
    min_recurrence_days: float = 365.0,
    every_days: float = 1.0,
    max_clusters: int = 20,
) -> AliveScan:
    """Places with more cases in the last days than their own past and the town's days explain.

    Prospective space-time permutation scan (Kulldorff et al. 2005, PLoS Medicine 2:e59) of one
    category: cylinders around every place with a case, over the last 1 to `max_days` days.
    Expected: cases of the place over the period x share of the town's cases that fell in those
    days, so that neither a busy place nor a busy week is an alarm by itself. p by rank among the
    largest ratios of `n_replicates` maps with the days dealt anew among the cases; secondary
    clusters share no place with one before them. Every replicate is run to its end.

    The recurrence interval is `every_days` / p: how long one waits, on average, for such a cluster
    by chance, when the scan is run every `every_days` days.

    Parameters
    ----------
    x, y : (n,) places of the cases, metres of one projected CRS
    day : (n,) whole days on any scale; those after today are left out and counted
    today : the last day, on the scale of `day`
    max_radius_m, max_days : largest cylinder; at most 254 days
    seed : of the replicates; the same seed gives the same p
    n_replicates : >= 1; the recurrence interval is never above (n_replicates + 1) x `every_days`
    max_share : largest share of all cases in a circle, 0 to 1
    min_cases : fewest cases of a cluster
    min_recurrence_days : an alarm comes by chance no more often than once in so many days
    max_clusters : most rows returned

    Returns
    -------
    AliveScan; without rows where nothing exceeds its expectation

    Raises
    ------
    ParameterError : arrays that differ in length or are not finite, options out of range, or too
        many pairs of places within the radius
    """
    x, y, day = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64), np.asarray(day)
    _check(x, y, day, max_days=max_days, n_replicates=n_replicates, max_share=max_share)
    check_positive(
        max_radius_m=max_radius_m, min_recurrence_days=min_recurrence_days, every_days=every_days
    )
    is_past = day <= today
    maxima = np.zeros(n_replicates)
    kept: list[_Found] = []
    n_recent = int((is_past & (day > today - max_days)).sum())
    if n_recent >= min_cases:
        recent = _recent(
            np.column_stack([x, y]),
            today - day + 1,
            max_radius_m=max_radius_m,
            max_days=max_days,
            max_share=max_share,
        )
        kept = _apart(_observed(recent, min_cases), recent.windows, max_clusters)
        if kept:
            _replicate(recent, min_cases, seed, maxima)
            maxima.sort()
    rows = [_describe(one, recent, today) for one in kept]
    clusters = pd.DataFrame(rows, columns=list(DTYPES)).astype(DTYPES)
    clusters["p"] = p_values(clusters["log_likelihood_ratio"].to_numpy(), maxima)
    clusters["recurrence_interval_days"] = every_days / clusters["p"]
    alpha = every_days / min_recurrence_days
    clusters["is_alarm"] = clusters["p"] <= alpha * (1 + 1e-9)
    return AliveScan(
        clusters=clusters,
        n_cases=int(is_past.sum()),
        n_recent=n_recent,
        n_future=int((~is_past).sum()),
        n_replicates=n_replicates,
        critical_ratio=critical_ratio(maxima, alpha) if kept else math.inf,
    )


def _recent(
    xy: Floats, age: Indices, *, max_radius_m: float, max_days: int, max_share: float
) -> _Recent:
    """Cases up to today ordered by place, their ages, and the windows around places."""
    past = np.flatnonzero(age >= 1)
    xy, place = np.unique(xy[past], axis=0, return_inverse=True)
    order = np.argsort(place.ravel(), kind="stable")
    position, location = past[order], place.ravel()[order]
    aged = np.where(age[position] <= max_days, age[position], 0)
    n_since = np.cumsum(np.bincount(aged[aged > 0], minlength=max_days + 1))
    windows = windows_around(xy[:, 0], xy[:, 1], max_radius_m=max_radius_m)
    n_at = np.bincount(location).astype(np.float64)
    windows = windows.cut(windows.cumulated(n_at) <= max_share * len(position) * (1 + 1e-12))
    ends = np.flatnonzero(windows.is_end)
    own_end = ends[np.searchsorted(ends, np.arange(len(windows.is_end)))]
    return _Recent(
        position=position,
        location=location.astype(np.int32),
        age=aged.astype(np.int32),
        n_since=n_since.astype(np.int32),
        xy=xy,
        windows=windows,
        n_within=windows.cumulated(n_at)[own_end],
    )


def _observed(recent: _Recent, min_cases: int) -> list[_Found]:
    """The best window of each centre, where it exceeds what is expected."""
    n = len(recent.xy)
    ratios, ends, lengths = np.zeros(n), np.full(n, -1), np.zeros(n, dtype=np.int64)
    permutation_kernels.alive_windows(
        recent.windows.first,
        recent.windows.neighbour,
        np.where(recent.windows.is_end, recent.n_within, math.inf),
        recent.first_case,
        recent.age,
        recent.n_since,
        min_cases,
        ratios,
        ends,
        lengths,
    )
    found = np.flatnonzero(ratios > SMALLEST_RATIO)
    return [(float(ratios[i]), int(i), int(ends[i]), int(lengths[i])) for i in found]


def _replicate(recent: _Recent, min_cases: int, seed: int, maxima: Floats) -> None:
    """Fills the largest ratio of each replicate."""
    windows, total = recent.windows, len(recent.location)
    if len(windows.neighbour) == 0:
        return  # one place holds more than the largest share: there is no window
    ages = np.sort(recent.age[recent.age > 0])
    n_columns = min(total, len(ages) + 1, scan_kernels.MAX_COLUMNS) + 1
    limits = np.empty((scan_kernels.N_LEVELS, n_columns))
    scan_kernels.level_limits(total, min_cases, True, scan_kernels.LEVEL_STEP, limits)
    n_elements = np.diff(windows.first)
    first_word = np.concatenate([[0], np.cumsum(-(-n_elements // 8))])
    rank = np.arange(len(windows.neighbour)) - np.repeat(windows.first[:-1], n_elements)
    slot = rank + np.repeat(8 * first_word[:-1], n_elements)
    neighbour = np.zeros(8 * first_word[-1], dtype=np.int32)
    n_within = np.full(len(neighbour), math.inf)
    neighbour[slot], n_within[slot] = windows.neighbour, recent.n_within
    starts = _block_starts(int(n_elements.max()))
    block = np.searchsorted(starts, np.arange(n_elements.max()), side="right") - 1
    at_block = windows.centre * (len(starts) - 1) + block[rank]
    n_least = np.full(len(n_elements) * (len(starts) - 1), math.inf)
    is_start = np.isin(rank, starts)
    n_least[at_block[is_start]] = recent.n_within[is_start]
    seen_first, seen = grouped(windows.neighbour, len(recent.xy))
    n_classes = len(permutation_kernels.length_classes(len(recent.n_since) - 1)) - 1
    permutation_kernels.permuted_maxima(
        neighbour,
        n_within,
        first_word,
        seen_first,
        slot[seen].astype(np.int32),
        at_block[seen].astype(np.int32),
        block,
        n_least,
        np.zeros((len(n_least), n_classes), dtype=np.int16 if len(ages) < 32_768 else np.int32),
        recent.location,
        ages,
        recent.n_since,
        limits,
        scan_kernels.LEVEL_STEP,
        seed,
        maxima,
    )


def _block_starts(n_ranks: int) -> Indices:
    """First rank of each block of ranks, then the number of ranks."""
    starts = [0]
    while starts[-1] < n_ranks:
        starts.append(min(max(starts[-1] + 1, int(starts[-1] * BLOCK_GROWTH)), n_ranks))
    return np.array(starts)


def _apart(found: list[_Found], windows: Windows, max_clusters: int) -> list[_Found]:
    """The clusters in order of ratio that share no place with one before them."""
    is_taken = np.zeros(len(windows.first) - 1, dtype=bool)
    kept: list[_Found] = []
    for one in sorted(found, key=lambda found: (-found[0], found[1])):
        places = windows.neighbour[windows.first[one[1]] : one[2] + 1]
        if len(kept) == max_clusters:
            break
        if not is_taken[places].any():
            is_taken[places] = True
            kept.append(one)
    return kept


def _describe(one: _Found, recent: _Recent, today: int) -> tuple[object, ...]:
    """The figures of a cluster, in the order of `DTYPES`."""
    value, centre, end, length = one
    windows = recent.windows
    places = windows.neighbour[windows.first[centre] : end + 1]
    is_member = np.isin(recent.location, places) & (recent.age > 0) & (recent.age <= length)
    members = np.sort(recent.position[is_member])
    return (
        int(recent.position[recent.first_case[centre]]),
        float(recent.xy[centre, 0]),
        float(recent.xy[centre, 1]),
        float(windows.distance_m[end]),
        members,
        today - length + 1,
        today,
        len(members),
        float(recent.n_within[end] * recent.n_since[length] / len(recent.location)),
        value,
    )


def _check(
    x: Floats,
    y: Floats,
    day: npt.NDArray[np.generic],
    *,
    max_days: int,
    n_replicates: int,
    max_share: float,
) -> None:
    for name, value, is_right in (
        ("max_days", max_days, 1 <= max_days < permutation_kernels.SEVERAL),
        ("n_replicates", n_replicates, n_replicates >= 1),
        ("max_share", max_share, 0 < max_share <= 1),
    ):
        if not is_right:
            raise ParameterError(
                "hotspots.bad_option",
                f"`{name}` lies outside its range; got {value!r}. See the docstring.",
                name=name,
                value=value,
            )
    n_wrong = abs(len({len(x), len(y), len(day)}) - 1)
    if n_wrong == 0:
        n_wrong = int((~(np.isfinite(x) & np.isfinite(y))).sum())
    if n_wrong or not np.issubdtype(day.dtype, np.integer):
        raise ParameterError(
            "hotspots.bad_events",
            "`x`, `y` and `day` must be of one length, finite, the days whole numbers; "
            f"{n_wrong} are not. Clean them before the scan.",
            n=n_wrong,
        )

"""Stops: where a worker stood, under GPS noise whose size is learnt from each phone.

No radius decides: `stop_model` weighs standing against walking at each fix with the noise of that
phone, fitted to its own tracks. Chosen and checked on simulated walks (tests/bench/patrol/tracks).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.crs import check_metric
from geo.patrol import stop_fit, stop_model
from geo.patrol.cleaning import bounds_of, check_positive, seconds, time_order

LEAST_STOP_S = 45.0
"""Shortest dwell that is a stop, seconds: a minute less what the noise hides of its ends."""

GAP_S = 120.0
"""A silence after which nothing is known of the noise, seconds."""

MOST_FIXES = 1_500
"""Fixes of a phone that its noise is fitted to: two hours at one in 5 s."""

_MINUTE_S, _RIDER_MPS = 60.0, 2.0
"""Net speed over a minute that a quarter of a rider's fixes exceed, metres a second."""

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ordered:
    """Fixes as arrays by patrol and time.

    `order` (n,) position of each in the frame; `x`, `y` metres from the first; `second`; `bounds`
    (m + 1,) where each patrol begins; `patrols` (m,) their codes; `phone` (m,) the phone of each,
    a position in `phones`: the worker's, or the patrol's own where no worker is named.
    """

    order: Indices
    x: Floats
    y: Floats
    second: Floats
    bounds: Indices
    patrols: npt.NDArray[np.object_]
    phone: Indices
    phones: npt.NDArray[np.object_]


def ordered(fixes: gpd.GeoDataFrame) -> Ordered:
    """The fixes as arrays by patrol and time.

    Raises
    ------
    CrsError : the CRS is missing or in degrees
    """
    check_metric(fixes, "fixes")
    xy = shapely.get_coordinates(fixes.geometry.array)
    second = seconds(fixes["at"])
    patrol, _ = fixes["patrol"].factorize(sort=True)
    order = time_order(patrol.astype(np.int64), second, xy)
    bounds = bounds_of(patrol[order].astype(np.int64))
    firsts = fixes.iloc[order[bounds[:-1]]]
    worker = firsts["worker"].to_numpy(dtype=object)
    codes = firsts["patrol"].to_numpy(dtype=object)
    owner = np.where(pd.isna(worker), codes, worker)
    phone, phones = pd.factorize(owner, sort=True)
    origin = xy[order[0]] if len(xy) else np.zeros(2)
    x, y = xy[order, 0] - origin[0], xy[order, 1] - origin[1]
    return Ordered(
        order,
        x,
        y,
        second[order],
        bounds,
        codes,
        phone.astype(np.int64),
        np.asarray(phones, dtype=object),
    )


def estimate_noise(
    fixes: gpd.GeoDataFrame, *, gap_s: float = GAP_S, most_fixes: int = MOST_FIXES
) -> pd.DataFrame:
    """The noise of each phone: `worker`, `sigma_m`, `tau_s`, `speed_mps`, `n_fixes` used.

    `sigma_m` is the standard deviation an axis, `tau_s` the time in which the error fades to 1/e,
    `speed_mps` the worker's pace. Likeliest values under the stop model and weak priors, so that a
    phone with one fix has the priors' medians (6 m, 25 s, 1.2 m/s). A patrol without a worker is a
    phone by itself, named by its code.

    Parameters
    ----------
    fixes : as `tracks.clean` leaves them, projected CRS in metres
    gap_s : a silence after which nothing is known of the noise, seconds, > 0
    most_fixes : fixes of a phone that are used, from its rounds evenly, > 0

    Raises
    ------
    CrsError : the CRS is missing or in degrees
    ParameterError : an option is not finite and positive
    """
    check_positive(gap_s=gap_s, most_fixes=most_fixes)
    return noise_of(ordered(fixes), gap_s=gap_s, most_fixes=most_fixes)


def noise_of(tracks: Ordered, *, gap_s: float, most_fixes: int = MOST_FIXES) -> pd.DataFrame:
    """`estimate_noise` of fixes in arrays."""
    tracks = thinned(tracks, gap_s=gap_s)
    found = np.empty((len(tracks.phones), 3))
    used = np.zeros(len(tracks.phones), dtype=np.int64)
    by_phone = np.argsort(tracks.phone, kind="stable")
    starts = np.searchsorted(tracks.phone[by_phone], np.arange(len(tracks.phones) + 1))
    for phone in range(len(tracks.phones)):
        rounds = by_phone[starts[phone] : starts[phone + 1]]
        rows, bounds = _sample(tracks.bounds, rounds, most_fixes)
        x, y, second = tracks.x[rows], tracks.y[rows], tracks.second[rows]
        pace = _pace_of(x, y, second, bounds)
        found[phone] = stop_fit.fit(x, y, second, bounds, pace, gap_s)
        used[phone] = len(rows)
    return pd.DataFrame(
        {
            "worker": pd.array(tracks.phones, dtype="str"),
            "sigma_m": found[:, 0],
            "tau_s": found[:, 1],
            "speed_mps": found[:, 2],
            "n_fixes": used,
        }
    )


def _pace_of(x: Floats, y: Floats, second: Floats, bounds: Indices) -> float:
    """Where the search for a pace begins: riding, where the faster minutes are no walk."""
    later = np.concatenate(
        [a + np.searchsorted(second[a:b], second[a:b] + _MINUTE_S) for a, b in pairwise(bounds)]
    )
    end = np.repeat(bounds[1:], np.diff(bounds))
    start = np.flatnonzero(later < end)
    if not len(start):
        return stop_model.WALK_MPS
    to = later[start]
    speed = np.hypot(x[to] - x[start], y[to] - y[start]) / (second[to] - second[start])
    is_rider = np.quantile(speed, 0.75) > _RIDER_MPS
    return stop_model.RIDE_MPS if is_rider else stop_model.WALK_MPS


def _sample(bounds: Indices, rounds: Indices, most_fixes: int) -> tuple[Indices, Indices]:
    """Rows of some of a phone's rounds, evenly chosen, and where each of these begins."""
    sizes = bounds[rounds + 1] - bounds[rounds]
    n = min(len(rounds), max(1, int(most_fixes // max(sizes.mean(), 1.0))))
    chosen = rounds[np.linspace(0, len(rounds) - 1, n).astype(np.int64)]
    each = most_fixes // n
    lengths = np.minimum(bounds[chosen + 1] - bounds[chosen], each)
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    rows = np.arange(ends[-1]) + np.repeat(bounds[chosen] - ends[:-1], lengths)
    return rows, ends


def noise_by_track(tracks: Ordered, noise: pd.DataFrame | None, *, gap_s: float) -> Floats:
    """Sigma, tau and speed of each track, (m, 3)."""
    if noise is None:
        noise = noise_of(tracks, gap_s=gap_s)
    by_phone = noise.set_index("worker")[["sigma_m", "tau_s", "speed_mps"]]
    found: Floats = by_phone.reindex(tracks.phones).to_numpy(dtype=np.float64)[tracks.phone]
    return np.where(np.isnan(found), np.array([6.0, 25.0, 1.2]), found)


def thinned(tracks: Ordered, *, gap_s: float) -> Ordered:
    """The fixes that the stop model looks at, `THIN_S` apart; `order` holds their positions."""
    rows = stop_model.thin(tracks.second, tracks.bounds, gap_s)
    if len(rows) == len(tracks.second):
        return tracks
    return replace(
        tracks,
        order=rows,
        x=tracks.x[rows],
        y=tracks.y[rows],
        second=tracks.second[rows],
        bounds=np.searchsorted(rows, tracks.bounds).astype(np.int64),
    )


def smoothed(tracks: Ordered, params: Floats, *, gap_s: float) -> Floats:
    """Of every ordered fix (n, 4): standing, noise x, noise y (metres), variance of that (m2).

    Fixes that the model does not look at share the standing of the step they lie in; their places
    are interpolated along it.
    """
    few = thinned(tracks, gap_s=gap_s)
    state: Floats = stop_model.smooth_tracks(few.x, few.y, few.second, few.bounds, params, gap_s)
    if few is tracks:
        return state
    after = np.searchsorted(few.order, np.arange(len(tracks.x)))
    before = np.maximum(after - 1, 0)
    is_seen = few.order[after] == np.arange(len(tracks.x))
    before[is_seen] = after[is_seen]
    took = np.where(is_seen, 1.0, few.second[after] - few.second[before])
    share = np.where(is_seen, 1.0, (tracks.second - few.second[before]) / took)
    found = np.empty((len(tracks.x), 4))
    found[:, 0] = state[after, 0]
    for column, raw, seen in ((1, tracks.x, few.x), (2, tracks.y, few.y)):
        place = seen - state[:, column]
        found[:, column] = raw - (place[before] * (1.0 - share) + place[after] * share)
    found[:, 3] = state[before, 3] * (1.0 - share) + state[after, 3] * share
    return found


def _standing(tracks: Ordered, params: Floats, *, gap_s: float) -> Floats:
    """The first column of `smoothed`."""
    few = thinned(tracks, gap_s=gap_s)
    found: Floats = stop_model.standing_tracks(few.x, few.y, few.second, few.bounds, params, gap_s)
    return found if few is tracks else found[np.searchsorted(few.order, np.arange(len(tracks.x)))]


def _means(values: Floats, first: Indices, last: Indices) -> Floats:
    """Mean of the values from each first to each last, both inclusive."""
    sums = np.cumsum(values)
    means: Floats = (sums[last] - sums[first] + values[first]) / (last - first + 1)
    return means


def standing_probability(
    fixes: gpd.GeoDataFrame, *, noise: pd.DataFrame | None = None, gap_s: float = GAP_S
) -> pd.Series:
    """Probability that the worker stood from the fix before to each fix, indexed as `fixes`.

    Null for the first fix of a patrol and after a silence longer than `gap_s`.

    Parameters
    ----------
    fixes : as `tracks.clean` leaves them, projected CRS in metres
    noise : as `estimate_noise` gives it; None estimates it from these fixes
    """
    check_positive(gap_s=gap_s)
    tracks = ordered(fixes)
    params = noise_by_track(tracks, noise, gap_s=gap_s)
    found = np.empty(len(fixes))
    found[tracks.order] = _standing(tracks, params, gap_s=gap_s)
    return pd.Series(found, index=fixes.index, name="standing")


def find_stops(
    fixes: gpd.GeoDataFrame,
    *,
    noise: pd.DataFrame | None = None,
    least_s: float = LEAST_STOP_S,
    gap_s: float = GAP_S,
) -> gpd.GeoDataFrame:
    """Stops in order of patrol and time, each at the mean of its fixes.

    Columns `patrol`, `worker`, `started_at`, `ended_at`, `dwell_s`, `n_fixes`, `error_m` (standard
    error of the place, an axis, from the phone's noise) and point geometry.

    Parameters
    ----------
    fixes : as `tracks.clean` leaves them, projected CRS in metres
    noise : as `estimate_noise` gives it; None estimates it from these fixes
    least_s : shortest dwell, seconds, > 0
    gap_s : a silence that ends a stop, seconds, > 0

    Raises
    ------
    CrsError : the CRS is missing or in degrees
    ParameterError : an option is not finite and positive
    """
    check_positive(least_s=least_s, gap_s=gap_s)
    tracks = ordered(fixes)
    params = noise_by_track(tracks, noise, gap_s=gap_s)
    probability = _standing(tracks, params, gap_s=gap_s)
    track, first, last = stop_model.stop_runs(probability, tracks.second, tracks.bounds, least_s)
    n = last - first + 1
    middle = np.column_stack([_means(values, first, last) for values in (tracks.x, tracks.y)])
    origin = shapely.get_coordinates(fixes.geometry.array[tracks.order[:1]])
    dwell = tracks.second[last] - tracks.second[first]
    # the mean over a time T of noise that fades in tau, u = T / tau, has the variance
    # 2 sigma2 / u (1 - (1 - e^-u) / u)
    u = dwell / params[track, 1]
    error = params[track, 0] * np.sqrt(2.0 / u * (1.0 - (1.0 - np.exp(-u)) / u))
    at, worker = fixes["at"], fixes["worker"].to_numpy(dtype=object)
    begin, end = tracks.order[first], tracks.order[last]
    return gpd.GeoDataFrame(
        {
            "patrol": pd.array(tracks.patrols[track], dtype="str"),
            "worker": pd.array(worker[begin], dtype="str"),
            "started_at": at.iloc[begin].array,
            "ended_at": at.iloc[end].array,
            "dwell_s": dwell,
            "n_fixes": n,
            "error_m": error,
        },
        geometry=shapely.points(middle + origin) if len(track) else [],
        crs=fixes.crs,
    )

"""Visits: places passed and sites stayed at, with the doubt that GPS leaves; recency, evenness.

What the phone's noise hides is worked out per worker by `stops`: of every fix where it most likely
was, and how surely. Verdicts have three values, and silence never makes one of them `missed`.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.special import ndtr

from geo.errors import ParameterError
from geo.patrol.cleaning import check_positive, check_same_crs
from geo.patrol.stops import GAP_S, noise_by_track, ordered, smoothed
from geo.patrol.unseen import LONGEST_S, WALK_MPS

REACH_M = 20.0
"""Distance within which a building or entrance counts as passed: the office's rule."""

DWELL_S = 60.0
"""Shortest stay at a hotspot or key site that is a visit, seconds: chosen."""

COVERED_FROM, MISSED_TO = 0.9, 0.1
"""Probabilities that decide; between them nobody can tell."""

FURTHEST_SIGMA = 3.0
"""Places further off than reach and so many standard errors are missed without a figure."""

ERROR_FACTOR = 1.25
"""What the smoothed places err by beyond the filter's own figure: fitted to simulated walks, where
the error squared over the variance claimed is 1.5."""

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


def passed_places(
    places: gpd.GeoDataFrame,
    fixes: gpd.GeoDataFrame,
    *,
    reach_m: float = REACH_M,
    noise: pd.DataFrame | None = None,
    gap_s: float = GAP_S,
) -> pd.DataFrame:
    """Whether some track passed each place within reach, in the places' order and index.

    Columns `probability`, `nearest_m` (least distance of the smoothed tracks; NaN where none came
    near), `at` (time of the likeliest pass), `patrol` and `verdict`. The probability is that of the
    best single pass: with the smoothed track d metres away and a standard error s of it there,
    Phi((reach - d) / s) - Phi((-reach - d) / s). Several passes are not multiplied: their errors
    are alike. A place that can have been passed in a silence is never called missed.

    Parameters
    ----------
    places : footprints or points, projected CRS in metres
    fixes : as `tracks.clean` leaves them, same CRS
    reach_m : metres, > 0
    noise : as `stops.estimate_noise` gives it; None estimates it from these fixes
    gap_s : longest silence that is walked through, seconds, > 0

    Raises
    ------
    CrsError : a CRS is missing or in degrees, or the two differ
    ParameterError : an option is not finite and positive
    """
    check_same_crs(places, fixes, "places", "fixes")
    check_positive(reach_m=reach_m, gap_s=gap_s)
    tracks = ordered(fixes)
    params = noise_by_track(tracks, noise, gap_s=gap_s)
    state = smoothed(tracks, params, gap_s=gap_s)
    lines, error = _stretches(fixes, tracks.order, state)
    shapes = places.geometry.to_numpy()
    furthest = reach_m + FURTHEST_SIGMA * float(error.max(initial=0.0))
    place, stretch = _near(shapes, lines, furthest)
    away = shapely.distance(shapes[place], lines[stretch])
    s = error[stretch]
    chance = ndtr((reach_m - away) / s) - ndtr((-reach_m - away) / s)
    best = _best_rows(place, chance, len(places))
    has = best >= 0
    probability = np.zeros(len(places))
    probability[has] = chance[best[has]]
    nearest = np.full(len(places), np.inf)
    np.minimum.at(nearest, place, away)
    row = tracks.order[stretch[best[has]]]
    spot = np.flatnonzero(has)
    xy = shapely.get_coordinates(fixes.geometry.array)[tracks.order] - state[:, 1:3]
    patrol = np.repeat(np.arange(len(tracks.patrols)), np.diff(tracks.bounds))
    spare = _spare_times(shapes, xy, tracks.second, state[:, 0], patrol)
    verdict = verdict_of(probability)
    verdict[(verdict == "missed") & (spare > 0.0)] = "cannot_tell"
    return pd.DataFrame(
        {
            "probability": probability,
            "nearest_m": np.where(np.isfinite(nearest), nearest, np.nan),
            "at": pd.Series(fixes["at"].iloc[row].array, index=spot)
            .reindex(range(len(places)))
            .array,
            "patrol": pd.Series(fixes["patrol"].iloc[row].array, index=spot)
            .reindex(range(len(places)))
            .array,
            "verdict": pd.array(verdict, dtype="str"),
        },
        index=places.index,
    )


def stays(
    sites: gpd.GeoDataFrame,
    fixes: gpd.GeoDataFrame,
    *,
    dwell_s: float = DWELL_S,
    reach_m: float = 0.0,
    noise: pd.DataFrame | None = None,
    gap_s: float = GAP_S,
) -> pd.DataFrame:
    """How long patrols stayed at each hotspot or key site, in the sites' order and index.

    Columns `dwell_s` (expected: time weighted by the probability of being inside), `surely_s` (in
    the area made smaller all round by 1.64 standard errors), `at_most_s` (made larger by them, and
    what silences leave open),
    `first_at`, `n_patrols` and `verdict`: covered where `surely_s` reaches the dwell wanted, missed
    where even `at_most_s` does not, else cannot_tell. Time with no fix for `gap_s` counts in none.

    Parameters
    ----------
    sites : areas (or points, with a reach), projected CRS in metres
    fixes : as `tracks.clean` leaves them, same CRS
    dwell_s : shortest stay that is a visit, seconds, > 0
    reach_m : added all round the sites, metres, >= 0
    noise : as `stops.estimate_noise` gives it; None estimates it from these fixes
    gap_s : longest time between two fixes that counts, seconds, > 0

    Raises
    ------
    CrsError : a CRS is missing or in degrees, or the two differ
    ParameterError : an option is out of range
    """
    check_same_crs(sites, fixes, "sites", "fixes")
    check_positive(dwell_s=dwell_s, gap_s=gap_s)
    if not (np.isfinite(reach_m) and reach_m >= 0):
        raise ParameterError(
            "parameter.negative",
            f"`reach_m` must be finite and not below 0; got {reach_m}.",
            name="reach_m",
            value=reach_m,
        )
    tracks = ordered(fixes)
    state = smoothed(tracks, noise_by_track(tracks, noise, gap_s=gap_s), gap_s=gap_s)
    xy = shapely.get_coordinates(fixes.geometry.array)[tracks.order] - state[:, 1:3]
    error = ERROR_FACTOR * np.sqrt(state[:, 3])
    took = _times(tracks.second, state[:, 0])
    shapes = sites.geometry.to_numpy()
    points = shapely.points(xy)
    furthest = reach_m + FURTHEST_SIGMA * float(error.max(initial=0.0))
    site, fix = _near(shapes, points, furthest)
    depth = _depth(shapes, site, points[fix]) + reach_m
    s = error[fix]
    n = len(sites)
    expected = np.bincount(site, weights=took[fix] * ndtr(depth / s), minlength=n)
    surely = np.bincount(site, weights=took[fix] * (depth >= 1.64 * s), minlength=n)
    at_most: Floats = np.bincount(
        site, weights=took[fix] * (depth >= -1.64 * s), minlength=n
    ).astype(np.float64)
    inside = np.flatnonzero(depth >= 0.0)
    row = tracks.order[fix[inside]]
    by_site = pd.DataFrame(
        {
            "site": site[inside],
            "at": fixes["at"].iloc[row].array,
            "patrol": fixes["patrol"].iloc[row].array,
        }
    ).groupby("site")
    patrol = np.repeat(np.arange(len(tracks.patrols)), np.diff(tracks.bounds))
    at_most = at_most + _spare_times(shapes, xy, tracks.second, state[:, 0], patrol)
    verdict = np.where(
        surely >= dwell_s, "covered", np.where(at_most < dwell_s, "missed", "cannot_tell")
    )
    return pd.DataFrame(
        {
            "dwell_s": expected,
            "surely_s": surely,
            "at_most_s": at_most,
            "first_at": by_site["at"].min().reindex(range(n)).array,
            "n_patrols": by_site["patrol"].nunique().reindex(range(n), fill_value=0).to_numpy(),
            "verdict": pd.array(verdict, dtype="str"),
        },
        index=sites.index,
    )


def verdict_of(probability: Floats) -> npt.NDArray[np.object_]:
    """`covered`, `missed` or `cannot_tell` for each probability."""
    verdict = np.full(len(probability), "cannot_tell", dtype=object)
    verdict[probability >= COVERED_FROM] = "covered"
    verdict[probability <= MISSED_TO] = "missed"
    return verdict


def household_share(
    households: pd.Series, places: pd.DataFrame
) -> tuple[float, float, float] | None:
    """(expected, surely, at most) share of households whose place was passed; None without any.

    Expected weighs every household by the probability, surely counts the places that are covered,
    at most those that are not missed.

    Parameters
    ----------
    households : of every place, null counts as 0
    places : as `passed_places` gives them, same order
    """
    weight = households.fillna(0).to_numpy(dtype=np.float64)
    if weight.sum() <= 0:
        return None
    verdict = places["verdict"].to_numpy(dtype=object)
    expected = float(weight @ places["probability"].to_numpy(dtype=np.float64))
    surely = float(weight[verdict == "covered"].sum())
    at_most = float(weight[verdict != "missed"].sum())
    total = float(weight.sum())
    return expected / total, surely / total, at_most / total


def since_last_visit(places: pd.Index, visits: pd.DataFrame, *, now: pd.Timestamp) -> pd.Series:
    """Days since each place was last visited, NaN where it never was; indexed by the place.

    Parameters
    ----------
    places : codes
    visits : `place` and `at` of every visit; those later than `now` do not count
    now : instant with a time zone
    """
    past = visits[visits["at"] <= now]
    last = past.groupby("place")["at"].max().reindex(places)
    days = (now - last).dt.total_seconds() / 86_400.0
    return days.astype("float64").rename("days")


def evenness(n_visits: npt.ArrayLike) -> dict[str, float | None]:
    """How evenly visits fell on the doors (or streets) of a grid.

    `gini` (Gini 1912): 0 all alike, towards 1 all on one; `unseen_share` without any visit. Both
    None where there is nothing to visit; `gini` None where there was no visit at all.

    Parameters
    ----------
    n_visits : visits of each place, >= 0
    """
    counts = np.sort(np.asarray(n_visits, dtype=np.float64))
    if not len(counts):
        return {"gini": None, "unseen_share": None}
    total = counts.sum()
    gini = None
    if total > 0:
        rank = np.arange(1, len(counts) + 1)
        gini = float(((2 * rank - len(counts) - 1) * counts).sum() / (len(counts) * total))
    return {"gini": gini, "unseen_share": float((counts == 0).mean())}


def _stretches(
    fixes: gpd.GeoDataFrame, order: Indices, state: Floats
) -> tuple[npt.NDArray[np.object_], Floats]:
    """Line from the fix before to each fix, noise taken off, and its standard error.

    A fix after a silence has a line of no length at its own place.
    """
    xy = shapely.get_coordinates(fixes.geometry.array)[order] - state[:, 1:3]
    before = np.vstack([xy[:1], xy[:-1]])
    is_first = np.isnan(state[:, 0])
    before[is_first] = xy[is_first]
    lines = shapely.linestrings(np.stack([before, xy], axis=1))
    return np.asarray(lines, dtype=object).reshape(-1), ERROR_FACTOR * np.sqrt(state[:, 3])


def _near(
    shapes: npt.NDArray[np.object_], others: npt.NDArray[np.object_], within_m: float
) -> tuple[Indices, Indices]:
    """(shape, other) of every pair within that distance."""
    if not len(shapes) or not len(others):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    shape, other = shapely.STRtree(others).query(shapes, predicate="dwithin", distance=within_m)
    return shape.astype(np.int64), other.astype(np.int64)


def _best_rows(place: Indices, chance: Floats, n_places: int) -> Indices:
    """Row of the largest chance of each place, -1 where it has none."""
    best = np.full(n_places, -1, dtype=np.int64)
    order = np.lexsort((-np.arange(len(chance)), chance))
    best[place[order]] = order
    return best


def _times(second: Floats, standing: Floats) -> Floats:
    """Seconds that belong to each fix: half of the step before and half of the step after."""
    step = np.where(np.isnan(standing), 0.0, np.diff(second, prepend=second[:1]))
    times: Floats = (step + np.append(step[1:], 0.0)[: len(step)]) / 2.0
    return times


def _depth(
    shapes: npt.NDArray[np.object_], shape: Indices, points: npt.NDArray[np.object_]
) -> Floats:
    """How far inside its shape each point lies, metres; negative outside."""
    outside = shapely.distance(shapes[shape], points)
    edge = np.zeros(len(points))
    inside = np.flatnonzero(outside <= 0.0)
    edges = shapely.boundary(shapes)
    edge[inside] = np.nan_to_num(shapely.distance(edges[shape[inside]], points[inside]), nan=0.0)
    depth: Floats = np.where(outside > 0.0, -outside, edge)
    return depth


def _spare_times(
    shapes: npt.NDArray[np.object_], xy: Floats, second: Floats, standing: Floats, patrol: Indices
) -> Floats:
    """Seconds that a silent worker can have spent at each shape at most, over all silences.

    A silence of t seconds (no more than `unseen.LONGEST_S` of it) leaves t less the way there and
    on, straight and at a brisk pace, where that is anything.
    """
    spare = np.zeros(len(shapes))
    silent = np.flatnonzero(np.isnan(standing[1:]) & (patrol[1:] == patrol[:-1])) + 1
    if not len(silent) or not len(shapes):
        return spare
    took = np.minimum(second[silent] - second[silent - 1], LONGEST_S)
    before, after = shapely.points(xy[silent - 1]), shapely.points(xy[silent])
    middle = shapely.points((xy[silent - 1] + xy[silent]) / 2.0)
    silence, shape = shapely.STRtree(shapes).query(
        middle, predicate="dwithin", distance=took * WALK_MPS / 2.0
    )
    way = shapely.distance(shapes[shape], before[silence])
    way = way + shapely.distance(shapes[shape], after[silence])
    np.add.at(spare, shape, np.maximum(took[silence] - way / WALK_MPS, 0.0))
    return spare

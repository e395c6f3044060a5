"""A month of patrols: walks with stops, phones with correlated errors and gaps, and the truth."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from boundaries.demo import beats
from boundaries.demo.beats import Beat, Network
from geo.schema import LAYERS, check_frame

DAYS = pd.date_range("2026-10-01", "2026-10-31")
ZONE = "Asia/Shanghai"
ROUND_STARTS_S = (8.5 * 3600, 14.5 * 3600)
START_SPREAD_S = 900.0
FIX_EVERY_S = 15
"""Seconds between fixes, give or take one: a phone that saves its battery."""

LEAST_S, GREATEST_S = 31 * 60.0, 46 * 60.0
"""Shortest and longest round; a long beat is left off unfinished."""

SPEED_M_S = (1.05, 1.3)
"""Walking speed of a worker; adults stroll at 1.0 to 1.4 m/s."""

SIGMA_M = (3.0, 8.0)
TIME_CONSTANT_S = (12.0, 55.0)
"""Error of a phone, each axis: standard deviation and time in which it fades (AR(1))."""

N_ROUTES = 14
"""Ways through the beat that a worker is used to; each round follows one of them."""

HABIT_MISS = 0.85
CHANCE_MISS = 0.03
GAP_SHARE = 0.25
GAP_S = (60.0, 260.0)
CHECKIN_REACH_M = 45.0


@dataclass(frozen=True)
class Month:
    """Tracks, check-ins and what was true.

    `walks` has a row per patrol and street of the beat: `walked_m` of `length_m`, `is_habit`.
    `phones` has a row per worker: grid walked, speed, sigma_m and time_constant_s of the phone.
    """

    tracks: gpd.GeoDataFrame
    checkins: gpd.GeoDataFrame
    walks: pd.DataFrame
    phones: pd.DataFrame


@dataclass(frozen=True)
class _Route:
    """A way through a beat: its points and their distance from the start; streets, their ends."""

    path: np.ndarray
    along: np.ndarray
    streets: np.ndarray
    ends_m: np.ndarray


@dataclass(frozen=True)
class _Round:
    """One patrol in true positions: time since midnight, x, y of each fix; stops with times.

    `walked` has the metres walked of every street of the town.
    """

    seconds: np.ndarray
    xy: np.ndarray
    stop_seconds: np.ndarray
    stop_xy: np.ndarray
    walked: np.ndarray


def a_month(
    streets: gpd.GeoDataFrame,
    grids: gpd.GeoDataFrame,
    *,
    workers: pd.DataFrame,
    entrances: gpd.GeoDataFrame,
    rng: np.random.Generator,
) -> Month:
    """Two rounds a day of every worker in October 2026.

    Parameters
    ----------
    grids : the beats
    workers : roster rows of the grid workers, in the order of the grids
    """
    net = beats.network(streets)
    n = len(workers)
    phones = pd.DataFrame(
        {
            "worker": workers["person"].to_numpy(),
            "grid": grids["grid"].to_numpy(),
            "speed_m_s": rng.uniform(*SPEED_M_S, n),
            "sigma_m": rng.uniform(*SIGMA_M, n),
            "time_constant_s": rng.uniform(*TIME_CONSTANT_S, n),
        }
    )
    rounds: list[_Round] = []
    truth: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for w, required in enumerate(beats.streets_of(net, grids)):
        of = beats.beat(net, required, rng)
        speed = float(phones["speed_m_s"].iloc[w])
        is_habit = np.isin(required, of.habits)
        routes = [_route(net, of, rng) for _ in range(N_ROUTES)]
        for choice in rng.integers(N_ROUTES, size=len(DAYS) * len(ROUND_STARTS_S)).tolist():
            start = ROUND_STARTS_S[len(rounds) % 2] + rng.normal(0, START_SPREAD_S / 2)
            made = _round(net, routes[choice], speed, start, rng)
            rounds.append(made)
            truth.append((required, made.walked[required], is_habit))
    heads = _heads(phones)
    return Month(
        _tracks(rounds, heads, phones, streets.crs, rng),
        _checkins(rounds, heads, phones, entrances, rng),
        _walks(truth, heads, streets),
        phones,
    )


def _heads(phones: pd.DataFrame) -> pd.DataFrame:
    """A row per patrol: worker, day, round and code, in the order in which they were walked."""
    per_worker = len(DAYS) * len(ROUND_STARTS_S)
    heads = pd.DataFrame(
        {
            "worker": np.repeat(phones["worker"].to_numpy(), per_worker),
            "day": np.tile(np.repeat(DAYS, 2), len(phones)),
            "round": np.tile([1, 2], len(DAYS) * len(phones)),
        }
    )
    day = heads["day"].dt.strftime("%Y%m%d")
    heads["patrol"] = day + "-" + heads["round"].astype("str") + "-" + heads["worker"]
    return heads


def _route(net: Network, of: Beat, rng: np.random.Generator) -> _Route:
    """One way through the beat without the streets missed this time."""
    chance = rng.random(len(of.required))
    wanted = {
        street
        for street, draw in zip(of.required, chance.tolist(), strict=True)
        if draw > (HABIT_MISS if street in of.habits else CHANCE_MISS)
    }
    steps = beats.walk(of, wanted, rng)
    parts = [net.xy[street] if forward else net.xy[street][::-1] for street, forward in steps]
    path = np.concatenate(parts)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    streets = np.array([street for street, _ in steps])
    ends_m = np.cumsum(net.length_m[streets])
    return _Route(path, along, streets, ends_m)


def _round(
    net: Network, route: _Route, speed: float, start: float, rng: np.random.Generator
) -> _Round:
    """One walk of a route, at its own pace and with its own stops."""
    length = float(route.along[-1])
    knots_s, knots_m, stop_at, stop_s = _pace(length, speed * rng.uniform(0.94, 1.06), rng)
    duration = min(knots_s[-1], GREATEST_S)
    ticks = np.arange(0.0, duration, FIX_EVERY_S)
    ticks = ticks + rng.integers(-1, 2, len(ticks))
    ticks = ticks[(ticks >= 0) & ~_in_gap(ticks, duration, rng)]
    is_made = stop_s < duration
    last_m = float(np.interp(duration, knots_s, knots_m))
    length_m = net.length_m[route.streets]
    walked = np.zeros(len(net.length_m))
    np.maximum.at(walked, route.streets, np.clip(last_m - route.ends_m + length_m, 0.0, length_m))
    return _Round(
        start + ticks,
        _at(route, np.interp(ticks, knots_s, knots_m)),
        start + stop_s[is_made],
        _at(route, stop_at[is_made]),
        walked,
    )


def _at(route: _Route, reached_m: np.ndarray) -> np.ndarray:
    x, y = route.path.T
    return np.stack(
        [np.interp(reached_m, route.along, x), np.interp(reached_m, route.along, y)], axis=1
    )


def _pace(
    length_m: float, speed: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Times and distances between which the walker goes on evenly, and the stops (metre, second).

    Short beats are filled with longer stops up to LEAST_S.
    """
    n_stops = 2 + int(rng.poisson(5))
    at = np.sort(rng.uniform(0.02, 0.98, n_stops)) * length_m
    stay = np.clip(rng.lognormal(np.log(50), 0.6, n_stops), 15, 240)
    spare = LEAST_S * rng.uniform(1.0, 1.1) - length_m / speed - stay.sum()
    if spare > 0:
        stay += spare * stay / stay.sum()
    arrive = at / speed + np.concatenate([[0.0], np.cumsum(stay)[:-1]])
    seconds = np.concatenate([[0.0], np.column_stack([arrive, arrive + stay]).ravel()])
    metres = np.concatenate([[0.0], np.repeat(at, 2)])
    end = length_m / speed + stay.sum()
    return np.append(seconds, end), np.append(metres, length_m), at, arrive + stay * 0.6


def _in_gap(ticks: np.ndarray, duration: float, rng: np.random.Generator) -> np.ndarray:
    """Fixes lost: now and then one, and in a share of the rounds a whole gap of signal."""
    is_lost = rng.random(len(ticks)) < 0.01
    if rng.random() < GAP_SHARE:
        start = rng.uniform(0.1, 0.8) * duration
        is_lost |= (ticks > start) & (ticks < start + rng.uniform(*GAP_S))
    return is_lost


def _tracks(
    rounds: list[_Round],
    heads: pd.DataFrame,
    phones: pd.DataFrame,
    crs: object,
    rng: np.random.Generator,
) -> gpd.GeoDataFrame:
    """All fixes with the phones' errors, patrol by patrol in time."""
    count = np.array([len(r.seconds) for r in rounds])
    of = np.repeat(np.arange(len(rounds)), count)
    worker = of // (len(DAYS) * len(ROUND_STARTS_S))
    seconds = np.concatenate([r.seconds for r in rounds])
    xy = np.concatenate([r.xy for r in rounds])
    sigma = phones["sigma_m"].to_numpy()[worker]
    fade = np.exp(-FIX_EVERY_S / phones["time_constant_s"].to_numpy())
    xy = xy + sigma[:, None] * _correlated(count, fade[worker[np.cumsum(count) - count]], rng)
    day = heads["day"].to_numpy()[of]
    local = pd.DatetimeIndex(day) + pd.to_timedelta(np.round(seconds).astype("int64"), unit="s")
    table = {
        "patrol": heads["patrol"].array.take(of),
        "worker": heads["worker"].array.take(of),
        "day": pd.Series(day).astype("datetime64[us]"),
        "round": pd.array(heads["round"].to_numpy()[of], dtype="Int64"),
        "at": pd.Series(local.tz_localize(ZONE).tz_convert("UTC")).astype("datetime64[us, UTC]"),
        "accuracy_m": np.round(sigma * rng.uniform(1.0, 1.9, len(sigma)), 1),
    }
    points = shapely.points(np.round(xy, 2))
    return gpd.GeoDataFrame(table, geometry=points, crs=crs)


def _correlated(count: np.ndarray, fade: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """AR(1) errors of unit variance, x and y, rows of `count` one after another.

    Parameters
    ----------
    count : fixes of each patrol
    fade : correlation between neighbouring fixes of each patrol
    """
    longest = int(count.max())
    noise = rng.standard_normal((longest, len(count), 2))
    fresh = np.sqrt(1 - fade**2)[:, None]
    for i in range(1, longest):
        noise[i] = fade[:, None] * noise[i - 1] + fresh * noise[i]
    is_used = np.arange(longest)[None, :] < count[:, None]
    return np.asarray(noise.transpose(1, 0, 2)[is_used])


def _checkins(
    rounds: list[_Round],
    heads: pd.DataFrame,
    phones: pd.DataFrame,
    entrances: gpd.GeoDataFrame,
    rng: np.random.Generator,
) -> gpd.GeoDataFrame:
    """Check-ins at the stops that lie near an entrance."""
    of = np.repeat(np.arange(len(rounds)), [len(r.stop_seconds) for r in rounds])
    xy = np.concatenate([r.stop_xy for r in rounds])
    seconds = np.concatenate([r.stop_seconds for r in rounds])
    (stop, door), distance = shapely.STRtree(entrances.geometry.to_numpy()).query_nearest(
        shapely.points(xy), return_distance=True, all_matches=False
    )
    is_near = distance < CHECKIN_REACH_M
    stop, door = stop[is_near], door[is_near]
    of, xy, seconds = of[stop], xy[stop], seconds[stop]
    sigma = phones["sigma_m"].to_numpy()[of // (len(DAYS) * len(ROUND_STARTS_S))]
    xy = xy + sigma[:, None] * rng.standard_normal((len(of), 2))
    local = heads["day"].iloc[of].to_numpy() + pd.to_timedelta(seconds.astype("int64"), unit="s")
    notes = np.array(["入户走访", "楼道巡查", "消防通道已查看", "独居老人探访", "政策宣传"])
    rows = gpd.GeoDataFrame(
        {
            "checkin": [f"K{i + 1:06d}" for i in range(len(of))],
            "patrol": heads["patrol"].to_numpy()[of],
            "worker": heads["worker"].to_numpy()[of],
            "at": pd.DatetimeIndex(local).tz_localize(ZONE).tz_convert("UTC"),
            "building": entrances["building"].to_numpy()[door],
            "note": notes[rng.integers(len(notes), size=len(of))],
        },
        geometry=shapely.points(np.round(xy, 2)),
        crs=entrances.crs,
    )
    checked = check_frame(LAYERS["checkins"], rows)
    assert isinstance(checked.accepted, gpd.GeoDataFrame)
    return checked.accepted


def _walks(
    truth: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
    heads: pd.DataFrame,
    streets: gpd.GeoDataFrame,
) -> pd.DataFrame:
    """What was walked of every street of the beat, a row per patrol and street."""
    street = np.concatenate([required for required, _, _ in truth])
    of = np.repeat(np.arange(len(truth)), [len(required) for required, _, _ in truth])
    return pd.DataFrame(
        {
            "patrol": heads["patrol"].array.take(of),
            "street": streets["street"].array.take(street),
            "length_m": streets["length_m"].to_numpy()[street],
            "walked_m": np.round(np.concatenate([walked for _, walked, _ in truth]), 1),
            "is_habit": np.concatenate([habit for _, _, habit in truth]),
        }
    )

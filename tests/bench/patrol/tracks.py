# ruff: noqa: E402 - threads are set before NumPy starts
"""Cleaning, stops, lengths, tampering signs and visits on simulated walks, peers beside us.

The walks are our own (no file tells the stops of its walks): straight legs of 40 to 150 m with
corners, 1.0 to 1.4 m/s, stops of 1 to 10 min, a fix every 5 s, AR(1) noise of 3 to 10 m an axis and
10 to 60 s, drawn for each worker. Scores of stops are by time: a second stood is a hit, a miss or a
false alarm; and by stop: one is found when it overlaps a true one by more than half of both
together. False signs are counted on ../shared/data's walks on real streets (480 honest rounds).

Run: python -m tests.bench.patrol.tracks [--quick]
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import gc
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.patrol import cleaning, rounds, stops, tampering, tracks, visits
from tests.bench.results import table

CRS = "EPSG:4551"
ORIGIN = np.array([500_000.0, 4_860_000.0])
START = pd.Timestamp("2026-10-01T00:00", tz="UTC")
WALKS = Path(__file__).parents[3].parent / "shared" / "data" / "patrol"
PLANTED = 0.2
"""Share of rounds into which each kind of sign is planted."""


@dataclass(frozen=True)
class Walks:
    """Simulated rounds: `fixes`, true `stops` (patrol, start_s, end_s), by patrol `length_m`,
    and the true places of the fixes, `xy` (n, 2)."""

    fixes: gpd.GeoDataFrame
    stops: pd.DataFrame
    length_m: pd.Series
    xy: np.ndarray
    noise: pd.DataFrame


def simulate(
    rng: np.random.Generator,
    *,
    n_workers: int,
    n_rounds: int,
    minutes: float = 40.0,
    every_s: float = 5.0,
    sigma_m: tuple[float, float] = (3.0, 10.0),
    tau_s: tuple[float, float] = (10.0, 60.0),
    walk_s: float = 240.0,
) -> Walks:
    """Rounds of workers, two a day, each worker on ground of its own."""
    parts, stood, lengths, places, noise = [], [], {}, [], []
    seconds = np.arange(0.0, minutes * 60 + 0.001, every_s)
    for worker in range(n_workers):
        sigma, tau = rng.uniform(*sigma_m), rng.uniform(*tau_s)
        noise.append((f"W{worker}", sigma, tau))
        base = ORIGIN + 2_000.0 * np.array([worker % 8, worker // 8])
        for number in range(n_rounds):
            code = f"W{worker}-{number}"
            at, xy, spans = _route(rng, minutes * 60.0, walk_s)
            place = base + np.column_stack([np.interp(seconds, at, xy[:, k]) for k in (0, 1)])
            error = ar1(rng, len(seconds), sigma, tau, every_s)
            lengths[code] = float(np.hypot(*np.diff(xy, axis=0).T).sum())
            stood += [(code, start, end) for start, end in spans]
            places.append(place)
            parts.append((code, worker, number, place + error))
    n = len(seconds)
    day = np.repeat([number // 2 for _, _, number, _ in parts], n)
    nth = np.repeat([number % 2 for _, _, number, _ in parts], n)
    since = day * 86_400 + nth * 21_600 + np.tile(seconds, len(parts))
    fixes = gpd.GeoDataFrame(
        {
            "patrol": pd.array(np.repeat([part[0] for part in parts], n), dtype="str"),
            "worker": pd.array(np.repeat([f"W{part[1]}" for part in parts], n), dtype="str"),
            "day": START.tz_localize(None) + pd.to_timedelta(day, unit="D"),
            "round": nth + 1,
            "at": START + pd.to_timedelta(since, unit="s"),
            "second": np.tile(seconds, len(parts)),
        },
        geometry=shapely.points(np.vstack([part[3] for part in parts])),
        crs=CRS,
    )
    return Walks(
        fixes,
        pd.DataFrame(stood, columns=["patrol", "start_s", "end_s"]),
        pd.Series(lengths, name="length_m"),
        np.vstack(places),
        pd.DataFrame(noise, columns=["worker", "sigma_m", "tau_s"]),
    )


def _route(
    rng: np.random.Generator, lasts_s: float, walk_s: float
) -> tuple[np.ndarray, np.ndarray, list[tuple[float, float]]]:
    """Times and corners of a walk, cut at its end, and when it stood."""
    at, xy, spans = [0.0], [np.zeros(2)], []
    heading, pace = rng.uniform(0, 2 * np.pi), rng.uniform(1.0, 1.4)
    until_stop = rng.exponential(walk_s)
    while at[-1] < lasts_s:
        leg = rng.uniform(40.0, 150.0) / pace
        while leg > 0 and at[-1] < lasts_s:
            took = min(leg, until_stop)
            at.append(at[-1] + took)
            xy.append(xy[-1] + pace * took * np.array([np.cos(heading), np.sin(heading)]))
            leg, until_stop = leg - took, until_stop - took
            if until_stop <= 0:
                stay = rng.uniform(60.0, 600.0)
                spans.append((at[-1], min(at[-1] + stay, lasts_s)))
                at.append(at[-1] + stay)
                xy.append(xy[-1])
                until_stop, pace = rng.exponential(walk_s) + 10.0, rng.uniform(1.0, 1.4)
        heading += rng.choice(
            [np.pi / 2, -np.pi / 2, np.pi, 0.6, -0.6], p=[0.35, 0.35, 0.1, 0.1, 0.1]
        )
    times, corners = np.array(at), np.array(xy)
    end = [np.interp(lasts_s, times, corners[:, k]) for k in (0, 1)]
    is_before = times < lasts_s
    spans = [(start, stop) for start, stop in spans if start < lasts_s]
    return (
        np.append(times[is_before], lasts_s),
        np.vstack([corners[is_before], end]),
        spans,
    )


def ar1(
    rng: np.random.Generator, n: int, sigma_m: float, tau_s: float, every_s: float
) -> np.ndarray:
    """First-order Gauss-Markov noise, (n, 2)."""
    from scipy.signal import lfilter  # noqa: PLC0415

    phi = np.exp(-every_s / tau_s)
    shocks = rng.normal(size=(n, 2)) * sigma_m * np.sqrt(1 - phi * phi)
    shocks[0] = rng.normal(size=2) * sigma_m
    return np.asarray(lfilter([1.0], [1.0, -phi], shocks, axis=0))


def best_of(k: int, work: Callable[[], Any]) -> tuple[float, Any]:
    """Least processor time of k runs, seconds, and the answer of the last."""
    least, answer = np.inf, None
    for _ in range(k):
        gc.collect()
        start = time.process_time()
        answer = work()
        least = min(least, time.process_time() - start)
    return least, answer


# --- stops -------------------------------------------------------------------------------------


def score_by_time(found: pd.DataFrame, true: pd.DataFrame, lasts_s: float) -> tuple[float, ...]:
    """(F1, precision, recall) of seconds stood; both have `patrol`, `start_s`, `end_s`."""
    n = int(lasts_s)
    codes = pd.Index(true["patrol"]).union(found["patrol"])

    def seconds_of(spans: pd.DataFrame) -> np.ndarray:
        edges = np.zeros((len(codes), n + 2), dtype=np.int32)
        row = codes.unique().get_indexer(spans["patrol"])
        np.add.at(edges, (row, spans["start_s"].round().astype(int).clip(0, n)), 1)
        np.add.at(edges, (row, spans["end_s"].round().astype(int).clip(0, n)), -1)
        return np.cumsum(edges, axis=1) > 0

    is_found, is_true = seconds_of(found), seconds_of(true)
    hits = (is_found & is_true).sum()
    precision, recall = hits / max(is_found.sum(), 1), hits / is_true.sum()
    return 2 * precision * recall / max(precision + recall, 1e-9), precision, recall


def score_by_stop(found: pd.DataFrame, true: pd.DataFrame) -> float:
    """F1 of stops: one is found when it overlaps a true one by more than half of both together."""
    pairs = found.merge(true, on="patrol", suffixes=("", "_true"))
    both = np.minimum(pairs["end_s"], pairs["end_s_true"]) - np.maximum(
        pairs["start_s"], pairs["start_s_true"]
    )
    either = np.maximum(pairs["end_s"], pairs["end_s_true"]) - np.minimum(
        pairs["start_s"], pairs["start_s_true"]
    )
    # more than half of the union: at most one partner each way
    return 2 * float((both > either / 2).sum()) / max(len(found) + len(true), 1)


def by_second(found: pd.DataFrame, fixes: gpd.GeoDataFrame) -> pd.DataFrame:
    """Stops with `started_at` and `ended_at` as seconds of their patrol."""
    begin = fixes.groupby("patrol")["at"].min()
    zero = begin.reindex(found["patrol"]).array
    return pd.DataFrame(
        {
            "patrol": found["patrol"].astype("str").array,
            "start_s": (pd.Series(found["started_at"].array) - zero).dt.total_seconds(),
            "end_s": (pd.Series(found["ended_at"].array) - zero).dt.total_seconds(),
        }
    )


def fixed_radius(fixes: gpd.GeoDataFrame, radius_m: float, least_s: float) -> pd.DataFrame:
    """The usual rule: fixes that stay within a radius of the first of them for a time."""
    found = []
    for code, track in fixes.groupby("patrol"):
        xy, t = shapely.get_coordinates(track.geometry.array), track["second"].to_numpy()
        i = 0
        while i < len(t):
            away = np.hypot(*(xy[i:] - xy[i]).T) > radius_m
            j = i + int(away.argmax()) if away.any() else len(t)
            if t[j - 1] - t[i] >= least_s:
                found.append((code, t[i], t[j - 1]))
                i = j
            else:
                i += 1
    return pd.DataFrame(found, columns=["patrol", "start_s", "end_s"])


def movingpandas_stops(fixes: gpd.GeoDataFrame, diameter_m: float) -> tuple[float, pd.DataFrame]:
    """(processor seconds of finding, stops with their places); building is not counted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import movingpandas as mpd  # noqa: PLC0415

        local = fixes[["patrol", "at", "geometry"]].copy()
        local["at"] = local["at"].dt.tz_localize(None)
        collection = mpd.TrajectoryCollection(local, "patrol", t="at")
        start = time.process_time()
        found = mpd.TrajectoryStopDetector(collection).get_stop_points(
            min_duration=pd.Timedelta(seconds=60), max_diameter=diameter_m
        )
        took = time.process_time() - start
    found = pd.DataFrame(
        {
            "patrol": found["traj_id"],
            "started_at": pd.to_datetime(found["start_time"]).dt.tz_localize("UTC"),
            "ended_at": pd.to_datetime(found["end_time"]).dt.tz_localize("UTC"),
        }
    )
    return took, by_second(found, fixes)


def trackintel_stops(fixes: gpd.GeoDataFrame, radius_m: float) -> tuple[float, pd.DataFrame]:
    """(processor seconds, stay points) with a patrol as a user."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import trackintel as ti  # noqa: PLC0415

        points = fixes[["patrol", "at", "geometry"]].rename(
            columns={"patrol": "user_id", "at": "tracked_at"}
        )
        local = ti.Positionfixes(points.set_geometry("geometry").to_crs("EPSG:4326"))
        start = time.process_time()
        _, found = local.generate_staypoints(
            dist_threshold=radius_m, time_threshold=1.0, gap_threshold=15, include_last=True
        )
        took = time.process_time() - start
    found = found.rename(columns={"user_id": "patrol", "finished_at": "ended_at"})
    return took, by_second(pd.DataFrame(found), fixes)


def compare_stops(is_quick: bool) -> str:
    walks = simulate(
        np.random.default_rng(11), n_workers=12 if is_quick else 48, n_rounds=30 if is_quick else 60
    )
    few = simulate(np.random.default_rng(12), n_workers=12, n_rounds=2 if is_quick else 4)
    stops.find_stops(few.fixes)

    def line(name: str, took: float, n: int, found: pd.DataFrame, true: pd.DataFrame) -> list[str]:
        f1, precision, recall = score_by_time(found, true, 2_400.0)
        by_stop = score_by_stop(found, true)
        return [
            name,
            f"{f1:.3f}",
            f"{precision:.3f} / {recall:.3f}",
            f"{by_stop:.3f}",
            f"{n / took:,.0f}" if took else "-",
        ]

    took, found_all = best_of(2, lambda: stops.find_stops(walks.fixes))
    ours = len(walks.fixes) / took
    lines = [
        line(
            "ours, noise fitted to each phone",
            took,
            len(walks.fixes),
            by_second(found_all, walks.fixes),
            walks.stops,
        )
    ]
    took, found = best_of(2, lambda: stops.find_stops(few.fixes))
    few_line = by_second(found, few.fixes)
    lines.append(line("ours, on the peers' share", took, len(few.fixes), few_line, few.stops))
    best = max(
        (
            fixed_radius(few.fixes, radius, least)
            for radius in (10, 15, 20, 25, 30, 40)
            for least in (45, 60, 90, 120)
        ),
        key=lambda rows: score_by_time(rows, few.stops, 2_400.0)[0],
    )
    lines.append(line("fixed radius, best of 24 settings in hindsight", 0.0, 1, best, few.stops))
    peers = {
        "movingpandas": (movingpandas_stops, (30, 50, 70)),
        "trackintel": (trackintel_stops, (15, 25, 35)),
    }
    speeds = {}
    for name, (work, sizes) in peers.items():
        runs = [work(few.fixes, size) for size in sizes]
        k = int(np.argmax([score_by_time(run[1], few.stops, 2_400.0)[0] for run in runs]))
        speeds[name] = len(few.fixes) / runs[k][0]
        lines.append(
            line(
                f"{name}, best of {sizes} m in hindsight",
                runs[k][0],
                len(few.fixes),
                runs[k][1],
                few.stops,
            )
        )
    heads = ["stops", "F1 by time", "precision / recall", "F1 by stop", "fixes/s"]
    said = table(heads, lines)
    seconds = by_second(found_all, walks.fixes)
    f1 = min(score_by_time(seconds, walks.stops, 2_400.0)[0], score_by_stop(seconds, walks.stops))
    said += f"\n\nF1, the lower of the two ways: {f1:.3f}, target .90: {verdict(f1 >= 0.9)}. "
    for name, speed in speeds.items():
        wanted = "; target 30: " + verdict(ours >= 30 * speed) if name == "movingpandas" else ""
        said += f"{ours / speed:,.0f} times {name}{wanted}. "
    return said + f"{len(walks.fixes):,} fixes; the peers saw {len(few.fixes):,}."


def verdict(is_met: bool) -> str:
    return "met" if is_met else "**missed**"


# --- lengths, cleaning, visits --------------------------------------------------------------------


def compare_lengths(is_quick: bool) -> str:
    walks = simulate(np.random.default_rng(21), n_workers=24 if is_quick else 48, n_rounds=10)
    rounds.walked_length_m(walks.fixes.iloc[:100])
    took, found = best_of(2, lambda: rounds.walked_length_m(walks.fixes))
    found = found.set_index("patrol")
    lines, errors = [], {}
    for name, column in (("walked_m", "walked_m"), ("line through the fixes", "raw_m")):
        ratio = found[column] / walks.length_m - 1
        total = found[column].sum() / walks.length_m.sum() - 1
        errors[name] = ratio.abs().mean()
        lines.append(
            [
                name,
                f"{total:+.1%}",
                f"{ratio.abs().mean():.1%}",
                f"{ratio.abs().median():.1%}",
                f"{ratio.abs().quantile(0.95):.1%}",
            ]
        )
    heads = ["length", "all rounds", "mean error of a round", "median", "95%"]
    return (
        table(heads, lines)
        + f"\n\nMean error of a round {errors['walked_m']:.1%}, target 3%: "
        + verdict(errors["walked_m"] <= 0.03)
        + f". {len(walks.fixes) / took:,.0f} fixes/s with the noise fitted."
    )


OTHERS: dict[str, dict[str, Any]] = {
    "a fix every second": {"every_s": 1.0},
    "a fix every 10 s": {"every_s": 10.0},
    "a fix every 30 s": {"every_s": 30.0},
    "noise of 1 to 2 m": {"sigma_m": (1.0, 2.0)},
    "noise of 10 to 15 m": {"sigma_m": (10.0, 15.0)},
    "noise nearly white (1 to 3 s)": {"tau_s": (1.0, 3.0)},
    "noise that stays (2 to 5 min)": {"tau_s": (120.0, 300.0)},
    "stops after 20 min of walking": {"walk_s": 1_200.0},
    "stops after 1 min of walking": {"walk_s": 60.0},
}
"""Walks unlike those that the model's constants were chosen on."""


def measure_others(is_quick: bool) -> str:
    lines = []
    for name, options in OTHERS.items():
        n = 4 if is_quick else 12
        walks = simulate(np.random.default_rng(71), n_workers=n, n_rounds=4, **options)
        noise = stops.estimate_noise(walks.fixes)
        found = by_second(stops.find_stops(walks.fixes, noise=noise), walks.fixes)
        walked = rounds.walked_length_m(walks.fixes, noise=noise).set_index("patrol")["walked_m"]
        off = (walked / walks.length_m - 1).abs().mean()
        flagged = tampering.tamper_signs(walks.fixes)["patrol"].nunique()
        lines.append(
            [
                name,
                f"{score_by_time(found, walks.stops, 2_400.0)[0]:.3f}",
                f"{score_by_stop(found, walks.stops):.3f}",
                f"{walked.sum() / walks.length_m.sum() - 1:+.1%}",
                f"{off:.1%}",
                f"{flagged} of {4 * n}",
            ]
        )
    heads = ["other walks", "F1 by time", "F1 by stop", "length, all", "a round", "false signs"]
    return table(heads, lines)


def measure_cleaning(is_quick: bool) -> str:
    walks = simulate(np.random.default_rng(31), n_workers=48, n_rounds=10 if is_quick else 60)
    fixes = walks.fixes.drop(columns="second")
    shuffled = fixes.sample(frac=1.0, random_state=1)
    cleaning.judge(fixes.iloc[:100])
    lines = []
    for name, frame in (("in order", fixes), ("shuffled", shuffled)):
        took, judged = best_of(3, lambda frame=frame: cleaning.judge(frame))
        report = cleaning.clean_report(judged)
        lines.append(
            [
                name,
                f"{len(frame):,}",
                f"{len(frame) / took:,.0f}",
                verdict(len(frame) / took >= 1e6),
                int(report["n"].sum()) == len(frame),
            ]
        )
    took, _ = best_of(3, lambda: tracks.clean(fixes))
    lines.append(
        [
            "`tracks.clean`, in order",
            f"{len(fixes):,}",
            f"{len(fixes) / took:,.0f}",
            verdict(len(fixes) / took >= 1e6),
            "-",
        ]
    )
    return table(["cleaning", "fixes", "fixes/s", "target 1 M/s", "kept + left out = read"], lines)


def measure_visits(is_quick: bool) -> str:
    walks = simulate(np.random.default_rng(41), n_workers=24, n_rounds=4)
    rng = np.random.default_rng(42)
    worker = rng.integers(len(walks.xy), size=2_000 if is_quick else 10_000)
    places = gpd.GeoDataFrame(
        geometry=shapely.points(walks.xy[worker] + rng.normal(scale=25.0, size=(len(worker), 2))),
        crs=CRS,
    )
    noise = stops.estimate_noise(walks.fixes)
    visits.passed_places(places.iloc[:5], walks.fixes.iloc[:50])
    took, found = best_of(1, lambda: visits.passed_places(places, walks.fixes, noise=noise))
    code = walks.fixes["patrol"].to_numpy()
    start = np.flatnonzero(code[1:] == code[:-1])
    lines = shapely.linestrings(np.stack([walks.xy[start], walks.xy[start + 1]], axis=1))
    near, _ = shapely.STRtree(lines).query(
        places.geometry.to_numpy(), predicate="dwithin", distance=visits.REACH_M
    )
    is_passed = np.zeros(len(places), dtype=bool)
    is_passed[near] = True
    p, said = found["probability"].to_numpy(), found["verdict"].to_numpy()
    tenth = np.minimum((p * 10).astype(int), 9)
    off = [
        abs(is_passed[tenth == k].mean() - p[tenth == k].mean()) * (tenth == k).mean()
        for k in range(10)
        if (tenth == k).any()
    ]
    decided = said != "cannot_tell"
    right = np.where(said == "covered", is_passed, ~is_passed)[decided].mean()
    row = [
        f"{sum(off):.3f}",
        verdict(sum(off) <= 0.03),
        f"{decided.mean():.1%}",
        f"{right:.1%}",
        f"{len(walks.fixes) / took:,.0f}",
    ]
    heads = ["calibration error", "target .03", "decided", "of it right", "fixes/s"]
    return table(["places passed", *heads], [["within 20 m", *row]])


# --- tampering ------------------------------------------------------------------------------------


def honest_rounds() -> tuple[str, gpd.GeoDataFrame]:
    """480 honest rounds: the shared walks on real streets, our own where those are absent."""
    path = WALKS / "sim_streets_fixes.parquet"
    if not path.exists():
        print("SKIPPED: ../shared/data is absent; our own walks stand in for those on real streets")
        walks = simulate(np.random.default_rng(51), n_workers=48, n_rounds=10)
        return "our own walks", walks.fixes
    fixes = pd.read_parquet(path)
    truth = pd.read_parquet(
        WALKS / "sim_streets_truth.parquet", columns=["patrol", "grid", "day", "round"]
    )
    heads = truth.groupby("patrol").first().loc[fixes["patrol"]]
    since = heads["day"] * 86_400 + heads["round"] * 21_600 + fixes["second"].to_numpy()
    frame = gpd.GeoDataFrame(
        {
            "patrol": pd.array(("P" + fixes["patrol"].astype(str)).to_numpy(), dtype="str"),
            "worker": pd.array(heads["grid"].to_numpy(), dtype="str"),
            "day": START.tz_localize(None) + pd.to_timedelta(heads["day"].to_numpy(), unit="D"),
            "round": heads["round"].to_numpy() + 1,
            "at": START + pd.to_timedelta(since.to_numpy(), unit="s"),
        },
        geometry=gpd.points_from_xy(fixes["lon"], fixes["lat"], crs="EPSG:4326").to_crs(3879),
    )
    return "walks on real streets", frame


def plant(
    fixes: gpd.GeoDataFrame, sign: str, rng: np.random.Generator
) -> tuple[gpd.GeoDataFrame, set[str]]:
    """The fixes with one kind of sign in a share of the rounds, and the codes of those."""
    planted = fixes.assign(is_mock=False).reset_index(drop=True)
    codes = planted["patrol"].unique()
    chosen = rng.choice(codes, int(PLANTED * len(codes)), replace=False)
    rows = planted.groupby("patrol").indices
    xy = shapely.get_coordinates(planted.geometry.array)
    extra = []
    for number, code in enumerate(chosen):
        where = rows[code]
        n = len(where)
        if sign == "mock":
            share = rng.choice([0.02, 0.2, 1.0])
            planted.loc[where[: max(1, int(share * n))], "is_mock"] = True
        elif sign == "teleport":
            lasts = 1 if number % 4 == 0 else int(rng.integers(2, n // 2))
            start = int(rng.integers(1, n - lasts - 1))
            away = rng.uniform(400.0 if lasts == 1 else 150.0, 3_000.0)
            turn = rng.uniform(0, 2 * np.pi)
            xy[where[start : start + lasts]] += away * np.array([np.cos(turn), np.sin(turn)])
        elif sign == "replay":
            begin = int(rng.integers(0, n // 2))
            part = where[begin : begin + n // 2] if number % 2 else where
            copy = planted.loc[part].copy()
            moved = xy[part]
            if number % 3 == 1:
                moved = moved + rng.normal(scale=0.4, size=moved.shape)
            elif number % 3 == 2:
                moved = moved + rng.uniform(-30.0, 30.0, size=2)
            copy["geometry"] = shapely.points(moved)
            copy["at"] += pd.Timedelta(
                days=int(rng.integers(1, 30)), seconds=int(rng.integers(7_200))
            )
            copy["patrol"] = f"{code}-again"
            if rng.random() < 0.5:
                copy["worker"] = "another"
            extra.append(copy)
    planted["geometry"] = shapely.points(xy)
    if extra:
        planted = pd.concat([planted, *extra], ignore_index=True)
    return planted, {f"{code}-again" for code in chosen} if sign == "replay" else set(chosen)


def measure_tampering(is_quick: bool) -> str:
    name, honest = honest_rounds()
    tampering.tamper_signs(honest.iloc[:100])
    took, signs = best_of(1, lambda: tampering.tamper_signs(honest))
    n_rounds = honest["patrol"].nunique()
    flagged = signs["patrol"].nunique() / n_rounds
    lines = [
        ["none", name, "-", f"{signs['patrol'].nunique()} of {n_rounds}", verdict(flagged <= 0.01)]
    ]
    for sign in ("teleport", "replay", "mock"):
        planted, codes = plant(honest, sign, np.random.default_rng(61))
        signs = tampering.tamper_signs(planted)
        hit = set(signs.loc[signs["sign"] == sign, "patrol"]) & codes
        involved = codes | {code.removesuffix("-again") for code in codes}
        if sign == "teleport":
            others = signs[~signs["patrol"].isin(involved)]
        else:
            others = signs[~signs["patrol"].isin(involved) | (signs["sign"] != sign)]
        recall = len(hit) / len(codes)
        lines.append(
            [
                sign,
                f"{len(codes)} rounds",
                f"{recall:.3f}",
                f"{others['patrol'].nunique()} of {n_rounds}",
                verdict(recall >= 0.99),
            ]
        )
    said = table(["planted", "in", "recall (target .99)", "rounds flagged falsely (1%)", ""], lines)
    return said + f"\n\n{len(honest) / took:,.0f} fixes/s; all kinds of signs looked for at once."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    is_quick = parser.parse_args().quick
    for work in (
        measure_cleaning,
        compare_stops,
        compare_lengths,
        measure_others,
        measure_visits,
        measure_tampering,
    ):
        print(work(is_quick), flush=True)
        print()


if __name__ == "__main__":
    main()

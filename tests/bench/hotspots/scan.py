# ruff: noqa: E402 - threads are set before NumPy starts
"""Scans, Knox bands and repeat alarms: SaTScan's and pointpats' answers, speed, false alarms.

Run: python -m tests.bench.hotspots.scan [--quick]

Processor seconds of one thread after compilation: ours best of several, pointpats' once. False
alarms: maps where nothing is hot by construction, the share with any find at 5%.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import libpysal
import numpy as np
import pandas as pd
from pointpats import Knox, SpaceTimeEvents

from geo.hotspots.scans.near_repeat import near_repeat
from geo.hotspots.scans.permutation_scan import permutation_scan
from geo.hotspots.scans.repeats import repeat_alarms
from geo.hotspots.scans.scan import Scan, poisson_scan
from tests.bench.results import table

LEUKAEMIA = Path(__file__).resolve().parents[3] / "../shared/data/ny_leukaemia.csv"
SATSCAN = (14.083511, 9.019716, 6.114140, 4.651839, 3.363518, 3.209485)
SCAN_TARGET_S = 1.5
"""9,999 replicates on the New York data."""
ALARM_TARGET = 0.05
REACHES = ((200.0, 14), (300.0, 30), (500.0, 30))
"""Largest radius, metres, and length, days, of the permutation scan."""
ALIVE_TARGET_S = 10.0
"""What we take "a few seconds" to be; the issue gives no number."""
NOW = pd.Timestamp("2026-06-30 12:00", tz="UTC")

Line = tuple[str, str, str, str, str]


def best_cpu_s(work: Callable[[], Any], *, times: int) -> tuple[float, Any]:
    """Least processor seconds of several runs, and the last answer."""
    best, answer = math.inf, None
    for _ in range(times):
        clock = time.process_time()
        answer = work()
        best = min(best, time.process_time() - clock)
    return best, answer


def compile_all() -> None:
    """Runs every function once on a few points."""
    x, y, day = blobs(60, np.random.default_rng(0), days=20)
    poisson_scan(x, y, np.ones(60, dtype=np.int64), np.ones(60), seed=1, n_replicates=9)
    permutation_scan(x, y, day, today=19, max_radius_m=500.0, max_days=5, seed=1, n_replicates=9)
    near_repeat(x, y, day, distances_m=[500], days=[5], seed=1, n_permutations=9)
    repeats_null(np.random.default_rng(0))


def said(is_met: bool) -> str:
    return "met" if is_met else "MISSED"


def satscan(times: int) -> Iterator[Line]:
    """The New York data: SaTScan 9.6's ratios, and 9,999 replicates."""
    if not LEUKAEMIA.exists():
        print(f"!! {LEUKAEMIA.name} is not there: SaTScan's answers were not compared")
        return
    tracts = pd.read_csv(LEUKAEMIA)

    def work() -> Scan:
        return poisson_scan(
            tracts["lon"].to_numpy(),
            tracts["lat"].to_numpy(),
            tracts["cases"].to_numpy(),
            tracts["population"].to_numpy(),
            seed=1,
            n_replicates=9_999,
        )

    seconds, found = best_cpu_s(work, times=times)
    ratios = found.clusters["log_likelihood_ratio"].to_list()
    for k, published in enumerate(SATSCAN):
        is_same = f"{ratios[k]:.6f}" == f"{published:.6f}"
        p = found.clusters["p"].iloc[k]
        what = f"New York leukaemia, cluster {k + 1} (p {p:.4f}): log likelihood ratio"
        yield what, f"{ratios[k]:.6f}", f"SaTScan 9.6: {published:.6f}", "equal", said(is_same)
    yield (
        "Poisson scan of it, 281 places, 9,999 replicates, s",
        f"{seconds:.2f}",
        "",
        f"<= {SCAN_TARGET_S}",
        said(seconds <= SCAN_TARGET_S),
    )


def lattice(times: int) -> Iterator[Line]:
    """10,000 cells of uneven population with one planted cluster."""
    rng = np.random.default_rng(1)
    row, col = np.divmod(np.arange(10_000), 100)
    people = rng.gamma(1.0, 20.0, 10_000).round()
    cases = rng.multinomial(5_000, people / people.sum())
    is_planted = (abs(row - 40) <= 2) & (abs(col - 30) <= 2) & (people > 0)
    cases[is_planted] += 3
    seconds, found = best_cpu_s(
        lambda: poisson_scan(
            col * 50.0, row * 50.0, cases, people, seed=1, max_radius_m=300.0, n_replicates=999
        ),
        times=times,
    )
    first = found.clusters.iloc[0]
    share = is_planted[first["members"]].sum() / is_planted.sum()
    yield (
        "Poisson scan of 10,000 cells, radius 300 m, 999 replicates, s "
        f"(planted: p {first['p']:.3f}, {share:.0%} of its cells)",
        f"{seconds:.2f}",
        "",
        "<= 2",
        said(seconds <= 2.0 and bool(first["is_significant"])),
    )


def blobs(n: int, rng: np.random.Generator, *, days: int) -> tuple[np.ndarray, ...]:
    """Incidents around 60 spots of 2 km by 2 km, and days that say nothing of places."""
    spots = rng.uniform(0, 2000, (60, 2))
    xy = spots[rng.integers(0, 60, n)] + rng.normal(0, 120, (n, 2))
    return xy[:, 0], xy[:, 1], rng.integers(0, days, n)


def alive(times: int, reaches: Sequence[tuple[float, int]]) -> Iterator[Line]:
    """5,000 cases of a year, with a fresh cluster of ten."""
    x, y, day = blobs(5_000, np.random.default_rng(5), days=365)
    x[:10], y[:10], day[:10] = x[0], y[0], 364
    for radius_m, length in reaches:
        seconds, found = best_cpu_s(
            lambda radius_m=radius_m, length=length: permutation_scan(
                x, y, day, today=364, max_radius_m=radius_m, max_days=length, seed=1
            ),
            times=times,
        )
        first = found.clusters.iloc[0]
        is_found = set(range(10)) <= set(first["members"].tolist()) and bool(first["is_alarm"])
        yield (
            f"permutation scan, 5,000 cases, 365 days, {radius_m:.0f} m x {length} days, "
            f"999 replicates, s (planted: p {first['p']:.3f})",
            f"{seconds:.2f}",
            "",
            f"<= {ALIVE_TARGET_S:.0f}, found",
            said(seconds <= ALIVE_TARGET_S and is_found),
        )


def knox(times: int) -> Iterator[Line]:
    """pointpats' Knox: counts and p on its Burkitt data; speed on 5,000 incidents."""
    events = SpaceTimeEvents(libpysal.examples.get_path("burkitt.shp"), "T")
    x, y = events.x.ravel(), events.y.ravel()
    day = events.t.ravel().astype(np.int64)
    cases = {
        "Burkitt, 188 cases, 20 km x 5 days, 999 permutations": (x, y, day, 20.0, 5, 999),
        "5,000 incidents, 100 m x 7 days, 99 permutations": (
            *blobs(5_000, np.random.default_rng(5), days=365), 100.0, 7, 99,
        ),
    }  # fmt: skip
    Knox(np.column_stack([x, y]), day.reshape(-1, 1), delta=20.0, tau=5, permutations=9)
    for name, (east, north, days, near_m, soon, n) in cases.items():
        ours_s, ours = best_cpu_s(
            lambda a=(east, north, days), near_m=near_m, soon=soon, n=n: near_repeat(
                *a, distances_m=[near_m], days=[soon], seed=1, n_permutations=n
            ).iloc[0],
            times=times,
        )
        clock = time.process_time()
        peer = Knox(
            np.column_stack([east, north]), days.reshape(-1, 1), delta=near_m, tau=soon,
            permutations=n,
        )  # fmt: skip
        peer_s = time.process_time() - clock
        # both p are shares of n permutations: 4 standard errors of their difference
        margin = 4 * math.sqrt(2 * ours["p"] * (1 - ours["p"]) / n) + 2 / n
        is_same = ours["pairs"] == peer.statistic_ and abs(ours["p"] - peer.p_sim) <= margin
        yield (
            f"Knox, {name}: pairs, p, s",
            f"{ours['pairs']}, {ours['p']:.3f}, {ours_s:.3f}",
            f"pointpats: {peer.statistic_}, {peer.p_sim:.3f}, {peer_s:.3f} "
            f"({peer_s / ours_s:.0f} times ours)",
            "equal",
            said(bool(is_same)),
        )


def false_alarms(n_maps: int) -> Iterator[Line]:
    """Share of maps with a find where there is nothing to find."""
    margin = 2.0 * math.sqrt(ALARM_TARGET * (1 - ALARM_TARGET) / n_maps)
    for name, is_found in NULLS.items():
        share = float(np.mean([is_found(np.random.default_rng([7, k])) for k in range(n_maps)]))
        yield (
            f"false alarms, {name}: share of {n_maps} maps",
            f"{share:.3f}",
            "",
            f"<= {ALARM_TARGET} (+ {margin:.3f})",
            said(share <= ALARM_TARGET + margin),
        )


def poisson_null(rng: np.random.Generator, *, shape: float, n_cases: int) -> bool:
    row, col = np.divmod(np.arange(900), 30)
    people = rng.gamma(shape, 20.0, 900) if math.isfinite(shape) else np.ones(900)
    found = poisson_scan(
        col * 50.0, row * 50.0, rng.multinomial(n_cases, people / people.sum()), people,
        seed=int(rng.integers(2**31)), max_radius_m=300.0, n_replicates=199,
    )  # fmt: skip
    return bool(found.clusters["is_significant"].any())


def alive_null(rng: np.random.Generator) -> bool:
    x, y, day = blobs(300, rng, days=120)
    found = permutation_scan(
        x, y, day, today=119, max_radius_m=300.0, max_days=14, seed=int(rng.integers(2**31)),
        n_replicates=199, min_recurrence_days=20.0,
    )  # fmt: skip
    return bool(found.clusters["is_alarm"].any())


def knox_null(rng: np.random.Generator) -> bool:
    found = near_repeat(
        *blobs(300, rng, days=120), distances_m=[50, 100, 200, 400], days=[3, 7, 14, 28],
        seed=int(rng.integers(2**31)), n_permutations=199,
    )  # fmt: skip
    return bool(found["is_significant"].any())


def repeats_null(rng: np.random.Generator) -> bool:
    n = 2_000
    busy = rng.gamma(0.5, 1.0, 400)
    incidents = gpd.GeoDataFrame(
        {
            "incident": np.arange(n).astype(str),
            "category": rng.choice(["A", "B", "C"], n),
            "reported_at": NOW - pd.to_timedelta(rng.uniform(0, 395, n), unit="D"),
            "building": rng.choice(400, n, p=busy / busy.sum()).astype(str),
        },
        geometry=np.full(n, None),
        crs="EPSG:4551",
    )
    return len(repeat_alarms(incidents, window_days=30, now=NOW, place="building").alarms) > 0


NULLS: dict[str, Callable[[np.random.Generator], bool]] = {
    "Poisson scan, 900 cells, even people, 0.05 a cell": lambda rng: poisson_null(
        rng, shape=math.inf, n_cases=45
    ),
    "Poisson scan, 900 cells, uneven people, 1 a cell": lambda rng: poisson_null(
        rng, shape=0.5, n_cases=900
    ),
    "permutation scan, 300 cases": alive_null,
    "Knox, any of 16 bands, 300 cases": knox_null,
    "repeat alarms, 400 uneven buildings, 3 categories": repeats_null,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    is_quick = parser.parse_args().quick
    times = 1 if is_quick else 3
    compile_all()
    with warnings.catch_warnings():
        # what pointpats and libpysal say of their own use of pandas
        warnings.simplefilter("ignore")
        lines = [
            *satscan(times),
            *lattice(times),
            *alive(times, REACHES[1:2] if is_quick else REACHES),
            *knox(times),
            *false_alarms(60 if is_quick else 400),
        ]
    print(table(["what", "ours", "peer", "target", ""], lines))


if __name__ == "__main__":
    main()

"""Coverage by the matcher, scored by length against buffers and the nearest piece.

Run: python -m tests.bench.patrol.matching [--quick]. Simulated walks with known truth from
../shared/data/patrol; workers 01, 03, 05 ... are scored. The settings of the movement and the two
numbers of the calibration were chosen with all these walks in sight (fitted on either half of the
workers they score alike on the other: F1 .916 and .915, calibration error .008 and .011), so that
walks nobody has seen may score a little lower. `--quick`: one in four workers.
"""

# ruff: noqa: E402 - threads are set before numpy is loaded

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely

from geo.patrol.coverage import COVERED_FROM, MISSED_TO
from geo.patrol.matching import Matched, Motion, corridors, match
from geo.patrol.matching.calibration import calibrated
from geo.patrol.pieces import cut_pieces
from geo.patrol.reach import covered_lengths
from geo.patrol.tracks import segments
from tests.bench.results import table

DATA = Path(__file__).parents[3] / "../shared/data/patrol"
CORRIDOR_M = 12.0
"""Two standard deviations of 6 m."""

Array = npt.NDArray[Any]


def main(quick: bool) -> None:
    """Prints the tables."""
    if not DATA.exists():
        print(f"SKIPPED: no walks at {DATA}")
        return
    every = 4 if quick else 2
    streets = _walks("sim_streets", every=every)
    _warm(*streets[:2])
    # First, so that the peak of memory is its own.
    print("\n### Speed and memory, one thread\n")
    print(_table_of_speed(streets[0], streets[1], quick=quick))
    print("\n### Missed streets, simulated walks, noise unknown, half of the workers\n")
    print(_table_of_methods(*streets))
    print("\n### With mapped sidewalks, by corridors of 12 m\n")
    print(_table_of_corridors(*_walks("sim_streets_and_sidewalks", every=every)))
    print("\n### Length of a round, walks simulated here on the same streets\n")
    print(_table_of_lengths(streets[0], n_rounds=48 if quick else 192))
    print(
        "\n### Real phones in cars, Montreal; settings chosen on drives 1, 2 and 4, not left out\n"
    )
    print(_table_of_cars(1 if quick else 8))


def _walks(name: str, *, every: int) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, pd.DataFrame]:
    """Pieces, fixes and truth (with `row` of the pieces) of the workers that are scored."""
    found = pd.read_parquet(DATA / f"{name}_pieces.parquet")
    pieces = gpd.GeoDataFrame(
        {
            "piece": found["grid"] + "-" + found["piece"].astype("str"),
            "grid": found["grid"],
            "length_m": found["length_m"].astype("float64"),
        },
        geometry=shapely.from_wkb(found["geometry"].to_numpy()),
        crs="EPSG:3879",
    )
    truth = pd.read_parquet(DATA / f"{name}_truth.parquet")
    truth = truth[truth["grid"].astype("int64") % every == 1]
    codes = truth["grid"] + "-" + truth["piece"].astype("str")
    truth = truth.assign(row=pd.Index(pieces["piece"]).get_indexer(codes))
    fixes = pd.read_parquet(DATA / f"{name}_fixes.parquet")
    grid = truth.drop_duplicates("patrol").set_index("patrol")["grid"]
    fixes = fixes[fixes["patrol"].isin(grid.index)]
    to_metres = pyproj.Transformer.from_crs(4326, 3879, always_xy=True).transform
    x, y = to_metres(fixes["lon"].to_numpy(), fixes["lat"].to_numpy())
    seconds = pd.to_timedelta(fixes["second"].to_numpy(), unit="s")
    tracks = gpd.GeoDataFrame(
        {
            "patrol": fixes["patrol"].to_numpy(),
            "worker": fixes["patrol"].map(grid).to_numpy(),
            "grid": fixes["patrol"].map(grid).to_numpy(),
            "day": pd.Timestamp("2026-10-01"),
            "round": 1,
            "at": pd.Timestamp("2026-10-01T00:00Z") + seconds,
        },
        geometry=shapely.points(x, y),
        crs="EPSG:3879",
    )
    tracks["patrol"] = tracks["patrol"].map("{:04d}".format)
    return pieces, tracks, truth.assign(patrol=truth["patrol"].map("{:04d}".format))


def _warm(pieces: gpd.GeoDataFrame, tracks: gpd.GeoDataFrame) -> None:
    match(pieces, tracks.iloc[:200])
    _within(pieces, tracks.iloc[:200], 5.0)


def _table_of_methods(
    pieces: gpd.GeoDataFrame, tracks: gpd.GeoDataFrame, truth: pd.DataFrame
) -> str:
    walked = truth["walked"].to_numpy()
    length = pieces["length_m"].to_numpy()[truth["row"]]
    nowhere = tracks.drop(columns="grid")
    methods: dict[str, Callable[[], Array]] = {
        "matcher, grid known": lambda: _chances(match(pieces, tracks), pieces, truth),
        "matcher, all streets": lambda: _chances(match(pieces, nowhere), pieces, truth),
        **{
            f"within {reach:.0f} m": lambda reach=reach: _looked_up(
                _within(pieces, tracks, reach), pieces, truth
            )
            for reach in (5.0, 10.0, 20.0)
        },
        "nearest piece": lambda: _looked_up(_nearest(pieces, tracks), pieces, truth),
    }
    lines = []
    for name, method in methods.items():
        began = time.process_time()
        chance = method()
        spent = time.process_time() - began
        lines.append([name, *_scores(chance, walked, length), f"{len(tracks) / spent:,.0f}"])
    target = ["target", ">= .90", "", "", "<= .030", ">= 80%", ">= 99.5%", ">= 200,000"]
    return table([*_HEADS, "fixes/s"], [target, *lines])


_HEADS = ["method", "missed F1", "precision", "recall", "ECE", "decided", "of it right"]


def _scores(chance: Array, walked: Array, length: Array) -> list[str]:
    """F1, precision and recall of "not walked", calibration error, three states; by length."""
    missed = chance < 0.5
    hit = length[missed & ~walked].sum()
    precision, recall = hit / max(length[missed].sum(), 1e-9), hit / length[~walked].sum()
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    tenth = np.minimum((chance * 10).astype(int), 9)
    gaps = np.bincount(tenth, weights=length * (chance - walked))
    decided = (chance >= COVERED_FROM) | (chance <= MISSED_TO)
    right = length[decided & (missed != walked)].sum() / max(length[decided].sum(), 1e-9)
    return [
        f"{f1:.3f}", f"{precision:.3f}", f"{recall:.3f}",
        f"{np.abs(gaps).sum() / length.sum():.3f}",
        f"{length[decided].sum() / length.sum():.1%}", f"{right:.2%}",
    ]  # fmt: skip


def _chances(matched: Matched, pieces: gpd.GeoDataFrame, truth: pd.DataFrame) -> Array:
    """Calibrated chance of each row of the truth."""
    found = matched.walked.set_index(["patrol", "piece"])["probability"]
    keys = [truth["patrol"].to_numpy(), pieces["piece"].to_numpy()[truth["row"]]]
    share = found.reindex(pd.MultiIndex.from_arrays(keys)).fillna(0.0).to_numpy()
    return calibrated(share)


def _looked_up(pairs: pd.MultiIndex, pieces: gpd.GeoDataFrame, truth: pd.DataFrame) -> Array:
    keys = pd.MultiIndex.from_arrays([truth["patrol"].to_numpy(), truth["row"].to_numpy()])
    return keys.isin(pairs).astype("float64")


def _within(pieces: gpd.GeoDataFrame, tracks: gpd.GeoDataFrame, reach_m: float) -> pd.MultiIndex:
    """(patrol, piece) where half of the piece or more lies within reach of the track."""
    stretches = segments(tracks)
    ends = shapely.get_coordinates(pieces.geometry.array).reshape(-1, 4)
    patrol, piece, metres = covered_lengths(
        ends, stretches.ends, stretches.patrol, reaches_m=[reach_m]
    )
    half = metres[:, 0] >= 0.5 * pieces["length_m"].to_numpy()[piece]
    names = stretches.patrols["patrol"].to_numpy()[patrol[half]]
    return pd.MultiIndex.from_arrays([names, piece[half]])


def _nearest(pieces: gpd.GeoDataFrame, tracks: gpd.GeoDataFrame) -> pd.MultiIndex:
    """(patrol, piece) of the piece of the patrol's grid nearest to each fix."""
    found = []
    for grid, fixes in tracks.groupby("grid"):
        own = np.flatnonzero((pieces["grid"] == grid).to_numpy())
        tree = shapely.STRtree(pieces.geometry.to_numpy()[own])
        nearest = own[tree.nearest(fixes.geometry.to_numpy())]
        found.append(pd.DataFrame({"patrol": fixes["patrol"].to_numpy(), "row": nearest}))
    return pd.MultiIndex.from_frame(pd.concat(found).drop_duplicates())


def _table_of_corridors(
    pieces: gpd.GeoDataFrame, tracks: gpd.GeoDataFrame, truth: pd.DataFrame
) -> str:
    labels = corridors(pieces, within_m=CORRIDOR_M)
    corridor = truth.assign(corridor=labels[truth["row"]])
    walked = corridor.groupby(["patrol", "corridor"])["walked"].max()
    length = pieces["length_m"].to_numpy()[walked.index.get_level_values("corridor")]
    every = pieces["length_m"].to_numpy()[truth["row"]]
    lines = []
    for name, fixes in (
        ("matcher, grid known", tracks),
        ("matcher, all streets", tracks.drop(columns="grid")),
    ):
        matched = match(pieces, fixes)
        ways = _scores(_chances(matched, pieces, truth), truth["walked"].to_numpy(), every)
        lines.append([f"{name}, each way by itself", *ways])
        found = matched.by_corridor(pieces, labels).set_index(["patrol", "corridor"])
        share = found["probability"].reindex(walked.index).fillna(0.0).to_numpy()
        lines.append([f"{name}, corridors", *_scores(calibrated(share), walked.to_numpy(), length)])
    return table(_HEADS, [["target, corridors", ">= .85", *[""] * 5], *lines])


def _table_of_speed(pieces: gpd.GeoDataFrame, tracks: gpd.GeoDataFrame, *, quick: bool) -> str:
    """The walks repeated as further days of the same workers; noise estimated once a worker."""
    n_times = 2 if quick else 12
    days = [tracks.assign(patrol=tracks["patrol"] + f"-{k:02d}") for k in range(n_times)]
    month = pd.concat(days, ignore_index=True)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    spent = []
    for _ in range(2):
        began = time.process_time()
        match(pieces, month)
        spent.append(time.process_time() - began)
    added = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    rate = len(month) / min(spent)
    return table(
        ["fixes", "s", "fixes/s", "a month of 1,382,400 s", "added MB"],
        [
            ["target", "", ">= 200,000", "<= 7", "<= 100"],
            [
                f"{len(month):,}", f"{min(spent):.1f}", f"{rate:,.0f}",
                f"{1_382_400 / rate:.1f}", f"{added:.0f}",
            ],
        ],
    )  # fmt: skip


def _table_of_lengths(pieces: gpd.GeoDataFrame, *, n_rounds: int) -> str:
    """Random rounds of 40 minutes whose length is known, against the matcher and the raw track.

    They turn, stop and pace as the matcher expects them to, other walks need not.
    """
    rng = np.random.default_rng(5)
    tracks, true_m = [], []
    grids = pieces["grid"].unique()
    for k in range(n_rounds):
        grid = grids[k // 4 % len(grids)]
        xy, length_m = _round(pieces[pieces["grid"] == grid], rng)
        sigma, tau = rng.uniform(3, 10), rng.uniform(10, 60)
        tracks.append(_tracks(xy + _noise(len(xy), sigma, tau, rng), f"{k:04d}", grid))
        true_m.append(length_m)
    fixes = pd.concat(tracks, ignore_index=True)
    fixes["worker"] = fixes["patrol"]
    found = match(pieces, fixes).rounds.set_index("patrol")["length_m"].sort_index().to_numpy()
    stretches = segments(fixes)
    step = np.hypot(*(stretches.ends[:, 2:] - stretches.ends[:, :2]).T)
    raw = np.bincount(stretches.patrol, weights=step)
    true = np.array(true_m)
    lines = [
        [name, f"{np.abs(x / true - 1).mean():.1%}", f"{x.sum() / true.sum() - 1:+.1%}"]
        for name, x in (("matcher", found), ("line through the fixes", raw))
    ]
    return table(["length", "mean error of a round", "bias"], [["target", "<= 3%", ""], *lines])


def _round(pieces: gpd.GeoDataFrame, rng: np.random.Generator) -> tuple[Array, float]:
    """Places every 5 s and the length of a walk at 1.2 m/s, with stops, turning at dead ends."""
    ends = shapely.get_coordinates(pieces.geometry.array).reshape(-1, 2, 2)
    _, node = np.unique(np.rint(ends.reshape(-1, 2) * 10), axis=0, return_inverse=True)
    node = node.reshape(-1, 2)
    place = np.zeros((node.max() + 1, 2))
    place[node] = ends
    leaving: dict[int, list[int]] = {}
    for one, other in node.tolist():
        leaving.setdefault(one, []).append(other)
        leaving.setdefault(other, []).append(one)
    before, here = -1, int(rng.integers(len(place)))
    second, path, at, walked = 0.0, [place[here]], [0.0], 0.0
    while second < 2400.0:
        onward = [n for n in leaving[here] if n != before] or leaving[here]
        before, here = here, int(rng.choice(onward))
        step = float(np.hypot(*(place[here] - place[before])))
        second += step / 1.2
        walked += step
        path.append(place[here])
        at.append(second)
        if rng.random() < 0.02:
            second += rng.exponential(60.0)
            path.append(place[here])
            at.append(second)
    shown = np.arange(0.0, second, 5.0)
    xy = np.column_stack([np.interp(shown, at, np.array(path)[:, k]) for k in range(2)])
    return xy, walked


def _noise(n: int, sigma: float, tau: float, rng: np.random.Generator) -> Array:
    """(n, 2) errors, first-order autoregressive, a fix every 5 s."""
    rho = np.exp(-5.0 / tau)
    errors = rng.normal(0, sigma, (n, 2))
    for k in range(1, n):
        errors[k] = rho * errors[k - 1] + np.sqrt(1 - rho * rho) * errors[k]
    return errors


def _tracks(xy: Array, patrol: str, grid: str) -> gpd.GeoDataFrame:
    seconds = pd.to_timedelta(5.0 * np.arange(len(xy)), unit="s")
    return gpd.GeoDataFrame(
        {
            "patrol": patrol,
            "worker": patrol,
            "grid": grid,
            "day": pd.Timestamp("2026-10-01"),
            "round": 1,
            "at": pd.Timestamp("2026-10-01T00:00Z") + seconds,
        },
        geometry=shapely.points(xy),
        crs="EPSG:3879",
    )


DRIVING = Motion(
    speed_mps=8.0, spread_mps=5.0, halt_hz=0.03, resume_hz=0.05, turn=1e-5, leave=1e-7, back=0.3,
    sigma_m=6.0, tau_s=15.0, cell_m=8.0, step_s=3.0,
)  # fmt: skip


def _table_of_cars(n_drives: int) -> str:
    """Driven pieces by length, mean over the phones and apps of each drive."""
    network = pd.read_parquet(DATA / "montreal_network.parquet")
    streets = gpd.GeoDataFrame(
        {"street": np.arange(len(network)).astype(str)},
        geometry=shapely.from_wkb(network["geometry"].to_numpy()),
        crs="EPSG:4326",
    ).to_crs("EPSG:32618")
    fixes = pd.read_parquet(DATA / "montreal_fixes.parquet")
    truth = pd.read_parquet(DATA / "montreal_truth_pieces_epsg32618.parquet")
    lines = []
    for drive in sorted(fixes["scenario"].unique())[:n_drives]:
        tracks = _drive(fixes[fixes["scenario"] == drive])
        ground = shapely.box(*tracks.total_bounds).buffer(300.0)
        pieces = cut_pieces(streets[streets.intersects(ground)], max_length_m=8.0)
        walked = match(pieces, tracks, motion=DRIVING).walked
        own = truth[truth["scenario"] == drive]
        middle = shapely.points((own["x0"] + own["x1"]) / 2, (own["y0"] + own["y1"]) / 2)
        row = shapely.STRtree(pieces.geometry.to_numpy()).nearest(middle)
        length = np.hypot(own["x1"] - own["x0"], own["y1"] - own["y0"]).to_numpy()
        driven, scores = own["driven"].to_numpy(), []
        for _, found in walked.groupby("patrol"):
            chance = found.set_index("piece")["probability"].reindex(pieces["piece"].iloc[row])
            told = chance.to_numpy() >= 0.5
            hit = length[told & driven].sum()
            precision, recall = hit / max(length[told].sum(), 1e-9), hit / length[driven].sum()
            scores.append(
                [2 * hit / (length[told].sum() + length[driven].sum()), precision, recall]
            )
        lines.append([drive, len(scores), *(f"{mean:.3f}" for mean in np.mean(scores, axis=0))])
    heads = ["drive", "tracks", "driven F1", "precision", "recall"]
    return table(heads, [["target", "", ">= .93", ">= .95", ""], *lines])


def _drive(fixes: pd.DataFrame) -> gpd.GeoDataFrame:
    """The tracks of a drive; times are whole minutes, each track's own pace spreads them."""
    patrol = fixes["phone"].astype("str") + fixes["app"].astype("str")
    by_patrol = fixes.groupby(patrol)
    span = (by_patrol["t"].transform("max") - by_patrol["t"].transform("min")).dt.total_seconds()
    pace = (span / by_patrol["i"].transform("max").clip(lower=1)).clip(lower=1.0)
    second = fixes["i"] * pace.where(pace >= 1.3, 1.0)
    places = gpd.points_from_xy(fixes["lon"], fixes["lat"], crs="EPSG:4326").to_crs("EPSG:32618")
    return gpd.GeoDataFrame(
        {
            "patrol": patrol.to_numpy(),
            "worker": patrol.to_numpy(),
            "at": pd.Timestamp("2026-10-01T00:00Z") + pd.to_timedelta(second.to_numpy(), unit="s"),
        },
        geometry=places,
        crs="EPSG:32618",
    )


if __name__ == "__main__":
    main("--quick" in sys.argv[1:])

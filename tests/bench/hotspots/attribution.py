# ruff: noqa: E402 - threads are set before NumPy starts
"""Attribution beside geopandas.sjoin, in one run; answers compared, memory of whole processes.

Run: python -m tests.bench.hotspots.attribution [--quick]
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.incidents.attribution import attribute, locate
from geo.incidents.label_index import LabelIndex
from geo.incidents.partitioned import attribute_partitions
from tests.bench.results import table

SIDE_M = 10_000.0
CRS = "EPSG:4551"
RATIO_WANTED = {500: 90, 5_000: 60, 50_000: 25}
BUILD_WANTED_S = {50_000: 1.0}
WAYS = {
    "arrays": "x and y given",
    "frame": "points in a frame",
    "partitions": "a file read and written in 10 parts",
}
"""The last one with reading and writing, sjoin without: its speed is not judged."""

JUDGED_FROM = 10_000_000
CORNERS = 50_000
"""Corners and middles of borders that the point-by-point way is asked too."""


def rough_coverage(n_grids: int, *, n_vertices: int = 96, seed: int = 0) -> gpd.GeoDataFrame:
    """About that many irregular polygons of about that many vertices: an exact coverage."""
    rng = np.random.default_rng(seed)
    frame = shapely.box(0, 0, SIDE_M, SIDE_M)
    sites = shapely.multipoints(rng.uniform(0, SIDE_M, (n_grids, 2)))
    cells = shapely.get_parts(shapely.voronoi_polygons(sites, extend_to=frame))
    borders = shapely.boundary(shapely.intersection(cells, frame))
    lines = shapely.get_parts(shapely.node(shapely.union_all(borders)))
    xy, line = shapely.get_coordinates(lines, return_index=True)
    start, end = (
        xy[np.searchsorted(line, np.arange(len(lines)))],
        xy[np.searchsorted(line, np.arange(len(lines)), side="right") - 1],
    )
    steps = np.linspace(0, 1, n_vertices // 6 + 1)[None, :, None]
    points = start[:, None] + (end - start)[:, None] * steps
    across = np.stack([start[:, 1] - end[:, 1], end[:, 0] - start[:, 0]], axis=1)
    is_inner = ~(np.isin(start, (0, SIDE_M)) & (start == end)).any(axis=1)
    rough = rng.normal(0, 0.03, (len(lines), steps.shape[1] - 2, 1)) * is_inner[:, None, None]
    points[:, 1:-1] += across[:, None] * rough
    polygons = shapely.get_parts(
        shapely.polygonize(
            shapely.get_parts(shapely.node(shapely.union_all(shapely.linestrings(points))))
        )
    )
    codes = [f"{k:06d}" for k in range(len(polygons))]
    return gpd.GeoDataFrame(
        {"plan": "P", "grid": codes, "community": "C"}, geometry=polygons, crs=CRS
    )


def best_cpu_s(work: Callable[[], Any], *, times: int = 3) -> tuple[float, Any]:
    """Least processor seconds of several runs, and the last answer."""
    best, answer = np.inf, None
    for _ in range(times):
        del answer
        clock = time.process_time()
        answer = work()
        best = min(best, time.process_time() - clock)
    return float(best), answer


def points_of(n_points: int) -> np.ndarray:
    """(n, 2) places all over the square."""
    return np.random.default_rng(1).uniform(0, SIDE_M, (n_points, 2))


def sjoin_positions(points: gpd.GeoDataFrame, grids: gpd.GeoDataFrame) -> np.ndarray:
    """Position of a grid for each point by geopandas.sjoin, -1 for none."""
    joined = points.sjoin(grids[["grid", "geometry"]].reset_index(drop=True), how="left")
    joined = joined[~joined.index.duplicated()]
    return joined["index_right"].fillna(-1).to_numpy(np.int64)


def verdict(value: float, wanted: float | None, *, is_most: bool) -> str:
    """The target, and whether it is met."""
    if wanted is None:
        return "-"
    is_met = value <= wanted if is_most else value >= wanted
    return f"{'<=' if is_most else '>='} {wanted:g}: {'met' if is_met else 'MISSED'}"


def speed_lines(n_grids: int, n_points: int) -> list[tuple[object, ...]]:
    """Build and query beside sjoin, with the mismatches."""
    grids = rough_coverage(n_grids)
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*points_of(n_points).T), crs=CRS)
    array = np.asarray(points.geometry.array, dtype=object)
    build_s, index = best_cpu_s(lambda: LabelIndex.build(grids), times=5)
    x, y = shapely.get_x(array), shapely.get_y(array)
    bare_s, _ = best_cpu_s(lambda: index.locate(x, y), times=7)
    query_s, found = best_cpu_s(lambda: index.locate_points(array), times=7)
    whole_s, _ = best_cpu_s(lambda: attribute(points, grids, index=index))
    peer_s, peer = best_cpu_s(lambda: sjoin_positions(points, grids), times=2)
    wrong = int((found != peer).sum())
    size = f"{n_points:,} x {len(grids):,}"
    wanted = RATIO_WANTED[n_grids]
    rows = [
        ("query, x and y given", bare_s, wanted),
        ("query, x and y read out of the frame", query_s, wanted),
        ("attribute, a frame with three texts", whole_s, None),
    ]
    lines: list[tuple[object, ...]] = [
        (what, size, f"{s:.4f}", f"{peer_s:.2f}", f"{peer_s / s:.0f}x",
         verdict(peer_s / s, ratio, is_most=False), wrong)
        for what, s, ratio in rows
    ]  # fmt: skip
    limit = verdict(build_s, BUILD_WANTED_S.get(n_grids), is_most=True)
    lines.append(("build, gaps refused", size, f"{build_s:.3f}", "-", "-", limit, "-"))
    lines.append(_border_line(grids, index))
    return lines


def _border_line(grids: gpd.GeoDataFrame, index: LabelIndex) -> tuple[object, ...]:
    """Every corner and a point near the middle of every border: in one grid, as point by point."""
    ends = index.edges
    xy = np.vstack([ends[:, :2], (ends[:, :2] + ends[:, 2:]) / 2])
    spent_s, found = best_cpu_s(lambda: index.locate(xy[:, 0], xy[:, 1]), times=1)
    n_lost = int((found[: len(ends)] < 0).sum())
    some = np.random.default_rng(2).choice(len(xy), min(CORNERS, len(xy)), replace=False)
    wanted = locate(shapely.points(xy[some]), grids.geometry.array, codes=grids["grid"])
    wrong = int((found[some] != wanted).sum())
    size = f"{len(xy):,} x {len(grids):,}"
    return (
        "corners and borders",
        size,
        f"{spent_s:.3f}",
        "-",
        "-",
        f"{n_lost} corners lost",
        wrong,
    )


def spent_alone(way: str, folder: Path) -> dict[str, float]:
    """Processor seconds, MB at most and a check of the answers, of one way in its own process."""
    process = multiprocessing.get_context("spawn").Process(target=_alone, args=(way, folder))
    process.start()
    process.join()
    return dict(json.loads((folder / "said.json").read_text()))


def _alone(way: str, folder: Path) -> None:
    grids = gpd.read_parquet(folder / "grids.parquet")
    LabelIndex.build(grids.iloc[:9], gaps="allow").locate([0.0], [0.0])  # compiled before
    xy = np.load(folder / "points.npy") if way != "partitions" else np.empty((0, 2))
    if way in {"sjoin", "frame"}:
        points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(xy[:, 0], xy[:, 1]), crs=CRS)
        del xy
    clock = time.process_time()
    if way == "sjoin":
        found = sjoin_positions(points, grids)
    elif way == "frame":
        found = LabelIndex.build(grids).locate_points(points.geometry.array)
    elif way == "arrays":
        found = LabelIndex.build(grids).locate(xy[:, 0], xy[:, 1])
    else:
        attribute_partitions(folder / "points.parquet", grids, folder / "attributed")
    said = {"s": time.process_time() - clock, "mb": _most_mb()}
    if way == "partitions":
        files = sorted((folder / "attributed").iterdir())
        codes = [pd.read_parquet(file, columns=["grid"])["grid"] for file in files]
        found = pd.Index(grids["grid"]).get_indexer(pd.concat(codes))
    for start in range(0, len(found), 1_000_000):  # a sum that tells rows apart, in little memory
        block = found[start : start + 1_000_000]
        said["check"] = said.get("check", 0) + int((block * (np.arange(len(block)) % 997)).sum())
    (folder / "said.json").write_text(json.dumps(said))


def _most_mb() -> float:
    """Most memory that this process has held, MB (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def memory_lines(n_points: int, n_grids: int) -> list[tuple[object, ...]]:
    """Speed with the build, and the whole process's peak memory, beside sjoin's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rough_coverage(n_grids).to_parquet(folder / "grids.parquet")
        xy = points_of(n_points)
        np.save(folder / "points.npy", xy)
        points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(xy[:, 0], xy[:, 1]), crs=CRS)
        points.to_parquet(folder / "points.parquet", row_group_size=n_points // 10)
        del points, xy
        peer, *all_ours = (spent_alone(way, folder) for way in ("sjoin", *WAYS))
    size = f"{n_points:,} x {n_grids:,}"
    lines: list[tuple[object, ...]] = []
    for (way, what), ours in zip(WAYS.items(), all_ours, strict=True):
        ratio, share = peer["s"] / ours["s"], ours["mb"] / peer["mb"]
        wrong = "0" if ours["check"] == peer["check"] else "differs"
        is_judged = n_points >= JUDGED_FROM
        speed = verdict(ratio, 30 if is_judged and way != "partitions" else None, is_most=False)
        memory = verdict(share, 0.2 if is_judged else None, is_most=True)
        lines.append(
            (f"with build, {what}", size, f"{ours['s']:.2f}", f"{peer['s']:.1f}", f"{ratio:.0f}x",
             speed, wrong)
        )  # fmt: skip
        lines.append(
            (f"peak MB, {what}", size, f"{ours['mb']:.0f}", f"{peer['mb']:.0f}", f"{share:.2f}x",
             memory, "-")
        )  # fmt: skip
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    is_quick = parser.parse_args().quick
    LabelIndex.build(rough_coverage(9)).locate([0.0], [0.0])  # compiled before
    lines: list[tuple[object, ...]] = []
    for n_grids in (500, 5_000) if is_quick else (500, 5_000, 50_000):
        lines += speed_lines(n_grids, 200_000 if is_quick else 1_000_000)
    lines += memory_lines(1_000_000 if is_quick else 10_000_000, 5_000)
    heads = ("what", "points x grids", "ours s", "sjoin s", "ratio", "target", "mismatches")
    print(table(heads, lines))


if __name__ == "__main__":
    main()

"""Wangge's plans beside METIS (pymetis), one command: figures of each, in one table.

    python tests/bench/planning.py [instance ...] [--tolerance 0.05] [--seeds 1]

Needs `pymetis` and the instances in ../shared/data/planning.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pymetis

from geo.planning.contiguity import Adjacency, adjacency
from geo.planning.graph import build
from geo.planning.metrics import evaluate
from geo.planning.partition import partition

INSTANCES = Path(__file__).resolve().parents[2] / "../shared/data/planning"
N_GRIDS = {"ri_tract": 24, "monaco": 48, "changchun_kuancheng": 339, "changchun_city": 3264}
METIS_EDGE_UNIT_M = 0.1
"""METIS takes whole edge weights: border length in decimetres."""


def metis(cells: gpd.GeoDataFrame, border: Adjacency, n_grids: int, *, by_length: bool) -> Any:
    """Labels by METIS, contiguous k-way, 5% imbalance; edges weighted by border length or not."""
    load = cells["load"].to_numpy(dtype="float64")
    graph = build(cells, border, load, area=np.zeros(len(cells), dtype=np.int64))
    weight = np.maximum(1, graph.length_m / METIS_EDGE_UNIT_M) if by_length else graph.length_m * 0
    return np.array(
        pymetis.part_graph(
            n_grids,
            pymetis.CSRAdjacency(graph.indptr.tolist(), graph.indices.tolist()),
            vweights=load.astype(int).tolist(),
            eweights=np.maximum(1, weight).astype(int).tolist(),
            recursive=False,
            options=pymetis.Options(ufactor=50, contig=1),
        )[1]
    )


def runs(
    cells: gpd.GeoDataFrame, border: Adjacency, n_grids: int, *, tolerance: float, seeds: int
) -> Iterator[tuple[str, np.ndarray, float]]:
    """Name, labels and processor seconds of each planner."""
    for name, by_length in (("METIS", False), ("METIS, border length", True)):
        begun = time.process_time()
        labels = metis(cells, border, n_grids, by_length=by_length)
        yield name, labels, time.process_time() - begun
    for seed in range(seeds):
        begun = time.process_time()
        found = partition(
            cells, border, load="load", n_grids=n_grids, tolerance=tolerance, within=None, seed=seed
        )
        yield f"Wangge, seed {seed}", found.labels, time.process_time() - begun


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("instances", nargs="*", default=list(N_GRIDS))
    parser.add_argument("--tolerance", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, default=1)
    asked = parser.parse_args()
    print("| instance | planner | max % | broken | grids | PP | cut km | CPU s |")
    print("|---|---|---|---|---|---|---|---|")
    for name in asked.instances:
        cells = gpd.read_parquet(INSTANCES / f"{name}.parquet")
        border = adjacency(cells, within=None)
        target = float(cells["load"].sum()) / N_GRIDS[name]
        for planner, labels, seconds in runs(
            cells, border, N_GRIDS[name], tolerance=asked.tolerance, seeds=asked.seeds
        ):
            found = evaluate(cells, border, labels, load="load", target=target)
            print(
                f"| {name} | {planner} | {100 * found['max_abs_deviation']:.2f} "
                f"| {found['noncontiguous']} | {found['n_grids']} "
                f"| {found['polsby_popper_mean']:.3f} | {found['cut_length_m'] / 1000:.1f} "
                f"| {seconds:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()

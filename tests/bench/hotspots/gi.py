# ruff: noqa: E402 - threads are set before NumPy starts
"""Gi* and Gi on 99,856 cells beside esda's Graph, without permutations; z compared cell by cell.

Run: python -m tests.bench.hotspots.gi [--quick]
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import esda
import numpy as np
import scipy.sparse
from libpysal.graph import Graph

from geo.hotspots.significant.local import getis_ord, getis_ord_on_lattice
from tests.bench.results import table

TARGET = 50.0
"""Times esda's Graph, on the lattice."""


def best_cpu_s(work: Callable[[], Any], *, times: int) -> tuple[float, Any]:
    """Least processor seconds of several runs, and the last answer."""
    best, answer = np.inf, None
    for _ in range(times):
        clock = time.process_time()
        answer = work()
        best = min(best, time.process_time() - clock)
    return float(best), answer


def queen(side: int) -> scipy.sparse.csr_array:
    """Weights 1 between the cells of a square lattice that share a side or a corner."""
    line = scipy.sparse.diags_array([1.0, 1.0, 1.0], offsets=[-1, 0, 1], shape=(side, side))
    near = scipy.sparse.kron(line, line) - scipy.sparse.eye_array(side * side)
    near = scipy.sparse.csr_array(near)
    near.eliminate_zeros()
    return near


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    is_quick = parser.parse_args().quick
    side, times = 316, 3 if is_quick else 7
    inside = np.ones((side, side), dtype=bool)
    counts = np.random.default_rng(0).poisson(3.0, (side, side))
    values = counts.ravel().astype(np.float64)
    near = queen(side)
    graph = Graph.from_sparse(near.tocoo())
    with warnings.catch_warnings():
        # what esda says of its own use of NumPy and SciPy
        warnings.simplefilter("ignore")
        lines = []
        for star in (True, False):
            peer_s, peer = best_cpu_s(
                lambda star=star: esda.G_Local(
                    values, graph, transform="B", star=star, permutations=0
                ),
                times=times,
            )
            z = np.asarray(peer.Zs)
            for name, work, target in (
                (
                    "window sums on the lattice",
                    lambda star=star: getis_ord_on_lattice(counts, inside, star=star).z.ravel(),
                    TARGET if star else None,
                ),
                (
                    "any sparse weights",
                    lambda star=star: getis_ord(values, near, star=star).z,
                    None,
                ),
            ):
                work()
                ours_s, ours = best_cpu_s(work, times=times)
                lines.append(
                    [
                        "Gi*" if star else "Gi",
                        name,
                        f"{ours_s * 1e3:.2f}",
                        f"{peer_s * 1e3:.0f}",
                        f"{peer_s / ours_s:.0f}",
                        "" if target is None else f">= {target:.0f}",
                        f"{np.abs(ours - z).max():.1e}",
                    ]
                )
    heads = ["statistic", "ours", "ours, CPU ms", "esda Graph, CPU ms", "times", "target"]
    print(f"{side * side:,} cells, queen neighbours, best of {times}, one thread\n")
    print(table([*heads, "greatest difference of z"], lines))


if __name__ == "__main__":
    main()

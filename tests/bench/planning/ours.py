"""Wangge's own planners as the benchmark runs them; see peers.py for what a function here does.

A first plan of a tiny town loads the compiled kernels before anything is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from geo.planning.partition import partition
from tests.bench.planning.instances import Instance, made
from tests.bench.planning.synthetic import town

Run = Callable[[], Any]


@cache
def warm_up() -> None:
    """Plan a tiny town, so that compiled code is loaded (or, the first time, made)."""
    tiny = made("tiny", town(60, np.random.default_rng(0)), 5)
    partition(tiny.cells, tiny.border, load="load", n_grids=5, tolerance=0.05, within=None, seed=0)


def plan(instance: Instance, *, tolerance: float, seed: int, keep_whole: str | None = None) -> Run:
    """A new plan: labels and the engine's report."""
    warm_up()

    def run() -> tuple[np.ndarray, dict[str, Any]]:
        found = partition(
            instance.cells,
            instance.border,
            load="load",
            n_grids=instance.n_grids,
            tolerance=tolerance,
            within=None,
            keep_whole=keep_whole,
            seed=seed,
        )
        return found.labels, found.report

    return run

"""Wangge's own planners as the benchmark runs them; see peers.py for what a function here does.

A first plan of a little town loads the compiled kernels before anything is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from geo.planning.objective import Weights
from geo.planning.partition import partition
from geo.planning.rebalance import rebalance
from tests.bench.planning.instances import Instance, made
from tests.bench.planning.synthetic import town

Run = Callable[[], Any]


@cache
def warm_up() -> None:
    """Plan and redraw a little town, so that compiled code is loaded (the first time: made)."""
    little = made("little", town(120, np.random.default_rng(0)), 9)
    options: dict[str, Any] = {"load": "load", "within": None, "seed": 0}
    first = partition(little.cells, little.border, n_grids=9, tolerance=0.1, **options).labels
    rebalance(little.cells, little.border, current=first, tolerance=0.05, **options)


def plan(
    instance: Instance,
    *,
    tolerance: float,
    seed: int,
    keep_whole: str | None = None,
    weights: Weights = Weights(),  # noqa: B008 - frozen
) -> Run:
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
            weights=weights,
            seed=seed,
        )
        return found.labels, found.report

    return run


def redraw(instance: Instance, *, tolerance: float, seed: int = 0) -> Run:
    """The plan in force with least change: labels and the engine's report."""
    warm_up()

    def run() -> tuple[np.ndarray, dict[str, Any]]:
        found = rebalance(
            instance.cells,
            instance.border,
            load="load",
            current=instance.current,
            tolerance=tolerance,
            within=None,
            seed=seed,
        )
        return np.asarray(found.labels, dtype=np.int64), found.report

    return run

"""CPU time against the number of cells, on made-up towns with rivers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tests.bench.planning.apart import Apart
from tests.bench.planning.check import judge, survey
from tests.bench.planning.instances import made
from tests.bench.planning.synthetic import town

SIZES = (1_000, 2_500, 6_000, 15_000, 30_000, 55_000)
CELLS_A_GRID = 13
TOLERANCE = 0.05
RIVERS_PER_10_000 = 1.0
EXPONENT = 1.15
"""Promised: CPU time grows with at most this power of the cells."""


@dataclass(frozen=True)
class Size:
    """One town planned; `failure` where it was not."""

    n_cells: int
    n_grids: int
    cpu_s: float
    wall_s: float
    peak_mb: float
    max_deviation: float
    shape: float
    n_violations: int
    failure: str


def sizes(apart: Apart, *, largest: int, limit_s: float) -> Iterator[Size]:
    """Towns up to the largest size, smallest first."""
    for n in SIZES:
        if n > largest:
            return
        rivers = 1 + round(n / 10_000 * RIVERS_PER_10_000)
        cells = town(n, np.random.default_rng(n), n_rivers=rivers)
        instance = made(f"town of {n}", cells, len(cells) // CELLS_A_GRID)
        outcome = apart.run(
            "ours:plan", instance, [{"tolerance": TOLERANCE, "seed": 0}], limit_s=limit_s
        )
        if not outcome.answers:
            nan = float("nan")
            yield Size(len(cells), instance.n_grids, nan, nan, nan, nan, nan, 0, outcome.failure)
            continue
        answer = outcome.answers[0]
        figures = judge(instance, survey(instance), answer.value[0])
        yield Size(
            len(cells),
            instance.n_grids,
            answer.cpu_s,
            answer.wall_s,
            answer.peak_mb,
            figures.max_deviation,
            figures.polsby_popper,
            figures.n_violations,
            "",
        )


def exponent(found: Sequence[Size]) -> float:
    """The slope of log CPU seconds over log cells, by least squares."""
    done = [one for one in found if not one.failure]
    if len(done) < 2:
        return float("nan")
    slope: float = np.polyfit(
        np.log([one.n_cells for one in done]), np.log([one.cpu_s for one in done]), 1
    )[0]
    return float(slope)

"""Small towns redrawn after growth beside the least load that must move, proved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tests.bench.planning import exact, ours
from tests.bench.planning.apart import Apart
from tests.bench.planning.check import judge, survey
from tests.bench.planning.instances import Instance, made
from tests.bench.planning.redraw import TOLERANCE
from tests.bench.planning.synthetic import town

EXACT_FACTOR = 1.03
"""Promised: moved load at most this many times the least, where that is known."""

MOST_CELLS, MOST_GRIDS = 45, 10
GROWN_SHARE = 0.3
"""Share of the grids that grow by 25 to 60%, so that about three small grids do."""


@dataclass(frozen=True)
class Redrawn:
    """One town; shares of the whole load. `least` is None where it was not proved."""

    number: int
    n_cells: int
    n_grids: int
    n_violations: int
    is_within: bool
    moved: float
    least: float | None

    @property
    def is_met(self) -> bool:
        return (
            self.is_within
            and self.n_violations == 0
            and self.least is not None
            and self.moved <= EXACT_FACTOR * self.least + 1e-9
        )


def ground(number: int) -> Instance:
    """A town of at most 45 cells and 10 grids."""
    rng = np.random.default_rng([5, number])
    n_grids = int(rng.integers(4, MOST_GRIDS + 1))
    n_cells = min(MOST_CELLS, round(n_grids * rng.uniform(4.0, 6.0)))
    return made(f"redrawn {number}", town(n_cells, rng, skew=0.4), n_grids)


def grown(instance: Instance, labels: np.ndarray) -> Instance:
    """The plan in force, and the loads after some of its grids have grown."""
    rng = np.random.default_rng([6, instance.n_grids, len(labels)])
    n_grown = max(1, round(GROWN_SHARE * instance.n_grids))
    which = rng.choice(instance.n_grids, n_grown, replace=False)
    factor = np.ones(instance.n_grids)
    factor[which] = rng.uniform(1.25, 1.6, n_grown)
    load = np.round(instance.load * factor[labels]).astype(np.int64)
    return replace(instance, cells=instance.cells.assign(load=load), current=labels)


def batch(given: list[Instance], *, is_new: bool) -> Callable[[], list[Any]]:
    """Plans of all towns, new ones or redrawn ones."""
    make = ours.plan if is_new else ours.redraw
    runs = [make(one, tolerance=TOLERANCE, seed=0) for one in given]
    return lambda: [run()[0] for run in runs]


def redrawn(apart: Apart, n: int) -> Iterator[Redrawn]:
    """Towns whose loads can be brought within 10%, each beside the least that must move."""
    given = [ground(number) for number in range(n)]
    first = apart.run("small_redraw:batch", given, [{"is_new": True}], limit_s=3600)
    if not first.answers:
        raise SystemExit(f"small towns to redraw: {first.failure}")
    given = [grown(*pair) for pair in zip(given, first.answers[0].value, strict=True)]
    second = apart.run("small_redraw:batch", given, [{"is_new": False}], limit_s=3600)
    if not second.answers:
        raise SystemExit(f"small towns redrawn: {second.failure}")
    for number, (one, labels) in enumerate(zip(given, second.answers[0].value, strict=True)):
        figures = judge(one, survey(one), labels)
        moved = float(one.load[labels != one.current].sum())
        is_within = figures.is_within(TOLERANCE) and figures.n_violations == 0
        try:
            least = exact.least_moved(one, TOLERANCE, moved if is_within else np.inf)
        except exact.UnprovedError as error:
            print(f"!! {one.name}: not proved, {error}", flush=True)
            least = None
        else:
            if least is None:
                continue
        total = float(one.load.sum())
        yield Redrawn(
            number=number,
            n_cells=len(one.cells),
            n_grids=one.n_grids,
            n_violations=figures.n_violations,
            is_within=is_within,
            moved=moved / total,
            least=None if least is None else least / total,
        )

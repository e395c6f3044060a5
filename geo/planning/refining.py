"""From a prepared problem to the best plan found: first plans, annealing, repair, polish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from geo.planning import seeding, units
from geo.planning.annealing import Annealer
from geo.planning.masks import LARGEST
from geo.planning.objective import Weights
from geo.planning.preparing import Problem
from geo.planning.schedule import Schedule
from geo.planning.settling import settle

Spent = Callable[[], float]

MAX_ATTEMPTS = 12
PATIENCE = 5
"""Searches of parts that stay out of their limits, each from another first plan, and how many of
them may in a row better nothing."""

LARGEST_RETRIED = 400
"""Parts with more cells than this are not searched again from another first plan."""

UNITS_PER_START = 500
MAX_STARTS = 4
"""Small problems are searched from several first plans: one more for each time that their units
fit into this number, the best kept part by part."""


RELEASED_PRESSURE = 4.0
"""How much harder limits are pressed on where compounds may be split: their cost must not outweigh
a load outside the limits."""


@dataclass(frozen=True)
class Refined:
    """`labels` of the cells; `proved`: for each part, the deviation below which no plan exists, as
    far as an exact search showed it; `n_out`: grids outside their limits; `cost` of the objective.
    """

    labels: np.ndarray
    proved: np.ndarray
    n_out: int
    cost: float
    n_steps: int
    is_stopped: bool


@dataclass
class _Best:
    """The best labels found for each part, by excess and then by cost."""

    labels: np.ndarray
    excess: np.ndarray
    cost: np.ndarray

    def take(self, other: _Best, part: np.ndarray, searched: np.ndarray) -> bool:
        """Take over the parts that are better in `other`; whether any was."""
        is_even = np.abs(other.excess - self.excess) <= 1e-9
        is_better = searched & np.where(
            is_even, other.cost < self.cost - 1e-9, other.excess < self.excess
        )
        self.labels = np.where(is_better[part], other.labels, self.labels)
        self.excess = np.where(is_better, other.excess, self.excess)
        self.cost = np.where(is_better, other.cost, self.cost)
        return bool(is_better.any())


class _Refiner:
    def __init__(
        self, problem: Problem, weights: Weights, seed: int, n_workers: int, spent: Spent
    ) -> None:
        self.problem = problem
        self.weights = weights
        self.seed = seed
        self.n_workers = n_workers
        self.spent = spent
        self.n_steps = 0
        self.is_stopped = False
        self.n_parts = len(problem.n_grids)

    def first_labels(
        self, unit: np.ndarray, seed: int, searched: np.ndarray, given: np.ndarray
    ) -> np.ndarray:
        """A first plan of the searched parts, by cell, `given` for the others.

        Labels run on from part to part.
        """
        problem = self.problem
        network = problem.network(unit)
        labels = np.zeros(network.n_units, dtype=np.int64)
        labels[unit] = given
        part_of_unit = np.zeros(network.n_units, dtype=np.int64)
        part_of_unit[unit] = problem.whole.part
        offset = np.r_[0, np.cumsum(problem.n_grids)]
        order = np.argsort(part_of_unit, kind="stable")
        begins = np.searchsorted(part_of_unit[order], np.arange(self.n_parts))
        for part, nodes in enumerate(np.split(order, begins[1:])):
            if searched[part]:
                labels[nodes] = offset[part] + seeding.first_plan(
                    network,
                    nodes=nodes,
                    capacity=problem.capacity[offset[part] : offset[part + 1]],
                    turn=0.1 + 0.7 * (seed % 97),
                )
        by_cell: np.ndarray = labels[unit]
        return by_cell

    def annealer(
        self, labels: np.ndarray, unit: np.ndarray, searched: np.ndarray, seed: int
    ) -> Annealer:
        """A search of the searched parts from these labels of the cells."""
        by_unit = np.zeros(int(unit.max()) + 1, dtype=np.int64)
        by_unit[unit] = labels
        is_free = np.zeros(len(by_unit), dtype=bool)
        is_free[unit] = searched[self.problem.whole.part]
        return Annealer(
            self.problem.network(unit),
            by_unit,
            self.problem.unit_loads(unit),
            self.problem.limits,
            weights=self.weights,
            ties=self.problem.ties(unit),
            is_free=is_free,
            seed=seed,
            n_workers=self.n_workers,
        )

    def judged(self, annealer: Annealer, unit: np.ndarray) -> _Best:
        """The annealer's plan, by cell, with the excess and cost of each part."""
        parts = self.problem.part_of_grid
        self.n_steps += annealer.n_steps
        self.is_stopped |= annealer.is_stopped
        return _Best(
            annealer.labels[unit],
            np.bincount(parts, annealer.excess(), minlength=self.n_parts),
            np.bincount(parts, annealer.costs(), minlength=self.n_parts)
            + self.weights.split * self._extra_pieces(annealer.labels[unit]),
        )

    def _extra_pieces(self, labels: np.ndarray) -> np.ndarray:
        """For each part, how many grids more than needed hold fitting compounds."""
        compound = self.problem.compound
        has = compound >= 0
        pairs = np.unique(np.stack([compound[has], labels[has]], axis=1), axis=0)
        first = np.unique(pairs[:, 0], return_index=True)[1]
        is_extra = np.ones(len(pairs), dtype=bool)
        is_extra[first] = False
        parts = self.problem.part_of_grid[pairs[is_extra, 1]]
        return np.bincount(parts, minlength=self.n_parts)

    def attempt(
        self,
        unit: np.ndarray,
        searched: np.ndarray,
        schedule: Schedule,
        *,
        seed: int,
        given: np.ndarray,
        progress: Callable[[float], None] | None = None,
    ) -> _Best:
        """A plan of the searched parts from a first plan of their own, `given` for the others."""
        first = self.first_labels(unit, seed, searched, given)
        annealer = self.annealer(first, unit, searched, seed)
        annealer.anneal(schedule, progress=progress, spent=self.spent)
        annealer.polish(spent=self.spent)
        annealer.repair(schedule, spent=self.spent)
        return self.judged(annealer, unit)


def _coarseness(problem: Problem, unit: np.ndarray) -> float:
    """The mean load of a unit beside the room that most grids have on one side of the target."""
    room = float(np.median(problem.limits[:, 0, 1] - problem.limits[:, 0, 2]))
    load = problem.unit_loads(unit)[:, 0]
    return float(load[load > 0].mean()) / max(room, 1e-9) if (load > 0).any() else 0.0


def refine(
    problem: Problem,
    *,
    weights: Weights,
    may_split: bool,
    seed: int,
    n_workers: int,
    progress: Callable[[float], None] | None,
    spent: Spent,
) -> Refined:
    """The best plan found of the problem.

    Parameters
    ----------
    may_split : compounds may be split in parts that stay out of their limits otherwise
    spent : says what share of the time is over; at 1 or more the search ends
    """
    refiner = _Refiner(problem, weights, seed, n_workers, spent)
    part, n_parts = problem.whole.part, len(problem.n_grids)
    unit, searched = problem.unit, np.ones(n_parts, dtype=bool)
    schedule = Schedule.for_problem(int(unit.max()) + 1, _coarseness(problem, unit))
    best = _Best(
        np.zeros(len(part), dtype=np.int64), np.full(n_parts, np.inf), np.full(n_parts, np.inf)
    )
    n_starts = _n_starts(int(unit.max()) + 1)
    for start in range(n_starts):
        if start and (spent() >= 1.0 or not (problem.n_grids > 1).any()):
            break
        found = refiner.attempt(
            unit,
            searched,
            schedule,
            seed=seed + 1009 * start,
            given=best.labels,
            progress=None
            if progress is None
            else _portion(progress, start / n_starts, 1 / n_starts),
        )
        best.take(found, part, searched)
    if may_split:
        unit = _released(refiner, best, unit)
    _search_again(refiner, best, unit, schedule)
    settled = settle(problem, best.labels, unit, weights=weights, spent=spent)
    labels = settled.labels
    annealer = refiner.annealer(labels, unit, np.zeros(n_parts, dtype=bool), seed)
    return Refined(
        labels,
        settled.proved,
        int((annealer.excess() > 0).sum()),
        float(refiner.judged(annealer, unit).cost.sum()),
        refiner.n_steps,
        refiner.is_stopped or spent() >= 1.0,
    )


def _portion(
    progress: Callable[[float], None], begin: float, length: float
) -> Callable[[float], None]:
    return lambda share: progress(begin + length * share)


def _released(refiner: _Refiner, best: _Best, unit: np.ndarray) -> np.ndarray:
    """The units, those of parts outside their limits released, and searched again as single cells.

    What the parts gain in balance they may lose in split compounds, each at its cost.
    """
    problem = refiner.problem
    part = problem.whole.part
    size = np.bincount(unit)
    is_joined = (size[unit] > 1) & (problem.compound >= 0)
    troubled = (best.excess > 0) & (np.bincount(part, is_joined, minlength=len(best.excess)) > 0)
    if not troubled.any() or refiner.spent() >= 1.0:
        return unit
    free = units.release(unit, troubled[part] & (problem.compound >= 0))
    n_units = int(free.max()) + 1
    share = float(troubled[part].mean())
    schedule = Schedule.for_problem(n_units, _coarseness(problem, free))
    schedule = replace(
        schedule, n_steps=int(schedule.n_steps * share), tight=RELEASED_PRESSURE * schedule.tight
    )
    for start in range(_n_starts(int(share * n_units))):
        found = refiner.attempt(
            free, troubled, schedule, seed=refiner.seed + 2003 * (start + 1), given=best.labels
        )
        best.take(found, part, troubled)
    return free


def _n_starts(n_units: int) -> int:
    """First plans to search that many units from."""
    return int(np.clip(UNITS_PER_START * MAX_STARTS // max(1, n_units), 1, MAX_STARTS))


def _search_again(refiner: _Refiner, best: _Best, unit: np.ndarray, schedule: Schedule) -> None:
    """Search small parts outside their limits from other first plans while that helps."""
    part = refiner.problem.whole.part
    size = np.bincount(part, minlength=len(best.excess))
    small = (size <= LARGEST_RETRIED) & (size > LARGEST)
    n_vain = 0
    for attempt in range(1, MAX_ATTEMPTS):
        searched = (best.excess > 0) & small
        if not searched.any() or n_vain == PATIENCE or refiner.spent() >= 1.0:
            return
        share = float(searched[part].mean())
        local = replace(schedule, n_steps=int(schedule.n_steps * share))
        if attempt % 3 == 2:
            local = replace(local, loose=schedule.tight)
        found = refiner.attempt(
            unit, searched, local, seed=refiner.seed + attempt, given=best.labels
        )
        n_vain = 0 if best.take(found, part, searched) else n_vain + 1

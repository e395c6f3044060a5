"""The best plan of a small instance, proved: a depth-first search, or set partitioning."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from geo.errors import ParameterError
from geo.planning.graph import Graph
from geo.planning.masks import LARGEST
from geo.planning.objective import Weights
from geo.planning.set_partitioning import ROUNDING, Sets, Solver

NODES_A_SECOND = 3_000_000
"""About what the depth-first search does; only to end in time."""

WIDER = 1.6
WIDEST = 8.0
"""Where no plan lies within the tolerance, it is widened by this factor, up to this deviation."""

RESOLUTION = 1e-7
"""The least deviation is found to within this."""


@dataclass(frozen=True)
class ExactPlan:
    """The best plan, or what could be proved within caps and time.

    `labels`: grid of each unit, None where no plan was found. `is_proved`: `labels` are the
    least cost within the tolerance (or, where nothing lies within it, at the least deviation), or
    None because no plan exists at all. `max_deviation` of the labels; `least_deviation`: no plan's
    largest deviation is below it, and where `is_least_reached` some plan's is just that. `cost` of
    the labels; `cost_bound`: no plan within the tolerance (or at the least deviation) costs less.
    """

    labels: np.ndarray | None
    is_proved: bool
    max_deviation: float
    least_deviation: float
    is_least_reached: bool
    cost: float
    cost_bound: float

    @property
    def gap(self) -> float:
        """How far the cost may lie above the least possible, as a share of it; inf if unknown."""
        if self.labels is None or not np.isfinite(self.cost_bound):
            return float("inf")
        return max(0.0, (self.cost - self.cost_bound) / max(abs(self.cost_bound), 1e-12))


def best_plan(
    graph: Graph,
    *,
    n_grids: int,
    target: float,
    tolerance: float,
    weights: Weights = Weights(),  # noqa: B008 - frozen
    least_perimeter: bool = False,
    max_sets: int = 300_000,
    time_limit_s: float = 60.0,
) -> ExactPlan:
    """The plan of least cost within the tolerance, and the least deviation possible, both proved.

    By depth-first search over divisions (see `geo.planning.enumeration`); where that does not
    finish, every connected set of units that may be a grid is listed, and HiGHS solves the set
    partitioning problem. Where no plan lies within the tolerance, the plan of least cost at the
    least possible deviation.

    Parameters
    ----------
    graph : at most 64 units
    target : wanted load of a grid, above 0
    tolerance : allowed |load - target| / target
    least_perimeter : the cost is the sum of the perimeters in metres, instead of the objective's
    max_sets : most sets listed; time_limit_s : about as long as it may take. What is not finished
        within them is said, never guessed

    Raises
    ------
    ParameterError : more than 64 units, fewer units than grids, or a target not above 0
    """
    n = graph.n_units
    if not 1 <= n_grids <= n <= LARGEST or not 0 < target < np.inf:
        raise ParameterError(
            "plan.exact",
            f"an exact plan needs at most {LARGEST} cells, 1 to {n} grids and a target above 0; "
            f"got {n} cells, {n_grids} grids, target {target}. Take a smaller part.",
            n_units=n,
            n_grids=n_grids,
            target=target,
        )
    deadline = time.perf_counter() + time_limit_s
    solver = Solver(
        graph, n_grids, target, max_sets, deadline, None if least_perimeter else weights
    )
    known = _cheapest(solver, tolerance)
    balanced = _least_deviation(solver, tolerance, known)
    if known.labels is None and known.is_proved and balanced.is_reached:
        known = _cheapest(solver, balanced.least)
    labels = balanced.labels if known.labels is None else known.labels
    if labels is None:
        return ExactPlan(None, balanced.is_none, np.nan, balanced.least, False, np.nan, known.bound)
    plan = solver.plan(labels)
    return ExactPlan(
        labels,
        known.is_proved and known.labels is not None,
        float(plan.deviation.max()),
        balanced.least,
        balanced.is_reached,
        float(plan.cost.sum()),
        known.bound if known.labels is not None else -np.inf,
    )


@dataclass(frozen=True)
class _Cheapest:
    """Labels, None where there are none or none were found; whether proved; bound of the cost."""

    labels: np.ndarray | None
    is_proved: bool
    bound: float


def _cheapest(solver: Solver, tolerance: float) -> _Cheapest:
    """The plan of least cost within the tolerance."""
    labels, is_proved = solver.walked(tolerance, is_cheapest=True)
    cost = float(solver.plan(labels).cost.sum()) if labels is not None else np.inf
    if is_proved:
        return _Cheapest(labels, True, cost)
    sets = solver.sets(tolerance)
    if sets is None:
        nodes = int(NODES_A_SECOND * max(0.0, solver.left_s()) / 2)
        labels, is_proved = solver.walked(tolerance, is_cheapest=True, node_cap=nodes)
        if labels is None or not is_proved:
            return _Cheapest(labels, is_proved, np.inf if is_proved else -np.inf)
        return _Cheapest(labels, True, float(solver.plan(labels).cost.sum()))
    answer = solver.chosen(sets, tolerance, cost)
    if answer.columns is not None and sets.cost[answer.columns].sum() <= cost:
        labels = _labels(sets, answer.columns)
    return _Cheapest(labels, answer.is_proved, answer.bound)


@dataclass(frozen=True)
class _Balanced:
    """No plan's largest deviation is below `least`; `labels` reach it if `is_reached`; `is_none`:
    no plan exists at all.
    """

    labels: np.ndarray | None
    least: float
    is_reached: bool
    is_none: bool = False


def _least_deviation(solver: Solver, tolerance: float, known: _Cheapest) -> _Balanced:
    """The least largest deviation of any plan, by halving."""
    best, below, width = known.labels, 0.0, tolerance
    if best is None and known.is_proved:
        below = tolerance + ROUNDING
    sets: Sets | None = None
    while best is None:
        if width >= WIDEST or solver.left_s() <= 0:
            return _Balanced(None, below, False, is_none=width >= WIDEST)
        width = min(WIDEST, max(width * WIDER, width + 0.01))
        best, is_sure, sets = _any_plan(solver, width, width, None)
        if best is None and not is_sure:
            return _Balanced(None, below, False)
        below = below if best is not None else width + ROUNDING
    reached = float(solver.plan(best).deviation.max())
    while reached - below > RESOLUTION:
        found, is_sure, sets = _any_plan(solver, (below + reached) / 2, reached, sets)
        if found is not None:
            best, reached = found, float(solver.plan(found).deviation.max())
        elif is_sure:
            below = (below + reached) / 2
        else:
            return _Balanced(best, below, False)
    return _Balanced(best, reached, True)


def _any_plan(
    solver: Solver, tolerance: float, reached: float, sets: Sets | None
) -> tuple[np.ndarray | None, bool, Sets | None]:
    """Labels within the tolerance, whether they or none are sure, and the sets if listed.

    Parameters
    ----------
    sets : those within `reached`, if listed before
    """
    labels, is_sure = solver.walked(tolerance, is_cheapest=False)
    if labels is not None or is_sure:
        return labels, True, sets
    sets = solver.sets(reached) if sets is None else sets
    if sets is None:
        return None, False, None
    answer = solver.chosen(sets, tolerance, None)
    if answer.columns is None:
        return None, answer.is_proved, sets
    return _labels(sets, answer.columns), True, sets


def _labels(sets: Sets, columns: np.ndarray) -> np.ndarray:
    """The place among the columns of the set that holds each unit."""
    labels: np.ndarray = sets.holds[:, columns].toarray().argmax(axis=1).astype(np.int64)
    return labels

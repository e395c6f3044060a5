"""The best plan of a small instance, proved: a depth-first search, or set partitioning."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from geo.errors import ParameterError
from geo.planning.graph import Graph
from geo.planning.ground import MOST_SETS
from geo.planning.masks import LARGEST
from geo.planning.objective import Weights, edge_costs
from geo.planning.possible_grids import PossibleGrids, costs_of, possible_grids
from geo.planning.set_partitioning import Choice, choose_division
from geo.planning.windows import best_division

NODE_CAP = 1_000_000
"""Sets that a depth-first search looks at before set partitioning is tried."""

NODES_A_SECOND = 3_000_000
"""About what the depth-first search does; only to end in time."""

WIDER = 1.6
WIDEST = 8.0
"""Where no plan lies within the tolerance, it is widened by this factor, up to this deviation."""

RESOLUTION = 1e-7
"""The least deviation is found to within this."""

ROUNDING = 1e-9
"""Deviations this close are the same."""

ANY_PLAN = Weights(shape=0.0, border=0.0, along_barrier=0.0, split=0.0)


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
    instance = _Instance(
        graph,
        n_grids,
        target,
        max_sets,
        time.perf_counter() + time_limit_s,
        ANY_PLAN if least_perimeter else weights,
        2 * graph.length_m if least_perimeter else edge_costs(graph, n_grids, weights),
    )
    known = _cheapest(instance, tolerance)
    balanced = _least_deviation(instance, tolerance, known)
    if known.labels is None and known.is_proved and balanced.is_reached:
        known = _cheapest(instance, balanced.least)
    labels = balanced.labels if known.labels is None else known.labels
    if labels is None:
        bound = np.inf if balanced.is_none else -np.inf
        return ExactPlan(None, balanced.is_none, np.nan, balanced.least, False, np.nan, bound)
    outer_m = float(graph.perimeter_m.sum() - graph.length_m.sum()) if least_perimeter else 0.0
    return ExactPlan(
        labels,
        known.is_proved and known.labels is not None,
        instance.deviation(labels),
        balanced.least,
        balanced.is_reached,
        instance.cost(labels) + outer_m,
        known.bound + outer_m if known.labels is not None else -np.inf,
    )


@dataclass(frozen=True)
class _Instance:
    """What is solved, until the deadline."""

    graph: Graph
    n_grids: int
    target: float
    max_sets: int
    deadline: float
    weights: Weights
    edge_cost: np.ndarray

    def left_s(self) -> float:
        return self.deadline - time.perf_counter()

    def limits(self, tolerance: float) -> np.ndarray:
        one = self.target * np.array([1 - tolerance, 1 + tolerance, 1.0])
        return np.tile(one, (self.n_grids, 1, 1))

    def deviation(self, labels: np.ndarray) -> float:
        held = np.bincount(labels, self.graph.load)
        return float(np.abs(held / self.target - 1).max())

    def cost(self, labels: np.ndarray) -> float:
        is_in = labels[:, None] == np.arange(self.n_grids)[None, :]
        plan = PossibleGrids(np.zeros(self.n_grids, np.uint64), is_in, np.zeros((0, 1)))
        return float(self.costs(plan).sum())

    def costs(self, grids: PossibleGrids) -> np.ndarray:
        every = np.arange(self.graph.n_units)
        return costs_of(self.graph, every, grids, edge_cost=self.edge_cost, weights=self.weights)

    def walked(
        self, tolerance: float, *, is_cheapest: bool, node_cap: int = NODE_CAP
    ) -> tuple[np.ndarray | None, bool]:
        """Labels within the tolerance by depth-first search; whether they, or none, are proved."""
        if not 2 <= self.n_grids <= MOST_SETS or self.left_s() <= 0:
            return None, False
        found = best_division(
            self.graph,
            np.arange(self.graph.n_units),
            limits=self.limits(tolerance),
            edge_cost=self.edge_cost if is_cheapest else np.zeros_like(self.edge_cost),
            weights=self.weights if is_cheapest else ANY_PLAN,
            node_cap=node_cap,
        )
        return found.labels, found.is_proved

    def possible(self, tolerance: float) -> PossibleGrids | None:
        """All sets that may be a grid of a plan within the tolerance; None for too many."""
        if self.left_s() <= 0:
            return None
        return possible_grids(
            self.graph,
            np.arange(self.graph.n_units),
            limits=self.limits(tolerance),
            max_sets=self.max_sets,
        )

    def chosen(self, grids: PossibleGrids, tolerance: float, below: float | None) -> Choice:
        """A plan within the tolerance from these sets: any, or the cheapest, not above a cost."""
        limits = self.limits(tolerance)
        fitting = grids.within(limits)
        costs = np.zeros(len(fitting.masks)) if below is None else self.costs(fitting)
        return choose_division(
            fitting,
            costs,
            limits=limits,
            below=np.inf if below is None else below,
            time_limit_s=self.left_s(),
        )


def _cheapest(instance: _Instance, tolerance: float) -> Choice:
    """The plan of least cost within the tolerance."""
    labels, is_proved = instance.walked(tolerance, is_cheapest=True)
    cost = np.inf if labels is None else instance.cost(labels)
    if is_proved:
        return Choice(labels, True, cost, cost)
    grids = instance.possible(tolerance)
    if grids is None:
        nodes = int(NODES_A_SECOND * max(0.0, instance.left_s()) / 2)
        labels, is_proved = instance.walked(tolerance, is_cheapest=True, node_cap=nodes)
        cost = np.inf if labels is None else instance.cost(labels)
        return Choice(labels, is_proved, cost, cost if is_proved else -np.inf)
    choice = instance.chosen(grids, tolerance, cost)
    if choice.labels is not None and choice.cost <= cost:
        return choice
    return Choice(labels, choice.is_proved, cost, min(cost, choice.bound))


@dataclass(frozen=True)
class _Balanced:
    """No plan's largest deviation is below `least`; `labels` reach it if `is_reached`; `is_none`:
    no plan exists at all.
    """

    labels: np.ndarray | None
    least: float
    is_reached: bool
    is_none: bool = False


def _least_deviation(instance: _Instance, tolerance: float, known: Choice) -> _Balanced:
    """The least largest deviation of any plan, by halving."""
    best, below, width = known.labels, 0.0, tolerance
    if best is None and known.is_proved:
        below = tolerance + ROUNDING
    grids: PossibleGrids | None = None
    while best is None:
        if width >= WIDEST or instance.left_s() <= 0:
            return _Balanced(None, below, False, is_none=width >= WIDEST)
        width = min(WIDEST, max(width * WIDER, width + 0.01))
        best, is_sure, grids = _any_plan(instance, width, width, None)
        if best is None and not is_sure:
            return _Balanced(None, below, False)
        below = below if best is not None else width + ROUNDING
    reached = instance.deviation(best)
    while reached - below > RESOLUTION:
        middle = (below + reached) / 2
        found, is_sure, grids = _any_plan(instance, middle, reached, grids)
        if found is not None:
            best, reached = found, instance.deviation(found)
        elif is_sure:
            below = middle
        else:
            return _Balanced(best, below, False)
    return _Balanced(best, reached, True)


def _any_plan(
    instance: _Instance, tolerance: float, reached: float, grids: PossibleGrids | None
) -> tuple[np.ndarray | None, bool, PossibleGrids | None]:
    """Labels within the tolerance, whether they or none are sure, and the sets if listed.

    Parameters
    ----------
    grids : those within `reached`, if listed before
    """
    labels, is_sure = instance.walked(tolerance, is_cheapest=False)
    if labels is not None or is_sure:
        return labels, True, grids
    grids = instance.possible(reached) if grids is None else grids
    if grids is None:
        return None, False, None
    choice = instance.chosen(grids, tolerance, None)
    return choice.labels, choice.labels is not None or choice.is_proved, grids

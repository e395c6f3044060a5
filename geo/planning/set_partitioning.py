"""A small instance by depth-first search, and by set partitioning over all possible grids."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csc_array, vstack

from geo.planning.connected_sets import DONE, connected_sets
from geo.planning.graph import Graph
from geo.planning.ground import MOST_SETS
from geo.planning.objective import Weights, edge_costs
from geo.planning.windows import best_division

NODES_A_SET = 400
"""Connected sets looked at for each that is wanted, at most."""

NODE_CAP = 2_000_000
"""Sets that a depth-first search looks at before set partitioning is tried."""

ROUNDING = 1e-9
"""Deviations this close are the same."""

INFEASIBLE = 2
"""HiGHS' status for a problem proved to have no solution."""


@dataclass(frozen=True)
class Sets:
    """Possible grids: `holds` (units x sets), deviation and cost of each."""

    holds: csc_array
    deviation: np.ndarray
    cost: np.ndarray


@dataclass(frozen=True)
class Answer:
    """`columns` of the sets, or None; whether that is proved; no plan costs less than `bound`."""

    columns: np.ndarray | None
    is_proved: bool
    bound: float


@dataclass(frozen=True)
class Solver:
    """Answers about one instance, until the deadline; `weights` None: the cost is the perimeter."""

    graph: Graph
    n_grids: int
    target: float
    max_sets: int
    deadline: float
    weights: Weights | None

    def left_s(self) -> float:
        return self.deadline - time.perf_counter()

    def walked(
        self, tolerance: float, *, is_cheapest: bool, node_cap: int = NODE_CAP
    ) -> tuple[np.ndarray | None, bool]:
        """Labels within the tolerance by depth-first search; whether they, or none, are proved."""
        if not 2 <= self.n_grids <= MOST_SETS or self.left_s() <= 0:
            return None, False
        price, weights = self._prices(), self.weights or Weights(shape=0.0)
        if not is_cheapest:
            price, weights = np.zeros_like(price), Weights(shape=0.0)
        limit = self.target * np.array([1 - tolerance, 1 + tolerance, 1.0])
        found = best_division(
            self.graph,
            np.arange(self.graph.n_units),
            limits=np.tile(limit, (self.n_grids, 1, 1)),
            edge_cost=price,
            weights=weights,
            node_cap=node_cap,
        )
        return found.labels, found.is_proved

    def _prices(self) -> np.ndarray:
        """What each edge costs between two grids; a perimeter counts a border on both sides."""
        if self.weights is None:
            return 2 * self.graph.length_m
        return edge_costs(self.graph, self.n_grids, self.weights)

    def sets(self, tolerance: float) -> Sets | None:
        """All sets that may be a grid of a plan within the tolerance; None for too many."""
        graph, n = self.graph, self.graph.n_units
        one, other = graph.edges()
        ones = np.uint64(1)
        near = np.zeros(n, dtype=np.uint64)
        np.bitwise_or.at(near, one, ones << other.astype(np.uint64))
        part = np.zeros(graph.n_parts, dtype=np.uint64)
        np.bitwise_or.at(part, graph.part, ones << np.arange(n, dtype=np.uint64))
        limits = self.target * np.array([1 - tolerance, 1 + tolerance, ROUNDING])
        found = np.empty(self.max_sets, dtype=np.uint64)
        status, n_found = connected_sets(
            near, graph.load, part[graph.part], limits, found, NODES_A_SET * self.max_sets
        )
        return self.described(found[:n_found]) if status == DONE else None

    def described(self, masks: np.ndarray) -> Sets:
        """Deviation and cost of these sets; a border counts half for either side."""
        graph, n = self.graph, self.graph.n_units
        is_in = (masks[None, :] >> np.arange(n, dtype=np.uint64)[:, None]) & np.uint64(1) > 0
        perimeter_m = graph.perimeter_m @ is_in
        border = np.zeros(len(masks))
        one, other = graph.edges()
        once = np.flatnonzero(one < other)
        price = self._prices()
        for edge in once:
            left, right = is_in[one[edge]], is_in[other[edge]]
            perimeter_m -= np.where(left & right, 2 * graph.length_m[edge], 0.0)
            border += np.where(left ^ right, price[edge] / 2, 0.0)
        deviation = np.abs(graph.load @ is_in - self.target) / self.target
        cost = perimeter_m
        if self.weights is not None:
            shape = 4 * np.pi * (graph.area_m2 @ is_in) / np.maximum(perimeter_m, 1e-300) ** 2
            cost = self.weights.shape * (1 - shape) + border
        return Sets(csc_array(is_in.astype(np.float64)), deviation, cost)

    def plan(self, labels: np.ndarray) -> Sets:
        """The grids of a plan as sets."""
        masks = np.zeros(self.n_grids, dtype=np.uint64)
        places = np.uint64(1) << np.arange(len(labels), dtype=np.uint64)
        np.bitwise_or.at(masks, labels, places)
        return self.described(masks)

    def chosen(self, sets: Sets, tolerance: float, cost: float | None) -> Answer:
        """Sets that make a plan within the tolerance: any, or of least cost, below that cost.

        A set partitioning problem (Garfinkel and Nemhauser 1969); with a known cost, sets that
        the linear relaxation's prices prove to be in no cheaper plan are left out first.
        """
        columns = np.flatnonzero(sets.deviation <= tolerance + ROUNDING)
        if len(columns) < self.n_grids:
            return Answer(None, True, np.inf)
        demand = np.r_[np.ones(self.graph.n_units), float(self.n_grids)]
        count = csc_array(np.ones((1, len(columns))))
        rows = vstack([sets.holds[:, columns], count], format="csc")
        price = sets.cost[columns] if cost is not None else np.zeros(len(columns))
        bound = -np.inf
        if cost is not None and np.isfinite(cost):
            loose = self._relaxed(rows, demand, price)
            if loose is None:
                return Answer(None, False, bound)
            bound, spare = loose
            is_left = spare <= cost - bound + 1e-6 * (1 + abs(cost))
            columns, rows, price = columns[is_left], rows[:, is_left], price[is_left]
        if self.left_s() <= 0 or len(columns) == 0:
            return Answer(None, False, bound)
        answer = milp(
            price,
            constraints=LinearConstraint(rows, demand, demand),
            integrality=np.ones(len(columns)),
            bounds=Bounds(0, 1),
            options={"time_limit": max(0.01, self.left_s()), "mip_rel_gap": 1e-9},
        )
        if answer.x is None:
            return Answer(None, answer.status == INFEASIBLE, bound)
        if answer.mip_dual_bound is not None:
            bound = max(bound, float(answer.mip_dual_bound))
        return Answer(columns[answer.x > 0.5], answer.status == 0, bound)

    def _relaxed(
        self, rows: csc_array, demand: np.ndarray, price: np.ndarray
    ) -> tuple[float, np.ndarray] | None:
        """The relaxation's least cost, and how much more each set costs than its prices."""
        answer = linprog(
            price,
            A_eq=rows,
            b_eq=demand,
            bounds=(0, None),
            method="highs",
            options={"time_limit": max(0.01, self.left_s())},
        )
        if answer.status != 0:
            return None
        spare: np.ndarray = price - rows.T @ answer.eqlin.marginals
        return float(answer.fun) + float(np.minimum(spare, 0.0).sum()), spare

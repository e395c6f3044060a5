"""An old plan to redraw, its prices, and the compiled search's views of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from geo.planning.graph import Graph
from geo.planning.objective import Weights, edge_costs
from geo.planning.shifting import AREA, ENERGY, FOUR_PI, LOAD, PERIMETER, Demand, Ground, Plan

STEP_OUTSIDE = 0.02
"""Being outside the limits at all counts as this much of the target more."""

CELL_PRICE = 1e-3
"""Price of one cell more that moves, so that of equal loads the fewer cells move."""

LOST_PRICE = 1e4
"""Price of a grid that keeps none of its old ground: a code is not handed to other ground."""

OUTSIDE_PRICE = 400.0
"""Price of a target of load outside the limits when plans are compared: none is worth it."""


@dataclass(frozen=True)
class Task:
    """One annealing: its number, the price of touching each grid, which may change, and how many
    times as hot as usual it begins and ends."""

    number: int
    charge: np.ndarray
    is_open: np.ndarray
    heat: float


@dataclass(frozen=True)
class Problem:
    """An old plan to redraw. `start`: grid of each unit, 0 to k - 1, each with a unit; `home`: the
    old grid, -1 for none; `limits` (k, 3): low, high, target; `is_fixed`: units that stay;
    `is_open`: grids that may change; `is_whole`: grids in one piece.
    """

    graph: Graph
    start: np.ndarray
    home: np.ndarray
    limits: np.ndarray
    is_fixed: np.ndarray
    is_open: np.ndarray
    is_whole: np.ndarray
    weights: Weights

    @property
    def n_grids(self) -> int:
        return len(self.limits)

    @property
    def target(self) -> float:
        """The mean target."""
        return float(self.limits[:, 2].mean())

    @property
    def price(self) -> float:
        """What prices are measured in: about that of moving the load of one grid."""
        return max(self.weights.moved, 4 * self.weights.touched, 2.5 * self.weights.shape, 1e-9)

    def ground(self) -> Ground:
        """The compiled search's view of the units."""
        graph = self.graph
        return Ground(
            indptr=graph.indptr.astype(np.int64),
            indices=graph.indices.astype(np.int64),
            length_m=graph.length_m,
            cost=edge_costs(graph, self.n_grids, self.weights),
            body=np.column_stack([graph.load, graph.area_m2, graph.perimeter_m]),
            home=self.home,
            is_fixed=self.is_fixed,
        )

    def plan(self, ground: Ground, labels: np.ndarray) -> Plan:
        """The compiled search's view of a plan; energies are still to be set."""
        k = self.n_grids
        one, other = self.graph.edges()
        is_inside = labels[one] == labels[other]
        sums = np.zeros((k, 4))
        for column in (LOAD, AREA, PERIMETER):
            sums[:, column] = np.bincount(labels, ground.body[:, column], minlength=k)
        inner = labels[one[is_inside]]
        sums[:, PERIMETER] -= np.bincount(inner, ground.length_m[is_inside], minlength=k)
        moved = np.flatnonzero(labels != self.home)
        left = self.home[moved][self.home[moved] >= 0]
        changed = np.bincount(labels[moved], minlength=k) + np.bincount(left, minlength=k)
        return Plan(labels.copy(), sums, np.bincount(labels, minlength=k), changed)

    def excess(self, load: np.ndarray) -> np.ndarray:
        """How far each grid's load lies outside its limits, in targets."""
        low, high, target = self.limits.T
        found: np.ndarray = np.maximum(0.0, np.maximum(low - load, load - high)) / target
        return found

    def set_energies(self, plan: Plan, excess_price: float) -> None:
        """Write the energies of the grids at this price of a target outside the limits."""
        sums = plan.sums
        excess = self.excess(sums[:, LOAD])
        shape = 1.0 - FOUR_PI * sums[:, AREA] / np.maximum(sums[:, PERIMETER] ** 2, 1e-12)
        outside = np.where(excess > 0, excess + STEP_OUTSIDE, 0.0)
        sums[:, ENERGY] = self.weights.shape * shape + excess_price * outside

    def demand(self, excess_price: float, task: Task) -> Demand:
        """The compiled search's view of limits and prices."""
        w = self.weights
        cell = w.moved * float(self.graph.load.mean()) / self.target
        return Demand(
            limits=self.limits,
            charge=task.charge,
            is_open=task.is_open,
            weights=np.array(
                [
                    excess_price,
                    STEP_OUTSIDE,
                    w.shape,
                    w.moved / self.target,
                    CELL_PRICE * self.price,
                ]
            ),
            lure=np.array([0.25 * w.shape + 0.01 * self.price, 2 * cell]),
        )

    def costs(self, plan: Plan, ground: Ground) -> np.ndarray:
        """What each grid of a plan costs: all prices, half of each border's."""
        k, w, labels = self.n_grids, self.weights, plan.labels
        self.set_energies(plan, OUTSIDE_PRICE * self.price)
        costs: np.ndarray = plan.sums[:, ENERGY] + w.touched * (plan.changed > 0)
        is_kept = labels == self.home
        had = np.bincount(self.home[self.home >= 0], minlength=k) > 0
        is_lost = had & (np.bincount(labels[is_kept], minlength=k) == 0)
        costs += LOST_PRICE * self.price * is_lost
        moved = np.flatnonzero(~is_kept & (self.home >= 0))
        price = w.moved / self.target * ground.body[moved, LOAD] + CELL_PRICE * self.price
        costs += np.bincount(labels[moved], price, minlength=k)
        if ground.cost.any():
            one, other = self.graph.edges()
            is_cut = labels[one] != labels[other]
            costs += np.bincount(labels[one[is_cut]], ground.cost[is_cut] / 2, minlength=k)
        return costs

    def open_graph(self) -> Graph:
        """The graph without the borders of grids that may not change, or lie in pieces."""
        one, other = self.graph.edges()
        is_usable = self.is_open & self.is_whole
        is_kept = is_usable[self.start[one]] & is_usable[self.start[other]]
        n_kept = np.bincount(one[is_kept], minlength=self.graph.n_units)
        return replace(
            self.graph,
            indptr=np.r_[0, np.cumsum(n_kept)],
            indices=other[is_kept],
            length_m=self.graph.length_m[is_kept],
            barrier_m=self.graph.barrier_m[is_kept],
        )

"""Small parts settled exactly: the best plan there is, or proof that none is within its limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geo.planning.graph import Graph
from geo.planning.ground import MOST_SETS
from geo.planning.masks import LARGEST
from geo.planning.objective import Weights, edge_costs
from geo.planning.preparing import Problem
from geo.planning.windows import Division, best_division

NODE_CAP = 2_000_000
POLISH_CAP = 300_000
"""Sets of cells looked at to settle a deviation; to better a plan within its limits."""

FINENESS = 0.0005
MOST_HALVINGS = 12
"""The least deviation is found to within this share of the target, by at most so many halvings."""


@dataclass
class Settled:
    """`labels` of the cells; `proved`: for each part, the deviation below which no plan exists."""

    labels: np.ndarray
    proved: np.ndarray


@dataclass
class _Part:
    """One part's units, and what its divisions are judged by."""

    graph: Graph
    window: np.ndarray
    own: np.ndarray
    limits: np.ndarray
    loads: np.ndarray
    edge_cost: np.ndarray
    weights: Weights
    compound: np.ndarray
    enemies: np.ndarray

    def divide(self, limits: np.ndarray, incumbent: tuple[float, float], cap: int) -> Division:
        return best_division(
            self.graph,
            self.window,
            limits=limits,
            edge_cost=self.edge_cost,
            weights=self.weights,
            more_loads=self.loads[:, 1:],
            compound=self.compound,
            enemies=self.enemies,
            incumbent=incumbent,
            node_cap=cap,
        )

    def deviation(self) -> float:
        """The largest deviation of the first load in the part's plan."""
        target = float(self.limits[0, 0, 2])
        held = np.bincount(self.own, self.loads[self.window, 0])
        return float(np.abs(held - target).max() / target)

    def cost(self) -> float:
        """Shapes, inner borders and split compounds of the part's plan, as `divide` counts them."""
        slot = np.full(self.graph.n_units, -1, dtype=np.int64)
        slot[self.window] = self.own
        one, other = self.graph.edges()
        is_here = (slot[one] >= 0) & (slot[other] >= 0)
        is_same = is_here & (slot[one] == slot[other])
        area_m2 = np.bincount(self.own, self.graph.area_m2[self.window])
        perimeter_m = np.bincount(self.own, self.graph.perimeter_m[self.window])
        perimeter_m -= np.bincount(
            slot[one[is_same]], self.graph.length_m[is_same], minlength=len(perimeter_m)
        )
        shape = self.weights.shape * (1 - 4 * np.pi * area_m2 / perimeter_m**2).sum()
        borders = self.edge_cost[is_here & ~is_same].sum() / 2
        has = self.compound >= 0
        pairs = np.unique(np.stack([self.compound[has], self.own[has]], axis=1), axis=0)
        return float(shape + borders + self.weights.split * len(pairs))


def settle(
    problem: Problem,
    labels: np.ndarray,
    unit: np.ndarray,
    *,
    weights: Weights,
    spent: Callable[[], float],
) -> Settled:
    """The plan with its small parts at their best, as far as a capped exact search finds it.

    Parts of at most 64 units whose grids are alike: one outside its limits gets the least
    deviation there is, one inside them the least cost. Deterministic.

    Parameters
    ----------
    labels : grid of each cell; unit : of each cell
    """
    labels = labels.copy()
    proved = np.zeros(len(problem.n_grids))
    network = problem.network(unit)
    part_of_unit = np.zeros(network.n_units, dtype=np.int64)
    part_of_unit[unit] = problem.whole.part
    size = np.bincount(part_of_unit, minlength=len(proved))
    offset = np.r_[0, np.cumsum(problem.n_grids)]
    can = (size <= LARGEST) & (problem.n_grids > 1) & (problem.n_grids <= MOST_SETS)
    can &= problem.n_grids <= size
    if not can.any():
        return Settled(labels, proved)
    loads = problem.unit_loads(unit)
    edge_cost = edge_costs(network, len(problem.limits), weights)
    ties = problem.ties(unit)
    by_unit = np.zeros(network.n_units, dtype=np.int64)
    by_unit[unit] = labels
    compound = np.full(network.n_units, -1, dtype=np.int64)
    compound[unit] = problem.compound
    for number in np.flatnonzero(can):
        if spent() >= 1.0:
            break
        window = np.flatnonzero(part_of_unit == number)
        limits = problem.limits[offset[number] : offset[number + 1]]
        if np.ptp(limits, axis=0).any():
            continue
        part = _Part(
            network,
            window,
            by_unit[window] - offset[number],
            limits,
            loads,
            edge_cost,
            weights,
            compound[window],
            _enemies(ties.ptr, ties.units, window),
        )
        held = np.stack([np.bincount(part.own, column[window]) for column in loads.T], axis=1)
        excess = np.maximum(limits[:, :, 0] - held, held - limits[:, :, 1])
        if (excess > 1e-9 * limits[:, :, 2]).any():
            proved[number] = _least_deviation(part, spent)
        else:
            found = part.divide(limits, (0.0, part.cost()), POLISH_CAP)
            if found.labels is not None:
                part.own = found.labels
        by_unit[window] = part.own + offset[number]
    settled: np.ndarray = by_unit[unit]
    return Settled(settled, proved)


def _least_deviation(part: _Part, spent: Callable[[], float]) -> float:
    """Bring the part to the least deviation found; the deviation below which none exists.

    Further loads stay inside their own limits.
    """
    target = float(part.limits[0, 0, 2])
    low = float(np.abs(part.limits[0, 0, :2] / target - 1).max())
    high, proved, is_proving = part.deviation(), 0.0, True
    limits = part.limits.copy()
    for halving in range(MOST_HALVINGS):
        if high - low <= FINENESS or spent() >= 1.0:
            break
        middle = low if halving == 0 else (low + high) / 2
        limits[:, 0, 0], limits[:, 0, 1] = target * (1 - middle), target * (1 + middle)
        found = part.divide(limits, (0.0, np.inf), NODE_CAP)
        if found.labels is not None:
            part.own = found.labels
            high = min(part.deviation(), middle)
            continue
        low = middle
        is_proving = is_proving and found.is_proved
        if is_proving:
            proved = middle
    return proved


def _enemies(ptr: np.ndarray, ties: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Pairs of places in the window of units that must not share a grid."""
    slot = {int(unit): place for place, unit in enumerate(window)}
    pairs = [
        (slot[int(unit)], slot[int(other)])
        for unit in window
        for other in ties[ptr[unit, 1] : ptr[unit, 2]]
        if slot[int(other)] > slot[int(unit)]
    ]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)

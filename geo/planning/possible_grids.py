"""All sets of a window's units that may be a grid, and what each costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geo.planning.connected_sets import DONE, connected_sets
from geo.planning.graph import Graph
from geo.planning.objective import Weights

NODES_A_SET = 100
"""Connected sets looked at for each that is wanted, at most."""

NEARLY = 1e-9
"""Loads and costs that differ by less than this share count as equal."""


@dataclass(frozen=True)
class PossibleGrids:
    """Connected sets within limits, whose rest may be divided: `masks` of the window's units,
    `is_in` (units, sets), `loads` (sets, loads).
    """

    masks: np.ndarray
    is_in: np.ndarray
    loads: np.ndarray

    def within(self, limits: np.ndarray) -> PossibleGrids:
        """Those within the widest of these limits."""
        low, high = limits[:, :, 0].min(axis=0), limits[:, :, 1].max(axis=0)
        near = NEARLY * np.abs(limits[0, :, 2])
        kept = ((self.loads >= low - near) & (self.loads <= high + near)).all(axis=1)
        return PossibleGrids(self.masks[kept], self.is_in[:, kept], self.loads[kept])


def possible_grids(
    graph: Graph,
    window: np.ndarray,
    *,
    limits: np.ndarray,
    more_loads: np.ndarray | None = None,
    enemies: np.ndarray | None = None,
    max_sets: int,
) -> PossibleGrids | None:
    """All sets of the window's units that may be a grid of a lawful division; None for too many.

    Parameters as in `windows.best_division`.
    """
    own, n = graph.part_of(window), len(window)
    one, other = own.edges()
    near = np.zeros(n, dtype=np.uint64)
    place = np.uint64(1) << np.arange(n, dtype=np.uint64)
    np.bitwise_or.at(near, one, place[other])
    low, high, target = limits[:, 0, 0].min(), limits[:, 0, 1].max(), limits[0, 0, 2]
    found = np.empty(max_sets, dtype=np.uint64)
    status, n_found = connected_sets(
        near,
        own.load.astype(np.float64),
        np.array([low, high, NEARLY * abs(target)]),
        found,
        NODES_A_SET * max_sets,
    )
    if status != DONE:
        return None
    masks = found[:n_found]
    is_in = (masks[None, :] & place[:, None]) > 0
    for left, right in [] if enemies is None else enemies:
        kept = ~(is_in[left] & is_in[right])
        masks, is_in = masks[kept], is_in[:, kept]
    more = np.zeros((graph.n_units, 0)) if more_loads is None else more_loads
    loads = is_in.T @ np.column_stack([own.load, more[window]])
    return PossibleGrids(masks, is_in, loads).within(limits)


def costs_of(
    graph: Graph,
    window: np.ndarray,
    grids: PossibleGrids,
    *,
    edge_cost: np.ndarray,
    weights: Weights,
    compound: np.ndarray | None = None,
) -> np.ndarray:
    """Of each set its shape, half its borders inside the window and the compounds in it."""
    is_in, own = grids.is_in, graph.part_of(window)
    place = np.full(graph.n_units, -1, dtype=np.int64)
    place[window] = np.arange(len(window))
    perimeter_m = own.perimeter_m @ is_in
    cost = np.zeros(is_in.shape[1])
    one, other = graph.edges()
    one, other = place[one], place[other]
    for edge in np.flatnonzero((one >= 0) & (one < other)):
        left, right = is_in[one[edge]], is_in[other[edge]]
        perimeter_m -= np.where(left & right, 2 * graph.length_m[edge], 0.0)
        cost += np.where(left ^ right, edge_cost[edge] / 2, 0.0)
    is_real = perimeter_m > 0
    shape = 4 * np.pi * (own.area_m2 @ is_in) / np.where(is_real, perimeter_m, 1.0) ** 2
    cost += weights.shape * (1 - np.where(is_real, shape, 0.0))
    for number in [] if compound is None else np.unique(compound[compound >= 0]):
        cost += weights.split * is_in[compound == number].any(axis=0)
    return cost

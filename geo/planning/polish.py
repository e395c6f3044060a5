"""The division of a few neighbouring grids replaced by the exact best one, all over a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from geo.planning.graph import Graph
from geo.planning.objective import Weights, edge_costs
from geo.planning.replacing import BETTER, NODES, OVER_CAP, TOO_LARGE, polish_windows

NODE_CAPS: Mapping[int, int] = MappingProxyType({2: 50_000, 3: 10_000})
"""Grids in a window, and sets of cells to look at in one."""

BATCH = 256
"""Windows between two questions whether to stop."""


def neighbour_pairs(graph: Graph, labels: np.ndarray) -> np.ndarray:
    """Pairs (p, 2) of neighbouring grids, ascending."""
    one, other = graph.edges()
    pairs = np.stack([labels[one], labels[other]], axis=1)
    found: np.ndarray = np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)
    return found


def neighbour_triples(pairs: np.ndarray) -> np.ndarray:
    """Triples (t, 3) of grids, each a neighbour of both others, ascending."""
    if len(pairs) == 0:
        return np.empty((0, 3), dtype=np.int64)
    k = int(pairs.max()) + 1
    begins = np.searchsorted(pairs[:, 0], np.arange(k + 1))
    count = (begins[1:] - begins[:-1])[pairs[:, 1]]
    row = np.repeat(np.arange(len(pairs)), count)
    third = np.repeat(begins[pairs[:, 1]] - np.r_[0, np.cumsum(count)[:-1]], count)
    third = pairs[third + np.arange(len(row)), 1]
    is_closed = np.isin(pairs[row, 0] * k + third, pairs[:, 0] * k + pairs[:, 1])
    return np.column_stack([pairs[row[is_closed]], third[is_closed]])


@dataclass(frozen=True)
class Polished:
    """`labels` of the units; windows bettered; sets looked at; how many windows were not finished
    within the cap, and how many were too large to try (each time counted that they came up);
    `is_stopped`: told to end before nothing was left to try.
    """

    labels: np.ndarray
    n_better: int
    n_nodes: int
    n_capped: int
    n_skipped: int
    is_stopped: bool


@dataclass(frozen=True)
class Holding:
    """Who holds the units of an old plan, when it is redrawn: `grid` of each unit (-1 for none)
    and what each unit costs in another grid's hands.
    """

    grid: np.ndarray
    move_cost: np.ndarray


class _Polisher:
    """A plan being polished, and which windows have been looked at since their grids changed."""

    def __init__(
        self,
        graph: Graph,
        labels: np.ndarray,
        loads: np.ndarray,
        limits: np.ndarray,
        weights: Weights,
        *,
        tie_ptr: np.ndarray,
        ties: np.ndarray,
        holding: Holding | None,
        is_free: np.ndarray | None,
    ) -> None:
        n, k = graph.n_units, len(limits)
        self.graph = graph
        self.labels = labels.astype(np.int64)
        self.limits = np.ascontiguousarray(limits, dtype=np.float64)
        self.loads = loads
        self.counts = np.zeros(4, dtype=np.int64)
        self.changed = np.zeros(k, dtype=np.int64)
        self.clock = 1
        self.looked_at: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self.is_fixed = None if is_free is None or is_free.all() else ~is_free
        home, move_cost = self._homes(holding)
        touched = 0.0 if holding is None else weights.touched
        self.fixed_arrays = (
            graph.indptr.astype(np.int64),
            graph.indices.astype(np.int64),
            np.column_stack([graph.length_m, edge_costs(graph, k, weights)]),
            np.column_stack([graph.area_m2, graph.perimeter_m, loads]).astype(np.float64),
            tie_ptr,
            ties,
            _compounds(tie_ptr, ties),
        )
        self.rest = (
            np.array([weights.shape, weights.split, touched, 0.0]),
            home,
            np.bincount(home[home >= 0], minlength=k),
            move_cost,
        )
        self.head, self.following = _lists(self.labels, k)
        self.position = np.full(n, -1, dtype=np.int64)

    def _homes(self, holding: Holding | None) -> tuple[np.ndarray, np.ndarray]:
        """Home and cost of moving of each unit; units that may not move have theirs here."""
        if holding is None and self.is_fixed is None:
            return np.empty(0, dtype=np.int64), np.empty(0)
        n = len(self.labels)
        home = np.full(n, -1, dtype=np.int64) if holding is None else holding.grid.astype(np.int64)
        cost = np.zeros(n) if holding is None else holding.move_cost.astype(np.float64)
        if self.is_fixed is None:
            return home, cost
        return np.where(self.is_fixed, self.labels, home), np.where(self.is_fixed, np.inf, cost)

    def is_out(self) -> np.ndarray:
        """Mask of the grids with a load outside its limits."""
        k = len(self.limits)
        held = np.stack([np.bincount(self.labels, column, minlength=k) for column in self.loads.T])
        low, high, target = np.moveaxis(self.limits, 2, 0)
        found: np.ndarray = (np.maximum(low - held.T, held.T - high) > 1e-9 * np.abs(target)).any(
            axis=1
        )
        return found

    def windows(self, size: int) -> np.ndarray:
        """Windows of that many grids that were not looked at since one of their grids changed."""
        pairs = neighbour_pairs(self.graph, self.labels)
        found = pairs if size == 2 else neighbour_triples(pairs)
        if self.is_fixed is not None:
            can_change = np.bincount(self.labels, ~self.is_fixed, minlength=len(self.limits)) > 0
            found = found[can_change[found].sum(axis=1) > 1]
        key = _keys(found, len(self.limits))
        old_key, old_clock = self.looked_at.get(size, (np.empty(0, np.int64), np.empty(0)))
        at = np.minimum(np.searchsorted(old_key, key), max(0, len(old_key) - 1))
        is_known = np.zeros(len(key), dtype=bool)
        if len(old_key):
            is_known = old_key[at] == key
            is_known[is_known] = (
                self.changed[found[is_known]].max(axis=1) <= old_clock[at[is_known]]
            )
        due = found[~is_known]
        out = self.is_out()
        order = np.argsort(~out[due].any(axis=1), kind="stable")
        return np.ascontiguousarray(due[order])

    def look_at(self, windows: np.ndarray, node_cap: int) -> None:
        """Better the plan in these windows."""
        polish_windows(
            *self.fixed_arrays,
            self.labels,
            self.limits,
            *self.rest,
            windows,
            self.clock,
            self.head,
            self.following,
            self.changed,
            self.position,
            node_cap,
            self.counts,
        )
        self.note(windows)

    def note(self, windows: np.ndarray) -> None:
        """Remember when these windows were looked at."""
        size, key = windows.shape[1], _keys(windows, len(self.limits))
        old_key, old_clock = self.looked_at.get(size, (np.empty(0, np.int64), np.empty(0)))
        keep = ~np.isin(old_key, key)
        every = np.r_[old_key[keep], key]
        clock = np.r_[old_clock[keep], self.clock + np.arange(len(key))]
        order = np.argsort(every, kind="stable")
        self.looked_at[size] = every[order], clock[order]
        self.clock += len(windows)


def polish(
    graph: Graph,
    labels: np.ndarray,
    *,
    loads: np.ndarray,
    limits: np.ndarray,
    weights: Weights,
    tie_ptr: np.ndarray | None = None,
    ties: np.ndarray | None = None,
    is_free: np.ndarray | None = None,
    holding: Holding | None = None,
    node_caps: Mapping[int, int] = NODE_CAPS,
    excess_weight: float = 0.0,
    n_rounds: int = 20,
    should_stop: Callable[[], bool] | None = None,
) -> Polished:
    """The plan with every pair, then every triple, of neighbouring grids divided at its best.

    A division replaces the plan's where it is better: less load outside the limits, then less of
    the objective's cost (see `geo.planning.windows`). Windows whose grids changed are looked at
    again until none gets better. What is left is the best that exchanges between two (or three)
    grids can reach, but for windows of more than 64 units and those not finished under the cap.
    Deterministic.

    Parameters
    ----------
    labels : grid of each unit, 0 to k - 1, every grid connected and used
    loads : (n, m) loads of the units, at most four
    limits : (k, m, 3) low, high, target of each grid and load
    tie_ptr, ties : compounds and units that must not share a grid, as in `geo.planning.energy`
    is_free : units that may move
    holding : the old plan, when it is redrawn
    node_caps : windows' sizes, 2 or 3, in the order of the rounds; and sets to look at in each
    excess_weight : the cost of load outside the limits, for a whole target and a step as in
        `geo.planning.energy`, so that shapes are not given up for a little less of it; 0: less load
        outside goes before any cost, as it does between grids whose limits differ
    should_stop : asked now and then; the plan so far is returned
    """
    polisher = _Polisher(
        graph,
        labels,
        loads,
        limits,
        weights,
        tie_ptr=np.zeros((graph.n_units, 3), dtype=np.int64) if tie_ptr is None else tie_ptr,
        ties=np.zeros(0, dtype=np.int64) if ties is None else ties,
        holding=holding,
        is_free=is_free,
    )
    polisher.rest[0][3] = excess_weight / max(1e-300, float(limits[0, 0, 2]))
    is_stopped = False
    for _ in range(n_rounds):
        before = polisher.counts[BETTER]
        for size, cap in node_caps.items():
            windows = polisher.windows(size)
            for begin in range(0, len(windows), BATCH):
                is_stopped = is_stopped or (should_stop is not None and should_stop())
                if not is_stopped:
                    polisher.look_at(windows[begin : begin + BATCH], cap)
        if is_stopped or polisher.counts[BETTER] == before:
            break
    counts = polisher.counts.tolist()
    return Polished(
        polisher.labels,
        counts[BETTER],
        counts[NODES],
        counts[OVER_CAP],
        counts[TOO_LARGE],
        is_stopped,
    )


def _keys(windows: np.ndarray, k: int) -> np.ndarray:
    """One number for each window."""
    key = windows[:, 0].astype(np.int64)
    for column in windows.T[1:]:
        key = key * k + column
    return key


def _compounds(tie_ptr: np.ndarray, ties: np.ndarray) -> np.ndarray:
    """A number of the compound of each unit, -1 for units in none."""
    found = np.full(len(tie_ptr), -1, dtype=np.int64)
    for unit in np.flatnonzero(tie_ptr[:, 1] > tie_ptr[:, 0]):
        found[unit] = min(unit, ties[tie_ptr[unit, 0] : tie_ptr[unit, 1]].min())
    return found


def _lists(labels: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The units of each grid as lists: the first of each, and after each unit the next, -1 last."""
    order = np.argsort(labels, kind="stable")
    following = np.full(len(labels), -1, dtype=np.int64)
    is_same = labels[order][1:] == labels[order][:-1]
    following[order[:-1][is_same]] = order[1:][is_same]
    head = np.full(k, -1, dtype=np.int64)
    begins = np.searchsorted(labels[order], np.arange(k))
    used = np.unique(labels)
    head[used] = order[begins[used]]
    return head, following

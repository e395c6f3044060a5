"""Drives the compiled search: state, limits, cooling, early stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo.planning import search
from geo.planning.graph import Graph

BORDER_WEIGHT = 0.2
"""Weight of the perimeter (in reference perimeters: circles of the mean grid's area) in the energy,
beside the shape's weight of 1."""

SLACK = 0.005
"""Where the mean itself lies outside the tolerance, limits reach this share of the target beyond
it, so that loads can still be traded."""


REPAIR_REACH = (1, 2, 1, 2)
"""How many borders around a grid outside its limits are searched again, round by round."""

REPAIR_SLICES = 20
REPAIR_LOOSE = 20.0
"""Slices and first excess weight of such a search."""

ANNEAL_SHARE = 0.75
"""Share of a limited time in which cooling ends; the rest is for grids outside their limits."""

ROUNDING = 1e-9
"""Excess below this share of the target is rounding."""


@dataclass(frozen=True)
class Schedule:
    """Cooling: slices of equal length, temperature falling and excess weight rising by a factor."""

    n_steps: int
    n_slices: int = 60
    warm: float = 0.1
    cold: float = 0.004
    loose: float = 3.0
    tight: float = 40.0
    chain_share: float = 0.7

    @classmethod
    def for_size(cls, n_units: int) -> Schedule:
        """Tried moves for that many units: 2,000 each, fewer where they are many."""
        return cls(n_steps=int(min(2000 * n_units, 1_200_000 + 500 * n_units)))


class Annealer:
    """A plan under search. `labels` is the plan; `n_steps` counts tried moves."""

    def __init__(
        self,
        graph: Graph,
        labels: np.ndarray,
        mean_load: np.ndarray,
        *,
        target: float,
        tolerance: np.ndarray,
        seed: int,
    ) -> None:
        self.graph = graph
        self.labels = labels.astype(np.int64)
        self.n_steps = 0
        self.is_stopped = False
        k = len(mean_load)
        slack = SLACK * target
        self._limits = np.column_stack(
            [
                np.minimum(target * (1 - tolerance), mean_load - slack),
                np.maximum(target * (1 + tolerance), mean_load + slack),
                np.full(k, target),
            ]
        )
        self._cells = np.column_stack([graph.load, graph.area_m2, graph.perimeter_m])
        self._grids = np.zeros((k, 4))
        self._count = np.bincount(self.labels, minlength=k)
        reference_m = float(np.sqrt(4 * np.pi * graph.area_m2.sum() / k))
        self._weights = np.array([0.0, BORDER_WEIGHT, reference_m])
        self._state = np.array([88172645463325252 + 7919 * seed], dtype=np.uint64)
        self._stamp = np.zeros(graph.n_units + 1, dtype=np.int64)
        self._queue = np.empty(graph.n_units, dtype=np.int64)
        self._sum_up()

    def _sum_up(self) -> None:
        """Loads, areas and perimeters of the grids, anew from the labels."""
        k = len(self._grids)
        for column in range(3):
            self._grids[:, column] = np.bincount(self.labels, self._cells[:, column], minlength=k)
        one, other = self.graph.edges()
        is_inside = self.labels[one] == self.labels[other]
        self._grids[:, 2] -= np.bincount(
            self.labels[one[is_inside]], self.graph.length_m[is_inside], minlength=k
        )

    def _weigh(self, excess_weight: float) -> None:
        """Energies of the grids under this weight of the excess."""
        self._weights[0] = excess_weight
        area_m2, perimeter_m = self._grids[:, 1], self._grids[:, 2]
        self._grids[:, 3] = (
            1.0
            - 4 * np.pi * area_m2 / perimeter_m**2
            + self._weights[1] * perimeter_m / self._weights[2]
            + excess_weight * self._penalty()
        )

    def excess(self) -> np.ndarray:
        """How far each grid's load lies outside its limits, as a share of the target."""
        load = self._grids[:, 0]
        low, high, target = self._limits.T
        excess: np.ndarray = np.maximum(0.0, np.maximum(low - load, load - high)) / target
        return excess

    def _penalty(self) -> np.ndarray:
        excess = self.excess()
        return np.where(excess > 0, excess + search.STEP_OUTSIDE, 0.0)

    def search(
        self,
        movable: np.ndarray,
        *,
        is_pressed: bool = False,
        progress: Callable[[float], None] | None,
        spent: Callable[[], float],
    ) -> None:
        """Anneal the movable grids, then again around those outside their limits.

        `is_pressed` weighs the balance strongly from the start, at the cost of the shape.

        `spent` says between slices what share of the time is over: cooling keeps pace with it, so
        that short time gives a coarser plan, not an unfinished one; at 1 or more the search stops.
        """
        free = np.flatnonzero(movable[self.labels] & (np.diff(self.graph.indptr) > 0))
        schedule = Schedule.for_size(len(free))
        if is_pressed:
            schedule = replace(schedule, loose=REPAIR_LOOSE)
        for number in range(schedule.n_slices):
            used = spent()
            if used >= 1.0:
                self.is_stopped = True
                return
            cooled = max(number / max(1, schedule.n_slices - 1), min(1.0, used / ANNEAL_SHARE))
            self._slice(schedule, cooled, free, movable)
            if progress is not None:
                progress(max((number + 1) / schedule.n_slices, cooled))
            if cooled >= 1.0:
                self.is_stopped = number + 1 < schedule.n_slices
                break
        local = replace(schedule, n_slices=REPAIR_SLICES, loose=REPAIR_LOOSE)
        for reach in REPAIR_REACH:
            is_near = self.near_trouble(reach) & movable
            if not is_near.any():
                return
            if spent() >= 1.0:
                self.is_stopped = True
                return
            self._search_cluster(local, is_near, n_free=len(free), spent=spent)

    def near_trouble(self, reach: int = 1) -> np.ndarray:
        """Mask of the grids outside their limits and of those up to `reach` borders from them."""
        is_near = self.excess() > ROUNDING
        one, other = self._label_pairs()
        for _ in range(reach):
            is_near[other[is_near[one]]] = True
        return is_near

    def _label_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        one, other = self.graph.edges()
        return self.labels[one], self.labels[other]

    def _search_cluster(
        self,
        schedule: Schedule,
        movable: np.ndarray,
        *,
        n_free: int,
        spent: Callable[[], float],
    ) -> None:
        """Search inside the movable grids; each connected cluster keeps only an improvement."""
        k, pairs = len(movable), self._label_pairs()
        is_inside = movable[pairs[0]] & movable[pairs[1]]
        links = coo_array(
            (np.ones(int(is_inside.sum())), (pairs[0][is_inside], pairs[1][is_inside])),
            shape=(k, k),
        )
        cluster = connected_components(links.tocsr(), directed=False)[1]
        self._weigh(schedule.tight)
        before, old = np.bincount(cluster, self._grids[:, 3]), self.labels.copy()
        free = np.flatnonzero(movable[self.labels])
        local = replace(schedule, n_steps=schedule.n_steps * len(free) // n_free)
        for number in range(schedule.n_slices):
            if spent() >= 1.0:
                self.is_stopped = True
                break
            self._slice(local, number / max(1, schedule.n_slices - 1), free, movable)
        self._weigh(schedule.tight)
        is_worse = np.bincount(cluster, self._grids[:, 3]) >= before
        if is_worse.any():
            self.labels = np.where(is_worse[cluster[old]], old, self.labels)
            self._count = np.bincount(self.labels, minlength=k)
            self._sum_up()

    def _slice(
        self, schedule: Schedule, cooled: float, free: np.ndarray, movable: np.ndarray
    ) -> None:
        """One slice of tried moves, at the temperature of a search cooled by that share."""
        if len(free) == 0 or len(self._grids) < 2:
            return
        self._weigh(schedule.loose * (schedule.tight / schedule.loose) ** cooled)
        n_steps = schedule.n_steps // schedule.n_slices
        search.anneal(
            self.graph.indptr,
            self.graph.indices,
            self.graph.length_m,
            self._cells,
            self.labels,
            self._grids,
            self._count,
            free,
            movable,
            self._limits,
            self._weights,
            schedule.warm * (schedule.cold / schedule.warm) ** cooled,
            schedule.chain_share,
            n_steps,
            self._state,
            self._stamp,
            self._queue,
        )
        self.n_steps += n_steps

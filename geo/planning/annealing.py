"""Drives the compiled search: state, limits, cooling, early stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geo.planning import search
from geo.planning.graph import Graph

BORDER_WEIGHT = 0.2
"""Weight of the perimeter (in reference perimeters: circles of the mean grid's area) in the energy,
beside the shape's weight of 1."""

SLACK = 0.005
"""Where the mean itself lies outside the tolerance, limits reach this share of the target beyond
it, so that loads can still be traded."""


@dataclass(frozen=True)
class Schedule:
    """Cooling: slices of equal length, temperature falling and excess weight rising by a factor."""

    n_steps: int
    n_slices: int = 60
    warm: float = 0.1
    cold: float = 0.003
    loose: float = 3.0
    tight: float = 60.0
    chain_share: float = 0.5

    @classmethod
    def for_size(cls, n_units: int) -> Schedule:
        """About 1,000 tried moves a unit, more where they are few."""
        return cls(n_steps=int(min(3000 * n_units, 1_500_000 + 550 * n_units)))


class Annealer:
    """A plan under search. `labels` is the plan; `n_steps` counts tried moves."""

    def __init__(
        self,
        graph: Graph,
        labels: np.ndarray,
        mean_load: np.ndarray,
        target: float,
        tolerance: float,
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
        load, area_m2, perimeter_m = self._grids[:, 0], self._grids[:, 1], self._grids[:, 2]
        low, high, target = self._limits.T
        excess = np.maximum(0.0, np.maximum(low - load, load - high)) / target
        self._grids[:, 3] = (
            1.0
            - 4 * np.pi * area_m2 / perimeter_m**2
            + self._weights[1] * perimeter_m / self._weights[2]
            + excess_weight * excess
        )

    def run(
        self,
        schedule: Schedule,
        *,
        progress: Callable[[float], None] | None,
        is_over: Callable[[], bool],
    ) -> None:
        """Search by the schedule; stops between slices when `is_over` says so."""
        free = np.flatnonzero(np.diff(self.graph.indptr) > 0)
        if len(free) == 0 or len(self._grids) < 2:
            return
        movable = np.ones(len(self._grids), dtype=np.bool_)
        for number in range(schedule.n_slices):
            if is_over():
                self.is_stopped = True
                return
            share = number / max(1, schedule.n_slices - 1)
            self._weigh(schedule.loose * (schedule.tight / schedule.loose) ** share)
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
                schedule.warm * (schedule.cold / schedule.warm) ** share,
                schedule.chain_share,
                schedule.n_steps // schedule.n_slices,
                self._state,
                self._stamp,
                self._queue,
            )
            self.n_steps += schedule.n_steps // schedule.n_slices
            if progress is not None:
                progress((number + 1) / schedule.n_slices)

"""Drives the compiled search: state, threads, cooling, repair."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from queue import SimpleQueue

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo.planning import domains, objective, search
from geo.planning.energy import STEP_OUTSIDE
from geo.planning.graph import Graph
from geo.planning.polish import polish
from geo.planning.schedule import Schedule
from geo.planning.ties import Ties

REPAIRS = ((2, 1.0), (3, 1.0), (4, 1.0), (2, 4.0), (3, 4.0), (4, 4.0))
"""How many borders around a grid outside its limits are searched again, round by round, and how
many times harder the limits are pressed on than at first."""

REPAIR_SHARE = 1.0
"""All repairs together try no more moves than this share of the annealing."""

EXCESS_WEIGHT = 60.0
"""What a whole target outside the limits costs when plans are polished and judged."""

ANNEAL_SHARE = 0.7
"""Share of a limited time in which cooling ends; the rest is for grids outside their limits."""

MOST_POLISHED = 800
"""More grids than this are polished only around those outside their limits."""

POLISH_CAPS = {2: 20_000, 3: 5_000}
QUICK_CAPS = {2: 4_000}
"""Sets of cells looked at in a window of two and of three grids; of two where grids are many."""

MOST_TRIPLES = 400
"""More grids than this are polished in pairs only."""

POLISH_ROUNDS = 6
"""How often windows are looked at again because their grids changed."""

ROUNDING = 1e-9
"""Excess below this share of the target is rounding."""


class _Rooms:
    """Room to search in, one for each thread."""

    def __init__(self, n_units: int, n_rooms: int) -> None:
        self._free: SimpleQueue[tuple[np.ndarray, ...]] = SimpleQueue()
        for _ in range(n_rooms):
            self._free.put(
                (
                    np.zeros(n_units + 1, dtype=np.int64),
                    np.empty(n_units, dtype=np.int64),
                    np.empty(n_units, dtype=np.int64),
                )
            )

    def lend(self) -> tuple[np.ndarray, ...]:
        return self._free.get()

    def take_back(self, room: tuple[np.ndarray, ...]) -> None:
        self._free.put(room)


class Annealer:
    """A plan under search. `labels` is the plan; `n_steps` counts tried moves.

    The result depends on the seed, never on the number of threads: grids are divided into domains
    that exchange no units during a slice.
    """

    def __init__(
        self,
        graph: Graph,
        labels: np.ndarray,
        loads: np.ndarray,
        limits: np.ndarray,
        *,
        weights: objective.Weights,
        ties: Ties,
        is_free: np.ndarray,
        seed: int,
        n_workers: int = 1,
    ) -> None:
        """A search from these labels.

        Parameters
        ----------
        labels : grid of each unit, every grid connected and used
        loads : (n, m) loads of the units
        limits : (k, m, 3) low, high, target of each grid and load
        is_free : units that may move
        """
        self.order = np.argsort(labels, kind="stable")
        self.graph = graph.reordered(self.order)
        self._labels = labels[self.order].astype(np.int64)
        self.n_steps = 0
        self.is_stopped = False
        self.limits = limits
        self._searched_limits = limits
        self._plan_weights = weights
        self._is_free = is_free[self.order] & (np.diff(self.graph.indptr) > 0)
        self._ties = ties.reordered(self.order)
        k = len(limits)
        self._edges = np.column_stack(
            [self.graph.length_m, objective.edge_costs(self.graph, k, weights)]
        )
        self._body = np.column_stack(
            [self.graph.area_m2, self.graph.perimeter_m, loads[self.order]]
        )
        self._grids = np.zeros((k, 4 + loads.shape[1]))
        self._count = np.bincount(self._labels, minlength=k)
        self._weights = np.array([weights.shape, 0.0, weights.split])
        self._seed = seed
        self._n_workers = n_workers
        self._rooms = _Rooms(self.graph.n_units, n_workers)
        self._sum_up()

    @property
    def labels(self) -> np.ndarray:
        """The grid of each unit, in the order of the graph that was given."""
        found = np.empty_like(self._labels)
        found[self.order] = self._labels
        return found

    @labels.setter
    def labels(self, labels: np.ndarray) -> None:
        self._labels = labels[self.order].astype(np.int64)
        self._count = np.bincount(self._labels, minlength=len(self._grids))
        self._sum_up()

    def _sum_up(self) -> None:
        """Areas, perimeters and loads of the grids, anew from the labels."""
        k = len(self._grids)
        for column, source in ((0, 0), (1, 1), *((4 + j, 2 + j) for j in range(self.n_loads))):
            self._grids[:, column] = np.bincount(self._labels, self._body[:, source], minlength=k)
        one, other = self._label_pairs()
        is_inside = one == other
        self._grids[:, 1] -= np.bincount(
            one[is_inside], self.graph.length_m[is_inside], minlength=k
        )
        self._grids[:, 2] = self._weights[0] * (
            1.0 - 4 * np.pi * self._grids[:, 0] / self._grids[:, 1] ** 2
        )
        excess = self._excesses(self._searched_limits)
        self._grids[:, 3] = np.where(excess > 0, excess + STEP_OUTSIDE, 0.0).sum(axis=1)

    @property
    def n_loads(self) -> int:
        return int(self._body.shape[1]) - 2

    def _excesses(self, limits: np.ndarray) -> np.ndarray:
        held = self._grids[:, 4:]
        low, high, target = np.moveaxis(limits, 2, 0)
        found: np.ndarray = np.maximum(0.0, np.maximum(low - held, held - high)) / target
        return found

    def excess(self) -> np.ndarray:
        """How far each grid's loads lie outside their limits, as shares of the targets, summed."""
        found: np.ndarray = self._excesses(self.limits).sum(axis=1)
        return np.where(found > ROUNDING, found, 0.0)

    def costs(self) -> np.ndarray:
        """Each grid's share of the objective's cost: its shape, half of its borders."""
        one, other = self._label_pairs()
        is_cut = one != other
        borders = np.bincount(one[is_cut], self._edges[is_cut, 1] / 2, minlength=len(self._grids))
        found: np.ndarray = self._grids[:, 2] + borders
        return found

    def _label_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        one, other = self.graph.edges()
        return self._labels[one], self._labels[other]

    def anneal(
        self,
        schedule: Schedule,
        *,
        progress: Callable[[float], None] | None = None,
        spent: Callable[[], float],
    ) -> None:
        """Anneal every grid.

        `spent` says between slices what share of the time is over: cooling keeps pace with it, so
        that short time gives a coarser plan, not an unfinished one; at 1 or more the search stops.
        """
        movable = np.ones(len(self._grids), dtype=bool)
        self._press(schedule.press)
        for number in range(schedule.n_slices):
            used = spent()
            if used >= 1.0:
                self.is_stopped = True
                return
            cooled = max(number / max(1, schedule.n_slices - 1), min(1.0, used / ANNEAL_SHARE))
            self._slice(schedule, cooled, movable, turn=0.7 * number)
            if progress is not None:
                progress(max((number + 1) / schedule.n_slices, cooled))
            if cooled >= 1.0:
                self.is_stopped = number + 1 < schedule.n_slices
                return

    def repair(self, schedule: Schedule, *, spent: Callable[[], float]) -> None:
        """Search again around the grids outside their limits, keeping only what is better."""
        n_free = max(1, int(self._is_free.sum()))
        share_left = REPAIR_SHARE
        for reach, pressure in REPAIRS:
            is_near = self.near_trouble(reach)
            if not is_near.any():
                return
            if spent() >= 1.0:
                self.is_stopped = True
                return
            share = int(self._is_free[is_near[self._labels]].sum()) / n_free
            if share > share_left:
                continue
            share_left -= share
            self._search_cluster(
                replace(
                    schedule,
                    n_steps=int(schedule.n_steps * share),
                    loose=schedule.loose * pressure,
                    tight=schedule.tight * pressure,
                ),
                is_near,
                spent=spent,
            )

    def near_trouble(self, reach: int = 1) -> np.ndarray:
        """Mask of the grids outside their limits and of those up to `reach` borders from them."""
        is_near = self.excess() > 0
        one, other = self._label_pairs()
        for _ in range(reach):
            is_near[other[is_near[one]]] = True
        return is_near

    def _search_cluster(
        self, schedule: Schedule, movable: np.ndarray, *, spent: Callable[[], float]
    ) -> None:
        """Search inside the movable grids; each connected cluster keeps only an improvement."""
        k, pairs = len(movable), self._label_pairs()
        is_inside = movable[pairs[0]] & movable[pairs[1]]
        links = coo_array(
            (np.ones(int(is_inside.sum())), (pairs[0][is_inside], pairs[1][is_inside])),
            shape=(k, k),
        )
        cluster = connected_components(links.tocsr(), directed=False)[1]
        before, old = self._totals(cluster), self._labels.copy()
        self._press(schedule.press)
        for number in range(schedule.n_slices):
            if spent() >= 1.0:
                self.is_stopped = True
                break
            cooled = number / max(1, schedule.n_slices - 1)
            self._slice(schedule, cooled, movable, turn=0.7 * number)
        self._polish(movable, spent=spent)
        is_worse = self._totals(cluster) >= before
        if is_worse.any():
            self._labels = np.where(is_worse[cluster[old]], old, self._labels)
            self._count = np.bincount(self._labels, minlength=k)
            self._sum_up()

    def _totals(self, cluster: np.ndarray) -> np.ndarray:
        """Cost and weighted excess of each cluster of grids."""
        excess = self._excesses(self.limits)
        penalty = np.where(excess > ROUNDING, excess + STEP_OUTSIDE, 0.0).sum(axis=1)
        found: np.ndarray = np.bincount(cluster, self.costs() + EXCESS_WEIGHT * penalty)
        return found

    def _press(self, press: float) -> None:
        """Let the search see limits at `press` times their distance from the target."""
        target = self.limits[:, :, 2:]
        self._searched_limits = np.concatenate(
            [target + press * (self.limits[:, :, :2] - target), target], axis=2
        )
        self._sum_up()

    def polish(self, *, spent: Callable[[], float]) -> None:
        """Divide neighbouring pairs and triples of grids anew, at their exact best.

        Only around the grids outside their limits where grids are many.
        """
        movable = np.ones(len(self._grids), dtype=bool)
        if len(self._grids) > MOST_POLISHED:
            movable = self.near_trouble(1)
        self._polish(movable, spent=spent)

    def _polish(self, movable: np.ndarray, *, spent: Callable[[], float]) -> None:
        if movable.sum() < 2:
            return
        found = polish(
            self.graph,
            self._labels,
            loads=self._body[:, 2:],
            limits=self.limits,
            weights=self._plan_weights,
            tie_ptr=self._ties.ptr,
            ties=self._ties.units,
            is_free=self._is_free & movable[self._labels],
            node_caps=POLISH_CAPS if movable.sum() <= MOST_TRIPLES else QUICK_CAPS,
            n_rounds=POLISH_ROUNDS,
            excess_weight=EXCESS_WEIGHT,
            should_stop=lambda: spent() >= 1.0,
        )
        self._labels = found.labels
        self._count = np.bincount(self._labels, minlength=len(self._grids))
        self._sum_up()

    def _slice(
        self, schedule: Schedule, cooled: float, movable: np.ndarray, *, turn: float
    ) -> None:
        """One slice of tried moves, at the temperature of a search cooled by that share."""
        if len(self._grids) < 2:
            return
        temperature, excess_weight = schedule.at(cooled)
        self._weights[1] = excess_weight
        domain = domains.divide(self._places(), movable, turn=turn)
        of_unit = np.where(self._is_free, domain[self._labels], -1)
        free = np.flatnonzero(of_unit >= 0)
        free = free[np.argsort(of_unit[free], kind="stable")]
        begins = np.searchsorted(of_unit[free], np.arange(int(domain.max()) + 2))
        share = schedule.n_steps / schedule.n_slices / max(1, len(free))
        self.n_steps += int(share * len(free))

        def search_domain(number: int) -> None:
            here = free[begins[number] : begins[number + 1]]
            if len(here) == 0:
                return
            room = self._rooms.lend()
            search.anneal(
                self.graph.indptr,
                self.graph.indices,
                self._edges,
                self._body,
                self._ties.ptr,
                self._ties.units,
                self._labels,
                self._grids,
                self._searched_limits,
                self._weights,
                self._count,
                here,
                self._is_free,
                domain,
                temperature,
                schedule.chain_share,
                schedule.chain_reach + 4.0 * temperature,
                int(share * len(here)),
                _random_state(self._seed, self.n_steps, number),
                *room,
            )
            self._rooms.take_back(room)

        n_domains = len(begins) - 1
        if n_domains == 1 or self._n_workers == 1:
            for number in range(n_domains):
                search_domain(number)
        else:
            with ThreadPoolExecutor(self._n_workers) as pool:
                list(pool.map(search_domain, range(n_domains)))

    def _places(self) -> np.ndarray:
        """The middle of each grid's units."""
        count = np.maximum(1, self._count)
        return np.column_stack(
            [
                np.bincount(self._labels, self.graph.place[:, axis], minlength=len(count)) / count
                for axis in (0, 1)
            ]
        )


def _random_state(seed: int, step: int, number: int) -> np.ndarray:
    """A non-zero state for `search.next_random`, from three counters (splitmix64, Vigna 2015)."""
    mask = (1 << 64) - 1
    x = (seed * 0x9E3779B97F4A7C15 + step * 0xD1B54A32D192ED03 + number * 0x8CB92BA72F3D8DD7) & mask
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
    return np.array([(x ^ (x >> 31)) or 1], dtype=np.uint64)

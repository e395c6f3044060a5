"""The search for the least change that brings a plan's loads within their limits.

Many short annealings (see `geo.planning.chaining`) from the same old plan, each with other random
numbers; the best plan that their grids make together (see `geo.planning.mixing`) then says which
grids are worth touching, and the next annealings pay more for others. Where cells are small beside
a grid, a flow between the grids (see `geo.planning.flow`) says so from the start. Where grids have
few cells, windows of neighbouring grids are divided exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from geo.planning import chaining, flow
from geo.planning.mixing import Mix
from geo.planning.polish import Holding, polish
from geo.planning.redraw_problem import Problem, Task
from geo.planning.shifting import LOAD, new_desk
from geo.planning.wide_windows import widely_polished

LOOSE, TIGHT = 3.0, 40.0
"""Price of a target of load outside the limits, at the start and the end of an annealing."""

N_SLICES = 20
KEPT_FROM = 12
"""An annealing's slices of falling temperature; the plans after the later ones are mixed."""

COLDEST = 0.002
WARMEST_SHARE, WARMEST, LEAST_WARM = 0.6, 0.3, 0.02
"""An annealing begins at this share of the mean cell's price, within these; and ends coldest."""

SHARES = np.array([0.4, 0.1, 2.0, 1.0])
"""Of chains, of groups; how many sizes groups have; cells that follow in a chain."""

STEPS_A_CELL, LEAST_STEPS = 42, 3000
LONGER_FROM = 30.0
"""Moves tried in one annealing; more where grids have more cells than this, in proportion."""

LEARNED = (0.4, 1.6)
"""Price of touching a grid that the best plan touches, and another, in later annealings."""

FLOW_NOISE = 0.3
"""By so much at most prices of flow differ, for different flows."""

NEARLY_SOLVED = 0.02
"""The mixed plan may cost so much more than the best one."""

WIDE_WINDOWS = (4, 5)
"""Grids in the larger of the exact windows where grids have few cells."""

SMALL_HEATS = (1.0, 3.0, 10.0, 30.0)
"""How hot the annealings of small plans are, beside those of others."""

SMALL_PLAN, TINY_PLAN = 800, 100
"""Plans of few cells a grid with no more cells than this are divided exactly after each annealing;
tiny ones are annealed more often."""

NODE_CAPS = {2: 50_000, 3: 20_000}
"""Sets looked at in exact windows of two and three grids, at most."""

FEW_CELLS, MANY_CELLS = 6.0, 30.0
"""Mean number of cells of a grid below which windows are solved exactly, and above which flows
tell which grids to touch."""


def redraw(
    problem: Problem,
    *,
    seed: int,
    n_workers: int,
    progress: Callable[[float], None] | None,
    spent: Callable[[], float],
) -> np.ndarray:
    """Grid of each unit after the redrawing.

    `spent` says what share of the time is over; at 1 or more the best so far is returned.
    """
    search = Search(problem, seed)
    plans = schedule(search)
    for number, tasks in enumerate(plans):
        if spent() >= 1.0:
            break
        search.run(tasks(), n_workers=n_workers, spent=spent)
        if progress is not None:
            progress((number + 1) / len(plans))
    search.finish(spent)
    return search.best


class Search:
    """The plans tried so far, and the best of their mixtures."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self.problem = problem
        self.ground = problem.ground()
        self.open_graph = problem.open_graph()
        start = problem.plan(self.ground, problem.start)
        costs = problem.costs(start, self.ground)
        self.mix = Mix(problem.start, costs, seed=seed)
        self.best, self.least = problem.start.copy(), float(costs.sum())
        self.rng = np.random.default_rng(seed)
        self.seed = seed
        self.n_tasks = 0
        k = problem.n_grids
        one, other = problem.graph.edges()
        self.start_changed = start.changed
        self.is_needed = (problem.excess(start.sums[:, LOAD]) > 0) | (start.changed > 0)
        is_near = self.is_needed.copy()
        is_near[problem.start[other[is_near[problem.start[one]]]]] = True
        self.active = np.flatnonzero((is_near & problem.is_open)[problem.start])
        self.cells_a_grid = problem.graph.n_units / max(1, k)
        is_few = self.cells_a_grid < FEW_CELLS
        self.is_small = is_few and problem.graph.n_units <= SMALL_PLAN

    def task(
        self, charge: np.ndarray, is_open: np.ndarray | None = None, *, heat: float = 1.0
    ) -> Task:
        """The next annealing."""
        self.n_tasks += 1
        is_open = self.problem.is_open if is_open is None else self.problem.is_open & is_open
        return Task(self.n_tasks, charge, is_open, heat)

    def run(self, tasks: list[Task], *, n_workers: int, spent: Callable[[], float]) -> None:
        """Anneal, and mix the plans."""

        def anneal(task: Task) -> list[tuple[np.ndarray, np.ndarray]]:
            return [] if spent() >= 1.0 else self.anneal(task, spent)

        with ThreadPoolExecutor(max(1, n_workers)) as workers:
            for plans in workers.map(anneal, tasks):
                for labels, costs in plans:
                    self.take(labels, costs)
        price = self.problem.price
        found = self.mix.best(self.best, NEARLY_SOLVED * price)
        self.weigh_in(found)

    def take(self, labels: np.ndarray, costs: np.ndarray) -> None:
        """Mix in a plan, and keep it if it is the best."""
        self.mix.add(labels, costs)
        if costs.sum() < self.least - 1e-9:
            self.best, self.least = labels.copy(), float(costs.sum())

    def anneal(self, task: Task, spent: Callable[[], float]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Plans of one annealing from the start, and what their grids cost."""
        problem, price = self.problem, self.problem.price
        plan = problem.plan(self.ground, problem.start)
        desk = new_desk(problem.graph.n_units, 1000 * self.seed + task.number)
        active = self.active[task.is_open[problem.start[self.active]]]
        if len(active) == 0:
            return []
        share = problem.weights.moved * problem.graph.load.mean() / problem.target
        warm = float(np.clip(WARMEST_SHARE * share / price, LEAST_WARM, WARMEST))
        longer = max(1.0, self.cells_a_grid / LONGER_FROM)
        n_steps = max(LEAST_STEPS, int(STEPS_A_CELL * longer * len(active))) // N_SLICES
        found = []
        for number in range(N_SLICES):
            cooled = number / (N_SLICES - 1)
            excess_price = price * LOOSE * (TIGHT / LOOSE) ** cooled
            problem.set_energies(plan, excess_price)
            chaining.anneal(
                self.ground,
                plan,
                problem.demand(excess_price, task),
                desk,
                active,
                price * task.heat * warm * (COLDEST / warm) ** cooled,
                n_steps,
                SHARES,
            )
            if number >= KEPT_FROM:
                found.append((plan.labels.copy(), problem.costs(plan, self.ground)))
        if self.is_small:
            polished = problem.plan(self.ground, self.polished(plan.labels, spent))
            found.append((polished.labels, problem.costs(polished, self.ground)))
        return found

    def polished(self, labels: np.ndarray, spent: Callable[[], float]) -> np.ndarray:
        """The plan with its pairs and triples of neighbouring grids divided at their best."""
        problem = self.problem
        return polish(
            self.open_graph,
            labels,
            loads=problem.graph.load[:, None],
            limits=problem.limits[:, None, :],
            weights=problem.weights,
            is_free=~problem.is_fixed & problem.is_open[problem.start],
            holding=Holding(
                problem.home, problem.weights.moved * problem.graph.load / problem.target
            ),
            node_caps=NODE_CAPS,
            should_stop=lambda: spent() >= 1.0,
        ).labels

    def finish(self, spent: Callable[[], float]) -> None:
        """Divide exactly what may still be bettered: small grids, and those outside the limits."""
        is_few = self.cells_a_grid < FEW_CELLS
        if spent() >= 1.0 or not (is_few or self.is_out().any()):
            return
        self.weigh_in(self.polished(self.best, spent))
        for size in WIDE_WINDOWS if is_few else ():
            hot = self.is_out() | (self.is_touched() if self.is_small else False)
            labels = widely_polished(
                self.problem,
                self.open_graph,
                self.best,
                size=size,
                hot=np.flatnonzero(hot),
                cost_of=self.cost_of,
                should_stop=lambda: spent() >= 1.0,
            )
            self.weigh_in(labels)

    def is_out(self) -> np.ndarray:
        """Mask of the grids that may change and that the best plan leaves outside their limits."""
        held = np.bincount(self.best, self.problem.graph.load, minlength=self.problem.n_grids)
        found: np.ndarray = (self.problem.excess(held) > 0) & self.problem.is_open
        return found

    def cost_of(self, labels: np.ndarray) -> float:
        """What a plan costs."""
        plan = self.problem.plan(self.ground, labels)
        return float(self.problem.costs(plan, self.ground).sum())

    def weigh_in(self, labels: np.ndarray) -> None:
        """Take in a plan whose costs are not known."""
        plan = self.problem.plan(self.ground, labels)
        self.take(labels, self.problem.costs(plan, self.ground))

    def is_touched(self) -> np.ndarray:
        """Mask of the grids that the best plan changes."""
        return self.problem.plan(self.ground, self.best).changed > 0


def schedule(search: Search) -> list[Callable[[], list[Task]]]:
    """Generations of annealings, each made up when those before are done."""
    if search.cells_a_grid > MANY_CELLS:
        return [
            partial(_along_flows, search, 4),
            partial(_both, search),
            partial(_spared, search, 6),
        ]
    if search.is_small:
        n_tasks = 24 if search.problem.graph.n_units <= TINY_PLAN else 8
        return [partial(_plain, search, n_tasks, heat) for heat in SMALL_HEATS]
    return [partial(_plain, search, 7), partial(_learned, search, 7), partial(_learned, search, 7)]


def _both(search: Search) -> list[Task]:
    return _learned(search, 3) + _spared(search, 5)


def _plain(search: Search, n_tasks: int, heat: float = 1.0) -> list[Task]:
    """Annealings in which every grid costs the same to touch."""
    charge = np.full(search.problem.n_grids, search.problem.weights.touched)
    return [search.task(charge, heat=heat) for _ in range(n_tasks)]


def _learned(search: Search, n_tasks: int) -> list[Task]:
    """Annealings that pay less for the grids that the best plan touches."""
    charge = search.problem.weights.touched * np.where(search.is_touched(), *LEARNED)
    return [search.task(charge) for _ in range(n_tasks)]


def _along_flows(search: Search, n_tasks: int) -> list[Task]:
    """Annealings inside the grids that a flow uses, one plain, and one that pays more outside."""
    problem = search.problem
    exchange = flow.exchange_of(problem.graph, problem.start, problem.limits, problem.is_open)
    touched = problem.weights.touched / problem.price
    tasks = _plain(search, 1)
    for number in range(n_tasks):
        noise = FLOW_NOISE * search.rng.random(len(exchange.giver)) * (number > 0)
        found, _ = flow.sparing_flow(exchange, touched=touched, noise=noise)
        is_used = (exchange.used(found) > 0) | (search.start_changed > 0)
        if number == 0:
            tasks.append(search.task(problem.weights.touched * np.where(is_used, *LEARNED)))
        tasks.append(search.task(np.full(problem.n_grids, problem.weights.touched), is_used))
    return tasks


def _spared(search: Search, n_tasks: int) -> list[Task]:
    """Annealings inside the grids that the best plan touches, mostly without one of them."""
    problem, is_touched = search.problem, search.is_touched()
    charge = np.full(problem.n_grids, problem.weights.touched)
    rest = np.flatnonzero(is_touched & ~search.is_needed)
    tasks = [search.task(charge, is_touched)]
    for grid in search.rng.permutation(rest)[: n_tasks - 1].tolist():
        is_open = is_touched.copy()
        is_open[grid] = False
        tasks.append(search.task(charge, is_open))
    return tasks

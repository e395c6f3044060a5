"""Windows of four or five grids, divided exactly, where an old plan of few cells a grid is redrawn.

Pairs and triples are `geo.planning.polish`'s; with few cells a grid a plan may be the best of all
that those reach and still be far from the least change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from geo.planning.graph import Graph
from geo.planning.masks import LARGEST
from geo.planning.objective import edge_costs
from geo.planning.polish import neighbour_pairs
from geo.planning.redraw_problem import Problem
from geo.planning.windows import Homes, best_division

NODE_CAP = 50_000
"""Sets looked at in one window, at most."""

MOST_WINDOWS = 400
"""Windows looked at, at most."""


def widely_polished(
    problem: Problem,
    graph: Graph,
    labels: np.ndarray,
    *,
    size: int,
    hot: np.ndarray,
    cost_of: Callable[[np.ndarray], float],
    should_stop: Callable[[], bool],
) -> np.ndarray:
    """The plan with windows around the hot grids divided at their best, as far as that costs less.

    Parameters
    ----------
    graph : the borders over which cells may move
    size : grids in a window, up to 5
    hot : numbers of the grids that a window holds one of
    cost_of : the cost of a plan
    """
    least = cost_of(labels)
    near: list[list[int]] = [[] for _ in range(problem.n_grids)]
    for one, other in neighbour_pairs(graph, labels).tolist():
        near[one].append(other)
        near[other].append(one)
    for number, window in enumerate(windows_with(near, hot.tolist(), size)):
        if number >= MOST_WINDOWS or should_stop():
            break
        divided = _divided(problem, graph, labels, np.array(window))
        if divided is not None and (cost := cost_of(divided)) < least - 1e-9:
            labels, least = divided, cost
    return labels


def windows_with(near: list[list[int]], hot: list[int], size: int) -> Iterator[tuple[int, ...]]:
    """Connected sets of so many grids with a hot one, each once (Wernicke 2006)."""
    seen: set[int] = set()

    def grown(
        held: tuple[int, ...], beside: list[int], known: frozenset[int]
    ) -> Iterator[tuple[int, ...]]:
        if len(held) == size:
            yield held
            return
        for at, grid in enumerate(beside):
            more = [one for one in near[grid] if one not in known]
            yield from grown((*held, grid), beside[at + 1 :] + more, known | set(more))

    for first in hot:
        beside = [one for one in near[first] if one not in seen]
        yield from grown((first,), beside, frozenset(seen | {first} | set(beside)))
        seen.add(first)


def _divided(
    problem: Problem, graph: Graph, labels: np.ndarray, window: np.ndarray
) -> np.ndarray | None:
    """The plan with that window's ground divided anew, None where nothing was found."""
    place = np.full(problem.n_grids, -1)
    place[window] = np.arange(len(window))
    cells = np.flatnonzero(place[labels] >= 0)
    if not len(window) <= len(cells) <= LARGEST:
        return None
    home = np.where(problem.home[cells] >= 0, place[problem.home[cells]], -1)
    price = problem.weights.moved * problem.graph.load[cells] / problem.target
    fixed = problem.is_fixed[cells]
    held = np.bincount(labels, problem.graph.load, minlength=problem.n_grids)[window]
    target = problem.limits[window, 2]
    away = np.bincount(problem.home[problem.home >= 0], minlength=problem.n_grids)[window]
    away -= np.bincount(home[home >= 0], minlength=len(window))
    found = best_division(
        graph,
        cells,
        limits=problem.limits[window][:, None, :],
        edge_cost=edge_costs(graph, problem.n_grids, problem.weights),
        weights=problem.weights,
        homes=Homes(
            grid=np.where(fixed, place[labels[cells]], home),
            move_cost=np.where(fixed, np.inf, price),
            is_all_here=away == 0,
        ),
        incumbent=(float((_outside(problem, window, held) * target).sum()) + 1e-6, np.inf),
        node_cap=NODE_CAP,
    )
    if found.labels is None:
        return None
    divided = labels.copy()
    divided[cells] = window[found.labels]
    return divided


def _outside(problem: Problem, window: np.ndarray, held: np.ndarray) -> np.ndarray:
    low, high, target = problem.limits[window].T
    outside: np.ndarray = np.maximum(0.0, np.maximum(low - held, held - high)) / target
    return outside

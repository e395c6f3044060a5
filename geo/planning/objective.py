"""What makes one lawful plan better than another: the one objective of search, polish and explain.

Hard, never traded: every grid connected, inside one area, its loads within its limits. Among such
plans the cost is the sum of

    shape * (1 - Polsby-Popper)                          over grids
    border * length / reference                          over borders between grids
    - along_barrier * length on a barrier / reference    over borders between grids
    split * (grids that hold a compound - 1)             over compounds that fit into one grid
    moved * load moved / target                          over cells, when an old plan is redrawn
    touched                                              over grids whose cells change, likewise

One unit is the difference in shape between a circle and a line, for one grid. The reference is the
perimeter of a circle of the mean grid's area.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geo.planning.graph import Graph


@dataclass(frozen=True)
class Weights:
    """What one unit of each trouble costs, in grids turned from a circle into a line.

    Parameters
    ----------
    shape : a grid as a line instead of a circle
    border : one reference perimeter of border between two grids
    along_barrier : what of that is given back where the border runs on a barrier (a main road, a
        rail, a river, a wall); the same amount is lost where a grid crosses one
    split : one grid more than needed for a compound that fits into one
    moved : the load of one whole grid in other hands, when an old plan is redrawn
    touched : one grid more whose worker's ground changes, likewise
    """

    shape: float = 1.0
    border: float = 0.5
    along_barrier: float = 0.25
    split: float = 0.5
    moved: float = 1.0
    touched: float = 0.05


def reference_m(graph: Graph, n_grids: int) -> float:
    """The perimeter of a circle of the mean grid's area, in metres."""
    return float(np.sqrt(4 * np.pi * graph.area_m2.sum() / max(1, n_grids)))


def edge_costs(graph: Graph, n_grids: int, weights: Weights) -> np.ndarray:
    """What each of the graph's edges costs when it lies between two grids; below 0 is a gain.

    One value a directed edge, equal both ways; it counts once a pair.
    """
    costs: np.ndarray = (
        weights.border * graph.length_m - weights.along_barrier * graph.barrier_m
    ) / reference_m(graph, n_grids)
    return costs


def polsby_popper(graph: Graph, labels: np.ndarray, n_grids: int) -> np.ndarray:
    """4 pi area / perimeter^2 of each grid (Polsby and Popper 1991), 0 for an empty one.

    Parameters
    ----------
    labels : grid of each unit, 0 to n_grids - 1
    """
    one, other = graph.edges()
    is_inside = labels[one] == labels[other]
    area_m2 = np.bincount(labels, graph.area_m2, minlength=n_grids)
    perimeter_m = np.bincount(labels, graph.perimeter_m, minlength=n_grids) - np.bincount(
        labels[one[is_inside]], graph.length_m[is_inside], minlength=n_grids
    )
    shape = np.zeros(n_grids)
    np.divide(4 * np.pi * area_m2, perimeter_m**2, out=shape, where=perimeter_m > 0)
    return shape


def cost_of(graph: Graph, labels: np.ndarray, n_grids: int, weights: Weights) -> float:
    """Shape and border terms of a plan: what the search makes small.

    Parameters
    ----------
    labels : grid of each unit, 0 to n_grids - 1
    """
    one, other = graph.edges()
    is_cut = labels[one] != labels[other]
    borders = edge_costs(graph, n_grids, weights)[is_cut].sum() / 2
    shapes = weights.shape * (1 - polsby_popper(graph, labels, n_grids)).sum()
    return float(shapes + borders)

"""Every cell in a grid and every grid in one piece, before an old plan's loads are evened out."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from geo.planning.contiguity import connected_parts
from geo.planning.graph import Graph


@dataclass(frozen=True)
class Attached:
    """`labels`: grid of each unit, -1 where none is to be had. `is_new`: units that had no grid and
    got one; `is_torn`: units that lay apart from their grid's main part and went to another;
    `broken`: grids still in several pieces, ascending.
    """

    labels: np.ndarray
    is_new: np.ndarray
    is_torn: np.ndarray
    broken: np.ndarray


def attach(
    graph: Graph, home: np.ndarray, *, is_fixed: np.ndarray, is_open: np.ndarray
) -> Attached:
    """Units without a grid, and pieces apart from the main part of theirs, given to neighbours.

    The main part of a grid is the one with fixed units, then with the most load. Of the grids
    that a free unit touches, the one with the least load takes it, again and again.

    Parameters
    ----------
    home : grid of each unit, 0 to k - 1, -1 for none
    is_fixed : units that stay in the grid they have
    is_open : k, grids that may change
    """
    k = len(is_open)
    one, other = graph.edges()
    is_inside = (home[one] == home[other]) & (home[one] >= 0)
    piece = connected_parts(one[is_inside], other[is_inside], graph.n_units)
    is_main = _is_main(graph.load, home, piece, is_fixed)
    stays = np.bincount(piece, is_fixed & (home >= 0)) > 0
    is_kept = (home >= 0) & (is_main[piece] | stays[piece] | ~is_open[home])
    labels = np.where(is_kept, home, -1)
    _grow(graph, labels, is_open)
    is_left = (labels < 0) & (home >= 0)
    labels = np.where(is_left, home, labels)
    is_inside = (labels[one] == labels[other]) & (labels[one] >= 0)
    piece = connected_parts(one[is_inside], other[is_inside], graph.n_units)
    held = np.unique(np.stack([labels, piece], axis=1)[labels >= 0], axis=0)
    return Attached(
        labels=labels,
        is_new=(home < 0) & (labels >= 0),
        is_torn=(home >= 0) & (labels != home),
        broken=np.flatnonzero(np.bincount(held[:, 0], minlength=k) > 1),
    )


def _is_main(
    load: np.ndarray, home: np.ndarray, piece: np.ndarray, is_fixed: np.ndarray
) -> np.ndarray:
    """Mask of the pieces that are the main part of their grid; with a tie the first."""
    n_pieces = int(piece.max(initial=-1)) + 1
    _, first = np.unique(piece, return_index=True)
    grid = home[first]
    fixed_load = np.bincount(piece, np.where(is_fixed, load + 1e-9, 0.0), minlength=n_pieces)
    order = np.lexsort((first, -np.bincount(piece, load, minlength=n_pieces), -fixed_load, grid))
    is_first = np.r_[True, grid[order][1:] != grid[order][:-1]][:n_pieces]
    is_main = np.zeros(n_pieces, dtype=bool)
    is_main[order[is_first]] = True
    return is_main


def _grow(graph: Graph, labels: np.ndarray, is_open: np.ndarray) -> None:
    """Give units without a grid to grids beside them, into `labels`, as far as that goes."""
    held = np.bincount(labels[labels >= 0], graph.load[labels >= 0], minlength=len(is_open))
    queue: list[tuple[float, int, int]] = []

    def offer(unit: int) -> None:
        for beside in graph.indices[graph.indptr[unit] : graph.indptr[unit + 1]].tolist():
            taker, free = (labels[beside], unit) if labels[unit] < 0 else (labels[unit], beside)
            if taker >= 0 and labels[free] < 0 and is_open[taker]:
                heapq.heappush(queue, (float(held[taker]), int(free), int(taker)))

    for unit in np.flatnonzero(labels < 0).tolist():
        offer(unit)
    while queue:
        load, unit, taker = heapq.heappop(queue)
        if labels[unit] >= 0:
            continue
        if load < held[taker]:
            heapq.heappush(queue, (float(held[taker]), unit, taker))
            continue
        labels[unit] = taker
        held[taker] += graph.load[unit]
        offer(unit)

"""A first plan: ground halved again and again across its length, every part kept connected."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import math

import numpy as np
from numba import njit

from geo.planning.graph import Graph

N_DIRECTIONS = 6
"""Straight cuts tried at each halving."""

OFF_BALANCE_BORDERS = 20.0
"""A cut that is one target off the wanted share counts as this many borders of a mean unit more."""


@njit(cache=True, nogil=True)
def keep_main_part(
    indptr: np.ndarray,
    indices: np.ndarray,
    load: np.ndarray,
    side: np.ndarray,
    nodes: np.ndarray,
    wanted: int,
    stamp: np.ndarray,
    queue: np.ndarray,
) -> None:
    """Turn all but the heaviest connected part of one side over to the other side (0 or 1)."""
    stamp[0] += 1
    mark = stamp[0]
    best_first, best_load = -1, -1.0
    for i in range(len(nodes)):
        if side[nodes[i]] != wanted or stamp[nodes[i] + 1] >= mark:
            continue
        total = _fill(indptr, indices, load, side, nodes[i], wanted, mark, stamp, queue)
        if total > best_load:
            best_first, best_load = nodes[i], total
    if best_first < 0:
        return
    stamp[0] += 1
    _fill(indptr, indices, load, side, best_first, wanted, stamp[0], stamp, queue)
    for i in range(len(nodes)):
        if side[nodes[i]] == wanted and stamp[nodes[i] + 1] != stamp[0]:
            side[nodes[i]] = 1 - wanted


@njit(cache=True, nogil=True)
def _fill(
    indptr: np.ndarray,
    indices: np.ndarray,
    load: np.ndarray,
    side: np.ndarray,
    first: int,
    wanted: int,
    mark: int,
    stamp: np.ndarray,
    queue: np.ndarray,
) -> float:
    """Mark the connected part of that side that holds `first`; its load plus a little a node."""
    stamp[first + 1] = mark
    queue[0] = first
    head, tail, total = 0, 1, 0.0
    while head < tail:
        node = queue[head]
        head += 1
        total += load[node] + 1e-9
        for e in range(indptr[node], indptr[node + 1]):
            other = indices[e]
            if side[other] == wanted and stamp[other + 1] != mark:
                stamp[other + 1] = mark
                queue[tail] = other
                tail += 1
    return total


def halve(
    network: Graph,
    side: np.ndarray,
    nodes: np.ndarray,
    share: float,
    target: float,
    turn: float,
    stamp: np.ndarray,
    queue: np.ndarray,
) -> None:
    """Set `side` of the nodes to 0 (about that share of the load) or 1, both connected.

    Straight cuts in several directions are tried; the one with the shortest cut wins, load
    off the wanted share counting as border.
    """
    load, place = network.load[nodes], network.place[nodes]
    total = float(load.sum())
    edge, other, length_m = _edges_of(network, nodes)
    unit_m = float(length_m.sum()) / len(nodes)
    best_score, best = np.inf, side[nodes]
    for direction in range(N_DIRECTIONS):
        angle = turn + math.pi * direction / N_DIRECTIONS
        along = place @ np.array([math.cos(angle), math.sin(angle)])
        order = np.argsort(along, kind="stable")
        n_low = int(np.searchsorted(np.cumsum(load[order]), share * total)) + 1
        side[nodes] = 1
        side[nodes[order[: min(n_low, len(nodes) - 1)]]] = 0
        for which in (0, 1):
            keep_main_part(
                network.indptr, network.indices, network.load, side, nodes, which, stamp, queue
            )
        here = side[nodes]
        held = float(load[here == 0].sum())
        cut_m = float(length_m[(side[edge] == 0) & (side[other] == 1)].sum())
        score = cut_m + OFF_BALANCE_BORDERS * unit_m * abs(held - share * total) / target
        if 0 < int(here.sum()) < len(nodes) and score < best_score:
            best_score, best = score, here
    side[nodes] = best


def _edges_of(network: Graph, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The edges that start at these nodes: start, end, length."""
    begin, count = network.indptr[nodes], np.diff(network.indptr)[nodes]
    position = np.repeat(begin - np.r_[0, np.cumsum(count)[:-1]], count) + np.arange(count.sum())
    return np.repeat(nodes, count), network.indices[position], network.length_m[position]


def first_plan(
    network: Graph, *, nodes: np.ndarray, capacity: np.ndarray, turn: float
) -> np.ndarray:
    """Labels 0 to k - 1 of the given nodes, every grid connected, loads roughly by capacity.

    Parameters
    ----------
    nodes : a connected set of at least k units
    capacity : of each of the k grids, relative
    turn : rotates the directions of the cuts, radians
    """
    n, n_grids = network.n_units, len(capacity)
    labels: np.ndarray = np.zeros(n, dtype=np.int64)
    side = np.full(n, -1, dtype=np.int64)
    stamp = np.zeros(n + 1, dtype=np.int64)
    queue = np.empty(n, dtype=np.int64)
    target = max(1e-9, float(network.load[nodes].sum()) / n_grids)
    upto = np.r_[0.0, np.cumsum(capacity)]
    stack = [(nodes, 0, n_grids)]
    while stack:
        here, begin, end = stack.pop()
        if end - begin == 1:
            labels[here] = begin
            continue
        room = upto[end] - upto[begin]
        middle = (begin + end) // 2
        share = float((upto[middle] - upto[begin]) / room)
        halve(network, side, here, share, target, turn, stamp, queue)
        low, high = here[side[here] == 0], here[side[here] == 1]
        side[here] = -1
        total = float(network.load[here].sum())
        held = float(network.load[low].sum()) / total if total > 0 else share
        least, most = (
            begin + max(1, end - begin - len(high)),
            begin + min(end - begin - 1, len(low)),
        )
        shares = (upto[least : most + 1] - upto[begin]) / room
        middle = least + int(np.abs(shares - held).argmin())
        stack.append((low, begin, middle))
        stack.append((high, middle, end))
    found: np.ndarray = labels[nodes]
    return found

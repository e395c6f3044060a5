"""A first plan: ground halved again and again across its length, every part kept connected."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

N_DIRECTIONS = 6
THRESHOLD_STEPS = 40


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


@njit(cache=True, nogil=True)
def halve(
    indptr: np.ndarray,
    indices: np.ndarray,
    length: np.ndarray,
    load: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
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
    total, border = 0.0, 0.0
    for i in range(len(nodes)):
        total += load[nodes[i]]
        for e in range(indptr[nodes[i]], indptr[nodes[i] + 1]):
            border += length[e]
    unit = border / max(1, len(nodes))
    best = np.empty(len(nodes), dtype=np.int64)
    best_score = 1e300
    for d in range(N_DIRECTIONS):
        angle = turn + math.pi * d / N_DIRECTIONS
        cx, cy = math.cos(angle), math.sin(angle)
        low, high = 1e300, -1e300
        for i in range(len(nodes)):
            p = cx * x[nodes[i]] + cy * y[nodes[i]]
            low, high = min(low, p), max(high, p)
        for _ in range(THRESHOLD_STEPS):
            middle = 0.5 * (low + high)
            held = 0.0
            for i in range(len(nodes)):
                if cx * x[nodes[i]] + cy * y[nodes[i]] < middle:
                    held += load[nodes[i]]
            if held < share * total:
                low = middle
            else:
                high = middle
        for i in range(len(nodes)):
            p = cx * x[nodes[i]] + cy * y[nodes[i]]
            side[nodes[i]] = 0 if p < high else 1
        keep_main_part(indptr, indices, load, side, nodes, 0, stamp, queue)
        keep_main_part(indptr, indices, load, side, nodes, 1, stamp, queue)
        held, cut, n_held = 0.0, 0.0, 0
        for i in range(len(nodes)):
            if side[nodes[i]] == 0:
                held += load[nodes[i]]
                n_held += 1
                for e in range(indptr[nodes[i]], indptr[nodes[i] + 1]):
                    if side[indices[e]] == 1:
                        cut += length[e]
        score = cut + 20.0 * unit * abs(held - share * total) / target
        if n_held == 0 or n_held == len(nodes):
            score += 1e200
        if score < best_score:
            best_score = score
            for i in range(len(nodes)):
                best[i] = side[nodes[i]]
    for i in range(len(nodes)):
        side[nodes[i]] = best[i]


def first_plan(
    indptr: np.ndarray,
    indices: np.ndarray,
    length: np.ndarray,
    load: np.ndarray,
    place: np.ndarray,
    *,
    nodes: np.ndarray,
    n_grids: int,
    turn: float,
) -> np.ndarray:
    """Labels 0 to n_grids - 1 of the given nodes, every grid connected, loads roughly even.

    Parameters
    ----------
    indptr, indices, length : neighbours in compressed rows, shared border lengths
    place : n x 2, a point of each cell
    nodes : a connected set of at least n_grids cells
    turn : rotates the directions of the cuts, radians
    """
    n = len(load)
    labels = np.zeros(n, dtype=np.int64)
    side = np.full(n, -1, dtype=np.int64)
    stamp = np.zeros(n + 1, dtype=np.int64)
    queue = np.empty(n, dtype=np.int64)
    target = max(1e-9, float(load[nodes].sum()) / n_grids)
    x, y = np.ascontiguousarray(place[:, 0]), np.ascontiguousarray(place[:, 1])
    stack = [(nodes, n_grids, 0)]
    while stack:
        here, k, label = stack.pop()
        if k == 1:
            labels[here] = label
            continue
        share = (k // 2) / k
        halve(indptr, indices, length, load, x, y, side, here, share, target, turn, stamp, queue)
        low, high = here[side[here] == 0], here[side[here] == 1]
        side[here] = -1
        total = float(load[here].sum())
        held = float(load[low].sum()) / total if total > 0 else share
        fair = min(max(round(k * held), 1, k - len(high)), k - 1, len(low))
        stack.append((low, fair, label))
        stack.append((high, k - fair, label + fair))
    return labels[nodes]

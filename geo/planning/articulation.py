"""Units on which ground hangs: what they cut off, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def depth_first(indptr: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The units in the order of a depth-first walk, and where each was come from, -1 for roots."""
    n = len(indptr) - 1
    order, parent = np.empty(n, dtype=np.int64), np.full(n, -1, dtype=np.int64)
    is_seen = np.zeros(n, dtype=np.bool_)
    edge, stack = indptr[:-1].copy(), np.empty(n, dtype=np.int64)
    n_seen = 0
    for root in range(n):
        if is_seen[root]:
            continue
        is_seen[root] = True
        order[n_seen], stack[0], depth = root, root, 0
        n_seen += 1
        while depth >= 0:
            own = stack[depth]
            if edge[own] == indptr[own + 1]:
                depth -= 1
                continue
            other = indices[edge[own]]
            edge[own] += 1
            if not is_seen[other]:
                is_seen[other] = True
                parent[other] = own
                order[n_seen] = other
                n_seen += 1
                depth += 1
                stack[depth] = other
    return order, parent


@njit(cache=True, nogil=True, error_model="numpy")
def cut_branches(
    indptr: np.ndarray, indices: np.ndarray, load: np.ndarray, total: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Each articulation unit with each load it cuts off (Hopcroft and Tarjan 1973).

    Parameters
    ----------
    indptr, indices : neighbours in compressed rows
    load : of each unit; total : of each unit's connected part
    """
    n = len(load)
    order, parent = depth_first(indptr, indices)
    turn, n_children = np.empty(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    for at in range(n):
        turn[order[at]] = at
        if parent[order[at]] >= 0:
            n_children[parent[order[at]]] += 1
    lowest, below, away = turn.copy(), load.copy(), load.copy()
    is_cut = np.zeros(n, dtype=np.bool_)
    unit, branch = np.empty(2 * n, dtype=np.int64), np.empty(2 * n)
    n_found = 0
    for at in range(n - 1, -1, -1):
        own = order[at]
        for e in range(indptr[own], indptr[own + 1]):
            if indices[e] != parent[own]:
                lowest[own] = min(lowest[own], lowest[indices[e]], turn[indices[e]])
        above = parent[own]
        if above < 0:
            continue
        below[above] += below[own]
        if lowest[own] >= turn[above] and (parent[above] >= 0 or n_children[above] > 1):
            is_cut[above] = True
            away[above] += below[own]
            unit[n_found], branch[n_found] = above, below[own]
            n_found += 1
    for own in range(n):
        if is_cut[own] and parent[own] >= 0:
            unit[n_found], branch[n_found] = own, max(0.0, total[own] - away[own])
            n_found += 1
    return unit[:n_found], branch[:n_found]

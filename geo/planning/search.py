"""The compiled search: cells move between neighbouring grids under simulated annealing.

Three kinds of move keep every grid connected: one cell crosses a border; a cell on which part of
its grid hangs crosses together with that part; or one cell crosses and another leaves the grid it
came into (a swap, or a chain through a third grid), which is how loads are traded where single
cells are too heavy for the tolerance (ejection chains, Glover 1992).

Arrays and energy are those of `geo.planning.energy`; `branch` (n): room to list units.
"""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import math

import numpy as np
from numba import njit

from geo.planning.energy import change_of, move_cell, next_random, stays_connected


@njit(cache=True, nogil=True, error_model="numpy")
def best_second(
    indptr: np.ndarray,
    indices: np.ndarray,
    edges: np.ndarray,
    body: np.ndarray,
    tie_ptr: np.ndarray,
    ties: np.ndarray,
    labels: np.ndarray,
    grids: np.ndarray,
    limits: np.ndarray,
    weights: np.ndarray,
    is_free: np.ndarray,
    domain: np.ndarray,
    cell: int,
    stamp: np.ndarray,
    queue: np.ndarray,
) -> tuple[int, int, float]:
    """The best other cell to leave the grid `cell` has come into, where to, and the change."""
    grid = labels[cell]
    stamp[0] += 1
    mark = stamp[0]
    stamp[cell + 1] = mark
    queue[0] = cell
    head, tail = 0, 1
    best_cell, best_to, best_change = -1, -1, 1e300
    while head < tail:
        node = queue[head]
        head += 1
        last = -1
        for e in range(indptr[node], indptr[node + 1]):
            other = indices[e]
            label = labels[other]
            if label == grid:
                if stamp[other + 1] != mark:
                    stamp[other + 1] = mark
                    queue[tail] = other
                    tail += 1
            elif node != cell and label != last and is_free[node] and domain[label] == domain[grid]:
                last = label
                cost, penalty = change_of(
                    indptr,
                    indices,
                    edges,
                    body,
                    tie_ptr,
                    ties,
                    labels,
                    grids,
                    limits,
                    weights,
                    node,
                    label,
                )
                change = cost + weights[1] * penalty
                if change < best_change:
                    best_cell, best_to, best_change = node, label, change
    return best_cell, best_to, best_change


@njit(cache=True, nogil=True, error_model="numpy")
def find_branch(
    indptr: np.ndarray,
    indices: np.ndarray,
    labels: np.ndarray,
    cell: int,
    stamp: np.ndarray,
    queue: np.ndarray,
    branch: np.ndarray,
) -> int:
    """How many units hang on the rest of their grid through the cell alone, all but the largest
    part, put into `branch`; the cell itself comes first and is counted."""
    grid = labels[cell]
    stamp[0] += 1
    mark = stamp[0]
    stamp[cell + 1] = mark
    branch[0] = cell
    found, kept_begin, kept_end = 1, 1, 1
    for e in range(indptr[cell], indptr[cell + 1]):
        first = indices[e]
        if labels[first] != grid or stamp[first + 1] == mark:
            continue
        stamp[first + 1] = mark
        queue[0] = first
        head, tail = 0, 1
        while head < tail:
            node = queue[head]
            head += 1
            for f in range(indptr[node], indptr[node + 1]):
                other = indices[f]
                if labels[other] == grid and stamp[other + 1] != mark:
                    stamp[other + 1] = mark
                    queue[tail] = other
                    tail += 1
        begin = found
        for i in range(tail):
            branch[found] = queue[i]
            found += 1
        if tail > kept_end - kept_begin:
            kept_begin, kept_end = begin, found
    size = kept_end - kept_begin
    for i in range(kept_end, found):
        branch[i - size] = branch[i]
    return found - size


@njit(cache=True, nogil=True, error_model="numpy")
def move_branch(
    indptr: np.ndarray,
    indices: np.ndarray,
    edges: np.ndarray,
    body: np.ndarray,
    tie_ptr: np.ndarray,
    ties: np.ndarray,
    labels: np.ndarray,
    grids: np.ndarray,
    limits: np.ndarray,
    weights: np.ndarray,
    count: np.ndarray,
    is_free: np.ndarray,
    cell: int,
    to: int,
    allowed: float,
    stamp: np.ndarray,
    queue: np.ndarray,
    branch: np.ndarray,
) -> bool:
    """Give the cell and what hangs on it to a grid, if the energy then rises by no more than
    `allowed`; whether it was given."""
    origin = labels[cell]
    n = find_branch(indptr, indices, labels, cell, stamp, queue, branch)
    if n >= count[origin]:
        return False
    for i in range(n):
        if not is_free[branch[i]]:
            return False
    change = 0.0
    for i in range(n):
        unit = branch[i]
        cost, penalty = change_of(
            indptr, indices, edges, body, tie_ptr, ties, labels, grids, limits, weights, unit, to
        )
        change += cost + weights[1] * penalty
        move_cell(indptr, indices, edges, body, labels, grids, limits, weights, count, unit, to)
    if change <= allowed:
        return True
    for i in range(n - 1, -1, -1):
        move_cell(
            indptr, indices, edges, body, labels, grids, limits, weights, count, branch[i], origin
        )
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def anneal(
    indptr: np.ndarray,
    indices: np.ndarray,
    edges: np.ndarray,
    body: np.ndarray,
    tie_ptr: np.ndarray,
    ties: np.ndarray,
    labels: np.ndarray,
    grids: np.ndarray,
    limits: np.ndarray,
    weights: np.ndarray,
    count: np.ndarray,
    free: np.ndarray,
    is_free: np.ndarray,
    domain: np.ndarray,
    temperature: float,
    chain_share: float,
    chain_reach: float,
    n_steps: int,
    state: np.ndarray,
    stamp: np.ndarray,
    queue: np.ndarray,
    branch: np.ndarray,
) -> int:
    """Change the plan by n_steps tried moves; how many were accepted.

    Parameters
    ----------
    free : units that may move, all in grids of one domain; is_free : the same as a mask of all
    domain : of each grid; units move only between grids of the same one
    chain_share : how many of the refused moves are tried as the first of two
    chain_reach : those whose cost alone is more than this above what is allowed are not
    state : of `next_random`
    """
    accepted, n_free = 0, len(free)
    for _ in range(n_steps):
        cell = free[int(next_random(state) * n_free)]
        begin, end = indptr[cell], indptr[cell + 1]
        if begin == end:
            continue
        origin = labels[cell]
        pick = begin + int(next_random(state) * (end - begin))
        to = labels[indices[pick]]
        if to == origin or count[origin] == 1 or domain[to] != domain[origin]:
            continue
        cost, penalty = change_of(
            indptr, indices, edges, body, tie_ptr, ties, labels, grids, limits, weights, cell, to
        )
        change = cost + weights[1] * penalty
        allowed = 0.0
        if change > 0.0:
            allowed = -temperature * math.log(1.0 - next_random(state))
        is_refused = change > allowed
        if is_refused and (cost > allowed + chain_reach or next_random(state) >= chain_share):
            continue
        if not stays_connected(indptr, indices, labels, cell, stamp, queue):
            accepted += move_branch(
                indptr,
                indices,
                edges,
                body,
                tie_ptr,
                ties,
                labels,
                grids,
                limits,
                weights,
                count,
                is_free,
                cell,
                to,
                allowed,
                stamp,
                queue,
                branch,
            )
            continue
        move_cell(indptr, indices, edges, body, labels, grids, limits, weights, count, cell, to)
        if not is_refused:
            accepted += 1
            continue
        second, goal, more = best_second(
            indptr,
            indices,
            edges,
            body,
            tie_ptr,
            ties,
            labels,
            grids,
            limits,
            weights,
            is_free,
            domain,
            cell,
            stamp,
            queue,
        )
        if (
            second >= 0
            and change + more <= allowed
            and stays_connected(indptr, indices, labels, second, stamp, queue)
        ):
            move_cell(
                indptr, indices, edges, body, labels, grids, limits, weights, count, second, goal
            )
            accepted += 1
        else:
            move_cell(
                indptr, indices, edges, body, labels, grids, limits, weights, count, cell, origin
            )
    return accepted

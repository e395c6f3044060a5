"""One division after another judged, and replaced where an exact one is better; compiled."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import numpy as np
from numba import njit

from geo.planning.energy import STEP_OUTSIDE
from geo.planning.enumeration import CAPPED, SKIPPED
from geo.planning.masks import LARGEST
from geo.planning.matching import outside
from geo.planning.windows import NEARLY, divide

FOUR_PI = 4.0 * np.pi

BETTER, NODES, OVER_CAP, TOO_LARGE = 0, 1, 2, 3
"""Places in the counts of `polish_windows`."""


@njit(cache=True, nogil=True, error_model="numpy")
def window_excess(
    body: np.ndarray, window: np.ndarray, labels: np.ndarray, limits: np.ndarray
) -> float:
    """Load outside the limits, summed over the grids 0 to q - 1, in units of the first load."""
    excess = 0.0
    for j in range(limits.shape[1]):
        weight = limits[0, 0, 2] / limits[0, j, 2]
        held = np.zeros(len(limits))
        for i in range(len(window)):
            held[labels[i]] += body[window[i], 2 + j]
        for grid in range(len(limits)):
            excess += weight * outside(held[grid], limits[grid, j, 0], limits[grid, j, 1])
    return excess


@njit(cache=True, nogil=True, error_model="numpy")
def step_outside(
    body: np.ndarray, window: np.ndarray, labels: np.ndarray, limits: np.ndarray
) -> float:
    """What being outside at all counts for, as load, summed over the grids that are outside."""
    total = 0.0
    for grid in range(len(limits)):
        excess = 0.0
        for j in range(limits.shape[1]):
            held = 0.0
            for i in range(len(window)):
                held += body[window[i], 2 + j] if labels[i] == grid else 0.0
            excess += outside(held, limits[grid, j, 0], limits[grid, j, 1])
        if excess > NEARLY * limits[grid, 0, 2]:
            total += STEP_OUTSIDE * (limits[grid, 0, 0] + limits[grid, 0, 1]) / 2.0
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def is_alike(limits: np.ndarray, place: np.ndarray) -> bool:
    """Whether all grids of the window have the same limits and none is home to a cell."""
    is_same = len(place) == 0
    for grid in range(1, len(limits)):
        for j in range(limits.shape[1]):
            is_same &= limits[grid, j, 0] == limits[0, j, 0]
            is_same &= limits[grid, j, 1] == limits[0, j, 1]
    return is_same


@njit(cache=True, nogil=True, error_model="numpy")
def window_cost(
    indptr: np.ndarray,
    indices: np.ndarray,
    edges: np.ndarray,
    body: np.ndarray,
    window: np.ndarray,
    labels: np.ndarray,
    n_grids: int,
    shape_weight: float,
    position: np.ndarray,
) -> float:
    """Shape and inner borders of the window's cells in grids 0 to q - 1, as `divide` counts it."""
    area, perimeter = np.zeros(n_grids), np.zeros(n_grids)
    cost = float(shape_weight * n_grids)
    for i in range(len(window)):
        position[window[i]] = i
    for i in range(len(window)):
        cell = window[i]
        area[labels[i]] += body[cell, 0]
        perimeter[labels[i]] += body[cell, 1]
        for e in range(indptr[cell], indptr[cell + 1]):
            other = position[indices[e]]
            if other < 0:
                continue
            if labels[other] == labels[i]:
                perimeter[labels[i]] -= edges[e, 0]
            else:
                cost += edges[e, 1] / 2.0
    for grid in range(n_grids):
        if perimeter[grid] > 0:
            cost -= shape_weight * FOUR_PI * area[grid] / (perimeter[grid] * perimeter[grid])
    for cell in window:
        position[cell] = -1
    return cost


@njit(cache=True, nogil=True, error_model="numpy")
def count_split(labels: np.ndarray, compound: np.ndarray) -> int:
    """Pairs of a compound and a grid that holds a part of it."""
    n = 0
    for i in range(len(compound)):
        is_new = compound[i] >= 0
        for before in range(i):
            is_same = compound[before] == compound[i] and labels[before] == labels[i]
            is_new = is_new and not is_same
        n += is_new
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def claims_cost(
    labels: np.ndarray,
    home: np.ndarray,
    is_all_here: np.ndarray,
    move_cost: np.ndarray,
    touched: float,
) -> float:
    """Cells moved and grids touched, as `divide` counts them."""
    cost = 0.0
    is_touched = np.empty(len(is_all_here), dtype=np.bool_)
    for grid in range(len(is_all_here)):
        is_touched[grid] = not is_all_here[grid]
    for i in range(len(home)):
        if home[i] != labels[i]:
            cost += move_cost[i]
            is_touched[labels[i]] = True
            if home[i] >= 0:
                is_touched[home[i]] = True
    for is_one in is_touched:
        cost += touched if is_one else 0.0
    return cost


@njit(cache=True, nogil=True, error_model="numpy")
def enemy_slots(
    tie_ptr: np.ndarray, ties: np.ndarray, window: np.ndarray, position: np.ndarray
) -> np.ndarray:
    """Pairs of slots in the window of cells that must not share a grid."""
    n = 0
    for cell in window:
        n += tie_ptr[cell, 2] - tie_ptr[cell, 1]
    pairs = np.empty((n, 2), dtype=np.int64)
    if n == 0:
        return pairs
    for i in range(len(window)):
        position[window[i]] = i
    n = 0
    for i in range(len(window)):
        for at in range(tie_ptr[window[i], 1], tie_ptr[window[i], 2]):
            if position[ties[at]] > i:
                pairs[n, 0], pairs[n, 1] = i, position[ties[at]]
                n += 1
    for cell in window:
        position[cell] = -1
    return pairs[:n]


@njit(cache=True, nogil=True, error_model="numpy")
def gather(
    head: np.ndarray, following: np.ndarray, grids: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The grids' cells in ascending order and which of the grids holds each; none if too many."""
    window = np.empty(LARGEST, dtype=np.int64)
    own = np.empty(LARGEST, dtype=np.int64)
    n = 0
    for place in range(len(grids)):
        cell = head[grids[place]]
        while cell >= 0:
            if n == LARGEST:
                return window[:0], own[:0]
            at = n
            while at > 0 and window[at - 1] > cell:
                window[at], own[at] = window[at - 1], own[at - 1]
                at -= 1
            window[at], own[at] = cell, place
            n += 1
            cell = following[cell]
    return window[:n], own[:n]


@njit(cache=True, nogil=True, error_model="numpy")
def local_homes(
    window: np.ndarray,
    grids: np.ndarray,
    home: np.ndarray,
    home_size: np.ndarray,
    move_cost: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Home (place among the grids, -1 for another), whether all is here, cost of moving."""
    n = len(window) if len(home) else 0
    place = np.full(n, -1, dtype=np.int64)
    cost = np.empty(n)
    held = np.zeros(len(grids), dtype=np.int64)
    is_all_here = np.ones(len(grids), dtype=np.bool_)
    for i in range(n):
        cost[i] = move_cost[window[i]]
        for at in range(len(grids)):
            if grids[at] == home[window[i]]:
                place[i] = at
                held[at] += 1
    for at in range(len(grids) if n else 0):
        is_all_here[at] = held[at] == home_size[grids[at]]
    return place, is_all_here, cost


@njit(cache=True, nogil=True, error_model="numpy")
def limits_of(limits: np.ndarray, grids: np.ndarray) -> np.ndarray:
    """The grids' limits."""
    found = np.empty((len(grids), limits.shape[1], 3))
    for at in range(len(grids)):
        for j in range(limits.shape[1]):
            for end in range(3):
                found[at, j, end] = limits[grids[at], j, end]
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def polish_windows(
    indptr: np.ndarray,
    indices: np.ndarray,
    edges: np.ndarray,
    body: np.ndarray,
    tie_ptr: np.ndarray,
    ties: np.ndarray,
    compound: np.ndarray,
    labels: np.ndarray,
    limits: np.ndarray,
    weights: np.ndarray,
    home: np.ndarray,
    home_size: np.ndarray,
    move_cost: np.ndarray,
    windows: np.ndarray,
    first: int,
    head: np.ndarray,
    following: np.ndarray,
    changed: np.ndarray,
    position: np.ndarray,
    node_cap: int,
    counts: np.ndarray,
) -> None:
    """Go over the windows once, putting the best division where it is better than the plan's.

    Parameters
    ----------
    indptr, indices, edges, body, tie_ptr, ties, labels, limits : as in `geo.planning.energy`
    compound : (n) number, -1 for none
    weights : shape, split, touched, load outside the limits or 0 (see `divide`)
    home, move_cost : (n) see `divide`, or empty; home_size : (k) units that each grid used to hold
    windows : (windows, q) grids, -1 behind the last; `first`: number of the first window
    head, following : (k), (n) the units of each grid as a list, -1 at its end
    changed : (k) number of the last window that changed the grid, else as before
    position : n, all -1
    node_cap : sets to look at in a window, at most; then the best found so far is taken
    counts : windows bettered, nodes, windows over the cap, windows too large; added to
    """
    for number in range(len(windows)):
        q = 0
        while q < windows.shape[1] and windows[number, q] >= 0:
            q += 1
        grids = windows[number, :q]
        window, own = gather(head, following, grids)
        if len(window) == 0:
            counts[TOO_LARGE] += 1
            continue
        bounds = limits_of(limits, grids)
        place, is_all_here, cost_of_move = local_homes(window, grids, home, home_size, move_cost)
        tags = np.empty(len(window), dtype=np.int64)
        for i in range(len(window)):
            tags[i] = compound[window[i]]
        enemies = enemy_slots(tie_ptr, ties, window, position)
        excess = window_excess(body, window, own, bounds)
        for row in range(len(enemies)):
            if own[enemies[row, 0]] == own[enemies[row, 1]]:
                for at in range(q):
                    excess += bounds[at, 0, 2]
        cost = (
            window_cost(indptr, indices, edges, body, window, own, q, weights[0], position)
            + weights[1] * count_split(own, tags)
            + claims_cost(own, place, is_all_here, cost_of_move, weights[2])
        )
        if weights[3] > 0.0 and excess > 0.0 and is_alike(bounds, place):
            cost += weights[3] * (excess + step_outside(body, window, own, bounds))
        status, is_better, _, _, n_nodes = divide(
            indptr,
            indices,
            edges,
            body,
            window,
            bounds,
            weights,
            place,
            is_all_here,
            cost_of_move,
            tags,
            enemies,
            excess,
            cost,
            node_cap,
            position,
            own,
        )
        counts[NODES] += n_nodes
        counts[OVER_CAP] += status == CAPPED
        counts[TOO_LARGE] += status == SKIPPED
        if is_better:
            counts[BETTER] += 1
            for at in range(q):
                head[grids[at]] = -1
                changed[grids[at]] = first + number
            for i in range(len(window)):
                grid = grids[own[i]]
                labels[window[i]] = grid
                following[window[i]] = head[grid]
                head[grid] = window[i]

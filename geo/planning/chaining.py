"""The compiled search that redraws an existing plan: few cells, few grids, all connected.

Moves keep every grid connected: one cell, or several that hang together, cross a border; a cell
that holds its grid together takes the smaller pieces along (composite move); and chains of two or
more, in which the grid that would then hold too much hands a cell on, or the one that would hold
too little takes one in (ejection chains, Glover 1992). They are accepted as in simulated annealing;
the energy is that of `geo.planning.shifting`.
"""

# ruff: noqa: PLR0917 - compiled kernels take their arguments by position
from __future__ import annotations

import math

import numpy as np
from numba import njit

from geo.planning.energy import stays_connected
from geo.planning.shifting import (
    LOAD,
    Demand,
    Desk,
    Ground,
    Plan,
    begin_group,
    close_group,
    excess_energy,
    give,
    grow_group,
    next_random,
    weigh,
)

MOST_LINKS = 8
"""Moves of one chain, at most."""


@njit(cache=True, nogil=True, error_model="numpy")
def best_single(
    ground: Ground, plan: Plan, demand: Demand, desk: Desk, start: int, is_inward: bool
) -> tuple[int, int]:
    """The cheapest cell to leave the grid of `start`, other than `start`, or to come in; where to.

    Whether the cell's grid stays connected is not looked at.
    """
    grid, labels, stamp = plan.labels[start], plan.labels, desk.stamp
    stamp[0] += 1
    stamp[start + 1] = stamp[0]
    desk.queue[0] = start
    head, tail = 0, 1
    least, best, goal = 1e300, -1, -1
    while head < tail:
        node = desk.queue[head]
        head += 1
        last = grid
        for e in range(ground.indptr[node], ground.indptr[node + 1]):
            other = ground.indices[e]
            label = labels[other]
            if label == grid:
                if stamp[other + 1] != stamp[0]:
                    stamp[other + 1] = stamp[0]
                    desk.queue[tail] = other
                    tail += 1
                continue
            mover, to = (other, grid) if is_inward else (node, label)
            if is_inward and stamp[other + 1] == stamp[0]:
                continue
            if not demand.is_open[label] or ground.is_fixed[mover]:
                continue
            if not is_inward and (label == last or node == start):
                continue
            last = label
            if is_inward:
                stamp[other + 1] = stamp[0]
            begin_group(desk, mover)
            change = weigh(ground, plan, demand, desk, 1, to)
            if change < least:
                least, best, goal = change, mover, to
    return best, goal


@njit(cache=True, nogil=True, error_model="numpy")
def neighbour_in(ground: Ground, plan: Plan, cell: int, grid: int) -> int:
    """A neighbour of the cell in that grid, -1 for none."""
    for e in range(ground.indptr[cell], ground.indptr[cell + 1]):
        if plan.labels[ground.indices[e]] == grid:
            return int(ground.indices[e])
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def pursue(
    ground: Ground,
    plan: Plan,
    demand: Demand,
    desk: Desk,
    n: int,
    to: int,
    is_inward: bool,
    allowed: float,
    depth: int,
) -> bool:
    """Give the group away and follow up with single cells until the change is allowed.

    Whether it came to that; else all is as before.
    """
    origin = plan.labels[desk.group[0]]
    total = weigh(ground, plan, demand, desk, n, to)
    for i in range(n):
        desk.spare[i] = desk.group[i]
    give(plan, desk, n, to)
    cells, homes = np.empty(MOST_LINKS, np.int64), np.empty(MOST_LINKS, np.int64)
    start = neighbour_in(ground, plan, desk.spare[0], origin) if is_inward else desk.spare[0]
    n_links = 0
    while start >= 0 and n_links < depth:
        cell, goal = best_single(ground, plan, demand, desk, start, is_inward)
        if cell < 0 or plan.size[plan.labels[cell]] == 1:
            break
        if not stays_connected(
            ground.indptr, ground.indices, plan.labels, cell, desk.stamp, desk.queue
        ):
            break
        cells[n_links], homes[n_links] = cell, plan.labels[cell]
        n_links += 1
        begin_group(desk, cell)
        total += weigh(ground, plan, demand, desk, 1, goal)
        give(plan, desk, 1, goal)
        if total <= allowed:
            return True
        start = neighbour_in(ground, plan, cell, homes[n_links - 1]) if is_inward else cell
    for i in range(n_links - 1, -1, -1):
        begin_group(desk, cells[i])
        weigh(ground, plan, demand, desk, 1, homes[i])
        give(plan, desk, 1, homes[i])
    desk.mark[-1] += 1
    for i in range(n):
        desk.group[i] = desk.spare[i]
        desk.mark[desk.group[i]] = desk.mark[-1]
    weigh(ground, plan, demand, desk, n, origin)
    give(plan, desk, n, origin)
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def way_on(
    plan: Plan, demand: Demand, desk: Desk, origin: int, to: int, change: float, allowed: float
) -> int:
    """How to follow up the group just weighed: 1 by a cell into its old grid, 0 by one out of its
    new grid, -1 not at all, for no further cell could make up for the change."""
    w = demand.weights
    over = excess_energy(plan.sums[to, LOAD] + desk.sums[0], demand.limits[to], w)
    under = excess_energy(plan.sums[origin, LOAD] - desk.sums[0], demand.limits[origin], w)
    win_out, win_in = over + demand.lure[0], under + demand.lure[0]
    if plan.changed[to] > 0:
        win_out += demand.charge[to] + demand.lure[1]
    if plan.changed[origin] > 0:
        win_in += demand.charge[origin] + demand.lure[1]
    if change - max(win_out, win_in) > allowed:
        return -1
    is_inward = under > over or (under == over and next_random(desk.state) < 0.5)
    if is_inward and change - win_in > allowed:
        return 0
    if not is_inward and change - win_out > allowed:
        return 1
    return int(is_inward)


@njit(cache=True, nogil=True, error_model="numpy")
def is_idle(plan: Plan, demand: Demand, origin: int, to: int) -> bool:
    """Whether both grids are as they were and neither can do with the exchange."""
    is_as_before: bool = plan.changed[origin] == 0 and plan.changed[to] == 0
    return (
        is_as_before
        and plan.sums[origin, LOAD] <= demand.limits[origin, 1]
        and plan.sums[to, LOAD] >= demand.limits[to, 0]
    )


@njit(cache=True, nogil=True, error_model="numpy")
def try_move(
    ground: Ground,
    plan: Plan,
    demand: Demand,
    desk: Desk,
    cell: int,
    to: int,
    allowed: float,
    shares: np.ndarray,
) -> bool:
    """Try the cell, alone or with others, perhaps with a chain; whether anything changed."""
    origin = plan.labels[cell]
    begin_group(desk, cell)
    n, chance = 1, next_random(desk.state)
    is_group = chance < shares[1]
    if is_group:
        n = grow_group(ground, plan, desk, 2 + int(next_random(desk.state) * shares[2]))
        n = close_group(ground, plan, desk, n)
        if n < 0:
            return False
    change = weigh(ground, plan, demand, desk, n, to)
    way = -1
    if change > allowed and chance > 1.0 - shares[0]:
        way = way_on(plan, demand, desk, origin, to, change, allowed)
    if change > allowed and way < 0:
        return False
    if not is_group and not stays_connected(
        ground.indptr, ground.indices, plan.labels, cell, desk.stamp, desk.queue
    ):
        n = close_group(ground, plan, desk, n)
        if n < 0:
            return False
        change = weigh(ground, plan, demand, desk, n, to)
        way = -1
    if change <= allowed:
        give(plan, desk, n, to)
        return True
    return way >= 0 and pursue(ground, plan, demand, desk, n, to, way == 1, allowed, int(shares[3]))


@njit(cache=True, nogil=True, error_model="numpy")
def anneal(
    ground: Ground,
    plan: Plan,
    demand: Demand,
    desk: Desk,
    active: np.ndarray,
    temperature: float,
    n_steps: int,
    shares: np.ndarray,
) -> int:
    """Change the plan by n_steps tried moves of the active cells; how many were accepted.

    Parameters
    ----------
    shares : of the moves that may be followed up (chains), of groups; spread of their size, and
        cells that may follow at most, up to MOST_LINKS
    """
    accepted = 0
    for _ in range(n_steps):
        cell = active[int(next_random(desk.state) * len(active))]
        begin, end = ground.indptr[cell], ground.indptr[cell + 1]
        if begin == end or ground.is_fixed[cell]:
            continue
        origin = plan.labels[cell]
        to = plan.labels[ground.indices[begin + int(next_random(desk.state) * (end - begin))]]
        if to == origin or plan.size[origin] == 1:
            continue
        if not demand.is_open[origin] or not demand.is_open[to]:
            continue
        if is_idle(plan, demand, origin, to):
            continue
        allowed = -temperature * math.log(1.0 - next_random(desk.state))
        accepted += try_move(ground, plan, demand, desk, cell, to, allowed, shares)
    return accepted

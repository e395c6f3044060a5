"""For single units, how near to the target any connected set that holds them can come; compiled."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import numpy as np
from numba import njit

from geo.planning.masks import LARGEST, NONE, ONE, bit, first_of, reach, size_of, sum_over


@njit(cache=True, nogil=True, error_model="numpy")
def ball_around(
    indptr: np.ndarray,
    indices: np.ndarray,
    load: np.ndarray,
    unit: int,
    most_load: float,
    place: np.ndarray,
    ball: np.ndarray,
) -> tuple[int, bool]:
    """Units that a connected set of at most that load with `unit` may hold, nearest by load first.

    Parameters
    ----------
    place : scratch, n integers, all -1 and again so afterwards
    ball : room for 64 units

    Returns
    -------
    how many were written to `ball`, and whether these are all
    """
    near = np.empty(1024, dtype=np.int64)
    way = np.empty(1024)
    near[0], way[0], place[unit] = unit, load[unit], 0
    n_near, n_ball, is_all = 1, 0, True
    while True:
        best = -1
        for i in range(n_near):
            if way[i] >= 0.0 and (best < 0 or way[i] < way[best]):
                best = i
        if best < 0:
            break
        if n_ball == LARGEST:
            is_all = False
            break
        own, done = near[best], way[best]
        ball[n_ball] = own
        n_ball += 1
        way[best] = -1.0
        for e in range(indptr[own], indptr[own + 1]):
            other = indices[e]
            length = done + load[other]
            if length > most_load:
                continue
            at = place[other]
            if at >= 0:
                way[at] = min(way[at], length)
            elif n_near == len(near):
                is_all = False
            else:
                place[other] = n_near
                near[n_near], way[n_near] = other, length
                n_near += 1
    for i in range(n_near):
        place[near[i]] = -1
    return n_ball, is_all


@njit(cache=True, nogil=True, error_model="numpy")
def piece_deviation(load: float, n_cells: int, target: float) -> float:
    """The least largest deviation of ground of that load in any number of grids."""
    few = min(float(n_cells), max(1.0, np.floor(load / target)))
    more = min(float(n_cells), few + 1.0)
    off: float = min(abs(load / few - target), abs(load / more - target))
    return off / target


@njit(cache=True, nogil=True, error_model="numpy")
def pieces_deviation(
    near: np.ndarray, held: np.ndarray, rest: np.uint64, exits: np.uint64, target: float
) -> float:
    """The largest of `piece_deviation` over pieces of the rest without an exit."""
    worst = 0.0
    while rest != NONE:
        piece = reach(rest & (~rest + ONE), rest, near)
        rest &= ~piece
        if piece & exits == NONE:
            load = sum_over(piece, held, 0)
            worst = max(worst, piece_deviation(load, size_of(piece), target))
    return worst


@njit(cache=True, nogil=True, error_model="numpy")
def best_set(
    near: np.ndarray,
    held: np.ndarray,
    exits: np.uint64,
    target: float,
    goal: float,
    begin: float,
    node_cap: int,
) -> tuple[float, np.uint64, bool, int]:
    """The connected set with cell 0 of the least deviation, its own or of pieces it cuts off.

    Parameters
    ----------
    near, held : neighbours' mask and load of each cell
    exits : cells with neighbours elsewhere; pieces with one of them are not judged
    goal : good enough; begin : only less counts

    Returns
    -------
    the deviation (`begin` if none is less), the set, whether nothing better exists, sets tried
    """
    n = len(held)
    every = ~NONE if n == LARGEST else bit(n) - ONE
    sets, outs = np.zeros(n + 1, dtype=np.uint64), np.zeros(n + 1, dtype=np.uint64)
    nears, loads = np.zeros(n + 1, dtype=np.uint64), np.zeros(n + 1)
    cells = np.zeros(n + 1, dtype=np.int64)
    sets[0], nears[0], loads[0] = ONE, near[0], held[0]
    best, chosen, depth, n_nodes, is_new = begin, NONE, 0, 0, True
    while depth >= 0:
        if is_new:
            is_new = False
            n_nodes += 1
            if n_nodes > node_cap:
                return best, chosen, False, n_nodes
            deviation = abs(loads[depth] - target) / target
            if deviation < best:
                rest = every & ~sets[depth]
                deviation = max(deviation, pieces_deviation(near, held, rest, exits, target))
            if deviation < best:
                best, chosen = deviation, sets[depth]
                if best <= goal:
                    return best, chosen, True, n_nodes
        beside = nears[depth] & ~(sets[depth] | outs[depth])
        if beside == NONE:
            depth -= 1
            if depth >= 0:
                outs[depth] |= bit(cells[depth + 1])
            continue
        cell = first_of(beside)
        if loads[depth] + held[cell] >= target * (1.0 + best):
            outs[depth] |= bit(cell)
            continue
        depth += 1
        cells[depth] = cell
        sets[depth], outs[depth] = sets[depth - 1] | bit(cell), outs[depth - 1]
        nears[depth], loads[depth] = nears[depth - 1] | near[cell], loads[depth - 1] + held[cell]
        is_new = True
    return best, chosen, True, n_nodes


@njit(cache=True, nogil=True, error_model="numpy")
def local_ground(
    indptr: np.ndarray,
    indices: np.ndarray,
    load: np.ndarray,
    ball: np.ndarray,
    place: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.uint64]:
    """Neighbours' masks and loads of the ball's units, and the mask of those with others beside.

    `place` is scratch as in `ball_around`.
    """
    near, held, exits = np.zeros(len(ball), dtype=np.uint64), np.empty(len(ball)), NONE
    for i in range(len(ball)):
        place[ball[i]] = i
    for i in range(len(ball)):
        held[i] = load[ball[i]]
        for e in range(indptr[ball[i]], indptr[ball[i] + 1]):
            at = place[indices[e]]
            if at >= 0:
                near[i] |= bit(at)
            else:
                exits |= bit(i)
    for i in range(len(ball)):
        place[ball[i]] = -1
    return near, held, exits


@njit(cache=True, nogil=True, error_model="numpy")
def local_bounds(
    indptr: np.ndarray,
    indices: np.ndarray,
    load: np.ndarray,
    part: np.ndarray,
    order: np.ndarray,
    target: float,
    goal: np.ndarray,
    node_cap: int,
    budget: int,
) -> tuple[np.ndarray, np.ndarray]:
    """For each unit a proved bound of the deviation of any plan, 0 where it is at most the goal.

    Parameters
    ----------
    order : of the units
    goal : for each part, what is known or does not matter; raised to the largest bound found
    node_cap : sets to look at for a unit, at most; where that does not suffice its bound is 0
    budget : sets to look at for all units; those for which nothing is left have the bound 0

    Returns
    -------
    the bounds; the load of the best set around each unit with a bound
    """
    n = len(load)
    found, best_load = np.zeros(n), np.zeros(n)
    is_fine = np.zeros(n, dtype=np.bool_)
    place = np.full(n, -1, dtype=np.int64)
    room = np.empty(LARGEST, dtype=np.int64)
    for unit in order:
        best, enough, turn = 1.0, goal[part[unit]], 0
        while not is_fine[unit] and turn < 2 and budget > 0:
            turn += 1
            most = target * (1.0 + best + 1e-9)
            m, is_all = ball_around(indptr, indices, load, unit, most, place, room)
            ball = room[:m]
            near, held, exits = local_ground(indptr, indices, load, ball, place)
            value, chosen, is_done, n_nodes = best_set(
                near, held, exits, target, enough, best + 1e-12, node_cap
            )
            budget -= n_nodes
            best = min(best, value)
            if best <= enough:
                is_fine[unit] = True
                while chosen != NONE:
                    is_fine[ball[first_of(chosen)]] = True
                    chosen &= chosen - ONE
            elif is_all and is_done:
                found[unit], goal[part[unit]], turn = best, best, 2
                best_load[unit] = sum_over(chosen, held, 0)
            elif not is_done:
                turn = 2
    return found, best_load

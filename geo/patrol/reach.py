"""Length of lines within reach of tracks, exactly: interval arithmetic, compiled; no buffers.

The ground within reach of a straight stretch of track is convex (a rectangle with round ends), so
that a straight edge crosses it in one interval. The intervals of a patrol on an edge are joined.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

_LATTICE_M = 20.0
"""Side of the look-up lattice's squares, metres; wider where streets are sparse."""


class _Lattice(NamedTuple):
    """Which edges cross each square: `edges[start[s]:start[s + 1]]` for square s, by rows."""

    west: float
    south: float
    side: float
    n_cols: int
    n_rows: int
    start: Indices
    edges: Indices


def covered_lengths(
    edges: Floats, stretches: Floats, patrol: Indices, *, reaches_m: Sequence[float]
) -> tuple[Indices, Indices, Floats]:
    """(patrol, edge, metres): the length of each edge within each reach of a patrol's stretches.

    Exact: what several stretches reach counts once. Only pairs that the widest reach meets, in
    order of patrol and edge.

    Parameters
    ----------
    edges : (m, 4) ends x0, y0, x1, y1 of straight edges, metres, each longer than 0
    stretches : (n, 4) likewise, lengths of 0 allowed
    patrol : (n,) patrol of each stretch, ascending from 0
    reaches_m : r distances within which an edge counts, metres

    Returns
    -------
    patrol (k,), edge (k,), metres (k, r)
    """
    none = np.zeros(0, dtype=np.int64)
    if not len(edges) or not len(stretches):
        return none, none, np.zeros((0, len(reaches_m)))
    lattice = _lattice(edges)
    bounds = np.append(np.flatnonzero(np.diff(patrol, prepend=-1)), len(patrol))
    found = {}
    for reach_m in set(reaches_m):
        nth, edge, metres = _sweep(edges, stretches, bounds, reach_m, lattice)
        key = patrol[bounds[nth]] * len(edges) + edge
        order = np.argsort(key)
        found[reach_m] = (key[order], metres[order])
    keys = found[max(reaches_m)][0]
    table = np.zeros((len(keys), len(reaches_m)))
    for column, reach_m in enumerate(reaches_m):
        key, metres = found[reach_m]
        table[np.searchsorted(keys, key), column] = metres
    return keys // len(edges), keys % len(edges), table


def _lattice(edges: Floats) -> _Lattice:
    low = np.minimum(edges[:, :2], edges[:, 2:])
    high = np.maximum(edges[:, :2], edges[:, 2:])
    west, south = low.min(axis=0)
    width, height = high.max(axis=0) - low.min(axis=0)
    side = max(_LATTICE_M, math.sqrt(width * height / (4 * len(edges))), (width + height) / 20_000)
    first = ((low - (west, south)) // side).astype(np.int64)
    last = ((high - (west, south)) // side).astype(np.int64)
    n_cols, n_rows = (last.max(axis=0) + 1).tolist()
    span = last - first + 1
    count = span[:, 0] * span[:, 1]
    edge = np.repeat(np.arange(len(edges)), count)
    nth = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    col = first[edge, 0] + nth % span[edge, 0]
    row = first[edge, 1] + nth // span[edge, 0]
    square = row * n_cols + col
    order = np.argsort(square, kind="stable")
    start = np.searchsorted(square[order], np.arange(n_cols * n_rows + 1))
    return _Lattice(float(west), float(south), side, n_cols, n_rows, start, edge[order])


@njit(cache=True, nogil=True, error_model="numpy")
def _slab(value: float, step: float, least: float, most: float) -> tuple[float, float]:
    """Interval of t where least <= value + t * step <= most."""
    if step == 0.0:
        if least <= value <= most:
            return -math.inf, math.inf
        return math.inf, -math.inf
    one, other = (least - value) / step, (most - value) / step
    return min(one, other), max(one, other)


@njit(cache=True, nogil=True, error_model="numpy")
def reach_interval(edge: Floats, stretch: Floats, reach_m: float) -> tuple[float, float]:
    """Start and end, metres along the edge, of what lies within reach; end < start where nothing.

    From the first to the last crossing with the rectangle beside the stretch and the discs at its
    ends. `edge` and `stretch` are x0, y0, x1, y1.
    """
    ax, ay = edge[0], edge[1]
    length = math.hypot(edge[2] - ax, edge[3] - ay)
    ux, uy = (edge[2] - ax) / length, (edge[3] - ay) / length
    low, high = math.inf, -math.inf
    for end in range(2):
        ox, oy = stretch[2 * end] - ax, stretch[2 * end + 1] - ay
        along, across = ox * ux + oy * uy, ox * uy - oy * ux
        half2 = reach_m * reach_m - across * across
        if half2 >= 0.0:
            half = math.sqrt(half2)
            low, high = min(low, along - half), max(high, along + half)
    vx, vy = stretch[2] - stretch[0], stretch[3] - stretch[1]
    walked = math.hypot(vx, vy)
    if walked > 0.0:
        vx, vy = vx / walked, vy / walked
        ox, oy = ax - stretch[0], ay - stretch[1]
        low_a, high_a = _slab(ox * vx + oy * vy, ux * vx + uy * vy, 0.0, walked)
        low_b, high_b = _slab(ox * vy - oy * vx, ux * vy - uy * vx, -reach_m, reach_m)
        low_r, high_r = max(low_a, low_b), min(high_a, high_b)
        if low_r <= high_r:
            low, high = min(low, low_r), max(high, high_r)
    return max(low, 0.0), min(high, length)


@njit(cache=True, nogil=True)
def _boxes_meet(edges: Floats, e: int, stretches: Floats, s: int, reach_m: float) -> bool:
    """Whether the boxes of edge e and stretch s come within reach; false rules reach out."""
    return bool(
        min(edges[e, 0], edges[e, 2]) <= max(stretches[s, 0], stretches[s, 2]) + reach_m
        and max(edges[e, 0], edges[e, 2]) >= min(stretches[s, 0], stretches[s, 2]) - reach_m
        and min(edges[e, 1], edges[e, 3]) <= max(stretches[s, 1], stretches[s, 3]) + reach_m
        and max(edges[e, 1], edges[e, 3]) >= min(stretches[s, 1], stretches[s, 3]) - reach_m
    )


@njit(cache=True, nogil=True)
def _joined_length(node: int, low: Floats, high: Floats, following: Indices) -> float:
    """Length of the union of the intervals chained from `node`; their order is changed."""
    k = node
    while k >= 0:  # chains are short: exchange until the starts ascend
        other = following[k]
        while other >= 0:
            if low[other] < low[k]:
                low[k], low[other] = low[other], low[k]
                high[k], high[other] = high[other], high[k]
            other = following[other]
        k = following[k]
    total, reached = 0.0, 0.0
    k = node
    while k >= 0:
        total += max(0.0, high[k] - max(low[k], reached))
        reached = max(reached, high[k])
        k = following[k]
    return total


@njit(cache=True, nogil=True)
def _near_squares(stretch: Floats, reach_m: float, lattice: _Lattice) -> tuple[int, int, int, int]:
    """First and last column, first and last row of the squares within reach; may be none."""
    west, east = min(stretch[0], stretch[2]) - reach_m, max(stretch[0], stretch[2]) + reach_m
    south, north = min(stretch[1], stretch[3]) - reach_m, max(stretch[1], stretch[3]) + reach_m
    return (
        int(max((west - lattice.west) // lattice.side, 0.0)),
        int(min((east - lattice.west) // lattice.side, lattice.n_cols - 1.0)),
        int(max((south - lattice.south) // lattice.side, 0.0)),
        int(min((north - lattice.south) // lattice.side, lattice.n_rows - 1.0)),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _sweep(
    edges: Floats,
    stretches: Floats,
    bounds: Indices,
    reach_m: float,
    lattice: _Lattice,
) -> tuple[Indices, Indices, Floats]:
    """(nth patrol, edge, metres) within one reach.

    An interval that meets the edge's last one is joined to it, so that a walk past an edge leaves
    one interval; only where a patrol comes back are there several, chained by `following`.
    """
    last = np.full(len(edges), -1, np.int64)
    low, high = np.empty(1024), np.empty(1024)
    following, owner = np.empty(1024, np.int64), np.empty(1024, np.int64)
    patrols, found, lengths = [], [], []
    for patrol in range(len(bounds) - 1):
        n = 0
        for s in range(bounds[patrol], bounds[patrol + 1]):
            first_col, last_col, first_row, last_row = _near_squares(stretches[s], reach_m, lattice)
            if first_col > last_col:
                continue
            for row in range(first_row, last_row + 1):
                begin = lattice.start[row * lattice.n_cols + first_col]
                stop = lattice.start[row * lattice.n_cols + last_col + 1]
                for position in range(begin, stop):
                    e = lattice.edges[position]
                    if not _boxes_meet(edges, e, stretches, s, reach_m):
                        continue
                    start, end = reach_interval(edges[e], stretches[s], reach_m)
                    if start >= end:
                        continue
                    k = last[e]
                    if k >= 0 and start <= high[k] and end >= low[k]:
                        low[k], high[k] = min(low[k], start), max(high[k], end)
                        continue
                    if n == len(low):
                        low, high = np.append(low, low), np.append(high, high)
                        following, owner = np.append(following, following), np.append(owner, owner)
                    low[n], high[n], following[n], owner[n] = start, end, k, e
                    last[e] = n
                    n += 1
        for k in range(n):
            e = owner[k]
            if last[e] >= 0:
                patrols.append(patrol)
                found.append(e)
                lengths.append(_joined_length(last[e], low, high, following))
                last[e] = -1
    return np.array(patrols, np.int64), np.array(found, np.int64), np.array(lengths, np.float64)

"""The walking network of street pieces: short cells, both ways, and where each step can lead."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from numba import njit

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Indices = npt.NDArray[np.int64]

SNAP_M = 0.1
"""Ends of pieces closer than this meet, metres: cuts and reprojections leave millimetres."""

LATTICE_M = 20.0
"""Side of the look-up squares, metres."""


@dataclass(frozen=True)
class Network:
    """Cells of the pieces and the steps between them. State 2c walks cell c on, 2c + 1 back.

    `x`, `y`, `length` (cells): middle and length, metres; `piece` the first piece that holds the
    cell; `offset` of its middle along that piece, metres. `same` (pieces): the first piece with the
    same course, whose cells a repeated piece shares. Steps of state s are rows `start[s]:start[s +
    1]` of `target` (state), `step_m` (middle to middle), `quarters` (the same in quarters of a
    metre), `gain` (chance of this branch times the target's length; of turning round in the second
    row), `parent` (row of the step before it, -1 at the start). `square_start`, `squares`,
    `lattice` (west, south, side, columns, rows) look up cells by place.
    """

    x: Floats
    y: Floats
    length: Floats
    piece: Ints
    offset: Floats
    same: Ints
    start: Indices
    target: Ints
    step_m: Floats32
    quarters: Ints
    gain: Floats32
    parent: Ints
    square_start: Indices
    squares: Ints
    lattice: Floats


def network(
    pieces: npt.NDArray[np.object_], *, cell_m: float, radius_m: float, turn_share: float
) -> Network:
    """The network of the pieces, joined where ends or corners come within `SNAP_M`.

    Parameters
    ----------
    pieces : n lines, metres; one that is missing, empty or without length has no cell
    cell_m : longest cell, metres
    radius_m : longest step, metres
    turn_share : chance that a step begins with turning round on the way
    """
    owner, low, high, same = _edges(pieces)
    n_cells = np.maximum(np.rint((high - low) / cell_m), 1).astype(np.int64)
    edge = np.repeat(np.arange(len(owner)), n_cells)
    number = np.arange(len(edge)) - np.repeat(np.cumsum(n_cells) - n_cells, n_cells)
    length = ((high - low) / n_cells)[edge]
    begin = low[edge] + number * length
    piece = owner[edge]
    lines = pieces[piece]
    ends = [
        shapely.get_coordinates(shapely.line_interpolate_point(lines, along))
        for along in (begin, begin + length)
    ]
    middle = shapely.get_coordinates(shapely.line_interpolate_point(lines, begin + length / 2))
    _, node = np.unique(_snapped(np.concatenate(ends)), axis=0, return_inverse=True)
    node = node.reshape(-1).astype(np.int64)
    tail = np.empty(2 * len(edge), np.int64)
    tail[0::2], tail[1::2] = node[: len(edge)], node[len(edge) :]
    leaving = np.argsort(tail, kind="stable").astype(np.int32)
    first = np.searchsorted(tail[leaving], np.arange(tail.max(initial=-1) + 2))
    start, target, step_m, share, parent = _steps(
        tail, first, leaving, length, radius_m, turn_share
    )
    gain = (share * length[target >> 1]).astype(np.float32)
    gain[start[:-1] + 1] = turn_share
    quarters = (4.0 * step_m + 0.5).astype(np.int32)
    steps = (start, target, step_m, quarters, gain, parent)
    x, y = np.ascontiguousarray(middle[:, 0]), np.ascontiguousarray(middle[:, 1])
    where = _look_up(x, y)
    return Network(x, y, length, piece.astype(np.int32), begin + length / 2, same, *steps, *where)


def _snapped(xy: Floats) -> Indices:
    """Whole numbers that coordinates within about `SNAP_M` share, free of a common shift."""
    if not len(xy):
        return np.zeros((0, 2), np.int64)
    tree = shapely.STRtree(shapely.points(xy))
    left, right = tree.query(shapely.points(xy), predicate="dwithin", distance=SNAP_M)
    nearest = np.arange(len(xy))
    np.minimum.at(nearest, left, right)
    nearest = nearest[nearest]
    return np.column_stack([nearest, nearest]).astype(np.int64)


def _edges(pieces: npt.NDArray[np.object_]) -> tuple[Indices, Floats, Floats, Ints]:
    """(piece, from, to) metres along it of the stretches between junctions, and `same`."""
    length = shapely.length(pieces)
    length = np.where(np.isfinite(length), length, 0.0)
    same = _first_alike(pieces, length)
    kept = np.flatnonzero((length > 0) & (same == np.arange(len(pieces))))
    lines = pieces[kept]
    breaks_piece, breaks_m = _junctions(lines, length[kept])
    piece = np.concatenate([np.arange(len(kept)), np.arange(len(kept)), breaks_piece])
    along = np.concatenate([np.zeros(len(kept)), length[kept], breaks_m])
    order = np.lexsort([along, piece])
    piece, along = piece[order], along[order]
    is_edge = (piece[1:] == piece[:-1]) & (np.diff(along) > SNAP_M / 4)
    # A break right before an end leaves the end; the edge before it reaches over.
    begin, end = along[:-1][is_edge], along[1:][is_edge]
    return kept[piece[:-1][is_edge]], begin, end, same


def _first_alike(pieces: npt.NDArray[np.object_], length: Floats) -> Ints:
    """For each piece the first with the same ends, middle and length, to a decimetre."""
    if not len(pieces):
        return np.zeros(0, np.int32)
    ends = [_points_at(pieces, share) for share in (0.0, 0.5, 1.0)]
    held = np.isfinite(ends[0][:, 0])
    base = ends[0][held].min(axis=0) if held.any() else np.zeros(2)
    first, middle, last = (np.nan_to_num(np.rint((end - base) / SNAP_M)) for end in ends)
    is_back = (first[:, 0] > last[:, 0]) | (
        (first[:, 0] == last[:, 0]) & (first[:, 1] > last[:, 1])
    )
    low = np.where(is_back[:, None], last, first)
    high = np.where(is_back[:, None], first, last)
    key = np.column_stack([low, middle, high, np.rint(length / SNAP_M)])
    _, position, inverse = np.unique(key, axis=0, return_index=True, return_inverse=True)
    return position[inverse.reshape(-1)].astype(np.int32)


def _points_at(pieces: npt.NDArray[np.object_], share: float) -> Floats:
    """(n, 2) points at that share of each line; NaN where there is none."""
    xy = np.full((len(pieces), 2), np.nan)
    held = ~(shapely.is_missing(pieces) | shapely.is_empty(pieces))
    points = shapely.line_interpolate_point(pieces[held], share, normalized=True)
    xy[held] = shapely.get_coordinates(points)
    return xy


def _junctions(lines: npt.NDArray[np.object_], length: Floats) -> tuple[Indices, Floats]:
    """(line, metres along it) where a corner or an end of another line touches its inside."""
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    if not len(xy):
        return np.zeros(0, np.int64), np.zeros(0)
    corners = shapely.points(xy)
    is_end = np.ones(len(xy), bool)
    is_end[1:-1] = (owner[1:-1] != owner[:-2]) | (owner[1:-1] != owner[2:])
    ends = np.flatnonzero(is_end)
    tree = shapely.STRtree(lines)
    # An end on any line; an inner corner only on another line's corner (no flyovers joined).
    point, line = tree.query(corners[ends], predicate="dwithin", distance=SNAP_M)
    point = ends[point]
    inner = np.flatnonzero(~is_end)
    if len(inner):
        left, right = shapely.STRtree(corners[inner]).query(
            corners[inner], predicate="dwithin", distance=SNAP_M
        )
        other = owner[inner[left]] != owner[inner[right]]
        point = np.append(point, inner[left[other]])
        line = np.append(line, owner[inner[right[other]]])
    is_other = owner[point] != line
    point, line = point[is_other], line[is_other]
    along = shapely.line_locate_point(lines[line], corners[point])
    inside = (along > SNAP_M) & (along < length[line] - SNAP_M)
    return line[inside].astype(np.int64), along[inside]


@njit(cache=True, nogil=True)
def _steps(
    tail: Indices, first: Indices, leaving: Ints, length: Floats, radius_m: float, turn: float
) -> tuple[Indices, Ints, Floats32, Floats32, Ints]:
    """Every way of at most `radius_m` from each state, as rows chained to the row before.

    The first row stays, the second turns round on the spot (chance `turn`); later rows walk on, and
    turn at dead ends only.
    """
    n_states = len(tail)
    start = np.zeros(n_states + 1, np.int64)
    room = max(1024, 16 * n_states)
    target, parent = np.empty(room, np.int32), np.empty(room, np.int32)
    step_m, share = np.empty(room, np.float32), np.empty(room, np.float32)
    n = 0
    for state in range(n_states):
        for turned in range(2):
            if n + 1 >= room:
                target, parent = np.append(target, target), np.append(parent, parent)
                step_m, share = np.append(step_m, step_m), np.append(share, share)
                room *= 2
            target[n], parent[n], step_m[n] = state ^ turned, -1, 0.0
            share[n] = turn if turned else 1.0 - turn
            n += 1
        k = start[state]
        while k < n:
            if k == start[state] + 1:  # turned round: goes on in the next step
                k += 1
                continue
            here = target[k]
            node = tail[here ^ 1]
            degree = first[node + 1] - first[node]
            for position in range(first[node], first[node + 1]):
                onward = leaving[position]
                if onward == here ^ 1 and degree > 1:
                    continue
                reach = step_m[k] + 0.5 * (length[here >> 1] + length[onward >> 1])
                chance = share[k] / max(degree - 1, 1)
                if reach > radius_m or chance < 1e-5:
                    continue
                if n >= room:
                    target, parent = np.append(target, target), np.append(parent, parent)
                    step_m, share = np.append(step_m, step_m), np.append(share, share)
                    room *= 2
                target[n], parent[n], step_m[n], share[n] = onward, k, reach, chance
                n += 1
            k += 1
        # Shortest first, so that a search may stop at its reach; parents move with their rows.
        begin = start[state]
        order = begin + np.argsort(step_m[begin:n], kind="mergesort")
        place = np.empty(n - begin, np.int32)
        for k in range(n - begin):
            place[order[k] - begin] = begin + k
        target[begin:n], step_m[begin:n] = target[order], step_m[order]
        share[begin:n], parent[begin:n] = share[order], parent[order]
        for k in range(begin, n):
            if parent[k] >= 0:
                parent[k] = place[parent[k] - begin]
        start[state + 1] = n
    return start, target[:n].copy(), step_m[:n].copy(), share[:n].copy(), parent[:n].copy()


def _look_up(x: Floats, y: Floats) -> tuple[Indices, Ints, Floats]:
    """Cells by square of a lattice; wider squares where the cells lie far apart."""
    if not len(x):
        return np.zeros(2, np.int64), np.zeros(0, np.int32), np.array([0.0, 0.0, 1.0, 1.0, 1.0])
    west, south = x.min(), y.min()
    width, height = x.max() - west, y.max() - south
    side = max(LATTICE_M, math.sqrt(width * height / (4 * len(x))), (width + height) / 20_000)
    col = ((x - west) // side).astype(np.int64)
    row = ((y - south) // side).astype(np.int64)
    n_cols, n_rows = int(col.max()) + 1, int(row.max()) + 1
    square = row * n_cols + col
    order = np.argsort(square, kind="stable")
    first = np.searchsorted(square[order], np.arange(n_cols * n_rows + 1))
    return first, order.astype(np.int32), np.array([west, south, side, n_cols, n_rows])

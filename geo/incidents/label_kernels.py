"""Compiled look-up in a label index: which polygon holds each point, exactly.

A polygon's label is its position plus 1; label 0 is the ground of no polygon. Every edge runs
from its lower end to its upper one (of a level edge: west to east) and knows the labels on its
left and right. The label of a point is that of its cell's reference point, changed by each edge
that the way there crosses: east to the cell's east side, then along it to half its height. Points
are taken a vanishing step east, and a far smaller one north, of where they are (the half-open
rule), so that none lies on an edge. Edges come by rows: x0, y0, x1, y1.
"""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import numpy as np
from numba import njit

from geo.incidents.predicates import Floats, Indices, Labels

NOWHERE, UNSURE = -1, -2

_BLOCK = 4096
"""Points looked up together, so that their arrays stay in the processor's cache."""

_UNIT = 2.0**-53
_FILTER = (3.0 + 16.0 * _UNIT) * _UNIT
"""Relative error bound of the plain determinant (Shewchuk 1997, ccwerrboundA)."""

_SPLITTER = 2.0**27 + 1.0
"""Splits a double into two halves whose products are exact (Dekker 1971)."""


@njit(cache=True, nogil=True, error_model="numpy")
def _add(sum_parts: Floats, n_parts: int, value: float) -> int:
    """Adds a number to an exact sum of parts in growing size (Shewchuk 1997, GROW-EXPANSION)."""
    n_kept = 0
    for k in range(n_parts):
        part = sum_parts[k]
        total = value + part
        virtual = total - value
        rest = (value - (total - virtual)) + (part - virtual)
        if rest != 0.0:
            sum_parts[n_kept] = rest
            n_kept += 1
        value = total
    if value != 0.0:
        sum_parts[n_kept] = value
        n_kept += 1
    return n_kept


@njit(cache=True, nogil=True, error_model="numpy")
def _add_product(sum_parts: Floats, n_parts: int, a: float, b: float) -> int:
    """Adds a*b, without rounding, to an exact sum."""
    product = a * b
    scaled = _SPLITTER * a
    a_high = scaled - (scaled - a)
    scaled = _SPLITTER * b
    b_high = scaled - (scaled - b)
    a_low, b_low = a - a_high, b - b_high
    rest = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    n_parts = _add(sum_parts, n_parts, rest)
    return _add(sum_parts, n_parts, product)


@njit(cache=True, nogil=True, error_model="numpy")
def _exact_turn(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> float:
    """A number with the sign of ax*by - ay*bx + bx*py - by*px + px*ay - py*ax, exactly."""
    if (ax == px or by == py) and (ay == py or bx == px):
        return 0.0  # upright and level lines, and the ends of any
    sum_parts = np.empty(13)
    n_parts = _add_product(sum_parts, 0, ax, by)
    n_parts = _add_product(sum_parts, n_parts, -ay, bx)
    n_parts = _add_product(sum_parts, n_parts, bx, py)
    n_parts = _add_product(sum_parts, n_parts, -by, px)
    n_parts = _add_product(sum_parts, n_parts, px, ay)
    n_parts = _add_product(sum_parts, n_parts, -py, ax)
    return sum_parts[n_parts - 1] if n_parts > 0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def turn(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> float:
    """A number above 0 where p lies left of a -> b, below 0 right, 0 on the line: exact sign."""
    left = (ax - px) * (by - py)
    right = (ay - py) * (bx - px)
    difference = left - right
    if abs(difference) > _FILTER * (abs(left) + abs(right)):
        return difference
    return _exact_turn(ax, ay, bx, by, px, py)


@njit(cache=True, nogil=True, error_model="numpy")
def is_left(x0: float, y0: float, x1: float, y1: float, px: float, py: float) -> bool:
    """Whether the point just east, then north, of p lies left of the edge."""
    left = (x0 - px) * (y1 - py)
    right = (y0 - py) * (x1 - px)
    difference = left - right
    if abs(difference) <= _FILTER * (abs(left) + abs(right)):
        difference = _exact_turn(x0, y0, x1, y1, px, py)
        if difference == 0.0:
            return bool(y0 == y1)  # north of a level edge is left; east of any other is right
    return bool(difference > 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def change(
    x0: float, y0: float, x1: float, y1: float, px: float, py: float, east: float, is_end_left: bool
) -> int:
    """1 where the way from p to the reference point crosses the edge from its left to its right
    side, -1 from right to left, else 0; `is_end_left` tells the reference point's side."""
    is_level_with = (y0 <= py) != (y1 <= py)
    is_astride_east = (x0 <= east) != (x1 <= east)
    if is_level_with:
        end = is_end_left if is_astride_east else is_left(x0, y0, x1, y1, east, py)
        return int(is_left(x0, y0, x1, y1, px, py)) - int(end)
    if is_astride_east:
        return int(is_left(x0, y0, x1, y1, east, py)) - int(is_end_left)
    return 0


@njit(cache=True, nogil=True, error_model="numpy")
def _read_labels(
    x: Floats, y: Floats, raster: Labels, frame: Floats, found: Indices, border: Indices
) -> int:
    """Writes what the raster has at each point (0 off it, as its corner has), and which points
    lie in border cells; answers their number. Three loops, as each is then done in vectors."""
    west, south, per_x, per_y = frame[0], frame[1], frame[2], frame[3]
    n_rows, n_cols = raster.shape
    labels = raster.ravel()
    for i in range(len(x)):
        col, row = (x[i] - west) * per_x, (y[i] - south) * per_y
        is_on = (col >= 0.0) & (col < n_cols) & (row >= 0.0) & (row < n_rows)
        border[i] = int(row) * n_cols + int(col) if is_on else 0
    for i in range(len(x)):
        found[i] = labels[np.uint64(border[i])]
    n_border = 0
    for i in range(len(x)):
        border[n_border] = i
        n_border += int(found[i] < 0)
    return n_border


@njit(cache=True, nogil=True, error_model="numpy")
def hold(
    x: Floats,
    y: Floats,
    raster: Labels,
    frame: Floats,
    first: Labels,
    base: Labels,
    entries: Labels,
    edges: Floats,
    sides: Labels,
    found: Indices,
) -> Indices:
    """Writes the sum of the labels of the polygons that hold each point; answers their number.

    `frame` is west, south, cells per unit east and north, cell width and height; `raster`
    (rows, cols) holds a label, or -1 - k for the k-th border cell, whose edges are
    entries[first[k]:first[k + 1]] (-1 - edge where the reference point lies right of the edge)
    and whose reference point has the label base[k].
    """
    border = np.empty(len(x) + 1, dtype=np.int64)
    n_border = _read_labels(x, y, raster, frame, found, border)
    number = (found > 0).astype(np.int64)
    for i in border[:n_border]:
        cell = -1 - found[i]
        label = np.int64(base[cell])
        number[i] = int(label > 0)
        east = frame[0] + (int((x[i] - frame[0]) * frame[2]) + 1) * frame[4]
        for k in range(first[cell], first[cell + 1]):
            is_end_left = entries[k] >= 0
            edge = entries[k] if is_end_left else -1 - entries[k]
            x0, y0, x1, y1 = edges[edge, 0], edges[edge, 1], edges[edge, 2], edges[edge, 3]
            step = change(x0, y0, x1, y1, x[i], y[i], east, is_end_left)
            left, right = sides[edge, 0], sides[edge, 1]
            label += step * (left - right)
            number[i] += step * (int(left > 0) - int(right > 0))
        found[i] = label
    return number


@njit(cache=True, nogil=True, error_model="numpy")
def _is_on_outline(
    px: float, py: float, start: int, stop: int, entries: Labels, edges: Floats, sides: Labels
) -> bool:
    """Whether the point lies on an edge that has a polygon on one side only."""
    for k in range(start, stop):
        edge = max(entries[k], -1 - entries[k])
        x0, y0, x1, y1 = edges[edge, 0], edges[edge, 1], edges[edge, 2], edges[edge, 3]
        is_outline = sides[edge, 0] == 0 or sides[edge, 1] == 0
        is_near = y0 <= py <= y1 and min(x0, x1) <= px <= max(x0, x1)
        if is_outline and is_near and turn(x0, y0, x1, y1, px, py) == 0.0:
            return True
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def look_up(
    x: Floats,
    y: Floats,
    raster: Labels,
    frame: Floats,
    first: Labels,
    base: Labels,
    entries: Labels,
    edges: Floats,
    sides: Labels,
    found: Indices,
) -> int:
    """Writes the position of the polygon that holds each point, `NOWHERE` where none touches it
    and `UNSURE` on the outline or in a sliver held twice; answers how many are unsure.

    Arrays as for `hold`.
    """
    n_unsure = 0
    border = np.empty(_BLOCK + 1, dtype=np.int64)
    for begin in range(0, len(x), _BLOCK):
        end = min(begin + _BLOCK, len(x))
        mine = found[begin:end]
        n_border = _read_labels(x[begin:end], y[begin:end], raster, frame, mine, border)
        for place in range(n_border):
            i = border[place]
            px, py = x[begin + i], y[begin + i]
            cell = -1 - mine[i]
            label = np.int64(base[cell])
            number = int(label > 0)
            east = frame[0] + (int((px - frame[0]) * frame[2]) + 1) * frame[4]
            start, stop = first[cell], first[cell + 1]
            for k in range(start, stop):
                is_end_left = entries[k] >= 0
                edge = entries[k] if is_end_left else -1 - entries[k]
                x0, y0, x1, y1 = edges[edge, 0], edges[edge, 1], edges[edge, 2], edges[edge, 3]
                step = change(x0, y0, x1, y1, px, py, east, is_end_left)
                if step != 0:
                    left, right = sides[edge, 0], sides[edge, 1]
                    label += step * (left - right)
                    number += step * (int(left > 0) - int(right > 0))
            mine[i] = label
            if number != 1:
                is_unsure = number != 0 or _is_on_outline(
                    px, py, start, stop, entries, edges, sides
                )
                mine[i] = UNSURE + 1 if is_unsure else 0
                n_unsure += int(is_unsure)
        for i in range(end - begin):
            mine[i] -= 1
    return n_unsure

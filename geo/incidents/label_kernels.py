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
def is_left(edges: Floats, edge: int, px: float, py: float) -> bool:
    """Whether the point just east, then north, of p lies left of the edge."""
    x0, y0, x1, y1 = edges[edge, 0], edges[edge, 1], edges[edge, 2], edges[edge, 3]
    left = (x0 - px) * (y1 - py)
    right = (y0 - py) * (x1 - px)
    difference = left - right
    if abs(difference) <= _FILTER * (abs(left) + abs(right)):
        difference = _exact_turn(x0, y0, x1, y1, px, py)
        if difference == 0.0:
            return bool(
                y0 == y1
            )  # on a level edge: north of it is left; on any other: east is right
    return bool(difference > 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def is_on(edges: Floats, edge: int, px: float, py: float) -> bool:
    """Whether p lies on the edge, its ends included."""
    x0, y0, x1, y1 = edges[edge, 0], edges[edge, 1], edges[edge, 2], edges[edge, 3]
    if py < y0 or py > y1 or px < min(x0, x1) or px > max(x0, x1):
        return False
    return turn(x0, y0, x1, y1, px, py) == 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def change(edges: Floats, edge: int, px: float, py: float, east: float, is_left_of: bool) -> int:
    """1 where the way from p to the reference point crosses the edge from its left to its right
    side, -1 from right to left, else 0; `is_left_of` tells the reference point's side."""
    x0, y0, x1, y1 = edges[edge, 0], edges[edge, 1], edges[edge, 2], edges[edge, 3]
    is_level_with = (y0 <= py) != (y1 <= py)
    is_astride_east = (x0 <= east) != (x1 <= east)
    if not is_level_with and not is_astride_east:
        return 0
    start = is_left(edges, edge, px, py) if is_level_with else is_left(edges, edge, east, py)
    end = is_left_of if is_astride_east else is_left(edges, edge, east, py)
    return int(start) - int(end)


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
    n_holding: Indices,
) -> None:
    """Writes the sum of the labels of the polygons that hold each point, and their number.

    `frame` is west, south, cells per metre east and north, cell width and height; `raster`
    (rows, cols) holds a label, or -1 - k for the k-th border cell, whose edges are
    entries[first[k]:first[k + 1]] (-1 - edge where the reference point lies right of the edge)
    and whose reference point has the label base[k].
    """
    n_rows, n_cols = raster.shape
    for i in range(len(x)):
        col, row = (x[i] - frame[0]) * frame[2], (y[i] - frame[1]) * frame[3]
        found[i], n_holding[i] = 0, 0
        if not (0.0 <= col < n_cols and 0.0 <= row < n_rows):
            continue
        label = raster[int(row), int(col)]
        if label >= 0:
            found[i], n_holding[i] = label, int(label > 0)
            continue
        cell = -1 - label
        label = np.int64(base[cell])
        number = int(label > 0)
        east = frame[0] + (int(col) + 1) * frame[4]
        for k in range(first[cell], first[cell + 1]):
            edge = entries[k]
            is_left_of = edge >= 0
            edge = edge if is_left_of else -1 - edge
            step = change(edges, edge, x[i], y[i], east, is_left_of)
            if step != 0:
                left, right = sides[edge, 0], sides[edge, 1]
                label += step * (left - right)
                number += step * (int(left > 0) - int(right > 0))
        found[i], n_holding[i] = label, number


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
    and `UNSURE` on the outline or in a sliver held twice; answers how many are unsure."""
    n_rows, n_cols = raster.shape
    n_unsure = 0
    for i in range(len(x)):
        col, row = (x[i] - frame[0]) * frame[2], (y[i] - frame[1]) * frame[3]
        if not (0.0 <= col < n_cols and 0.0 <= row < n_rows):
            found[i] = NOWHERE
            continue
        label = np.int64(raster[int(row), int(col)])
        if label >= 0:
            found[i] = label - 1
            continue
        cell = -1 - label
        label = np.int64(base[cell])
        number = int(label > 0)
        is_outline = False
        east = frame[0] + (int(col) + 1) * frame[4]
        for k in range(first[cell], first[cell + 1]):
            edge = entries[k]
            is_left_of = edge >= 0
            edge = edge if is_left_of else -1 - edge
            left, right = sides[edge, 0], sides[edge, 1]
            step = change(edges, edge, x[i], y[i], east, is_left_of)
            label += step * (left - right)
            if left == 0 or right == 0:
                number += step * (int(left > 0) - int(right > 0))
                is_outline = is_outline or is_on(edges, edge, x[i], y[i])
        if number == 1:
            found[i] = label - 1
        elif number == 0 and not is_outline:
            found[i] = NOWHERE
        else:
            found[i] = UNSURE
            n_unsure += 1
    return n_unsure

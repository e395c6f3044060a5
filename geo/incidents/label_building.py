"""Compiled building of a label index: borders joined, put into cells, labels filled in."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from geo.incidents.label_kernels import is_left, turn
from geo.incidents.predicates import Floats, Indices, Labels

Bytes = npt.NDArray[np.int8]

_SLACK = 1e-6
"""Share of a cell by which an edge's reach is widened: far above any rounding of coordinates."""


@njit(cache=True, nogil=True, error_model="numpy")
def ring_turns(xy: Floats, first: Indices, turns: Bytes, bounds: Floats) -> bool:
    """Writes each ring's direction (1 anticlockwise, -1 clockwise, 0 where its lowest tip has no
    width) and the bounds of all; whether all coordinates are finite."""
    for ring in range(len(first) - 1):
        start, stop = first[ring], first[ring + 1] - 1  # the last point repeats the first
        low = start
        for k in range(start, stop):
            x, y = xy[k, 0], xy[k, 1]
            if not (abs(x) < 1e150 and abs(y) < 1e150):
                return False
            bounds[0], bounds[1] = min(bounds[0], x), min(bounds[1], y)
            bounds[2], bounds[3] = max(bounds[2], x), max(bounds[3], y)
            if y < xy[low, 1] or (y == xy[low, 1] and x < xy[low, 0]):
                low = k
        n, after, before = stop - start, low, low
        for step in range(1, n):
            after = start + (low - start + step) % n
            if xy[after, 0] != xy[low, 0] or xy[after, 1] != xy[low, 1]:
                break
        for step in range(1, n):
            before = start + (low - start - step + n) % n
            if xy[before, 0] != xy[low, 0] or xy[before, 1] != xy[low, 1]:
                break
        sense = turn(
            xy[before, 0], xy[before, 1], xy[low, 0], xy[low, 1], xy[after, 0], xy[after, 1]
        )
        turns[ring] = 1 if sense > 0 else (-1 if sense < 0 else 0)
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def count_homes(
    xy: Floats, first: Indices, frame: Floats, n_cols: int, home: Labels, start: Labels
) -> int:
    """Writes the cell of the lower end of the edge that begins at each point (-1 - cell where the
    edge falls; edges without length none), and counts edges in `start` (cells + 2) two places on.
    """
    n_edges = 0
    for ring in range(len(first) - 1):
        for k in range(first[ring], first[ring + 1] - 1):
            x0, y0, x1, y1 = xy[k, 0], xy[k, 1], xy[k + 1, 0], xy[k + 1, 1]
            is_up = y0 < y1 or (y0 == y1 and x0 < x1)
            low_x, low_y = (x0, y0) if is_up else (x1, y1)
            col, row = (low_x - frame[0]) * frame[2], (low_y - frame[1]) * frame[3]
            cell = int(row) * n_cols + int(col)
            if x0 != x1 or y0 != y1:
                start[cell + 2] += 1
                n_edges += 1
            home[k] = cell if is_up else -1 - cell
    return n_edges


@njit(cache=True, nogil=True, error_model="numpy")
def sort_by_home(
    xy: Floats,
    first: Indices,
    label: Labels,
    home: Labels,
    start: Labels,
    edges: Floats,
    side: Labels,
) -> None:
    """Writes the edges of all rings, rising, by the cell of their lower ends.

    `label` of a ring is positive where its polygon lies left of it, negative right; `side` of an
    edge positive where it lies left of the rising edge. `start` becomes the cells' first places.
    """
    for cell in range(2, len(start)):
        start[cell] += start[cell - 1]
    for ring in range(len(first) - 1):
        for k in range(first[ring], first[ring + 1] - 1):
            x0, y0, x1, y1 = xy[k, 0], xy[k, 1], xy[k + 1, 0], xy[k + 1, 1]
            if x0 == x1 and y0 == y1:
                continue
            cell, mine = home[k], label[ring]
            if cell < 0:
                cell, mine = -1 - cell, -mine
                x0, y0, x1, y1 = x1, y1, x0, y0
            n = start[cell + 1]
            start[cell + 1] = n + 1
            edges[n, 0], edges[n, 1], edges[n, 2], edges[n, 3] = x0, y0, x1, y1
            side[n] = mine


@njit(cache=True, nogil=True, error_model="numpy")
def join_edges(start: Labels, edges: Floats, side: Labels, sides: Labels) -> int:
    """Leaves each edge once, at the front, with the labels left and right of it; answers their
    number.

    In an exact coverage an edge inside comes twice, in opposite directions; what comes once has
    0 on its other side. `side` is used up.
    """
    n = 0
    for cell in range(len(start) - 1):
        stop = start[cell + 1]
        for i in range(start[cell], stop):
            mine, other = side[i], 0
            if mine == 0:
                continue
            x0, y0, x1, y1 = edges[i, 0], edges[i, 1], edges[i, 2], edges[i, 3]
            for j in range(i + 1, stop):
                if edges[j, 0] == x0 and edges[j, 1] == y0:
                    is_same = edges[j, 2] == x1 and edges[j, 3] == y1
                    if is_same and (side[j] > 0) != (mine > 0) and side[j] != 0:
                        other = side[j]
                        side[j] = 0
                        break
            edges[n, 0], edges[n, 1], edges[n, 2], edges[n, 3] = x0, y0, x1, y1
            sides[n, 0], sides[n, 1] = (mine, -other) if mine > 0 else (other, -mine)
            n += 1
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def columns_in_row(edges: Floats, edge: int, row: int, frame: Floats) -> tuple[int, int]:
    """First and last column that the edge reaches in a row it passes, widened by the slack."""
    x0, y0, x1, y1 = edges[edge, 0], edges[edge, 1], edges[edge, 2], edges[edge, 3]
    low = frame[1] + (row - _SLACK) * frame[5]
    high = frame[1] + (row + 1 + _SLACK) * frame[5]
    xa, xb = x0, x1
    if y0 < low:
        xa = x0 + (x1 - x0) * ((low - y0) / (y1 - y0))
    if y1 > high:
        xb = x0 + (x1 - x0) * ((high - y0) / (y1 - y0))
    if xa > xb:
        xa, xb = xb, xa
    return int((xa - frame[0]) * frame[2] - _SLACK), int((xb - frame[0]) * frame[2] + _SLACK)


@njit(cache=True, nogil=True, error_model="numpy")
def count_entries(edges: Floats, frame: Floats, n_cols: int, counts: Labels) -> int:
    """Counts the edges that reach each cell; answers the sum."""
    n = 0
    for edge in range(len(edges)):
        last = int((edges[edge, 3] - frame[1]) * frame[3])
        for row in range(int((edges[edge, 1] - frame[1]) * frame[3]), last + 1):
            first_col, last_col = columns_in_row(edges, edge, row, frame)
            for col in range(first_col, last_col + 1):
                counts[row * n_cols + col] += 1
            n += last_col - first_col + 1
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def place_entries(
    edges: Floats, frame: Floats, n_cols: int, raster: Labels, first: Labels, entries: Labels
) -> None:
    """Turns `raster` from counts into -1 - k for the k-th border cell (0 elsewhere), and writes
    the cells' edges and where each cell's begin."""
    n, border = 0, 0
    for cell in range(len(raster)):
        if raster[cell] > 0:
            first[border + 1] = n
            n += raster[cell]
            border += 1
            raster[cell] = -border
    for edge in range(len(edges)):
        last = int((edges[edge, 3] - frame[1]) * frame[3])
        for row in range(int((edges[edge, 1] - frame[1]) * frame[3]), last + 1):
            first_col, last_col = columns_in_row(edges, edge, row, frame)
            for col in range(first_col, last_col + 1):
                border = -1 - raster[row * n_cols + col]
                entries[first[border + 1]] = edge
                first[border + 1] += 1


@njit(cache=True, nogil=True, error_model="numpy")
def fill(
    raster: Labels,
    frame: Floats,
    first: Labels,
    base: Labels,
    entries: Labels,
    edges: Floats,
    sides: Labels,
) -> int:
    """Writes the label of every cell and of every border cell's reference point, row by row from
    the west, and marks on which side of its edges that lies; answers how many are held by fewer
    than 0 or more than 1 polygons."""
    n_faults = 0
    for row in range(raster.shape[0]):
        middle = frame[1] + (row + 0.5) * frame[5]
        label, number = np.int64(0), 0
        for col in range(raster.shape[1]):
            if raster[row, col] == 0:
                raster[row, col] = label
                continue
            border = -1 - raster[row, col]
            west, east = frame[0] + col * frame[4], frame[0] + (col + 1) * frame[4]
            for k in range(first[border], first[border + 1]):
                edge = entries[k]
                x0, y0, x1, y1 = edges[edge, 0], edges[edge, 1], edges[edge, 2], edges[edge, 3]
                is_end_left = is_left(x0, y0, x1, y1, east, middle)
                if not is_end_left:
                    entries[k] = -1 - edge
                if (y0 <= middle) != (y1 <= middle):
                    step = int(is_left(x0, y0, x1, y1, west, middle)) - int(is_end_left)
                    label -= step * (sides[edge, 0] - sides[edge, 1])
                    number -= step * (int(sides[edge, 0] > 0) - int(sides[edge, 1] > 0))
            base[border] = label
            if number < 0 or number > 1:
                n_faults += 1
    return n_faults


@njit(cache=True, nogil=True, error_model="numpy")
def _touch(edges: Floats, a: int, b: int) -> bool:
    """Whether two edges have a point in common that is not an end of both."""
    ax, ay, bx, by = edges[a, 0], edges[a, 1], edges[a, 2], edges[a, 3]
    cx, cy, dx, dy = edges[b, 0], edges[b, 1], edges[b, 2], edges[b, 3]
    if min(ax, bx) > max(cx, dx) or min(cx, dx) > max(ax, bx) or ay > dy or cy > by:
        return False
    if ax == cx and ay == cy:  # both rise from here
        return turn(ax, ay, bx, by, dx, dy) == 0.0
    if bx == dx and by == dy:
        return turn(ax, ay, bx, by, cx, cy) == 0.0
    if (ax == dx and ay == dy) or (bx == cx and by == cy):
        return False
    c_side, d_side = turn(ax, ay, bx, by, cx, cy), turn(ax, ay, bx, by, dx, dy)
    if (c_side > 0.0 and d_side > 0.0) or (c_side < 0.0 and d_side < 0.0):
        return False
    a_side, b_side = turn(cx, cy, dx, dy, ax, ay), turn(cx, cy, dx, dy, bx, by)
    return not ((a_side > 0.0 and b_side > 0.0) or (a_side < 0.0 and b_side < 0.0))


@njit(cache=True, nogil=True, error_model="numpy")
def find_contacts(first: Labels, entries: Labels, edges: Floats, pairs: Labels) -> int:
    """Writes the pairs of edges that cross, overlap or touch elsewhere than at an end of both, as
    many as there is room for; answers how many there are (a pair counts in each common cell)."""
    n = 0
    for border in range(len(first) - 1):
        for i in range(first[border], first[border + 1]):
            for j in range(i + 1, first[border + 1]):
                if _touch(edges, entries[i], entries[j]):
                    if n < len(pairs):
                        pairs[n, 0], pairs[n, 1] = entries[i], entries[j]
                    n += 1
    return n

"""Compiled loops of exact.py: all connected sets, and the choice of sets that hold each cell once.

Cells are bits of 64-bit masks, numbered from one end of the town to the other.
"""

from __future__ import annotations

import numpy as np
from numba import njit

CROWD = 64
"""Places in the table of what was tried that are looked at in a row."""


@njit(cache=True, nogil=True, error_model="numpy")
def walk(near, load, perimeter_m, border_m, limits, mask, sums, around):  # type: ignore[no-untyped-def]  # noqa: PLR0917
    """Fills mask, sums and around; returns how many sets there are, -1 when they do not fit."""
    n, size, found, (low, high) = len(load), len(mask), 0, limits
    one = np.uint64(1)
    stack = np.empty((n * n + n + 2, 3), dtype=np.uint64)
    held = np.empty((n * n + n + 2, 2))
    banned = np.uint64(0)
    for root in range(n):
        bit = one << np.uint64(root)
        stack[0, 0], stack[0, 1], stack[0, 2] = bit, near[root] & ~banned, banned | bit
        held[0, 0], held[0, 1] = load[root], perimeter_m[root]
        banned |= bit
        if load[root] > high:
            continue
        top = 1
        while top > 0:
            top -= 1
            inside, ahead, closed = stack[top, 0], stack[top, 1], stack[top, 2]
            total, length = held[top, 0], held[top, 1]
            if ahead == np.uint64(0):
                if total >= low:
                    if found == size:
                        return -1
                    mask[found], sums[found], around[found] = inside, total, length
                    found += 1
                continue
            cell = 0
            while not (ahead >> np.uint64(cell)) & one:
                cell += 1
            bit = one << np.uint64(cell)
            stack[top, 1], stack[top, 2] = ahead & ~bit, closed | bit
            top += 1
            if total + load[cell] <= high:
                for other in range(n):
                    if (inside >> np.uint64(other)) & one:
                        length -= 2 * border_m[cell, other]
                stack[top, 0] = inside | bit
                stack[top, 1] = (ahead | near[cell]) & ~(closed | bit | inside)
                stack[top, 2] = closed | bit
                held[top, 0], held[top, 1] = total + load[cell], length + perimeter_m[cell]
                top += 1
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def _can_be_divided(rest, near, load, limits, wanted):  # type: ignore[no-untyped-def]
    """Whether the pieces of the rest can hold as many grids as wanted, by their loads alone."""
    one, (low, high), fewest, most = np.uint64(1), limits, 0, 0
    while rest:
        piece = rest & (~rest + one)
        ahead, total = piece, 0.0
        while ahead:
            bit = ahead & (~ahead + one)
            cell = 0
            while not (bit >> np.uint64(cell)) & one:
                cell += 1
            total += load[cell]
            ahead = (ahead & ~bit) | (near[cell] & rest & ~piece)
            piece |= near[cell] & rest
        least, largest = int(np.ceil(total / high)), int(np.floor(total / max(low, 1e-9)))
        if least > largest:
            return False
        fewest, most = fewest + least, most + largest
        rest &= ~piece
    return fewest <= wanted <= most


@njit(cache=True, nogil=True, error_model="numpy")
def _was_tried(tried, tried_cost, left, depth, total):  # type: ignore[no-untyped-def]
    """Whether the same cells were left to as many grids at no more cost; else remembers it.

    A table with open addresses; where a crowd has formed nothing is remembered, and nothing lost.
    """
    size = len(tried)
    mixed = (left ^ np.uint64(depth)) * np.uint64(0x9E3779B97F4A7C15)
    place = np.int64((mixed >> np.uint64(20)) % np.uint64(size))
    for _ in range(CROWD):
        if tried[place, 0] == np.uint64(0):
            tried[place, 0], tried[place, 1] = left, np.uint64(depth)
            tried_cost[place] = total
            return False
        if tried[place, 0] == left and tried[place, 1] == np.uint64(depth):
            if total >= tried_cost[place]:
                return True
            tried_cost[place] = total
            return False
        place = (place + 1) % size
    return False


@njit(cache=True, nogil=True, error_model="numpy")
def cover(mask, cost, begin, near, load, limits, n_grids, most, tried, tried_cost, steps):  # type: ignore[no-untyped-def]  # noqa: PLR0917
    """The least cost below `most` of n_grids disjoint sets that hold all cells.

    Infinity where there is none, NaN after that many steps. Sets come by their first cell, `begin`
    says where those of each cell start.
    """
    n, one = len(load), np.uint64(1)
    rest = np.zeros(n_grids + 1, dtype=np.uint64)
    spent, at = np.zeros(n_grids + 1), np.zeros(n_grids + 1, dtype=np.int64)
    end = np.zeros(n_grids + 1, dtype=np.int64)
    rest[0] = (one << np.uint64(n)) - one
    end[0] = begin[1]
    best, depth = np.inf, 0
    while depth >= 0:
        if at[depth] == end[depth]:
            depth -= 1
            continue
        i = at[depth]
        at[depth] += 1
        steps -= 1
        if steps < 0:
            return np.nan
        if mask[i] & ~rest[depth]:
            continue
        total = spent[depth] + cost[i]
        if total >= most:
            at[depth] = end[depth]
            continue
        left = rest[depth] & ~mask[i]
        if left == np.uint64(0):
            if depth + 1 == n_grids:
                best, most = total, total
            continue
        if depth + 1 == n_grids:
            continue
        if _was_tried(tried, tried_cost, left, depth, total):
            continue
        if not _can_be_divided(left, near, load, limits, n_grids - depth - 1):
            continue
        cell = 0
        while not (left >> np.uint64(cell)) & one:
            cell += 1
        depth += 1
        rest[depth], spent[depth] = left, total
        at[depth], end[depth] = begin[cell], begin[cell + 1]
    return best

"""All connected sets of units that may be a grid, compiled."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import numpy as np
from numba import njit

from geo.planning.masks import LARGEST, NONE, ONE, bit, first_of, is_in_pieces, reach, sum_over

DONE, TOO_MANY = 0, 1


@njit(cache=True, nogil=True, error_model="numpy")
def may_be_grid(
    near: np.ndarray, load: np.ndarray, cells: np.uint64, every: np.uint64, limits: np.ndarray
) -> bool:
    """Whether each piece of the rest carries a whole number of grids within the limits."""
    rest = every & ~cells
    while rest != NONE:
        piece = reach(rest & (~rest + ONE), rest, near)
        rest &= ~piece
        held = sum_over(piece, load, 0)
        fewest = max(1.0, np.ceil((held - limits[2]) / limits[1])) if limits[1] > 0 else 1.0
        if fewest * limits[0] > held + limits[2]:
            return False
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def connected_sets(
    near: np.ndarray,
    load: np.ndarray,
    limits: np.ndarray,
    found: np.ndarray,
    node_cap: int,
) -> tuple[int, int]:
    """Write all connected sets within the limits, whose rest may be divided, to `found`.

    Each set once: from its first cell, by taking a neighbour of the set in or leaving it out for
    good (Wernicke 2006).

    Parameters
    ----------
    near : mask of each cell's neighbours, at most 64 cells
    limits : low, high, and the rounding error of loads
    found : room for the masks
    node_cap : sets to look at, at most

    Returns
    -------
    DONE, or TOO_MANY where room or the cap does not suffice; and how many were found
    """
    n, n_found, n_nodes = len(load), 0, 0
    every = ~NONE if n == LARGEST else bit(n) - ONE
    sets, outs, nears = (
        np.zeros(n + 1, dtype=np.uint64),
        np.zeros(n + 1, dtype=np.uint64),
        np.zeros(n + 1, dtype=np.uint64),
    )
    held = np.zeros(n + 1)
    cells = np.zeros(n + 1, dtype=np.int64)
    for first in range(n):
        depth = 0
        sets[0], nears[0], held[0] = bit(first), near[first], load[first]
        outs[0] = bit(first) - ONE
        is_new = held[0] <= limits[1] + limits[2]
        while depth >= 0:
            if is_new:
                is_new = False
                n_nodes += 1
                if n_nodes > node_cap:
                    return TOO_MANY, n_found
                if held[depth] >= limits[0] - limits[2] and may_be_grid(
                    near, load, sets[depth], every, limits
                ):
                    if n_found == len(found):
                        return TOO_MANY, n_found
                    found[n_found] = sets[depth]
                    n_found += 1
            beside = nears[depth] & ~(sets[depth] | outs[depth])
            if beside == NONE:
                depth -= 1
                if depth >= 0:
                    outs[depth] |= bit(cells[depth + 1])
                    if not can_grow(near, load, sets[depth], outs[depth], cells[depth + 1], limits):
                        outs[depth] = ~NONE
                continue
            cell = first_of(beside)
            if held[depth] + load[cell] > limits[1] + limits[2]:
                outs[depth] |= bit(cell)
                continue
            depth += 1
            cells[depth] = cell
            sets[depth], outs[depth] = sets[depth - 1] | bit(cell), outs[depth - 1]
            nears[depth] = nears[depth - 1] | near[cell]
            held[depth] = held[depth - 1] + load[cell]
            is_new = True
    return DONE, n_found


@njit(cache=True, nogil=True, error_model="numpy")
def can_grow(
    near: np.ndarray,
    load: np.ndarray,
    cells: np.uint64,
    out: np.uint64,
    left: int,
    limits: np.ndarray,
) -> bool:
    """Whether the set can still reach the low limit, `left` just left out."""
    if not is_in_pieces(near[left] & ~out, near):
        return True
    held = sum_over(reach(cells, ~out, near), load, 0)
    is_enough: bool = held >= limits[0] - limits[2]
    return is_enough

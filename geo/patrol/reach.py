"""Length of lines within reach of tracks, exactly: interval arithmetic, no buffers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

_STRETCHES_AT_ONCE = 20_000
"""Stretches worked on together: bounds the memory of a month of tracks, and stays in the cache."""


def covered_lengths(
    edges: Floats, stretches: Floats, patrol: Indices, *, reaches_m: Sequence[float]
) -> tuple[Indices, Indices, Floats]:
    """(patrol, edge, metres): the length of each edge within each reach of a patrol's stretches.

    Exact: the intervals that single stretches reach are joined, none is counted twice. Only pairs
    that the widest reach meets, in order of patrol and edge.

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
    tree = shapely.STRtree(shapely.linestrings(edges.reshape(-1, 2, 2)))
    found = [
        _covered_by(edges, stretches[start:stop], patrol[start:stop], tree, reaches_m)
        for start, stop in _whole_patrols(patrol)
    ]
    if not found:
        none = np.zeros(0, dtype=np.int64)
        return none, none, np.zeros((0, len(reaches_m)))
    patrols, edge, metres = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return patrols, edge, metres


def _whole_patrols(patrol: Indices) -> list[tuple[int, int]]:
    """Slices of about `_STRETCHES_AT_ONCE` stretches that split no patrol."""
    if not len(patrol):
        return []
    starts = np.flatnonzero(np.diff(patrol, prepend=-1))
    is_cut = np.diff(starts // _STRETCHES_AT_ONCE, prepend=-1) > 0
    bounds = [*starts[is_cut].tolist(), len(patrol)]
    return list(itertools.pairwise(bounds))


def _covered_by(
    edges: Floats,
    stretches: Floats,
    patrol: Indices,
    tree: shapely.STRtree,
    reaches_m: Sequence[float],
) -> tuple[Indices, Indices, Floats]:
    widest = max(reaches_m)
    low = np.minimum(stretches[:, :2], stretches[:, 2:]) - widest
    high = np.maximum(stretches[:, :2], stretches[:, 2:]) + widest
    stretch, edge = tree.query(shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1]))
    by_reach = []
    for reach_m in sorted(set(reaches_m), reverse=True):
        start, end = reach_interval(edges[edge], stretches[stretch], reach_m=reach_m)
        is_met = start < end
        stretch, edge, start, end = stretch[is_met], edge[is_met], start[is_met], end[is_met]
        key, metres = _joined_length(patrol[stretch] * len(edges) + edge, start, end)
        by_reach.append((reach_m, key, metres))
    keys = by_reach[0][1]
    columns = {}
    for reach_m, key, metres in by_reach:
        columns[reach_m] = np.zeros(len(keys))
        columns[reach_m][np.searchsorted(keys, key)] = metres
    table = np.column_stack([columns[reach_m] for reach_m in reaches_m])
    return keys // len(edges), keys % len(edges), table


def _joined_length(key: Indices, start: Floats, end: Floats) -> tuple[Indices, Floats]:
    """Each key once, ascending, and the length of the union of its intervals."""
    order = np.lexsort([start, key])
    key, start, end = key[order], start[order], end[order]
    groups, group = np.unique(key, return_inverse=True)
    if not len(groups):
        return groups, np.zeros(0)
    shift = group * (end.max() + 1.0)  # keeps the groups apart in one running maximum
    reached = np.maximum.accumulate(end + shift) - shift
    before = np.concatenate([[0.0], reached[:-1]])
    before[np.flatnonzero(np.diff(group, prepend=-1))] = 0.0
    fresh = np.clip(end - np.maximum(start, before), 0.0, None)
    metres: Floats = np.bincount(group, weights=fresh, minlength=len(groups)).astype(np.float64)
    return groups, metres


def reach_interval(edges: Floats, stretches: Floats, *, reach_m: float) -> tuple[Floats, Floats]:
    """For each row, the interval of its edge, metres from its start, within reach of the stretch.

    The ground within reach of a stretch is convex (a rectangle with round ends), so that a line
    crosses it in one interval: from the first to the last of its crossings with the rectangle and
    the two discs. Where there is none, the interval's end lies before its start.
    """
    start, direction = edges[:, :2], edges[:, 2:] - edges[:, :2]
    length = np.hypot(direction[:, 0], direction[:, 1])
    unit = direction / length[:, None]
    low, high = np.full(len(edges), np.inf), np.full(len(edges), -np.inf)
    for centre in (stretches[:, :2], stretches[:, 2:]):
        offset = centre - start
        along = (offset * unit).sum(axis=1)
        across = offset[:, 0] * unit[:, 1] - offset[:, 1] * unit[:, 0]
        half2 = reach_m**2 - across**2
        is_met = half2 >= 0
        half = np.sqrt(np.where(is_met, half2, 0.0))
        low = np.where(is_met, np.minimum(low, along - half), low)
        high = np.where(is_met, np.maximum(high, along + half), high)
    rectangle_low, rectangle_high = _rectangle_interval(start, unit, stretches, reach_m)
    is_met = rectangle_low <= rectangle_high
    low = np.where(is_met, np.minimum(low, rectangle_low), low)
    high = np.where(is_met, np.maximum(high, rectangle_high), high)
    return np.maximum(low, 0.0), np.minimum(high, length)


def _rectangle_interval(
    start: Floats, unit: Floats, stretches: Floats, reach_m: float
) -> tuple[Floats, Floats]:
    """Where the lines lie beside the stretch, within reach of it: two slabs met."""
    axis = stretches[:, 2:] - stretches[:, :2]
    length = np.hypot(axis[:, 0], axis[:, 1])
    axis = axis / np.where(length > 0, length, 1.0)[:, None]
    offset = start - stretches[:, :2]
    along, along_step = (offset * axis).sum(axis=1), (unit * axis).sum(axis=1)
    across = offset[:, 0] * axis[:, 1] - offset[:, 1] * axis[:, 0]
    across_step = unit[:, 0] * axis[:, 1] - unit[:, 1] * axis[:, 0]
    low_a, high_a = _slab(along, along_step, np.zeros_like(length), length)
    low_b, high_b = _slab(across, across_step, np.full_like(length, -reach_m), reach_m + 0 * length)
    low, high = np.maximum(low_a, low_b), np.minimum(high_a, high_b)
    return np.where(length > 0, low, np.inf), np.where(length > 0, high, -np.inf)


def _slab(value: Floats, step: Floats, least: Floats, most: Floats) -> tuple[Floats, Floats]:
    """Interval of t where least <= value + t*step <= most; everywhere or nowhere when step is 0."""
    is_still = step == 0
    divisor = np.where(is_still, 1.0, step)
    one, other = (least - value) / divisor, (most - value) / divisor
    is_in = (value >= least) & (value <= most)
    low = np.where(is_still, np.where(is_in, -np.inf, np.inf), np.minimum(one, other))
    high = np.where(is_still, np.where(is_in, np.inf, -np.inf), np.maximum(one, other))
    return low, high

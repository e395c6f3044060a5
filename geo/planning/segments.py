"""Borders that polygons share: which pairs, and how long."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

SNAP_M = 0.01
"""Borders of a coverage that is not exact count as shared when they run this close together."""

SHORTEST_BORDER_M = 0.05
"""Shorter overlaps of inexact borders are corner touches, not shared borders."""

SHORTEST_MORE_M = 1.0
"""Where two polygons share a matched border, shorter overlaps beside it are acute corners."""

HASH_SALTS = (0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F, 0xE7037ED1A0B428DB)
"""Odd multipliers; a second one is needed once in some hundred million cities."""


@dataclass(frozen=True)
class Borders:
    """Pairs of polygons with a shared border, `left < right`, sorted.

    `length_m` of each pair's border; `segments` (x0, y0, x1, y1), the straight pieces of all
    borders, and `pair` of each. `is_exact`: every border is matched vertex by vertex.
    """

    left: np.ndarray
    right: np.ndarray
    length_m: np.ndarray
    segments: np.ndarray
    pair: np.ndarray
    is_exact: bool

    def __len__(self) -> int:
        return len(self.left)


@dataclass(frozen=True)
class _Loose:
    """Segments that no other polygon has: (x0, y0, x1, y1), and the polygon of each, ascending."""

    segments: np.ndarray
    owner: np.ndarray


def exact_borders(geometry: np.ndarray) -> Borders:
    """Borders whose segments two polygons share vertex by vertex.

    Parameters
    ----------
    geometry : polygons or multipolygons, in metres
    """
    segments, owners, _ = _matched(geometry)
    return _collect(segments, owners, len(geometry), is_exact=True)


def shared_borders(geometry: np.ndarray) -> Borders:
    """Borders matched vertex by vertex, and those that run together within SNAP_M.

    Parameters
    ----------
    geometry : polygons or multipolygons, in metres
    """
    segments, owners, loose = _matched(geometry)
    more, more_owners = _near(loose, owners, len(geometry))
    if len(more) == 0:
        return _collect(segments, owners, len(geometry), is_exact=True)
    segments, owners = np.vstack([segments, more]), np.vstack([owners, more_owners])
    return _collect(segments, owners, len(geometry), is_exact=False)


@dataclass(frozen=True)
class _Segments:
    """Straight pieces of rings: `xy` of all corners, the corner each `begins` at (it ends at the
    next one), and the polygon that is its `owner`."""

    xy: np.ndarray
    begins: np.ndarray
    owner: np.ndarray

    def ends_of(self, rows: np.ndarray) -> np.ndarray:
        """x0, y0, x1, y1 of some segments."""
        begins = self.begins[rows]
        return np.hstack([self.xy[begins], self.xy[begins + 1]])


def _segments_of(geometry: np.ndarray) -> _Segments:
    """All segments; rings are taken apart only where a polygon has several: copies cost memory."""
    is_plain = (shapely.get_type_id(geometry) == 3) & (shapely.get_num_interior_rings(geometry) < 1)
    plain = np.flatnonzero(is_plain).astype(np.int32)
    xy, ring = shapely.get_coordinates(geometry[plain], return_index=True)
    owner_of_ring = plain
    if len(plain) < len(geometry):
        parts, cell_of_part = shapely.get_parts(geometry[~is_plain], return_index=True)
        rings, part_of_ring = shapely.get_rings(parts, return_index=True)
        more_xy, more_ring = shapely.get_coordinates(rings, return_index=True)
        xy, ring = np.vstack([xy, more_xy]), np.r_[ring, len(plain) + more_ring]
        more = np.flatnonzero(~is_plain)[cell_of_part[part_of_ring]]
        owner_of_ring = np.r_[plain, more.astype(np.int32)]
    is_segment = ring[1:] == ring[:-1]
    is_segment &= (xy[1:, 0] != xy[:-1, 0]) | (xy[1:, 1] != xy[:-1, 1])
    begins = np.flatnonzero(is_segment).astype(np.int32)
    return _Segments(xy, begins, owner_of_ring[ring[begins]])


def _matched(geometry: np.ndarray) -> tuple[np.ndarray, np.ndarray, _Loose]:
    """Segments that two polygons share, the two of each, and the segments nobody shares.

    Equal segments are found by a hash of their ends, then compared; where two different ones have
    the same hash, all are hashed again in another way.
    """
    found = _segments_of(geometry)
    one, other = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    for salt in HASH_SALTS:
        key = _hashed(found, salt)
        order = np.argsort(key, kind="stable")
        is_same = key[order[1:]] == key[order[:-1]]
        one, other = order[:-1][is_same], order[1:][is_same]
        if _are_equal(found.ends_of(one), found.ends_of(other)):
            break
    is_free = np.ones(len(found.owner), dtype=bool)
    is_free[one] = is_free[other] = False
    is_two = found.owner[one] != found.owner[other]
    free = np.flatnonzero(is_free)
    free = free[np.argsort(found.owner[free], kind="stable")]
    return (
        found.ends_of(one[is_two]),
        np.column_stack([found.owner[one], found.owner[other]])[is_two],
        _Loose(found.ends_of(free), found.owner[free]),
    )


def _hashed(segments: _Segments, salt: int) -> np.ndarray:
    """A number a segment, the same in both directions."""
    word = (segments.xy + 0.0).view(np.uint64)
    corner = word[:, 0] * np.uint64(salt)
    corner ^= corner >> np.uint64(29)
    corner += word[:, 1]
    corner *= np.uint64(0xBF58476D1CE4E5B9)
    corner ^= corner >> np.uint64(32)
    corner *= np.uint64(0x94D049BB133111EB)
    keys: np.ndarray = corner[segments.begins] + corner[segments.begins + 1]
    return keys


def _are_equal(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether each segment has the same ends as its fellow, in either direction."""
    is_equal = (one == other).all(axis=1) | (one == other[:, [2, 3, 0, 1]]).all(axis=1)
    return bool(is_equal.all())


def _collect(segments: np.ndarray, owners: np.ndarray, n: int, *, is_exact: bool) -> Borders:
    key = np.minimum(owners[:, 0], owners[:, 1]).astype(np.int64)
    key *= n
    key += np.maximum(owners[:, 0], owners[:, 1])
    keys, pair = np.unique(key, return_inverse=True)
    length_m = np.hypot(segments[:, 2] - segments[:, 0], segments[:, 3] - segments[:, 1])
    return Borders(
        left=(keys // max(n, 1)).astype(np.int32),
        right=(keys % max(n, 1)).astype(np.int32),
        length_m=np.bincount(pair, weights=length_m, minlength=len(keys)),
        segments=segments,
        pair=pair,
        is_exact=is_exact,
    )


def _near(loose: _Loose, matched: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Parts of unmatched lines that run together within SNAP_M, and the two polygons of each.

    `matched`: pairs of the n polygons that share other segments.
    """
    nothing = np.empty((0, 4)), np.empty((0, 2), dtype=np.int64)
    if len(loose.owner) == 0:
        return nothing
    cell, position = np.unique(loose.owner, return_inverse=True)
    lines = shapely.multilinestrings(
        shapely.linestrings(loose.segments.reshape(-1, 2, 2)), indices=position
    )
    near, far = shapely.STRtree(lines).query(lines, predicate="dwithin", distance=SNAP_M)
    is_once = cell[near] < cell[far]
    near, far = near[is_once], far[is_once]
    if len(near) == 0:
        return nothing
    bands = shapely.buffer(lines[far], SNAP_M, cap_style="flat", quad_segs=1)
    shared = shapely.intersection(lines[near], bands)
    key = matched.min(axis=1).astype(np.int64) * n + matched.max(axis=1)
    has_more = np.isin(cell[near].astype(np.int64) * n + cell[far], key)
    is_border = shapely.length(shared) > np.where(has_more, SHORTEST_MORE_M, SHORTEST_BORDER_M)
    parts, row = shapely.get_parts(shared[is_border], return_index=True)
    is_line = shapely.get_type_id(parts) == 1
    xy, part = shapely.get_coordinates(parts[is_line], return_index=True)
    is_segment = part[1:] == part[:-1]
    segments = np.hstack([xy[:-1], xy[1:]])[is_segment]
    row = row[is_line][part[:-1][is_segment]]
    return segments, np.column_stack([cell[near][is_border][row], cell[far][is_border][row]])

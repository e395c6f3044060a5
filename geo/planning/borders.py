"""Borders that polygons share: which pairs, how long, and along which barriers they run."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

SNAP_M = 0.01
"""Borders of a coverage that is not exact count as shared when they run this close together."""

SHORTEST_BORDER_M = 0.05
"""Shorter overlaps of inexact borders are corner touches, not shared borders."""

SHORTEST_MORE_M = 1.0
"""Where two polygons share a matched border, shorter overlaps beside it are acute corners."""

ON_BARRIER_SHARE = 0.5
"""A shared border lies on a barrier when at least this share of its length does."""

BARRIER_REACH_M = 1.0
"""A border this close to a barrier line runs along it."""

HASH_SALTS = (0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F, 0xE7037ED1A0B428DB)
"""Odd multipliers; a second one is needed once in some hundred million cities."""

STEP_M = 5.0
"""A border is compared with barriers at points no farther apart than this."""

SEGMENTS_AT_ONCE = 5000
"""Straight pieces of borders compared with barriers at once: bounds the memory."""


WITHOUT_KIND = "other"
"""What a barrier is called whose row does not say its kind."""

RANKS = {
    "wall": 1,
    "other": 1,
    "road": 4,
    "road/footway": 1,
    "road/path": 1,
    "road/steps": 1,
    "road/pedestrian": 1,
    "road/track": 1,
    "road/service": 1,
    "road/living_street": 1,
    "road/other": 1,
    "road/residential": 2,
    "road/tertiary": 3,
    "road/secondary": 4,
    "road/primary": 5,
    "road/trunk": 7,
    "road/motorway": 9,
    "water": 6,
    "water/ditch": 2,
    "water/drain": 2,
    "water/stream": 3,
    "water/canal": 6,
    "water/river": 8,
    "rail": 8,
    "rail/tram": 3,
}
"""How hard barriers are to cross on foot, 1 to 9, by name; own rule, after the order of
OpenStreetMap's highway classes. A class that is not listed has the rank of its kind."""


@dataclass(frozen=True)
class BarrierLines:
    """Barriers as lines (areas other than walls as they are), and the code of each one's name.

    `name` ascends by rank, so that the higher code is the harder barrier.
    """

    shape: np.ndarray
    code: np.ndarray
    name: np.ndarray

    @staticmethod
    def of(barriers: gpd.GeoDataFrame | None) -> BarrierLines | None:
        """None where there is no barrier."""
        if barriers is None or len(barriers) == 0:
            return None
        shape, names = barriers.geometry.to_numpy(), barrier_names(barriers)
        is_kept = ~(shapely.is_missing(shape) | shapely.is_empty(shape))
        shape, names = shape[is_kept], names[is_kept]
        is_wall = np.char.startswith(names.astype(str), "wall")
        is_ring = is_wall & (shapely.get_dimensions(shape) == 2)
        used = np.unique(names.astype(str))
        used = used[np.lexsort((used, barrier_rank(used)))]
        place = {name: code for code, name in enumerate(used.tolist())}
        return BarrierLines(
            np.where(is_ring, shapely.boundary(shape), shape),
            np.array([place[name] for name in names], dtype=np.int64),
            used.astype(object),
        )

    def named(self, code: np.ndarray) -> np.ndarray:
        """The name of each code, empty for -1."""
        names: np.ndarray = np.where(code >= 0, self.name[code], "")
        return names


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


def on_barriers(borders: Borders, lines: BarrierLines) -> np.ndarray:
    """The code of the barrier that each pair's border lies on, -1 for none.

    A border lies on a barrier where at least ON_BARRIER_SHARE of its length runs within
    BARRIER_REACH_M of lines, or inside areas; of several names the one with most of it, the
    harder to cross where they are equal.
    """
    found = np.full(len(borders), -1, dtype=np.int64)
    n, n_codes = len(borders), len(lines.name)
    if n == 0 or n_codes == 0:
        return found
    pieces, piece_code = _short_pieces(lines.shape, lines.code)
    near = shapely.STRtree(pieces)
    along_m, any_m = np.zeros(n * n_codes), np.zeros(n)
    for begin in range(0, len(borders.pair), SEGMENTS_AT_ONCE):
        segments = borders.segments[begin : begin + SEGMENTS_AT_ONCE]
        ways = shapely.linestrings(segments.reshape(-1, 2, 2))
        hit = np.unique(near.query(ways, predicate="dwithin", distance=BARRIER_REACH_M)[0])
        points, weight_m, row = _sampled(segments[hit])
        pair = borders.pair[begin + hit][row]
        tree = shapely.STRtree(shapely.points(points))
        piece, point = tree.query(pieces, predicate="dwithin", distance=BARRIER_REACH_M)
        both = np.unique(point * n_codes + piece_code[piece])
        point, code = both // n_codes, both % n_codes
        along_m += np.bincount(pair[point] * n_codes + code, weight_m[point], minlength=n * n_codes)
        point = np.unique(point)
        any_m += np.bincount(pair[point], weight_m[point], minlength=n)
    is_on = (any_m > 0) & (any_m >= ON_BARRIER_SHARE * borders.length_m - 1e-9)
    best: np.ndarray = n_codes - 1 - np.argmax(along_m.reshape(n, n_codes)[:, ::-1], axis=1)
    found[is_on] = best[is_on]
    return found


def barrier_names(barriers: gpd.GeoDataFrame) -> np.ndarray:
    """What each barrier is called: `kind/class`, such as road/primary; `kind` without a class."""
    n = len(barriers)
    kind = barriers["kind"] if "kind" in barriers.columns else pd.Series([None] * n)
    known = kind.astype("object").where(kind.notna(), WITHOUT_KIND)
    name: np.ndarray = known.to_numpy(dtype=object, copy=True)
    if "class" in barriers.columns:
        has_class = barriers["class"].notna().to_numpy()
        name[has_class] += "/" + barriers["class"].to_numpy(dtype=object)[has_class]
    return name


def barrier_rank(names: np.ndarray) -> np.ndarray:
    """How hard each barrier is to cross, 1 to 9 (see RANKS); 0 for the empty name."""
    used, position = np.unique(names.astype(str), return_inverse=True)
    unlisted = RANKS[WITHOUT_KIND]
    rank = [
        0 if not name else RANKS.get(name, RANKS.get(name.split("/")[0], unlisted)) for name in used
    ]
    ranks: np.ndarray = np.array(rank, dtype=np.int64)[position]
    return ranks


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


def _short_pieces(shapes: np.ndarray, code: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lines cut into their straight pieces, areas as they are, so that a search finds few each."""
    is_area = shapely.get_dimensions(shapes) == 2
    parts, row = shapely.get_parts(shapes[~is_area], return_index=True)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    is_piece = part[1:] == part[:-1]
    pieces = shapely.linestrings(np.stack([xy[:-1], xy[1:]], axis=1)[is_piece])
    of_piece = code[~is_area][row[part[:-1][is_piece]]]
    return np.concatenate([pieces, shapes[is_area]]), np.concatenate([of_piece, code[is_area]])


def _sampled(segments: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points in the middle of pieces of at most STEP_M of segments, the length and the segment."""
    start, end = segments[:, :2], segments[:, 2:]
    length_m = np.hypot(*(end - start).T)
    n = np.maximum(1, np.ceil(length_m / STEP_M)).astype(np.int64)
    row = np.repeat(np.arange(len(n)), n)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(n) - n, n)
    share = ((nth + 0.5) / n[row])[:, None]
    return start[row] + share * (end[row] - start[row]), (length_m / n)[row], row

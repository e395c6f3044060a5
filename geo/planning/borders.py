"""Along which barriers shared borders run."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.planning.segments import Borders

ON_BARRIER_SHARE = 0.5
"""A shared border lies on a barrier when at least this share of its length does."""

BARRIER_REACH_M = 1.0
"""A border this close to a barrier line runs along it."""

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

"""Which cells share a border, and how long it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from geo.errors import CrsError, GeometryError

SNAP_M = 0.01
"""Borders of a coverage that is not exact count as shared when they run this close together."""

SHORTEST_BORDER_M = 0.05
"""Shorter overlaps of inexact borders are corner touches, not shared borders."""

ON_BARRIER_SHARE = 0.5
"""A shared border lies on a barrier when at least this share of its length is."""

BARRIER_REACH_M = 1.0
"""A border this close to a barrier line runs along it."""


@dataclass(frozen=True)
class Adjacency:
    """Rook adjacency of n cells: one entry per pair, `left < right`, sorted.

    `length_m` is the length of the shared border, 0 for a link. `crosses` is true where the border
    lies on a barrier, so that a grid holding both cells crosses it. `is_link` is true for
    pairs that touch nowhere but were joined on purpose, such as an island to its nearest shore.
    `area_m2` and `perimeter_m` are the cells' own. `is_exact` says that every shared border is
    matched vertex by vertex.
    """

    left: np.ndarray
    right: np.ndarray
    length_m: np.ndarray
    crosses: np.ndarray
    is_link: np.ndarray
    area_m2: np.ndarray
    perimeter_m: np.ndarray
    is_exact: bool

    @property
    def n_cells(self) -> int:
        return len(self.area_m2)


def adjacency(
    cells: gpd.GeoDataFrame,
    *,
    barriers: gpd.GeoDataFrame | None = None,
    within: str | None = "community",
    connect_islands: bool = True,
) -> Adjacency:
    """Pairs of cells with the length of the border they share.

    Shared borders are found by matching segments vertex by vertex (exact for a coverage); what
    stays unmatched is compared by distance, so that cells with gaps of a centimetre still touch.
    With `connect_islands`, parts of an area that touch nothing are linked to their nearest
    neighbour in the same area, and the link is marked.

    Parameters
    ----------
    cells : polygons, projected CRS in metres
    barriers : lines or areas; borders on them are marked in `crosses`
    within : column of the area that no grid may leave; ignored where `cells` has no such column

    Raises
    ------
    CrsError : the CRS is missing or in degrees
    GeometryError : a cell has no polygon
    """
    _check_cells(cells)
    geometry = cells.geometry.to_numpy()
    left, right, length_m, loose = shared_segments(geometry)
    is_exact = True
    if len(loose):
        more_left, more_right, more_m = _near_borders(loose, left, right, len(cells))
        is_exact = len(more_left) == 0
        left, right = np.r_[left, more_left], np.r_[right, more_right]
        length_m = np.r_[length_m, more_m]
    order = np.lexsort((right, left))
    found = Adjacency(
        left=left[order].astype(np.int32),
        right=right[order].astype(np.int32),
        length_m=length_m[order],
        crosses=np.zeros(len(left), dtype=bool),
        is_link=np.zeros(len(left), dtype=bool),
        area_m2=shapely.area(geometry),
        perimeter_m=shapely.length(geometry),
        is_exact=is_exact,
    )
    if barriers is not None and len(barriers):
        found = replace(found, crosses=_on_barriers(geometry, found, barriers))
    if connect_islands:
        areas = _codes_of(cells, within)
        found = _link_islands(geometry, found, areas)
    return found


def _check_cells(cells: gpd.GeoDataFrame) -> None:
    if len(cells) and (cells.crs is None or not cells.crs.is_projected):
        raise CrsError(
            "crs.not_projected",
            f"cells must use a projected CRS in metres; got {cells.crs}. "
            "Reproject with crs.to_metric(cells).",
            layer="cells",
            crs=str(cells.crs),
        )
    geometry = cells.geometry.to_numpy()
    is_bad = ~np.isin(shapely.get_type_id(geometry), (3, 6)) | shapely.is_empty(geometry)
    if is_bad.any():
        keys = [str(key) for key in cells.index[is_bad][:3]]
        raise GeometryError(
            "cells.not_polygons",
            f"every cell must be a polygon; {int(is_bad.sum())} are not, first {keys}. "
            "Remove or redraw them.",
            count=int(is_bad.sum()),
            keys=keys,
        )


def _codes_of(cells: gpd.GeoDataFrame, within: str | None) -> np.ndarray:
    if within is None or within not in cells.columns:
        return np.zeros(len(cells), dtype=np.int64)
    return np.asarray(cells[within].factorize()[0], dtype=np.int64)


def shared_segments(
    geometry: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[int, shapely.Geometry]]:
    """Pairs sharing identical segments with their total length; unmatched lines by cell."""
    parts, cell_of_part = shapely.get_parts(geometry, return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    xy, ring_of_point = shapely.get_coordinates(rings, return_index=True)
    is_segment = ring_of_point[1:] == ring_of_point[:-1]
    start, end = xy[:-1][is_segment], xy[1:][is_segment]
    owner = cell_of_part[part_of_ring[ring_of_point[:-1][is_segment]]]
    is_swapped = (start[:, 0] > end[:, 0]) | (
        (start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1])
    )
    low = np.where(is_swapped[:, None], end, start)
    high = np.where(is_swapped[:, None], start, end)
    order = np.lexsort((high[:, 1], high[:, 0], low[:, 1], low[:, 0]))
    both = np.hstack([low, high])[order]
    is_same = (both[1:] == both[:-1]).all(axis=1)
    first, second = owner[order[:-1][is_same]], owner[order[1:][is_same]]
    length_m = np.hypot(*(high - low).T)
    pair_m = length_m[order[:-1][is_same]]
    is_two = first != second
    left, right = np.minimum(first, second)[is_two], np.maximum(first, second)[is_two]
    left, right, total_m = _sum_pairs(left, right, pair_m[is_two], len(geometry))
    is_matched = np.zeros(len(owner), dtype=bool)
    is_matched[order[:-1][is_same]] = True
    is_matched[order[1:][is_same]] = True
    free = np.flatnonzero(~is_matched & (length_m > 0))
    free = free[np.argsort(owner[free], kind="stable")]
    if len(free) == 0:
        return left, right, total_m, {}
    lines = shapely.linestrings(np.stack([start[free], end[free]], axis=1))
    cells, position = np.unique(owner[free], return_inverse=True)
    merged = shapely.multilinestrings(lines, indices=position)
    return left, right, total_m, dict(zip(cells.tolist(), merged, strict=True))


def _sum_pairs(
    left: np.ndarray, right: np.ndarray, length_m: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    keys, inverse = np.unique(left.astype(np.int64) * n + right, return_inverse=True)
    return keys // n, keys % n, np.bincount(inverse, weights=length_m, minlength=len(keys))


def _near_borders(
    loose: dict[int, shapely.Geometry], left: np.ndarray, right: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs not yet adjacent whose unmatched borders run together within SNAP_M."""
    cell = np.fromiter(loose, dtype=np.int64)
    lines = np.array(list(loose.values()), dtype=object)
    tree = shapely.STRtree(lines)
    near, far = tree.query(lines, predicate="dwithin", distance=SNAP_M)
    is_once = cell[near] < cell[far]
    near, far = near[is_once], far[is_once]
    is_new = ~np.isin(cell[near] * n + cell[far], left.astype(np.int64) * n + right)
    near, far = near[is_new], far[is_new]
    bands = shapely.buffer(lines[far], SNAP_M, cap_style="flat", quad_segs=1)
    shared_m = shapely.length(shapely.intersection(lines[near], bands))
    is_border = shared_m > SHORTEST_BORDER_M
    return cell[near][is_border], cell[far][is_border], shared_m[is_border]


def _on_barriers(geometry: np.ndarray, found: Adjacency, barriers: gpd.GeoDataFrame) -> np.ndarray:
    """Whether each shared border runs along a barrier."""
    lines = barriers.geometry.to_numpy()
    lines = np.where(shapely.get_dimensions(lines) == 2, shapely.boundary(lines), lines)
    borders = shapely.intersection(geometry[found.left], geometry[found.right])
    pair, line = shapely.STRtree(lines).query(
        borders, predicate="dwithin", distance=BARRIER_REACH_M
    )
    bands = shapely.buffer(lines, BARRIER_REACH_M, cap_style="flat", quad_segs=1)
    along_m = shapely.length(shapely.intersection(borders[pair], bands[line]))
    total_m = np.bincount(pair, weights=along_m, minlength=len(borders))
    on_barrier: np.ndarray = total_m >= ON_BARRIER_SHARE * shapely.length(borders)
    return on_barrier & (total_m > 0)


def _link_islands(geometry: np.ndarray, found: Adjacency, areas: np.ndarray) -> Adjacency:
    """Join the parts of each area by the shortest links, nearest first."""
    n = found.n_cells
    is_inside = areas[found.left] == areas[found.right]
    graph = csr_array(
        (np.ones(int(is_inside.sum())), (found.left[is_inside], found.right[is_inside])),
        shape=(n, n),
    )
    part = connected_components(graph, directed=False)[1]
    links: list[tuple[int, int]] = []
    for area in np.unique(areas):
        here = np.flatnonzero(areas == area)
        while len(parts := np.unique(part[here])) > 1:
            sizes = [int((part[here] == one).sum()) for one in parts]
            small = parts[int(np.argmin(sizes))]
            inside, outside = here[part[here] == small], here[part[here] != small]
            links.append(_nearest_pair(geometry, inside, outside))
            part[inside] = part[links[-1][1]]
    if not links:
        return found
    pairs = np.sort(np.array(links), axis=1)
    left, right = np.r_[found.left, pairs[:, 0]], np.r_[found.right, pairs[:, 1]]
    order = np.lexsort((right, left))
    none = np.zeros(len(pairs))
    return replace(
        found,
        left=left[order].astype(np.int32),
        right=right[order].astype(np.int32),
        length_m=np.r_[found.length_m, none][order],
        crosses=np.r_[found.crosses, none.astype(bool)][order],
        is_link=np.r_[found.is_link, ~none.astype(bool)][order],
    )


def _nearest_pair(geometry: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> tuple[int, int]:
    """The closest two cells, one of each set; candidates by nearest centre, then exact."""
    centres = shapely.get_coordinates(shapely.centroid(geometry[outside]))
    tree = cKDTree(centres)
    count = min(16, len(outside))
    near = tree.query(shapely.get_coordinates(shapely.centroid(geometry[inside])), k=count)[1]
    near = np.asarray(near).reshape(len(inside), count)
    distance_m = shapely.distance(geometry[inside][:, None], geometry[outside[near]])
    row, column = np.unravel_index(int(np.argmin(distance_m)), distance_m.shape)
    return int(inside[row]), int(outside[near[row, column]])

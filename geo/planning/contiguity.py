"""Which cells share a border, and how long it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay

from geo.errors import CrsError, GeometryError
from geo.planning import borders, segments

ALL_PAIRS_UP_TO = 64
"""In an area with no more cells than this, every two are looked at for the shortest link."""


@dataclass(frozen=True)
class Adjacency:
    """Rook adjacency of n cells: one entry per pair, `left < right`, sorted.

    `length_m` is the length of the shared border, 0 for a link. `barrier` names the barrier that
    the border lies on (see `borders.barrier_names`), so that a grid holding both cells crosses it;
    empty for none. `bridge` names the bridge that leads from one to the other; empty for none.
    `is_link` is true for pairs that touch nowhere but were joined on purpose, such as an island to
    its nearest shore. `area_m2` and `perimeter_m` are the cells' own. `is_exact` says that every
    shared border is matched vertex by vertex.
    """

    left: np.ndarray
    right: np.ndarray
    length_m: np.ndarray
    barrier: np.ndarray
    bridge: np.ndarray
    is_link: np.ndarray
    area_m2: np.ndarray
    perimeter_m: np.ndarray
    is_exact: bool

    @property
    def n_cells(self) -> int:
        return len(self.area_m2)

    @property
    def crosses(self) -> np.ndarray:
        """Mask of the pairs whose border lies on a barrier."""
        return np.asarray(self.barrier != "", dtype=bool)

    def take(self, is_kept: np.ndarray) -> Adjacency:
        """Only the pairs of a mask, or of positions, in that order."""
        names = ("left", "right", "length_m", "barrier", "bridge", "is_link")
        return replace(self, **{name: getattr(self, name)[is_kept] for name in names})

    def with_links(self, one: np.ndarray, other: np.ndarray) -> Adjacency:
        """With links between cells that touch nowhere, without barrier and bridge."""
        n = len(one)
        none = np.full(n, "", dtype=object)
        left = np.r_[self.left, np.minimum(one, other)].astype(np.int32)
        right = np.r_[self.right, np.maximum(one, other)].astype(np.int32)
        joined = replace(
            self,
            left=left,
            right=right,
            length_m=np.r_[self.length_m, np.zeros(n)],
            barrier=np.r_[self.barrier, none],
            bridge=np.r_[self.bridge, none],
            is_link=np.r_[self.is_link, np.ones(n, dtype=bool)],
        )
        return joined.take(np.lexsort((right, left)))


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
    barriers : lines or areas, with `kind` and `class` where known; borders on lines (and on the
        edges of walled areas) or inside areas carry their name in `barrier`
    within : column of the area that no grid may leave; ignored where `cells` has no such column

    Raises
    ------
    CrsError : the CRS is missing or in degrees
    GeometryError : a cell has no polygon
    """
    _check_cells(cells)
    geometry = cells.geometry.to_numpy()
    shared = segments.shared_borders(geometry)
    found = Adjacency(
        left=shared.left.astype(np.int32),
        right=shared.right.astype(np.int32),
        length_m=shared.length_m,
        barrier=np.full(len(shared), "", dtype=object),
        bridge=np.full(len(shared), "", dtype=object),
        is_link=np.zeros(len(shared), dtype=bool),
        area_m2=shapely.area(geometry),
        perimeter_m=shapely.length(geometry),
        is_exact=shared.is_exact,
    )
    lines = borders.BarrierLines.of(barriers)
    if lines is not None:
        code = borders.on_barriers(shared, lines)
        found = replace(found, barrier=lines.named(code))
    if connect_islands:
        links = _links_to_islands(geometry, found, codes_of(cells, within))
        found = found.with_links(links[:, 0], links[:, 1])
        if lines is not None and len(links):
            found = replace(found, barrier=_across(geometry, found, lines))
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


def codes_of(cells: gpd.GeoDataFrame, within: str | None) -> np.ndarray:
    """The number of each cell's area, -1 for a missing one; all 0 where the column is absent."""
    if within is None or within not in cells.columns:
        return np.zeros(len(cells), dtype=np.int64)
    return np.asarray(cells[within].factorize()[0], dtype=np.int64)


def _across(geometry: np.ndarray, found: Adjacency, lines: borders.BarrierLines) -> np.ndarray:
    """The barriers of all pairs; of a link the hardest one that its shortest line meets."""
    link = np.flatnonzero(found.is_link)
    ways = shapely.shortest_line(geometry[found.left[link]], geometry[found.right[link]])
    way, shape = shapely.STRtree(lines.shape).query(ways, predicate="intersects")
    code = np.full(len(link), -1, dtype=np.int64)
    np.maximum.at(code, way, lines.code[shape])
    barrier = found.barrier.copy()
    barrier[link] = lines.named(code)
    return barrier


def _links_to_islands(geometry: np.ndarray, found: Adjacency, areas: np.ndarray) -> np.ndarray:
    """Pairs of cells that join the parts of each area by the shortest ways (a spanning tree)."""
    n = found.n_cells
    is_inside = areas[found.left] == areas[found.right]
    part = connected_parts(found.left[is_inside], found.right[is_inside], n)
    first_part = np.full(int(areas.max()) + 2 if n else 1, -1, dtype=np.int64)
    first_part[areas[::-1]] = part[::-1]
    broken = np.unique(areas[part != first_part[areas]])
    links = [np.empty((0, 2), dtype=np.int64)]
    for area in broken:
        here = np.flatnonzero(areas == area)
        pairs = here[_likely_neighbours(geometry[here])]
        pairs = pairs[part[pairs[:, 0]] != part[pairs[:, 1]]]
        away_m = shapely.distance(geometry[pairs[:, 0]], geometry[pairs[:, 1]])
        links.append(pairs[_shortest_tree(part[pairs], away_m)])
    return np.concatenate(links)


def connected_parts(left: np.ndarray, right: np.ndarray, n: int) -> np.ndarray:
    """The connected part of each of n cells when only these pairs hang together."""
    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(n, n))
    part: np.ndarray = connected_components(graph.tocsr(), directed=False)[1]
    return part


def _likely_neighbours(geometry: np.ndarray) -> np.ndarray:
    """Pairs of positions that hold all together: all pairs of few, else by Delaunay's triangles."""
    n = len(geometry)
    if n <= ALL_PAIRS_UP_TO:
        return np.column_stack(np.triu_indices(n, 1))
    centre = shapely.get_coordinates(shapely.centroid(geometry))
    triangles = Delaunay(centre - centre.mean(axis=0), qhull_options="QJ").simplices
    pairs = np.sort(np.vstack([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]]))
    return np.unique(pairs, axis=0).astype(np.int64)


def _shortest_tree(ends: np.ndarray, length_m: np.ndarray) -> np.ndarray:
    """Positions of the edges of a minimum spanning tree (Kruskal 1956), shortest first."""
    _, node = np.unique(ends, return_inverse=True)
    node = node.reshape(-1, 2)
    root = np.arange(int(node.max()) + 1)
    chosen = []
    for edge in np.argsort(length_m, kind="stable"):
        one, other = root[node[edge]]
        if one != other:
            chosen.append(edge)
            root[root == one] = other
    return np.array(chosen, dtype=np.int64)

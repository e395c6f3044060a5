"""Bridges: the places where a grid may cross a barrier that is closed elsewhere."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import shapely

from geo.errors import CrsError, GeometryError
from geo.planning.contiguity import Adjacency, connected_parts

REACH_M = 50.0
"""A bridge's end, or a bridge known as a point, belongs to the ground no farther than this."""

LONGEST_GAP_M = 1000.0
"""A bridge known as a point joins banks no farther from each other than this."""


def link_bridges(
    adjacency: Adjacency, cells: gpd.GeoDataFrame, bridges: gpd.GeoDataFrame
) -> tuple[Adjacency, list[str]]:
    """The adjacency with each bridge's name on its pairs, and the bridges that lead nowhere.

    A line marks the pairs on a barrier whose border it crosses; where the cells at its two ends do
    not hang together below it, because nobody owns the water, they are linked. A point marks the
    pair on a barrier whose border is nearest within REACH_M; where there is none it links the
    nearest cell with that opposite. Names are taken from `name`, else `bridge`, else the row.

    Raises
    ------
    CrsError : not in the cells' CRS
    GeometryError : a bridge is neither point nor line
    """
    _check(cells, bridges)
    shape, row = shapely.get_parts(bridges.geometry.to_numpy(), return_index=True)
    names = _names(bridges)[row]
    is_line = shapely.get_type_id(shape) == 1
    geometry = cells.geometry.to_numpy()
    of_line, of_point = np.flatnonzero(is_line), np.flatnonzero(~is_line)
    line_marks, line_links = _under_lines(adjacency, geometry, shape[of_line])
    point_marks, point_links = _at_points(adjacency, geometry, shape[of_point])
    marks = np.vstack([_renumbered(line_marks, of_line), _renumbered(point_marks, of_point)])
    links = np.vstack([_renumbered(line_links, of_line), _renumbered(point_links, of_point)])
    bridge = adjacency.bridge.copy()
    bridge[marks[::-1, 1]] = names[marks[::-1, 0]]
    found = _with_named_links(replace(adjacency, bridge=bridge), links, names)
    led = set(names[np.r_[marks[:, 0], links[:, 0]]].tolist())
    return found, sorted(set(_names(bridges).tolist()) - led)


def _check(cells: gpd.GeoDataFrame, bridges: gpd.GeoDataFrame) -> None:
    if len(bridges) and bridges.crs != cells.crs:
        raise CrsError(
            "crs.different",
            f"all layers must use one CRS; got {cells.crs} and {bridges.crs}. "
            "Reproject one of them.",
            crs=str(cells.crs),
            other=str(bridges.crs),
        )
    shape = bridges.geometry.to_numpy()
    is_bad = ~np.isin(shapely.get_type_id(shape), (0, 1, 4, 5)) | shapely.is_empty(shape)
    if is_bad.any():
        names = _names(bridges)[is_bad][:3].tolist()
        raise GeometryError(
            "bridges.geometry",
            f"bridges must be points or lines; {int(is_bad.sum())} are not, first {names}. "
            "Draw them as lines from bank to bank.",
            count=int(is_bad.sum()),
            keys=names,
        )


def _names(bridges: gpd.GeoDataFrame) -> np.ndarray:
    names = np.array([str(row + 1) for row in range(len(bridges))], dtype=object)
    for column in ("bridge", "name"):
        if column in bridges.columns:
            named = bridges[column].astype("object")
            has_name = named.notna().to_numpy() & (named != "").to_numpy()
            names[has_name] = named[has_name].astype(str)
    return names


def _renumbered(rows: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Rows with another number in the first column."""
    return np.column_stack([number[rows[:, 0]], rows[:, 1:]])


def _with_named_links(found: Adjacency, links: np.ndarray, names: np.ndarray) -> Adjacency:
    """With a link for each (bridge, cell, cell), existing links named instead of doubled."""
    n = found.n_cells
    ends = np.sort(links[:, 1:], axis=1)
    key = ends[:, 0] * n + ends[:, 1]
    key, first = np.unique(key, return_index=True)
    present = found.left.astype(np.int64) * n + found.right
    is_new = ~np.isin(key, present)
    found = found.with_links(key[is_new] // max(n, 1), key[is_new] % max(n, 1))
    place = np.searchsorted(found.left.astype(np.int64) * n + found.right, key)
    bridge = found.bridge.copy()
    bridge[place] = names[links[first, 0]]
    return replace(found, bridge=bridge)


def _under_lines(
    adjacency: Adjacency, geometry: np.ndarray, lines: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rows (line, pair) of borders on barriers that lines cross, and (line, cell, cell) to link."""
    tree, n = shapely.STRtree(geometry), adjacency.n_cells
    cell = tree.query(lines, predicate="intersects")[1]
    is_under = np.zeros(n, dtype=bool)
    is_under[cell] = True
    pair = np.flatnonzero(is_under[adjacency.left] & is_under[adjacency.right])
    border = shapely.intersection(geometry[adjacency.left[pair]], geometry[adjacency.right[pair]])
    near_line, near = shapely.STRtree(border).query(lines, predicate="intersects")
    pair = pair[near]
    is_barrier = adjacency.crosses[pair]
    ends = np.column_stack([shapely.get_point(lines, 0), shapely.get_point(lines, -1)])
    cell_at = _nearest_cell(tree, ends.ravel(), REACH_M).reshape(-1, 2)
    has_both = np.flatnonzero((cell_at >= 0).all(axis=1))
    ends_of = has_both[:, None] * n + cell_at[has_both]
    sides = near_line[:, None] * n + np.column_stack([adjacency.left[pair], adjacency.right[pair]])
    used, node = np.unique(np.vstack([sides, ends_of]), return_inverse=True)
    node = node.reshape(-1, 2)
    touch = node[: len(sides)]
    part = connected_parts(touch[:, 0], touch[:, 1], len(used))
    is_apart = part[node[len(sides) :, 0]] != part[node[len(sides) :, 1]]
    apart = has_both[is_apart]
    return (
        np.column_stack([near_line, pair])[is_barrier],
        np.column_stack([apart, cell_at[apart]]),
    )


def _at_points(
    adjacency: Adjacency, geometry: np.ndarray, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rows (point, pair) of the nearest border on a barrier, and (point, cell, cell) to link."""
    tree, n = shapely.STRtree(geometry), adjacency.n_cells
    _, cell = tree.query(points, predicate="dwithin", distance=REACH_M)
    is_near = np.zeros(n, dtype=bool)
    is_near[cell] = True
    is_candidate = adjacency.crosses & ~adjacency.is_link
    is_candidate &= is_near[adjacency.left] & is_near[adjacency.right]
    pair = np.flatnonzero(is_candidate)
    border = shapely.intersection(geometry[adjacency.left[pair]], geometry[adjacency.right[pair]])
    point, near = shapely.STRtree(border).query_nearest(
        points, max_distance=REACH_M, all_matches=False
    )
    marks = np.column_stack([point, pair[near]])
    lone = np.setdiff1d(np.arange(len(points)), point)
    here = _nearest_cell(tree, points[lone], LONGEST_GAP_M / 2)
    lone, here = lone[here >= 0], here[here >= 0]
    bank = shapely.get_coordinates(
        shapely.get_point(shapely.shortest_line(points[lone], geometry[here]), 1)
    )
    mirrored = shapely.points(2 * shapely.get_coordinates(points[lone]) - bank)
    there = _nearest_cell(tree, mirrored, REACH_M)
    is_other = (there >= 0) & (there != here)
    return marks, np.column_stack([lone, here, there])[is_other]


def _nearest_cell(tree: shapely.STRtree, points: np.ndarray, reach_m: float) -> np.ndarray:
    """The nearest cell of each point within reach, -1 for none."""
    found = np.full(len(points), -1, dtype=np.int64)
    point, cell = tree.query_nearest(points, max_distance=reach_m, all_matches=False)
    found[point] = cell
    return found

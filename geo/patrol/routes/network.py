"""The walking network: street lines joined where they meet, walked both ways."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from geo.crs import check_metric
from geo.errors import ParameterError
from geo.patrol.routes.cutting import cut_lines

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

SNAP_M = 0.5
"""Ends of streets closer than this are one junction, metres: drawing inaccuracy, not a gap."""


@dataclass(frozen=True)
class WalkNetwork:
    """Edges between nodes, each walked both ways.

    `edges`: one row an edge, m rows, the columns of the lines they were cut from, `line` (position
    of that line), `length_m` and the geometry from `tail` to `head` (m,). `nodes` (n, 2) metres.
    The ways out of node v are `first[v]:first[v + 1]` of `neighbour` and `way_edge`.
    """

    edges: gpd.GeoDataFrame
    tail: Indices
    head: Indices
    length_m: Floats
    nodes: Floats
    first: Indices
    neighbour: Indices
    way_edge: Indices

    def part_of_node(self) -> Indices:
        """The connected part of the network each node is in, numbered from 0."""
        return parts_of(self, np.ones(len(self.tail), dtype=bool))


@dataclass(frozen=True)
class Attached:
    """A network with nodes for places; `node` and distance off the streets `off_m` of each."""

    network: WalkNetwork
    node: Indices
    off_m: Floats


def walk_network(lines: gpd.GeoDataFrame, *, snap_m: float = SNAP_M) -> WalkNetwork:
    """The network of streets or street pieces.

    Lines are joined where ends meet, where an end touches the middle of another line, and where
    they share a vertex. Lines that merely cross stay apart: one is a bridge. Lines without
    geometry or length are left out.

    Parameters
    ----------
    lines : lines with any columns, projected CRS in metres
    snap_m : ends closer than this are one node, metres, > 0

    Raises
    ------
    CrsError : the CRS is missing or in degrees
    ParameterError : `snap_m` is not finite and positive
    """
    check_metric(lines, "lines")
    if not 0 < snap_m < float("inf"):
        raise ParameterError(
            "parameter.not_positive",
            f"`snap_m` must be finite and above 0; got {snap_m}. Give it in metres.",
            name="snap_m",
            value=snap_m,
        )
    geometry = shapely.force_2d(lines.geometry.to_numpy())
    parts, line = shapely.get_parts(geometry, return_index=True)
    has_length = shapely.length(parts) > 0
    parts, line = parts[has_length], line[has_length]
    cut, along_m = _meetings(parts, snap_m)
    parts, owner = cut_lines(parts, cut, along_m)
    return _network(lines.drop(columns=lines.geometry.name), parts, line[owner], snap_m, lines.crs)


def attach(network: WalkNetwork, places: gpd.GeoSeries, *, snap_m: float = SNAP_M) -> Attached:
    """The network with a node at the point of the nearest street to each place.

    Of several nearest streets the first is taken. The distance from the place to it is `off_m`,
    walked straight. Edges are cut where a place stands by their middle, so that positions of edges
    change: their `line` stays that of `network`'s own, so masks follow by `edges["line"]`.

    Parameters
    ----------
    places : (k,) points or areas (taken by a point inside), CRS of the network

    Raises
    ------
    ParameterError : the network has no edges, or a place is empty
    """
    geometry = places.to_numpy()
    if shapely.is_missing(geometry).any() or shapely.is_empty(geometry).any():
        raise ParameterError(
            "routes.empty_place", "a place to walk to must have a point; one has none. Locate it."
        )
    points = shapely.point_on_surface(geometry)
    if not len(network.tail):
        raise ParameterError(
            "routes.no_streets", "a route needs streets; the network has none. Import streets."
        )
    lines = network.edges.geometry.to_numpy()
    tree = shapely.STRtree(lines)
    (place, edge), off_m = tree.query_nearest(points, return_distance=True)
    order = np.lexsort((edge, place))
    first = order[np.unique(place[order], return_index=True)[1]]
    edge, off_m = edge[first], off_m[first]
    at_m = shapely.line_locate_point(lines[edge], points)
    is_inside = (at_m > snap_m) & (at_m < shapely.length(lines[edge]) - snap_m)
    cut, along_m = _thinned(edge[is_inside], at_m[is_inside], snap_m)
    parts, owner = cut_lines(lines, cut, along_m)
    columns = network.edges.drop(columns=["geometry", "length_m", "line"])
    made = _network(columns, parts, owner, snap_m, network.edges.crs)
    feet = shapely.get_coordinates(shapely.line_interpolate_point(lines[edge], at_m))
    _, node = cKDTree(made.nodes).query(feet)
    return Attached(made, node.astype(np.int64), off_m)


def parts_of(network: WalkNetwork, is_used: npt.NDArray[np.bool_]) -> Indices:
    """The connected part of each node when only some edges are used, numbered from 0."""
    n = len(network.nodes)
    ends = (network.tail[is_used], network.head[is_used])
    joined = coo_array((np.ones(len(ends[0]), dtype=np.int8), ends), shape=(n, n))
    part: Indices = connected_components(joined, directed=False)[1].astype(np.int64)
    return part


def _meetings(parts: npt.NDArray[np.object_], snap_m: float) -> tuple[Indices, Floats]:
    """Where lines are to be cut: at ends of others, and at vertices that lines share."""
    xy, owner = shapely.get_coordinates(parts, return_index=True)
    is_end = np.ones(len(xy), dtype=bool)
    is_end[1:-1] = (owner[1:-1] != owner[:-2]) | (owner[1:-1] != owner[2:])
    _, place, count = np.unique(np.round(xy, 3), axis=0, return_inverse=True, return_counts=True)
    spots = np.unique(xy[is_end | (count[place.ravel()] > 1)], axis=0)
    point, line = shapely.STRtree(parts).query(
        shapely.points(spots), predicate="dwithin", distance=snap_m
    )
    along_m = shapely.line_locate_point(parts[line], shapely.points(spots[point]))
    is_inside = (along_m > snap_m) & (along_m < shapely.length(parts[line]) - snap_m)
    return _thinned(line[is_inside], along_m[is_inside], snap_m)


def _thinned(line: Indices, along_m: Floats, snap_m: float) -> tuple[Indices, Floats]:
    """The cuts in order, those left out that follow another on the same line within `snap_m`."""
    order = np.lexsort((along_m, line))
    line, along_m = line[order].astype(np.int64), along_m[order]
    is_kept = np.ones(len(line), dtype=bool)
    is_kept[1:] = (line[1:] != line[:-1]) | (np.diff(along_m) > snap_m)
    return line[is_kept], along_m[is_kept]


def _network(
    columns: gpd.GeoDataFrame,
    parts: npt.NDArray[np.object_],
    line: Indices,
    snap_m: float,
    crs: object,
) -> WalkNetwork:
    length_m = shapely.length(parts)
    rows = columns.iloc[line].reset_index(drop=True)
    rows = rows.assign(line=line, length_m=length_m)
    edges = gpd.GeoDataFrame(rows, geometry=parts, crs=crs)
    ends = np.concatenate(
        [
            shapely.get_coordinates(shapely.get_point(parts, 0)),
            shapely.get_coordinates(shapely.get_point(parts, -1)),
        ]
    ).reshape(-1, 2)
    nodes, node = _joined(ends, snap_m)
    tail, head = node[: len(parts)], node[len(parts) :]
    out = np.concatenate([tail, head])
    order = np.argsort(out, kind="stable")
    edge = np.arange(len(parts), dtype=np.int64)
    return WalkNetwork(
        edges=edges,
        tail=tail,
        head=head,
        length_m=length_m,
        nodes=nodes,
        first=np.searchsorted(out[order], np.arange(len(nodes) + 1)).astype(np.int64),
        neighbour=np.concatenate([head, tail])[order],
        way_edge=np.concatenate([edge, edge])[order],
    )


def _joined(ends: Floats, snap_m: float) -> tuple[Floats, Indices]:
    """Places of the nodes, and the node of each end; ends closer than `snap_m` are one."""
    if not len(ends):
        return np.zeros((0, 2)), np.zeros(0, dtype=np.int64)
    pairs = cKDTree(ends).query_pairs(snap_m, output_type="ndarray")
    close = coo_array(
        (np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(len(ends),) * 2
    )
    n_nodes, node = connected_components(close, directed=False)
    is_first = np.unique(node, return_index=True)[1]
    assert len(is_first) == n_nodes
    return ends[is_first], node.astype(np.int64)

"""Streets as a network: edges from junction to junction, cut into short pieces."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from geo.crs import check_metric
from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Bools, Floats, Indices, check_positive
from geo.patrol.pieces import cut_pieces

SNAP_M = 0.01
"""Vertices closer than this are one, metres: a centimetre, the rounding of most files."""


@dataclass(frozen=True)
class StreetNetwork:
    """Edges between nodes, and their pieces in order along each edge.

    `ends` (edges, 2): node at the start and at the end; `length_m` (edges,); `street` (edges,):
    row of the street that it is part of; `first_piece` (edges + 1,): where the pieces of each edge
    begin; `starts_m` (pieces,): distance of each piece's start along its edge. `arms` lists at
    each node, from `first_arm[node]`, the edges that leave it: 2 * edge from its start, 2 * edge +
    1 from its end.
    """

    lines: npt.NDArray[np.object_]
    ends: Indices
    length_m: Floats
    street: Indices
    first_arm: Indices
    arms: Indices
    pieces: npt.NDArray[np.object_]
    piece_length_m: Floats
    first_piece: Indices
    starts_m: Floats


def street_network(streets: gpd.GeoDataFrame, *, piece_m: float) -> StreetNetwork:
    """The network of the streets: joined where they share a vertex, cut into pieces.

    Lines that cross without a common vertex (a bridge) are not joined. Parts without length are
    left out.

    Parameters
    ----------
    streets : lines, projected CRS in metres
    piece_m : longest piece, metres, > 0

    Raises
    ------
    CrsError : the CRS is missing or in degrees
    ParameterError : the length is not finite and positive, or there is no street
    """
    check_metric(streets, "streets")
    check_positive(piece_m=piece_m)
    lines, street, ends = _edges(streets)
    if not len(lines):
        raise ParameterError(
            "hotspots.no_streets", "a density along streets needs streets; got none with a length"
        )
    names = [str(k) for k in range(len(lines))]
    frame = gpd.GeoDataFrame({"street": names}, geometry=lines, crs=streets.crs)
    cut = cut_pieces(frame, max_length_m=piece_m)
    edge = cut["street"].to_numpy(dtype=object).astype(np.int64)
    length = cut["length_m"].to_numpy(dtype=np.float64)
    first = np.searchsorted(edge, np.arange(len(lines) + 1))
    along = np.cumsum(length) - length
    order = np.argsort(ends.ravel(), kind="stable")
    n_nodes = int(ends.max()) + 1
    return StreetNetwork(
        lines=lines,
        ends=ends,
        length_m=np.bincount(edge, weights=length, minlength=len(lines)).astype(np.float64),
        street=street,
        first_arm=np.searchsorted(ends.ravel()[order], np.arange(n_nodes + 1)),
        arms=order,
        pieces=cut.geometry.to_numpy(),
        piece_length_m=length,
        first_piece=first,
        starts_m=along - along[first[edge]],
    )


def _edges(streets: gpd.GeoDataFrame) -> tuple[npt.NDArray[np.object_], Indices, Indices]:
    """Lines from junction to junction, the street of each, and the nodes at their ends."""
    parts, street = shapely.get_parts(streets.geometry.array, return_index=True)
    is_line = shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING
    parts, street = parts[is_line], street[is_line]
    xy, line = shapely.get_coordinates(parts, return_index=True)
    place = _places(xy)
    is_kept = np.append(True, (line[1:] != line[:-1]) | (place[1:] != place[:-1]))
    xy, line, place = xy[is_kept[: len(xy)]], line[is_kept[: len(xy)]], place[is_kept[: len(xy)]]
    is_first, is_last = _ends(line)
    is_junction = is_first | is_last | (np.bincount(place)[place] > 1)
    # An inner junction stands twice: as the end of one edge and the start of the next.
    times = 1 + (is_junction & ~is_first & ~is_last)
    row = np.repeat(np.arange(len(xy)), times)
    is_copy = np.append(False, row[1:] == row[:-1])
    edge = np.cumsum(is_copy[: len(row)] | is_first[row]) - 1
    is_long = np.bincount(edge, minlength=1)[edge] > 1 if len(edge) else np.zeros(0, dtype=bool)
    row, edge = row[is_long], edge[is_long]
    if not len(row):
        return np.zeros(0, dtype=object), np.zeros(0, dtype=np.int64), np.zeros((0, 2), np.int64)
    starts, stops = (np.flatnonzero(mask) for mask in _ends(edge))
    _, edge = np.unique(edge, return_inverse=True)
    lines = shapely.linestrings(xy[row], indices=edge)
    _, node = np.unique(place[row[np.column_stack([starts, stops])]], return_inverse=True)
    return lines, street[line[row[starts]]], node.reshape(-1, 2).astype(np.int64)


def _places(xy: Floats) -> Indices:
    """One number for each place: coordinates rounded to `SNAP_M`."""
    _, place = np.unique(np.rint(xy / SNAP_M), axis=0, return_inverse=True)
    return place.reshape(-1).astype(np.int64)


def _ends(group: Indices) -> tuple[Bools, Bools]:
    """Whether each item is the first, and the last, of its run."""
    changes = group[1:] != group[:-1]
    is_first, is_last = np.ones(len(group), dtype=bool), np.ones(len(group), dtype=bool)
    is_first[1:], is_last[:-1] = changes, changes
    return is_first, is_last

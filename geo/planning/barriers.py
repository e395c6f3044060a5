"""Barriers that no grid may cross, except over bridges and where nothing else is possible."""

from __future__ import annotations

import heapq
from collections.abc import Collection
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.errors import ParameterError
from geo.planning import bridges as planning_bridges
from geo.planning.borders import RANKS, barrier_names, barrier_rank
from geo.planning.contiguity import Adjacency, codes_of, connected_parts
from geo.planning.segments import SHORTEST_BORDER_M

NO_LOAD, TOO_LIGHT = "no_load", "too_light"
"""Why a piece was joined back: nobody lives there, or fewer than a grid must have."""


def close_barriers(
    adjacency: Adjacency,
    cells: gpd.GeoDataFrame,
    *,
    load: np.ndarray,
    classes: Collection[str],
    least_load: float,
    within: str | None = "community",
    bridges: gpd.GeoDataFrame | None = None,
) -> tuple[Adjacency, pd.DataFrame]:
    """The adjacency without the pairs that cross barriers, and the crossings nobody can avoid.

    Pairs whose `barrier` is of the chosen classes go, except where a bridge leads over. Where that
    cuts off a piece of an area with less load than a grid must have, the piece is joined back: the
    lightest first, over the lowest barrier (see `borders.RANKS`) and of these the longest shared
    border, all pairs of that border; until every piece can hold a grid or nothing is left to join.

    Parameters
    ----------
    load : of each cell
    classes : names of barriers as in `Adjacency.barrier` (road/primary), or a kind (water), or a
        class of any kind (primary)
    least_load : what a grid must have at least, target * (1 - tolerance)
    within : column of the area that no grid may leave; ignored where `cells` has no such column
    bridges : points or lines, see `bridges.link_bridges`

    Returns
    -------
    the adjacency, and a frame of the pairs that stay though they cross: `left`, `right` (rows of
    cells), `length_m`, `barrier`, `piece` (which piece is joined over it, numbered from 0 in the
    order of joining), `load` (of that piece), `reason` (NO_LOAD or TOO_LIGHT)
    """
    if bridges is not None:
        adjacency, _ = planning_bridges.link_bridges(adjacency, cells, bridges)
    area = codes_of(cells, within)
    is_closed = is_of_class(adjacency.barrier, classes) & (adjacency.bridge == "")
    is_inside = area[adjacency.left] == area[adjacency.right]
    is_open = is_inside & ~is_closed
    n_cells = adjacency.n_cells
    piece = connected_parts(adjacency.left[is_open], adjacency.right[is_open], n_cells)
    joins = _Pieces.of(adjacency, piece, load, np.flatnonzero(is_closed & is_inside)).join_light(
        least_load
    )
    unavoidable = _crossings(adjacency, joins)
    is_kept = ~is_closed
    is_kept[unavoidable.index] = True
    return adjacency.take(is_kept), unavoidable.reset_index(drop=True)


def is_of_class(names: np.ndarray, classes: Collection[str]) -> np.ndarray:
    """Mask of the barriers' names that a collection of names, kinds and classes means."""
    used, position = np.unique(names.astype(str), return_inverse=True)
    wanted = set(classes)
    is_wanted = [bool(name) and bool(wanted & {name, *name.split("/", 1)}) for name in used]
    found: np.ndarray = np.array(is_wanted, dtype=bool)[position]
    return found


def check_classes(barriers: gpd.GeoDataFrame, classes: Collection[str]) -> None:
    """Raise where a class is neither in the layer nor known at all: it would close nothing.

    Raises
    ------
    ParameterError : with the unknown classes and those that the layer has
    """
    present = sorted(set(barrier_names(barriers).tolist()))
    known = {part for name in (*present, *RANKS) for part in (name, *name.split("/", 1))}
    unknown = sorted(set(classes) - known)
    if unknown:
        raise ParameterError(
            "barriers.unknown_class",
            f"classes must be kinds or classes of barriers; got {unknown}. "
            f"The layer has {present[:20]}.",
            classes=unknown,
            known=present[:20],
        )


def sides(cells: gpd.GeoDataFrame, adjacency: Adjacency) -> pd.DataFrame:
    """The sides of every cell: `cell`, `neighbour`, `length_m`, `barrier`, by cell and neighbour.

    Both directions of a pair; links have no side. What of a cell's perimeter nobody shares is one
    row with a null neighbour: the outline, whose barriers an adjacency does not know.

    Parameters
    ----------
    cells : with `cell`, those of the adjacency
    """
    is_border = ~adjacency.is_link
    left, right = adjacency.left[is_border], adjacency.right[is_border]
    length_m, barrier = adjacency.length_m[is_border], adjacency.barrier[is_border]
    shared_m = np.bincount(
        np.r_[left, right], np.r_[length_m, length_m], minlength=adjacency.n_cells
    )
    outer_m = adjacency.perimeter_m - shared_m
    outer = np.flatnonzero(outer_m > SHORTEST_BORDER_M)
    one = np.r_[left, right, outer]
    other = np.r_[right, left, np.full(len(outer), -1, dtype=left.dtype)]
    keys = cells["cell"].to_numpy(dtype=object)
    found = pd.DataFrame(
        {
            "cell": pd.array(keys[one], dtype="str"),
            "neighbour": pd.array(np.where(other >= 0, keys[other], None), dtype="str"),
            "length_m": np.r_[length_m, length_m, outer_m[outer]],
            "barrier": pd.array(
                np.r_[barrier, barrier, np.full(len(outer), "", dtype=object)], dtype="str"
            ),
        }
    )
    return found.iloc[np.lexsort((np.where(other >= 0, other, len(keys)), one))].reset_index(
        drop=True
    )


@dataclass
class _Pieces:
    """Ground between closed barriers, and the closed pairs that could join it again.

    `one`, `other`: pieces of each closed pair; `pairs_of`: closed pairs of each piece; `root`: the
    piece that each piece has become part of.
    """

    pair: np.ndarray
    one: np.ndarray
    other: np.ndarray
    rank: np.ndarray
    length_m: np.ndarray
    load: np.ndarray
    root: np.ndarray
    pairs_of: list[list[int]]

    @staticmethod
    def of(adjacency: Adjacency, piece: np.ndarray, load: np.ndarray, pair: np.ndarray) -> _Pieces:
        one, other = piece[adjacency.left[pair]], piece[adjacency.right[pair]]
        is_between = one != other
        pair, one, other = pair[is_between], one[is_between], other[is_between]
        n = int(piece.max()) + 1 if len(piece) else 0
        both, row = np.r_[one, other], np.tile(np.arange(len(pair)), 2)
        order = np.argsort(both, kind="stable")
        ends = np.cumsum(np.bincount(both, minlength=n))
        return _Pieces(
            pair=pair,
            one=one,
            other=other,
            rank=barrier_rank(adjacency.barrier[pair]),
            length_m=adjacency.length_m[pair],
            load=np.bincount(piece, load, minlength=n),
            root=np.arange(n),
            pairs_of=[rows.tolist() for rows in np.split(row[order], ends[:-1])] if n else [],
        )

    def join_light(self, least_load: float) -> list[tuple[float, np.ndarray]]:
        """The load of each piece that had to be joined, and the pairs it was joined over."""
        queue = [(load, piece) for piece, load in enumerate(self.load) if load < least_load]
        heapq.heapify(queue)
        joins = []
        while queue:
            load, piece = heapq.heappop(queue)
            if self.root[piece] != piece or self.load[piece] != load:
                continue
            rows = self._cheapest_border(piece)
            if len(rows) == 0:
                continue
            joins.append((float(load), self.pair[rows]))
            ends = {int(self.root[self.one[rows[0]]]), int(self.root[self.other[rows[0]]])}
            into = next(iter(ends - {piece}))
            self.root[self.root == piece] = into
            self.load[into] += load
            self.pairs_of[into] += self.pairs_of[piece]
            if self.load[into] < least_load:
                heapq.heappush(queue, (self.load[into], into))
        return joins

    def _cheapest_border(self, piece: int) -> np.ndarray:
        """The closed pairs of the border over which joining a piece costs least."""
        rows: np.ndarray = np.unique(np.array(self.pairs_of[piece], dtype=np.int64))
        one, other = self.root[self.one[rows]], self.root[self.other[rows]]
        rows = rows[one != other]
        if len(rows) == 0:
            return rows
        beyond = np.where(one == piece, other, one)[one != other]
        border = np.stack([beyond, self.rank[rows]], axis=1)
        keys, place = np.unique(border, axis=0, return_inverse=True)
        total_m = np.bincount(place.ravel(), self.length_m[rows])
        best = np.lexsort((keys[:, 0], -total_m, keys[:, 1]))[0]
        cheapest: np.ndarray = rows[place.ravel() == best]
        return cheapest


def _crossings(adjacency: Adjacency, joins: list[tuple[float, np.ndarray]]) -> pd.DataFrame:
    """One row a pair that stays open, by the pair's position."""
    pairs = np.concatenate([np.empty(0, dtype=np.int64), *(pairs for _, pairs in joins)])
    size = [len(pairs) for _, pairs in joins]
    load = np.repeat([load for load, _ in joins], size)
    return pd.DataFrame(
        {
            "left": adjacency.left[pairs],
            "right": adjacency.right[pairs],
            "length_m": adjacency.length_m[pairs],
            "barrier": pd.array(adjacency.barrier[pairs], dtype="str"),
            "piece": np.repeat(np.arange(len(joins)), size),
            "load": load,
            "reason": pd.array(np.where(load > 0, TOO_LIGHT, NO_LOAD), dtype="str"),
        },
        index=pairs,
    )

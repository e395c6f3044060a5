"""The planning graph: what the search works on, as flat arrays."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo.planning.contiguity import Adjacency


@dataclass(frozen=True)
class Graph:
    """Units (one or several cells that stay together) and which of them touch.

    `indptr`, `indices`, `length_m`: neighbours in compressed rows; `barrier_m`: how much of the
    shared border lies on a barrier. `load`, `area_m2`,
    `perimeter_m`, `place` (x, y): one entry a unit. `part`: connected part of each unit, parts
    never sharing a grid. `unit_of_cell`: the unit of each cell.
    """

    indptr: np.ndarray
    indices: np.ndarray
    length_m: np.ndarray
    barrier_m: np.ndarray
    load: np.ndarray
    area_m2: np.ndarray
    perimeter_m: np.ndarray
    place: np.ndarray
    part: np.ndarray
    unit_of_cell: np.ndarray

    @property
    def n_units(self) -> int:
        return len(self.load)

    @property
    def n_parts(self) -> int:
        return int(self.part.max()) + 1 if len(self.part) else 0

    def edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Each pair of neighbours twice, in row order."""
        return np.repeat(np.arange(self.n_units), np.diff(self.indptr)), self.indices

    def part_of(self, units: np.ndarray) -> Graph:
        """The graph of these units alone, in their order.

        Cells of other units have the unit -1; parts are numbered anew but not taken apart.
        """
        place = np.full(self.n_units, -1, dtype=np.int64)
        place[units] = np.arange(len(units))
        one, other = self.edges()
        kept = np.flatnonzero((place[one] >= 0) & (place[other] >= 0))
        kept = kept[np.argsort(place[one[kept]], kind="stable")]
        count = np.bincount(place[one[kept]], minlength=len(units))
        return Graph(
            indptr=np.r_[0, np.cumsum(count)].astype(np.int64),
            indices=place[other[kept]],
            length_m=self.length_m[kept],
            barrier_m=self.barrier_m[kept],
            load=self.load[units],
            area_m2=self.area_m2[units],
            perimeter_m=self.perimeter_m[units],
            place=self.place[units],
            part=np.unique(self.part[units], return_inverse=True)[1].astype(np.int64),
            unit_of_cell=np.where(self.unit_of_cell < 0, -1, place[self.unit_of_cell]),
        )

    def reordered(self, order: np.ndarray) -> Graph:
        """The same graph with unit `order[i]` as unit i."""
        place_of = np.empty_like(order)
        place_of[order] = np.arange(len(order))
        count = np.diff(self.indptr)[order]
        indptr = np.r_[0, np.cumsum(count)]
        edge = np.repeat(self.indptr[order] - indptr[:-1], count) + np.arange(indptr[-1])
        return Graph(
            indptr=indptr,
            indices=place_of[self.indices[edge]],
            length_m=self.length_m[edge],
            barrier_m=self.barrier_m[edge],
            load=self.load[order],
            area_m2=self.area_m2[order],
            perimeter_m=self.perimeter_m[order],
            place=self.place[order],
            part=self.part[order],
            unit_of_cell=place_of[self.unit_of_cell],
        )


def build(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    load: np.ndarray,
    *,
    area: np.ndarray,
    unit: np.ndarray | None = None,
) -> Graph:
    """The graph of the units, without the edges between different areas.

    Parameters
    ----------
    load : of each cell
    area : number of the area (community) of each cell
    unit : number of the unit of each cell, 0 to n - 1; by default every cell is one
    """
    n_cells = adjacency.n_cells
    unit = np.arange(n_cells) if unit is None else unit
    n = int(unit.max()) + 1 if n_cells else 0
    left, right = unit[adjacency.left], unit[adjacency.right]
    is_within = left == right
    is_edge = (area[adjacency.left] == area[adjacency.right]) & ~is_within
    perimeter_m = np.bincount(unit, adjacency.perimeter_m, minlength=n)
    perimeter_m -= 2 * np.bincount(left[is_within], adjacency.length_m[is_within], minlength=n)
    one = np.r_[left[is_edge], right[is_edge]].astype(np.int64)
    other = np.r_[right[is_edge], left[is_edge]].astype(np.int64)
    keys, inverse = np.unique(one * max(n, 1) + other, return_inverse=True)
    border_m = adjacency.length_m[is_edge]
    length_m = np.bincount(inverse, np.tile(border_m, 2), minlength=len(keys))
    on_barrier_m = np.where(adjacency.crosses[is_edge], border_m, 0.0)
    indptr = np.zeros(n + 1, dtype=np.int64)
    indptr[1:] = np.cumsum(np.bincount(keys // max(n, 1), minlength=n))
    indices = keys % max(n, 1)
    area_m2 = np.bincount(unit, adjacency.area_m2, minlength=n)
    centre = shapely.get_coordinates(shapely.centroid(cells.geometry.to_numpy()))
    place = (
        np.column_stack(
            [np.bincount(unit, centre[:, axis] * adjacency.area_m2, minlength=n) for axis in (0, 1)]
        )
        / np.maximum(area_m2, 1e-12)[:, None]
    )
    links = coo_array((np.ones(len(keys)), (keys // max(n, 1), indices)), shape=(n, n))
    part = connected_components(links.tocsr(), directed=False)[1] if n else np.empty(0, np.int64)
    return Graph(
        indptr=indptr,
        indices=indices,
        length_m=length_m,
        barrier_m=np.bincount(inverse, np.tile(on_barrier_m, 2), minlength=len(keys)),
        load=np.bincount(unit, load, minlength=n),
        area_m2=area_m2,
        perimeter_m=perimeter_m,
        place=place,
        part=part.astype(np.int64),
        unit_of_cell=unit,
    )

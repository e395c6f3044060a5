"""A raster of labels over the grids of one plan: exact attribution of millions of points.

Cells of the raster that lie wholly in one grid are answered by look-up; in the others the few
edges in the cell decide, exactly (`geo.incidents.label_kernels`). The answers are those of
`geo.incidents.locating.locate`, always: the rare points on the town's outline are handed to it.
"""

from __future__ import annotations

import math
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.errors import ConflictError, GeometryError, ParameterError, SchemaError
from geo.incidents import label_building as building
from geo.incidents.coverage import (
    check_gaps,
    check_overlaps,
    check_polygonal,
    check_valid,
    gaps_between,
)
from geo.incidents.label_kernels import UNSURE, hold, look_up
from geo.incidents.locating import locate
from geo.incidents.predicates import Floats, Indices, Labels
from geo.incidents.rings import Rings, rings_of

_VERSION = 1
"""Of the file's layout; another one is refused."""

_CELLS_PER_EDGE = 16.0
_LEAST_CELLS, _MOST_CELLS = 2.0**20, 2.0**24
"""Raster size: 4 MB for small plans, 64 MB at most; measured on plans of 500 to 50,000 grids, one
cell in 20 to one in 7 is then a border cell, with 1 to 2 edges."""

_EDGES_A_HOME = 8.0
"""Edges of all polygons sorted into a place together, to find those that come twice."""

_POINTS_AT_ONCE = 2**18
"""Points whose coordinates are copied at a time, 4 MB."""

_MARGIN = 2
"""Cells around the polygons' bounds: rounding may put an edge into the first, never the second."""

_ARRAYS = ("frame", "raster", "first", "base", "entries", "edges", "sides")


@dataclass(frozen=True, eq=False)
class LabelIndex:
    """Labels of the ground of m polygons; make it with `build`, ask it with `locate`.

    frame : (6,) west, south, cells per unit east and north, cell width and height
    raster : (rows, cols) int32, row 0 south: 0 for no polygon, position + 1, or -1 - k for the
        k-th border cell
    first, base : where each border cell's entries begin (k + 1), its reference point's label (k)
    entries : int32 edge, -1 - edge where the reference point lies right of it
    edges, sides : (e, 4) float64 x0, y0, x1, y1 rising, each once; (e, 2) labels left and right
    polygons, codes : the m geometries and their codes
    """

    frame: Floats
    raster: Labels
    first: Labels
    base: Labels
    entries: Labels
    edges: Floats
    sides: Labels
    polygons: npt.NDArray[np.object_]
    codes: pd.Series

    @classmethod
    def build(cls, grids: gpd.GeoDataFrame, *, gaps: str = "refuse") -> LabelIndex:
        """The index of a plan's grids; overlaps are found here, and gaps too.

        Overlaps and gaps no wider than the rounding of the coordinates (a corner on a neighbour's
        border, `locating.rounding_of`) are none.

        Parameters
        ----------
        grids : polygons or multipolygons with `grid` (code); missing and empty ones hold nothing
        gaps : "refuse" or "allow" holes between the grids that no grid fills

        Raises
        ------
        GeometryError : grids overlap, leave gaps (unless allowed), are invalid or no polygons
        ParameterError : another word for `gaps`
        """
        if gaps not in {"refuse", "allow"}:
            raise ParameterError(
                "attribution.gaps_option",
                f"`gaps` must be refuse or allow; got {gaps!r}.",
                value=gaps,
            )
        polygons = np.asarray(grids.geometry.array, dtype=object)
        codes = grids["grid"].reset_index(drop=True)
        check_polygonal(polygons, codes)
        rings = rings_of(polygons)
        turns, bounds = _turns_of(rings, polygons, codes)
        index, contacts = _index_of(rings, turns, bounds, polygons, codes)
        check_overlaps(
            polygons,
            codes,
            edges=index.edges,
            sides=index.sides,
            contacts=contacts,
            count=index.n_holding,
        )
        if gaps == "refuse":
            holes = gaps_between(
                polygons,
                edges=index.edges,
                sides=index.sides,
                is_noded=len(contacts) == 0,
                count=index.n_holding,
            )
            check_gaps(polygons, codes, holes)
        return index

    @property
    def nbytes(self) -> int:
        """Memory of the arrays, bytes; the polygons are the caller's."""
        return int(sum(getattr(self, name).nbytes for name in _ARRAYS))

    def locate(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Indices:
        """Position of the polygon that each point belongs to by the half-open rule; -1 for none.

        Parameters
        ----------
        x, y : (n,) coordinates in the grids' CRS; what is not finite belongs nowhere
        """
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        found = np.empty(len(x), dtype=np.int64)
        arrays = (self.raster, self.frame, self.first, self.base)
        for start in range(0, len(x), _POINTS_AT_ONCE):
            block = slice(start, start + _POINTS_AT_ONCE)
            block_x, block_y = np.ascontiguousarray(x[block]), np.ascontiguousarray(y[block])
            mine = found[block]
            if look_up(block_x, block_y, *arrays, self.entries, self.edges, self.sides, mine):
                unsure = np.flatnonzero(mine == UNSURE)
                points = shapely.points(block_x[unsure], block_y[unsure])
                mine[unsure] = locate(points, self.polygons, codes=self.codes)
        return found

    def locate_points(self, points: npt.ArrayLike) -> Indices:
        """As `locate`, for n Shapely points; missing and empty ones belong nowhere."""
        points = np.asarray(points, dtype=object)
        found = np.empty(len(points), dtype=np.int64)
        for start in range(0, len(points), _POINTS_AT_ONCE):
            block = slice(start, start + _POINTS_AT_ONCE)
            found[block] = self.locate(shapely.get_x(points[block]), shapely.get_y(points[block]))
        return found

    def n_holding(self, x: Floats, y: Floats) -> Indices:
        """(n,) number of polygons that hold the ground just east of each point."""
        label = np.empty(len(x), dtype=np.int64)
        arrays = (self.raster, self.frame, self.first, self.base)
        number: Indices = hold(x, y, *arrays, self.entries, self.edges, self.sides, label)
        return number

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the index as .npz, with a fingerprint of the polygons it answers for."""
        mark = rings_of(self.polygons).fingerprint()
        with Path(path).open("wb") as file:
            np.savez(
                file,
                version=np.array(_VERSION),
                fingerprint=np.array(mark),
                **{name: getattr(self, name) for name in _ARRAYS},
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str], grids: gpd.GeoDataFrame) -> LabelIndex:
        """The index saved at the path, for the same grids in the same order.

        Raises
        ------
        SchemaError : the file is no label index, or one of another version, or damaged
        ConflictError : it was built from other geometry; build it anew
        """
        arrays, mark = _read(Path(path))
        polygons = np.asarray(grids.geometry.array, dtype=object)
        if rings_of(polygons).fingerprint() != mark:
            raise ConflictError(
                "attribution.index_stale",
                f"the label index {Path(path).name} was built from other grids than these. "
                "Build it anew with `LabelIndex.build`.",
                name=Path(path).name,
            )
        return cls(**arrays, polygons=polygons, codes=grids["grid"].reset_index(drop=True))


def _turns_of(
    rings: Rings, polygons: npt.NDArray[np.object_], codes: pd.Series
) -> tuple[npt.NDArray[np.int8], Floats]:
    """Each ring's direction (1 anticlockwise, -1 clockwise), and the bounds of all."""
    turns = np.zeros(len(rings.first) - 1, dtype=np.int8)
    bounds = np.array([np.inf, np.inf, -np.inf, -np.inf])
    is_usable = building.ring_turns(rings.xy, rings.first, turns, bounds) and bool(turns.all())
    if not is_usable:
        check_valid(polygons, codes, among=np.arange(len(polygons)))
        raise GeometryError(
            "attribution.coordinates_too_large",
            "grids' coordinates must be below 1e150 in size. Use a projected CRS in metres.",
        )
    return turns, bounds


def _index_of(
    rings: Rings,
    turns: npt.NDArray[np.int8],
    bounds: Floats,
    polygons: npt.NDArray[np.object_],
    codes: pd.Series,
) -> tuple[LabelIndex, Labels]:
    """The index, and the pairs of edges that meet elsewhere than at an end of both."""
    label = ((rings.polygon + 1) * np.where(rings.is_hole, -turns, turns)).astype(np.int32)
    n_cells = min(max(_CELLS_PER_EDGE * len(rings.xy), _LEAST_CELLS), _MOST_CELLS)
    frame, n_rows, n_cols = _frame_over(bounds, n_cells=n_cells)
    edges, sides = _edges_of(rings, label, bounds)
    raster = np.zeros(n_rows * n_cols, dtype=np.int32)
    entries = np.empty(building.count_entries(edges, frame, n_cols, raster), dtype=np.int32)
    first = np.zeros(int(np.count_nonzero(raster)) + 1, dtype=np.int32)
    building.place_entries(edges, frame, n_cols, raster, first, entries)
    contacts = _contacts(first, entries, edges)
    base = np.zeros(len(first) - 1, dtype=np.int32)
    cells = raster.reshape(n_rows, n_cols)
    building.fill(cells, frame, first, base, entries, edges, sides)
    return LabelIndex(frame, cells, first, base, entries, edges, sides, polygons, codes), contacts


def _edges_of(rings: Rings, label: Labels, bounds: Floats) -> tuple[Floats, Labels]:
    """Each edge once, rising, (e, 4), and the labels left and right of it, (e, 2)."""
    frame, n_rows, n_cols = _frame_over(bounds, n_cells=len(rings.xy) / _EDGES_A_HOME + 1)
    start = np.zeros(n_rows * n_cols + 2, dtype=np.int32)
    home = np.empty(len(rings.xy), dtype=np.int32)
    n_edges = building.count_homes(rings.xy, rings.first, frame, n_cols, home, start)
    edges, side = np.empty((n_edges, 4)), np.empty(n_edges, dtype=np.int32)
    building.sort_by_home(rings.xy, rings.first, label, home, start, edges, side)
    sides = np.empty((n_edges, 2), dtype=np.int32)
    n_edges = building.join_edges(start, edges, side, sides)
    return edges[:n_edges], sides[:n_edges]


def _frame_over(bounds: Floats, *, n_cells: float) -> tuple[Floats, int, int]:
    """Frame, rows and columns of the raster: the polygons' bounds and a margin."""
    if not np.isfinite(bounds).all():  # no polygons at all
        return np.array([0.0, 0.0, 1.0, 1.0, 1.0, 1.0]), 1, 1
    wide, high = bounds[2] - bounds[0], bounds[3] - bounds[1]
    side = math.sqrt(wide * high / n_cells)
    n_cols, n_rows = math.ceil(min(wide / side, n_cells)), math.ceil(min(high / side, n_cells))
    width, height = wide / n_cols, high / n_rows
    west, south = bounds[0] - _MARGIN * width, bounds[1] - _MARGIN * height
    frame = np.array([west, south, 1 / width, 1 / height, width, height])
    return frame, n_rows + 2 * _MARGIN, n_cols + 2 * _MARGIN


def _contacts(first: Labels, entries: Labels, edges: Floats) -> Labels:
    pairs = np.empty((1024, 2), dtype=np.int32)
    n_pairs = building.find_contacts(first, entries, edges, pairs)
    if n_pairs > len(pairs):
        pairs = np.empty((n_pairs, 2), dtype=np.int32)
        building.find_contacts(first, entries, edges, pairs)
    low, high = pairs[:n_pairs].min(axis=1), pairs[:n_pairs].max(axis=1)
    keys = np.unique(low * np.int64(len(edges)) + high)
    return np.stack(np.divmod(keys, max(len(edges), 1)), axis=1).astype(np.int32)


def _read(path: Path) -> tuple[dict[str, npt.NDArray[Any]], str]:
    """The arrays of a saved index, found sound, and its fingerprint."""
    try:
        with np.load(path, allow_pickle=False) as saved:
            kept = {name: saved[name] for name in ("version", "fingerprint", *_ARRAYS)}
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError) as fault:
        raise _foreign(path) from fault
    arrays = {name: kept[name] for name in _ARRAYS}
    if int(kept["version"]) != _VERSION or not _is_sound(arrays):
        raise _foreign(path)
    return arrays, str(kept["fingerprint"])


def _is_sound(arrays: dict[str, npt.NDArray[Any]]) -> bool:
    """Whether every number in the arrays points at something that is there."""
    raster, first, entries = arrays["raster"], arrays["first"], arrays["entries"]
    edge = np.where(entries < 0, -1 - entries, entries)
    n_borders, n_edges = len(first) - 1, len(arrays["edges"])
    return bool(
        raster.min(initial=0) >= -n_borders
        and len(arrays["base"]) == n_borders
        and len(arrays["sides"]) == n_edges
        and (first[0], first[-1]) == (0, len(entries))
        and (np.diff(first) >= 0).all()
        and edge.max(initial=-1) < n_edges
    )


def _foreign(path: Path) -> SchemaError:
    return SchemaError(
        "attribution.index_foreign",
        f"{path.name} is no label index of this version. Build it anew with `LabelIndex.build`.",
        name=path.name,
    )

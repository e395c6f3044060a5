"""Square cells over a ground: the raster that every hotspot method counts on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from geo.errors import ParameterError

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MAX_CELLS = 25_000_000
"""Largest raster, cells: 200 MB of values; more is a mistaken cell size or a stray point."""


@dataclass(frozen=True)
class Lattice:
    """Square cells, row 0 in the north; a cell's index is row * n_cols + col.

    Edges lie at whole multiples of the cell side over the whole CRS, so that the same ground has
    the same cell code on every lattice of that side. A cell owns its west and south edges: a
    point on an edge belongs to the cell east or north of it.

    `ground_share` (rows, cols): share of each cell's area that lies in the ground, 0 to 1.
    """

    west_m: float
    north_m: float
    cell_size_m: float
    ground_share: Floats
    crs: Any

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, cols = self.ground_share.shape
        return rows, cols

    @property
    def n_cells(self) -> int:
        """Cells of the raster, in and out of the ground."""
        return int(self.ground_share.size)

    @property
    def is_inside(self) -> Bools:
        """(rows, cols): whether some of the cell lies in the ground."""
        inside: Bools = self.ground_share > 0
        return inside

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """Affine coefficients a, b, c, d, e, f: x = a col + b row + c, y = d col + e row + f."""
        return (self.cell_size_m, 0.0, self.west_m, 0.0, -self.cell_size_m, self.north_m)

    def cell_of(self, x: Floats, y: Floats) -> Indices:
        """(n,) index of the cell that holds each point; -1 off the raster or not finite."""
        rows, cols = self.shape
        with np.errstate(invalid="ignore"):
            col = np.floor(x / self.cell_size_m) - round(self.west_m / self.cell_size_m)
            row = round(self.north_m / self.cell_size_m) - 1 - np.floor(y / self.cell_size_m)
            is_on = (col >= 0) & (col < cols) & (row >= 0) & (row < rows)
        index = np.where(is_on, row * cols + col, -1.0)
        return index.astype(np.int64)

    def codes(self, index: Indices) -> list[str]:
        """Codes of cells: row-column on the lattice of the CRS, counted north and east."""
        rows, cols = np.divmod(index, self.shape[1])
        north = round(self.north_m / self.cell_size_m) - 1 - rows
        east = round(self.west_m / self.cell_size_m) + cols
        return [f"{r}-{c}" for r, c in zip(north.tolist(), east.tolist(), strict=True)]

    def centres(self, index: Indices) -> tuple[Floats, Floats]:
        """x and y of the cells' centres, metres in the lattice's CRS."""
        rows, cols = np.divmod(index, self.shape[1])
        side = self.cell_size_m
        return self.west_m + (cols + 0.5) * side, self.north_m - (rows + 0.5) * side

    def coarser(self, factor: int) -> Lattice:
        """The lattice of squares of factor x factor cells, aligned as all of that side are."""
        side = self.cell_size_m * factor
        first_col = math.floor(round(self.west_m / self.cell_size_m) / factor)
        last_row = math.ceil(round(self.north_m / self.cell_size_m) / factor)
        centre_x, centre_y = self.centres(np.arange(self.n_cells))
        col = np.floor(centre_x / side).astype(np.int64) - first_col
        row = last_row - 1 - np.floor(centre_y / side).astype(np.int64)
        shape = (int(row.max()) + 1, int(col.max()) + 1)
        share = np.zeros(shape)
        np.add.at(share, (row, col), self.ground_share.ravel() / factor**2)
        return Lattice(first_col * side, last_row * side, side, share, self.crs)

    def boxes(self, index: Indices) -> npt.NDArray[np.object_]:
        """The cells as squares."""
        rows, cols = np.divmod(index, self.shape[1])
        side = self.cell_size_m
        west, north = self.west_m + cols * side, self.north_m - rows * side
        squares: npt.NDArray[np.object_] = shapely.box(west, north - side, west + side, north)
        return squares


def lattice_over(
    ground: BaseGeometry, *, cell_size_m: float, crs: Any, margin_m: float = 0.0
) -> Lattice:
    """The lattice that covers the ground and a margin around its bounds.

    Parameters
    ----------
    ground : outline, or the points themselves where no outline is known (then every cell of the
        raster counts as ground); a projected CRS in metres
    cell_size_m : side of a cell, metres, > 0
    margin_m : added on every side, metres

    Raises
    ------
    ParameterError : the size is not finite and positive, the ground is empty, or the raster would
        have more than `MAX_CELLS` cells
    """
    check_positive(cell_size_m=cell_size_m)
    if ground.is_empty:
        raise ParameterError(
            "hotspots.no_ground",
            "a surface needs an incident or an outline; got neither. "
            "Widen the window or pass `within`.",
        )
    bounds = np.array(ground.bounds)
    low = np.floor((bounds[:2] - margin_m) / cell_size_m)
    high = np.floor((bounds[2:] + margin_m) / cell_size_m) + 1
    cols, rows = high - low
    if rows * cols > MAX_CELLS:
        raise ParameterError(
            "hotspots.raster_too_large",
            f"the raster must have at most {MAX_CELLS} cells; {rows:.0f} x {cols:.0f} needed. "
            "Use larger cells, or find the stray incident.",
            n_cells=int(rows * cols),
            limit=MAX_CELLS,
        )
    west_m, north_m = float(low[0] * cell_size_m), float(high[1] * cell_size_m)
    shape = (int(rows), int(cols))
    is_areal = ground.area > 0
    share = _ground_share(ground, west_m, north_m, cell_size_m, shape) if is_areal else None
    return Lattice(west_m, north_m, cell_size_m, np.ones(shape) if share is None else share, crs)


def check_positive(**sizes: float) -> None:
    """Nothing, where every size is finite and above 0.

    Raises
    ------
    ParameterError : one is not
    """
    for name, size in sizes.items():
        if not (math.isfinite(size) and size > 0):
            raise ParameterError(
                "parameter.not_positive",
                f"`{name}` must be finite and above 0; got {size}. Give it in metres.",
                name=name,
                value=size,
            )


def _ground_share(
    ground: BaseGeometry, west_m: float, north_m: float, side: float, shape: tuple[int, int]
) -> Floats:
    """(rows, cols) share of each cell in the ground; only cells astride its border are cut."""
    x = west_m + (np.arange(shape[1]) + 0.5) * side
    y = north_m - (np.arange(shape[0]) + 0.5) * side
    shapely.prepare(ground)
    share: Floats = shapely.contains_xy(ground, x[None, :], y[:, None]).astype(np.float64)
    pieces = shapely.get_parts(shapely.segmentize(shapely.boundary(ground), side * 8))
    xy = shapely.get_coordinates(pieces)
    line = np.repeat(np.arange(len(pieces)), shapely.get_num_coordinates(pieces))
    is_edge = line[1:] == line[:-1]
    edges = shapely.linestrings(np.stack([xy[:-1][is_edge], xy[1:][is_edge]], axis=1))
    row, col = _touched(edges, west_m, north_m, side, shape)
    west, north = west_m + col * side, north_m - row * side
    cut = shapely.intersection(shapely.box(west, north - side, west + side, north), ground)
    share[row, col] = np.clip(shapely.area(cut) / side**2, 0.0, 1.0)
    return share


def _touched(
    edges: npt.NDArray[np.object_],
    west_m: float,
    north_m: float,
    side: float,
    shape: tuple[int, int],
) -> tuple[Indices, Indices]:
    """Rows and columns of the cells in the boxes of the edges, each once."""
    bounds = shapely.bounds(edges)
    first_col = np.floor((bounds[:, 0] - west_m) / side).astype(np.int64)
    last_col = np.floor((bounds[:, 2] - west_m) / side).astype(np.int64)
    first_row = np.floor((north_m - bounds[:, 3]) / side).astype(np.int64)
    last_row = np.floor((north_m - bounds[:, 1]) / side).astype(np.int64)
    wide, high = last_col - first_col + 1, last_row - first_row + 1
    edge = np.repeat(np.arange(len(edges)), wide * high)
    step = np.arange(len(edge)) - np.repeat(np.cumsum(wide * high) - wide * high, wide * high)
    row = np.clip(first_row[edge] + step // wide[edge], 0, shape[0] - 1)
    col = np.clip(first_col[edge] + step % wide[edge], 0, shape[1] - 1)
    index = np.unique(row * shape[1] + col)
    rows, cols = np.divmod(index, shape[1])
    return rows, cols

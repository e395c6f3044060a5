"""A surface: one value a cell of a regular raster, and its rows for the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.schema import LAYERS, check_frame

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Surface:
    """Density on square cells, row 0 in the north.

    Cells lie on one lattice over the whole CRS (edges at whole multiples of the cell side), so
    that the same ground has the same cell code in every surface of that cell side.

    `values` (rows, cols): incidents per km2, never NaN, never negative; `counts` (rows, cols):
    incidents in each cell; `is_inside` (rows, cols): cells whose centre lies in the outline that
    was given, all of them when none was. `n_incidents` were counted, `n_outside` lay outside the
    outline, `n_unplaced` had no point.
    """

    values: Floats
    counts: npt.NDArray[np.int64]
    is_inside: npt.NDArray[np.bool_]
    west_m: float
    north_m: float
    cell_size_m: float
    bandwidth_m: float
    crs: Any
    n_incidents: int
    n_outside: int
    n_unplaced: int

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """Affine coefficients a, b, c, d, e, f: x = a col + b row + c, y = d col + e row + f."""
        return (self.cell_size_m, 0.0, self.west_m, 0.0, -self.cell_size_m, self.north_m)

    @property
    def mass(self) -> float:
        """Integral of the density over the raster, in incidents; equals `n_incidents`."""
        return float(self.values.sum() * self.cell_size_m**2 / 1e6)

    def to_frame(
        self,
        *,
        run: str,
        category: str | None,
        window_from: pd.Timestamp,
        window_to: pd.Timestamp,
    ) -> gpd.GeoDataFrame:
        """Rows of the `hotspots` layer: the cells inside the outline where density is above 0.

        Also the cells astride the outline that hold incidents. A cell's code is row-column on the
        lattice of its CRS: row counts northwards, column eastwards from the origin.
        """
        row, col = np.nonzero((self.is_inside & (self.values > 0)) | (self.counts > 0))
        side = self.cell_size_m
        west, south = self.west_m + col * side, self.north_m - (row + 1) * side
        lattice_row = np.rint(south / side).astype(np.int64)
        lattice_col = np.rint(west / side).astype(np.int64)
        cells = gpd.GeoDataFrame(
            {
                "run": run,
                "cell": [f"{r}-{c}" for r, c in zip(lattice_row, lattice_col, strict=True)],
                "method": "kde",
                "category": pd.Series([category] * len(row), dtype="str"),
                "window_from": window_from,
                "window_to": window_to,
                "n_incidents": self.counts[row, col],
                "density_per_km2": self.values[row, col],
            },
            geometry=shapely.box(west, south, west + side, south + side),
            crs=self.crs,
        )
        return check_frame(LAYERS["hotspots"], cells).accepted

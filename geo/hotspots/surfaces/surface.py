"""A surface: one value a cell of a lattice, and its rows for the store."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.hotspots.counts.lattice import Bools, Floats, Indices, Lattice
from geo.schema import LAYERS, check_frame


@dataclass(frozen=True)
class Surface:
    """Density on the cells of a lattice.

    `values` (rows, cols): incidents per km2 of ground, never NaN, never negative, 0 where there is
    no ground; `counts` (rows, cols): incidents in each cell. `n_incidents` were counted,
    `n_outside` lay outside the outline, `n_unplaced` had no point.
    """

    values: Floats
    counts: Indices
    lattice: Lattice
    bandwidth_m: float
    kernel: str
    n_incidents: int
    n_outside: int
    n_unplaced: int

    @property
    def is_inside(self) -> Bools:
        """(rows, cols): whether some of the cell lies in the ground."""
        return self.lattice.is_inside

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """Affine coefficients a, b, c, d, e, f: x = a col + b row + c, y = d col + e row + f."""
        return self.lattice.transform

    @property
    def mass(self) -> float:
        """Integral of the density over the ground, in incidents; equals `n_incidents`."""
        ground_km2 = self.lattice.ground_share * (self.lattice.cell_size_m**2 / 1e6)
        return float((self.values * ground_km2).sum())

    def to_frame(
        self,
        *,
        run: str,
        category: str | None,
        window_from: pd.Timestamp,
        window_to: pd.Timestamp,
    ) -> gpd.GeoDataFrame:
        """Rows of the `hotspots` layer: the cells where density or count is above 0, as squares."""
        index = np.flatnonzero((self.values.ravel() > 0) | (self.counts.ravel() > 0))
        cells = gpd.GeoDataFrame(
            {
                "run": run,
                "cell": self.lattice.codes(index),
                "method": "kde",
                "category": pd.Series([category] * len(index), dtype="str"),
                "window_from": window_from,
                "window_to": window_to,
                "n_incidents": self.counts.ravel()[index],
                "density_per_km2": self.values.ravel()[index],
            },
            geometry=self.lattice.boxes(index),
            crs=self.lattice.crs,
        )
        return check_frame(LAYERS["hotspots"], cells).accepted

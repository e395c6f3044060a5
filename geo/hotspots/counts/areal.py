"""Amounts known by area (census tracts, communities, buildings), spread over cells."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from geo.hotspots.counts.exposure import check_not_negative
from geo.hotspots.counts.lattice import Floats, Lattice


def exposure_from_areas(lattice: Lattice, areas: gpd.GeoDataFrame, amount: str) -> Floats:
    """(rows, cols) the areas' amounts, each spread evenly over its ground (areal interpolation).

    The amounts of areas inside the raster are kept to the last one; what of an area lies off the
    raster is left out. Areas may be of any size: only cells that they touch are cut.

    Parameters
    ----------
    areas : polygons in the lattice's CRS
    amount : column of households, people or any amount, >= 0

    Raises
    ------
    ParameterError : an amount is negative or missing
    """
    amounts = areas[amount].to_numpy(dtype="float64")
    check_not_negative(amount, amounts)
    polygons = areas.geometry.to_numpy()
    boxes = lattice.boxes(np.arange(lattice.n_cells))
    area, cell = shapely.STRtree(boxes).query(polygons, predicate="intersects")
    shared_m2 = shapely.area(shapely.intersection(polygons[area], boxes[cell]))
    density = amounts / np.maximum(shapely.area(polygons), np.finfo(np.float64).tiny)
    spread = np.bincount(cell, weights=density[area] * shared_m2, minlength=lattice.n_cells)
    return spread.astype(np.float64).reshape(lattice.shape)

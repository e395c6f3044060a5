"""Hotspot areas: hot cells that touch, as one place."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy import ndimage

from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Floats, Indices, Lattice
from geo.hotspots.significant.significance import Significance


def hotspot_areas(significance: Significance, lattice: Lattice) -> gpd.GeoDataFrame:
    """Areas of hot cells that touch by side or corner, most excess first.

    The interval of an area's relative risk is that of its sum, as if the area had been chosen
    beforehand; it was chosen for being high, so it leans upwards.

    Parameters
    ----------
    significance : of the cells of `lattice`

    Returns
    -------
    Frame with `area` (code of its strongest cell: the one with most excess, then the first in row
    order), `rank` 1.., `n_cells`, `n_incidents`, `expected`, `excess`, `relative_risk`,
    `risk_low`, `risk_high`, `q` (the least of its cells), and the union of its cells

    Raises
    ------
    ParameterError : the lattice has another shape
    """
    if significance.is_hot.shape != lattice.shape:
        raise ParameterError(
            "hotspots.shape_differs",
            f"`lattice` must have the shape of the cells; got {lattice.shape}, "
            f"{significance.is_hot.shape}.",
            name="lattice",
            found=str(lattice.shape),
            wanted=str(significance.is_hot.shape),
        )
    cell = np.flatnonzero(significance.is_hot)
    labels, n_areas = ndimage.label(significance.is_hot, structure=np.ones((3, 3)))
    area = labels.flat[cell].astype(np.int64) - 1
    counts = _sum(area, significance.counts.flat[cell].astype(np.float64), n_areas).astype(np.int64)
    expected = _sum(area, significance.expected.flat[cell], n_areas)
    low, high = significance.model.risk_interval(counts, expected)
    q = np.ones(n_areas)
    np.minimum.at(q, area, significance.q.flat[cell])
    order = np.argsort(expected - counts, kind="stable")
    frame = gpd.GeoDataFrame(
        {
            "area": pd.Series(lattice.codes(_strongest(cell, area, significance)), dtype="str"),
            "n_cells": np.bincount(area, minlength=n_areas),
            "n_incidents": counts,
            "expected": expected,
            "excess": counts - expected,
            "relative_risk": counts / expected,
            "risk_low": low,
            "risk_high": high,
            "q": q,
        },
        geometry=_unions(cell, area, n_areas, lattice),
        crs=lattice.crs,
    )
    frame = frame.iloc[order].reset_index(drop=True)
    frame.insert(1, "rank", np.arange(1, n_areas + 1))
    return frame


def _sum(area: Indices, values: Floats, n_areas: int) -> Floats:
    return np.bincount(area, weights=values, minlength=n_areas).astype(np.float64)


def _strongest(cell: Indices, area: Indices, significance: Significance) -> Indices:
    """(areas,) the cell of each area with most excess, the first in row order among equals."""
    order = np.lexsort((cell, -significance.excess.flat[cell], area))
    _, first = np.unique(area[order], return_index=True)
    strongest: Indices = cell[order][first]
    return strongest


def _unions(
    cell: Indices, area: Indices, n_areas: int, lattice: Lattice
) -> list[shapely.geometry.base.BaseGeometry]:
    """(areas,) union of the cells of each area."""
    order = np.argsort(area, kind="stable")
    boxes = lattice.boxes(cell[order])
    ends = np.cumsum(np.bincount(area, minlength=n_areas))
    return [shapely.union_all(part) for part in np.split(boxes, ends[:-1])] if n_areas else []

"""Cells that touch by side or corner: as areas, and as neighbours' weights."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import scipy.sparse
import shapely
from scipy import ndimage

from geo.hotspots.counts.lattice import Bools, Lattice

EIGHT = np.ones((3, 3), dtype=np.int64)


def touching_areas(lattice: Lattice, cells: pd.DataFrame, *, by: str) -> gpd.GeoDataFrame:
    """Areas of the cells that touch by side or corner, the greatest sum of `by` first.

    Parameters
    ----------
    cells : index = cell of the lattice; figures, of which `by` and `n_incidents` are added up

    Returns
    -------
    `area` (code of the cell with most of `by`), `n_cells`, `n_incidents`, `by`, geometry
    """
    mask = np.zeros(lattice.n_cells, dtype=bool)
    mask[cells.index.to_numpy()] = True
    labels, n_areas = ndimage.label(mask.reshape(lattice.shape), structure=EIGHT)
    told = cells.assign(part=labels.ravel()[cells.index.to_numpy()])
    figures = list(dict.fromkeys([by, "n_incidents"]))
    sums = told.groupby("part")[figures].sum().assign(n_cells=told.groupby("part").size())
    strongest = told.sort_values(by, ascending=False, kind="stable").groupby("part").head(1)
    at = strongest.set_index("part").index
    codes = pd.Series(lattice.codes(strongest.index.to_numpy()), index=at, dtype="str")
    shapes = {
        part: shapely.union_all(lattice.boxes(rows.index.to_numpy()))
        for part, rows in told.groupby("part")
    }
    areas = sums.assign(area=codes.reindex(sums.index)).sort_values(
        by, ascending=False, kind="stable"
    )
    geometry = [shapes[part] for part in areas.index]
    assert len(areas) == n_areas
    return gpd.GeoDataFrame(areas.reset_index(drop=True), geometry=geometry, crs=lattice.crs)


def neighbours(is_inside: Bools) -> scipy.sparse.csr_array:
    """(n, n) weights 1 between the cells inside that touch by side or corner, row by row."""
    rows, cols = is_inside.shape
    number = np.full((rows + 2, cols + 2), -1, dtype=np.int64)
    number[1:-1, 1:-1][is_inside] = np.arange(np.count_nonzero(is_inside))
    here = number[1:-1, 1:-1][is_inside]
    pairs = []
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            there = number[1 + down : rows + 1 + down, 1 + right : cols + 1 + right][is_inside]
            is_pair = (there >= 0) & (there != here)
            pairs.append(np.stack([here[is_pair], there[is_pair]]))
    left, right_ = np.concatenate(pairs, axis=1)
    n = len(here)
    return scipy.sparse.csr_array((np.ones(len(left)), (left, right_)), shape=(n, n))

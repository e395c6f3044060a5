"""Which cells the search moves together, and which stand alone."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo.planning.contiguity import Adjacency

LONE_REST_SHARE = 0.5
"""Ground that only a heavy cell connects joins that cell's grid below this share of the target."""


def area_codes(cells: gpd.GeoDataFrame, within: str | None) -> np.ndarray:
    """The number of each cell's area; all 0 where the column is absent."""
    if within is None or within not in cells.columns:
        return np.zeros(len(cells), dtype=np.int64)
    return np.asarray(cells[within].factorize(use_na_sentinel=False)[0], dtype=np.int64)


def set_heavy_apart(
    adjacency: Adjacency,
    area: np.ndarray,
    load: np.ndarray,
    *,
    target: float,
    tolerance: float,
    is_kept: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Areas in which each cell too heavy for any grid stands alone, and a mask of those cells.

    Ground that is cut off by that and carries too little for a grid goes with the heavy cell.
    `is_kept`: cells of special grids, which stay as they are.
    """
    is_heavy = (load > target * (1 + tolerance) + 1e-9) & ~is_kept
    if not is_heavy.any():
        return area, is_heavy
    left, right = adjacency.left, adjacency.right
    found = area.copy()
    found[is_heavy] = area.max() + 1 + np.arange(int(is_heavy.sum()))
    part = _parts(found, left, right)
    part_load = np.bincount(part, load)
    is_poor = (part_load < LONE_REST_SHARE * target)[part] & ~is_heavy
    for one, other in ((left, right), (right, left)):
        touches = is_poor[one] & is_heavy[other] & (area[one] == area[other])
        for cell, heavy in zip(one[touches], other[touches], strict=True):
            here = part == part[cell]
            if found[cell] == area[cell]:
                found[here] = found[heavy]
    return found, is_heavy


def whole_units(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    area: np.ndarray,
    load: np.ndarray,
    *,
    keep_whole: str | None,
    limit: float,
    joined: np.ndarray,
) -> np.ndarray:
    """The unit of each cell: a compound's connected cells together while they fit, else single.

    Parameters
    ----------
    keep_whole : column of the compound; cells without one are single
    limit : the largest load that fits into one grid
    joined : group of the cells that must stay together, connected, -1 for none
    """
    single = np.arange(len(cells))
    key = single
    if keep_whole is not None and keep_whole in cells.columns:
        key, fits = _compounds(cells, area, load, keep_whole, limit)
        key = _parts(np.where(fits, key, key.max() + 1 + single), adjacency.left, adjacency.right)
    is_joined = joined >= 0
    if not is_joined.any():
        return np.unique(key, return_inverse=True)[1].ravel()
    taken = is_joined | np.isin(key, key[is_joined])
    key = np.where(taken, key.max() + 1 + single, key)
    key = np.where(is_joined, key.max() + 1 + joined, key)
    return np.asarray(np.unique(key, return_inverse=True)[1], dtype=np.int64).ravel()


def fitting_compounds(
    cells: gpd.GeoDataFrame,
    area: np.ndarray,
    load: np.ndarray,
    keep_whole: str | None,
    target: float,
) -> np.ndarray:
    """Number of each cell's compound inside its area, -1 for none or one above the target."""
    if keep_whole is None or keep_whole not in cells.columns:
        return np.full(len(cells), -1, dtype=np.int64)
    key, fits = _compounds(cells, area, load, keep_whole, target)
    return np.where(fits & cells[keep_whole].notna().to_numpy(), key, -1)


def _compounds(
    cells: gpd.GeoDataFrame, area: np.ndarray, load: np.ndarray, column: str, limit: float
) -> tuple[np.ndarray, np.ndarray]:
    """Number of each cell's compound inside its area, cells without one alone; whether it fits."""
    code = np.asarray(cells[column].factorize(use_na_sentinel=True)[0], dtype=np.int64)
    key = np.where(code >= 0, code, code.max() + 1 + np.arange(len(cells)))
    key = np.unique(np.stack([key, area], axis=1), axis=0, return_inverse=True)[1].ravel()
    return key, np.bincount(key, load)[key] <= limit


def release(unit: np.ndarray, is_released: np.ndarray) -> np.ndarray:
    """Units in which the cells of the mask stand alone."""
    split = np.where(is_released, unit.max() + 1 + np.arange(len(unit)), unit)
    return np.asarray(np.unique(split, return_inverse=True)[1], dtype=np.int64).ravel()


def _parts(key: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Connected parts of equal key."""
    n = len(key)
    is_same = key[left] == key[right]
    links = coo_array((np.ones(int(is_same.sum())), (left[is_same], right[is_same])), shape=(n, n))
    part: np.ndarray = connected_components(links.tocsr(), directed=False)[1].astype(np.int64)
    return part

"""The figures of a plan."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from geo.planning.contiguity import Adjacency


def evaluate(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    labels: np.ndarray,
    *,
    load: str,
    target: float | np.ndarray,
    keep_whole: str | None = None,
) -> dict[str, Any]:
    """The figures that every plan is judged by.

    - `n_grids`: grids that hold at least one cell
    - `max_abs_deviation`, `mean_abs_deviation`: of |load - target| / target over the grids
    - `noncontiguous`: grids whose cells do not hang together by `adjacency` (rook and links)
    - `polsby_popper_mean`: mean of 4 pi area / perimeter^2 (Polsby and Popper 1991), holes counted
    - `cut_edges`, `cut_length_m`: adjacent pairs in different grids, and their border's length
    - `split_compounds`: compounds that fit into one grid (load <= target) but lie in several
    - `unassigned`: cells with a negative label, which belong to no grid

    Parameters
    ----------
    labels : grid of each cell, 0 to k - 1; negative for none
    load : column to sum per grid
    target : wanted load of a grid: one number or one a grid
    keep_whole : column of the unit that should not be split, usually `compound`
    """
    labels = np.asarray(labels)
    n_labels = int(labels.max()) + 1 if len(labels) else 0
    is_assigned = labels >= 0
    given = labels[is_assigned]
    is_used = np.bincount(given, minlength=n_labels) > 0
    weight = cells[load].fillna(0).to_numpy(dtype="float64")
    sums = np.bincount(given, weights=weight[is_assigned], minlength=n_labels)
    wanted = np.broadcast_to(np.asarray(target, dtype="float64"), (n_labels,))
    deviation = np.abs(sums - wanted)[is_used] / wanted[is_used]
    shape = polsby_popper(cells, adjacency, labels, n_labels)[is_used]
    is_cut = labels[adjacency.left] != labels[adjacency.right]
    return {
        "n_grids": int(is_used.sum()),
        "max_abs_deviation": float(deviation.max()) if len(deviation) else 0.0,
        "mean_abs_deviation": float(deviation.mean()) if len(deviation) else 0.0,
        "noncontiguous": len(broken_grids(adjacency, labels)),
        "polsby_popper_mean": float(shape.mean()) if len(shape) else 0.0,
        "cut_edges": int(is_cut.sum()),
        "cut_length_m": float(adjacency.length_m[is_cut].sum()),
        "split_compounds": _count_split(cells, labels, weight, keep_whole, float(np.max(target))),
        "unassigned": int((~is_assigned).sum()),
    }


def broken_grids(adjacency: Adjacency, labels: np.ndarray) -> np.ndarray:
    """Labels of the grids that fall into several parts, ascending."""
    is_inside = (labels[adjacency.left] == labels[adjacency.right]) & (labels[adjacency.left] >= 0)
    n = len(labels)
    graph = csr_array(
        (np.ones(int(is_inside.sum())), (adjacency.left[is_inside], adjacency.right[is_inside])),
        shape=(n, n),
    )
    part = connected_components(graph, directed=False)[1]
    is_assigned = labels >= 0
    pairs = np.unique(np.stack([labels[is_assigned], part[is_assigned]], axis=1), axis=0)
    grids, n_parts = np.unique(pairs[:, 0], return_counts=True)
    broken: np.ndarray = grids[n_parts > 1]
    return broken


def polsby_popper(
    cells: gpd.GeoDataFrame, adjacency: Adjacency, labels: np.ndarray, n_labels: int
) -> np.ndarray:
    """4 pi area / perimeter^2 of each grid, 0 for an empty one.

    From the cells' areas, perimeters and shared borders where the coverage is exact; else from
    the grids' united polygons.
    """
    is_assigned = labels >= 0
    given = labels[is_assigned]
    area_m2: np.ndarray
    perimeter_m: np.ndarray
    if adjacency.is_exact:
        area_m2 = np.bincount(given, adjacency.area_m2[is_assigned], minlength=n_labels)
        perimeter_m = np.bincount(given, adjacency.perimeter_m[is_assigned], minlength=n_labels)
        is_inside = labels[adjacency.left] == labels[adjacency.right]
        is_inside &= labels[adjacency.left] >= 0
        inner = labels[adjacency.left[is_inside]]
        perimeter_m -= 2 * np.bincount(inner, adjacency.length_m[is_inside], minlength=n_labels)
    else:
        united = [
            shapely.union_all(group)
            for _, group in pd.Series(cells.geometry.to_numpy()[is_assigned]).groupby(given)
        ]
        area_m2 = np.zeros(n_labels, dtype=np.float64)
        perimeter_m = np.zeros(n_labels, dtype=np.float64)
        present = np.unique(given)
        area_m2[present], perimeter_m[present] = shapely.area(united), shapely.length(united)
    shape = np.zeros(n_labels)
    np.divide(4 * np.pi * area_m2, perimeter_m**2, out=shape, where=perimeter_m > 0)
    return shape


def _count_split(
    cells: gpd.GeoDataFrame,
    labels: np.ndarray,
    weight: np.ndarray,
    keep_whole: str | None,
    target: float,
) -> int:
    if keep_whole is None or keep_whole not in cells.columns:
        return 0
    frame = pd.DataFrame({"unit": cells[keep_whole].to_numpy(), "grid": labels, "load": weight})
    units = (
        frame.dropna(subset="unit")
        .groupby("unit")
        .agg(load=("load", "sum"), n_grids=("grid", "nunique"))
    )
    return int(((units["load"] <= target) & (units["n_grids"] > 1)).sum())

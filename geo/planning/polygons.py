"""Grids as polygons: an exact coverage made of the cells'."""

from __future__ import annotations

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.errors import ParameterError

_COUNTS = ("households", "people", "n_buildings")


def dissolve(
    cells: gpd.GeoDataFrame,
    labels: np.ndarray,
    *,
    load: str = "households",
    target: float | None = None,
) -> gpd.GeoDataFrame:
    """One row a grid, in the order of the labels 0 to k - 1, in the columns of layer `grids`.

    Shared borders stay vertex by vertex as the cells have them (`shapely.coverage_union`), so
    the grids cover exactly what the cells cover. Columns `plan` and `grid` are left to the caller.

    Parameters
    ----------
    cells : cells with `community` and geometry; counts are summed where present
    labels : grid of each cell, 0 to k - 1, every label used
    load : column that was balanced
    target : wanted load of a grid; deviation is null without it

    Raises
    ------
    ParameterError : labels do not fit the cells or leave a grid empty
    """
    labels = np.asarray(labels)
    n_grids = int(labels.max()) + 1 if len(labels) else 0
    count = np.bincount(labels, minlength=n_grids)
    if len(labels) != len(cells) or (count == 0).any():
        raise ParameterError(
            "plan.labels",
            f"labels must give each of {len(cells)} cells a grid and leave none empty; got "
            f"{len(labels)} labels, {int((count == 0).sum())} empty grids. Partition again.",
            n_cells=len(cells),
            n_labels=len(labels),
            n_empty=int((count == 0).sum()),
        )
    order = np.argsort(labels, kind="stable")
    begins = np.r_[0, np.cumsum(count)]
    geometry = cells.geometry.to_numpy()[order]
    united = [unite(geometry[begin:end]) for begin, end in pairwise(begins)]
    table: dict[str, object] = {}
    first = order[begins[:-1]]
    for column in ("community",):
        if column in cells.columns:
            table[column] = cells[column].iloc[first].array
    for column in _COUNTS:
        if column in cells.columns:
            values = cells[column].fillna(0).to_numpy(dtype="int64")
            table[column] = pd.array(_sum_by(labels, values, n_grids).round(), dtype="Int64")
    if "households_estimated" in cells.columns:
        estimated = cells["households_estimated"].fillna(False).to_numpy(dtype=bool)
        table["households_estimated"] = pd.array(
            _sum_by(labels, estimated, n_grids) > 0, dtype="boolean"
        )
    table["n_cells"] = pd.array(count, dtype="Int64")
    weight = _sum_by(labels, cells[load].fillna(0).to_numpy(dtype="float64"), n_grids)
    table["load"] = weight
    table["target"] = float("nan") if target is None else float(target)
    table["deviation"] = float("nan") if target is None else (weight - target) / target
    grids = gpd.GeoDataFrame(table, geometry=united, crs=cells.crs)
    grids["area_m2"] = grids.area
    grids["perimeter_m"] = grids.length
    grids["polsby_popper"] = 4 * np.pi * grids["area_m2"] / grids["perimeter_m"] ** 2
    return grids


def unite(geometry: np.ndarray) -> shapely.Geometry:
    """The union of pieces of a coverage; pieces that overlap or leave gaps are united generally."""
    if len(geometry) == 1:
        return geometry[0]
    united = shapely.coverage_union_all(geometry)
    if not united.is_valid:
        united = shapely.union_all(geometry)
    return united


def _sum_by(labels: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    return np.bincount(labels, weights=values.astype("float64"), minlength=n)

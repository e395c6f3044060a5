"""The figures of a plan: whole, by grid, by area."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from geo.errors import ParameterError
from geo.planning import walks
from geo.planning.contiguity import Adjacency

_SUMMED = ("households", "people", "n_buildings")


def evaluate(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    labels: np.ndarray,
    *,
    load: str,
    target: float | np.ndarray,
    keep_whole: str | None = None,
    within: str | None = None,
) -> dict[str, Any]:
    """The figures that every plan is judged by.

    - `n_grids`: grids that hold at least one cell
    - `max_abs_deviation`, `mean_abs_deviation`: of |load - target| / target over the grids
    - `min_load`, `max_load`: of the grids; `load_gini`: 0 all equal, towards 1 all in one grid
      (Gini 1912: mean difference of two grids / twice the mean)
    - `noncontiguous`: grids whose cells do not hang together by `adjacency` (rook and links)
    - `polsby_popper_mean`: mean of 4 pi area / perimeter^2 (Polsby and Popper 1991), holes counted
    - `cut_edges`, `cut_length_m`: adjacent pairs in different grids, and their border's length
    - `barrier_crossings`, `crossing_length_m`: adjacent pairs in one grid whose shared border lies
      on a barrier, and that border's length; 0 where the adjacency was made without barriers
    - `split_compounds`: compounds that fit into one grid (load <= target) but lie in several
    - `outside_area`: grids in more than one area; only where `within` is given
    - `unassigned`: cells with a negative label, which belong to no grid

    Parameters
    ----------
    labels : grid of each cell, 0 to k - 1; negative for none
    load : column to sum per grid; missing counts as none
    target : wanted load of a grid, above 0: one number or one a grid
    keep_whole : column of the unit that should not be split, usually `compound`
    within : column of the area that no grid may leave, usually `community`

    Raises
    ------
    ParameterError : the labels are not one a cell, or a target is not positive and finite
    """
    labels, wanted, weight = _checked(cells, adjacency, labels, load=load, target=target)
    n_labels = len(wanted)
    is_assigned = labels >= 0
    given = labels[is_assigned]
    is_used = np.bincount(given, minlength=n_labels) > 0
    sums = np.bincount(given, weights=weight[is_assigned], minlength=n_labels)[is_used]
    deviation = np.abs(sums - wanted[is_used]) / wanted[is_used]
    area_m2, perimeter_m = _outlines(cells, adjacency, labels, n_labels)
    shape = _roundness(area_m2, perimeter_m)[is_used]
    is_cut = labels[adjacency.left] != labels[adjacency.right]
    is_crossed = adjacency.crosses & ~is_cut & (labels[adjacency.left] >= 0)
    figures = {
        "n_grids": int(is_used.sum()),
        "max_abs_deviation": float(deviation.max()) if len(deviation) else 0.0,
        "mean_abs_deviation": float(deviation.mean()) if len(deviation) else 0.0,
        "min_load": float(sums.min()) if len(sums) else 0.0,
        "max_load": float(sums.max()) if len(sums) else 0.0,
        "load_gini": _gini(sums),
        "noncontiguous": len(broken_grids(adjacency, labels)),
        "polsby_popper_mean": float(shape.mean()) if len(shape) else 0.0,
        "cut_edges": int(is_cut.sum()),
        "cut_length_m": float(adjacency.length_m[is_cut].sum()),
        "barrier_crossings": int(is_crossed.sum()),
        "crossing_length_m": float(adjacency.length_m[is_crossed].sum()),
        "split_compounds": len(np.unique(_split(cells, labels, weight, keep_whole, wanted)[0])),
        "unassigned": int((~is_assigned).sum()),
    }
    if within is not None:
        figures["outside_area"] = int((_count_areas(cells, labels, within, n_labels) > 1).sum())
    return figures


def grid_figures(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    labels: np.ndarray,
    *,
    load: str,
    target: float | np.ndarray,
    within: str | None = None,
    keep_whole: str | None = None,
) -> pd.DataFrame:
    """One row a grid that holds a cell, indexed by its label, ascending.

    - `load`, `target`, `deviation`: (load - target) / target
    - `households`, `people`, `n_buildings`: sums, where the cells have the column
    - `n_cells`, `parts`: its cells, and into how many pieces they fall (1: contiguous)
    - `area_m2`, `perimeter_m`, `polsby_popper`: of its ground, holes counted
    - `barrier_crossings`, `crossing_length_m`: as in `evaluate`
    - `split_compounds`: compounds that fit into one grid but which it shares with another
    - `n_areas`: areas it lies in; only where `within` is given
    - `walk_m`: the shortest way, from inner point to inner point of neighbouring cells of the grid,
      between the two cells farthest apart in a straight line; missing where there is none

    Parameters as in `evaluate`, errors too.
    """
    labels, wanted, weight = _checked(cells, adjacency, labels, load=load, target=target)
    n = len(wanted)
    is_assigned = labels >= 0
    given = labels[is_assigned]
    sums = np.bincount(given, weight[is_assigned], minlength=n)
    found = pd.DataFrame({"load": sums, "target": wanted, "deviation": (sums - wanted) / wanted})
    for column in _SUMMED:
        if column in cells.columns:
            values = cells[column].astype("Float64").fillna(0).to_numpy(dtype="float64")
            found[column] = np.bincount(given, values[is_assigned], minlength=n)
    found["n_cells"] = np.bincount(given, minlength=n)
    found["parts"] = count_parts(adjacency, labels, n)
    found["area_m2"], found["perimeter_m"] = _outlines(cells, adjacency, labels, n)
    found["polsby_popper"] = _roundness(
        found["area_m2"].to_numpy(), found["perimeter_m"].to_numpy()
    )
    is_crossed = adjacency.crosses & (labels[adjacency.left] == labels[adjacency.right])
    is_crossed &= labels[adjacency.left] >= 0
    grid = labels[adjacency.left[is_crossed]]
    found["barrier_crossings"] = np.bincount(grid, minlength=n)
    found["crossing_length_m"] = np.bincount(grid, adjacency.length_m[is_crossed], minlength=n)
    sharing = _split(cells, labels, weight, keep_whole, wanted)[1]
    found["split_compounds"] = np.bincount(sharing, minlength=n)
    if within is not None:
        found["n_areas"] = _count_areas(cells, labels, within, n)
    found["walk_m"] = walks.longest(cells, adjacency, labels, n)
    found.index.name = "grid"
    return found[found["n_cells"] > 0]


def area_figures(
    cells: gpd.GeoDataFrame,
    labels: np.ndarray,
    *,
    load: str,
    target: float | np.ndarray,
    within: str,
) -> pd.DataFrame:
    """One row an area, indexed by it: `load`, `n_grids`, `mean_load`, deviations of its grids.

    A grid in several areas counts where most of its cells lie. `mean_deviation` is
    (mean load - target) / target, what even shares would leave; `mean_abs_deviation` and
    `max_abs_deviation` are of the grids. An area without a grid has none of them.

    Parameters as in `evaluate`.
    """
    labels = np.asarray(labels)
    weight = _loads(cells, load)
    wanted = _targets(labels, target)
    frame = pd.DataFrame({"area": cells[within].to_numpy(), "grid": labels, "load": weight})
    given = frame[frame["grid"] >= 0]
    held = given.groupby(["grid", "area"], dropna=False).size().rename("n").reset_index()
    home = held.sort_values(["grid", "n"], ascending=[True, False], kind="stable")
    home = home.drop_duplicates("grid").set_index("grid")["area"]
    sums = given.groupby("grid")["load"].sum()
    off = (sums - wanted[sums.index]) / wanted[sums.index]
    grids = pd.DataFrame({"area": home, "off": off, "size": off.abs(), "load": sums})
    by_area = grids.groupby("area", dropna=False)
    found = frame.groupby("area", dropna=False)["load"].sum().to_frame()
    found["n_grids"] = by_area.size().reindex(found.index, fill_value=0)
    found["mean_load"] = by_area["load"].mean()
    found["mean_deviation"] = by_area["off"].mean()
    found["mean_abs_deviation"] = by_area["size"].mean()
    found["max_abs_deviation"] = by_area["size"].max()
    found.index.name = within
    return found


def broken_grids(adjacency: Adjacency, labels: np.ndarray) -> np.ndarray:
    """Labels of the grids that fall into several parts, ascending."""
    n = int(labels.max(initial=-1)) + 1
    return np.flatnonzero(count_parts(adjacency, labels, n) > 1)


def polsby_popper(
    cells: gpd.GeoDataFrame, adjacency: Adjacency, labels: np.ndarray, n_labels: int
) -> np.ndarray:
    """4 pi area / perimeter^2 of each grid, 0 for an empty one.

    From the cells' areas, perimeters and shared borders where the coverage is exact; else from
    the grids' united polygons.
    """
    return _roundness(*_outlines(cells, adjacency, labels, n_labels))


def _checked(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    labels: np.ndarray,
    *,
    load: str,
    target: float | np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, the target of each label, the load of each cell."""
    labels = np.asarray(labels)
    if len(labels) != len(cells) or adjacency.n_cells != len(cells):
        raise ParameterError(
            "plan.cells_differ",
            f"labels and adjacency must be of these {len(cells)} cells; got {len(labels)} labels "
            f"and an adjacency of {adjacency.n_cells}. Compute both from the same cells.",
            n_cells=len(cells),
            n_labels=len(labels),
            n_adjacent=adjacency.n_cells,
        )
    return labels, _targets(labels, target), _loads(cells, load)


def _targets(labels: np.ndarray, target: float | np.ndarray) -> np.ndarray:
    wanted = np.asarray(target, dtype="float64")
    if not (np.isfinite(wanted) & (wanted > 0)).all():
        worst = float(wanted[~(np.isfinite(wanted) & (wanted > 0))].flat[0])
        raise ParameterError(
            "plan.target", f"target must be positive and finite; got {worst}", target=worst
        )
    n_labels = int(labels.max(initial=-1)) + 1
    return np.broadcast_to(wanted, (n_labels,))


def _loads(cells: gpd.GeoDataFrame, load: str) -> np.ndarray:
    weight: np.ndarray = cells[load].astype("Float64").fillna(0).to_numpy(dtype="float64")
    return weight


def _gini(sums: np.ndarray) -> float:
    """Half the mean difference of two grids' loads, as a share of their mean; 0 without load."""
    total = float(sums.sum())
    if total <= 0:
        return 0.0
    rank = np.arange(1, len(sums) + 1)
    return float(((2 * rank - len(sums) - 1) * np.sort(sums)).sum() / (len(sums) * total))


def count_parts(adjacency: Adjacency, labels: np.ndarray, n_labels: int) -> np.ndarray:
    """Into how many pieces each grid falls by `adjacency`; 0 for an empty one."""
    n = len(labels)
    is_inside = (labels[adjacency.left] == labels[adjacency.right]) & (labels[adjacency.left] >= 0)
    links = csr_array(
        (np.ones(int(is_inside.sum())), (adjacency.left[is_inside], adjacency.right[is_inside])),
        shape=(n, n),
    )
    part = connected_components(links, directed=False)[1]
    is_assigned = labels >= 0
    pairs = np.unique(labels[is_assigned] * np.int64(len(labels)) + part[is_assigned])
    count: np.ndarray = np.bincount(pairs // max(1, len(labels)), minlength=n_labels)
    return count


def _outlines(
    cells: gpd.GeoDataFrame, adjacency: Adjacency, labels: np.ndarray, n_labels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Area and perimeter of each grid, 0 for an empty one.

    Summed from the cells where the coverage is exact, else of the grids' united polygons.
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
        return area_m2, perimeter_m
    united = [
        shapely.union_all(group)
        for _, group in pd.Series(cells.geometry.to_numpy()[is_assigned]).groupby(given)
    ]
    area_m2, perimeter_m = np.zeros(n_labels), np.zeros(n_labels)
    present = np.unique(given)
    area_m2[present], perimeter_m[present] = shapely.area(united), shapely.length(united)
    return area_m2, perimeter_m


def _roundness(area_m2: np.ndarray, perimeter_m: np.ndarray) -> np.ndarray:
    shape = np.zeros(len(area_m2))
    np.divide(4 * np.pi * area_m2, perimeter_m**2, out=shape, where=perimeter_m > 0)
    return shape


def _split(
    cells: gpd.GeoDataFrame,
    labels: np.ndarray,
    weight: np.ndarray,
    keep_whole: str | None,
    wanted: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Compounds that fit into one grid but lie in several: each with each of its grids."""
    if keep_whole is None or keep_whole not in cells.columns or len(wanted) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    unit = np.asarray(cells[keep_whole].factorize()[0], dtype=np.int64)
    is_held = (unit >= 0) & (labels >= 0)
    n_labels = len(wanted)
    pairs = np.unique(unit[is_held] * n_labels + labels[is_held])
    unit_of_pair = pairs // n_labels
    n_units = int(unit.max(initial=-1)) + 1
    load = np.bincount(unit[unit >= 0], weight[unit >= 0], minlength=n_units)
    is_split = (np.bincount(unit_of_pair, minlength=n_units) > 1) & (load <= wanted.max())
    here = is_split[unit_of_pair]
    return unit_of_pair[here], pairs[here] % n_labels


def _count_areas(
    cells: gpd.GeoDataFrame, labels: np.ndarray, within: str, n_labels: int
) -> np.ndarray:
    """In how many areas each grid lies; cells without an area count as one more."""
    area = np.asarray(cells[within].factorize(use_na_sentinel=False)[0], dtype=np.int64)
    is_assigned = labels >= 0
    pairs = np.unique(area[is_assigned] * np.int64(max(1, n_labels)) + labels[is_assigned])
    count: np.ndarray = np.bincount(pairs % max(1, n_labels), minlength=n_labels)
    return count

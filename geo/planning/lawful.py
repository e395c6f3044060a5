"""Which shifts break a planner's rules."""

from __future__ import annotations

import geopandas as gpd
import numpy as np

from geo.planning import rules as planning_rules
from geo.planning.contiguity import Adjacency
from geo.planning.rules import Rules
from geo.planning.shifts import Standing


def breaks_rules(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    standing: Standing,
    unit: np.ndarray,
    to: np.ndarray,
    *,
    rules: Rules,
    area: np.ndarray,
) -> np.ndarray:
    """Mask of the shifts after which cells would be together or apart against the rules.

    A shift breaks them when it takes a cell away from others of its grid that it must stay with,
    into the grid of a cell it must be apart from, or between a special grid and another.

    Parameters
    ----------
    standing : of these cells
    unit, to : units that have a grid, and other grids
    area : number of each cell's area

    Raises
    ------
    ParameterError : the rules contradict each other
    """
    unit_of, labels = standing.graph.unit_of_cell, standing.labels
    grid_of = labels[unit_of]
    group = planning_rules.joined_cells(cells, adjacency, rules, area)
    found: np.ndarray = _tears(group, unit_of, grid_of, standing)[unit]
    n = np.int64(len(standing.target) + 1)
    pairs = planning_rules.check_apart(cells, rules, group)
    pairs = np.vstack([pairs, pairs[:, ::-1]])
    barred = unit_of[pairs[:, 0]] * n + grid_of[pairs[:, 1]]
    found |= np.isin(unit * n + to, barred)
    if rules.special is not None:
        code = np.asarray(cells[rules.special].factorize()[0], dtype=np.int64)
        of_unit = np.full(standing.graph.n_units, -1, dtype=np.int64)
        of_unit[unit_of] = code
        of_grid = np.full(n, -1, dtype=np.int64)
        np.maximum.at(of_grid, grid_of, code)
        found |= of_unit[unit] != of_grid[to]
    return found


def _tears(
    group: np.ndarray, unit_of: np.ndarray, grid_of: np.ndarray, standing: Standing
) -> np.ndarray:
    """Mask of the units that cannot leave their grid without tearing a group of it apart."""
    is_held = group >= 0
    torn = np.zeros(standing.graph.n_units, dtype=bool)
    if not is_held.any():
        return torn
    n_groups = np.int64(group.max() + 1)
    in_unit, count = np.unique(unit_of[is_held] * n_groups + group[is_held], return_counts=True)
    in_grid, total = np.unique(grid_of[is_held] * n_groups + group[is_held], return_counts=True)
    unit = in_unit // n_groups
    here = np.searchsorted(in_grid, standing.labels[unit] * n_groups + in_unit % n_groups)
    torn[unit[count < total[here]]] = True
    return torn

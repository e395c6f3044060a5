"""What a planner demands of a plan beyond balance, contiguity and areas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from geo.errors import ParameterError
from geo.planning.contiguity import Adjacency


@dataclass(frozen=True)
class Rules:
    """Hard demands; cells are named by their row.

    Parameters
    ----------
    special : column of the special grids (an industrial park, a market): cells with one name there
        are cut out first and become a grid of their own, one for each connected part
    locked : column of cells that stay together: those of one name share a grid, those of different
        names never do; a grid may take in more cells
    together : groups of cells that share a grid; where they do not touch, the cells on the
        way between them come along
    apart : pairs of cells that must not share a grid
    balance : further load columns and the tolerance of each, around the area's mean
    capacities : for an area, the relative capacity of each of its workers (1 for a full one), which
        sets the number of its grids and shares out its load; other areas have equal workers
    """

    special: str | None = None
    locked: str | None = None
    together: Sequence[Sequence[int]] = ()
    apart: Sequence[tuple[int, int]] = ()
    balance: Mapping[str, float] = field(default_factory=dict)
    capacities: Mapping[str, Sequence[float]] = field(default_factory=dict)


def joined_cells(
    cells: gpd.GeoDataFrame, adjacency: Adjacency, rules: Rules, area: np.ndarray
) -> np.ndarray:
    """The group of each cell by the rules, -1 for none; a group is connected.

    Groups that share a cell, or whose ways meet, become one.

    Raises
    ------
    ParameterError : cells to be together lie in different areas, or cannot reach each other
    """
    groups = [list(group) for group in rules.together]
    if rules.locked is not None:
        code = cells[rules.locked].factorize(use_na_sentinel=True)[0]
        groups += [np.flatnonzero(code == name).tolist() for name in range(int(code.max()) + 1)]
    found = np.full(len(cells), -1, dtype=np.int64)
    for number, group in enumerate(groups):
        held = _with_ways(adjacency, np.array(group, dtype=np.int64), area, cells)
        met = np.unique(found[held])
        found[np.isin(found, met[met >= 0])] = number
        found[held] = number
    return found


def _with_ways(
    adjacency: Adjacency, group: np.ndarray, area: np.ndarray, cells: gpd.GeoDataFrame
) -> np.ndarray:
    """The group's cells and the fewest-cells ways from its first cell to the parts not reached."""
    if len(group) < 2:
        return group
    if len(np.unique(area[group])) > 1:
        raise _not_together(cells, group)
    n = len(cells)
    is_edge = area[adjacency.left] == area[adjacency.right]
    ends = (adjacency.left[is_edge], adjacency.right[is_edge])
    is_in = np.zeros(n, dtype=bool)
    is_in[group] = True
    steps = np.where(is_in[ends[0]] & is_in[ends[1]], 1e-6, 1.0)
    links = coo_array((steps, ends), shape=(n, n)).tocsr()
    length, before = dijkstra(
        links, directed=False, indices=int(group[0]), return_predecessors=True
    )
    if not np.isfinite(length[group]).all():
        raise _not_together(cells, group)
    for cell in group:
        step = cell
        while step != group[0]:
            is_in[step] = True
            step = before[step]
    return np.flatnonzero(is_in)


def _not_together(cells: gpd.GeoDataFrame, group: np.ndarray) -> ParameterError:
    keys = _keys(cells, group[:3])
    return ParameterError(
        "plan.not_together",
        f"cells {keys} must share a grid, but no way leads from one to the other inside their "
        "area. Drop the rule, or open the barrier between them.",
        keys=keys,
    )


def check_apart(cells: gpd.GeoDataFrame, rules: Rules, group: np.ndarray) -> np.ndarray:
    """Pairs of cells that must not share a grid, those of different locked names among them.

    Raises
    ------
    ParameterError : two cells must share a grid and must not
    """
    pairs = np.array(list(rules.apart), dtype=np.int64).reshape(-1, 2)
    if rules.locked is not None:
        code = cells[rules.locked].factorize(use_na_sentinel=True)[0]
        first = np.unique(code[code >= 0], return_index=True)[1]
        rows = np.flatnonzero(code >= 0)[first]
        one, other = np.triu_indices(len(rows), 1)
        pairs = np.r_[pairs, np.stack([rows[one], rows[other]], axis=1)]
    is_torn = (group[pairs[:, 0]] >= 0) & (group[pairs[:, 0]] == group[pairs[:, 1]])
    if is_torn.any():
        keys = _keys(cells, pairs[is_torn][0])
        raise ParameterError(
            "plan.apart_and_together",
            f"cells {keys} must share a grid and must not: {int(is_torn.sum())} such pairs. "
            "Drop one of the rules.",
            keys=keys,
            count=int(is_torn.sum()),
        )
    return pairs


def _keys(cells: gpd.GeoDataFrame, rows: np.ndarray) -> list[str]:
    names = cells["cell"] if "cell" in cells.columns else cells.index.to_series()
    return [str(name) for name in names.iloc[rows]]

"""From cells and demands to what the search works on: parts, units, numbers of grids, limits."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np

from geo.errors import ParameterError
from geo.planning import bounds, counts, graph, rules, units
from geo.planning.contiguity import Adjacency
from geo.planning.masks import LARGEST
from geo.planning.ties import Ties

SLACK = 0.004
"""Where the mean itself lies outside the tolerance, limits reach this share of the target beyond
it, so that loads can still be traded."""

FORCING_SHARE = 0.8
"""A branch that forces a deviation above this share of the tolerance is set apart: little room is
left, and a search that is not told hardly finds it."""

MAX_BRANCHES = 200
"""At most this many branches of cells are set apart."""


@dataclass(frozen=True)
class Problem:
    """What is searched: n cells in parts that share no grid, each with its number of grids.

    `whole`: the graph of the single cells; `undivided`: the same before heavy cells and forcing
    branches were set apart, whose bounds hold for every plan. `loads` (n, m): the load and those
    balanced beside it. `n_grids`: of each part; grids are numbered on from part to part.
    `part_of_grid`; `limits` (k, m, 3): low, high, target. `unit`: of each cell, cells of one unit
    staying together. `compound`: of each cell, -1 for none; only compounds that fit into one grid
    are numbered.
    `apart`: pairs of cells. `n_heavy`: cells too heavy for any grid.
    """

    cells: gpd.GeoDataFrame
    adjacency: Adjacency
    whole: graph.Graph
    undivided: graph.Graph
    loads: np.ndarray
    n_grids: np.ndarray
    part_of_grid: np.ndarray
    limits: np.ndarray
    capacity: np.ndarray
    unit: np.ndarray
    compound: np.ndarray
    apart: np.ndarray
    n_heavy: int

    def network(self, unit: np.ndarray) -> graph.Graph:
        """The graph of these units; its parts are the problem's."""
        return graph.build(
            self.cells, self.adjacency, self.loads[:, 0], area=self.whole.part, unit=unit
        )

    def unit_loads(self, unit: np.ndarray) -> np.ndarray:
        """Loads (n units, m) of these units."""
        return np.column_stack([np.bincount(unit, column) for column in self.loads.T])

    def ties(self, unit: np.ndarray) -> Ties:
        """For each unit the others of its compound, and those that must not share its grid."""
        n = int(unit.max()) + 1
        compound = np.full(n, -1, dtype=np.int64)
        compound[unit] = self.compound
        fellows: list[list[int]] = [[] for _ in range(n)]
        order = np.argsort(compound, kind="stable")
        order = order[compound[order] >= 0]
        for group in np.split(order, np.flatnonzero(np.diff(compound[order])) + 1):
            for one in group.tolist() if len(group) > 1 else ():
                fellows[one] = [other for other in group.tolist() if other != one]
        apart: list[list[int]] = [[] for _ in range(n)]
        for one, other in unit[self.apart].tolist():
            apart[one].append(other)
            apart[other].append(one)
        n_fellows = np.array([len(one) for one in fellows], dtype=np.int64)
        n_apart = np.array([len(one) for one in apart], dtype=np.int64)
        begin = np.r_[0, np.cumsum(n_fellows + n_apart)[:-1]].astype(np.int64)
        flat = [other for one in range(n) for other in (*fellows[one], *apart[one])]
        return Ties(
            np.stack([begin, begin + n_fellows, begin + n_fellows + n_apart], axis=1),
            np.array(flat, dtype=np.int64),
        )


def prepare(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    *,
    load: np.ndarray,
    more_loads: dict[str, np.ndarray],
    target: float,
    n_grids: int | None,
    tolerance: float,
    within: str | None,
    keep_whole: str | None,
    demands: rules.Rules,
) -> Problem:
    """The problem to search.

    Parameters
    ----------
    load : of each cell; more_loads : the columns of `demands.balance`
    target : wanted load of a grid, the mean where the number of grids is given

    Raises
    ------
    ParameterError : the demands contradict each other
    """
    own_area = units.area_codes(cells, within)
    area, is_special = _special_apart(cells, own_area, demands.special)
    undivided = graph.build(cells, adjacency, load, area=area)
    area, is_heavy = units.set_heavy_apart(
        adjacency, area, load, target=target, tolerance=tolerance, is_kept=is_special
    )
    whole = graph.build(cells, adjacency, load, area=area)
    whole = _branches_apart(
        cells, adjacency, whole, load, target=target, tolerance=tolerance, is_kept=is_special
    )
    joined = rules.joined_cells(cells, adjacency, demands, whole.part)
    unit = units.whole_units(
        cells,
        adjacency,
        whole.part,
        load,
        keep_whole=keep_whole,
        limit=target * (1 + tolerance),
        joined=joined,
    )
    is_one = np.zeros(whole.n_parts, dtype=bool)
    is_one[whole.part[is_heavy | is_special]] = True
    k = _count_grids(whole, is_one, target, n_grids)
    capacity = _capacities(cells, whole, k, within, demands)
    k = np.array([len(one) for one in capacity], dtype=np.int64)
    n_units = np.array([len(np.unique(unit[whole.part == part])) for part in range(len(k))])
    unit = units.release(unit, (n_units < k)[whole.part] & (joined < 0))
    loads = np.column_stack([load, *more_loads.values()])
    part_of_grid = np.repeat(np.arange(len(k)), k)
    has_own = np.bincount(whole.part, np.isin(own_area, _with_capacities(cells, within, demands)))
    return Problem(
        cells=cells,
        adjacency=adjacency,
        whole=whole,
        undivided=undivided,
        loads=loads,
        n_grids=k,
        part_of_grid=part_of_grid,
        limits=_limits(
            whole,
            loads,
            capacity,
            is_shared_out=has_own > 0,
            target=target,
            tolerances=[tolerance, *(demands.balance[name] for name in more_loads)],
        ),
        capacity=np.concatenate(capacity),
        unit=unit,
        compound=units.fitting_compounds(cells, whole.part, load, keep_whole, target),
        apart=rules.check_apart(cells, demands, joined),
        n_heavy=int(is_heavy.sum()),
    )


def _special_apart(
    cells: gpd.GeoDataFrame, area: np.ndarray, special: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Areas in which each special grid stands alone, and a mask of its cells."""
    if special is None:
        return area, np.zeros(len(cells), dtype=bool)
    code = np.asarray(cells[special].factorize(use_na_sentinel=True)[0], dtype=np.int64)
    pairs = np.stack([np.where(code >= 0, code, -1), area], axis=1)
    found = np.unique(pairs, axis=0, return_inverse=True)[1].ravel()
    return found.astype(np.int64), code >= 0


def _branches_apart(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency,
    whole: graph.Graph,
    load: np.ndarray,
    *,
    target: float,
    tolerance: float,
    is_kept: np.ndarray,
) -> graph.Graph:
    """The graph where each branch that forces a deviation near or beyond the tolerance is a part.

    The best division of such a branch is known (see `bounds.deviation_bound`): it goes with the
    unit it hangs on, or without it, and shares no grid with the rest. Small parts stay whole: they
    are settled exactly.
    """
    settled: set[int] = set()
    for _ in range(MAX_BRANCHES):
        branch = bounds.worst_branch(whole, target, FORCING_SHARE * tolerance, settled)
        if branch is None:
            break
        settled.add(branch.unit)
        is_same = whole.part == whole.part[branch.unit]
        if is_kept[is_same].any() or is_same.sum() <= LARGEST:
            continue
        part = whole.part.copy()
        part[branch.units] = whole.n_parts
        whole = graph.build(cells, adjacency, load, area=part)
    return whole


def _count_grids(
    whole: graph.Graph, is_one: np.ndarray, target: float, n_grids: int | None
) -> np.ndarray:
    """Grids of each part; `is_one`: parts that are one grid."""
    load = np.bincount(whole.part, whole.load, minlength=whole.n_parts)
    size = np.where(is_one, 1, np.bincount(whole.part, minlength=whole.n_parts))
    if n_grids is None:
        return counts.by_target(load, size, target)
    return counts.by_total(load, size, n_grids)


def _with_capacities(
    cells: gpd.GeoDataFrame, within: str | None, demands: rules.Rules
) -> np.ndarray:
    """Codes of the areas whose workers' capacities are given."""
    if not demands.capacities:
        return np.empty(0, dtype=np.int64)
    if within is None or within not in cells.columns:
        raise ParameterError(
            "plan.capacities_need_areas",
            "capacities are given by area, and the cells have no column for it. Name `within`.",
        )
    names = cells[within].astype("str")
    missing = sorted(set(demands.capacities) - set(names))
    if missing:
        raise ParameterError(
            "plan.capacities_unknown",
            f"capacities are given for areas that no cell lies in: {missing[:3]}. "
            "Correct the names.",
            areas=missing[:3],
        )
    code = units.area_codes(cells, within)
    found: np.ndarray = np.unique(code[names.isin(list(demands.capacities)).to_numpy()])
    return found


def _capacities(
    cells: gpd.GeoDataFrame,
    whole: graph.Graph,
    k: np.ndarray,
    within: str | None,
    demands: rules.Rules,
) -> list[np.ndarray]:
    """The relative capacity of each grid, part by part.

    Raises
    ------
    ParameterError : an area with given capacities falls into parts
    """
    found = [np.ones(int(count)) for count in k]
    _with_capacities(cells, within, demands)
    for name, given in demands.capacities.items():
        parts = np.unique(whole.part[(cells[str(within)].astype("str") == name).to_numpy()])
        values = np.array(list(given), dtype=np.float64)
        n_units = int((whole.part == parts[0]).sum())
        if len(parts) > 1 or not 1 <= len(values) <= n_units or not (values > 0).all():
            raise ParameterError(
                "plan.capacities",
                f"area {name} has {len(parts)} connected parts and {n_units} cells; capacities "
                f"need one part and between 1 and that many numbers above 0, got {list(given)}.",
                area=name,
                n_parts=len(parts),
                n_cells=n_units,
                capacities=[float(value) for value in values],
            )
        found[int(parts[0])] = values
    return found


def _limits(
    whole: graph.Graph,
    loads: np.ndarray,
    capacity: list[np.ndarray],
    *,
    is_shared_out: np.ndarray,
    target: float,
    tolerances: list[float],
) -> np.ndarray:
    """Low, high and target (k, m, 3) of each grid's loads.

    The first load's target is the wanted one, or the area's load shared out by capacity where
    capacities are given; the others' the part's mean. Limits take in the mean and a little beyond,
    and what hangs behind one unit allows.
    """
    n_parts = len(capacity)
    k = np.array([len(one) for one in capacity])
    shares = np.concatenate([one / one.sum() for one in capacity])
    part_of_grid = np.repeat(np.arange(n_parts), k)
    hanging = bounds.branch_bounds(whole, target)[part_of_grid]
    found = np.empty((len(shares), loads.shape[1], 3))
    for j, tolerance in enumerate(tolerances):
        mean = np.bincount(whole.part, loads[:, j], minlength=n_parts)[part_of_grid] * shares
        wanted = np.where(is_shared_out[part_of_grid], mean, target) if j == 0 else mean
        wanted = np.maximum(wanted, 1e-9)
        reach = np.where(hanging > tolerance, hanging + SLACK, tolerance) if j == 0 else tolerance
        is_off = np.abs(mean - wanted) > tolerance * wanted
        slack = np.where(is_off, SLACK * wanted, 0.0)
        found[:, j, 0] = np.minimum(wanted * (1 - reach), mean - slack)
        found[:, j, 1] = np.maximum(wanted * (1 + reach), mean + slack)
        found[:, j, 2] = wanted
    return found

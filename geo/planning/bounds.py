"""What no plan can do better: lower bounds of the largest deviation, with the reason."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo.planning.counts import by_target
from geo.planning.graph import Graph

BISECTIONS = 50
PROVED_WITHIN = 1e-9
"""Bounds are found by halving an interval this often, to within this deviation."""


@dataclass(frozen=True)
class Bound:
    """No plan's largest |load - target| / target is below `value`.

    `reason` is `mean` (the load of a part does not divide into grids), `unit` (one indivisible
    unit is too heavy), `behind` (too much load hangs behind one unit) or `none`; `unit` is the
    unit it hangs on, -1 for none; `load` the load that hangs there, its largest branch left out.
    """

    value: float
    reason: str
    unit: int
    load: float


def deviation_bound(graph: Graph, n_grids: np.ndarray, target: float) -> Bound:
    """The largest of the bounds that the graph's shape proves.

    A part of load L in k grids has a grid at least |L / k - target| off. A grid holding a unit has
    at least its load. Where a unit cuts a branch of load S off from the rest, the grids wholly
    inside the branch, q of them, and the unit's own grid must carry S and the unit's load:
    some deviation is at least (S + unit) / ((q + 1) target) - 1 or 1 - S / (q target), and the
    best q is taken.

    Parameters
    ----------
    n_grids : grids of each connected part
    """
    part_load = np.bincount(graph.part, graph.load, minlength=graph.n_parts)
    best = Bound(0.0, "none", -1, 0.0)
    if graph.n_units and graph.load.max() / target - 1 > best.value:
        unit = int(graph.load.argmax())
        best = Bound(float(graph.load[unit] / target - 1), "unit", unit, float(graph.load[unit]))
    means = np.abs(part_load / n_grids - target) / target
    if len(means) and means.max() > best.value:
        worst = int(means.argmax())
        unit = int(np.flatnonzero(graph.part == worst)[0])
        best = Bound(float(means[worst]), "mean", unit, float(part_load[worst]))
    hanging = hanging_bounds(graph, target)
    if graph.n_units and hanging.max() > best.value:
        unit = int(hanging.argmax())
        cut_unit, branch = branches(graph, part_load)
        behind = branch[cut_unit == unit]
        best = Bound(float(hanging[unit]), "behind", unit, float(behind.sum() - behind.max()))
    return best


def branch_bounds(graph: Graph, target: float) -> np.ndarray:
    """For each connected part the bound by load hanging behind one unit (see hanging_bounds)."""
    found = np.zeros(graph.n_parts)
    np.maximum.at(found, graph.part, hanging_bounds(graph, target))
    return found


def hanging_bounds(graph: Graph, target: float) -> np.ndarray:
    """For each unit the deviation that the branches hanging on it force, 0 for most.

    At a deviation d, a branch of load S takes in at most q = floor(S / (target (1 - d))) grids of
    its own, so that at least S - q target (1 + d) of it lies in the unit's grid. All those rests
    and the unit must not exceed target (1 + d): the least d that allows it, found by bisection.
    """
    part_load = np.bincount(graph.part, graph.load, minlength=graph.n_parts)
    cut_unit, branch = branches(graph, part_load)
    found = np.zeros(graph.n_units)
    if len(cut_unit) == 0:
        return found
    units, at = np.unique(cut_unit, return_inverse=True)
    low, high = np.zeros(len(units)), np.full(len(units), float(graph.load.sum()) / target + 1)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        rest = _rests(branch, middle[at], target)
        held = graph.load[units] + np.bincount(at, rest)
        is_enough = held <= target * (1 + middle)
        low, high = np.where(is_enough, low, middle), np.where(is_enough, middle, high)
    found[units] = np.where(high < 2 * PROVED_WITHIN, 0.0, low)
    return found


def _rests(branch: np.ndarray, deviation: np.ndarray, target: float) -> np.ndarray:
    """The least load of each branch outside grids of its own, at that deviation."""
    least = np.maximum(target * (1 - deviation), 1e-300)
    q = np.where(deviation >= 1, np.inf, np.floor(branch / least + PROVED_WITHIN))
    most = np.where(np.isinf(q), np.inf, np.where(np.isinf(q), 0.0, q) * target * (1 + deviation))
    rest: np.ndarray = np.maximum(0.0, branch - most)
    return rest


@dataclass(frozen=True)
class Branch:
    """`units`: what best goes into grids of its own; `unit`: the one that a branch hangs on."""

    unit: int
    units: np.ndarray


def worst_branch(
    graph: Graph, target: float, tolerance: float, settled: Collection[int]
) -> Branch | None:
    """The branch behind one unit that forces the largest deviation above the tolerance.

    None where none does, units in `settled` and branches of parts whose mean deviates as much
    left out.
    """
    part_load = np.bincount(graph.part, graph.load, minlength=graph.n_parts)
    value = hanging_bounds(graph, target)
    k = by_target(part_load, np.bincount(graph.part, minlength=graph.n_parts), target)
    mean = np.abs(part_load / k - target) / target
    value[value <= mean[graph.part] + 2 * PROVED_WITHIN] = 0.0
    value[list(settled)] = 0.0
    unit = int(value.argmax()) if len(value) else -1
    if unit < 0 or value[unit] <= tolerance:
        return None
    one, other = graph.edges()
    is_open = (one != unit) & (other != unit)
    links = coo_array(
        (np.ones(int(is_open.sum())), (one[is_open], other[is_open])),
        shape=(graph.n_units, graph.n_units),
    )
    piece = connected_components(links.tocsr(), directed=False)[1]
    near = np.unique(piece[graph.indices[graph.indptr[unit] : graph.indptr[unit + 1]]])
    branch = np.bincount(piece, graph.load)[near]
    deviation = np.full(len(near), value[unit] + 2 * PROVED_WITHIN)
    rest = _rests(branch, deviation, target)
    room = target * (1 + value[unit]) - graph.load[unit] - rest.sum()
    if room < 1e-6 * target:
        together = np.append(near[rest > 0], piece[unit])
        return Branch(unit, np.flatnonzero(np.isin(piece, together)))
    grids = np.maximum(1.0, np.round(branch / target))
    forcing = int(np.abs(1 - branch / (grids * target) - value[unit]).argmin())
    return Branch(unit, np.flatnonzero(piece == near[forcing]))


def branches(graph: Graph, part_load: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each articulation unit with each load it cuts off (Hopcroft and Tarjan 1973)."""
    indptr, indices = graph.indptr.tolist(), graph.indices.tolist()
    load, part = graph.load.tolist(), graph.part.tolist()
    n = graph.n_units
    seen, low, below = [-1] * n, [0] * n, list(load)
    cut_unit: list[int] = []
    branch: list[float] = []
    away = [0.0] * n
    clock = 0
    for root in range(n):
        if seen[root] >= 0:
            continue
        n_children = 0
        stack = [(root, -1, indptr[root])]
        seen[root] = low[root] = clock
        clock += 1
        while stack:
            unit, parent, edge = stack.pop()
            if edge < indptr[unit + 1]:
                stack.append((unit, parent, edge + 1))
                other = indices[edge]
                if seen[other] < 0:
                    seen[other] = low[other] = clock
                    clock += 1
                    n_children += unit == root
                    stack.append((other, unit, indptr[other]))
                elif other != parent:
                    low[unit] = min(low[unit], seen[other])
                continue
            if parent >= 0:
                low[parent] = min(low[parent], low[unit])
                below[parent] += below[unit]
                if low[unit] >= seen[parent]:
                    away[parent] += below[unit]
                    cut_unit.append(parent)
                    branch.append(below[unit])
        if n_children < 2:
            kept = [i for i, unit in enumerate(cut_unit) if unit != root]
            cut_unit, branch = [cut_unit[i] for i in kept], [branch[i] for i in kept]
    rest_of = sorted(set(cut_unit))
    rest = [part_load[part[u]] - load[u] - away[u] for u in rest_of]
    is_rest = [i for i, value in enumerate(rest) if value > 0]
    return (
        np.array(cut_unit + [rest_of[i] for i in is_rest], dtype=np.int64),
        np.array(branch + [rest[i] for i in is_rest], dtype=np.float64),
    )

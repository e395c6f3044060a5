"""What no plan can do better: lower bounds of the largest deviation, with the reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geo.planning.graph import Graph


@dataclass(frozen=True)
class Bound:
    """No plan's largest |load - target| / target is below `value`.

    `reason` is `mean` (the load of a part does not divide into grids), `unit` (one indivisible
    unit is too heavy), `behind` (too much load hangs behind one unit) or `none`; `unit` is the
    unit it hangs on, -1 for none; `load` the load that hangs there.
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
    cut_unit, branch = branches(graph, part_load)
    if len(cut_unit) == 0:
        return best
    value = _branch_bound(branch, graph.load[cut_unit], target)
    worst = int(value.argmax())
    if value[worst] > best.value:
        best = Bound(float(value[worst]), "behind", int(cut_unit[worst]), float(branch[worst]))
    return best


def branch_bounds(graph: Graph, target: float) -> np.ndarray:
    """For each connected part the bound by load hanging behind one unit (see deviation_bound)."""
    part_load = np.bincount(graph.part, graph.load, minlength=graph.n_parts)
    cut_unit, branch = branches(graph, part_load)
    found = np.zeros(graph.n_parts)
    if len(cut_unit):
        np.maximum.at(
            found, graph.part[cut_unit], _branch_bound(branch, graph.load[cut_unit], target)
        )
    return found


def _branch_bound(branch: np.ndarray, own: np.ndarray, target: float) -> np.ndarray:
    """The least deviation that a branch of this load behind a unit of its own load allows."""
    best = np.full(len(branch), np.inf)
    around = np.floor(branch / target)
    for shift in (-1.0, 0.0, 1.0):
        q = np.maximum(0.0, around + shift)
        above = (branch + own) / ((q + 1) * target) - 1
        below = np.where(q > 0, 1 - branch / np.maximum(q * target, 1e-12), 0.0)
        best = np.minimum(best, np.maximum(np.maximum(above, below), 0.0))
    return best


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

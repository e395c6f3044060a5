"""What no plan can do better: lower bounds of the largest deviation, with the reason."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo.planning.articulation import cut_branches
from geo.planning.counts import by_target
from geo.planning.graph import Graph
from geo.planning.ground import MOST_SETS
from geo.planning.local_sets import local_bounds
from geo.planning.masks import LARGEST
from geo.planning.objective import Weights
from geo.planning.windows import best_division

NOT_LOOKED_FOR = 0.005
"""Bounds around units below this are not looked for."""

AS_GOOD = 1e-6
"""A bound no more than this above another is not worth another reason."""

SETS_A_UNIT = 20_000
SETS_IN_ALL = 3_000_000
"""Connected sets tried around one unit, and around all, at most."""

DIVISIONS_TRIED = 200_000
RESOLUTION = 1e-5
HOPELESS = 10.0
"""Sets of units looked at to prove that a part has no division within a deviation; how exactly the
least deviation is found; and where the search for it ends."""

ANY_DIVISION = Weights(shape=0.0, border=0.0, along_barrier=0.0, split=0.0)

BISECTIONS = 50
PROVED_WITHIN = 1e-9
"""Bounds are found by halving an interval this often, to within this deviation."""


@dataclass(frozen=True)
class Bound:
    """No plan's largest |load - target| / target, in that part, is below `value`.

    `reason`:

    - `mean`: the load of the part does not divide into its grids; `load`: the part's
    - `unit`: one indivisible unit is too heavy; `load`: its own
    - `behind`: too much load hangs behind one unit; `load`: that, its largest branch left out
    - `around`: no connected set with the unit comes nearer to the target, or leaves a rest that
      does; `load`: the best set's
    - `whole`: every division of the part was tried; `load`: the part's
    - `none`

    `unit`: the unit it hangs on (the first of the part for `mean` and `whole`), -1 for none.
    """

    value: float
    reason: str
    unit: int
    load: float
    part: int = -1


def deviation_bound(
    graph: Graph, n_grids: np.ndarray, target: float, *, tolerance: float | None = None
) -> Bound:
    """The largest of the bounds that can be proved for any part (see `part_bounds`)."""
    every = part_bounds(graph, n_grids, target, tolerance=tolerance)
    return max(every, key=lambda bound: bound.value, default=Bound(0.0, "none", -1, 0.0))


def part_bounds(
    graph: Graph, n_grids: np.ndarray, target: float, *, tolerance: float | None = None
) -> list[Bound]:
    """For each connected part what no plan can do better, with the reason.

    - A part of load L in k grids has a grid at least |L / k - target| off.
    - A grid that holds a unit has at least its load.
    - What hangs behind a unit must go into grids of its own, or with the unit (`hanging_bounds`).
    - The grid that holds a unit is one of the connected sets around it, and what such a set cuts
      off must go into grids of its own; all sets are tried where they are few (`local_bounds`).
      Bounds below half a percent are not looked for.
    - With a tolerance, parts of up to 64 units whose bound lies within it: whether all divisions
      fail is tried, up to a number of them; and what the least deviation is (`whole`).

    Parameters
    ----------
    n_grids : grids of each connected part
    target : wanted load of every grid, above 0
    """
    found = _Found(graph)
    part_load = np.bincount(graph.part, graph.load, minlength=graph.n_parts)
    every = np.arange(graph.n_units)
    heaviest = np.lexsort((every, -graph.load, graph.part))
    heaviest = heaviest[np.unique(graph.part[heaviest], return_index=True)[1]]
    found.raise_to(graph.load[heaviest] / target - 1, "unit", heaviest, graph.load[heaviest])
    mean = np.abs(part_load / n_grids - target) / target
    found.raise_to(mean, "mean", found.first, part_load)
    hanging = hanging_bounds(graph, target)
    hung = np.flatnonzero(hanging > 0)
    found.raise_to(hanging[hung], "behind", hung, _loads_behind(graph, part_load)[hung])
    around, best_load = local_bounds(
        graph.indptr.astype(np.int64),
        graph.indices.astype(np.int64),
        graph.load.astype(np.float64),
        graph.part.astype(np.int64),
        np.argsort(np.diff(graph.indptr), kind="stable"),
        target,
        np.array([max(bound.value + AS_GOOD, NOT_LOOKED_FOR) for bound in found.bounds]),
        SETS_A_UNIT,
        SETS_IN_ALL,
    )
    near = np.flatnonzero(around > 0)
    found.raise_to(around[near], "around", near, best_load[near])
    if tolerance is not None:
        _try_whole(found, n_grids, target, tolerance)
    return found.bounds


class _Found:
    """The largest bound of each part so far; `first`: the first unit of each."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.bounds = [Bound(0.0, "none", -1, 0.0, part) for part in range(graph.n_parts)]
        self.first = np.zeros(graph.n_parts, dtype=np.int64)
        self.first[graph.part[::-1]] = np.arange(graph.n_units)[::-1]

    def raise_to(self, value: np.ndarray, reason: str, unit: np.ndarray, load: np.ndarray) -> None:
        """Take over the values that are larger than what is known of the units' parts."""
        for at in np.argsort(-value, kind="stable").tolist():
            part = int(self.graph.part[unit[at]])
            if value[at] > self.bounds[part].value + AS_GOOD:
                self.bounds[part] = Bound(
                    float(value[at]), reason, int(unit[at]), float(load[at]), part
                )


def _try_whole(found: _Found, n_grids: np.ndarray, target: float, tolerance: float) -> None:
    """Try all divisions of small parts whose bounds do not settle whether they can be lawful."""
    graph = found.graph
    size = np.bincount(graph.part, minlength=graph.n_parts)
    is_small = (size <= LARGEST) & (size >= n_grids) & (n_grids > 1) & (n_grids <= MOST_SETS)
    for part in np.flatnonzero(is_small):
        units = np.flatnonzero(graph.part == part)
        known = max(found.bounds[part].value, tolerance)
        value = _least_of_whole(graph.part_of(units), int(n_grids[part]), target, known)
        if value > 0:
            found.raise_to(
                np.array([value]), "whole", units[:1], np.array([graph.load[units].sum()])
            )


def _loads_behind(graph: Graph, part_load: np.ndarray) -> np.ndarray:
    """For each unit the load that hangs on it, its largest branch left out."""
    unit, branch = branches(graph, part_load)
    most = np.zeros(graph.n_units)
    np.maximum.at(most, unit, branch)
    behind: np.ndarray = np.bincount(unit, branch, minlength=graph.n_units) - most
    return behind


def _least_of_whole(graph: Graph, n_grids: int, target: float, known: float) -> float:
    """What trying every division of a small part proves beyond the known deviation.

    0 where a division within that exists, or the cap on nodes is reached before that is sure.
    """
    below, above = known, np.inf
    if _can_divide(graph, n_grids, target, below) is not False:
        return 0.0
    while above - below > RESOLUTION:
        middle = (below + above) / 2 if np.isfinite(above) else 1.5 * below + 0.01
        answer = _can_divide(graph, n_grids, target, middle)
        if answer is None:
            break
        below, above = (below, middle) if answer else (middle, above)
        if below > HOPELESS:
            break
    return below


def _can_divide(graph: Graph, n_grids: int, target: float, deviation: float) -> bool | None:
    """Whether a division within that deviation exists; None where the cap on nodes is reached."""
    limit = target * np.array([1 - deviation, 1 + deviation, 1.0])
    found = best_division(
        graph,
        np.arange(graph.n_units),
        limits=np.tile(limit, (n_grids, 1, 1)),
        edge_cost=np.zeros(len(graph.indices)),
        weights=ANY_DIVISION,
        node_cap=DIVISIONS_TRIED,
    )
    return True if found.labels is not None else False if found.is_proved else None


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
    """Each articulation unit with each load it cuts off (see `articulation.cut_branches`)."""
    unit, branch = cut_branches(
        graph.indptr.astype(np.int64),
        graph.indices.astype(np.int64),
        graph.load.astype(np.float64),
        part_load[graph.part],
    )
    return unit[branch > 0], branch[branch > 0]

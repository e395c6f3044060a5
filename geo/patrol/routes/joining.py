"""Wanted streets that fall apart, joined: the rural postman by integer programming with cuts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, shortest_path

from geo.errors import ParameterError
from geo.patrol.routes.kernels import shortest_ways, way_back
from geo.patrol.routes.network import WalkNetwork, parts_of

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

MAX_ROUNDS = 40
"""Times that cuts are added before the parts are joined as they are."""

MAX_NODES = 20_000
"""Nodes of one search; a count, not a time, so that the answer is the same on every machine."""

MOST_PARTS_AT_ONCE = 6
"""Parts of which all groups are cut before the first solution: at most 31 cuts."""


@dataclass(frozen=True)
class Joined:
    """`extra`: edges to walk beside the wanted, repeated as often as walked; `ends` of an open
    walk; `bound_m`: length, with the wanted edges, that no walk can be shorter than."""

    extra: Indices
    ends: Indices
    bound_m: float
    is_proved: bool


@dataclass(frozen=True)
class _Ways:
    """Ways between terminals that pass no third: `left`, `right` positions among `terminals`."""

    terminals: Indices
    left: Indices
    right: Indices
    cost_m: Floats
    last_edge: Indices


def join_parts(
    network: WalkNetwork,
    wanted: Indices,
    is_odd: Mask,
    *,
    base: int | None,
    n_free: int,
) -> Joined:
    """The cheapest edges that make the wanted ones (and the base) one connected walk.

    Variables are how often (0 to 2) each way between two terminals is walked: terminals are odd
    nodes, nodes where wanted and other streets meet, and the base; a way through a third is made of
    two. Each terminal becomes even, and every set of parts found apart is cut: what crosses its
    border is at least 2 (Corberan and Sanchis 1994). HiGHS solves; cuts are added until the answer
    hangs together, which then is exact. Past MAX_ROUNDS or MAX_NODES what is apart is joined by
    the cheapest ways there and back, and the bound stays that of the last proof.
    """
    ways = _ways(network, wanted, is_odd, base)
    part = _part_of_terminal(network, wanted, ways.terminals)
    model = _Model(ways, is_odd[ways.terminals], n_free, ways.terminals == base)
    for regions in _groups(part.max() + 1):
        model.cut(np.isin(part, regions))
    for terminal in np.flatnonzero(is_odd[ways.terminals]) if n_free == 0 else ():
        model.leave(int(terminal))
    bound_m, is_proved = 0.0, False
    times, free = np.zeros(len(ways.cost_m), dtype=np.int64), np.zeros(0, dtype=np.int64)
    for _ in range(MAX_ROUNDS):
        times, free, bound, is_optimal = model.solve()
        bound_m = max(bound_m, bound)
        apart = _apart(part, ways, times)
        is_proved = is_optimal and apart.max() == 0
        if apart.max() == 0 or not is_optimal:
            break
        for region in range(apart.max() + 1):
            model.cut(apart == region)
    times = _linked(part, ways, times)
    extra = [np.tile(_way(network, ways, i), times[i]) for i in np.flatnonzero(times)]
    edges = np.concatenate([*extra, np.zeros(0, dtype=np.int64)])
    ends = ways.terminals[free]
    return Joined(edges, ends, float(network.length_m[wanted].sum()) + bound_m, is_proved)


class _Model:
    """The integer program, its cuts growing. Columns: ways, ends (z), halves of degrees (y)."""

    def __init__(self, ways: _Ways, is_odd: Mask, n_free: int, is_base: Mask) -> None:
        self.ways, self.n_free, self.is_base = ways, n_free, is_base
        n, m = len(ways.terminals), len(ways.cost_m)
        self.n_ways, self.n_ends = m, n if n_free else 0
        self.n_columns = m + self.n_ends + n
        at, way = np.arange(n), np.arange(m)
        # parity: degree - 2 y = 1 for odd terminals, 0 for even ones
        self.parity = np.zeros((n, self.n_columns))
        self.parity[ways.left, way] = 1.0
        self.parity[ways.right, way] = 1.0
        self.parity[at, m + self.n_ends + at] = -2.0
        if n_free:
            self.parity[at, m + at] = 1.0
        self.rows: list[Floats] = []
        self.low = is_odd.astype(np.float64)
        self.high = is_odd.astype(np.float64)
        if n_free:
            row = np.zeros(self.n_columns)
            row[m : m + n] = 1.0
            self._add(row, n_free, n_free)
        self.cost = np.concatenate([ways.cost_m, np.zeros(self.n_ends + n)])
        self.upper = np.concatenate(
            [np.full(m, 2.0), np.ones(self.n_ends), np.full(n, float(2 * m + 2))]
        )

    def _add(self, row: Floats, low: float, high: float) -> None:
        self.rows.append(row)
        self.low, self.high = np.append(self.low, low), np.append(self.high, high)

    def _crossing(self, is_inside: Mask) -> Floats:
        row = np.zeros(self.n_columns)
        row[: self.n_ways] = is_inside[self.ways.left] != is_inside[self.ways.right]
        return row

    def cut(self, is_inside: Mask) -> None:
        """What crosses the border of these terminals is at least 2, an end inside counting 1.

        An open walk from the base has an end there."""
        if is_inside.all() or not is_inside.any():
            return
        row, least = self._crossing(is_inside), 2.0
        if self.n_free:
            self._add(row, 1.0, np.inf)
            row[self.n_ways : self.n_ways + self.n_ends] = is_inside
            least -= float(self.n_free == 1 and (self.is_base & is_inside).any())
        self._add(row, least, np.inf)

    def leave(self, terminal: int) -> None:
        """An odd terminal is left by one way at least."""
        is_inside = np.zeros(len(self.ways.terminals), dtype=bool)
        is_inside[terminal] = True
        self._add(self._crossing(is_inside), 1.0, np.inf)

    def solve(self) -> tuple[Indices, Indices, float, bool]:
        """How often each way is walked, the terminals where it ends, the bound, whether proved."""
        matrix = np.vstack([self.parity, *self.rows])
        found = milp(
            self.cost,
            integrality=np.ones(self.n_columns),
            bounds=Bounds(np.zeros(self.n_columns), self.upper),
            constraints=LinearConstraint(csr_array(matrix), self.low, self.high),
            options={"mip_rel_gap": 0.0, "node_limit": MAX_NODES},
        )
        if found.x is None:
            raise ParameterError(
                "routes.no_walk",
                f"no walk joins the streets within {MAX_NODES} steps of the search. Choose fewer.",
            )
        whole = np.round(found.x).astype(np.int64)
        ends = np.flatnonzero(whole[self.n_ways : self.n_ways + self.n_ends])
        bound = float(found.fun if found.status == 0 else (found.mip_dual_bound or 0.0))
        return whole[: self.n_ways], ends, bound, found.status == 0


def _ways(network: WalkNetwork, wanted: Indices, is_odd: Mask, base: int | None) -> _Ways:
    is_wanted = np.zeros(len(network.tail), dtype=bool)
    is_wanted[wanted] = True
    n = len(network.nodes)
    degree = np.bincount(np.concatenate([network.tail, network.head]), minlength=n)
    own = np.bincount(np.concatenate([network.tail[wanted], network.head[wanted]]), minlength=n)
    is_terminal = is_odd | ((own > 0) & (degree > own))
    if base is not None:
        is_terminal[base] = True
    terminals = np.flatnonzero(is_terminal)
    distance, last_edge = shortest_ways(
        network.first,
        network.neighbour,
        network.way_edge,
        network.length_m,
        terminals,
        is_terminal,
        True,
    )
    between = np.ascontiguousarray(distance[:, terminals])
    # A way that is longer than one made of others is never walked.
    is_shortest = between <= shortest_path(between, directed=False) + 1e-9
    left, right = np.nonzero(np.triu(np.isfinite(between) & is_shortest, 1))
    return _Ways(terminals, left, right, between[left, right], last_edge)


def _way(network: WalkNetwork, ways: _Ways, i: np.intp) -> Indices:
    source, target = ways.terminals[ways.left[i]], ways.terminals[ways.right[i]]
    edges: Indices = way_back(
        ways.last_edge[ways.left[i]], network.tail, network.head, source, target
    )
    return edges


def _groups(n_parts: int) -> list[tuple[int, ...]]:
    """The groups of parts to be cut from the start: all of them for few parts, else single ones.

    A group's complement is cut with it, so that the first part is in none.
    """
    if n_parts > MOST_PARTS_AT_ONCE:
        return [(part,) for part in range(n_parts)]
    others = range(1, n_parts)
    return [group for k in range(1, n_parts) for group in combinations(others, k)]


def _part_of_terminal(network: WalkNetwork, wanted: Indices, terminals: Indices) -> Indices:
    is_wanted = np.zeros(len(network.tail), dtype=bool)
    is_wanted[wanted] = True
    part: Indices = np.unique(parts_of(network, is_wanted)[terminals], return_inverse=True)[1]
    return part.astype(np.int64)


def _apart(part: Indices, ways: _Ways, times: Indices) -> Indices:
    """The number of the connected piece each terminal is in, from 0."""
    n = part.max() + 1
    used = np.flatnonzero(times)
    ends = (part[ways.left[used]], part[ways.right[used]])
    joined = coo_array((np.ones(len(used)), ends), shape=(n, n))
    piece: Indices = connected_components(joined, directed=False)[1].astype(np.int64)
    return piece[part]


def _linked(part: Indices, ways: _Ways, times: Indices) -> Indices:
    """Pieces still apart joined by the cheapest ways, there and back."""
    times = times.copy()
    while (piece := _apart(part, ways, times)).max() > 0:
        across = np.flatnonzero(piece[ways.left] != piece[ways.right])
        times[across[np.argmin(ways.cost_m[across])]] = 2
    return times

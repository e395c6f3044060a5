"""Load as a flow between neighbouring grids: where it should go when an old plan is redrawn.

A linear program on the graph of the grids: what each hands to each neighbour so that all loads come
within their limits. Cells are indivisible and may jump, so the least flow is a guide to how much
load must move, and no bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, hstack, identity, vstack

from geo.planning.graph import Graph

NOTHING = 1e-9
"""Flows below this share of the target are rounding."""

OUTSIDE_COST = 1e4
"""Load left outside the limits costs so much more than load handed on."""

SMALLEST_FLOW = 0.03
"""Share of the target that a grid must pass on before it is worth its touching; smooths the price
of touching into a price of flow."""

MOST_TRIES = 40
"""So many grids, the least used first, are tried to be left alone."""


@dataclass(frozen=True)
class Exchange:
    """Which grids may hand load to which: `giver`, `taker` of each directed pair of neighbours.

    `loads`, `low`, `high` (k): in shares of the target.
    """

    giver: np.ndarray
    taker: np.ndarray
    loads: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def n_grids(self) -> int:
        return len(self.loads)

    def used(self, flow: np.ndarray) -> np.ndarray:
        """What each grid hands on and takes in together."""
        k = self.n_grids
        through: np.ndarray = np.bincount(self.giver, flow, k) + np.bincount(self.taker, flow, k)
        return through


def exchange_of(
    graph: Graph, labels: np.ndarray, limits: np.ndarray, is_open: np.ndarray
) -> Exchange:
    """What the grids of a plan can hand to each other.

    Parameters
    ----------
    labels : grid of each unit, 0 to k - 1
    limits : (k, 3) low, high, target
    is_open : k, the grid may change
    """
    k = len(limits)
    one, other = graph.edges()
    giver, taker = labels[one], labels[other]
    pairs = np.unique(giver[giver != taker] * k + taker[giver != taker])
    pairs = pairs[is_open[pairs // k] & is_open[pairs % k]]
    target = limits[:, 2]
    loads = np.bincount(labels, graph.load, minlength=k) / target
    return Exchange(pairs // k, pairs % k, loads, limits[:, 0] / target, limits[:, 1] / target)


def least_flow(
    exchange: Exchange,
    *,
    price: np.ndarray | None = None,
    is_allowed: np.ndarray | None = None,
) -> tuple[np.ndarray, float]:
    """The cheapest flow of each pair that leaves the least load outside the limits, and that load.

    Both in shares of the target. Linear program, solved by HiGHS (Huangfu and Hall 2018).

    Parameters
    ----------
    price : of each pair's flow, 1 where omitted
    is_allowed : k, flow may pass there; everywhere where omitted
    """
    k, m = exchange.n_grids, len(exchange.giver)
    price = np.ones(m) if price is None else price
    used = np.arange(m)
    if is_allowed is not None:
        used = np.flatnonzero(is_allowed[exchange.giver] & is_allowed[exchange.taker])
    n = len(used)
    column = np.arange(n)
    gain = csr_array(
        (
            np.r_[-np.ones(n), np.ones(n)],
            (np.r_[exchange.giver[used], exchange.taker[used]], np.r_[column, column]),
        ),
        shape=(k, n),
    )
    outside = identity(k, format="csr")
    none = csr_array((k, k))
    found = linprog(
        np.r_[price[used], np.full(2 * k, OUTSIDE_COST)],
        A_ub=vstack([hstack([gain, -outside, none]), hstack([-gain, none, -outside])]).tocsr(),
        b_ub=np.r_[exchange.high - exchange.loads, exchange.loads - exchange.low],
        bounds=(0, None),
        method="highs",
    )
    flow = np.zeros(m)
    flow[used] = np.where(found.x[:n] > NOTHING, found.x[:n], 0.0)
    return flow, float(found.x[n:].sum())


def sparing_flow(
    exchange: Exchange, *, touched: float, noise: np.ndarray
) -> tuple[np.ndarray, float]:
    """A flow that touches few grids, and its cost: load handed on and `touched` a grid.

    The fixed price is spread over the flow that a grid passes on, again and again; then the least
    used grids are left alone one by one where that costs less.

    Parameters
    ----------
    touched : price of touching a grid, in targets
    noise : added to the price of each pair's flow, for different flows
    """
    is_needed = (exchange.loads > exchange.high) | (exchange.loads < exchange.low)
    is_allowed = np.ones(exchange.n_grids, dtype=bool)

    def priced(extra: np.ndarray) -> np.ndarray:
        price: np.ndarray = 1 + noise + extra[exchange.giver] + extra[exchange.taker]
        return price

    def cost_of(flow: np.ndarray, outside: float) -> float:
        n_touched = np.count_nonzero(exchange.used(flow) > NOTHING)
        return float(flow @ (1 + noise) + touched * n_touched + OUTSIDE_COST * outside)

    extra = np.zeros(exchange.n_grids)
    best, least = np.zeros(len(exchange.giver)), np.inf
    for _ in range(3):
        flow, outside = least_flow(exchange, price=priced(extra))
        if cost_of(flow, outside) < least:
            best, least = flow, cost_of(flow, outside)
        through = exchange.used(flow)
        extra = np.where(is_needed, 0.0, touched / (through + SMALLEST_FLOW))
    is_tried = is_needed.copy()
    for _ in range(MOST_TRIES):
        through = exchange.used(best)
        rest = np.flatnonzero((through > NOTHING) & ~is_tried)
        if len(rest) == 0:
            break
        grid = rest[np.argmin(through[rest])]
        is_tried[grid] = True
        is_allowed[grid] = False
        extra = np.where(is_needed | (through > NOTHING), 0.0, 2 * touched / SMALLEST_FLOW)
        flow, outside = least_flow(exchange, price=priced(extra), is_allowed=is_allowed)
        if cost_of(flow, outside) < least - NOTHING:
            best, least = flow, cost_of(flow, outside)
        else:
            is_allowed[grid] = True
    return best, least

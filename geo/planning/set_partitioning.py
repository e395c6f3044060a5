"""The best division of a window by set partitioning over all sets of units that may be a grid."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csc_array, vstack

from geo.planning.graph import Graph
from geo.planning.objective import Weights
from geo.planning.possible_grids import NEARLY, PossibleGrids, costs_of, possible_grids
from geo.planning.windows import Division, Homes, best_division

INFEASIBLE = 2
"""HiGHS' status for a problem proved to have no solution."""


@dataclass(frozen=True)
class Choice:
    """`labels` of the window's units, None where none were found; whether they, or that there are
    none cheaper, is proved; no division costs less than `bound`.
    """

    labels: np.ndarray | None
    is_proved: bool
    cost: float
    bound: float


@dataclass(frozen=True)
class _Columns:
    """What is chosen from: sets, each as any grid, or as one of them.

    `rows` (constraints, columns), the `demand` of each, `price`, `grid` and `held` (the set) of
    each column; grid -1 for any.
    """

    rows: csc_array
    demand: np.ndarray
    price: np.ndarray
    grid: np.ndarray
    held: np.ndarray

    def kept(self, is_kept: np.ndarray) -> _Columns:
        return _Columns(
            self.rows[:, is_kept],
            self.demand,
            self.price[is_kept],
            self.grid[is_kept],
            self.held[is_kept],
        )


def choose_division(
    grids: PossibleGrids,
    costs: np.ndarray,
    *,
    limits: np.ndarray,
    homes: Homes | None = None,
    touched: float = 0.0,
    below: float = np.inf,
    node_limit: int | None = None,
    time_limit_s: float | None = None,
) -> Choice:
    """The lawful division of least cost into these sets, if it is not above `below`.

    A set partitioning problem (Garfinkel and Nemhauser 1969), solved by HiGHS; sets that the
    prices of the linear relaxation prove to be in no division that cheap are left out first.

    Parameters
    ----------
    costs : of the sets, see `costs_of`
    limits : (q, loads, 3) low, high, target of each grid
    homes, touched : as in `windows.best_division`
    below : cost of a known division
    node_limit : branches that HiGHS looks at, at most; time_limit_s : about as long as it may take
    """
    columns = _columns(grids, costs, limits, homes, touched)
    options: dict[str, float] = {}
    if time_limit_s is not None:
        options["time_limit"] = max(0.01, time_limit_s)
    is_none, bound, spare = _relaxed(columns, options)
    if len(spare) == 0:
        return Choice(None, is_none, np.inf, bound)
    columns = columns.kept(spare <= below - bound + 1e-6 * (1 + abs(bound)))
    if len(columns.price) == 0:
        return Choice(None, True, np.inf, bound)
    if node_limit is not None:
        options["node_limit"] = node_limit
    answer = milp(
        columns.price,
        constraints=LinearConstraint(columns.rows, columns.demand, columns.demand),
        integrality=np.ones(len(columns.price)),
        bounds=Bounds(0, 1),
        options={**options, "mip_rel_gap": 1e-9},
    )
    if answer.x is None:
        return Choice(None, answer.status == INFEASIBLE, np.inf, bound)
    if answer.mip_dual_bound is not None:
        bound = max(bound, float(answer.mip_dual_bound))
    taken = columns.kept(answer.x > 0.5)
    name = np.where(taken.grid < 0, np.arange(len(taken.grid)), taken.grid)
    labels = name[grids.is_in[:, taken.held].argmax(axis=1)]
    return Choice(labels, answer.status == 0, float(taken.price.sum()), bound)


def _relaxed(columns: _Columns, options: dict[str, float]) -> tuple[bool, float, np.ndarray]:
    """Whether there is no division at all; the least cost of the linear relaxation; and how much
    more each column costs than the relaxation's prices of its rows, empty where not known.
    """
    nothing = np.empty(0)
    if len(columns.price) == 0:
        return True, np.inf, nothing
    relaxed = linprog(
        columns.price,
        A_eq=columns.rows,
        b_eq=columns.demand,
        bounds=(0, None),
        method="highs",
        options=options,
    )
    if relaxed.status != 0:
        is_none = relaxed.status == INFEASIBLE
        return is_none, np.inf if is_none else -np.inf, nothing
    spare: np.ndarray = columns.price - columns.rows.T @ relaxed.eqlin.marginals
    return False, float(relaxed.fun) + float(np.minimum(spare, 0.0).sum()), spare


def _columns(
    grids: PossibleGrids,
    costs: np.ndarray,
    limits: np.ndarray,
    homes: Homes | None,
    touched: float,
) -> _Columns:
    """Each set once, so many to be chosen; where grids differ, each set as each grid it may be."""
    n, q = len(grids.is_in), len(limits)
    every = np.arange(len(costs))
    if homes is None and not np.ptp(limits, axis=0).any():
        holds = csc_array(grids.is_in.astype(np.float64))
        rows = vstack([holds, csc_array(np.ones((1, len(costs))))], format="csc")
        return _Columns(rows, np.r_[np.ones(n), float(q)], costs, np.full(len(costs), -1), every)
    prices = [
        _price_as(number, grids, costs, limits, homes=homes, touched=touched) for number in range(q)
    ]
    held = [every[np.isfinite(price)] for price in prices]
    grid = np.repeat(np.arange(q), [len(one) for one in held])
    which = np.concatenate(held)
    holds = csc_array(grids.is_in[:, which].astype(np.float64))
    is_grid = csc_array((grid[None, :] == np.arange(q)[:, None]).astype(np.float64))
    price = np.concatenate([one[np.isfinite(one)] for one in prices])
    return _Columns(vstack([holds, is_grid], format="csc"), np.ones(n + q), price, grid, which)


def _price_as(
    number: int,
    grids: PossibleGrids,
    costs: np.ndarray,
    limits: np.ndarray,
    *,
    homes: Homes | None,
    touched: float,
) -> np.ndarray:
    """The cost of each set as that grid, infinite where it does not fit."""
    near = NEARLY * np.abs(limits[number, :, 2])
    fits = grids.loads >= limits[number, :, 0] - near
    fits &= grids.loads <= limits[number, :, 1] + near
    price: np.ndarray = np.where(fits.all(axis=1), costs, np.inf)
    if homes is None:
        return price
    is_home = homes.grid == number
    for unit in np.flatnonzero(~is_home):
        price = price + np.where(grids.is_in[unit], homes.move_cost[unit], 0.0)
    is_same = (grids.is_in == is_home[:, None]).all(axis=0)
    price += touched * ~(is_same & homes.is_all_here[number])
    return price


def divide_exactly(
    graph: Graph,
    window: np.ndarray,
    *,
    limits: np.ndarray,
    edge_cost: np.ndarray,
    weights: Weights,
    more_loads: np.ndarray | None = None,
    homes: Homes | None = None,
    compound: np.ndarray | None = None,
    enemies: np.ndarray | None = None,
    below: float = np.inf,
    max_sets: int = 20_000,
    node_limit: int | None = 2000,
) -> Division | None:
    """The lawful division of least cost, of a window in which many grids have few units each.

    As `windows.best_division`, whose depth-first search finishes first where grids are few; this
    lists all possible grids instead. Only a division cheaper than `below` is returned. Where it is
    not proved, `cost` is that of the labels. Deterministic.

    Returns
    -------
    the division, its `n_nodes` the sets listed; None where there are more than `max_sets`
    """
    grids = possible_grids(
        graph,
        window,
        limits=limits,
        more_loads=more_loads,
        enemies=enemies,
        max_sets=max_sets,
    )
    if grids is None:
        return None
    costs = costs_of(graph, window, grids, edge_cost=edge_cost, weights=weights, compound=compound)
    choice = choose_division(
        grids,
        costs,
        limits=limits,
        homes=homes,
        touched=weights.touched,
        below=below,
        node_limit=node_limit,
    )
    is_better = choice.labels is not None and choice.cost < below - NEARLY * (1 + abs(choice.cost))
    return Division(
        choice.labels if is_better else None,
        choice.is_proved,
        0.0,
        choice.cost if is_better else below,
        len(costs),
    )


def prove_division(
    graph: Graph,
    window: np.ndarray,
    *,
    limits: np.ndarray,
    edge_cost: np.ndarray,
    weights: Weights,
    more_loads: np.ndarray | None = None,
    homes: Homes | None = None,
    compound: np.ndarray | None = None,
    enemies: np.ndarray | None = None,
    incumbent: tuple[float, float] = (0.0, np.inf),
    node_cap: int = 200_000,
    max_sets: int = 20_000,
    node_limit: int | None = 2000,
) -> Division:
    """The best division by depth-first search and, where that does not finish, by `divide_exactly`.

    Parameters as in both.
    """
    walked = best_division(
        graph,
        window,
        limits=limits,
        edge_cost=edge_cost,
        weights=weights,
        more_loads=more_loads,
        homes=homes,
        compound=compound,
        enemies=enemies,
        incumbent=incumbent,
        node_cap=node_cap,
    )
    is_lawful = walked.excess <= NEARLY * limits[:, 0, 2].sum()
    if walked.is_proved:
        return walked
    chosen = divide_exactly(
        graph,
        window,
        limits=limits,
        edge_cost=edge_cost,
        weights=weights,
        more_loads=more_loads,
        homes=homes,
        compound=compound,
        enemies=enemies,
        below=walked.cost if is_lawful else np.inf,
        max_sets=max_sets,
        node_limit=node_limit,
    )
    if chosen is None or (chosen.labels is None and not (chosen.is_proved and is_lawful)):
        return walked
    if chosen.labels is None:
        return replace(walked, is_proved=True)
    return replace(chosen, n_nodes=walked.n_nodes + chosen.n_nodes)

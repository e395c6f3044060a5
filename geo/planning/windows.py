"""The exact best division of a few grids' ground: what it is asked, and its answer."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from geo.errors import ParameterError
from geo.planning.enumeration import FINISHED, SKIPPED, walk_sets
from geo.planning.graph import Graph
from geo.planning.ground import (
    ALL_HERE,
    BEST,
    BEST_COST,
    BEST_EXCESS,
    COSTS,
    EDGES,
    HAS_HOME,
    HIGH,
    HIGH_OF,
    HOME,
    IS_ALIKE,
    IS_FOUND,
    LEAST_EXCESS,
    LOAD_OF,
    LOSS,
    LOW,
    LOW_OF,
    MOST_SETS,
    MOVE_OF,
    N_CELLS,
    N_SETS,
    NEAR_COST,
    NEAR_LOAD,
    RATIO,
    ROOMIEST,
    SHAPE,
    SLOT_OF,
    SPLIT_COST,
    START,
    TAG_OF,
    TOUCHED,
    largest_area,
    open_ground,
)
from geo.planning.masks import LARGEST, NONE, ONE, bit, first_of, lent
from geo.planning.matching import MOST_UNLIKE
from geo.planning.objective import Weights

NEARLY = 1e-9
"""Loads and costs that differ by less than this share count as equal."""


@njit(cache=True, nogil=True, error_model="numpy")
def set_rules(
    whole: np.ndarray,
    real: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    weights: np.ndarray,
    incumbent_excess: float,
) -> None:
    """Write limits and weights (shape, split, touched) into the buffers."""
    m, q = whole[N_CELLS], len(low)
    whole[N_SETS] = q
    total, lows, highs = 0.0, 0.0, 0.0
    for i in range(m):
        total += real[LOAD_OF + i]
    real[LOW], real[HIGH] = low[0], high[0]
    for i in range(q):
        real[LOW_OF + i], real[HIGH_OF + i] = low[i], high[i]
        lows, highs = lows + low[i], highs + high[i]
        real[LOW], real[HIGH] = min(real[LOW], low[i]), max(real[HIGH], high[i])
    loss, ratio = 0.0, np.inf
    for e in range(whole[START + m]):
        loss += min(0.0, real[COSTS + e]) / 2.0
        ratio = min(ratio, real[COSTS + e] / max(1, whole[EDGES + 2 * e + 1]))
    real[LOSS] = loss
    real[RATIO] = ratio if 0.0 < ratio < np.inf else 0.0
    real[SHAPE], real[SPLIT_COST], real[TOUCHED] = weights[0], weights[1], weights[2]
    real[LEAST_EXCESS] = max(0.0, max(total - highs, lows - total))  # noqa: PLW3301
    real[NEAR_LOAD] = NEARLY * max(total, real[HIGH])
    real[NEAR_COST] = NEARLY * (1.0 + weights[0] * q)
    real[BEST_EXCESS] = min(incumbent_excess, 2.0 * q * (total + real[HIGH]))
    real[ROOMIEST] = largest_area(real, m, real[HIGH] + real[BEST_EXCESS])


@njit(cache=True, nogil=True, error_model="numpy")
def set_homes(
    masks: np.ndarray,
    whole: np.ndarray,
    real: np.ndarray,
    home: np.ndarray,
    is_all_here: np.ndarray,
    move_cost: np.ndarray,
) -> None:
    """Write into the buffers which grid held each of the window's cells, if any did."""
    whole[HAS_HOME] = len(home) > 0
    if not whole[HAS_HOME]:
        return
    for grid in range(whole[N_SETS]):
        whole[ALL_HERE + grid] = is_all_here[grid]
    for cell in range(whole[N_CELLS]):
        slot = whole[SLOT_OF + cell]
        real[MOVE_OF + cell] = move_cost[slot]
        if home[slot] >= 0:
            masks[HOME + home[slot]] |= bit(cell)


@njit(cache=True, nogil=True, error_model="numpy")
def set_tags(masks: np.ndarray, whole: np.ndarray, compound: np.ndarray) -> None:
    """Write into the buffers a bit for each compound of the window's cells, -1 for none."""
    n_tags = 0
    for cell in range(whole[N_CELLS] if len(compound) else 0):
        own = compound[whole[SLOT_OF + cell]]
        if own < 0:
            continue
        for earlier in range(cell):
            if compound[whole[SLOT_OF + earlier]] == own:
                masks[TAG_OF + cell] = masks[TAG_OF + earlier]
                break
        if masks[TAG_OF + cell] == NONE:
            masks[TAG_OF + cell] = bit(n_tags)
            n_tags += 1


@njit(cache=True, nogil=True, error_model="numpy")
def divide(
    indptr: np.ndarray,
    indices: np.ndarray,
    length: np.ndarray,
    cut_cost: np.ndarray,
    cells: np.ndarray,
    window: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    weights: np.ndarray,
    home: np.ndarray,
    is_all_here: np.ndarray,
    move_cost: np.ndarray,
    compound: np.ndarray,
    incumbent_excess: float,
    incumbent_cost: float,
    node_cap: int,
    position: np.ndarray,
    labels: np.ndarray,
) -> tuple[int, bool, float, float, int]:
    """The best division of a window into connected sets, if it is better than the incumbent.

    Better is less load outside the limits, summed over the grids; then less cost: shape and
    borders inside the window as in `geo.planning.objective` (a perimeter includes the border to
    the outside), compounds split, cells moved and grids touched.

    Parameters
    ----------
    indptr, indices, length, cut_cost : the graph, one entry a directed edge
    cells : n x 3: load, area, perimeter
    window : m <= 64 global numbers of cells
    low, high : limits of each of the q <= 16 grids
    weights : shape; split, for each compound and each grid that holds a part of it; touched
    home : of the window's cells, the grid (0 to q - 1) that used to hold it, -1 for another; empty
        where that does not matter. `is_all_here`: q, whether that grid held nothing elsewhere
    move_cost : of the window's cells, in another grid than at home
    compound : of the window's cells, a number or -1; empty where that does not matter
    position : scratch, n integers, all -1
    labels : result, m integers, changed only if something better was found

    Returns
    -------
    FINISHED (nothing is better), CAPPED or SKIPPED (too many cells or grids; more than five grids
    that are not alike); whether something better was found; its excess and cost; nodes searched
    """
    q, m = len(low), len(window)
    is_alike = len(home) == 0
    for i in range(1, q):
        is_alike = is_alike and low[i] == low[0] and high[i] == high[0]
    too_many = m > LARGEST or q > MOST_SETS or (q > MOST_UNLIKE and not is_alike)
    if too_many or q < 2 or m < q:
        return SKIPPED, False, incumbent_excess, incumbent_cost, 0
    masks, whole, real = open_ground(indptr, indices, length, cut_cost, cells, window, position)
    set_rules(whole, real, low, high, weights, incumbent_excess)
    set_homes(masks, whole, real, home, is_all_here, move_cost)
    set_tags(masks, whole, compound)
    whole[IS_ALIKE] = is_alike
    real[BEST_COST] = incumbent_cost
    status, n_nodes = walk_sets(lent(masks), lent(whole), lent(real), node_cap)
    if whole[IS_FOUND]:
        for grid in range(q):
            left = masks[BEST + grid]
            while left != NONE:
                labels[whole[SLOT_OF + first_of(left)]] = grid
                left &= left - ONE
    return status, whole[IS_FOUND] > 0, real[BEST_EXCESS], real[BEST_COST], n_nodes


@dataclass(frozen=True)
class Division:
    """The best division of a window that was found.

    `labels`: grid of each of the window's cells, 0 to q - 1, or None where nothing (better) was
    found; `is_proved`: nothing is better; `excess`: load outside the limits, summed over the
    grids; `cost`: of shape, borders inside, compounds, moves; `n_nodes`: sets looked at.
    """

    labels: np.ndarray | None
    is_proved: bool
    excess: float
    cost: float
    n_nodes: int


def best_division(
    graph: Graph,
    window: np.ndarray,
    *,
    low: np.ndarray,
    high: np.ndarray,
    cut_cost: np.ndarray,
    weights: Weights,
    home: np.ndarray | None = None,
    is_all_here: np.ndarray | None = None,
    move_cost: np.ndarray | None = None,
    compound: np.ndarray | None = None,
    incumbent: tuple[float, float] = (0.0, np.inf),
    node_cap: int = 1_000_000,
) -> Division:
    """The best division of a window into one connected set a grid; see `divide` for the terms.

    Parameters
    ----------
    window : at most 64 different units
    low, high : limits of the load of each grid, 2 to 16; at most 5 where they differ, or with home
    cut_cost : of each of the graph's edges when it lies between two grids (objective.edge_costs)
    home, move_cost : of the window's units; the grid that held each, -1 for one outside, and what
        it costs in another; both or neither. `is_all_here`: of each grid, whether it held nothing
        outside the window (by default so)
    compound : of the window's units; number or -1
    incumbent : excess and cost of what is known; by default only lawful divisions are looked for
    node_cap : sets to look at, at most

    Raises
    ------
    ParameterError : the window is too large, or has fewer units than grids
    """
    n, q = len(window), len(low)
    is_unlike = home is not None or np.ptp(low) > 0 or np.ptp(high) > 0
    if not 2 <= q <= (MOST_UNLIKE if is_unlike else MOST_SETS) or not q <= n <= LARGEST:
        raise ParameterError(
            "plan.window",
            f"a window has at most {LARGEST} units and 2 to {MOST_SETS} grids, {MOST_UNLIKE} where "
            f"they differ, each with a unit; got {n} units, {q} grids. Take a smaller one.",
            n_units=n,
            n_grids=q,
        )
    labels = np.full(n, -1, dtype=np.int64)
    has_home = home is not None and move_cost is not None
    status, is_found, excess, cost, n_nodes = divide(
        graph.indptr.astype(np.int64),
        graph.indices.astype(np.int64),
        graph.length_m,
        cut_cost,
        np.column_stack([graph.load, graph.area_m2, graph.perimeter_m]),
        np.asarray(window, dtype=np.int64),
        np.asarray(low, dtype=np.float64),
        np.asarray(high, dtype=np.float64),
        np.array([weights.shape, weights.split, weights.touched]),
        np.asarray(home if has_home else [], dtype=np.int64),
        np.asarray(np.ones(q) if is_all_here is None else is_all_here, dtype=np.bool_),
        np.asarray(move_cost if has_home else [], dtype=np.float64),
        np.asarray([] if compound is None else compound, dtype=np.int64),
        float(incumbent[0]),
        float(incumbent[1]),
        node_cap,
        np.full(graph.n_units, -1, dtype=np.int64),
        labels,
    )
    return Division(labels if is_found else None, status == FINISHED, excess, cost, n_nodes)

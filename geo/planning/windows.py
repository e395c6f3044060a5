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
    ENEMY_OF,
    EXCESS_WEIGHT,
    HAS_HOME,
    HIGH,
    HIGH_OF,
    HOME,
    IS_ALIKE,
    IS_FOUND,
    LEAST_EXCESS,
    LOAD_OF,
    LOAD_WEIGHT,
    LOSS,
    LOW,
    LOW_OF,
    MOST_LOADS,
    MOST_SETS,
    MOVE_OF,
    N_CELLS,
    N_LOADS,
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
def set_limits(
    whole: np.ndarray, real: np.ndarray, limits: np.ndarray, incumbent_excess: float
) -> None:
    """Write the limits (q, loads, 3: low, high, target) into the buffers.

    Excess counts in the first load; that of another by the ratio of their targets.
    """
    m, q = whole[N_CELLS], len(limits)
    whole[N_SETS] = q
    least, most, targets = 0.0, 0.0, 0.0
    for j in range(whole[N_LOADS]):
        total, lows, highs = 0.0, 0.0, 0.0
        for i in range(m):
            total += real[LOAD_OF + LARGEST * j + i]
        real[LOW + j], real[HIGH + j] = limits[0, j, 0], limits[0, j, 1]
        for i in range(q):
            low, high = limits[i, j, 0], limits[i, j, 1]
            targets += limits[i, j, 2]
            real[LOW_OF + MOST_SETS * j + i], real[HIGH_OF + MOST_SETS * j + i] = low, high
            lows, highs = lows + low, highs + high
            real[LOW + j], real[HIGH + j] = min(real[LOW + j], low), max(real[HIGH + j], high)
        real[LOAD_WEIGHT + j] = limits[0, 0, 2] / limits[0, j, 2]
        least += real[LOAD_WEIGHT + j] * max(0.0, max(total - highs, lows - total))  # noqa: PLW3301
        most += real[LOAD_WEIGHT + j] * total
    real[LEAST_EXCESS] = least
    real[NEAR_LOAD] = NEARLY * max(most, limits[0, 0, 2])
    real[BEST_EXCESS] = min(incumbent_excess, 2.0 * q * (most + q * targets))


@njit(cache=True, nogil=True, error_model="numpy")
def set_costs(whole: np.ndarray, real: np.ndarray, weights: np.ndarray, cost: float) -> None:
    """Write weights (shape, split, touched) and the incumbent's cost into the buffers."""
    loss, ratio = 0.0, np.inf
    for e in range(whole[START + whole[N_CELLS]]):
        loss += min(0.0, real[COSTS + e]) / 2.0
        ratio = min(ratio, real[COSTS + e] / max(1, whole[EDGES + 2 * e + 1]))
    real[LOSS] = loss
    real[RATIO] = ratio if 0.0 < ratio < np.inf else 0.0
    real[SHAPE], real[SPLIT_COST], real[TOUCHED] = weights[0], weights[1], weights[2]
    real[NEAR_COST] = NEARLY * (1.0 + weights[0] * whole[N_SETS])
    real[BEST_COST] = cost
    real[EXCESS_WEIGHT] = weights[3]
    if weights[3] > 0.0:
        real[BEST_EXCESS] = (cost - loss) / weights[3]
    real[ROOMIEST] = largest_area(real, whole[N_CELLS], real[HIGH] + real[BEST_EXCESS])


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
def set_enemies(masks: np.ndarray, whole: np.ndarray, enemies: np.ndarray) -> None:
    """Write pairs of the window's cells (slots) that must not share a grid into the buffers."""
    if len(enemies) == 0:
        return
    for one in range(whole[N_CELLS]):
        for other in range(whole[N_CELLS]):
            for row in range(len(enemies)):
                is_one = enemies[row, 0] == whole[SLOT_OF + one]
                if is_one and enemies[row, 1] == whole[SLOT_OF + other]:
                    masks[ENEMY_OF + one] |= bit(other)
                    masks[ENEMY_OF + other] |= bit(one)


@njit(cache=True, nogil=True, error_model="numpy")
def divide(
    indptr: np.ndarray,
    indices: np.ndarray,
    edges: np.ndarray,
    body: np.ndarray,
    window: np.ndarray,
    limits: np.ndarray,
    weights: np.ndarray,
    home: np.ndarray,
    is_all_here: np.ndarray,
    move_cost: np.ndarray,
    compound: np.ndarray,
    enemies: np.ndarray,
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
    indptr, indices, edges, body : the graph, as in `geo.planning.energy`; at most four loads
    window : m <= 64 global numbers of cells
    limits : (q, loads, 3) low, high, target of each of the q <= 32 grids
    weights : shape; split, for each compound and each grid that holds a part of it; touched;
        load outside the limits, where it is a cost like others (grids that are alike only), else 0
    home : of the window's cells, the grid (0 to q - 1) that used to hold it, -1 for another; empty
        where that does not matter. `is_all_here`: q, whether that grid held nothing elsewhere
    move_cost : of the window's cells, in another grid than at home; infinite where it must stay
    compound : of the window's cells, a number or -1; empty where that does not matter
    enemies : (pairs, 2) slots in the window of cells that must not share a grid
    position : scratch, n integers, all -1
    labels : result, m integers, changed only if something better was found

    Returns
    -------
    FINISHED (nothing is better), CAPPED or SKIPPED (too many cells, loads or grids; more than
    five grids that are not alike); whether something better was found; its excess, in the first
    load, and cost; nodes searched
    """
    q, m, n_loads = len(limits), len(window), body.shape[1] - 2
    is_alike = len(home) == 0
    for i in range(1, q):
        for j in range(n_loads):
            is_alike &= limits[i, j, 0] == limits[0, j, 0] and limits[i, j, 1] == limits[0, j, 1]
    too_many = m > LARGEST or q > MOST_SETS or n_loads > MOST_LOADS
    if too_many or (q > MOST_UNLIKE and not is_alike) or q < 2 or m < q:
        return SKIPPED, False, incumbent_excess, incumbent_cost, 0
    masks, whole, real = open_ground(indptr, indices, edges, body, window, position)
    set_limits(whole, real, limits, incumbent_excess)
    set_costs(whole, real, weights, incumbent_cost)
    set_homes(masks, whole, real, home, is_all_here, move_cost)
    set_tags(masks, whole, compound)
    set_enemies(masks, whole, enemies)
    whole[IS_ALIKE] = is_alike
    if not is_alike:
        real[EXCESS_WEIGHT] = 0.0
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

    `labels`: grid of each of the window's units, 0 to q - 1, or None where nothing (better) was
    found; `is_proved`: nothing is better; `excess`: load outside the limits, summed over the
    grids; `cost`: of shape, borders inside, compounds, moves; `n_nodes`: sets looked at.
    """

    labels: np.ndarray | None
    is_proved: bool
    excess: float
    cost: float
    n_nodes: int


@dataclass(frozen=True)
class Homes:
    """Who held the window's units: `grid`, 0 to q - 1 or -1 for one outside the window; what each
    costs in other hands; for each grid, whether it held nothing outside the window.
    """

    grid: np.ndarray
    move_cost: np.ndarray
    is_all_here: np.ndarray


def best_division(
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
    node_cap: int = 1_000_000,
) -> Division:
    """The best division of a window into one connected set a grid; see `divide` for the terms.

    Parameters
    ----------
    window : at most 64 different units
    limits : (q, loads, 3) low, high, target of each grid, 2 to 32; at most 5 where they differ, or
        with homes
    edge_cost : of each of the graph's edges when it lies between two grids (objective.edge_costs)
    more_loads : (n, up to 3) loads balanced beside the graph's
    compound : of the window's units; number or -1
    enemies : (pairs, 2) places in `window` of units that must not share a grid
    incumbent : excess and cost of what is known; by default only lawful divisions are looked for
    node_cap : sets to look at, at most

    Raises
    ------
    ParameterError : the window is too large, or has fewer units than grids
    """
    n, q = len(window), len(limits)
    is_unlike = homes is not None or np.ptp(limits[:, :, :2], axis=0).any()
    if not 2 <= q <= (MOST_UNLIKE if is_unlike else MOST_SETS) or not q <= n <= LARGEST:
        raise ParameterError(
            "plan.window",
            f"a window has at most {LARGEST} units and 2 to {MOST_SETS} grids, {MOST_UNLIKE} where "
            f"they differ, each with a unit; got {n} units, {q} grids. Take a smaller one.",
            n_units=n,
            n_grids=q,
        )
    labels = np.full(n, -1, dtype=np.int64)
    more = np.zeros((graph.n_units, 0)) if more_loads is None else more_loads
    status, is_found, excess, cost, n_nodes = divide(
        graph.indptr.astype(np.int64),
        graph.indices.astype(np.int64),
        np.column_stack([graph.length_m, edge_cost]),
        np.column_stack([graph.area_m2, graph.perimeter_m, graph.load, more]),
        np.asarray(window, dtype=np.int64),
        np.ascontiguousarray(limits, dtype=np.float64),
        np.array([weights.shape, weights.split, weights.touched, 0.0]),
        np.asarray([] if homes is None else homes.grid, dtype=np.int64),
        np.asarray([] if homes is None else homes.is_all_here, dtype=np.bool_),
        np.asarray([] if homes is None else homes.move_cost, dtype=np.float64),
        np.asarray([] if compound is None else compound, dtype=np.int64),
        np.asarray([] if enemies is None else enemies, dtype=np.int64).reshape(-1, 2),
        float(incumbent[0]),
        float(incumbent[1]),
        node_cap,
        np.full(graph.n_units, -1, dtype=np.int64),
        labels,
    )
    return Division(labels if is_found else None, status == FINISHED, excess, cost, n_nodes)

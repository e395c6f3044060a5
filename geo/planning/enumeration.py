"""All divisions of a few grids' ground, depth first, the hopeless ones cut off.

The first cell not yet given belongs to some grid. All connected sets that hold it are walked: each
set once, by taking a neighbour of the set in or leaving it out for good (Wernicke 2006). A branch
ends where no division can follow: too much or too little load, a rest whose pieces cannot be
divided, or a cost that cannot fall below the best known. Works on the buffers of
`geo.planning.ground`.
"""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import numpy as np
from numba import njit

from geo.planning.frames import (
    begin_set,
    cost_bound,
    extend_set,
    leave_out,
    nearest_decided,
    open_level,
    rest_shape,
    rows_of,
    slack_at,
    undo,
)
from geo.planning.ground import (
    AREA,
    BEST,
    BEST_COST,
    BEST_EXCESS,
    BORDER,
    CELL,
    CLOSED,
    ENEMY_OF,
    EXCESS_WEIGHT,
    HAS_HOME,
    HIGH,
    IS_FOUND,
    L_AREA,
    L_CLAIM,
    L_COST,
    L_EXCESS,
    L_LOAD,
    L_OUTER,
    LEAST_EXCESS,
    LEVEL,
    LEVEL_STRIDE,
    LEVELS,
    LOAD,
    LOAD_OF,
    LOAD_WEIGHT,
    LOSS,
    LOW,
    N_CELLS,
    N_LOADS,
    N_SETS,
    NEAR,
    NEAR_COST,
    NEAR_LOAD,
    NEAR_OF,
    OUT,
    OUT_LOAD,
    OUTER,
    PERIMETER,
    REGION,
    SET,
    SHAPE,
    SPLIT,
    SPLIT_COST,
    STAGE,
    TAGS,
    WHOLE_STRIDE,
    full,
)
from geo.planning.masks import (
    NONE,
    ONE,
    is_in_pieces,
    reach,
    size_of,
    sum_over,
)
from geo.planning.matching import (
    best_match,
    excess_beside,
    has_enemies,
    least_claim,
    least_excess,
    penalty_of,
    tags_of,
)

FINISHED, CAPPED, SKIPPED = 0, 1, 2
"""Nothing better exists than what was returned; the cap on nodes was reached; not tried."""


@njit(cache=True, nogil=True, error_model="numpy")
def most_sets(load: float, low: float, n_cells: int) -> int:
    """How many sets of at least `low` the load and the cells suffice for."""
    return n_cells if load >= low * n_cells else int(load / low)


@njit(cache=True, nogil=True, error_model="numpy")
def is_too_dear(real: np.ndarray, bound: float) -> bool:
    """Whether a division of at least this cost cannot be better than the best so far.

    An infinite cost is what must not be.
    """
    if bound == np.inf:
        return True
    is_first = real[EXCESS_WEIGHT] == 0.0
    if is_first and real[BEST_EXCESS] > real[LEAST_EXCESS] + real[NEAR_LOAD]:
        return False
    is_dear: bool = bound > real[BEST_COST] - real[NEAR_COST]
    return is_dear


@njit(cache=True, nogil=True, error_model="numpy")
def rest_can_follow(masks: np.ndarray, whole: np.ndarray, real: np.ndarray, depth: int) -> bool:
    """Whether the level's ground outside the frame's set may hold the other sets.

    A piece with a cell that was left out must hold a set; other pieces may still be taken in.
    Notes in the frame whether there are several pieces.
    """
    k, w, r = rows_of(depth)
    level = whole[w + LEVEL]
    n_rest = whole[N_SETS] - 1 - level
    slack = slack_at(real, level) + real[NEAR_LOAD]
    left = masks[REGION + level] & ~masks[k + SET]
    n_pieces, n_held, room, free_load = 0, 0, 0, 0.0
    while left != NONE:
        piece = reach(left & (~left + ONE), left, masks)
        left &= ~piece
        n_pieces += 1
        load = sum_over(piece, real, LOAD_OF)
        room += most_sets(load + slack, real[LOW], size_of(piece))
        if piece & masks[k + OUT] == NONE:
            free_load += load
        else:
            n_held += 1
            if load < real[LOW] - slack:
                return False
    whole[w + SPLIT] = n_pieces > 1
    if n_held > n_rest or room < n_rest:
        return False
    is_forced = n_rest == 1 and n_held == 1
    return not is_forced or real[r + LOAD] + free_load <= real[HIGH] + slack


@njit(cache=True, nogil=True, error_model="numpy")
def pieces_divide(
    masks: np.ndarray, real: np.ndarray, rest: np.uint64, n_rest: int, slack: float
) -> bool:
    """Whether each piece of the rest can carry a whole number of sets, `n_rest` together."""
    fewest, most = 0, 0
    while rest != NONE:
        piece = reach(rest & (~rest + ONE), rest, masks)
        rest &= ~piece
        load = sum_over(piece, real, LOAD_OF)
        few = max(1, int(np.ceil((load - slack) / max(real[HIGH], 1e-300))))
        many = most_sets(load + slack, real[LOW], size_of(piece))
        if few > many:
            return False
        fewest += few
        most += many
    return fewest <= n_rest <= most


@njit(cache=True, nogil=True, error_model="numpy")
def loads_may_begin(
    whole: np.ndarray, real: np.ndarray, r: int, row: int, n_rest: int, slack: float
) -> bool:
    """Whether the set is not too heavy yet and the ground left suffices for the other sets."""
    for j in range(whole[N_LOADS]):
        load, spare = real[r + LOAD + j], slack / real[LOAD_WEIGHT + j]
        if load > real[HIGH + j] + spare:
            return False
        if real[row + L_LOAD + j] - load < n_rest * real[LOW + j] - spare:
            return False
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def loads_may_go_on(
    whole: np.ndarray, real: np.ndarray, r: int, row: int, n_rest: int, slack: float
) -> bool:
    """Whether the set may still become heavy enough, and what was left out is not too heavy."""
    for j in range(whole[N_LOADS]):
        left, spare = real[r + OUT_LOAD + j], slack / real[LOAD_WEIGHT + j]
        if left > n_rest * real[HIGH + j] + spare:
            return False
        if real[row + L_LOAD + j] - left < real[LOW + j] - spare:
            return False
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def may_begin(masks: np.ndarray, whole: np.ndarray, real: np.ndarray, depth: int) -> bool:
    """Whether the frame, a cell just taken in, may lead to a better division."""
    k, w, r = rows_of(depth)
    level, cell = whole[w + LEVEL], whole[w + CELL]
    if masks[ENEMY_OF + cell] & masks[k + SET] != NONE:
        return False
    slack = slack_at(real, level) + real[NEAR_LOAD]
    row, n_rest = LEVELS + LEVEL_STRIDE * level, whole[N_SETS] - 1 - level
    if not loads_may_begin(whole, real, r, row, n_rest, slack):
        return False
    rest = masks[REGION + level] & ~masks[k + SET]
    beside = masks[NEAR_OF + cell] & rest
    if is_in_pieces(beside, masks) and not rest_can_follow(masks, whole, real, depth):
        return False
    return not is_too_dear(real, cost_bound(masks, whole, real, depth))


@njit(cache=True, nogil=True, error_model="numpy")
def may_go_on(
    masks: np.ndarray, whole: np.ndarray, real: np.ndarray, depth: int, cell: int
) -> bool:
    """Whether larger sets of the frame may lead to a better division, `cell` just left out."""
    k, w, r = rows_of(depth)
    level = whole[w + LEVEL]
    row, n_rest = LEVELS + LEVEL_STRIDE * level, whole[N_SETS] - 1 - level
    slack = slack_at(real, level) + real[NEAR_LOAD]
    if not loads_may_go_on(whole, real, r, row, n_rest, slack):
        return False
    if n_rest == 1 and masks[ENEMY_OF + cell] & masks[k + OUT] != NONE:
        return False
    within = masks[REGION + level] & ~masks[k + OUT]
    if is_in_pieces(masks[NEAR_OF + cell] & within, masks):
        own = reach(masks[k + SET], within, masks)
        if sum_over(own, real, LOAD_OF) < real[LOW] - slack:
            return False
    if whole[w + SPLIT] and not rest_can_follow(masks, whole, real, depth):
        return False
    return not is_too_dear(real, cost_bound(masks, whole, real, depth))


@njit(cache=True, nogil=True, error_model="numpy")
def record(masks: np.ndarray, whole: np.ndarray, real: np.ndarray, cost: float) -> None:
    """Keep the closed sets, of this cost without claims, if they are the best so far."""
    labels = np.empty(whole[N_SETS], dtype=np.int64)
    excess, claim = best_match(masks, whole, real, labels)
    least = real[BEST_EXCESS] if real[EXCESS_WEIGHT] == 0.0 else excess
    if excess > least + real[NEAR_LOAD]:
        return
    is_cheaper = cost + claim < real[BEST_COST] - real[NEAR_COST]
    if excess >= least - real[NEAR_LOAD] and not is_cheaper:
        return
    real[BEST_EXCESS], real[BEST_COST] = excess, cost + claim
    whole[IS_FOUND] = 1
    for i in range(whole[N_SETS]):
        masks[BEST + labels[i]] = masks[CLOSED + i]


@njit(cache=True, nogil=True, error_model="numpy")
def close_set(masks: np.ndarray, whole: np.ndarray, real: np.ndarray, depth: int) -> bool:
    """Take the frame's set as it is; whether a level was opened on the rest of the ground."""
    k, w, r = rows_of(depth)
    level = whole[w + LEVEL]
    row = LEVELS + LEVEL_STRIDE * level
    n_rest = whole[N_SETS] - 1 - level
    slack = slack_at(real, level) + real[NEAR_LOAD]
    excess = least_excess(whole, real, r + LOAD)
    if excess > slack or real[row + L_LOAD] - real[r + LOAD] > n_rest * real[HIGH] + slack:
        return False
    own = masks[k + SET]
    side = max(1.0, float(whole[w + PERIMETER]))
    cost = real[row + L_COST] + real[SHAPE] * (1.0 - real[r + AREA] / (side * side))
    cost += real[r + BORDER] + real[SPLIT_COST] * size_of(masks[k + TAGS])
    cost += penalty_of(real, excess)
    claim = real[row + L_CLAIM]
    if whole[HAS_HOME]:
        claim += least_claim(masks, whole, real, own)
    outer = real[row + L_OUTER] - 2.0 * whole[w + OUTER] + side
    last = rest_shape(real, n_rest, real[row + L_AREA] - real[r + AREA], outer)
    if is_too_dear(real, cost + claim + last + (real[LOSS] if n_rest > 1 else 0.0)):
        return False
    rest = masks[REGION + level] & ~own
    masks[CLOSED + level] = own
    if n_rest == 1:
        is_torn = whole[w + SPLIT] and is_in_pieces(rest, masks)
        if not is_torn and not has_enemies(masks, rest):
            masks[CLOSED + level + 1] = rest
            cost += last + real[SPLIT_COST] * size_of(tags_of(masks, rest))
            cost += penalty_of(real, excess_beside(whole, real, row + L_LOAD, r + LOAD))
            record(masks, whole, real, cost)
        return False
    if not pieces_divide(masks, real, rest, n_rest, slack):
        return False
    below = open_level(masks, whole, real, level + 1, rest)
    real[below + L_COST], real[below + L_CLAIM] = cost, claim
    real[below + L_EXCESS] = real[row + L_EXCESS] + excess
    begin_set(masks, whole, real, depth + 1, level + 1)
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def retreat(masks: np.ndarray, whole: np.ndarray, real: np.ndarray, depth: int) -> int:
    """Leave frames that are done; the depth where the search goes on, -1 at its end."""
    while depth >= 0:
        _, w, _ = rows_of(depth)
        cell, level = whole[w + CELL], whole[w + LEVEL]
        undo(masks, whole, depth)
        depth -= 1
        if depth < 0 or whole[w - WHOLE_STRIDE + LEVEL] != level:
            return depth
        leave_out(masks, whole, real, depth, cell)
        if may_go_on(masks, whole, real, depth, cell):
            return depth
    return depth


@njit(cache=True, nogil=True, error_model="numpy")
def walk_sets(
    masks: np.ndarray, whole: np.ndarray, real: np.ndarray, node_cap: int
) -> tuple[int, int]:
    """Go through all divisions; FINISHED or CAPPED, and how many nodes were looked at."""
    open_level(masks, whole, real, 0, full(whole[N_CELLS]))
    begin_set(masks, whole, real, 0, 0)
    rest_can_follow(masks, whole, real, 0)
    depth, n_nodes = 0, 1
    while depth >= 0:
        k, w, _ = rows_of(depth)
        if whole[w + STAGE] == 0:
            whole[w + STAGE] = 1
            if close_set(masks, whole, real, depth):
                depth += 1
                n_nodes += 1
                if not rest_can_follow(masks, whole, real, depth):
                    depth = retreat(masks, whole, real, depth)
                continue
        beside = masks[k + NEAR] & masks[REGION + whole[w + LEVEL]]
        beside &= ~(masks[k + SET] | masks[k + OUT])
        if beside == NONE:
            depth = retreat(masks, whole, real, depth)
            continue
        if n_nodes >= node_cap:
            return CAPPED, n_nodes
        n_nodes += 1
        depth += 1
        extend_set(masks, whole, real, depth, nearest_decided(whole, w, beside))
        if not may_begin(masks, whole, real, depth):
            depth = retreat(masks, whole, real, depth)
    return FINISHED, n_nodes

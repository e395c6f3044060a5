"""The steps of an exact search over divisions: a set begun, a cell taken in or left out, the bound.

Works on the buffers of `geo.planning.ground`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from geo.planning.ground import (
    AREA,
    AREA_OF,
    BEST_COST,
    BEST_EXCESS,
    BORDER,
    CELL,
    COSTS,
    CUT,
    CUT_COST,
    EDGES,
    EXCESS_WEIGHT,
    HAS_HOME,
    L_AREA,
    L_CLAIM,
    L_COST,
    L_EXCESS,
    L_LOAD,
    L_OUTER,
    LEVEL,
    LEVEL_STRIDE,
    LEVELS,
    LOAD,
    LOAD_OF,
    LOSS,
    MASK_FRAMES,
    MASK_STRIDE,
    MEET,
    N_CELLS,
    N_LOADS,
    N_SETS,
    NEAR,
    NEAR_OF,
    OUT,
    OUT_AREA,
    OUT_BEFORE,
    OUT_LOAD,
    OUT_OUTER,
    OUT_TAGS,
    OUTER,
    OUTER_OF,
    PERIMETER,
    PERIMETER_OF,
    RATIO,
    REAL_FRAMES,
    REAL_STRIDE,
    REGION,
    ROOMIEST,
    SET,
    SHAPE,
    SPLIT_COST,
    STAGE,
    START,
    TAG_OF,
    TAGS,
    TO_OUT,
    TO_SET,
    WHOLE_FRAMES,
    WHOLE_STRIDE,
)
from geo.planning.masks import LARGEST, NONE, ONE, bit, first_of, size_of
from geo.planning.matching import least_claim, least_claim_of_two


@njit(cache=True, nogil=True, error_model="numpy")
def rows_of(depth: int) -> tuple[int, int, int]:
    """Where the frame begins in each of the three buffers."""
    return (
        MASK_FRAMES + MASK_STRIDE * depth,
        WHOLE_FRAMES + WHOLE_STRIDE * depth,
        REAL_FRAMES + REAL_STRIDE * depth,
    )


@njit(cache=True, nogil=True, error_model="numpy")
def slack_at(real: np.ndarray, level: int) -> float:
    """How much load outside the limits the sets from this level on may still have."""
    row = LEVELS + LEVEL_STRIDE * level
    if real[EXCESS_WEIGHT] > 0.0:
        room = real[BEST_COST] - real[row + L_COST] - real[LOSS]
        affordable: float = room / real[EXCESS_WEIGHT]
        return max(0.0, affordable)
    slack: float = real[BEST_EXCESS] - real[row + L_EXCESS]
    return max(0.0, slack)


@njit(cache=True, nogil=True, error_model="numpy")
def take_in(masks: np.ndarray, whole: np.ndarray, real: np.ndarray, depth: int, cell: int) -> None:
    """Bring the frame's set, a copy of the one before, up to date with the cell in it."""
    k, w, r = rows_of(depth)
    level = whole[w + LEVEL]
    region, own, out = masks[REGION + level], masks[k + SET], masks[k + OUT]
    to_set, to_out = TO_SET + LARGEST * level, TO_OUT + LARGEST * level
    meet = -min(whole[to_set + cell], whole[to_out + cell])
    for e in range(whole[START + cell], whole[START + cell + 1]):
        other, shared = whole[EDGES + 2 * e], whole[EDGES + 2 * e + 1]
        mask = bit(other)
        if mask & region == NONE:
            continue
        before = whole[to_set + other]
        whole[to_set + other] = before + shared
        if mask & own != NONE:
            real[r + BORDER] -= real[COSTS + e]
            continue
        real[r + BORDER] += real[COSTS + e]
        if mask & out != NONE:
            real[r + CUT_COST] += real[COSTS + e]
        else:
            left = whole[to_out + other]
            meet += min(before + shared, left) - min(before, left)
    whole[w + MEET] += meet
    whole[w + CUT] += whole[to_out + cell]
    whole[w + PERIMETER] += whole[PERIMETER_OF + cell] - 2 * whole[to_set + cell]
    whole[w + OUTER] += whole[OUTER_OF + LARGEST * level + cell]
    masks[k + SET] = own | bit(cell)
    masks[k + NEAR] |= masks[NEAR_OF + cell]
    masks[k + TAGS] |= masks[TAG_OF + cell]
    real[r + AREA] += real[AREA_OF + cell]
    for j in range(whole[N_LOADS]):
        real[r + LOAD + j] += real[LOAD_OF + LARGEST * j + cell]


@njit(cache=True, nogil=True, error_model="numpy")
def leave_out(
    masks: np.ndarray, whole: np.ndarray, real: np.ndarray, depth: int, cell: int
) -> None:
    """Bring the frame up to date with the cell left out of its set for good."""
    k, w, r = rows_of(depth)
    level = whole[w + LEVEL]
    region, own, out = masks[REGION + level], masks[k + SET], masks[k + OUT]
    to_set, to_out = TO_SET + LARGEST * level, TO_OUT + LARGEST * level
    meet = -min(whole[to_set + cell], whole[to_out + cell])
    for e in range(whole[START + cell], whole[START + cell + 1]):
        other, shared = whole[EDGES + 2 * e], whole[EDGES + 2 * e + 1]
        mask = bit(other)
        if mask & region == NONE:
            continue
        before = whole[to_out + other]
        whole[to_out + other] = before + shared
        if mask & own != NONE:
            real[r + CUT_COST] += real[COSTS + e]
        elif mask & out == NONE:
            taken = whole[to_set + other]
            meet += min(taken, before + shared) - min(taken, before)
    whole[w + MEET] += meet
    whole[w + CUT] += whole[to_set + cell]
    whole[w + OUT_OUTER] += whole[OUTER_OF + LARGEST * level + cell]
    masks[k + OUT] = out | bit(cell)
    masks[k + OUT_TAGS] |= masks[TAG_OF + cell]
    real[r + OUT_AREA] += real[AREA_OF + cell]
    for j in range(whole[N_LOADS]):
        real[r + OUT_LOAD + j] += real[LOAD_OF + LARGEST * j + cell]


@njit(cache=True, nogil=True, error_model="numpy")
def undo(masks: np.ndarray, whole: np.ndarray, depth: int) -> None:
    """Take the frame's own cell and those it left out from the level's counts."""
    k, w, _ = rows_of(depth)
    level = whole[w + LEVEL]
    region = masks[REGION + level]
    to_set, to_out = TO_SET + LARGEST * level, TO_OUT + LARGEST * level
    cell = whole[w + CELL]
    for e in range(whole[START + cell], whole[START + cell + 1]):
        other = whole[EDGES + 2 * e]
        if bit(other) & region != NONE:
            whole[to_set + other] -= whole[EDGES + 2 * e + 1]
    left = masks[k + OUT] & ~masks[k + OUT_BEFORE]
    while left != NONE:
        cell = first_of(left)
        left &= left - ONE
        for e in range(whole[START + cell], whole[START + cell + 1]):
            other = whole[EDGES + 2 * e]
            if bit(other) & region != NONE:
                whole[to_out + other] -= whole[EDGES + 2 * e + 1]


@njit(cache=True, nogil=True, error_model="numpy")
def nearest_decided(whole: np.ndarray, w: int, beside: np.uint64) -> int:
    """The cell of the mask with most border to the set and to the cells left out, first of equals.

    The set's border is then found out from one end to the other, and its cost known early.
    """
    level = whole[w + LEVEL]
    best: int = first_of(beside)
    most = -1
    while beside != NONE:
        cell = first_of(beside)
        beside &= beside - ONE
        at = LARGEST * level + cell
        decided = whole[TO_SET + at] + whole[TO_OUT + at]
        if decided > most:
            best, most = cell, decided
    return best


@njit(cache=True, nogil=True, error_model="numpy")
def rest_shape(real: np.ndarray, n_rest: int, area: float, outer: float) -> float:
    """The least shape cost of ground with this area and outer border in so many sets.

    1 - PP for one set. For more, at best all but one are circles of the largest area a set can
    have, and the last has the border that is left.
    """
    shape: float = real[SHAPE]
    if n_rest == 1:
        return shape * max(0.0, 1.0 - area / max(outer * outer, 1.0))
    spare: float = outer / np.sqrt(max(real[ROOMIEST], 1.0)) - (n_rest - 1)
    return shape * (1.0 - 1.0 / (spare * spare)) if spare > 1.0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def two_shapes(whole: np.ndarray, real: np.ndarray, depth: int) -> float:
    """The least shape cost of the frame's set and of all the rest as one set.

    Areas and perimeters lie within what is decided and what is not; the sum of the shapes,
    area / perimeter^2, is largest in a corner of that box.
    """
    _, w, r = rows_of(depth)
    ground = LEVELS + LEVEL_STRIDE * whole[w + LEVEL]
    cut = float(whole[w + CUT] + whole[w + MEET])
    one, other = max(1.0, whole[w + OUTER] + cut), max(1.0, whole[w + OUT_OUTER] + cut)
    free = real[ground + L_OUTER] - whole[w + OUTER] - whole[w + OUT_OUTER]
    area = real[ground + L_AREA]
    one_most = min(area - real[r + OUT_AREA], real[ROOMIEST])
    other_most = min(area - real[r + AREA], real[ROOMIEST])
    one_least, other_least = area - other_most, area - one_most
    near, far = 1.0 / (one * one), 1.0 / ((other + free) * (other + free))
    both = max(one_most * near + other_least * far, one_least * near + other_most * far)
    alone = min(1.0, one_most * near)
    near, far = 1.0 / (other * other), 1.0 / ((one + free) * (one + free))
    both = max(both, one_most * far + other_least * near)
    both = max(both, one_least * far + other_most * near)
    alone += min(1.0, other_most * near)
    shape: float = real[SHAPE] * (2.0 - min(both, alone))
    return shape


@njit(cache=True, nogil=True, error_model="numpy")
def cost_bound(masks: np.ndarray, whole: np.ndarray, real: np.ndarray, depth: int) -> float:
    """No division that agrees with the frame costs less."""
    k, w, r = rows_of(depth)
    level = whole[w + LEVEL]
    ground = LEVELS + LEVEL_STRIDE * level
    n_rest = whole[N_SETS] - 1 - level
    bound: float
    if n_rest == 1:
        bound = two_shapes(whole, real, depth)
    else:
        cut = float(whole[w + CUT] + whole[w + MEET])
        area = min(real[ground + L_AREA] - real[r + OUT_AREA], real[ROOMIEST])
        side = max(1.0, whole[w + OUTER] + cut)
        bound = real[SHAPE] * max(0.0, 1.0 - area / (side * side))
        bound += rest_shape(real, n_rest, 0.0, whole[w + OUT_OUTER] + cut)
    bound += real[ground + L_COST] + real[r + CUT_COST] + real[LOSS]
    bound += real[RATIO] * whole[w + MEET]
    bound += real[SPLIT_COST] * (size_of(masks[k + TAGS]) + size_of(masks[k + OUT_TAGS]))
    if whole[HAS_HOME]:
        bound += real[ground + L_CLAIM]
        own, out = masks[k + SET], masks[k + OUT]
        if n_rest == 1:
            bound += least_claim_of_two(masks, whole, real, own, out)
        else:
            bound += least_claim(masks, whole, real, own)
    return bound


@njit(cache=True, nogil=True, error_model="numpy")
def open_level(
    masks: np.ndarray,
    whole: np.ndarray,
    real: np.ndarray,
    level: int,
    region: np.uint64,
) -> int:
    """Begin a level on this ground; where its row begins, the costs before it all 0."""
    masks[REGION + level] = region
    row = LEVELS + LEVEL_STRIDE * level
    for i in range(LEVEL_STRIDE):
        real[row + i] = 0.0
    for cell in range(whole[N_CELLS]):
        at = LARGEST * level + cell
        whole[TO_SET + at] = whole[TO_OUT + at] = 0
        if bit(cell) & region == NONE:
            continue
        outer = whole[PERIMETER_OF + cell]
        for e in range(whole[START + cell], whole[START + cell + 1]):
            if bit(whole[EDGES + 2 * e]) & region != NONE:
                outer -= whole[EDGES + 2 * e + 1]
        whole[OUTER_OF + at] = outer
        for j in range(whole[N_LOADS]):
            real[row + L_LOAD + j] += real[LOAD_OF + LARGEST * j + cell]
        real[row + L_AREA] += real[AREA_OF + cell]
        real[row + L_OUTER] += outer
    return row


@njit(cache=True, nogil=True, error_model="numpy")
def begin_set(
    masks: np.ndarray, whole: np.ndarray, real: np.ndarray, depth: int, level: int
) -> None:
    """A frame with the first cell of the level's ground as its set."""
    k, w, r = rows_of(depth)
    for i in range(MASK_STRIDE):
        masks[k + i] = NONE
    for i in range(WHOLE_STRIDE):
        whole[w + i] = 0
    for i in range(REAL_STRIDE):
        real[r + i] = 0.0
    whole[w + LEVEL] = level
    whole[w + CELL] = first_of(masks[REGION + level])
    take_in(masks, whole, real, depth, whole[w + CELL])


@njit(cache=True, nogil=True, error_model="numpy")
def extend_set(
    masks: np.ndarray, whole: np.ndarray, real: np.ndarray, depth: int, cell: int
) -> None:
    """A frame with the set of the one before and one cell more."""
    k, w, r = rows_of(depth)
    for i in range(MASK_STRIDE):
        masks[k + i] = masks[k - MASK_STRIDE + i]
    for i in range(WHOLE_STRIDE):
        whole[w + i] = whole[w - WHOLE_STRIDE + i]
    for i in range(REAL_STRIDE):
        real[r + i] = real[r - REAL_STRIDE + i]
    masks[k + OUT_BEFORE] = masks[k + OUT]
    whole[w + CELL] = cell
    whole[w + STAGE] = 0
    take_in(masks, whole, real, depth, cell)

"""Sets of up to 64 cells as the bits of one number, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

LARGEST = 64
"""Cells that fit into one mask."""

ONE = np.uint64(1)
NONE = np.uint64(0)


def _count_trailing_zeros(typing_context: Any, mask: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


def _count_ones(typing_context: Any, mask: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


def _forget_owner(typing_context: Any, array: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        proxy: Any = cgutils.create_struct_proxy
        view = proxy(signature.return_type)(context, builder, value=arguments[0])
        view.meminfo = ir.Constant(view.meminfo.type, None)
        return view._getvalue()

    return array(array), generate


lent: Any = intrinsic(_forget_owner)
"""The array without its count of references, in compiled code, where counting takes most of the
time of small functions. The owner must live as long: use it once more afterwards."""

first_of: Any = intrinsic(_count_trailing_zeros)
"""The number of the lowest bit that is set, in compiled code; 64 for none."""

size_of: Any = intrinsic(_count_ones)
"""How many bits are set, in compiled code."""


@njit(cache=True, nogil=True, error_model="numpy")
def bit(cell: int) -> np.uint64:
    """The mask that holds only this cell."""
    return ONE << np.uint64(cell)


@njit(cache=True, nogil=True, error_model="numpy")
def reach(start: np.uint64, within: np.uint64, near: np.ndarray) -> np.uint64:
    """Cells of `within` that hang together with those of `start`; both masks.

    Parameters
    ----------
    near : mask of each cell's neighbours first, perhaps more behind
    """
    reached = start & within
    fresh = reached
    while fresh != NONE:
        cell = first_of(fresh)
        fresh &= fresh - ONE
        more = near[cell] & within & ~reached
        reached |= more
        fresh |= more
    return reached


@njit(cache=True, nogil=True, error_model="numpy")
def is_in_pieces(cells: np.uint64, near: np.ndarray) -> bool:
    """Whether the set falls into two or more connected parts; not so for an empty set."""
    is_found: bool = reach(cells & (~cells + ONE), cells, near) != cells
    return is_found


@njit(cache=True, nogil=True, error_model="numpy")
def sum_over(cells: np.uint64, values: np.ndarray, begin: int) -> float:
    """The values of the set's cells, added; cell 0 has `values[begin]`."""
    total = 0.0
    while cells != NONE:
        total += float(values[begin + first_of(cells)])
        cells &= cells - ONE
    return total

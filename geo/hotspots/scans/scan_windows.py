"""Circular windows around locations: neighbours in order of distance, rings of equal distance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.spatial import cKDTree

from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Bools, Floats, Indices

Order = npt.NDArray[np.int32]

MAX_PAIRS = 25_000_000
"""Most pairs of locations looked at: 500 MB; more wants a smaller `max_radius_m`."""

SAME_DISTANCE = 1e-9
"""Relative difference of squared distances below which two locations lie on one circle."""


@dataclass(frozen=True)
class Windows:
    """Centre i owns elements first[i] to first[i + 1], nearest first, itself at distance 0.

    `neighbour`: the location an element adds; `distance_m`: how far it is; `is_end`: whether a
    circle may end there (the last of its ring of equal distances).
    """

    first: Indices
    neighbour: Order
    distance_m: Floats
    is_end: Bools

    @property
    def centre(self) -> Indices:
        """The centre of each element."""
        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))

    def cumulated(self, weights: Floats) -> Floats:
        """Sum of the weights of the locations in the circle up to each element."""
        sums = np.cumsum(weights[self.neighbour])
        before = np.concatenate([[0.0], sums])[self.first[:-1]]
        within: Floats = sums - np.repeat(before, np.diff(self.first))
        return within

    def cut(self, is_allowed: Bools) -> Windows:
        """The elements up to each centre's last end that is allowed; other ends are no more."""
        is_end = self.is_end & is_allowed
        index = np.arange(len(is_end))
        last = np.maximum.reduceat(np.where(is_end, index, -1), self.first[:-1])
        is_kept = index <= np.repeat(last, np.diff(self.first))
        sums = np.concatenate([[0], np.cumsum(is_kept)])
        return Windows(
            sums[self.first], self.neighbour[is_kept], self.distance_m[is_kept], is_end[is_kept]
        )


def windows_around(x: Floats, y: Floats, *, max_radius_m: float) -> Windows:
    """Every circle around each of n locations that reaches another, up to a radius.

    Parameters
    ----------
    x, y : (n,) distinct places, n >= 1, in metres
    max_radius_m : largest radius, inclusive; infinite for all locations around each

    Raises
    ------
    ParameterError : more than `MAX_PAIRS` pairs of locations lie within the radius
    """
    xy = np.column_stack([x, y])
    n = len(xy)
    if math.isinf(max_radius_m):
        check_pairs(n * n)
        neighbour, squared = _everything(xy)
        first = np.arange(n + 1) * n
    else:
        tree = cKDTree(xy)
        radius_m = max_radius_m * (1 + SAME_DISTANCE)
        check_pairs(int(tree.count_neighbors(tree, radius_m)))
        pairs = tree.query_pairs(radius_m, output_type="ndarray").astype(np.int32)
        neighbour, squared, first = _by_distance(xy, pairs)
    is_end = np.ones(len(squared), dtype=bool)
    is_end[:-1] = squared[1:] - squared[:-1] > SAME_DISTANCE * squared[1:]
    is_end[first[1:] - 1] = True
    return Windows(first, neighbour, np.sqrt(squared), is_end)


def grouped(keys: Order, n_groups: int) -> tuple[Indices, Indices]:
    """First place of each of n groups (n + 1,), and the positions of the keys group by group.

    Positions stay in order within a group (counting sort).
    """
    first = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=n_groups))])
    order = np.empty(len(keys), dtype=np.int64)
    _deal_out(keys, first[:-1].copy(), order)
    return first, order


@njit(cache=True, nogil=True, error_model="numpy")
def _deal_out(keys: Order, following: Indices, order: Indices) -> None:
    for k in range(len(keys)):
        order[following[keys[k]]] = k
        following[keys[k]] += 1


def _by_distance(xy: Floats, pairs: Order) -> tuple[Order, Floats, Indices]:
    """Neighbours of every location among the pairs, itself first, then by distance."""
    squared = ((xy[pairs[:, 0]] - xy[pairs[:, 1]]) ** 2).sum(axis=1)
    rising = np.argsort(squared, kind="stable")
    pairs = pairs[rising]
    own = np.arange(len(xy), dtype=np.int32)
    first, order = grouped(np.concatenate([own, pairs.ravel()]), len(xy))
    neighbour = np.concatenate([own, pairs[:, ::-1].ravel()])[order]
    distance = np.concatenate([np.zeros(len(xy)), np.repeat(squared[rising], 2)])[order]
    return neighbour, distance, first


def _everything(xy: Floats) -> tuple[Order, Floats]:
    """Neighbours of every location, all of them, and squared distances; in blocks of rows."""
    neighbours, squares = [], []
    for start in range(0, len(xy), 256):
        block = xy[start : start + 256]
        squared = ((block[:, None, :] - xy[None, :, :]) ** 2).sum(axis=2)
        order = np.argsort(squared, axis=1, kind="stable")
        neighbours.append(order.astype(np.int32).ravel())
        squares.append(np.take_along_axis(squared, order, axis=1).ravel())
    return np.concatenate(neighbours), np.concatenate(squares)


def check_pairs(n_pairs: int) -> None:
    """Nothing, where the pairs are few enough to be held in memory.

    Raises
    ------
    ParameterError : there are more than `MAX_PAIRS`
    """
    if n_pairs > MAX_PAIRS:
        raise ParameterError(
            "hotspots.too_many_windows",
            f"the scan must look at {MAX_PAIRS} pairs of places at most; {n_pairs} lie within the "
            "radius. Use a smaller `max_radius_m`, or count on coarser cells.",
            n=n_pairs,
            limit=MAX_PAIRS,
        )

"""Compiled: the order of visits with prizes, service times and windows inside the time given."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position
from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@njit(cache=True, nogil=True, error_model="numpy")
def decode(
    order: Indices,
    between: Floats,
    service: Floats,
    opens: Floats,
    closes: Floats,
    limit: float,
    taken: Indices,
) -> tuple[int, float]:
    """How many places are visited, written to `taken` in order, and when the base is reached.

    Places are numbered from 1 in `between`, 0 being the base; those of `order` are visited in turn,
    each that can be reached before it closes and left in time for the way back.
    """
    n = 0
    here, clock = 0, 0.0
    for place in order:
        begin = max(clock + between[here, place], opens[place])
        end = begin + service[place]
        if begin <= closes[place] and end + between[place, 0] <= limit:
            taken[n] = place
            n += 1
            here, clock = place, end
    return n, clock + between[here, 0]


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _chance(state: npt.NDArray[np.uint64]) -> float:
    """A number from 0 to below 1 by SplitMix64 (Steele, Lea and Flood 2014); moves `state` on."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(11)) * 2.0**-53


@njit(cache=True, nogil=True, error_model="numpy")
def _changed(order: Indices, i: int, j: int, kind: int) -> None:
    """Changes an order: the place at i moved to j, the two swapped, or all between turned round."""
    if kind == 0:
        moved = order[i]
        step = 1 if i < j else -1
        for k in range(i, j, step):
            order[k] = order[k + step]
        order[j] = moved
    elif kind == 1:
        order[i], order[j] = order[j], order[i]
    else:
        low, high = min(i, j), max(i, j)
        while low < high:
            order[low], order[high] = order[high], order[low]
            low += 1
            high -= 1


@njit(cache=True, nogil=True, error_model="numpy")
def best_order(
    between: Floats,
    prize: Floats,
    service: Floats,
    opens: Floats,
    closes: Floats,
    limit: float,
    n_starts: int,
    n_steps: int,
    seed: int,
) -> Indices:
    """Places in the order that gains most, then takes least time; from 1, 0 being the base.

    Annealing over orders of all places with a prize, of which each visits what fits (`decode`): a
    place moved, two swapped, or a stretch reversed. The best of `n_starts` runs of `n_steps` each.
    """
    state = np.array([np.uint64(seed)], dtype=np.uint64)
    wanted = np.flatnonzero(prize > 0)
    n = len(wanted)
    gain = prize.sum()
    worth = 3.0 * limit / max(gain, 1e-12)
    best = np.empty(0, np.int64)
    best_gain, best_end = 0.0, 0.0
    taken = np.empty(n, np.int64)
    if n == 0:
        return best
    for _ in range(n_starts):
        order = wanted.copy()
        for last in range(n - 1, 0, -1):
            other = int(_chance(state) * (last + 1))
            order[last], order[other] = order[other], order[last]
        trial = order.copy()
        energy = np.inf
        heat = limit / 8.0
        cooling = 1e-4 ** (1.0 / n_steps)
        for _ in range(n_steps):
            trial[:] = order
            i, j, kind = (_chance(state), _chance(state), _chance(state))
            _changed(trial, int(i * n), int(j * n), int(kind * 3))
            k, end = decode(trial, between, service, opens, closes, limit, taken)
            gain = 0.0
            for place in taken[:k]:
                gain += prize[place]
            if gain > best_gain + 1e-9 or (gain > best_gain - 1e-9 and end < best_end - 1e-9):
                best, best_gain, best_end = taken[:k].copy(), gain, end
            new = end - worth * gain
            if new <= energy or _chance(state) < np.exp((energy - new) / heat):
                order, trial = trial, order
                energy = new
            heat *= cooling
    return best

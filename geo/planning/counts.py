"""How many grids each part of the ground gets."""

from __future__ import annotations

import heapq

import numpy as np


def by_target(load: np.ndarray, n_units: np.ndarray, target: float) -> np.ndarray:
    """For each part the number of grids whose mean load deviates least from the target.

    Between the two whole numbers around load / target the one whose mean is nearer, relative to
    the target; the smaller on a tie. At least one, at most as many as there are units.
    """
    exact = load / target
    low = np.maximum(1, np.floor(exact)).astype(np.int64)
    high = low + 1
    is_more = np.abs(exact / high - 1) < np.abs(exact / low - 1) - 1e-12
    found: np.ndarray = np.minimum(np.where(is_more, high, low), np.maximum(1, n_units))
    return found


def by_total(load: np.ndarray, n_units: np.ndarray, n_grids: int) -> np.ndarray:
    """Parts of a given total, so that the highest mean load of any part is least.

    Every part gets one; each further grid goes where the mean is highest (Adams' rule of
    apportionment). More parts than grids give one grid a part, hence more grids than asked.
    """
    found = np.ones(len(load), dtype=np.int64)
    queue = [(-float(load[part]), part) for part in range(len(load)) if n_units[part] > 1]
    heapq.heapify(queue)
    for _ in range(n_grids - len(load)):
        if not queue:
            break
        _, part = heapq.heappop(queue)
        found[part] += 1
        if found[part] < n_units[part]:
            heapq.heappush(queue, (-float(load[part]) / float(found[part]), part))
    return found

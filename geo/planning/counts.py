"""How many grids each part of the ground gets."""

from __future__ import annotations

import heapq

import numpy as np
import pandas as pd

from geo.errors import ParameterError

ROUNDING = 1e-9
"""A deviation this little beyond the tolerance is rounding."""


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


def trade_off(
    load: pd.Series, *, target: float, tolerance: float, n_cells: pd.Series | None = None
) -> pd.DataFrame:
    """What the two nearest numbers of grids mean for each area, indexed as `load`.

    - `load`, `exact`: the area's load, and load / target
    - `low`, `high`: the whole numbers around it, at least 1 and 2
    - `mean_low`, `deviation_low`, `mean_high`, `deviation_high`: the mean load of a grid then, and
      (mean - target) / target, which no plan's largest deviation in the area can be below
    - `chosen`: the number by the rule of `by_target`, `deviation` its mean's
    - `is_within_tolerance`: the chosen number's mean is; where it is not, no number's is, unless
      there are too few cells for it

    Parameters
    ----------
    load : of each area, 0 or more
    target : wanted load of a grid, above 0
    tolerance : allowed |load - target| / target, 0 to 1
    n_cells : cells of each area, of which no more grids than that can be made

    Raises
    ------
    ParameterError : target or tolerance out of range
    """
    if not 0 < target < float("inf"):
        raise ParameterError(
            "plan.target", f"target must be positive and finite; got {target}", target=target
        )
    if not 0 <= tolerance <= 1:
        raise ParameterError(
            "plan.tolerance",
            f"tolerance is a share between 0 and 1 (0.05 = 5%); got {tolerance}",
            tolerance=tolerance,
        )
    total = load.to_numpy(dtype="float64")
    low = np.maximum(1, np.floor(total / target)).astype(np.int64)
    most = np.full(len(total), np.iinfo(np.int64).max)
    if n_cells is not None:
        most = n_cells.reindex(load.index).to_numpy(dtype="int64")
    found = pd.DataFrame({"load": total, "exact": total / target}, index=load.index)
    for name, number in (("low", low), ("high", low + 1)):
        found[name] = number
        found[f"mean_{name}"] = total / number
        found[f"deviation_{name}"] = total / number / target - 1
    found["chosen"] = by_target(total, most, target)
    found["deviation"] = total / found["chosen"] / target - 1
    found["is_within_tolerance"] = found["deviation"].abs() <= tolerance + ROUNDING
    return found

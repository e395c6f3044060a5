"""Units that belong together, or must not share a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ties:
    """Units that belong together or must not share a grid, as `geo.planning.energy` wants them."""

    ptr: np.ndarray
    units: np.ndarray

    @classmethod
    def none(cls, n_units: int) -> Ties:
        """No ties between that many units."""
        return cls(np.zeros((n_units, 3), dtype=np.int64), np.zeros(0, dtype=np.int64))

    def reordered(self, order: np.ndarray) -> Ties:
        """The same ties with unit `order[i]` as unit i."""
        place_of = np.empty_like(order)
        place_of[order] = np.arange(len(order))
        return Ties(self.ptr[order], place_of[self.units])

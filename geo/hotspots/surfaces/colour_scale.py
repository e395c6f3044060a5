"""A colour scale fixed over time: one set of class limits for all frames of an animation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Floats
from geo.hotspots.surfaces.surface import Surface

NOTHING = -1
"""Class of a value of 0: no colour."""


@dataclass(frozen=True)
class ColourScale:
    """Class k holds values from `limits[k]` up to, not including, `limits[k + 1]`; the last class
    holds its upper limit too. Values above 0 and below the first limit belong to the first class.
    """

    limits: Floats

    @property
    def n_classes(self) -> int:
        """Number of classes; 0 where nothing was above 0."""
        return max(len(self.limits) - 1, 0)

    def classify(self, values: Floats) -> npt.NDArray[np.int8]:
        """Class of each value, 0 the palest; `NOTHING` for 0, the last class for what is above."""
        found = np.searchsorted(self.limits[1:-1], values, side="right")
        classes: npt.NDArray[np.int8] = np.where(np.asarray(values) > 0, found, NOTHING).astype(
            np.int8
        )
        return classes


def fixed_scale(frames: Iterable[Surface | Floats], *, n_classes: int = 5) -> ColourScale:
    """Class limits over all frames together, so that one colour means one density throughout.

    Each class holds about the same share of the incidents of all frames together, not of the
    ground: limits are quantiles of the values weighted by themselves. (By ground, the faint
    surroundings of a few places would take nearly all classes.) Where fewer different values
    occur than classes are asked for, there are fewer classes.

    Parameters
    ----------
    frames : surfaces, or arrays of values >= 0 of any shape
    n_classes : 1 to 12

    Raises
    ------
    ParameterError : the number of classes is out of range, or a value is negative or not finite
    """
    if not 1 <= n_classes <= 12:
        raise ParameterError(
            "hotspots.bad_class_count",
            f"`n_classes` must be from 1 to 12; got {n_classes}",
            value=n_classes,
        )
    arrays = [np.ravel(f.values if isinstance(f, Surface) else np.asarray(f)) for f in frames]
    values = np.concatenate([*arrays, np.zeros(0)]).astype(np.float64)
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise ParameterError(
            "hotspots.bad_counts", "values must be finite and not negative", name="values"
        )
    seen = np.sort(values[values > 0])
    if not len(seen):
        return ColourScale(np.zeros(0))
    mass = np.cumsum(seen)
    at = np.searchsorted(mass, mass[-1] * np.arange(1, n_classes) / n_classes)
    inner = np.unique(seen[np.minimum(at, len(seen) - 1)])
    inner = inner[inner > seen[0]]
    return ColourScale(np.concatenate([seen[:1], inner, seen[-1:]]))

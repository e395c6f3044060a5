"""Exposure: what the incidents of a cell are measured against."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Floats, Indices, Lattice


def ground_exposure(lattice: Lattice) -> Floats:
    """(rows, cols) area of each cell that lies in the ground, in cells: 0 to 1.

    Right where incidents fall on ground alike everywhere (streets, open space); where they follow
    people, use households or the background of all categories.
    """
    return lattice.ground_share.astype(np.float64, copy=True)


def exposure_from_points(
    lattice: Lattice, x: Floats, y: Floats, weight: Floats | None = None
) -> Floats:
    """(rows, cols) sum of the points' weights in each cell; cells without a point have 0.

    Households, addresses, or footfall by the fixes of tracks.

    Parameters
    ----------
    x, y : (n,) metres in the lattice's CRS; points off the raster or not finite are left out
    weight : (n,) households, persons or seconds at each point, >= 0; without it each counts 1

    Raises
    ------
    ParameterError : lengths differ, or a weight is negative or not finite
    """
    weights = np.ones(len(x)) if weight is None else np.asarray(weight, dtype=np.float64)
    if not len(x) == len(y) == len(weights):
        raise ParameterError(
            "hotspots.shape_differs",
            f"`x`, `y` and `weight` must be equally long; got {len(x)}, {len(y)}, {len(weights)}.",
            name="weight",
            found=str(len(weights)),
            wanted=str(len(x)),
        )
    check_not_negative("weight", weights)
    cell = lattice.cell_of(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
    is_on = cell >= 0
    sums = np.bincount(cell[is_on], weights=weights[is_on], minlength=lattice.n_cells)
    return sums.astype(np.float64).reshape(lattice.shape)


def check_not_negative(name: str, values: Floats) -> None:
    """Nothing, where every value is finite and at least 0.

    Raises
    ------
    ParameterError : one is not
    """
    is_bad = ~(np.isfinite(values) & (values >= 0))
    if is_bad.any():
        raise ParameterError(
            "hotspots.negative_value",
            f"`{name}` must be finite and at least 0; got {int(is_bad.sum())} that are not, first "
            f"{values[is_bad].flat[0]}. Correct them or leave them out.",
            name=name,
            n=int(is_bad.sum()),
            value=float(values[is_bad].flat[0]),
        )


def whole_numbers(name: str, values: npt.ArrayLike) -> Indices:
    """The values as whole numbers.

    Raises
    ------
    ParameterError : one is negative, not finite, or not whole
    """
    found = np.asarray(values)
    check_not_negative(name, found.astype(np.float64))
    whole = np.ascontiguousarray(found, dtype=np.int64)
    n_broken = int((whole != found).sum())
    if n_broken:
        raise ParameterError(
            "hotspots.not_whole",
            f"`{name}` must be whole numbers; got {n_broken} that are not. Count incidents.",
            name=name,
            n=n_broken,
        )
    return whole

"""Compatibility views: Getis-Ord Gi, Gi*, general G and local Moran, as other tools show them.

Their p-values rest on the normal distribution or on permutations of the values, and are wrong for
small counts and for uneven exposure: on maps where nothing is hot they mark hot cells. `notes` say
so. `significant_cells` is what to trust.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse
from scipy import special

from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Bools, Floats, Indices
from geo.hotspots.significant.local_kernels import (
    conditional_extremes,
    getis_ord_scores,
    neighbour_sums,
    square_window_sums,
)

SMALL_COUNTS_MEAN = 20.0
"""Mean count a cell below which Gi* under false-discovery control marked a hot cell on more than
9% of maps with nothing hot (100 x 100 cells, 400 maps, level 5%)."""

UNEVEN_EXPOSURE = 0.1
"""Coefficient of variation of the exposure above which raw counts say where people are."""

Transform = Literal["binary", "row"]


@dataclass(frozen=True)
class LocalStatistic:
    """A statistic for each place, its moments under randomisation, and how far it lies out.

    `p`: chance, by the normal distribution, of a value as far out on that side (one-sided, as
    peers give it); `p_permuted`: by permutation, not below 1 / (permutations + 1), None where
    none were asked for. Where the variance is 0 `z` is 0 and `p` 0.5.
    """

    value: Floats
    expected: Floats
    variance: Floats
    z: Floats
    p: Floats
    p_permuted: Floats | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class GlobalStatistic:
    """One statistic of the whole map, its moments under randomisation, z and one-sided p."""

    value: float
    expected: float
    variance: float
    z: float
    p: float


def getis_ord(
    values: Floats,
    weights: scipy.sparse.csr_array,
    *,
    star: bool,
    transform: Transform = "binary",
    variance: Literal["squares", "cardinality"] = "squares",
    exposure: Floats | None = None,
) -> LocalStatistic:
    """Gi, or Gi* with `star`, of each place; z by the moments of Ord & Getis 1995, eqs. 5 and 14.

    Parameters
    ----------
    values : (n,) counts or rates
    weights : (n, n) neighbours' weights. Without `star` the diagonal is left out; with it, a
        diagonal of zeros is set to 1 (to the row's greatest weight where rows are standardised)
    transform : "row" divides each row by its sum
    variance : "squares" takes the sum of squared weights, which is right for any weights;
        "cardinality" takes their sum in its place, as esda does: the same for weights of 0 and 1,
        too large for standardised rows
    exposure : (n,) what the values count on, only to note that it is uneven

    Raises
    ------
    ParameterError : sizes differ
    """
    values = np.asarray(values, dtype=np.float64)
    lag, total, squares = _sums(values, weights, star, transform)
    if variance == "cardinality":
        squares = total
    return _getis_ord(values, lag, total, squares, star=star, exposure=exposure)


def getis_ord_on_lattice(
    counts: Floats | Indices,
    is_inside: Bools,
    *,
    reach_cells: int = 1,
    star: bool = True,
    exposure: Floats | None = None,
) -> LocalStatistic:
    """Gi* (or Gi) of each cell inside, with weight 1 for the cells within reach; 0 outside.

    The same numbers as `getis_ord` with those weights, by sums over square windows.

    Parameters
    ----------
    counts : (rows, cols); is_inside : (rows, cols) cells that take part
    reach_cells : rows and columns on every side, >= 1: 1 is 3 x 3 cells
    """
    if reach_cells < 1 or counts.shape != is_inside.shape:
        raise ParameterError(
            "hotspots.shape_differs",
            "`counts` and `is_inside` must have one shape and `reach_cells` be at least 1; got "
            f"{counts.shape}, {is_inside.shape}, {reach_cells}.",
            name="is_inside",
            found=str(is_inside.shape),
            wanted=str(counts.shape),
        )
    inside = np.where(is_inside, counts, 0).astype(np.float64)
    lag = square_window_sums(inside, reach_cells)[is_inside]
    n_near = square_window_sums(is_inside.astype(np.float64), reach_cells)[is_inside]
    values = inside[is_inside]
    if not star:
        lag, n_near = lag - values, n_near - 1.0
    shown = None if exposure is None else np.asarray(exposure)[is_inside]
    flat = _getis_ord(values, lag, n_near, n_near, star=star, exposure=shown)
    return LocalStatistic(
        _on_lattice(flat.value, is_inside),
        _on_lattice(flat.expected, is_inside),
        _on_lattice(flat.variance, is_inside),
        _on_lattice(flat.z, is_inside),
        _on_lattice(flat.p, is_inside, outside=0.5),
        p_permuted=None,
        notes=flat.notes,
    )


def general_g(values: Floats, weights: scipy.sparse.csr_array) -> GlobalStatistic:
    """Getis & Ord's general G (1992, eqs. 5 to 8) with binary weights, no diagonal.

    Raises
    ------
    ParameterError : sizes differ, fewer than 4 places, or values without variation
    """
    x = np.asarray(values, dtype=np.float64)
    n = len(x)
    matrix = _weights(weights, n)
    powers = [float((x**k).sum()) for k in range(5)]
    pairs = powers[1] ** 2 - powers[2]
    if n < 4 or pairs <= 0 or x.min() == x.max():
        raise ParameterError(
            "hotspots.no_variation",
            f"general G needs at least 4 places whose values differ; got {n}.",
            n=n,
        )
    s0 = float(matrix.sum())
    s1 = float((matrix.multiply(matrix) + matrix.multiply(matrix.T)).sum())
    s2 = float(((matrix.sum(axis=1) + matrix.sum(axis=0)) ** 2).sum())
    b = (
        (n * n - 3 * n + 3) * s1 - n * s2 + 3 * s0**2,
        -((n * n - n) * s1 - 2 * n * s2 + 6 * s0**2),
        -(2 * n * s1 - (n + 3) * s2 + 6 * s0**2),
        4 * (n - 1) * s1 - 2 * (n + 1) * s2 + 8 * s0**2,
        s1 - s2 + s0**2,
    )
    _, one, two, three, four = powers
    square = b[0] * two**2 + b[1] * four + b[2] * one**2 * two + b[3] * one * three + b[4] * one**4
    value, expected = float(x @ (matrix @ x)) / pairs, s0 / (n * (n - 1))
    variance = square / (pairs**2 * n * (n - 1) * (n - 2) * (n - 3)) - expected**2
    z = (value - expected) / float(np.sqrt(variance)) if variance > 0 else 0.0
    return GlobalStatistic(value, expected, variance, z, float(special.ndtr(-abs(z))))


def local_moran(
    values: Floats,
    weights: scipy.sparse.csr_array,
    *,
    transform: Transform = "row",
    permutations: int = 0,
    seed: int = 0,
    exposure: Floats | None = None,
) -> LocalStatistic:
    """Local Moran's I of each place (Anselin 1995), moments conditional on its own value.

    Moments: Sokal, Oden & Thomson 1998, Geogr. Anal. 30(4), eqs. A7 and A8, scaled as the value is
    by (n - 1) / n (esda scales its value only, so its moments are n / (n - 1) too large; its value
    and its permutations agree with these). Permutation: the
    neighbours' values are drawn without replacement from all other places; the smaller side of
    (as great or greater, smaller), plus one, over permutations + 1.

    Parameters
    ----------
    values : (n,); weights : (n, n), the diagonal is left out
    permutations : 0 for none; with P of them no p is below 1 / (P + 1), so that over many places
        false-discovery control can reject none
    seed : of the permutations; the same seed gives the same p

    Raises
    ------
    ParameterError : sizes differ, or `permutations` is negative
    """
    x = np.asarray(values, dtype=np.float64)
    if permutations < 0:
        raise ParameterError(
            "hotspots.option_range",
            f"`permutations` must be at least 0; got {permutations}.",
            name="permutations",
            value=str(permutations),
        )
    matrix = _weights(weights, len(x), transform=transform)
    spread = x.std() if len(x) > 2 and x.std() > 1e-12 * abs(x.mean()) else 0.0
    if spread == 0.0:
        still = np.zeros(len(x))
        flat = None if permutations == 0 else np.ones(len(x))
        notes = _notes(x, exposure)
        return LocalStatistic(still, still, still, still, still + 0.5, flat, notes)
    n, z = len(x), (x - x.mean()) / spread
    lag = matrix @ z
    scale = (n - 1) / n
    total = np.asarray(matrix.sum(axis=1))
    squares = np.asarray(matrix.multiply(matrix).sum(axis=1))
    expected = -scale * z**2 * total / (n - 1)
    free = (squares - total**2 / (n - 1)) * (1.0 - z**2 / (n - 1))
    variance = scale**2 * z**2 * n / (n - 2) * free
    value = scale * z * lag
    score, p = _score(value, expected, variance)
    permuted = None
    if permutations:
        greater = conditional_extremes(
            z, lag, matrix.indptr, matrix.indices, matrix.data, permutations, seed
        )
        permuted = (np.minimum(greater, permutations - greater) + 1.0) / (permutations + 1.0)
    return LocalStatistic(value, expected, variance, score, p, permuted, _notes(x, exposure))


def _sums(
    x: Floats, weights: scipy.sparse.csr_array, star: bool, transform: Transform
) -> tuple[Floats, Floats, Floats]:
    """(n,) weighted sum of values, sum of weights and of their squares, itself in it by `star`."""
    matrix = _matrix(weights, len(x))
    lag, total, squares, own, greatest = neighbour_sums(
        matrix.indptr, matrix.indices, matrix.data, x
    )
    if star:
        if not own.any():
            own = np.ones(len(x)) if transform == "binary" else np.where(greatest > 0, greatest, 1)
        lag, total, squares = lag + own * x, total + own, squares + own**2
    if transform == "row":
        scale = np.divide(1.0, total, out=np.zeros(len(x)), where=total != 0)
        lag, total, squares = lag * scale, total * scale, squares * scale**2
    return lag, total, squares


def _weights(
    weights: scipy.sparse.csr_array, n: int, *, transform: Transform = "binary"
) -> scipy.sparse.csr_array:
    """The weights without a diagonal, their rows summing to 1 with `row`."""
    matrix = _matrix(weights, n)
    own = matrix.diagonal()
    if own.any():
        matrix = scipy.sparse.csr_array(matrix - scipy.sparse.diags_array(own))
        matrix.eliminate_zeros()
    if transform == "row":
        total = np.asarray(matrix.sum(axis=1))
        scale = np.divide(1.0, total, out=np.zeros(n), where=total != 0)
        matrix = scipy.sparse.csr_array(scipy.sparse.diags_array(scale) @ matrix)
    return matrix


def _matrix(weights: scipy.sparse.csr_array, n: int) -> scipy.sparse.csr_array:
    if weights.shape != (n, n):
        raise ParameterError(
            "hotspots.shape_differs",
            f"`weights` must be {n} x {n}, as many as values; got {weights.shape}.",
            name="weights",
            found=str(weights.shape),
            wanted=str((n, n)),
        )
    return scipy.sparse.csr_array(weights, dtype=np.float64)


def _getis_ord(
    x: Floats, lag: Floats, total: Floats, squares: Floats, *, star: bool, exposure: Floats | None
) -> LocalStatistic:
    value, expected, variance, z = getis_ord_scores(x, lag, total, squares, star)
    p = special.ndtr(-np.abs(z))
    return LocalStatistic(value, expected, variance, z, p, None, _notes(x, exposure))


def _score(value: Floats, expected: Floats, variance: Floats) -> tuple[Floats, Floats]:
    deviation = np.sqrt(np.maximum(variance, 0.0))
    z = np.divide(value - expected, deviation, out=np.zeros(len(value)), where=deviation > 0)
    return z, special.ndtr(-np.abs(z))


def _notes(x: Floats, exposure: Floats | None) -> tuple[str, ...]:
    says = {
        "hotspots.note.no_variation": len(x) < 3 or x.min() == x.max(),
        "hotspots.note.small_counts": len(x) > 0 and x.mean() < SMALL_COUNTS_MEAN,
        "hotspots.note.uneven_exposure": exposure is not None
        and len(x) > 0
        and np.std(exposure) > UNEVEN_EXPOSURE * np.mean(exposure),
    }
    return tuple(code for code, is_so in says.items() if is_so)


def _on_lattice(part: Floats, is_inside: Bools, *, outside: float = 0.0) -> Floats:
    whole = np.full(is_inside.shape, outside)
    whole[is_inside] = part
    return whole

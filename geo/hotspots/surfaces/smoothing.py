"""Smoothing on a lattice: sharing points among cells, and filters that are compiled."""

# ruff: noqa: PLR0917 - compiled kernels take flat arrays, by position

from __future__ import annotations

import math

import numpy as np
from numba import njit
from scipy.signal import fftconvolve

from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Bools, Floats, Lattice, check_positive

KERNELS = ("quartic", "gaussian")
"""Quartic: the bandwidth is its radius. Gaussian: the bandwidth is its standard deviation."""

REACH_SD = 4.5
"""Where the Gaussian is cut, standard deviations: 4e-5 of its mass lies beyond."""

LINEAR_BINNING = 1.0 / 6.0
"""Variance that sharing a point between two centres adds, per axis, in cell sides squared."""

SIMPLE_BINNING = 1.0 / 12.0
"""Variance that moving a point to its cell's centre adds, per axis, in cell sides squared."""

_ROUNDING = 1e-12
"""Share of the peak below which a density is rounding noise of the Fourier transform."""


def check_kernel(kernel: str, *, bandwidth_m: float, cell_size_m: float) -> None:
    """Nothing, where the kernel is known and no narrower than a cell.

    Raises
    ------
    ParameterError : it is not, or a size is not finite and positive
    """
    check_positive(cell_size_m=cell_size_m, bandwidth_m=bandwidth_m)
    if kernel not in KERNELS:
        raise ParameterError(
            "hotspots.unknown_kernel",
            f"`kernel` must be one of {list(KERNELS)}; got {kernel!r}",
            kernel=str(kernel),
            known=", ".join(KERNELS),
        )
    if bandwidth_m < cell_size_m:
        raise ParameterError(
            "hotspots.bandwidth_below_cell",
            f"`bandwidth_m` must be at least `cell_size_m`; got {bandwidth_m} < {cell_size_m}. "
            "Use smaller cells or a wider kernel.",
            bandwidth_m=bandwidth_m,
            cell_size_m=cell_size_m,
        )


def reach_m(kernel: str, bandwidth_m: float) -> float:
    """How far the kernel reaches, metres."""
    return bandwidth_m if kernel == "quartic" else REACH_SD * bandwidth_m


def smooth(
    values: Floats, *, kernel: str, bandwidth_m: float, cell_size_m: float, binning: float = 0.0
) -> Floats:
    """(rows, cols) values spread by a kernel whose cells sum to one; what leaves is lost.

    The Gaussian is narrowed by the variance that binning already added (`binning`, in cell sides
    squared), so that binning and filter together have the variance asked for.
    """
    if kernel == "gaussian":
        variance = (bandwidth_m / cell_size_m) ** 2 - binning
        return gaussian_filter(values, sd_cells=math.sqrt(variance))
    if not values.any():
        return np.zeros_like(values)
    spread: Floats = fftconvolve(values, quartic(bandwidth_m, cell_size_m), mode="same")
    spread[spread < spread.max() * _ROUNDING] = 0.0
    return spread


def quartic(bandwidth_m: float, cell_size_m: float) -> Floats:
    """Square of the quartic kernel at cell centres (Silverman 1986, eq. 4.5), sum one."""
    reach = math.ceil(bandwidth_m / cell_size_m)
    offset = np.arange(-reach, reach + 1) * cell_size_m
    distance2 = offset[:, None] ** 2 + offset[None, :] ** 2
    weights: Floats = np.clip(1.0 - distance2 / bandwidth_m**2, 0.0, None) ** 2
    weights /= weights.sum()
    return weights


def gaussian_filter(values: Floats, *, sd_cells: float) -> Floats:
    """(rows, cols) values under a Gaussian cut at `REACH_SD`; what leaves the raster is lost."""
    half = gaussian_half(sd_cells)
    across = np.zeros(values.shape)
    _filter_across(np.ascontiguousarray(values, dtype=np.float64), half, across)
    spread = np.zeros(values.shape)
    _filter_down(across, half, spread)
    return spread


def gaussian_half(sd_cells: float) -> Floats:
    """Weights at 0, 1, 2 ... cells from the middle; the whole kernel sums to one."""
    steps = np.arange(math.ceil(REACH_SD * sd_cells) + 1)
    weights: Floats = np.exp(-0.5 * (steps / sd_cells) ** 2)
    weights /= 2.0 * weights.sum() - weights[0]
    return weights


def mass_inside(
    lattice: Lattice, *, kernel: str, bandwidth_m: float, binning: float = 0.0
) -> Floats:
    """(rows, cols) share of a kernel set on each cell's centre that falls on the ground."""
    if kernel == "gaussian" and (lattice.ground_share == 1.0).all():
        half = gaussian_half(math.sqrt((bandwidth_m / lattice.cell_size_m) ** 2 - binning))
        rows, cols = (_held_on_line(n, half) for n in lattice.shape)
        return np.minimum(np.outer(rows, cols), 1.0)
    held = smooth(
        lattice.ground_share,
        kernel=kernel,
        bandwidth_m=bandwidth_m,
        cell_size_m=lattice.cell_size_m,
        binning=binning,
    )
    return np.minimum(held, 1.0)


def _held_on_line(n_cells: int, half: Floats) -> Floats:
    """(n_cells,) share of a symmetric kernel on each cell of a line that stays on the line."""
    beyond = np.cumsum(half)[np.minimum(np.arange(n_cells), len(half) - 1)]
    held: Floats = beyond + beyond[::-1] - half[0]
    return held


def share_points(x: Floats, y: Floats, lattice: Lattice, *, is_reached: Bools) -> Floats:
    """(rows, cols) points shared among the four nearest centres by bilinear weights.

    Shares that would fall on cells not reached (`is_reached`, those from which a kernel meets no
    ground) go to the others of the four; shares that would fall off the raster go to its border.
    Points off the raster or not finite are left out.
    """
    shared = np.zeros(lattice.n_cells)
    rows, cols = lattice.shape
    _share(
        np.ascontiguousarray(x, dtype=np.float64),
        np.ascontiguousarray(y, dtype=np.float64),
        lattice.west_m,
        lattice.north_m,
        lattice.cell_size_m,
        rows,
        cols,
        is_reached.ravel(),
        bool(is_reached.all()),
        shared,
    )
    return shared.reshape(lattice.shape)


@njit(cache=True, nogil=True, error_model="numpy")
def _share(  # type: ignore[no-untyped-def]
    x, y, west, north, side, rows, cols, is_reached, all_reached, shared
):
    per_m = 1.0 / side
    for k in range(len(x)):
        col = (x[k] - west) * per_m
        row = (north - y[k]) * per_m
        if not (col >= 0.0 and col <= cols and row >= 0.0 and row <= rows):
            continue
        left, up = int(col + 0.5) - 1, int(row + 0.5) - 1
        right, down = col - 0.5 - left, row - 0.5 - up
        c0, c1 = max(left, 0), min(left + 1, cols - 1)
        r0, r1 = max(up, 0) * cols, min(up + 1, rows - 1) * cols
        w00, w01 = (1.0 - down) * (1.0 - right), (1.0 - down) * right
        w10, w11 = down * (1.0 - right), down * right
        if not all_reached:
            w00, w01 = w00 * is_reached[r0 + c0], w01 * is_reached[r0 + c1]
            w10, w11 = w10 * is_reached[r1 + c0], w11 * is_reached[r1 + c1]
            total = w00 + w01 + w10 + w11
            if total <= 0.0:
                continue
            w00, w01, w10, w11 = w00 / total, w01 / total, w10 / total, w11 / total
        shared[r0 + c0] += w00
        shared[r0 + c1] += w01
        shared[r1 + c0] += w10
        shared[r1 + c1] += w11


@njit(cache=True, nogil=True, error_model="numpy")
def _filter_across(values, half, spread):  # type: ignore[no-untyped-def]
    """Along rows; `half` holds the symmetric kernel from its middle outwards."""
    rows, cols = values.shape
    reach = len(half) - 1
    padded = np.zeros(cols + 2 * reach)
    for r in range(rows):
        padded[reach : reach + cols] = values[r]
        line = spread[r]
        for c in range(cols):
            line[c] = half[0] * padded[reach + c]
        for k in range(1, reach + 1):
            weight = half[k]
            before, after = padded[reach - k :], padded[reach + k :]
            for c in range(cols):
                line[c] += weight * (before[c] + after[c])


@njit(cache=True, nogil=True, error_model="numpy")
def _filter_down(values, half, spread):  # type: ignore[no-untyped-def]
    """Along columns, whole rows at a time."""
    rows, cols = values.shape
    for r in range(rows):
        line = spread[r]
        for k in range(-len(half) + 1, len(half)):
            if r + k < 0 or r + k >= rows:
                continue
            weight = half[abs(k)]
            other = values[r + k]
            for c in range(cols):
                line[c] += weight * other[c]

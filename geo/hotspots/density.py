"""Kernel density of incidents."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from scipy.signal import fftconvolve
from shapely.geometry.base import BaseGeometry

from geo.crs import check_metric
from geo.errors import ParameterError
from geo.hotspots.surface import Floats, Surface

MAX_CELLS = 25_000_000
"""Largest raster, cells: 200 MB of values; more is a mistaken cell size or a stray point."""

_ROUNDING = 1e-12
"""Share of the peak below which a density is rounding noise of the Fourier transform."""


def kernel_density(
    incidents: gpd.GeoDataFrame,
    *,
    cell_size_m: float,
    bandwidth_m: float,
    within: BaseGeometry | None = None,
) -> Surface:
    """Incident density on a regular raster, in incidents per km2.

    Quartic kernel (Silverman 1986, eq. 4.5), linearly binned (each point shared among the four
    nearest cell centres) then convolved. The kernel's cells are scaled to sum to one, so that the
    surface holds exactly the mass of its incidents; edges are not corrected: near the outline part
    of that mass lies outside it.

    Parameters
    ----------
    incidents : n points, projected CRS in metres; rows without a point are left out and counted
    cell_size_m : raster cell side, metres, > 0
    bandwidth_m : kernel radius, metres, >= cell_size_m
    within : outline in the same CRS; incidents outside it are left out and counted, and the raster
        covers it. Without it the raster covers the incidents.

    Returns
    -------
    Surface with `values` (rows, cols) float64, never NaN, and its affine transform

    Raises
    ------
    CrsError : the CRS is missing or in degrees
    ParameterError : a size is not finite and positive, the raster would be too large, or there is
        neither an incident nor an outline
    """
    check_metric(incidents, "incidents")
    _check_sizes(cell_size_m, bandwidth_m)
    points = incidents.geometry.array
    is_placed = ~(shapely.is_missing(points) | shapely.is_empty(points))
    xy = shapely.get_coordinates(points[is_placed])
    n_placed = len(xy)
    if within is not None:
        shapely.prepare(within)
        xy = xy[shapely.intersects_xy(within, xy[:, 0], xy[:, 1])]
    west, north, shape = _raster(xy, within, cell_size_m, bandwidth_m)
    col, row = (xy[:, 0] - west) / cell_size_m, (north - xy[:, 1]) / cell_size_m
    counts = _count(row, col, shape)
    values = _spread(_share(row - 0.5, col - 0.5, shape), cell_size_m, bandwidth_m)
    return Surface(
        values=values,
        counts=counts,
        is_inside=_is_inside(within, west, north, cell_size_m, shape),
        west_m=west,
        north_m=north,
        cell_size_m=cell_size_m,
        bandwidth_m=bandwidth_m,
        crs=incidents.crs,
        n_incidents=len(xy),
        n_outside=n_placed - len(xy),
        n_unplaced=len(incidents) - n_placed,
    )


def _check_sizes(cell_size_m: float, bandwidth_m: float) -> None:
    for name, size in (("cell_size_m", cell_size_m), ("bandwidth_m", bandwidth_m)):
        if not (math.isfinite(size) and size > 0):
            raise ParameterError(
                "parameter.not_positive",
                f"`{name}` must be finite and above 0; got {size}. Give it in metres.",
                name=name,
                value=size,
            )
    if bandwidth_m < cell_size_m:
        raise ParameterError(
            "hotspots.bandwidth_below_cell",
            f"`bandwidth_m` must be at least `cell_size_m`; got {bandwidth_m} < {cell_size_m}. "
            "Use smaller cells or a wider kernel.",
            bandwidth_m=bandwidth_m,
            cell_size_m=cell_size_m,
        )


def _raster(
    xy: Floats, within: BaseGeometry | None, cell_size_m: float, bandwidth_m: float
) -> tuple[float, float, tuple[int, int]]:
    """West and north edge on the lattice, and (rows, cols), a kernel's reach beyond the ground."""
    if within is not None and not within.is_empty:
        bounds = np.array(within.bounds)
    elif len(xy):
        bounds = np.concatenate([xy.min(axis=0), xy.max(axis=0)])
    else:
        raise ParameterError(
            "hotspots.no_ground",
            "a surface needs an incident or an outline; got neither. "
            "Widen the window or pass `within`.",
        )
    reach = math.ceil(bandwidth_m / cell_size_m) + 1
    low = np.floor(bounds[:2] / cell_size_m) - reach
    high = np.floor(bounds[2:] / cell_size_m) + 1 + reach
    cols, rows = high - low
    if rows * cols > MAX_CELLS:
        raise ParameterError(
            "hotspots.raster_too_large",
            f"the raster must have at most {MAX_CELLS} cells; {rows:.0f} x {cols:.0f} needed. "
            "Use larger cells, or find the stray incident.",
            n_cells=int(rows * cols),
            limit=MAX_CELLS,
        )
    shape = (int(rows), int(cols))
    return float(low[0] * cell_size_m), float(high[1] * cell_size_m), shape


def _count(row: Floats, col: Floats, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Incidents in each cell; one on an edge belongs to the cell east or north of it."""
    index = (np.ceil(row).astype(np.int64) - 1) * shape[1] + np.floor(col).astype(np.int64)
    counts: npt.NDArray[np.int64] = np.bincount(index, minlength=shape[0] * shape[1])
    return counts.reshape(shape)


def _share(row: Floats, col: Floats, shape: tuple[int, int]) -> Floats:
    """Incidents shared among the four nearest centres by bilinear weights; sums to their number."""
    base_row, base_col = np.floor(row), np.floor(col)
    down, right = row - base_row, col - base_col
    index = base_row.astype(np.int64) * shape[1] + base_col.astype(np.int64)
    shared = np.zeros(shape[0] * shape[1])
    for step, weight in (
        (0, (1 - down) * (1 - right)),
        (1, (1 - down) * right),
        (shape[1], down * (1 - right)),
        (shape[1] + 1, down * right),
    ):
        shared += np.bincount(index + step, weights=weight, minlength=len(shared))
    return shared.reshape(shape)


def _spread(shared: Floats, cell_size_m: float, bandwidth_m: float) -> Floats:
    """The shared incidents convolved with the kernel, in incidents per km2."""
    reach = math.ceil(bandwidth_m / cell_size_m)
    offset = np.arange(-reach, reach + 1) * cell_size_m
    distance2 = offset[:, None] ** 2 + offset[None, :] ** 2
    kernel = np.clip(1.0 - distance2 / bandwidth_m**2, 0.0, None) ** 2
    kernel /= kernel.sum() * cell_size_m**2 / 1e6
    if not shared.any():
        return shared
    values: Floats = fftconvolve(shared, kernel, mode="same")
    values[values < values.max() * _ROUNDING] = 0.0
    return values


def _is_inside(
    within: BaseGeometry | None, west: float, north: float, side: float, shape: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    if within is None:
        return np.ones(shape, dtype=bool)
    x = west + (np.arange(shape[1]) + 0.5) * side
    y = north - (np.arange(shape[0]) + 0.5) * side
    inside: npt.NDArray[np.bool_] = shapely.contains_xy(within, x[None, :], y[:, None])
    return inside

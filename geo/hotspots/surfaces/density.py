"""Kernel density of incidents, corrected at the town's outline."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geo.crs import check_metric
from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Bools, Floats, Lattice, lattice_over
from geo.hotspots.surfaces.smoothing import (
    LINEAR_BINNING,
    SIMPLE_BINNING,
    check_kernel,
    mass_inside,
    reach_m,
    share_points,
    smooth,
)
from geo.hotspots.surfaces.surface import Surface

_M2_PER_KM2 = 1e6


def kernel_density(
    incidents: gpd.GeoDataFrame,
    *,
    cell_size_m: float,
    bandwidth_m: float,
    within: BaseGeometry | None = None,
    kernel: str = "quartic",
) -> Surface:
    """Incident density on a lattice, in incidents per km2 of ground.

    Method and edge correction as in `density_of_points`.

    Parameters
    ----------
    incidents : n points, projected CRS in metres; rows without a point are left out and counted
    cell_size_m : raster cell side, metres, > 0
    bandwidth_m : metres, >= cell_size_m; radius of the quartic, standard deviation of the Gaussian
    within : outline in the same CRS; incidents outside it are left out and counted, and the raster
        covers it. Without it the raster covers the incidents and all that their kernels reach.
    kernel : "quartic" or "gaussian"

    Returns
    -------
    Surface whose `values` (rows, cols) float64 are never NaN

    Raises
    ------
    CrsError : the CRS is missing or in degrees
    ParameterError : a size is not finite and positive, the kernel is unknown, the raster would be
        too large, or there is neither an incident nor an outline
    """
    check_metric(incidents, "incidents")
    check_kernel(kernel, bandwidth_m=bandwidth_m, cell_size_m=cell_size_m)
    points = incidents.geometry.array
    is_placed = ~(shapely.is_missing(points) | shapely.is_empty(points))
    x, y = shapely.get_coordinates(points[is_placed]).T
    n_placed = len(x)
    reach = 0.0 if within is not None else reach_m(kernel, bandwidth_m) + cell_size_m
    lattice = lattice_over(
        _extent(x, y) if within is None else within,
        cell_size_m=cell_size_m,
        crs=incidents.crs,
        margin_m=reach,
    )
    if within is not None:
        is_in = is_within(x, y, within, lattice)
        x, y = x[is_in], y[is_in]
    index = lattice.cell_of(x, y)
    counts = np.bincount(index[index >= 0], minlength=lattice.n_cells)
    return Surface(
        values=density_of_points(x, y, lattice, bandwidth_m=bandwidth_m, kernel=kernel),
        counts=counts.reshape(lattice.shape),
        lattice=lattice,
        bandwidth_m=bandwidth_m,
        kernel=kernel,
        n_incidents=len(x),
        n_outside=n_placed - len(x),
        n_unplaced=len(incidents) - n_placed,
    )


def density_of_points(
    x: Floats, y: Floats, lattice: Lattice, *, bandwidth_m: float, kernel: str = "gaussian"
) -> Floats:
    """(rows, cols) incidents per km2 of ground; 0 where there is no ground.

    Each point is shared among the four nearest cell centres (linear binning), then filtered; the
    Gaussian by two passes of one dimension, narrowed by the variance of the sharing. Edges: every
    kernel is scaled so that its part on the ground holds one incident (Jones 1993, after Diggle
    1985, eq. 18; spatstat's ``diggle = TRUE``), so that density x ground adds up to the number of
    points on the lattice.

    Parameters
    ----------
    x, y : (n,) metres in the lattice's CRS, all on the ground; those off the raster are left out
    bandwidth_m : metres, >= the cell side; radius of the quartic, standard deviation of the
        Gaussian

    Raises
    ------
    ParameterError : the bandwidth is too small, or the kernel unknown
    """
    check_kernel(kernel, bandwidth_m=bandwidth_m, cell_size_m=lattice.cell_size_m)
    held = mass_inside(lattice, kernel=kernel, bandwidth_m=bandwidth_m, binning=LINEAR_BINNING)
    shared = share_points(x, y, lattice, is_reached=held > 0)
    return _spread(
        shared, held, lattice, kernel=kernel, bandwidth_m=bandwidth_m, binning=LINEAR_BINNING
    )


def density_of_counts(
    counts: Floats, lattice: Lattice, *, bandwidth_m: float, kernel: str = "gaussian"
) -> Floats:
    """(rows, cols) incidents per km2 of ground, from counts by cell; 0 where there is no ground.

    Edges as in `density_of_points`. A count stands at its cell's centre, which costs a little
    accuracy: for cells of a third of the bandwidth and less the difference does not show.

    Parameters
    ----------
    counts : (rows, cols) incidents in each cell; what stands in cells without ground is left out
    bandwidth_m : metres, >= the cell side; radius of the quartic, standard deviation of the
        Gaussian

    Raises
    ------
    ParameterError : the counts have another shape than the lattice, the bandwidth is too small,
        or the kernel unknown
    """
    check_kernel(kernel, bandwidth_m=bandwidth_m, cell_size_m=lattice.cell_size_m)
    counts = check_counts(counts, lattice)
    held = mass_inside(lattice, kernel=kernel, bandwidth_m=bandwidth_m, binning=SIMPLE_BINNING)
    on_ground = np.where(lattice.is_inside, counts, 0.0)
    return _spread(
        on_ground, held, lattice, kernel=kernel, bandwidth_m=bandwidth_m, binning=SIMPLE_BINNING
    )


def choose_bandwidth(
    counts: Floats, lattice: Lattice, candidates_m: Floats, *, kernel: str = "gaussian"
) -> float:
    """The candidate under which incidents are likeliest where the others are, metres.

    Leave-one-out likelihood (Loader 1999, section 5.3; spatstat's ``bw.ppl``) on the lattice: the
    log of the density at every incident without itself. Many incidents at one address make the
    narrowest candidate likeliest, and rightly so; give candidates that are useful to look at.

    Raises
    ------
    ParameterError : there are fewer than two incidents on the ground, or as `density_of_counts`
    """
    counts = np.where(lattice.is_inside, check_counts(counts, lattice), 0.0)
    if counts.sum() < 2:
        raise ParameterError(
            "hotspots.too_few_for_bandwidth",
            f"a bandwidth is chosen from at least 2 incidents; got {counts.sum():.0f}",
            n_incidents=int(counts.sum()),
        )
    is_seen = counts > 0
    best, best_m = -np.inf, float(candidates_m[0])
    for bandwidth_m in np.sort(np.asarray(candidates_m, dtype=np.float64)):
        density = density_of_counts(counts, lattice, bandwidth_m=bandwidth_m, kernel=kernel)
        own = _own_density(lattice, kernel, bandwidth_m)
        others = np.maximum(density - own, 0.0)[is_seen]
        with np.errstate(divide="ignore"):
            likelihood = float(counts[is_seen] @ np.log(others))
        if likelihood > best:
            best, best_m = likelihood, float(bandwidth_m)
    return best_m


def is_within(x: Floats, y: Floats, within: BaseGeometry, lattice: Lattice) -> Bools:
    """(n,) whether points lie in the outline or on its line; only border cells are tested."""
    index = lattice.cell_of(x, y)
    is_sure: Bools = np.where(index >= 0, lattice.ground_share.ravel()[index], 0.0) == 1.0
    rest = np.flatnonzero(~is_sure)
    shapely.prepare(within)
    is_sure[rest] = shapely.intersects_xy(within, x[rest], y[rest])
    return is_sure


def check_counts(counts: Floats, lattice: Lattice) -> Floats:
    """The counts as float64.

    Raises
    ------
    ParameterError : they have another shape than the lattice, or one is negative or not finite
    """
    values = np.asarray(counts, dtype=np.float64)
    if values.shape != lattice.shape:
        raise ParameterError(
            "hotspots.wrong_shape",
            f"`counts` must have the lattice's shape {lattice.shape}; got {values.shape}",
            found=str(values.shape),
            expected=str(lattice.shape),
        )
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise ParameterError(
            "hotspots.bad_counts", "`counts` must be finite and not negative", name="counts"
        )
    return values


def _spread(
    shared: Floats,
    held: Floats,
    lattice: Lattice,
    *,
    kernel: str,
    bandwidth_m: float,
    binning: float,
) -> Floats:
    """Shared incidents, each scaled by the mass its kernel keeps, filtered, per km2 of ground."""
    weighted = np.divide(shared, held, out=np.zeros_like(shared), where=shared > 0)
    spread = smooth(
        weighted,
        kernel=kernel,
        bandwidth_m=bandwidth_m,
        cell_size_m=lattice.cell_size_m,
        binning=binning,
    )
    spread *= lattice.is_inside
    spread *= _M2_PER_KM2 / lattice.cell_size_m**2
    return spread


def _own_density(lattice: Lattice, kernel: str, bandwidth_m: float) -> Floats:
    """(rows, cols) what one incident adds at its own cell's centre, per km2."""
    side = lattice.cell_size_m
    reach = int(np.ceil(reach_m(kernel, bandwidth_m) / side)) + 1
    single = np.zeros((2 * reach + 1, 2 * reach + 1))
    single[reach, reach] = 1.0
    peak = smooth(
        single, kernel=kernel, bandwidth_m=bandwidth_m, cell_size_m=side, binning=SIMPLE_BINNING
    )[reach, reach]
    held = mass_inside(lattice, kernel=kernel, bandwidth_m=bandwidth_m, binning=SIMPLE_BINNING)
    own: Floats = np.divide(peak, held, out=np.zeros_like(held), where=held > 0)
    return own * _M2_PER_KM2 / side**2


def _extent(x: Floats, y: Floats) -> BaseGeometry:
    """A line over the points' bounds; empty without points."""
    if not len(x):
        return shapely.LineString()
    return shapely.LineString([(x.min(), y.min()), (x.max(), y.max())])

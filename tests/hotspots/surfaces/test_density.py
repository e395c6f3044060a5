"""Kernel density on small rasters worked by hand."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import CrsError, ParameterError
from geo.hotspots.counts.lattice import Lattice, lattice_over
from geo.hotspots.surfaces.density import (
    choose_bandwidth,
    density_of_counts,
    density_of_points,
    kernel_density,
)
from geo.hotspots.surfaces.smoothing import gaussian_filter, mass_inside
from geo.hotspots.surfaces.surface import Surface
from geo.schema import LAYERS

CRS = "EPSG:4551"
WINDOW = {
    "window_from": pd.Timestamp("2026-01-01", tz="UTC"),
    "window_to": pd.Timestamp("2026-02-01", tz="UTC"),
}


def incidents_at(*xy: tuple[float, float]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"incident": [f"I{k}" for k in range(len(xy))]},
        geometry=[shapely.Point(*at) for at in xy],
        crs=CRS,
    )


def at(surface: Surface, x: float, y: float) -> float:
    """Value of the cell that holds the place."""
    index = surface.lattice.cell_of(np.array([x]), np.array([y]))
    return float(surface.values.ravel()[index[0]])


def test_kernel_density_one_incident_on_a_centre_is_the_quartic_kernel() -> None:
    # Cells of 100 m, radius 200 m; centres 0, 100 and 141.42 m away hold (1 - d2/h2)^2 =
    # 1, (1 - 1/4)^2 = 9/16 and (1 - 1/2)^2 = 1/4; those 200 m and more away hold 0.
    # Their sum is 1 + 4 * 9/16 + 4 * 1/4 = 4.25; a cell is 0.01 km2.
    surface = kernel_density(incidents_at((50, 50)), cell_size_m=100, bandwidth_m=200)
    assert at(surface, 50, 50) == pytest.approx(1 / 4.25 / 0.01)
    assert at(surface, 150, 50) == pytest.approx(9 / 16 / 4.25 / 0.01)
    assert at(surface, 150, 150) == pytest.approx(1 / 4 / 4.25 / 0.01)
    assert at(surface, 250, 50) == 0.0
    assert np.count_nonzero(surface.values) == 9


def test_kernel_density_between_centres_is_shared_bilinearly() -> None:
    # Radius = cell side: the kernel is one cell, so the values are the shares alone. The incident
    # at (80, 60) is 0.3 of a cell east and 0.1 north of the centre (50, 50): shares .7*.9, .3*.9,
    # .7*.1, .3*.1 of one incident in 0.01 km2.
    surface = kernel_density(incidents_at((80, 60)), cell_size_m=100, bandwidth_m=100)
    assert at(surface, 50, 50) == pytest.approx(63.0)
    assert at(surface, 150, 50) == pytest.approx(27.0)
    assert at(surface, 50, 150) == pytest.approx(7.0)
    assert at(surface, 150, 150) == pytest.approx(3.0)
    assert np.count_nonzero(surface.values) == 4


def test_kernel_density_counts_cells_half_open() -> None:
    # (100, 100) is the corner of four cells: it is counted north-east of itself, once.
    surface = kernel_density(incidents_at((100, 100), (50, 50)), cell_size_m=100, bandwidth_m=100)
    counted = {(int(r), int(c)): int(surface.counts[r, c]) for r, c in np.argwhere(surface.counts)}
    row, col = np.argwhere(surface.counts)[-1]
    assert counted == {(int(row), int(col)): 1, (int(row) - 1, int(col) + 1): 1}


@settings(max_examples=40, deadline=None)
@given(
    xy=st.lists(st.tuples(st.floats(-500, 500), st.floats(-500, 500)), min_size=1, max_size=20),
    cell_size_m=st.sampled_from([10.0, 37.5, 100.0]),
    ratio=st.floats(1.0, 6.0),
)
def test_kernel_density_keeps_the_mass_of_its_incidents(
    xy: list[tuple[float, float]], cell_size_m: float, ratio: float
) -> None:
    surface = kernel_density(
        incidents_at(*xy), cell_size_m=cell_size_m, bandwidth_m=cell_size_m * ratio
    )
    assert surface.mass == pytest.approx(len(xy), rel=1e-9)
    assert surface.counts.sum() == len(xy) == surface.n_incidents
    assert (surface.values >= 0).all()


def test_kernel_density_row_order_changes_nothing() -> None:
    rng = np.random.default_rng(5)
    frame = incidents_at(*rng.uniform(0, 900, (200, 2)))
    first = kernel_density(frame, cell_size_m=30, bandwidth_m=90)
    second = kernel_density(frame.iloc[::-1], cell_size_m=30, bandwidth_m=90)
    np.testing.assert_allclose(first.values, second.values, atol=1e-9)


def test_kernel_density_outline_leaves_out_and_counts_the_outside() -> None:
    frame = incidents_at((50, 50), (950, 950))
    frame.loc[2] = ["I2", None]
    outline = shapely.box(0, 0, 300, 300)
    surface = kernel_density(frame, cell_size_m=100, bandwidth_m=100, within=outline)
    assert (surface.n_incidents, surface.n_outside, surface.n_unplaced) == (1, 1, 1)
    assert surface.is_inside.sum() == 9
    assert surface.mass == pytest.approx(1.0)


def test_kernel_density_nothing_within_outline_is_a_surface_of_zeros() -> None:
    surface = kernel_density(
        incidents_at((950, 950)).iloc[:0],
        cell_size_m=100,
        bandwidth_m=150,
        within=shapely.box(0, 0, 300, 300),
    )
    assert surface.mass == 0.0
    rows = surface.to_frame(run="r", category=None, **WINDOW)
    assert (len(rows), list(rows.columns[:-1])) == (0, LAYERS["hotspots"].column_names)


def test_to_frame_cells_keep_code_and_place_in_every_surface() -> None:
    # (450050, 4800050) with cells of 100 m: column 4500, row 48000 of the lattice.
    frame = incidents_at((450_050, 4_800_050))
    rows = kernel_density(frame, cell_size_m=100, bandwidth_m=100).to_frame(
        run="r1", category="0151", **WINDOW
    )
    assert rows["cell"].tolist() == ["48000-4500"]
    assert rows.geometry.iloc[0].bounds == (450_000, 4_800_000, 450_100, 4_800_100)
    assert rows["n_incidents"].tolist() == [1]
    assert rows["density_per_km2"].iloc[0] == pytest.approx(100.0)
    wider = kernel_density(frame, cell_size_m=100, bandwidth_m=300).to_frame(
        run="r2", category=None, **WINDOW
    )
    peak = wider.loc[wider["density_per_km2"].idxmax()]
    assert (peak["cell"], peak.geometry.bounds) == ("48000-4500", rows.geometry.iloc[0].bounds)
    assert wider["category"].isna().all()


def test_to_frame_keeps_to_the_outline() -> None:
    # The incident spreads 200 m, the outline is its own cell and 0.49 of the next.
    surface = kernel_density(
        incidents_at((50, 50)),
        cell_size_m=100,
        bandwidth_m=200,
        within=shapely.box(0, 0, 149, 100),
    )
    assert surface.to_frame(run="r", category=None, **WINDOW)["cell"].tolist() == ["0-0", "0-1"]
    assert surface.mass == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize(
    ("cell_size_m", "bandwidth_m", "code"),
    [
        (0.0, 100.0, "parameter.not_positive"),
        (math.nan, 100.0, "parameter.not_positive"),
        (50.0, math.inf, "parameter.not_positive"),
        (50.0, 40.0, "hotspots.bandwidth_below_cell"),
        (0.01, 100.0, "hotspots.raster_too_large"),
    ],
)
def test_kernel_density_bad_sizes_raise(cell_size_m: float, bandwidth_m: float, code: str) -> None:
    with pytest.raises(ParameterError) as error:
        kernel_density(
            incidents_at((0, 0), (900, 900)), cell_size_m=cell_size_m, bandwidth_m=bandwidth_m
        )
    assert error.value.code == code


def test_kernel_density_neither_incident_nor_outline_raises() -> None:
    with pytest.raises(ParameterError) as error:
        kernel_density(incidents_at((0, 0)).iloc[:0], cell_size_m=50, bandwidth_m=100)
    assert error.value.code == "hotspots.no_ground"


def test_kernel_density_degrees_raise() -> None:
    frame = incidents_at((125.3, 43.9)).set_crs(4326, allow_override=True)
    with pytest.raises(CrsError) as error:
        kernel_density(frame, cell_size_m=50, bandwidth_m=100)
    assert error.value.code == "crs.not_projected"


def ground_of(cells: list[list[float]]) -> Lattice:
    """Cells of 100 m, with the share of each that is ground."""
    share = np.array(cells, dtype=float)
    return Lattice(0.0, share.shape[0] * 100.0, 100.0, share, CRS)


def mass_of(density: np.ndarray, lattice: Lattice) -> float:
    return float((density * lattice.ground_share).sum() * lattice.cell_size_m**2 / 1e6)


def test_density_of_counts_at_an_edge_keeps_each_incident_on_the_ground() -> None:
    # Ground of two cells, an incident in the left one, radius of two cells: the kernel is 1 there
    # and 9/16 in the neighbour, the rest falls outside. 1 / (1 + 9/16) = 0.64 of the incident on
    # 0.01 km2 is 64 per km2, and 36 on the right.
    lattice = ground_of([[1, 1]])
    found = density_of_counts(np.array([[1.0, 0.0]]), lattice, bandwidth_m=200, kernel="quartic")
    np.testing.assert_allclose(found, [[64.0, 36.0]])


def test_density_of_counts_on_half_a_cell_is_per_km2_of_ground() -> None:
    # As above, but only half of the right cell is ground: 1 + 9/32 = 41/32 of the kernel stays,
    # so the densities are 32/41 and 18/41 of an incident on 0.01 km2.
    lattice = ground_of([[1, 0.5]])
    found = density_of_counts(np.array([[1.0, 0.0]]), lattice, bandwidth_m=200, kernel="quartic")
    np.testing.assert_allclose(found, [[3200 / 41, 1800 / 41]])
    assert mass_of(found, lattice) == pytest.approx(1.0)


def test_density_of_counts_off_the_ground_is_left_out() -> None:
    lattice = ground_of([[1, 1, 0, 0, 0]])
    counts = np.array([[1.0, 0.0, 0.0, 0.0, 9.0]])
    found = density_of_counts(counts, lattice, bandwidth_m=150)
    assert mass_of(found, lattice) == pytest.approx(1.0)
    assert (found[0, 2:] == 0).all()


@pytest.mark.parametrize("kernel", ["quartic", "gaussian"])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), ratio=st.floats(1.0, 8.0), n=st.integers(1, 40))
def test_kernel_density_on_a_ragged_town_holds_every_incident(
    kernel: str, seed: int, ratio: float, n: int
) -> None:
    rng = np.random.default_rng(seed)
    town = shapely.convex_hull(shapely.multipoints(rng.uniform(-600, 600, (6, 2)))).difference(
        shapely.Point(*rng.uniform(-200, 200, 2)).buffer(90)
    )
    xy = rng.uniform(-600, 600, (n, 2))
    surface = kernel_density(
        incidents_at(*xy), cell_size_m=40, bandwidth_m=40 * ratio, within=town, kernel=kernel
    )
    n_inside = int(shapely.intersects_xy(town, *xy.T).sum())
    assert surface.n_incidents == n_inside
    assert surface.mass == pytest.approx(n_inside, rel=1e-9, abs=1e-9)
    assert np.isfinite(surface.values).all()
    assert (surface.values >= 0).all()
    assert (surface.values[~surface.is_inside] == 0).all()


def test_density_of_points_gaussian_is_the_exact_sum_of_kernels() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(2500, 400, (2, 3000))
    lattice = lattice_over(shapely.LineString([(0, 0), (4999, 4999)]), cell_size_m=40, crs=CRS)
    found = density_of_points(x, y, lattice, bandwidth_m=120)
    index = rng.integers(0, lattice.n_cells, 60)
    at_x, at_y = lattice.centres(index)
    distance2 = (x[:, None] - at_x) ** 2 + (y[:, None] - at_y) ** 2
    exact = np.exp(-distance2 / 2 / 120**2).sum(axis=0) / (2 * np.pi * 120**2) * 1e6
    np.testing.assert_allclose(found.ravel()[index], exact, atol=found.max() * 1e-3)


def test_density_of_counts_and_of_points_agree_on_centres() -> None:
    # Points on cell centres are shared with nobody, so only the narrowing of the kernel differs:
    # variances (2 sides)^2 less 1/6 and less 1/12 of a side squared.
    lattice = lattice_over(shapely.LineString([(0, 0), (4999, 4999)]), cell_size_m=50, crs=CRS)
    x, y = lattice.centres(np.array([5000, 5000, 5151]))
    counts = np.bincount(lattice.cell_of(x, y), minlength=lattice.n_cells).astype(float)
    by_counts = density_of_counts(counts.reshape(lattice.shape), lattice, bandwidth_m=200)
    by_points = density_of_points(x, y, lattice, bandwidth_m=200)
    np.testing.assert_allclose(by_counts, by_points, atol=by_points.max() * 0.02)
    assert mass_of(by_counts, lattice) == pytest.approx(3.0)


def test_kernel_density_all_on_one_point_is_one_finite_peak() -> None:
    surface = kernel_density(incidents_at(*[(10, 10)] * 9), cell_size_m=50, bandwidth_m=100)
    assert surface.mass == pytest.approx(9.0)
    assert np.isfinite(surface.values).all()


def test_choose_bandwidth_follows_the_size_of_clusters() -> None:
    rng = np.random.default_rng(1)
    lattice = lattice_over(shapely.box(0, 0, 4000, 4000), cell_size_m=50, crs=CRS)
    even = rng.uniform(0, 4000, (2, 1500))
    sites = rng.uniform(500, 3500, (2, 12))[:, rng.integers(0, 12, 1500)]
    tight = sites + rng.normal(0, 60, (2, 1500))
    candidates = np.array([50.0, 100.0, 200.0, 400.0, 800.0])
    chosen = []
    for x, y in (even, tight):
        counts = np.bincount(lattice.cell_of(x, y), minlength=lattice.n_cells).astype(float)
        counts = counts.reshape(lattice.shape)
        chosen.append(choose_bandwidth(counts, lattice, candidates))
    assert chosen[0] >= 400.0
    assert chosen[1] == 50.0


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        (np.zeros((2, 2)), "hotspots.wrong_shape"),
        (np.array([[-1.0, 0.0]]), "hotspots.bad_counts"),
        (np.array([[np.nan, 0.0]]), "hotspots.bad_counts"),
    ],
)
def test_density_of_counts_bad_counts_raise(counts: np.ndarray, code: str) -> None:
    with pytest.raises(ParameterError) as error:
        density_of_counts(counts, ground_of([[1, 1]]), bandwidth_m=100)
    assert error.value.code == code


def test_choose_bandwidth_one_incident_raises() -> None:
    with pytest.raises(ParameterError) as error:
        choose_bandwidth(np.array([[1.0, 0.0]]), ground_of([[1, 1]]), np.array([100.0]))
    assert error.value.code == "hotspots.too_few_for_bandwidth"


def test_kernel_density_unknown_kernel_raises() -> None:
    with pytest.raises(ParameterError) as error:
        kernel_density(incidents_at((0, 0)), cell_size_m=50, bandwidth_m=100, kernel="flat")
    assert error.value.code == "hotspots.unknown_kernel"


def test_mass_inside_of_a_whole_raster_is_the_filtered_ground() -> None:
    whole = lattice_over(shapely.LineString([(0, 0), (1300, 700)]), cell_size_m=50, crs=CRS)
    found = mass_inside(whole, kernel="gaussian", bandwidth_m=160, binning=1 / 6)
    sd_cells = math.sqrt((160 / 50) ** 2 - 1 / 6)
    np.testing.assert_allclose(found, gaussian_filter(whole.ground_share, sd_cells=sd_cells))

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
from geo.hotspots.density import kernel_density
from geo.hotspots.surface import Surface
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

"""The lattice: who owns an edge, what share of a cell is ground, codes that stay."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import ParameterError
from geo.hotspots.counts.lattice import lattice_over

CRS = "EPSG:4549"
TOWN = shapely.box(500_010, 4_000_010, 500_190, 4_000_090)


def test_lattice_over_covers_the_ground_with_whole_cells() -> None:
    lattice = lattice_over(TOWN, cell_size_m=50, crs=CRS)
    assert lattice.shape == (2, 4)
    assert (lattice.west_m, lattice.north_m) == (500_000, 4_000_100)
    # corner cells hold 40 x 40 of 50 x 50 m, the middle ones of a row 50 x 40
    corner, middle = 1600 / 2500, 2000 / 2500
    expected = np.array([[corner, middle, middle, corner]] * 2)
    assert lattice.ground_share == pytest.approx(expected)


def test_lattice_over_hole_is_no_ground() -> None:
    hole = shapely.box(500_050, 4_000_050, 500_100, 4_000_100)
    lattice = lattice_over(
        shapely.box(500_000, 4_000_000, 500_200, 4_000_150).difference(hole),
        cell_size_m=50, crs=CRS,
    )  # fmt: skip
    row, col = np.divmod(lattice.cell_of(np.array([500_075.0]), np.array([4_000_075.0])), 5)
    assert lattice.ground_share[row, col] == pytest.approx(0.0)
    assert lattice.ground_share.sum() == pytest.approx(11.0)


def test_cell_of_edge_belongs_to_the_east_and_north() -> None:
    lattice = lattice_over(TOWN, cell_size_m=50, crs=CRS)
    x, y = np.array([500_050.0, 500_049.9]), np.array([4_000_050.0, 4_000_049.9])
    assert lattice.cell_of(x, y).tolist() == [1, 4]  # row 0 col 1; row 1 col 0


def test_cell_of_off_the_raster_or_unplaced_is_minus_one() -> None:
    lattice = lattice_over(TOWN, cell_size_m=50, crs=CRS)
    x, y = np.array([0.0, np.nan, np.inf]), np.array([0.0, 4_000_050.0, 4_000_050.0])
    assert lattice.cell_of(x, y).tolist() == [-1, -1, -1]


def test_codes_are_the_same_on_another_lattice_of_that_side() -> None:
    small = lattice_over(TOWN, cell_size_m=50, crs=CRS)
    large = lattice_over(TOWN.buffer(333), cell_size_m=50, crs=CRS)
    x, y = np.array([500_075.0]), np.array([4_000_075.0])
    assert small.codes(small.cell_of(x, y)) == large.codes(large.cell_of(x, y)) == ["80001-10001"]


@given(side=st.floats(3, 80), dx=st.floats(0, 100), factor=st.integers(2, 5))
def test_lattice_keeps_the_area_and_its_centres(side: float, dx: float, factor: int) -> None:
    town = shapely.Point(500_000 + dx, 4_000_000).buffer(150)
    lattice = lattice_over(town, cell_size_m=side, crs=CRS)
    assert lattice.ground_share.sum() * side**2 == pytest.approx(town.area, rel=1e-9)
    index = np.arange(lattice.n_cells)
    assert (lattice.cell_of(*lattice.centres(index)) == index).all()
    coarse = lattice.coarser(factor)
    assert coarse.ground_share.sum() * coarse.cell_size_m**2 == pytest.approx(town.area, rel=1e-9)
    assert (coarse.cell_of(*lattice.centres(index)) >= 0).all()


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan"), float("inf")])
def test_lattice_over_wrong_size_is_refused(size: float) -> None:
    with pytest.raises(ParameterError) as caught:
        lattice_over(TOWN, cell_size_m=size, crs=CRS)
    assert caught.value.code == "parameter.not_positive"


def test_lattice_over_nothing_and_too_much_is_refused() -> None:
    for ground, size, code in (
        (shapely.Polygon(), 50.0, "hotspots.no_ground"),
        (TOWN, 0.001, "hotspots.raster_too_large"),
    ):
        with pytest.raises(ParameterError) as caught:
            lattice_over(ground, cell_size_m=size, crs=CRS)
        assert caught.value.code == code

"""Exposure on a lattice of four cells."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from geo.errors import ParameterError
from geo.hotspots.counts.exposure import exposure_from_points, ground_exposure
from geo.hotspots.counts.lattice import lattice_over

# cells of 10 m; the ground is the west three quarters of 2 x 2 cells
LATTICE = lattice_over(shapely.box(0, 0, 15, 19), cell_size_m=10, crs="EPSG:4551")


def test_ground_exposure_is_the_share_of_each_cell() -> None:
    assert ground_exposure(LATTICE) == pytest.approx(np.array([[0.9, 0.45], [1.0, 0.5]]))


def test_exposure_from_points_sums_weights_by_cell() -> None:
    # two buildings south-west, one north-east; one off the raster and one without a place left out
    x = np.array([1.0, 9.0, 12.0, 99.0, np.nan])
    y = np.array([1.0, 9.0, 12.0, 1.0, 1.0])
    exposure = exposure_from_points(LATTICE, x, y, np.array([30.0, 5.0, 8.0, 7.0, 7.0]))
    assert exposure.tolist() == [[0.0, 8.0], [35.0, 0.0]]
    assert exposure_from_points(LATTICE, x, y).tolist() == [[0.0, 1.0], [2.0, 0.0]]


def test_exposure_from_points_none_is_zero_everywhere() -> None:
    none = np.zeros(0)
    assert exposure_from_points(LATTICE, none, none).tolist() == [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_exposure_from_points_bad_weight_is_refused(weight: float) -> None:
    with pytest.raises(ParameterError) as refused:
        exposure_from_points(LATTICE, np.ones(1), np.ones(1), np.array([weight]))
    assert refused.value.code == "hotspots.negative_value"
    assert refused.value.params["name"] == "weight"
    assert refused.value.params["n"] == 1


def test_exposure_from_points_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ParameterError) as refused:
        exposure_from_points(LATTICE, np.ones(2), np.ones(2), np.ones(1))
    assert refused.value.code == "hotspots.shape_differs"

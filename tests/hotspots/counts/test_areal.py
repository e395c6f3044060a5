"""Amounts by area, spread over cells."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geo.errors import ParameterError
from geo.hotspots.counts.areal import exposure_from_areas
from geo.hotspots.counts.lattice import lattice_over

CRS = "EPSG:4549"
LATTICE = lattice_over(shapely.box(500_000, 4_000_000, 500_199, 4_000_099), cell_size_m=50, crs=CRS)


def areas(*rows: tuple[tuple[float, float, float, float], float]) -> gpd.GeoDataFrame:
    boxes = [
        shapely.box(500_000 + w, 4_000_000 + s, 500_000 + e, 4_000_000 + n)
        for (w, s, e, n), _ in rows
    ]
    return gpd.GeoDataFrame({"people": [amount for _, amount in rows]}, geometry=boxes, crs=CRS)


def test_exposure_from_areas_half_a_cell_each_side_is_shared_by_area() -> None:
    # 40 people on (25..75, 0..50): 20 in each of the two cells that it covers half
    spread = exposure_from_areas(LATTICE, areas(((25, 0, 75, 50), 40.0)), "people")
    assert spread.shape == (2, 4)
    assert spread[1].tolist() == pytest.approx([20.0, 20.0, 0.0, 0.0])
    assert spread[0].sum() == 0.0


def test_exposure_from_areas_keeps_every_amount_on_the_raster() -> None:
    frame = areas(((10, 10, 190, 90), 7.0), ((3, 3, 4, 4), 5.0), ((100, 0, 200, 100), 11.0))
    assert exposure_from_areas(LATTICE, frame, "people").sum() == pytest.approx(23.0)


def test_exposure_from_areas_negative_or_missing_amount_is_refused() -> None:
    for bad in (-1.0, np.nan):
        with pytest.raises(ParameterError) as caught:
            exposure_from_areas(LATTICE, areas(((0, 0, 50, 50), bad)), "people")
        assert caught.value.code == "hotspots.negative_value"

"""Hotspot areas on a lattice of ten by ten cells."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from scipy import stats

from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Lattice, lattice_over
from geo.hotspots.significant.areas import hotspot_areas
from geo.hotspots.significant.significance import significant_cells

LATTICE = lattice_over(shapely.box(1000, 2000, 2999, 3999), cell_size_m=100, crs="EPSG:4551")


def areas_of(spots: dict[tuple[int, int], int], lattice: Lattice = LATTICE) -> gpd.GeoDataFrame:
    counts = np.zeros(lattice.shape, dtype=np.int64)
    for at, n in spots.items():
        counts[at] = n
    found = significant_cells(
        counts, np.ones(lattice.shape), is_inside=lattice.is_inside, known_rate=0.2
    )
    assert np.array_equal(found.is_hot, counts > 0)
    return hotspot_areas(found, lattice)


def test_hotspot_areas_touching_by_a_corner_are_one() -> None:
    # rows from the north edge 4000 down, columns from the west edge 1000: the strongest cell, row
    # 5 and column 6, is the 34th row of 100 m north of the origin, the 16th column east of it
    areas = areas_of({(4, 5): 8, (5, 6): 12, (15, 15): 9})
    assert areas["area"].tolist() == ["34-16", "24-25"]
    assert areas["rank"].tolist() == [1, 2]
    assert areas["n_cells"].tolist() == [2, 1]
    assert areas["n_incidents"].tolist() == [20, 9]
    assert areas["expected"].tolist() == pytest.approx([0.4, 0.2])
    assert areas["excess"].tolist() == pytest.approx([19.6, 8.8])
    assert areas["relative_risk"].tolist() == pytest.approx([50, 45])
    assert areas.geometry.area.tolist() == pytest.approx([20_000, 10_000])
    assert areas.geometry[1].equals(shapely.box(2500, 2400, 2600, 2500))
    assert areas.crs == "EPSG:4551"


def test_hotspot_areas_interval_is_exact_for_the_sum() -> None:
    # Garwood: 20 seen, 0.4 expected
    areas = areas_of({(4, 5): 8, (5, 6): 12})
    assert areas["risk_low"][0] == pytest.approx(stats.chi2.ppf(0.025, 40) / 2 / 0.4)
    assert areas["risk_high"][0] == pytest.approx(stats.chi2.ppf(0.975, 42) / 2 / 0.4)


def test_hotspot_areas_code_stays_on_a_larger_lattice() -> None:
    larger = lattice_over(shapely.box(500, 1500, 3499, 4499), cell_size_m=100, crs="EPSG:4551")
    assert areas_of({(5, 6): 12})["area"][0] == areas_of({(10, 11): 12}, larger)["area"][0]


def test_hotspot_areas_equal_excess_takes_the_first_cell() -> None:
    areas = areas_of({(4, 5): 9, (4, 6): 9})
    assert areas["area"].tolist() == ["35-15"]


def test_hotspot_areas_of_nothing_hot_is_an_empty_frame() -> None:
    areas = areas_of({})
    assert len(areas) == 0
    assert areas.columns.tolist() == [
        *("area", "rank", "n_cells", "n_incidents", "expected", "excess"),
        *("relative_risk", "risk_low", "risk_high", "q", "geometry"),
    ]
    assert areas.crs == "EPSG:4551"


def test_hotspot_areas_another_lattice_is_refused() -> None:
    found = significant_cells(
        np.zeros((3, 3), int), np.ones((3, 3)), is_inside=np.ones((3, 3), bool)
    )
    with pytest.raises(ParameterError) as refused:
        hotspot_areas(found, LATTICE)
    assert refused.value.code == "hotspots.shape_differs"

"""Effort by grid and by cell: two squares of 100 m with streets drawn by hand."""

from __future__ import annotations

import geopandas as gpd
import pytest
import shapely

from geo.errors import CrsError, ParameterError
from geo.patrol.effort import effort_of_cells, effort_of_grids
from geo.planning.load import combined_load, parse_load

CRS = "EPSG:4549"
WEST, SOUTH = 480_000.0, 4_420_000.0


def squares(key: str) -> gpd.GeoDataFrame:
    boxes = [shapely.box(WEST + x, SOUTH, WEST + x + 100, SOUTH + 100) for x in (0, 100, 200)]
    return gpd.GeoDataFrame({key: ["一", "二", "三"]}, geometry=boxes, crs=CRS)


def streets() -> gpd.GeoDataFrame:
    """80 m of street in the first square, a block of 4 x 50 m in the second."""
    lines = [
        [(10, 50), (90, 50)],
        [(120, 20), (170, 20), (170, 70), (120, 70), (120, 20)],
    ]
    made = [shapely.LineString([(WEST + x, SOUTH + y) for x, y in line]) for line in lines]
    return gpd.GeoDataFrame({"street": ["A", "B"]}, geometry=made, crs=CRS)


def points(*places: tuple[float, float], **columns: object) -> gpd.GeoDataFrame:
    made = [shapely.Point(WEST + x, SOUTH + y) for x, y in places]
    return gpd.GeoDataFrame(columns, geometry=made, crs=CRS)


def test_effort_of_grids_is_the_postmans_walk_and_the_doors() -> None:
    entrances = points((20, 20), (30, 20), (150, 50))
    found = effort_of_grids(
        squares("grid"), streets(), entrances=entrances, walking_mps=1.0, service_min=2.0
    )
    # A is walked there and back, the block round; 2 minutes a door.
    assert found.values.tolist() == [
        ["一", 80.0, 160.0, pytest.approx(160 / 60 + 4), 2],
        ["二", 200.0, 200.0, pytest.approx(200 / 60 + 2), 1],
        ["三", 0.0, 0.0, 0.0, 0],
    ]


def test_effort_of_grids_doors_from_buildings_where_no_entrances_are_known() -> None:
    buildings = points((20, 20), (30, 20), (150, 50), n_entrances=[4, None, 2])
    found = effort_of_grids(squares("grid"), streets(), buildings=buildings)
    assert found["doors"].tolist() == [5, 2, 0]
    assert effort_of_grids(squares("grid"), streets())["doors"].tolist() == [0, 0, 0]


def test_effort_of_cells_adds_up_and_makes_a_load() -> None:
    cells = squares("cell")
    found = effort_of_cells(
        cells, streets(), entrances=points((20, 20)), walking_mps=1.0, repeat=1.5
    )
    assert found["street_m"].tolist() == pytest.approx([80.0, 200.0, 0.0])
    assert found["walk_minutes"].tolist() == pytest.approx([2.0, 5.0, 0.0])
    load = combined_load(
        cells.merge(found, on="cell"), parse_load("1.7*walk_minutes + doors")
    ).values
    assert load.tolist() == pytest.approx([4.4, 8.5, 0.0])


def test_effort_of_grids_no_streets_is_no_walk() -> None:
    found = effort_of_grids(squares("grid"), streets().iloc[:0])
    assert found["walk_minutes"].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("options", [{"walking_mps": 0.0}, {"service_min": -1.0}])
def test_effort_of_grids_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ParameterError) as caught:
        effort_of_grids(squares("grid"), streets(), **options)
    assert caught.value.code == "effort.options"


def test_effort_of_cells_repeat_below_one_is_refused() -> None:
    with pytest.raises(ParameterError) as caught:
        effort_of_cells(squares("cell"), streets(), repeat=0.5)
    assert caught.value.code == "effort.repeat"


def test_effort_of_grids_another_crs_is_refused() -> None:
    with pytest.raises(CrsError):
        effort_of_grids(squares("grid"), streets().to_crs("EPSG:4550"))

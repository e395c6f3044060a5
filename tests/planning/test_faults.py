from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from towns import CRS, box, squares

from geo.planning.faults import as_findings, find_faults
from geo.planning.polygons import dissolve


def as_cells(*polygons: shapely.Polygon) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"households": [10] * len(polygons)}, geometry=list(polygons), crs=CRS)


def test_find_faults_name_the_enclave_the_pond_and_the_overlap() -> None:
    inner, pond = box(40, 40, 60, 60), box(70, 70, 80, 90)
    outer = box(0, 0, 100, 100).difference(inner).difference(pond)
    found = find_faults(as_cells(outer, inner, box(95, 0, 200, 100)))
    assert found.values.tolist() == [
        ["polygons.gap", 0, -1, 200.0],  # 10 m x 20 m
        ["polygons.enclave", 0, 1, 400.0],  # 20 m x 20 m
        ["polygons.overlap", 0, 2, 500.0],  # 5 m x 100 m
    ]


def test_as_findings_name_grids_with_codes_and_ground() -> None:
    inner, pond = box(40, 40, 60, 60), box(70, 70, 80, 90)
    outer = box(0, 0, 100, 100).difference(inner).difference(pond)
    found = find_faults(as_cells(outer, inner, box(95, 0, 200, 100)))
    told = {one.code: (one.keys, one.params) for one in as_findings(found, ["x", "y", "z"])}
    assert told == {
        "polygons.enclave": (("y < x",), {"area_m2": 400.0}),
        "polygons.gap": (("x",), {"area_m2": 200.0}),
        "polygons.overlap": (("x / z",), {"area_m2": 500.0}),
    }


def test_find_faults_two_grids_together_in_a_hole_are_both_enclaves() -> None:
    outer = box(0, 0, 100, 100).difference(box(40, 40, 60, 60))
    found = find_faults(as_cells(outer, box(40, 40, 50, 60), box(50, 40, 60, 60)))
    assert found[["code", "grid", "other"]].values.tolist() == [
        ["polygons.enclave", 0, 1],
        ["polygons.enclave", 0, 2],
    ]


def test_find_faults_of_a_plain_plan_are_none() -> None:
    assert find_faults(dissolve(squares(3, 3), np.arange(9))).empty

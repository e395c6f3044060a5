"""`wangge plan` with barriers, bridges, loads as sums, and cells that are odd."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from click.testing import CliRunner, Result
from shapely import LineString, Point
from shapely import box as rectangle

from web.cli import main

CRS = "EPSG:4549"
X0, Y0 = 500_000.0, 4_400_000.0


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(main, [str(part) for part in arguments])


def board(**columns: list[Any]) -> gpd.GeoDataFrame:
    """Four columns and two rows of cells of 100 m with a load of 10."""
    shapes = [
        rectangle(X0 + x, Y0 + y, X0 + x + 100, Y0 + y + 100)
        for y in (0, 100)
        for x in (0, 100, 200, 300)
    ]
    named = {"cell": list("abcdefgh"), "load": [10] * 8, **columns}
    return gpd.GeoDataFrame(named, geometry=shapes, crs=CRS)


@pytest.fixture
def river(tmp_path: Path) -> Path:
    """A river that cuts off the two cells of the first column."""
    path = tmp_path / "river.gpkg"
    gpd.GeoDataFrame(
        {"barrier": ["r"], "kind": ["water"], "class": ["river"]},
        geometry=[LineString([(X0 + 100, Y0 - 50), (X0 + 100, Y0 + 250)])],
        crs=CRS,
    ).to_file(path, layer="barriers")
    return path


def planned(
    tmp_path: Path, cells: gpd.GeoDataFrame, *options: Any
) -> tuple[Result, dict[str, Any]]:
    path, out = tmp_path / "cells.gpkg", tmp_path / "plan.csv"
    cells.to_file(path, layer="cells")
    result = run("plan", "--cells", path, "--load", "load", "--out", out, "--json", *options)
    return result, json.loads(result.stdout) if result.exit_code == 0 else {}


def test_plan_never_crosses_the_river_where_each_side_has_enough(
    tmp_path: Path, river: Path
) -> None:
    # 20 on the one side, 60 on the other: grids of 20
    _, report = planned(
        tmp_path, board(), "--target", 20, "--barriers", river, "--no-crossing", "river"
    )
    assert (report["n_grids"], report["barrier_crossings"]) == (4, 0)
    assert report["unavoidable_crossings"] == report["findings"] == []


def test_plan_crosses_the_river_where_it_must_and_says_so(tmp_path: Path, river: Path) -> None:
    # 20 on the one side is no grid of 40
    result, report = planned(
        tmp_path, board(), "--target", 40, "--barriers", river, "--no-crossing", "water"
    )
    assert [row["cells"] for row in report["unavoidable_crossings"]] == [["a", "b"], ["e", "f"]]
    assert {row["reason"] for row in report["unavoidable_crossings"]} == {"too_light"}
    assert {row["barrier"] for row in report["unavoidable_crossings"]} == {"water/river"}
    assert report["barrier_crossings"] > 0
    assert [one["code"] for one in report["findings"]] == ["checks.crossing_unavoidable"]
    assert "a – b" in result.stderr


def test_plan_crosses_the_river_at_its_bridge_only(tmp_path: Path, river: Path) -> None:
    bridges = tmp_path / "bridges.gpkg"
    gpd.GeoDataFrame(
        {"name": ["南桥", "远桥"]},
        geometry=[
            LineString([(X0 + 60, Y0 + 50), (X0 + 140, Y0 + 50)]),
            Point(X0 + 5000, Y0),
        ],
        crs=CRS,
    ).to_file(bridges)
    # the west of the river is no grid of 40, but the bridge leads over: nothing is unavoidable
    result, report = planned(
        tmp_path, board(), "--target", 40, "--barriers", river, "--no-crossing", "river",
        "--bridges", bridges,
    )  # fmt: skip
    assert report["n_grids"] == 2
    assert report["unavoidable_crossings"] == []
    assert {one["code"]: one["keys"] for one in report["findings"]} == {
        "checks.bridges_lost": ["远桥"]
    }
    assert "远桥" in result.stderr


def test_plan_load_as_a_sum_of_columns(tmp_path: Path) -> None:
    cells = board(shops=[0, 0, 0, 5, 0, 0, 0, None])
    path = tmp_path / "cells.gpkg"
    cells.to_file(path)
    result = run(
        "plan", "--cells", path, "--load", "load+2*shops", "--grids", 2, "--out",
        tmp_path / "plan.csv", "--json",
    )  # fmt: skip
    report = json.loads(result.stdout)
    # 80 + 2 x 5 = 90, so grids of 45
    assert report["max_load"] + report["min_load"] == pytest.approx(90)
    found = {one["code"]: (one["keys"], one.get("column")) for one in report["findings"]}
    assert found["checks.load_part_missing"] == (["h"], "shops")
    wrong = run("plan", "--cells", path, "--load", "load+2*shoqs", "--grids", 2, "--out", path)
    assert wrong.exit_code == 2
    assert "shoqs" in wrong.stderr


def test_plan_of_odd_cells_plans_what_can_be_planned(tmp_path: Path) -> None:
    cells = board(load=[10, None, 0, 30, 10, 10, 10, 10])
    cells.loc[4, "geometry"] = None
    _, report = planned(tmp_path, cells, "--target", 20)
    assert {one["code"]: one["keys"] for one in report["findings"]} == {
        "checks.no_geometry": ["e"],
        "checks.load_missing": ["b"],
        "checks.load_zero": ["c"],
        "checks.above_target": ["d"],
    }
    assert report["noncontiguous"] == report["unassigned"] == 0


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"cell": list("aacdefgh")}, "checks.repeated_keys"),
        ({"load": [-1, 10, 10, 10, 10, 10, 10, 10]}, "checks.load_negative"),
        ({"load": [0] * 8}, "checks.no_load"),
    ],
)
def test_plan_of_wrong_cells_is_refused_with_the_keys(
    tmp_path: Path, columns: dict[str, list[Any]], code: str
) -> None:
    result, _ = planned(tmp_path, board(**columns), "--target", 20)
    assert result.exit_code == 2
    assert f"[{code}]" in result.stderr


def test_plan_options_that_would_say_nothing_are_refused(tmp_path: Path, river: Path) -> None:
    result, _ = planned(tmp_path, board(), "--target", 20, "--no-crossing", "river")
    assert result.exit_code == 2
    town = run("plan", "--data", tmp_path / "town", "--barriers", river)
    assert town.exit_code == 2
    assert "--barriers" in town.stderr
    unknown, _ = planned(
        tmp_path, board(), "--target", 20, "--barriers", river, "--no-crossing", "rivre"
    )
    assert "[barriers.unknown_class]" in unknown.stderr

"""`wangge rebalance` as scripts and people use it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from tests.services.conftest import CRS, box
from web.cli import main


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def report_of(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)  # type: ignore[no-any-return]


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """Six square cells of load 10 in a row: four in grid 01, two in grid 02; the fourth locked."""
    path = tmp_path / "cells.gpkg"
    gpd.GeoDataFrame(
        {
            "cell": [f"{n:03d}" for n in range(6)],
            "load": 10,
            "old": ["01", "01", "01", "01", "02", "02"],
            "stays": ["", "0", "no", "是", None, "false"],
        },
        geometry=[box(100 * n, 0, 100, 100) for n in range(6)],
        crs=CRS,
    ).to_file(path, layer="cells")
    return path


def asked(cells: Path, tmp_path: Path, *more: object) -> tuple[object, ...]:
    out = tmp_path / "new.csv"
    return (
        "rebalance", "--cells", cells, "--load", "load", "--current", "old", "--out", out, *more,
    )  # fmt: skip


def test_rebalance_moves_one_cell_and_keeps_the_codes(cells: Path, tmp_path: Path) -> None:
    result = run(*asked(cells, tmp_path, "--tolerance", 0.1, "--json"))
    report = report_of(result)
    # 40 and 20 become 30 and 30 by one cell of 10; 40 is 7 above 33, so one whole cell must go
    assert (report["moved_load"], report["moved_cells"], report["lower_bound"]) == (10, 1, 10)
    assert (report["n_grids"], report["touched_grids"], report["noncontiguous"]) == (2, 2, 0)
    assert report["max_abs_deviation"] == 0
    plan = pd.read_csv(tmp_path / "new.csv", dtype=str)
    assert plan["grid"].tolist() == ["01", "01", "01", "02", "02", "02"]
    assert "10" in result.stderr


def test_rebalance_locked_column_holds_cells_and_says_what_is_not_met(
    cells: Path, tmp_path: Path
) -> None:
    report = report_of(
        run(*asked(cells, tmp_path, "--tolerance", 0.1, "--locked", "stays", "--json"))
    )
    assert report["is_unchanged"]
    assert report["n_out"] == 2
    assert [one["code"] for one in report["findings"]] == ["rebalance.outside"]
    assert report["findings"][0]["keys"] == ["01", "02"]


def test_rebalance_frontier_compares_tolerances(cells: Path, tmp_path: Path) -> None:
    report = report_of(
        run(*asked(cells, tmp_path, "--tolerance", 0.1, "--frontier", "0.1,0.5", "--json"))
    )
    assert [row["tolerance"] for row in report["frontier"]] == [0.1, 0.5]
    assert [row["moved_load"] for row in report["frontier"]] == [10, 0]


def test_rebalance_of_a_plan_that_is_fine_says_so(cells: Path, tmp_path: Path) -> None:
    result = run(*asked(cells, tmp_path, "--tolerance", 0.5))
    assert result.exit_code == 0
    assert "未作任何改动" in result.stderr
    plan = pd.read_csv(tmp_path / "new.csv", dtype=str)
    assert plan["grid"].tolist() == ["01", "01", "01", "01", "02", "02"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--frontier", "0.1;0.2"), "rebalance.tolerances"),
        (("--locked", "load"), "rebalance.locked_values"),
        (("--locked", "nowhere"), "cli.no_column"),
        (("--target", "0"), "plan.target"),
    ],
)
def test_rebalance_bad_use_is_told_in_words(
    cells: Path, tmp_path: Path, more: tuple[str, ...], said: str
) -> None:
    result = run(*asked(cells, tmp_path, *more))
    assert result.exit_code == 2
    assert f"[{said}]" in result.stderr

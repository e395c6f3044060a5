"""Commands as scripts use them: exit status, one JSON object, files."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from click.testing import CliRunner, Result

from tests.services.conftest import CRS, box, buildings, communities
from web.cli import COMMANDS, main


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def report_of(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)  # type: ignore[no-any-return]


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """Sixteen square cells of load 10 in four rows; the left and right halves are two areas."""
    path = tmp_path / "cells.gpkg"
    gpd.GeoDataFrame(
        {
            "cell": [f"{n:03d}" for n in range(16)],
            "load": 10,
            "area": ["left" if n % 4 < 2 else "right" for n in range(16)],
        },
        geometry=[box(100 * (n % 4), 100 * (n // 4), 100, 100) for n in range(16)],
        crs=CRS,
    ).to_file(path, layer="cells")
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_help_every_command_explains_itself(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) > 3


def test_main_unknown_command_is_bad_use() -> None:
    assert run("fly").exit_code == 2


def test_plan_cells_file_gives_equal_contiguous_grids(cells: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan.csv"
    result = run("plan", "--cells", cells, "--load", "load", "--target", 40, "--out", out, "--json")
    report = report_of(result)
    assert (report["n_grids"], report["max_abs_deviation"], report["noncontiguous"]) == (4, 0, 0)
    plan = pd.read_csv(out, dtype=str)
    assert plan.groupby("grid").size().tolist() == [4, 4, 4, 4]


def test_plan_within_keeps_every_grid_in_its_area(cells: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan.parquet"
    run("plan", "--cells", cells, "--load", "load", "--grids", 4, "--within", "area", "--out", out)
    plan = pd.DataFrame(gpd.read_parquet(out)).set_index("cell")["grid"]
    areas = gpd.read_file(cells).set_index("cell")["area"]
    assert areas.groupby(plan).nunique().eq(1).all()


def test_plan_dissolve_covers_what_the_cells_cover(cells: Path, tmp_path: Path) -> None:
    out = tmp_path / "grids.parquet"
    run("plan", "--cells", cells, "--load", "load", "--target", 40, "--dissolve", "--out", out)
    grids = gpd.read_parquet(out).to_crs(CRS)
    assert len(grids) == 4
    assert shapely.coverage_is_valid(grids.geometry.to_numpy())
    assert grids.area.sum() == pytest.approx(160_000, rel=1e-6)


def test_plan_simplify_goes_with_dissolve_and_keeps_the_area(cells: Path, tmp_path: Path) -> None:
    out = tmp_path / "grids.parquet"
    asked = ("plan", "--cells", cells, "--load", "load", "--target", 40, "--out", out)
    assert run(*asked, "--simplify-m", 5).exit_code == 2
    report_of(run(*asked, "--dissolve", "--simplify-m", 5, "--json"))
    grids = gpd.read_parquet(out).to_crs(CRS)
    assert shapely.coverage_is_valid(grids.geometry.to_numpy())
    assert grids.area.sum() == pytest.approx(160_000, rel=1e-6)


def test_evaluate_of_a_plan_gives_the_figures_that_planning_gave(
    cells: Path, tmp_path: Path
) -> None:
    out = tmp_path / "plan.gpkg"
    planned = report_of(
        run("plan", "--cells", cells, "--load", "load", "--target", 40, "--out", out, "--json")
    )
    merged = tmp_path / "merged.gpkg"
    rows = gpd.read_file(cells).merge(gpd.read_file(out)[["cell", "grid"]], on="cell")
    rows.to_file(merged, layer="cells")
    figures = report_of(
        run("evaluate", "--cells", merged, "--load", "load", "--plan", "grid", "--json")
    )
    for key in ("n_grids", "max_abs_deviation", "cut_edges", "noncontiguous"):
        assert figures[key] == planned[key], key


def test_plan_area_that_does_not_divide_is_told_in_words(
    cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANGGE_LANGUAGE", "en")
    asked = (
        "plan", "--cells", cells, "--load", "load", "--target", 60, "--within", "area",
        "--out", tmp_path / "plan.csv",
    )  # fmt: skip
    # each half holds 80: one grid of 80 is 33.3% over 60, two of 40 are 33.3% under; one on a tie
    said = run(*asked)
    assert "left: 1 grids mean 80 each (+33.3%), 2 grids 40 (-33.3%)" in said.stdout
    report = report_of(run(*asked, "--json"))
    rows = {row["area"]: row for row in report["communities"]}
    assert (rows["right"]["chosen"], rows["right"]["n_grids"]) == (1, 1)
    assert not rows["right"]["is_within_tolerance"]
    fits = run(*asked[:6], 40, *asked[7:])
    assert "left:" not in fits.stdout


@pytest.fixture
def odd_plan(tmp_path: Path) -> Path:
    """The sixteen cells in rows of a plan whose columns hold what tables of offices hold."""
    path = tmp_path / "odd.gpkg"
    codes = ["07", "07", "7", None] + ["07"] * 4 + ["08"] * 8
    loads = ["10", "10", "many", "-5"] + ["10"] * 11 + [None]
    gpd.GeoDataFrame(
        {
            "cell": [f"{n:03d}" for n in range(16)],
            "load": loads,
            "area": ["left" if n % 4 < 2 else "right" for n in range(16)],
            "old": codes,
        },
        geometry=[box(100 * (n % 4), 100 * (n // 4), 100, 100) for n in range(16)],
        crs=CRS,
    ).to_file(path, layer="cells")
    return path


def test_evaluate_odd_columns_are_told_with_the_keys(odd_plan: Path) -> None:
    asked = ("evaluate", "--cells", odd_plan, "--load", "load", "--plan", "old", "--json")
    report = report_of(run(*asked))
    assert {found["code"]: found["keys"] for found in report["findings"]} == {
        "reading.unassigned": ["003"],
        "reading.leading_zeros": ["07", "7"],
        "reading.load_missing": ["015"],
        "reading.load_not_number": ["002"],
        "reading.load_negative": ["003"],
    }
    # three grids: 07 of 6 cells, 7 of one without load, 08 of 7 loads; 130 in all
    assert (report["n_grids"], report["unassigned"]) == (3, 1)
    assert (report["min_load"], report["max_load"]) == (0, 70)
    assert report["target"] == pytest.approx(130 / 3)


def test_evaluate_within_prints_a_line_an_area(
    odd_plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANGGE_LANGUAGE", "en")
    asked = ("evaluate", "--cells", odd_plan, "--load", "load", "--plan", "old", "--target", 50)
    result = run(*asked, "--within", "area")
    assert result.exit_code == 0, result.stderr
    # 07 and 08 run through both halves: half of their cells each, so they count on the left
    assert "left: 2 grids" in result.stdout
    assert "right: 1 grids" in result.stdout
    assert "outside_area: 2" in result.stdout
    assert "1 cells belong to no grid: 003" in result.stderr


def test_evaluate_out_has_the_figures_of_each_grid(odd_plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "grids.csv"
    asked = ("evaluate", "--cells", odd_plan, "--load", "load", "--plan", "old", "--target", 50)
    assert run(*asked, "--within", "area", "--out", out).exit_code == 0
    found = pd.read_csv(out, dtype={"grid": str}).set_index("grid")
    assert found["n_cells"].to_dict() == {"07": 6, "08": 8, "7": 1}
    assert found["load"].to_dict() == {"07": 60, "08": 70, "7": 0}
    assert found["deviation"].to_dict() == pytest.approx({"07": 0.2, "08": 0.4, "7": -1.0})
    assert found["n_areas"].to_dict() == {"07": 2, "08": 2, "7": 1}
    # 07: cells 0, 1 of the lowest row and the whole second row; along it and down: 4 steps at most
    assert found.loc["07", "walk_m"] == pytest.approx(400)


def test_evaluate_barriers_counts_what_grids_cross(cells: Path, tmp_path: Path) -> None:
    merged = tmp_path / "halves.gpkg"
    gpd.read_file(cells).assign(grid="1").to_file(merged, layer="cells")
    road = tmp_path / "road.gpkg"
    middle = shapely.LineString([(480_200, 4_419_900), (480_200, 4_420_500)])
    gpd.GeoDataFrame(
        {"barrier": ["r"], "kind": ["road"]}, geometry=[middle], crs=CRS
    ).to_file(road, layer="barriers")  # fmt: skip
    asked = ("evaluate", "--cells", merged, "--load", "load", "--plan", "grid", "--json")
    report = report_of(run(*asked, "--barriers", road))
    # one grid of four rows, the road between its second and third column
    assert (report["barrier_crossings"], report["crossing_length_m"]) == (4, 400)
    assert report_of(run(*asked))["barrier_crossings"] == 0


@pytest.fixture
def two_plans(tmp_path: Path) -> Path:
    """The sixteen cells by halves, codes with leading zeros, and an old plan one cell different."""
    path = tmp_path / "plans.gpkg"
    new = ["007" if n % 4 < 2 else "010" for n in range(16)]
    gpd.GeoDataFrame(
        {"cell": [f"{n:03d}" for n in range(16)], "load": 10, "new": new, "old": new},
        geometry=[box(100 * (n % 4), 100 * (n // 4), 100, 100) for n in range(16)],
        crs=CRS,
    ).assign(old=lambda cells: cells["old"].mask(cells["cell"] == "006", "007")).to_file(
        path, layer="cells"
    )
    return path


def test_explain_borders_one_line_a_border_with_its_sentence(
    two_plans: Path, tmp_path: Path
) -> None:
    out = tmp_path / "why.csv"
    asked = ("explain", "--cells", two_plans, "--load", "load", "--plan", "new", "--out", out)
    report = report_of(run(*asked, "--tolerance", 0.05, "--lang", "zh", "--json"))
    assert (report["rows"], report["reasons"]) == (1, {"balance": 1})
    found = pd.read_csv(out, dtype=str).iloc[0]
    # halves of 80: any cell of 10 over the border leaves 70 and 90, 12.5% off
    assert (found["one"], found["other"], found["length_m"]) == ("007", "010", "400.0")
    assert "网格 007 与 010 之间的界线" in found["text"]
    assert "相差 -12.5%" in found["text"]
    assert "相差 +12.5%" in found["text"]
    assert "工作量 10" in found["text"]


def test_explain_before_one_line_a_move_with_what_it_bought(
    two_plans: Path, tmp_path: Path
) -> None:
    out = tmp_path / "moves.csv"
    report = report_of(
        run(
            "explain", "--cells", two_plans, "--load", "load", "--plan", "new", "--before", "old",
            "--out", out, "--lang", "en", "--json",
        )
    )  # fmt: skip
    assert report["reasons"] == {"balance": 1}
    found = pd.read_csv(out, dtype=str).iloc[0]
    assert (found["cells"], found["origin"], found["to"]) == ("006", "007", "010")
    assert "007 goes from +12.5% off its target to 0%, 010 from -12.5% to 0%" in found["text"]


def test_plan_column_that_is_not_there_is_named(cells: Path, tmp_path: Path) -> None:
    result = run(
        "plan", "--cells", cells, "--load", "weight", "--target", 40, "--out", tmp_path / "x.csv"
    )
    assert result.exit_code == 2
    assert "weight" in result.stderr
    assert "load" in result.stderr


def test_plan_out_of_unknown_format_is_refused(cells: Path, tmp_path: Path) -> None:
    result = run(
        "plan", "--cells", cells, "--load", "load", "--target", 40, "--out", tmp_path / "x.doc"
    )
    assert result.exit_code == 2
    assert not (tmp_path / "x.doc").exists()


def test_cells_from_files_cover_the_ground(tmp_path: Path) -> None:
    buildings().to_file(tmp_path / "b.gpkg", layer="buildings")
    communities().to_file(tmp_path / "c.gpkg", layer="communities")
    out = tmp_path / "cells.parquet"
    report = report_of(
        run(
            "cells", "--buildings", tmp_path / "b.gpkg", "--within", tmp_path / "c.gpkg",
            "--out", out, "--json",
        )
    )  # fmt: skip
    assert report["households"] == 160
    assert report["area_m2"] == pytest.approx(80_000)
    assert len(gpd.read_parquet(out)) == report["n_cells"]


def test_import_export_and_backup_round_trip(tmp_path: Path) -> None:
    buildings().to_file(tmp_path / "b.gpkg", layer="buildings")
    data = tmp_path / "data"
    taken = report_of(run("import", "buildings", tmp_path / "b.gpkg", "--data", data, "--json"))
    assert (taken["read"], taken["accepted"], taken["rejected"]) == (16, 16, 0)
    out = tmp_path / "out.geojson"
    asked = ("export", "buildings", "--format", "geojson", "--out", out, "--data", data, "--json")
    assert report_of(run(*asked))["rows"] == 16
    exported = gpd.read_file(out)
    assert exported["building"].tolist() == [f"B{n:02d}" for n in range(16)]
    saved = tmp_path / "saved.backup"
    assert run("backup", saved, "--data", data).exit_code == 0
    other = tmp_path / "other"
    assert run("restore", saved, "--data", other).exit_code == 0
    assert run("check", "--data", other).exit_code == 0
    again = ("export", "buildings", "--format", "geojson", "--out", out, "--data", other, "--json")
    assert report_of(run(*again))["rows"] == 16


def test_import_unknown_layer_is_bad_use(tmp_path: Path) -> None:
    buildings().to_file(tmp_path / "b.gpkg", layer="buildings")
    result = run("import", "castles", tmp_path / "b.gpkg", "--data", tmp_path / "d")
    assert result.exit_code == 2
    assert "castles" in result.stderr


def test_parse_addresses_gives_plain_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("address\n和园小区3号楼2单元501\n和园小区三栋二单元\n", encoding="utf-8")
    out = tmp_path / "parts.csv"
    report = report_of(run("parse", path, "--out", out, "--json"))
    assert report["n"] == 2
    parts = pd.read_csv(out, dtype=str)
    assert parts["building"].tolist() == ["3", "3"]
    assert parts["entrance"].tolist() == ["2", "2"]
    assert parts["room"].iloc[0] == "501"


def test_attribute_points_by_files(tmp_path: Path) -> None:
    grids = communities().rename(columns={"community": "grid"})
    grids.to_file(tmp_path / "grids.gpkg", layer="grids")
    x, y = 480_050, 4_420_050
    cases = tmp_path / "cases.csv"
    cases.write_text(
        "incident,category,status,reported_at,x,y\n"
        f"a,0101,closed,2026-03-01 08:00,{x},{y}\n"
        f"b,0101,closed,2026-03-01 08:00,{x + 200},{y}\n"
        f"c,0101,closed,2026-03-01 08:00,{x + 900},{y}\n",
        encoding="utf-8",
    )
    out = tmp_path / "out.csv"
    report = report_of(
        run(
            "attribute", "--incidents", cases, "--grids", tmp_path / "grids.gpkg",
            "--crs", CRS, "--out", out, "--json",
        )
    )  # fmt: skip
    assert (report["n"], report["unmatched"]) == (3, 1)
    found = pd.read_csv(out, dtype=str).set_index("incident")["grid"]
    assert found["a"] == "990101001001"
    assert found["b"] == "990101001002"
    assert pd.isna(found["c"])


def test_hotspots_unknown_method_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text("incident\n", encoding="utf-8")
    result = run("hotspots", "--incidents", path, "--method", "magic", "--out", tmp_path / "o.csv")
    assert result.exit_code == 2
    assert "magic" in result.stderr


def test_account_add_gives_a_password_once(tmp_path: Path) -> None:
    data = tmp_path / "d"
    made = report_of(run("account", "add", "li", "--role", "planner", "--data", data, "--json"))
    assert len(made["password"]) >= 12
    assert run("account", "add", "li", "--role", "planner", "--data", data).exit_code == 2


def test_demo_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep", encoding="utf-8")
    result = run("demo", "--no-serve", "--data", tmp_path)
    assert result.exit_code == 2
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "keep"
    assert len(list(tmp_path.iterdir())) == 1


def test_coverage_rows_carry_the_street_files_own_keys(tmp_path: Path) -> None:
    """A street of 100 m in two 50 m lines; the walk passes the western one only."""
    x, y = 480_000.0, 4_420_000.0
    lines = [shapely.LineString([(x + s, y), (x + s + 50, y)]) for s in (0, 50)]
    streets = gpd.GeoDataFrame(
        {"way": ["0007", "0007"], "side": ["west", "east"]}, geometry=lines, crs=CRS
    )
    streets.to_file(tmp_path / "streets.gpkg", layer="streets")
    walk = gpd.GeoSeries([shapely.Point(x + d, y) for d in range(0, 31, 10)], crs=CRS).to_crs(4326)
    rows = [f"P,{10 * n},{p.x:.8f},{p.y:.8f}" for n, p in enumerate(walk)]
    (tmp_path / "walk.csv").write_text("\n".join(["patrol,second,lon,lat", *rows]), "utf-8")
    out = tmp_path / "out.csv"
    report = report_of(
        run(
            "coverage", "--streets", tmp_path / "streets.gpkg", "--tracks", tmp_path / "walk.csv",
            "--reach-m", 20, "--out", out, "--json",
        )
    )  # fmt: skip
    assert (report["patrols"], report["rows"]) == (1, 2)
    found = pd.read_csv(out, dtype={"way": str}).set_index("side")
    assert found["way"].tolist() == ["0007", "0007"]
    # walked 0 to 30 m with a reach of 20 m: the western line's 50 m, nothing of the eastern one
    assert found.loc["west", "covered_m"] == pytest.approx(50, abs=0.01)
    assert found.loc["east", "covered_m"] == pytest.approx(0, abs=0.01)
    assert found.loc["west", "probability"] > found.loc["east", "probability"]
    assert found.loc["east", "verdict"] == "missed"


def test_serve_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("serve", "--data", tmp_path / "d", "--port", port)
    assert result.exit_code == 2
    assert str(port) in result.stderr


def test_attribute_index_is_made_then_used_and_refused_for_other_grids(tmp_path: Path) -> None:
    grids = tmp_path / "grids.gpkg"
    squares = [
        shapely.box(480_000 + 200 * k, 4_420_000, 480_200 + 200 * k, 4_420_200) for k in (0, 1)
    ]
    gpd.GeoDataFrame({"grid": ["01", "02"]}, geometry=squares, crs=CRS).to_file(grids)
    cases = tmp_path / "cases.csv"
    cases.write_text(
        "incident,category,status,reported_at,x,y\n"
        "a,0101,closed,2026-03-01 08:00,480050,4420050\n"
        "b,0101,closed,2026-03-01 08:00,480200,4420050\n",  # on the border: the eastern grid
        encoding="utf-8",
    )
    kept = tmp_path / "grids.npz"
    args = ["attribute", "--incidents", cases, "--crs", CRS, "--index", kept, "--out"]
    answers = []
    for name in ("made.csv", "used.csv"):
        report_of(run(*args, tmp_path / name, "--grids", grids, "--json"))
        answers.append(pd.read_csv(tmp_path / name, dtype=str)["grid"].tolist())
    assert answers == [["01", "02"], ["01", "02"]]
    other = tmp_path / "other.gpkg"
    moved = [shapely.affinity.translate(square, 5) for square in squares]
    gpd.GeoDataFrame({"grid": ["01", "02"]}, geometry=moved, crs=CRS).to_file(other)
    refused = run(*args, tmp_path / "o.csv", "--grids", other)
    assert refused.exit_code == 2 and "grids.npz" in refused.stderr


def test_attribute_with_dask_gives_the_same_grids(tmp_path: Path) -> None:
    squares = [
        shapely.box(480_000 + 200 * k, 4_420_000, 480_200 + 200 * k, 4_420_200) for k in (0, 1)
    ]
    grids = tmp_path / "grids.gpkg"
    gpd.GeoDataFrame({"grid": ["01", "02"]}, geometry=squares, crs=CRS).to_file(grids)
    cases = tmp_path / "cases.parquet"
    gpd.GeoDataFrame(
        {"incident": ["a", "b", "c"]},
        geometry=gpd.points_from_xy([480_050, 480_250, 481_000], [4_420_050] * 3),
        crs=CRS,
    ).to_parquet(cases)
    out = tmp_path / "out"
    report = report_of(
        run(
            "attribute",
            "--incidents",
            cases,
            "--grids",
            grids,
            "--engine",
            "dask",
            "--out",
            out,
            "--json",
        )
    )
    assert (report["n"], report["unmatched"]) == (3, 1)
    found = gpd.read_parquet(out)["grid"]
    assert found.tolist()[:2] == ["01", "02"] and pd.isna(found.iloc[2])

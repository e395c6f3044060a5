"""`wangge hotspots`: files in, layers and a report out."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from tests.cli.test_commands import report_of, run

CRS = "EPSG:4549"
WEST, SOUTH = 480_000.0, 4_420_000.0
SIDE_M = 1000.0


def incidents(*, hot: int = 0, n: int = 800, seed: int = 1) -> gpd.GeoDataFrame:
    """Incidents thrown evenly over 1 km2 and a year, `hot` more in one cell of 50 m."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, SIDE_M, (n, 2))
    spot = rng.uniform((400, 400), (450, 450), (hot, 2))
    places = np.concatenate([xy, spot]) + np.array([WEST, SOUTH])
    days = rng.integers(0, 365, len(places))
    return gpd.GeoDataFrame(
        {
            "incident": [f"N{k:05d}" for k in range(len(places))],
            "category": "0451",
            "status": "closed",
            "reported_at": pd.Timestamp("2025-11-01T04:00Z") + pd.to_timedelta(days, unit="D"),
        },
        geometry=shapely.points(places),
        crs=CRS,
    )


@pytest.fixture
def town(tmp_path: Path) -> Path:
    path = tmp_path / "town.gpkg"
    box = shapely.box(WEST, SOUTH, WEST + SIDE_M, SOUTH + SIDE_M)
    gpd.GeoDataFrame({"people": [1000]}, geometry=[box], crs=CRS).to_file(path)
    return path


def written(folder: Path, frame: gpd.GeoDataFrame) -> Path:
    path = folder / "cases.parquet"
    frame.to_parquet(path)
    return path


def test_hotspots_promised_methods_report_their_figures(tmp_path: Path, town: Path) -> None:
    out = tmp_path / "hot.gpkg"
    report = report_of(
        run(
            "hotspots", "--incidents", written(tmp_path, incidents(hot=40)), "--within", town,
            "--method", "significance,gi,scan,kde,emerging", "--out", out, "--json",
        )
    )  # fmt: skip
    for method in ("significance", "gi", "scan", "kde", "emerging"):
        assert {"n_cells", "n_significant", "fdr", "seconds"} <= set(report[method])
        assert report[method]["n_cells"] == 400  # 1 km2 in cells of 50 m
    assert report["n"] == 840
    rows = gpd.read_file(out)
    hot = rows[(rows["method"] == "significance") & (rows["verdict"] == "hot")]
    # the cell of the 40 is among the hot ones, and nothing far from it is
    spot = shapely.Point(WEST + 425, SOUTH + 425)
    metric = hot.to_crs(CRS)
    assert metric.intersects(spot).any()
    assert metric.distance(spot).max() < 150


def test_hotspots_where_nothing_is_hot_finds_nothing(tmp_path: Path, town: Path) -> None:
    report = report_of(
        run(
            "hotspots", "--incidents", written(tmp_path, incidents()), "--within", town,
            "--out", tmp_path / "o.csv", "--json",
        )
    )  # fmt: skip
    assert report["significance"]["n_significant"] == 0


def test_hotspots_exposure_explains_where_people_live(tmp_path: Path, town: Path) -> None:
    west = shapely.box(WEST, SOUTH, WEST + 500, SOUTH + SIDE_M)
    east = shapely.box(WEST + 500, SOUTH, WEST + SIDE_M, SOUTH + SIDE_M)
    people = tmp_path / "people.gpkg"
    frame = gpd.GeoDataFrame({"people": [9000, 1000]}, geometry=[west, east], crs=CRS)
    frame.to_file(people)
    many = incidents(n=4000)
    in_west = many.geometry.x < WEST + 500
    thinned = many[in_west | (np.arange(len(many)) % 9 == 0)]  # nine times as many in the west
    path = written(tmp_path, thinned)
    args = [
        "hotspots",
        "--incidents",
        path,
        "--within",
        town,
        "--out",
        tmp_path / "o.csv",
        "--json",
    ]
    blind = report_of(run(*args))["significance"]["n_significant"]
    told = report_of(run(*args, "--exposure", f"{people}:people"))["significance"]["n_significant"]
    assert (blind > 0, told) == (True, 0)


def test_hotspots_with_dask_gives_the_same_rows(tmp_path: Path, town: Path) -> None:
    path = written(tmp_path, incidents(hot=30))
    tables = []
    for engine in ("memory", "dask"):
        out = tmp_path / f"{engine}.parquet"
        report_of(
            run(
                "hotspots", "--incidents", path, "--within", town, "--engine", engine,
                "--method", "significance,emerging,kde", "--out", out, "--json",
            )
        )  # fmt: skip
        tables.append(gpd.read_parquet(out).drop(columns="geometry"))
    pd.testing.assert_frame_equal(*tables)


def test_hotspots_window_without_incidents_says_so(tmp_path: Path, town: Path) -> None:
    report = report_of(
        run(
            "hotspots", "--incidents", written(tmp_path, incidents()), "--within", town,
            "--window", "2020-01-01/2020-01-31", "--method", "significance,kde,scan,gi",
            "--out", tmp_path / "o.csv", "--json",
        )
    )  # fmt: skip
    assert report["n"] == 0
    for method in ("significance", "kde", "scan", "gi"):
        assert report[method]["n_significant"] == 0
        assert report[method]["headline"]


def test_hotspots_wrong_exposure_option_is_refused(tmp_path: Path, town: Path) -> None:
    path = written(tmp_path, incidents())
    for value in ("people", f"{town}:none", f"{tmp_path / 'gone.gpkg'}:people"):
        result = run(
            "hotspots", "--incidents", path, "--exposure", value, "--out", tmp_path / "o.csv"
        )
        assert result.exit_code == 2, value


def test_hotspots_with_dask_in_degrees_or_with_a_crs_is_refused(tmp_path: Path, town: Path) -> None:
    path = tmp_path / "degrees.parquet"
    incidents().to_crs("EPSG:4326").to_parquet(path)
    args = ["hotspots", "--incidents", path, "--engine", "dask", "--out", tmp_path / "o.csv"]
    assert run(*args).exit_code == 2
    metric = written(tmp_path, incidents())
    refused = run(*[metric if part == path else part for part in args], "--crs", "EPSG:4326")
    assert refused.exit_code == 2 and "--crs" in refused.stderr


def test_hotspots_engines_agree_without_an_outline_and_count_what_is_left_out(
    tmp_path: Path,
) -> None:
    cases = incidents(hot=30)
    cases.loc[:9, "status"] = "duplicate"
    cases.loc[10, "reported_at"] = pd.Timestamp("2126-01-01T00:00Z")
    path = written(tmp_path, cases)
    reports = [
        report_of(
            run(
                "hotspots", "--incidents", path, "--engine", engine,
                "--out", tmp_path / f"{engine}.parquet", "--json",
            )
        )
        for engine in ("memory", "dask")
    ]  # fmt: skip
    assert reports[0]["n"] == reports[1]["n"] == 819  # 830, less 10 duplicates and one of 2126
    assert [report["left_out"]["n_future"] for report in reports] == [1, 1]
    memory, dask = (gpd.read_parquet(tmp_path / f"{e}.parquet") for e in ("memory", "dask"))
    pd.testing.assert_frame_equal(memory.drop(columns="geometry"), dask.drop(columns="geometry"))


@pytest.mark.parametrize("bad", ["text", "mixed", "negative"])
def test_hotspots_unusable_exposure_file_is_refused(tmp_path: Path, bad: str) -> None:
    box = shapely.box(WEST, SOUTH, WEST + 500, SOUTH + SIDE_M)
    point = shapely.Point(WEST + 700, SOUTH + 100)
    people = {"text": ["many", "few"], "mixed": [1.0, 2.0], "negative": [5.0, -1.0]}[bad]
    second = point if bad == "mixed" else box
    path = tmp_path / "people.parquet"
    gpd.GeoDataFrame({"people": people}, geometry=[box, second], crs=CRS).to_parquet(path)
    result = run(
        "hotspots", "--incidents", written(tmp_path, incidents()),
        "--exposure", f"{path}:people", "--out", tmp_path / "o.csv",
    )  # fmt: skip
    assert result.exit_code == 2 and "people" in result.stderr

"""Counting by partitions: the cube that counting in memory gives."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.errors import CrsError, ParameterError, SchemaError
from geo.hotspots.counts.cube import Cube
from geo.hotspots.counts.lattice import lattice_over
from geo.hotspots.counts.partitioned import count_partitions

CRS = "EPSG:4551"
ZONE = "Asia/Shanghai"
LATTICE = lattice_over(shapely.box(0, 0, 400, 300), cell_size_m=100, crs=CRS)


def incidents(seed: int, n: int, *, n_ids: int) -> gpd.GeoDataFrame:
    """Cases of 60 days, some outside, undated, unplaced, without a category or an id, repeated."""
    rng = np.random.default_rng(seed)
    hours = pd.to_timedelta(rng.integers(0, 60 * 24, n), unit="h")
    cases = gpd.GeoDataFrame(
        {
            "incident": [f"案{k}" for k in rng.integers(0, n_ids, n)],
            "category": rng.choice(["垃圾", "乱停车", "积水"], n),
            "reported_at": pd.Timestamp("2026-01-01", tz="UTC") + hours,
        },
        geometry=shapely.points(rng.uniform(-50, 450, (n, 2))),
        crs=CRS,
    )
    for column in ("incident", "category", "reported_at", "geometry"):
        cases.loc[rng.random(n) < 0.05, column] = None
    return cases


def in_memory(cases: gpd.GeoDataFrame, today: str | None = None) -> Cube:
    points = np.asarray(cases.geometry.array, dtype=object)
    local = cases["reported_at"].dt.tz_convert(ZONE).dt.tz_localize(None)
    return Cube.build(
        LATTICE,
        shapely.get_x(points),
        shapely.get_y(points),
        local.to_numpy().astype("datetime64[D]"),
        cases["category"],
        incident=cases["incident"],
        today=today,
    )


def assert_same(found: Cube, wanted: Cube) -> None:
    pd.testing.assert_frame_equal(found.entries(), wanted.entries())
    assert found.left_out == wanted.left_out
    window = ("2025-12-01", "2026-04-01")
    np.testing.assert_array_equal(found.window(*window), wanted.window(*window))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**20), rows=st.sampled_from([7, 40, 400]), n_threads=st.integers(1, 2))
def test_count_partitions_gives_the_cube_of_build(
    tmp_path: Path, seed: int, rows: int, n_threads: int
) -> None:
    cases = incidents(seed, 200, n_ids=150)
    cases.to_parquet(tmp_path / "in.parquet", row_group_size=rows)
    found = count_partitions(
        tmp_path / "in.parquet", LATTICE, timezone=ZONE, today="2026-02-20", n_threads=n_threads
    )
    assert_same(found, in_memory(cases, today="2026-02-20"))


def test_count_partitions_of_a_window_and_categories_counts_those_rows(tmp_path: Path) -> None:
    cases = incidents(1, 300, n_ids=200)
    cases.to_parquet(tmp_path / "in.parquet", row_group_size=50)
    found = count_partitions(
        tmp_path / "in.parquet",
        LATTICE,
        timezone=ZONE,
        start="2026-01-10",
        end="2026-01-31",
        categories=["垃圾", "积水"],
    )
    day = cases["reported_at"].dt.tz_convert(ZONE).dt.tz_localize(None).dt.floor("D")
    is_in = day.isna() | day.between("2026-01-10", "2026-01-31")
    assert_same(found, in_memory(cases[is_in & cases["category"].isin(["垃圾", "积水"])]))
    assert found.n_incidents > 0


def test_count_partitions_counts_the_local_day(tmp_path: Path) -> None:
    # 17:00 UTC on 1 January is 1:00 on 2 January in Shanghai.
    case = gpd.GeoDataFrame(
        {
            "incident": ["案1"],
            "category": ["垃圾"],
            "reported_at": [pd.Timestamp("2026-01-01T17:00Z")],
        },
        geometry=[shapely.Point(50, 50)],
        crs=CRS,
    )
    case.to_parquet(tmp_path / "in.parquet")
    found = count_partitions(tmp_path / "in.parquet", LATTICE, timezone=ZONE)
    assert found.first_day == np.datetime64("2026-01-02")


def test_count_partitions_of_no_rows_is_an_empty_cube(tmp_path: Path) -> None:
    incidents(0, 5, n_ids=5).iloc[:0].to_parquet(tmp_path / "in.parquet")
    found = count_partitions(tmp_path / "in.parquet", LATTICE, timezone=ZONE)
    assert (found.n_incidents, len(found.entries())) == (0, 0)


def test_count_partitions_on_other_crs_naive_times_or_columns_raises(tmp_path: Path) -> None:
    cases = incidents(0, 20, n_ids=20)
    cases.to_crs(4549).to_parquet(tmp_path / "crs.parquet")
    with pytest.raises(CrsError):
        count_partitions(tmp_path / "crs.parquet", LATTICE, timezone=ZONE)
    naive = cases.assign(reported_at=cases["reported_at"].dt.tz_localize(None))
    naive.to_parquet(tmp_path / "naive.parquet")
    with pytest.raises(SchemaError) as error:
        count_partitions(tmp_path / "naive.parquet", LATTICE, timezone=ZONE)
    assert error.value.code == "partitions.naive_times"
    cases.drop(columns="category").to_parquet(tmp_path / "bare.parquet")
    with pytest.raises(SchemaError) as bare_error:
        count_partitions(tmp_path / "bare.parquet", LATTICE, timezone=ZONE)
    assert bare_error.value.code == "partitions.not_geoparquet"
    with pytest.raises(ParameterError):
        count_partitions(
            tmp_path / "crs.parquet", LATTICE, timezone=ZONE, start="2026-02-01", end="2026-01-01"
        )

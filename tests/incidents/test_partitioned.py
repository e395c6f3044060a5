"""Attribution by partitions: the rows that attribution in memory gives."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo.errors import ConflictError, CrsError, NotFoundError, ParameterError, SchemaError
from geo.incidents.attribution import attribute
from geo.incidents.label_index import LabelIndex
from geo.incidents.partitioned import Attributed, attribute_partitions

CRS = "EPSG:4551"
GRIDS = gpd.GeoDataFrame(
    {"plan": "P", "grid": ["网格甲", "网格乙"], "community": "南湖"},
    geometry=[shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)],
    crs=CRS,
)


def incidents(n: int) -> gpd.GeoDataFrame:
    """Points on a raster of quarters, borders and corners among them; one without a place."""
    rng = np.random.default_rng(0)
    xy = rng.integers(-1, 10, (n, 2)) / 4
    points = gpd.GeoDataFrame(
        {"incident": [f"案{k}" for k in range(n)]}, geometry=shapely.points(xy), crs=CRS
    )
    points.loc[2, "geometry"] = None
    return points


@pytest.mark.parametrize("n_threads", [1, 2])
def test_attribute_partitions_gives_the_rows_of_attribute(tmp_path: Path, n_threads: int) -> None:
    cases = incidents(100)
    cases.to_parquet(tmp_path / "in.parquet", row_group_size=30)
    wanted = attribute(cases, GRIDS)
    counts = attribute_partitions(
        tmp_path / "in.parquet", GRIDS, tmp_path / "out", n_threads=n_threads
    )
    assert counts == Attributed(100, int(wanted["grid"].isna().sum()), 4)
    found = pd.concat([gpd.read_parquet(f) for f in sorted((tmp_path / "out").iterdir())])
    pd.testing.assert_frame_equal(found.reset_index(drop=True), wanted)
    assert [f.name for f in tmp_path.iterdir() if f.name.startswith(".")] == []


def test_attribute_partitions_of_a_folder_with_an_index_gives_the_same(tmp_path: Path) -> None:
    cases = incidents(60)
    (tmp_path / "in").mkdir()
    cases.iloc[:30].to_parquet(tmp_path / "in" / "part-0.parquet")
    cases.iloc[30:].to_parquet(tmp_path / "in" / "part-1.parquet")
    counts = attribute_partitions(
        tmp_path / "in", GRIDS, tmp_path / "out", index=LabelIndex.build(GRIDS)
    )
    assert (counts.n_incidents, counts.n_partitions) == (60, 2)


def test_attribute_partitions_of_no_incidents_writes_none(tmp_path: Path) -> None:
    incidents(3).iloc[:0].to_parquet(tmp_path / "in.parquet")
    counts = attribute_partitions(tmp_path / "in.parquet", GRIDS, tmp_path / "out")
    assert (counts.n_incidents, counts.n_unmatched) == (0, 0)
    assert (tmp_path / "out").is_dir()


def test_attribute_partitions_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    incidents(50).to_crs(4549).to_parquet(tmp_path / "in.parquet", row_group_size=20)
    with pytest.raises(CrsError):
        attribute_partitions(tmp_path / "in.parquet", GRIDS, tmp_path / "out")
    assert [f.name for f in tmp_path.iterdir()] == ["in.parquet"]


def test_attribute_partitions_on_wrong_paths_or_threads_raises(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        attribute_partitions(tmp_path / "none.parquet", GRIDS, tmp_path / "out")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "plain.parquet")
    (tmp_path / "text.parquet").write_text("no parquet", "utf-8")
    for name in ("plain.parquet", "text.parquet"):
        with pytest.raises(SchemaError) as error:
            attribute_partitions(tmp_path / name, GRIDS, tmp_path / "out")
        assert error.value.code == "partitions.not_geoparquet"
    incidents(3).to_parquet(tmp_path / "in.parquet")
    with pytest.raises(ParameterError):
        attribute_partitions(tmp_path / "in.parquet", GRIDS, tmp_path / "out", n_threads=0)
    (tmp_path / "out").mkdir()
    with pytest.raises(ConflictError):
        attribute_partitions(tmp_path / "in.parquet", GRIDS, tmp_path / "out")


def test_attribute_partitions_without_dask_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ParameterError) as error:
        attribute_partitions(tmp_path / "in.parquet", GRIDS, tmp_path / "out")
    assert error.value.code == "partitions.dask_missing"
    assert "pip install wangge[dask]" in str(error.value)

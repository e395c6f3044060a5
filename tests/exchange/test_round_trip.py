"""What is exported can be imported again: the same rows in the layer's own types."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from geo.exchange import FORMATS, write_layer
from geo.intake import read_layer
from geo.schema import LAYERS, check_frame


@pytest.mark.parametrize("format", FORMATS)
def test_read_layer_of_written_layer_gives_the_same_rows(tmp_path: Path, format: str) -> None:
    rows = gpd.GeoDataFrame(
        {
            "incident": ["000123", "000124"],
            "category": ["0301", "0302"],
            "status": ["reported", "closed"],
            "reported_at": pd.to_datetime(["2026-10-01T08:30:00+08:00"] * 2, utc=True),
            "closed_at": pd.to_datetime([None, "2026-10-02T09:00:00+08:00"], utc=True),
            "description": ["楼道堆物", None],
            "address": ["锦绣小区3号楼2单元", "3-2-501"],
        },
        geometry=shapely.points([500_000, 500_040], [4_860_000, 4_860_030]),
        crs=4551,
    )
    written = check_frame(LAYERS["incidents"], rows).accepted
    path = tmp_path / f"incidents.{format}"
    write_layer(written, path, layer="incidents", format=format)
    read = read_layer(path, layer="incidents", town_crs=written.crs)
    assert (read.n_read, read.n_rejected) == (2, 0)
    back = read.frame.sort_values("incident", ignore_index=True)
    columns = LAYERS["incidents"].column_names
    pd.testing.assert_frame_equal(
        pd.DataFrame(back[columns]), pd.DataFrame(written[columns]).reset_index(drop=True)
    )
    # 7 decimals of degrees: within 6.9 mm
    assert (back.geometry.distance(written.geometry.reset_index(drop=True)) < 0.007).all()

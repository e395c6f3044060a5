"""Files taken under their own column names."""

from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from geo.errors import InputError
from geo.intake import read_frame


def test_read_frame_table_keeps_its_columns_codes_and_order(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("编号,load,地址\n007,2.5,乙\n006,3,甲\n", encoding="gbk")
    frame = read_frame(path)
    assert not isinstance(frame, gpd.GeoDataFrame)
    assert frame["编号"].tolist() == ["007", "006"]
    assert frame["load"].tolist() == [2.5, 3.0]
    assert frame["地址"].tolist() == ["乙", "甲"]


def test_read_frame_places_stay_in_the_file_s_crs(tmp_path: Path) -> None:
    cells = gpd.GeoDataFrame({"cell": [1]}, geometry=[shapely.box(0, 0, 9, 9)], crs=4551)
    cells.to_parquet(tmp_path / "c.parquet")
    frame = read_frame(tmp_path / "c.parquet")
    assert isinstance(frame, gpd.GeoDataFrame)
    assert frame.crs.to_epsg() == 4551
    assert frame.geometry[0].equals(shapely.box(0, 0, 9, 9))


def test_read_frame_row_that_cannot_be_split_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n1,2,3\n")
    with pytest.raises(InputError) as caught:
        read_frame(path)
    assert (caught.value.code, caught.value.params["line"]) == ("table.rows_lost", 2)

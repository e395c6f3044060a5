"""Real files as they were published; figures counted once with other tools (ogrinfo, pandas)."""

from pathlib import Path

import pandas as pd
import pytest
import shapely

from geo.intake import read_layer

DATA = Path(__file__).parents[3] / "shared" / "data"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"REAL DATA ABSENT: {DATA} is not there, so nothing here is tested"
)


@pytest.mark.parametrize(
    ("file", "layer", "n_read", "n_rejected", "epsg"),
    [
        ("beijing_tuanjiehu_sanlitun_hujialou.gpkg", "buildings", 1738, 0, 4548),
        ("beijing_tuanjiehu_sanlitun_hujialou.gpkg", "subdistricts", 3, 0, 4548),
        ("beijing_tuanjiehu_sanlitun_hujialou.gpkg", "compounds", 70, 0, 4548),
        ("beijing_subdistricts.gpkg", "subdistricts", 331, 0, 4548),
        ("changchun_estates_network.gpkg", "compounds", 1409, 0, 4551),
        ("changchun_estates_network.gpkg", "streets", 15325, 0, 4551),
        ("monaco.osm", "buildings", 966, 0, 32632),
        ("monaco.osm", "streets", 860, 0, 32632),
        ("monaco.osm", "barriers", 177, 0, 32632),
        # 3,753 have a blank kind, 24 no place (13 both); of the rest 363 come a second time
        ("chicago_311_sanitation.parquet", "incidents", 74401, 4127, 32616),
    ],
)
def test_read_layer_real_file_is_counted(
    file: str, layer: str, n_read: int, n_rejected: int, epsg: int
) -> None:
    taken = read_layer(DATA / file, layer=layer)
    assert (taken.n_read, taken.n_rejected) == (n_read, n_rejected)
    assert len(taken.frame) == n_read - n_rejected
    assert taken.frame.crs.to_epsg() == epsg


def test_read_layer_beijing_buildings_keep_floors_and_compound() -> None:
    frame = read_layer(DATA / "beijing_chaoyang.gpkg", layer="buildings").frame
    first = frame.iloc[0]
    assert first[["building", "name", "floors", "compound"]].tolist() == [
        "1",
        "东方银座",
        26.0,
        "195",
    ]
    assert frame["households"].isna().all()


def test_read_layer_changchun_households_are_the_published_ones() -> None:
    frame = read_layer(DATA / "changchun_estates_network.gpkg", layer="compounds").frame
    first = frame.set_index("compound").loc["1", ["n_buildings", "households", "people"]]
    assert first.tolist() == [11, 1060, 2417]


def test_read_layer_bd09_estates_fall_on_the_wgs84_ones() -> None:
    path = DATA / "beijing_chaoyang.gpkg"
    raw = read_layer(path, layer="compounds", source_layer="estates_raw_bd09", datum="bd09")
    trusted = read_layer(path, layer="compounds", source_layer="estates")
    gap = shapely.hausdorff_distance(raw.frame.geometry.array, trusted.frame.geometry.array)
    assert float(pd.Series(gap).median()) < 2.0  # metres; unconverted it is above 1,000

"""Real files as they were published; figures counted once with other tools (ogrinfo, pandas)."""

import time
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


def test_read_layer_large_csv_costs_few_times_the_plain_reading(tmp_path: Path) -> None:
    # Measured as a ratio of processor time, since the machine is shared: ours types, checks and
    # projects the rows in about 8 times what pandas needs to parse them.
    n_rows = 60_000
    at = pd.Timestamp("2026-10-01 08:00") + pd.to_timedelta(range(0, n_rows * 10, 10), unit="s")
    fixes = pd.DataFrame(
        {
            "巡查编号": [f"P{i // 240}" for i in range(n_rows)],
            "人员编号": [f"W{i // 240 % 48}" for i in range(n_rows)],
            "日期": at.strftime("%Y-%m-%d"),
            "巡次": [i // 240 % 2 + 1 for i in range(n_rows)],
            "定位时间": at.strftime("%Y-%m-%d %H:%M:%S"),
            "经度": [125.3 + i % 1000 / 1e5 for i in range(n_rows)],
            "纬度": [43.9 + i % 777 / 1e5 for i in range(n_rows)],
        }
    )
    path = tmp_path / "tracks.csv"
    fixes.to_csv(path, index=False)
    started = time.process_time()
    pd.read_csv(path)
    plain = time.process_time() - started
    started = time.process_time()
    taken = read_layer(path, layer="tracks")
    ours = time.process_time() - started
    assert (taken.n_read, taken.n_rejected) == (n_rows, 0)
    assert ours < 25 * plain

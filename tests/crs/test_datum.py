"""GCJ-02 and BD-09: published values, round trips, who is shifted, frames."""

from __future__ import annotations

import time

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geo import crs
from geo.crs import mainland
from geo.errors import ParameterError

METRES_PER_DEGREE = 111_320.0

PAIRS = {
    "wgs84-gcj02": (crs.wgs84_to_gcj02, crs.gcj02_to_wgs84),
    "wgs84-bd09": (crs.wgs84_to_bd09, crs.bd09_to_wgs84),
    "gcj02-bd09": (crs.gcj02_to_bd09, crs.bd09_to_gcj02),
}

SHIFTED = {
    "Beijing": (116.3975, 39.9087),
    "Changchun": (125.3235, 43.8171),
    "Shenzhen": (114.0579, 22.5431),
    "Shenzhen, Luohu port": (114.1135, 22.5318),
    "Shenzhen, Shatoujiao": (114.2290, 22.5550),
    "Zhuhai": (113.5767, 22.2707),
    "Zhuhai, Gongbei": (113.5495, 22.2190),
    "Zhuhai, Hengqin": (113.5200, 22.1250),
    "Xiamen": (118.0894, 24.4798),
    "Xiamen, Gulangyu": (118.0670, 24.4470),
    "Dandong": (124.3920, 40.1290),
    "Hunchun": (130.3660, 42.8620),
    "Sanya": (109.5119, 18.2528),
    "Heihe": (127.5280, 50.2450),
    "Dongxing": (107.9720, 21.5470),
    "Ruili": (97.8520, 24.0120),
    "Kashgar": (75.9900, 39.4700),
    "Tianjin, reclaimed Binhai": (117.7800, 38.9800),
    "Zhoushan, Dongji island": (122.6900, 30.1900),
}
UNSHIFTED = {
    "Seoul": (126.9780, 37.5665),
    "Vladivostok": (131.8855, 43.1155),
    "Hong Kong, Central": (114.1580, 22.2820),
    "Hong Kong, Sheung Shui": (114.1280, 22.5020),
    "Hong Kong, Lo Wu": (114.1130, 22.5275),
    "Macau": (113.5439, 22.1987),
    "Macau, Border Gate": (113.5490, 22.2120),
    "Macau, Cotai": (113.5620, 22.1470),
    "Taipei": (121.5654, 25.0330),
    "Kinmen": (118.3200, 24.4400),
    "Matsu": (119.9400, 26.1600),
    "Pyongyang": (125.7550, 39.0200),
    "Sinuiju": (124.4000, 40.0980),
    "Hanoi": (105.8300, 21.0300),
    "Mong Cai": (107.9660, 21.5230),
    "Lao Cai": (103.9660, 22.4870),
    "Ulaanbaatar": (106.9000, 47.9200),
    "Blagoveshchensk": (127.5300, 50.2700),
    "Khabarovsk": (135.0700, 48.4800),
    "Almaty": (76.9000, 43.2500),
    "Monaco": (7.4246, 43.7384),
    "Chicago": (-87.6298, 41.8781),
}


def _mainland_points(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    lon, lat = rng.uniform(73.5, 134.8, 3 * n), rng.uniform(18.1, 53.6, 3 * n)
    inside = crs.is_mainland(lon, lat)
    return lon[inside][:n], lat[inside][:n]


def _mainland_points_near_the_outline(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of the outline within about 8 km of its edge, all around China."""
    lookup = mainland.load_lookup()
    rng = np.random.default_rng(seed)
    rows, columns = np.nonzero(lookup.states == mainland.NEAR)
    cell = rng.integers(0, len(rows), 3 * n)
    lon = lookup.west + (columns[cell] + rng.random(3 * n)) * mainland.CELL_DEG
    lat = lookup.south + (rows[cell] + rng.random(3 * n)) * mainland.CELL_DEG
    inside = crs.is_mainland(lon, lat)
    return lon[inside][:n], lat[inside][:n]


def _error_m(lon: np.ndarray, lat: np.ndarray, to: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    east = (to[0] - lon) * np.cos(np.radians(lat))
    return np.hypot(east, to[1] - lat) * METRES_PER_DEGREE


# The test vectors of github.com/googollee/eviltransform, latitude first as printed there.
@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [
        ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
        ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),
        ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),
    ],
)
def test_wgs84_to_gcj02_published_points_equal(wgs84, gcj02):
    lon, lat = crs.wgs84_to_gcj02(wgs84[1], wgs84[0])
    assert (lon, lat) == (pytest.approx(gcj02[1], abs=1e-12), pytest.approx(gcj02[0], abs=1e-12))
    lon, lat = crs.gcj02_to_wgs84(gcj02[1], gcj02[0])
    assert (lon, lat) == (pytest.approx(wgs84[1], abs=1e-10), pytest.approx(wgs84[0], abs=1e-10))


# github.com/wandergis/coordtransform, test/app.js; the Rust package geotool, its command line tests
@pytest.mark.parametrize(
    ("gcj02", "bd09"),
    [
        ((116.404, 39.915), (116.41036949371029, 39.92133699351021)),
        ((121.09626935575027, 30.608604331756705), (121.10271732371203, 30.61484572185035)),
    ],
)
def test_gcj02_to_bd09_published_points_equal(gcj02, bd09):
    assert crs.gcj02_to_bd09(*gcj02) == pytest.approx(bd09, abs=1e-12)
    assert crs.bd09_to_gcj02(*bd09) == pytest.approx(gcj02, abs=1e-11)


@pytest.mark.parametrize("pair", PAIRS)
def test_datums_there_and_back_within_a_hundredth_of_a_millimetre(pair):
    there, back = PAIRS[pair]
    lon, lat = _mainland_points(60_000, seed=1)
    assert _error_m(lon, lat, back(*there(lon, lat))).max() < 1e-5
    assert _error_m(lon, lat, there(*back(lon, lat))).max() < 1e-5


@pytest.mark.parametrize("pair", PAIRS)
def test_datums_near_the_outline_there_and_back_within_a_hundredth_of_a_millimetre(pair):
    there, back = PAIRS[pair]
    lon, lat = _mainland_points_near_the_outline(40_000, seed=2)
    assert _error_m(lon, lat, back(*there(lon, lat))).max() < 1e-5


@pytest.mark.parametrize("pair", PAIRS)
def test_datums_numbers_near_the_outline_back_and_there_within_a_hundredth_of_a_millimetre(pair):
    there, back = PAIRS[pair]
    lon, lat = _mainland_points_near_the_outline(40_000, seed=3)
    # Numbers that only a point of Hong Kong, Macau or Taiwan could have are none of the mainland's.
    is_exact = _error_m(lon, lat, there(*back(lon, lat))) < 1e-5
    assert (~is_exact).sum() <= 4
    assert all(22.0 < y < 22.6 for y in lat[~is_exact])


@pytest.mark.parametrize("place", SHIFTED)
def test_wgs84_to_gcj02_mainland_place_moves_by_hundreds_of_metres(place):
    lon, lat = np.array([SHIFTED[place][0]]), np.array([SHIFTED[place][1]])
    moved = crs.wgs84_to_gcj02(lon, lat)
    assert 250.0 < _error_m(lon, lat, moved)[0] < 800.0
    assert _error_m(lon, lat, crs.gcj02_to_wgs84(*moved))[0] < 1e-5


@pytest.mark.parametrize("place", UNSHIFTED)
def test_datums_place_outside_the_mainland_stays(place):
    for there, _ in PAIRS.values():
        assert there(*UNSHIFTED[place]) == UNSHIFTED[place]


@pytest.mark.parametrize("place", ["Seoul", "Vladivostok", "Hong Kong, Central", "Macau, Cotai"])
def test_datums_numbers_outside_the_mainland_stay(place):
    for _, back in PAIRS.values():
        assert back(*UNSHIFTED[place]) == UNSHIFTED[place]


def test_wgs84_to_gcj02_mean_offset_at_changchun_is_576_m():
    # DOMAIN.md: "Changchun's GCJ-02 offset is 576 m on average"
    lon, lat = np.meshgrid(np.linspace(125.2, 125.4, 40), np.linspace(43.8, 43.95, 40))
    assert _error_m(lon, lat, crs.wgs84_to_gcj02(lon, lat)).mean() == pytest.approx(576, rel=0.02)


def test_wgs84_to_gcj02_any_shape_is_kept():
    lon = np.full((2, 3), 116.4)
    moved_lon, moved_lat = crs.wgs84_to_gcj02(lon, 39.9)
    assert moved_lon.shape == moved_lat.shape == (2, 3)
    assert (lon == 116.4).all()
    assert crs.wgs84_to_gcj02([], [])[0].shape == (0,)


def test_gcj02_to_wgs84_not_a_number_stays_so():
    lon, lat = crs.gcj02_to_wgs84([np.nan, 116.4, np.inf], [39.9, np.nan, 39.9])
    assert np.isnan(lon[0])
    assert np.isnan(lat[1])
    assert np.isinf(lon[2])


def test_gcj02_to_wgs84_many_points_cost_few_plain_evaluations():
    lon, lat = _mainland_points(150_000, seed=4)
    crs.gcj02_to_wgs84(lon[:1000], lat[:1000])

    def plain() -> None:  # as many sines as the published formula takes, nothing else
        for factor in (6, 2, 1, 1 / 3, 1 / 12, 1 / 30):
            np.sin(lon * (factor * np.pi))
            np.sin(lat * (factor * np.pi))

    ratio = _seconds(lambda: crs.gcj02_to_wgs84(lon, lat)) / _seconds(plain)
    assert ratio < 8  # measured: 2.2


def _seconds(work) -> float:
    times = []
    for _ in range(3):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def test_convert_datum_polygon_with_hole_height_and_null_comes_back():
    shell = [(116.40, 39.90, 5.0), (116.41, 39.90, 6.0), (116.41, 39.91, 7.0), (116.40, 39.90, 5.0)]
    flat = shapely.Polygon(
        [(116.3, 39.8), (116.5, 39.8), (116.5, 40.0), (116.3, 40.0)],
        [[(116.35, 39.85), (116.45, 39.85), (116.45, 39.95)]],
    )
    truth = gpd.GeoDataFrame(
        {"name": ["有高程", "有洞", "无"]},
        geometry=[shapely.Polygon(shell), flat, None],
        index=[7, 3, 9],
        crs=4326,
    )
    in_bd09 = truth.copy()
    in_bd09["geometry"] = shapely.transform(
        truth.geometry.array, lambda p: _shifted(p, crs.wgs84_to_bd09), include_z=False
    )
    in_bd09.loc[7, "geometry"] = shapely.transform(
        truth.geometry[7], lambda p: _shifted(p, crs.wgs84_to_bd09), include_z=True
    )
    back = crs.convert_datum(in_bd09, datum="bd09")
    assert list(back.index) == [7, 3, 9]
    assert back.crs.to_epsg() == 4326
    assert back.geometry[9] is None
    assert shapely.equals_exact(back.geometry[3], flat, tolerance=1e-9)
    assert shapely.get_coordinates(back.geometry[7], include_z=True)[:, 2].tolist() == [5, 6, 7, 5]
    assert not in_bd09.geometry[3].equals(back.geometry[3])


def _shifted(points: np.ndarray, convert) -> np.ndarray:
    moved = points.copy()
    moved[:, 0], moved[:, 1] = convert(points[:, 0], points[:, 1])
    return moved


def test_convert_datum_projected_gcj02_numbers_end_at_the_true_place():
    lon, lat = crs.wgs84_to_gcj02(125.3, 43.9)
    frame = gpd.GeoDataFrame(geometry=gpd.points_from_xy([lon], [lat], crs=4326)).to_crs(4551)
    point = crs.convert_datum(frame, datum="gcj02").geometry.iloc[0]
    assert (point.x, point.y) == (pytest.approx(125.3, abs=1e-9), pytest.approx(43.9, abs=1e-9))


def test_convert_datum_cgcs2000_or_no_crs_keeps_numbers():
    point = shapely.Point(125.3, 43.9)
    for frame_crs, datum in ((4490, "cgcs2000"), (None, "wgs84"), (None, "cgcs2000")):
        frame = gpd.GeoDataFrame(geometry=[point], crs=frame_crs)
        converted = crs.convert_datum(frame, datum=datum)
        assert converted.crs.to_epsg() == 4326
        assert converted.geometry.iloc[0].equals_exact(point, 1e-9)


def test_convert_datum_empty_frame_is_empty():
    empty = gpd.GeoDataFrame(geometry=gpd.GeoSeries([], crs=4326))
    assert len(crs.convert_datum(empty, datum="gcj02")) == 0


def test_convert_datum_unknown_name_is_refused():
    frame = gpd.GeoDataFrame(geometry=[shapely.Point(116, 40)], crs=4326)
    with pytest.raises(ParameterError) as caught:
        crs.convert_datum(frame, datum="mars")
    assert caught.value.code == "crs.unknown_datum"
    assert caught.value.params["datum"] == "mars"

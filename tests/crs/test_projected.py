"""Which CRS a place gets, and the checks on the way in and out."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from geo import crs
from geo.errors import CrsError, ParameterError


def _points(*places: tuple[float, float], epsg: int | None = 4326) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"name": [str(i) for i in range(len(places))]},
        geometry=[shapely.Point(place) for place in places],
        crs=epsg,
    )


@pytest.mark.parametrize(
    ("lon", "lat", "epsg"),
    [
        (125.32, 43.88, 4551),  # Changchun: central meridian 126, 4534 + (126 - 75) / 3
        (116.40, 39.90, 4548),  # Beijing: 117
        (87.60, 43.80, 4538),  # Urumqi: 87
        (73.90, 39.50, 4534),  # the far west: 75
        (134.60, 48.20, 4554),  # the far east: 135
        (114.06, 22.54, 4547),  # Shenzhen: 114
        (114.16, 22.28, 32650),  # Hong Kong: UTM
        (121.56, 25.03, 32651),  # Taipei
        (126.98, 37.57, 32652),  # Seoul
        (7.42, 43.74, 32632),  # Monaco
        (-87.63, 41.88, 32616),  # Chicago
        (151.2, -33.87, 32756),  # Sydney
        (180.0, 0.0, 32660),
    ],
)
def test_metric_crs_place_gets_its_zone(lon, lat, epsg):
    assert crs.metric_crs((lon, lat, lon, lat)).to_epsg() == epsg


def test_metric_crs_zone_edge_is_half_way_between_meridians():
    # 124.5 lies between 123 and 126; the edge belongs to the eastern zone
    assert crs.metric_crs((124.4999, 43.0, 124.4999, 43.0)).to_epsg() == 4550
    assert crs.metric_crs((124.5, 43.0, 124.5, 43.0)).to_epsg() == 4551


@pytest.mark.parametrize(
    "bounds",
    [(39.9, 116.4, 39.9, 116.4), (np.nan,) * 4, (10, 0, 5, 1), (500000, 4.8e6, 500100, 4.8e6)],
)
def test_metric_crs_bounds_not_in_degrees_are_refused(bounds):
    with pytest.raises(ParameterError) as caught:
        crs.metric_crs(bounds)
    assert caught.value.code == "crs.bounds_not_wgs84"


def test_metric_crs_pole_is_refused():
    with pytest.raises(ParameterError) as caught:
        crs.metric_crs((0, 88, 10, 89))
    assert caught.value.code == "crs.polar"


@pytest.mark.parametrize(
    ("epsg", "code"),
    [
        (None, "crs.missing"),
        (4326, "crs.not_projected"),
        (4490, "crs.not_projected"),
        (2263, "crs.not_projected"),  # New York, US survey feet
        (3857, "crs.distorted"),
    ],
)
def test_check_metric_unsuitable_crs_is_refused(epsg, code):
    with pytest.raises(CrsError) as caught:
        crs.check_metric(_points((1, 1), epsg=epsg), "cells")
    assert caught.value.code == code
    assert caught.value.params["name"] == "cells"


@pytest.mark.parametrize("epsg", [4551, 4530, 32632])
def test_check_metric_metres_pass(epsg):
    crs.check_metric(_points((500000, 4.8e6), epsg=epsg), "cells")
    crs.check_metric(_points((500000, 4.8e6), epsg=epsg).geometry, "cells")


def test_to_metric_degrees_get_the_zone_of_their_ground():
    # On the central meridian the easting is 500 km: EPSG:4551 is 126 E.
    there = crs.to_metric(_points((126.0, 43.9), (126.0, 43.91)))
    assert there.crs.to_epsg() == 4551
    assert there.geometry.x.tolist() == [pytest.approx(500_000, abs=1e-6)] * 2
    # 0.01 degrees of meridian at 43.9 N: M = a(1-e2)/(1-e2 sin2)^1.5 = 6366200 m; * 0.01 deg
    assert there.geometry.y.diff().iloc[1] == pytest.approx(1111.1, abs=0.1)


def test_to_metric_prefixed_zone_loses_its_prefix():
    frame = _points((42_500_123.0, 4_860_000.0), epsg=4530)
    there = crs.to_metric(frame)
    assert there.crs.to_epsg() == 4551
    assert there.geometry.x.iloc[0] == pytest.approx(500_123.0, abs=1e-6)
    assert there.geometry.y.iloc[0] == pytest.approx(4_860_000.0, abs=1e-6)
    assert frame.crs.to_epsg() == 4530


def test_to_metric_metres_stay_and_named_crs_is_obeyed():
    frame = _points((500_123.0, 4_860_000.0), epsg=4551)
    assert crs.to_metric(frame).crs.to_epsg() == 4551
    assert crs.to_metric(frame, crs="EPSG:32652").crs.to_epsg() == 32652
    with pytest.raises(CrsError) as caught:
        crs.to_metric(frame, crs=4326)
    assert caught.value.code == "crs.not_projected"


def test_to_metric_web_mercator_is_left_for_metres_on_the_ground():
    frame = _points((126.0, 43.9)).to_crs(3857)
    assert crs.to_metric(frame).crs.to_epsg() == 4551


@pytest.mark.parametrize("convert", [crs.to_metric, crs.to_wgs84])
def test_to_metric_without_crs_is_refused(convert):
    with pytest.raises(CrsError) as caught:
        convert(_points((126, 43), epsg=None))
    assert caught.value.code == "crs.missing"


def test_to_metric_swapped_axes_are_refused():
    with pytest.raises((CrsError, ParameterError)) as caught:
        crs.to_metric(_points((43.9, 126.0)))
    assert caught.value.code == "crs.bounds_not_wgs84"
    with pytest.raises(CrsError) as caught:
        crs.to_metric(_points((126.0, 43.9), (43.9, 126.0)), crs=4551)
    assert caught.value.code == "crs.outside"
    assert caught.value.params["count"] == 1


def test_to_metric_frame_of_nothing_needs_a_named_crs():
    empty = _points()
    with pytest.raises(CrsError) as caught:
        crs.to_metric(empty)
    assert caught.value.code == "crs.no_coordinates"
    assert crs.to_metric(empty, crs=4551).crs.to_epsg() == 4551


def test_to_wgs84_there_and_back_within_a_micrometre():
    frame = _points((125.3, 43.9), (125.4, 43.8))
    back = crs.to_wgs84(crs.to_metric(frame))
    assert back.crs.to_epsg() == 4326
    assert shapely.distance(back.geometry.array, frame.geometry.array).max() < 1e-11


@pytest.mark.parametrize(
    ("bounds", "epsg"),
    [
        ((42_400_000, 4_800_000, 42_600_000, 4_900_000), 4530),
        ((25_400_000, 4_800_000, 25_600_000, 4_900_000), 4513),
        ((21_400_000, 4_800_000, 21_600_000, 4_900_000), 4499),  # 6 degrees: zone 21, 123 E
        ((400_000, 4_800_000, 600_000, 4_900_000), None),
        ((41_900_000, 4_800_000, 42_100_000, 4_900_000), None),
        ((42_400_000, 4_800_000, 42_600_000, 9_900_000), None),
        ((np.nan,) * 4, None),
    ],
)
def test_projected_crs_of_bounds_tell_a_prefixed_zone(bounds, epsg):
    found = crs.projected_crs_of(bounds)
    assert (None if found is None else found.to_epsg()) == epsg
    if found is not None:
        assert "CGCS2000" in found.name

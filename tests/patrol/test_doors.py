"""Homes passed by a straight walk along y = 0 from x = 0 to 100."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from geo.patrol.doors import household_share, passed

CRS = "EPSG:4549"
X, Y = 500_000.0, 4_400_000.0


def walk(seconds: tuple[int, int] = (0, 60)) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "patrol": "P",
            "worker": "W",
            "day": pd.Timestamp("2026-05-04"),
            "round": 1,
            "at": pd.Timestamp("2026-05-04T01:00Z") + pd.to_timedelta(seconds, unit="s"),
        },
        geometry=[shapely.Point(X, Y), shapely.Point(X + 100, Y)],
        crs=CRS,
    )


def homes() -> gpd.GeoDataFrame:
    """Footprints whose nearest side is 10 m, 20 m and 21 m north of the walk's middle."""
    return gpd.GeoDataFrame(
        {"households": [10, 20, 30]},
        geometry=[shapely.box(X + 40, Y + gap, X + 60, Y + gap + 10) for gap in (10, 20, 21)],
        crs=CRS,
    )


def test_passed_reach_counts_up_to_the_nearest_wall() -> None:
    assert passed(homes(), walk(), reach_m=20).tolist() == [True, True, False]


def test_passed_gap_is_not_walked_through() -> None:
    # 100 m in 10 minutes of silence: only the two ends count, and no home is within 20 m of them
    assert passed(homes(), walk((0, 600)), reach_m=20).tolist() == [False, False, False]


def test_household_share_weighs_homes_by_their_households() -> None:
    assert household_share(homes(), walk(), reach_m=20) == pytest.approx(30 / 60)


def test_household_share_without_households_is_none() -> None:
    assert household_share(homes().assign(households=0), walk(), reach_m=20) is None


def test_passed_empty_track_passes_nothing() -> None:
    assert not passed(homes(), walk().iloc[:0], reach_m=20).any()

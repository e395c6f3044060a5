"""Homes passed by a straight walk along y = 0 from x = 0 to 100."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from geo.patrol.doors import household_share, passed, visited

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


def checkins_at(*rows: tuple[float, float, str | None, str]) -> gpd.GeoDataFrame:
    """Check-ins (x, y from the walk's start, building, time of 4 May)."""
    return gpd.GeoDataFrame(
        {
            "checkin": [f"C{number}" for number in range(len(rows))],
            "building": pd.array([row[2] for row in rows], dtype="str"),
            "at": pd.to_datetime([f"2026-05-04T{row[3]}Z" for row in rows]),
        },
        geometry=[shapely.Point(X + row[0], Y + row[1]) for row in rows],
        crs=CRS,
    )


def test_visited_counts_near_far_and_nearest_for_no_name() -> None:
    buildings = homes().assign(building=["A", "B", "C"])  # walls from y = 10, 20 and 21 on
    checkins = checkins_at(
        (50, 5, "A", "01:00"),  # 5 m from A
        (50, 12, "A", "03:00"),  # inside A
        (50, -500, "B", "02:00"),  # 520 m from B
        (50, 35, None, "04:00"),  # names none; C ends at y = 31, 4 m from it
        (50, 5, "unknown", "05:00"),  # no such building
    )
    found = visited(buildings, checkins)
    assert found["n_checkins"].tolist() == [2, 1, 1]
    assert found["n_near"].tolist() == [2, 0, 1]
    assert found["verdict"].tolist() == ["covered", "cannot_tell", "covered"]
    assert found["last_at"].iloc[0] == pd.Timestamp("2026-05-04T03:00Z")


def test_visited_without_checkins_or_buildings() -> None:
    buildings = homes().assign(building=["A", "B", "C"])
    none = checkins_at((0, 0, "A", "01:00")).iloc[:0]
    assert visited(buildings, none)["verdict"].tolist() == ["missed"] * 3
    assert len(visited(buildings.iloc[:0], checkins_at((0, 0, "A", "01:00")))) == 0


def test_visited_without_a_place_counts_as_said() -> None:
    buildings = homes().assign(building=["A", "B", "C"])
    checkins = checkins_at((0, 0, "A", "01:00"), (0, 0, None, "01:00"))
    checkins["geometry"] = gpd.GeoSeries([None, None], crs=CRS)
    assert visited(buildings, checkins)["n_near"].tolist() == [1, 0, 0]

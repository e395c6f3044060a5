"""The made-up town's planted trouble: how much of it is found, and how much else."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from boundaries.demo import generate
from boundaries.demo.town import Town
from geo.hotspots.campaigns.pain_points import pain_points
from geo.hotspots.counts.exposure import exposure_from_points, ground_exposure
from geo.hotspots.counts.lattice import lattice_over

SIDE_M = 50.0
NO_CASES = ("duplicate", "void", "rejected")
YEAR = ("2025-11-01", "2026-10-31")


@pytest.fixture(scope="module")
def town() -> Town:
    return generate()


def points_of(town: Town, first: str, last: str) -> gpd.GeoDataFrame:
    """Pain points of the town as a page would ask for them."""
    lattice = lattice_over(
        town.subdistricts.geometry.item(), cell_size_m=SIDE_M, crs=town.incidents.crs
    )
    middle = town.buildings.geometry.centroid
    households = exposure_from_points(
        lattice, middle.x.to_numpy(), middle.y.to_numpy(), town.buildings["households"].to_numpy()
    )
    along = shapely.get_coordinates(town.streets.geometry.segmentize(5.0).array)
    incidents = town.incidents[~town.incidents["status"].isin(NO_CASES)]
    local = incidents["reported_at"].dt.tz_convert("Asia/Shanghai").dt.tz_localize(None)
    return pain_points(
        incidents.assign(day=local.dt.normalize()),
        lattice=lattice,
        first=first,
        last=last,
        now=pd.Timestamp(last, tz="Asia/Shanghai") + pd.Timedelta(days=1),
        households=households,
        sources={
            "households": households,
            "streets": exposure_from_points(lattice, along[:, 0], along[:, 1]),
            "ground": ground_exposure(lattice),
        },
    )


def spots_of(town: Town, points: gpd.GeoDataFrame) -> list[set[str]]:
    """Of each point the planted spots of its category that it lies at: within a cell of them."""
    truth = town.hotspot_truth
    found = []
    for point in points.itertuples():
        is_near = truth.geometry.distance(point.geometry) <= truth["radius_m"] + SIDE_M
        found.append(set(truth.loc[is_near & (truth["category"] == point.category), "spot"]))
    return found


def test_pain_points_of_a_year_are_the_planted_ones(town: Town) -> None:
    points = points_of(town, *YEAR)
    found = spots_of(town, points)
    assert set().union(*found) == set(town.hotspot_truth["spot"])
    # At a share of 5%, of about 12 places at most one or two should be false.
    assert sum(not spots for spots in found) <= 2
    assert points["is_recurring"].all() and points["overdue_share"].between(0, 1).all()


def test_pain_points_of_a_quarter_hold_what_ran_then(town: Town) -> None:
    points = points_of(town, "2026-05-01", "2026-07-31")
    found = spots_of(town, points)
    # H01 to H08 ran in these months; H09 to H12 did not.
    assert set().union(*found) == {f"H{k:02d}" for k in range(1, 9)}
    assert sum(not spots for spots in found) <= 1

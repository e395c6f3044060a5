"""Where incidents can happen: doors of homes, yards of compounds, points along the streets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from boundaries.demo.layers import Drawn, house_number, placed
from boundaries.demo.skeleton import ORIGIN_M

STREET_PULL = {"primary": 3.0, "secondary": 2.2, "tertiary": 1.5, "residential": 1.0}
"""How much goes on along a metre of street, by its class."""

MARKET_PULL = 2.5
MARKET_REACH_M = 90.0
STEP_M = 12.0
OLD_FLOORS = 7
"""Homes of at most this many floors are old ones, and report more."""


def home_places(
    buildings: pd.DataFrame, entrances: pd.DataFrame, compounds: pd.DataFrame
) -> pd.DataFrame:
    """A row per entrance where people live: x, y, weight and the parts of its address."""
    estate = compounds.set_index("compound")["name"]
    rows = entrances.merge(
        buildings[["building", "compound", "number", "street", "floors"]].rename(
            columns={"number": "house"}
        ),
        on="building",
    )
    xy = shapely.get_coordinates(rows["geometry"].to_numpy())
    table = pd.DataFrame(
        {
            "x": xy[:, 0],
            "y": xy[:, 1],
            "weight": rows["households"].to_numpy(float)
            * np.where(rows["floors"] <= OLD_FLOORS, 1.25, 0.8),
            "building": rows["building"].to_numpy(),
            "entrance": rows["entrance"].to_numpy(),
            "estate": rows["compound"].map(estate).to_numpy(),
            "house": rows["house"].astype("Int64").fillna(0).to_numpy(int),
            "door": rows["number"].astype(int).to_numpy(),
            "floors": rows["floors"].astype(int).to_numpy(),
            "street": rows["street"].to_numpy(),
            "street_no": 0,
        }
    )
    return table[(table["weight"] > 0) & (table["house"] > 0)].reset_index(drop=True)


def yard_places(homes: pd.DataFrame, drawn: Drawn) -> pd.DataFrame:
    """Points along the lanes of compounds, each said by the nearest home; as `home_places`."""
    lanes = np.array([s.line for s in drawn.segments if s.source.startswith("lot:")])
    points, _ = _along(placed(lanes))
    doors = shapely.points(homes[["x", "y"]].to_numpy())
    nearest, distance = shapely.STRtree(doors).query_nearest(
        points, return_distance=True, all_matches=False
    )
    xy = shapely.get_coordinates(points)
    near = homes.iloc[nearest[1]].reset_index(drop=True)
    table = near.assign(x=xy[:, 0], y=xy[:, 1], door=0, entrance=None)
    return table[distance < 40.0].reset_index(drop=True)


def street_places(drawn: Drawn, sites: pd.DataFrame) -> pd.DataFrame:
    """Points along named streets with house numbers, busier on main ones and by the markets."""
    segments = [s for s in drawn.segments if s.source in drawn.street_names]
    lines = np.array([s.line for s in segments])
    points, of = _along(lines)
    xy = shapely.get_coordinates(points) + np.array(ORIGIN_M)
    roads = {road.key: road.line for road in drawn.terrain.roads}
    source = np.array([s.source for s in segments])[of]
    distance = shapely.line_locate_point(np.array([roads[key] for key in source]), points)
    pull = np.array([STREET_PULL[s.kind] for s in segments])[of]
    markets = shapely.union_all(sites.loc[sites["kind"] == "market", "geometry"].to_numpy())
    to_market = shapely.distance(shapely.points(xy), markets)
    weight = pull * (1 + MARKET_PULL * np.exp(-to_market / MARKET_REACH_M))
    return pd.DataFrame(
        {
            "x": xy[:, 0],
            "y": xy[:, 1],
            "weight": weight,
            "building": None,
            "entrance": None,
            "estate": None,
            "house": 0,
            "door": 0,
            "floors": 0,
            "street": [drawn.street_names[key][0] for key in source],
            "street_no": [house_number(d, is_left=k % 2 == 0) for k, d in enumerate(distance)],
        }
    )


def _along(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points every STEP_M along the lines, and the line of each."""
    count = np.maximum(1, (shapely.length(lines) / STEP_M).astype(int))
    of = np.repeat(np.arange(len(lines)), count)
    first = np.repeat(np.cumsum(count) - count, count)
    share = (np.arange(len(of)) - first + 0.5) / count[of]
    return shapely.line_interpolate_point(lines[of], share, normalized=True), of

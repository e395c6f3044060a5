"""The town's layers prepared for drawing: world coordinates from 0 to 1, in spatial indexes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.crs import to_wgs84

BASE_LAYERS = (
    "subdistricts",
    "communities",
    "compounds",
    "sites",
    "buildings",
    "streets",
    "barriers",
)
"""The layers that the base map draws; its tiles change when one of these does."""

MAX_LATITUDE = 85.0511287798066
"""Degrees; where web Mercator's square ends."""


def to_world(coordinates: np.ndarray) -> np.ndarray:
    """Web Mercator scaled to 0..1, y down, of (n, 2) WGS84 longitudes and latitudes."""
    x = coordinates[:, 0] / 360.0 + 0.5
    latitude = np.radians(np.clip(coordinates[:, 1], -MAX_LATITUDE, MAX_LATITUDE))
    y = 0.5 - np.arcsinh(np.tan(latitude)) / (2 * np.pi)
    return np.column_stack([x, y])


@dataclass(frozen=True)
class Shapes:
    """Geometries in world coordinates with the table that styles them, and their index."""

    table: pd.DataFrame
    geometry: np.ndarray
    index: shapely.STRtree

    def touching(self, box: shapely.Polygon) -> np.ndarray:
        """Positions of the shapes that touch the box, in table order."""
        return np.sort(self.index.query(box))


class Scene:
    """Everything the base map draws, read once per revision of the layers."""

    def __init__(self, read: Callable[[str], gpd.GeoDataFrame]) -> None:
        frames = {layer: read(layer) for layer in BASE_LAYERS}
        barriers = frames["barriers"]
        self.town = _shapes(_town(frames))
        self.compounds = _shapes(_polygons(frames["compounds"]))
        self.sites = _shapes(_polygons(frames["sites"]))
        self.buildings = _shapes(frames["buildings"])
        self.streets = _shapes(frames["streets"])
        self.water = _shapes(barriers[barriers["kind"] == "water"])
        self.rails = _shapes(barriers[barriers["kind"] == "rail"])
        self.walls = _shapes(barriers[barriers["kind"] == "wall"])
        self.places = _shapes(_named(frames["compounds"], frames["sites"]))
        self.metres_per_world = self._metres_per_world(frames)

    @staticmethod
    def _metres_per_world(frames: Mapping[str, gpd.GeoDataFrame]) -> float:
        """Ground length of one world unit at the town's latitude, metres."""
        for frame in frames.values():
            if len(frame):
                latitude = float(to_wgs84(frame.iloc[:1]).total_bounds[1])
                return 40_075_016.686 * float(np.cos(np.radians(latitude)))
        return 40_075_016.686


def _town(frames: Mapping[str, gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    return frames["subdistricts"] if len(frames["subdistricts"]) else frames["communities"]


def _polygons(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame[frame.geom_type.isin(["Polygon", "MultiPolygon"])]


def _named(*frames: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The named rows of all frames, larger places first."""
    named = [frame.loc[frame["name"].notna(), ["name", "geometry"]] for frame in frames]
    places = pd.concat([frame for frame in named if len(frame)] or named[:1], ignore_index=True)
    order = np.argsort(-places.area.to_numpy(), kind="stable")
    return places.iloc[order]


def _shapes(frame: gpd.GeoDataFrame) -> Shapes:
    if len(frame):
        geometry = shapely.transform(to_wgs84(frame).geometry.to_numpy(), to_world)
    else:
        geometry = np.array([], dtype=object)
    table = pd.DataFrame(frame.drop(columns="geometry")).reset_index(drop=True)
    return Shapes(table, geometry, shapely.STRtree(geometry))

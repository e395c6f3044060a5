"""The ground that planning divides: communities where known, else what stands in for them."""

from __future__ import annotations

import geopandas as gpd
import shapely
from shapely.geometry.base import BaseGeometry

from geo.errors import NotFoundError
from geo.store import Store

HULL_MARGIN_M = 30.0
"""How far beyond its buildings a town without any outline reaches."""


def within(store: Store) -> gpd.GeoDataFrame:
    """The areas a grid may not leave: key column `community`, `name`, geometry.

    Communities; where there are none, subdistricts stand in for them; where there are none
    either, one area drawn around the buildings or compounds.

    Raises
    ------
    NotFoundError : the store holds none of these layers
    """
    communities = store.read("communities", columns=["community", "name", "geometry"])
    if len(communities):
        return communities
    subdistricts = store.read("subdistricts", columns=["subdistrict", "name", "geometry"])
    if len(subdistricts):
        return subdistricts.rename(columns={"subdistrict": "community"})
    for layer in ("buildings", "compounds"):
        frame = store.read(layer, columns=["geometry"])
        if len(frame):
            outline = _around(frame)
            return gpd.GeoDataFrame(
                {"community": ["A"], "name": [None]}, geometry=[outline], crs=frame.crs
            )
    raise NotFoundError(
        "ground.nothing",
        "planning needs communities, subdistricts, buildings or compounds; the store has none. "
        "Import one of these layers first.",
    )


def outline(store: Store) -> BaseGeometry:
    """The union of `within` as one polygon or multipolygon, in the store's CRS."""
    return shapely.union_all(within(store).geometry.to_numpy())


def _around(frame: gpd.GeoDataFrame) -> BaseGeometry:
    joined = shapely.union_all(frame.geometry.to_numpy())
    hull = shapely.concave_hull(joined, ratio=0.3, allow_holes=False)
    return shapely.buffer(hull, HULL_MARGIN_M, join_style="mitre").simplify(1.0)

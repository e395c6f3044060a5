"""What people call a place: the site, compound or street that it lies in or beside."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.store import Store

REACH_M: tuple[tuple[str, float], ...] = (
    ("sites", 60.0),
    ("compounds", 20.0),
    ("streets", 60.0),
    ("compounds", 250.0),
    ("communities", 500.0),
)
"""Layers whose names are tried in this order, with how far from it a place still is "at" it."""


def describe(store: Store, places: gpd.GeoSeries) -> pd.DataFrame:
    """For each place, in its order: `name`, `name_en` and `kind` (layer) of what it lies at.

    The nearest named row of the first layer of `REACH_M` within reach; null where there is none.

    Parameters
    ----------
    places : points in the store's CRS
    """
    told = pd.DataFrame(
        {"name": None, "name_en": None, "kind": None}, index=places.index, dtype="object"
    )
    points = gpd.GeoDataFrame(geometry=places.reset_index(drop=True), crs=places.crs)
    for layer, reach_m in REACH_M:
        open_rows = np.flatnonzero(told["kind"].isna().to_numpy())
        if not len(open_rows):
            break
        named = store.read(layer, columns=["name", "name_en", "geometry"])
        named = named[named["name"].notna()]
        if named.empty:
            continue
        found = points.iloc[open_rows].sjoin_nearest(named, max_distance=reach_m)
        found = found[~found.index.duplicated()]
        at = told.index[found.index]
        told.loc[at, ["name", "name_en"]] = found[["name", "name_en"]].to_numpy(dtype=object)
        told.loc[at, "kind"] = layer
    return told

"""Find a place or a grid by what a person types."""

from __future__ import annotations

import unicodedata

import geopandas as gpd
import pandas as pd

from geo.services import plans
from geo.store import Store

_SOURCES = (
    ("communities", "community", ("name", "community")),
    ("compounds", "compound", ("name", "compound")),
    ("sites", "site", ("name",)),
    ("streets", "street", ("name",)),
    ("gazetteer", "place", ("address", "name")),
    ("buildings", "building", ("address", "name", "building")),
)


def find(store: Store, text: str, *, limit: int = 10) -> gpd.GeoDataFrame:
    """Places whose code, name or address holds the text: `kind`, `key`, `label`, geometry (point).

    Grid codes first, then communities, compounds, streets and addresses; inside each, labels
    that start with the text before those that hold it, shorter before longer.
    """
    wanted = unicodedata.normalize("NFKC", text).strip().casefold()
    empty = gpd.GeoDataFrame({"kind": [], "key": [], "label": []}, geometry=[], crs=store.crs)
    if not wanted:
        return empty
    found = [_matches(_grids(store), "grid", ("grid", "grid", "name"), wanted)]
    for layer, key, columns in _SOURCES:
        if sum(map(len, found)) >= limit:
            break
        found.append(_matches(store.read(layer), layer, (key, *columns), wanted))
    rows = [part for part in found if len(part)]
    if not rows:
        return empty
    joined = pd.concat(rows, ignore_index=True).drop_duplicates(["kind", "label"])
    return gpd.GeoDataFrame(joined.head(limit), geometry="geometry", crs=store.crs)


def _grids(store: Store) -> gpd.GeoDataFrame:
    plan = plans.current(store)
    return store.read("grids", where={"plan": plan}) if plan else store.read("grids", limit=0)


def _matches(
    frame: gpd.GeoDataFrame, kind: str, columns: tuple[str, ...], wanted: str
) -> gpd.GeoDataFrame:
    """Rows where a column holds the text; the first of `columns` is the key, the others labels."""
    key, *labels = columns
    parts = []
    for column in labels:
        folded = frame[column].fillna("").str.normalize("NFKC").str.casefold()
        is_match = folded.str.contains(wanted, regex=False)
        hits = frame[is_match]
        parts.append(
            gpd.GeoDataFrame(
                {
                    "kind": kind,
                    "key": hits[key],
                    "label": hits[column],
                    "rank": (~folded[is_match].str.startswith(wanted)).astype(int),
                    "size": hits[column].str.len(),
                },
                geometry=hits.representative_point().array,
                crs=frame.crs,
            )
        )
    joined = pd.concat(parts, ignore_index=True).sort_values(["rank", "size"], kind="stable")
    found: gpd.GeoDataFrame = joined.drop_duplicates("key")
    return found.drop(columns=["rank", "size"])

"""Find a place or a grid by what a person types."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

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
"""Layer, its key, and the columns in which a text is looked for, in the order of answers."""

MOST_ANSWERS = 50
"""Answers taken of one layer, whatever the limit asked for."""


def find(store: Store, text: str, *, limit: int = 10) -> gpd.GeoDataFrame:
    """Places whose code, name or address holds the text: `kind`, `key`, `label`, geometry (point).

    Grid codes first, then communities, compounds, sites, streets and addresses; inside each,
    labels that start with the text before those that hold it, shorter before longer. Places of
    one kind with the same label are one answer.
    """
    wanted = unicodedata.normalize("NFKC", text).strip().casefold()
    found: list[gpd.GeoDataFrame] = []
    plan = plans.current(store)
    if wanted and plan is not None:
        found.append(_look(store, "grids", "grid", ("grid", "name"), wanted, {"plan": plan}))
    for layer, key, columns in _SOURCES if wanted else ():
        if sum(map(len, found)) >= limit:
            break
        found.append(_look(store, layer, key, columns, wanted, {}))
    rows = [part for part in found if len(part)]
    if not rows:
        return gpd.GeoDataFrame({"kind": [], "key": [], "label": []}, geometry=[], crs=store.crs)
    joined = pd.concat(rows, ignore_index=True).head(limit)
    return gpd.GeoDataFrame(joined, geometry="geometry", crs=store.crs)


def _look(  # noqa: PLR0917 - one row of the table above, and what is asked
    store: Store,
    layer: str,
    key: str,
    columns: tuple[str, ...],
    wanted: str,
    where: Mapping[str, Any],
) -> gpd.GeoDataFrame:
    """The answers of one layer; geometry is read for them alone."""
    names = store.read(layer, columns=list(dict.fromkeys([key, *columns])), where=where)
    hits = _matches(names, key, columns, wanted)
    places = store.read(layer, columns=[key, "geometry"], where={**where, key: list(hits["key"])})
    points = places.set_index(key).geometry.representative_point()
    kind = "grid" if layer == "grids" else layer
    return gpd.GeoDataFrame(
        hits.assign(kind=kind)[["kind", "key", "label"]],
        geometry=points.reindex(hits["key"]).array,
        crs=store.crs,
    )


def _matches(names: pd.DataFrame, key: str, columns: tuple[str, ...], wanted: str) -> pd.DataFrame:
    """`key` and `label` of the rows in which a column holds the text, best first."""
    parts = []
    for column in columns:
        folded = names[column].fillna("").str.normalize("NFKC").str.casefold()
        is_hit = folded.str.contains(wanted, regex=False)
        labels = names.loc[is_hit, column]
        parts.append(
            pd.DataFrame(
                {
                    "key": names.loc[is_hit, key],
                    "label": labels,
                    "holds": ~folded[is_hit].str.startswith(wanted),
                    "size": labels.str.len(),
                }
            )
        )
    joined = pd.concat(parts, ignore_index=True).sort_values(["holds", "size"], kind="stable")
    return joined.drop_duplicates("key").drop_duplicates("label").head(MOST_ANSWERS)

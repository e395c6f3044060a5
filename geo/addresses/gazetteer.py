"""The town's register of places, made from its compounds, buildings, entrances and streets."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.addresses.forms import to_number
from geo.schema import LAYERS, check_frame, empty_frame


def build(
    compounds: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    entrances: gpd.GeoDataFrame,
    streets: gpd.GeoDataFrame,
    *,
    sites: gpd.GeoDataFrame | None = None,
) -> gpd.GeoDataFrame:
    """Rows of the `gazetteer` layer: named compounds, sites and streets, buildings, entrances.

    A compound or building is placed at a point on its own ground, a street in the middle of its
    longest segment. A building with neither number, name nor address has no row, nor has a compound
    or street without a name. Place codes are the kind, a slash and the key in its layer.

    Parameters
    ----------
    compounds, buildings, entrances, streets, sites : frames of these layers, in one CRS; each may
        be empty
    """
    names = compounds.set_index("compound")["name"]
    known = _buildings(buildings, names)
    parts = [_grounds(compounds, "compound"), known]
    parts += [_entrances(entrances, known), _streets(streets)]
    if sites is not None:
        parts.append(_grounds(sites.drop_duplicates("name"), "site"))
    filled = [part for part in parts if len(part)]
    if not filled:
        return empty_frame(LAYERS["gazetteer"], crs=buildings.crs)
    rows = gpd.GeoDataFrame(pd.concat(filled, ignore_index=True), crs=filled[0].crs)
    return check_frame(LAYERS["gazetteer"], rows).accepted


def _grounds(grounds: gpd.GeoDataFrame, kind: str) -> gpd.GeoDataFrame:
    named = grounds[grounds["name"].notna()]
    return gpd.GeoDataFrame(
        {
            "place": f"{kind}/" + named[kind],
            "kind": kind,
            "name": named["name"],
            "compound": named["name"] if kind == "compound" else None,
            "address": named["name"],
        },
        geometry=named.representative_point(),
    )


def _buildings(buildings: gpd.GeoDataFrame, names: pd.Series) -> gpd.GeoDataFrame:
    compound = buildings["compound"].map(names).astype("str")
    number = buildings["number"].map(to_number, na_action="ignore").astype("str")
    address = buildings["address"].fillna(compound + number + "号楼")
    rows = gpd.GeoDataFrame(
        {
            "place": "building/" + buildings["building"],
            "kind": "building",
            "name": buildings["name"],
            "compound": compound,
            "building": number,
            "address": address,
        },
        geometry=buildings.representative_point(),
    )
    return rows[rows[["name", "address"]].notna().any(axis=1)]


def _entrances(entrances: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    owners = buildings.set_index("place")
    owner = "building/" + entrances["building"]
    number = entrances["number"].map(to_number, na_action="ignore").astype("str")
    rows = gpd.GeoDataFrame(
        {
            "place": "entrance/" + entrances["entrance"],
            "kind": "entrance",
            "compound": owner.map(owners["compound"]).astype("str"),
            "building": owner.map(owners["building"]).astype("str"),
            "entrance": number,
            "address": (owner.map(owners["address"]) + number + "单元").astype("str"),
        },
        geometry=entrances.geometry,
    )
    return rows[rows["address"].notna()]


def _streets(streets: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    named = streets[streets["name"].notna()]
    length = pd.Series(shapely.length(named.geometry.array), index=named.index)
    longest = named.loc[length.sort_values(ascending=False, kind="stable").index]
    longest = longest.drop_duplicates("name").sort_values("name")
    lines = longest.geometry.to_numpy()
    parts, owner = shapely.get_parts(lines, return_index=True)
    by_length = np.lexsort([shapely.length(parts), owner])
    is_last = np.append(np.diff(owner[by_length]) > 0, True)[: len(parts)]
    middles = shapely.line_interpolate_point(parts[by_length[is_last]], 0.5, normalized=True)
    return gpd.GeoDataFrame(
        {
            "place": "street/" + longest["name"],
            "kind": "street",
            "name": longest["name"],
            "address": longest["name"],
        },
        geometry=gpd.GeoSeries(middles, index=longest.index, crs=streets.crs),
    )

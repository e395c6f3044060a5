"""Grounds with names, and the register of standard addresses (gazetteer)."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from boundaries.demo import names
from boundaries.demo.layers import Drawn, frame
from geo.schema import LAYERS, check_frame

UNNAMED = {"green": ("滨河绿地", "Riverside Green"), "sports": ("运动场", "Sports Ground")}


def sites(drawn: Drawn) -> gpd.GeoDataFrame:
    """Parks, schools, the hospital, markets, offices, squares, lawns and running tracks."""
    rows: list[tuple[str, tuple[str | None, str | None], Any]] = []
    for lot in drawn.lots:
        for kind, shape in lot.grounds:
            is_garden = lot.block.kind == "homes"
            named = (None, None) if is_garden else lot.block.name or UNNAMED["green"]
            if kind in UNNAMED and lot.block.name:
                zh, latin = UNNAMED[kind] if kind == "sports" else ("绿地", "Lawn")
                named = (lot.block.name[0] + zh, f"{lot.block.name[1]} {latin}")
            rows.append((kind, named, lot.outward(shape)))
    return frame(
        "sites",
        {
            "site": [f"P{k + 1:03d}" for k in range(len(rows))],
            "kind": [kind for kind, _, _ in rows],
            "name": [zh for _, (zh, _), _ in rows],
            "name_en": [latin for _, (_, latin), _ in rows],
        },
        [shape for _, _, shape in rows],
    )


def gazetteer(
    *,
    compounds: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    entrances: gpd.GeoDataFrame,
    streets: gpd.GeoDataFrame,
    grounds: gpd.GeoDataFrame,
) -> gpd.GeoDataFrame:
    """Every compound, building, entrance, named street and named site with its full address."""
    estate = compounds.set_index("compound")["name"]
    homes = buildings.assign(compound=buildings["compound"].map(estate))
    doors = entrances.merge(
        homes[["building", "compound", "number", "address"]].rename(columns={"number": "house"}),
        on="building",
    )
    streets = streets[streets["name"].notna()].dissolve("name").reset_index()
    grounds = grounds[grounds["name"].notna()].drop_duplicates("name")
    parts = [
        _places(
            "compound", compounds, "compound", name=compounds["name"], estate=compounds["name"]
        ),
        _places(
            "building",
            homes,
            "building",
            name=homes["name"],
            estate=homes["compound"],
            house=homes["number"],
            address=homes["address"],
        ),
        _places(
            "entrance",
            doors,
            "entrance",
            name=doors["address"] + doors["number"] + "单元",
            estate=doors["compound"],
            house=doors["house"],
            door=doors["number"],
            address=doors["address"] + doors["number"] + "单元",
        ),
        _places("street", streets, "street", name=streets["name"]),
        _places("site", grounds, "site", name=grounds["name"]),
    ]
    table = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=buildings.crs)
    checked = check_frame(LAYERS["gazetteer"], table)
    assert isinstance(checked.accepted, gpd.GeoDataFrame)
    return checked.accepted


def _places(
    kind: str,
    rows: gpd.GeoDataFrame,
    key: str,
    *,
    name: pd.Series,
    estate: pd.Series | None = None,
    house: pd.Series | None = None,
    door: pd.Series | None = None,
    address: pd.Series | None = None,
) -> gpd.GeoDataFrame:
    """Gazetteer rows of one kind; areas and lines stand at a point on them."""
    return gpd.GeoDataFrame(
        {
            "place": kind + "/" + rows[key].astype("str"),
            "kind": kind,
            "name": name,
            "compound": estate,
            "building": house,
            "entrance": door,
            "address": names.TOWN[0] + (name if address is None else address),
        },
        geometry=shapely.set_precision(rows.geometry.representative_point().array, 0.01),
        index=rows.index,
        crs=rows.crs,
    )

"""The made-up town as frames, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from boundaries.demo import buildings, ground, grounds, layers, layout, people, register, streets
from boundaries.demo.layers import Drawn

DEFAULT_SEED = 20261021
FRONT_KINDS = frozenset({"primary", "secondary", "tertiary"})


@dataclass(frozen=True)
class Town:
    """The layers of the made-up town, in its projected CRS, with the counts they hold."""

    seed: int
    subdistricts: gpd.GeoDataFrame
    communities: gpd.GeoDataFrame
    compounds: gpd.GeoDataFrame
    buildings: gpd.GeoDataFrame
    entrances: gpd.GeoDataFrame
    barriers: gpd.GeoDataFrame
    streets: gpd.GeoDataFrame
    sites: gpd.GeoDataFrame
    gazetteer: gpd.GeoDataFrame
    roster: pd.DataFrame
    counts: dict[str, int]


def generate(seed: int = DEFAULT_SEED) -> Town:
    """The whole made-up town; the same seed gives the same town."""
    drawn = draw(seed)
    rng = np.random.default_rng([seed, 4])
    built = layers.buildings(drawn)
    entrances = layers.entrances(drawn)
    codes = layers.community_codes()
    households = built.groupby("community")["households"].sum().reindex(codes).to_numpy("int64")
    n_grids = np.rint(households / (people.N_HOUSEHOLDS / people.N_GRIDS)).astype("int64")
    roster = people.roster(
        codes, n_grids, list(built["building"]), list(entrances["entrance"]), rng
    )
    frames = {
        "subdistricts": layers.subdistricts(drawn),
        "communities": layers.communities(drawn),
        "compounds": layers.compounds(drawn),
        "buildings": built,
        "entrances": entrances,
        "barriers": layers.barriers(drawn),
        "streets": layers.streets(drawn),
        "sites": register.sites(drawn),
        "roster": roster,
    }
    frames["gazetteer"] = register.gazetteer(
        compounds=frames["compounds"],
        buildings=built,
        entrances=entrances,
        streets=frames["streets"],
        grounds=frames["sites"],
    )
    counts = {name: len(rows) for name, rows in frames.items()}
    counts["households"] = int(built["households"].sum())
    counts["people"] = int(built["people"].sum())
    counts["grids"] = int(n_grids.sum())
    return Town(seed=seed, counts=counts, **frames)


def draw(seed: int) -> Drawn:
    """The drawn ground, lots, buildings, network and their people."""
    rng = np.random.default_rng([seed, 1])
    terrain = ground.draw(rng)
    lots = []
    for block in terrain.blocks:
        lot = layout.empty_lot(block)
        if block.kind == "homes":
            fronts = layout.frontage(lot, terrain.roads, FRONT_KINDS)
            lots.append(layout.homes(lot, layout.STYLES[block.style], fronts, rng))
        else:
            lots.append(grounds.build(lot, rng))
    lots = buildings.fit_counts(lots, rng)
    segments, lots = streets.network(terrain, lots)
    built = buildings.raise_buildings(lots)
    community = np.array([lots[b.lot].block.community for b in built])
    living = people.settle(built, community, np.random.default_rng([seed, 2]))
    rng = np.random.default_rng([seed, 3])
    return Drawn(
        terrain,
        lots,
        built,
        segments,
        living,
        layers.name_streets(terrain, rng),
        layers.name_compounds(lots, rng),
    )

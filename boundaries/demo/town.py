"""The made-up town as frames, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from boundaries.demo import (
    buildings,
    ground,
    grounds,
    homes,
    incidents,
    layers,
    layout,
    names,
    old_grids,
    patrols,
    people,
    places,
    register,
    streets,
)
from boundaries.demo.layers import Drawn

DEFAULT_SEED = 20261021
FRONT_KINDS = frozenset({"primary", "secondary", "tertiary"})


@dataclass(frozen=True)
class Town:
    """The made-up town: layers as in geo/schema, in its projected CRS, and the truth behind them.

    Truth frames, for tests and measurements only:
    `hotspot_truth` planted trouble spots (spot, category, place, radius_m, window_from, window_to
    as local days, expected_background, expected_extra, factor, n_extra, centre point);
    `incident_truth` of each incident its spot, the incident it repeats, building, entrance,
    floor and room;
    `missed_truth` per patrol and street of the beat, walked_m of length_m and is_habit;
    `phone_truth` per worker the old grid walked, speed_m_s, sigma_m and time_constant_s.
    """

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
    old_grids: gpd.GeoDataFrame
    incidents: gpd.GeoDataFrame
    tracks: gpd.GeoDataFrame
    checkins: gpd.GeoDataFrame
    hotspot_truth: gpd.GeoDataFrame
    incident_truth: pd.DataFrame
    missed_truth: pd.DataFrame
    phone_truth: pd.DataFrame
    counts: dict[str, int]
    name: str = names.TOWN[0]
    name_en: str = names.TOWN[1]


def generate(seed: int = DEFAULT_SEED) -> Town:
    """The whole made-up town; the same seed gives the same town."""
    drawn = draw(seed)
    frames = _ground_frames(drawn, seed)
    frames |= _incident_frames(drawn, frames, seed)
    workers = frames["roster"]
    month = patrols.a_month(
        frames["streets"],
        frames["old_grids"],
        workers=workers[workers["role"] == "grid_worker"],
        entrances=frames["entrances"],
        rng=np.random.default_rng([seed, 7]),
    )
    frames |= {
        "tracks": month.tracks,
        "checkins": month.checkins,
        "missed_truth": month.walks,
        "phone_truth": month.phones,
    }
    counts = {name: len(rows) for name, rows in frames.items()}
    counts["households"] = int(frames["buildings"]["households"].sum())
    counts["people"] = int(frames["buildings"]["people"].sum())
    counts["patrols"] = int(frames["tracks"]["patrol"].nunique())
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
            lots.append(homes.homes(lot, homes.STYLES[block.style], fronts, rng))
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


def _ground_frames(drawn: Drawn, seed: int) -> dict[str, pd.DataFrame]:
    """The layers of the ground, the people's register and last year's grids."""
    built = layers.buildings(drawn)
    entrances = layers.entrances(drawn)
    communities = layers.communities(drawn)
    codes = layers.community_codes()
    households = built.groupby("community")["households"].sum().reindex(codes).to_numpy("int64")
    n_grids = np.rint(households / (people.N_HOUSEHOLDS / people.N_GRIDS)).astype("int64")
    frames: dict[str, pd.DataFrame] = {
        "subdistricts": layers.subdistricts(drawn),
        "communities": communities,
        "compounds": layers.compounds(drawn),
        "buildings": built,
        "entrances": entrances,
        "barriers": layers.barriers(drawn),
        "streets": layers.streets(drawn),
        "sites": register.sites(drawn),
        "roster": people.roster(
            codes,
            n_grids,
            list(built["building"]),
            list(entrances["entrance"]),
            np.random.default_rng([seed, 4]),
        ),
        "old_grids": old_grids.draw(
            communities, built, n_grids, rng=np.random.default_rng([seed, 6])
        ),
    }
    frames["gazetteer"] = register.gazetteer(
        compounds=frames["compounds"],
        buildings=built,
        entrances=entrances,
        streets=frames["streets"],
        grounds=frames["sites"],
    )
    return frames


def _incident_frames(
    drawn: Drawn, frames: dict[str, pd.DataFrame], seed: int
) -> dict[str, pd.DataFrame]:
    """The year's incidents and their truth."""
    homes = places.home_places(frames["buildings"], frames["entrances"], frames["compounds"])
    year = incidents.a_year(
        {
            "home": homes,
            "yard": places.yard_places(homes, drawn),
            "street": places.street_places(drawn, frames["sites"]),
        },
        sites=frames["sites"],
        within=frames["subdistricts"],
        rng=np.random.default_rng([seed, 5]),
    )
    return {
        "incidents": year.incidents,
        "hotspot_truth": year.hotspots,
        "incident_truth": year.origins,
    }

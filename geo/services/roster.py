"""Which worker answers for which grid, and since when."""

from __future__ import annotations

from datetime import date, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.optimize import linear_sum_assignment

from geo.schema import LAYERS
from geo.store import Store

FAR_M = 1e6
"""Distance taken for a worker whose earlier ground is not known, metres."""


def in_force(entries: pd.DataFrame, on: date) -> pd.DataFrame:
    """The roster entries that hold on a day: `valid_from` <= day < `valid_to`."""
    day = pd.Timestamp(on)
    has_begun = entries["valid_from"] <= day
    return entries[has_begun & (entries["valid_to"].isna() | (entries["valid_to"] > day))]


def grids_of(store: Store, person: str, *, on: date) -> frozenset[str]:
    """The grids a worker answers for on a day."""
    where = {"person": person, "role": "grid_worker", "area_kind": "grid"}
    return frozenset(in_force(store.read("roster", where=where), on)["area"])


def with_workers(store: Store, grids: gpd.GeoDataFrame, version: pd.Series) -> gpd.GeoDataFrame:
    """The grids of a version with `worker` and `worker_name`, as of its last day in force.

    Of a version that has not ended, those who have it now or will have it.
    """
    entries = store.read("roster", where={"role": "grid_worker", "area_kind": "grid"})
    ends = version["effective_to"]
    if pd.notna(ends):
        entries = in_force(entries, ends.date() - timedelta(days=1))
    else:
        entries = entries[entries["valid_to"].isna()]
    named = entries.drop_duplicates("area", keep="last").set_index("area")
    return grids.assign(
        worker=grids["grid"].map(named["person"]), worker_name=grids["grid"].map(named["name"])
    )


def give_grids_to_workers(store: Store, plan: str, *, valid_from: date) -> int:
    """How many grids got a worker: each worker of a community takes the grid nearest their last.

    Of all ways to do so, the one with the least total distance (assignment problem); workers
    known only by community take what is left there. The earlier entries of those who get a grid
    end on `valid_from`; a worker for whom no grid is left keeps theirs, and is thought of again
    at the next plan.
    """
    grids = store.read("grids", where={"plan": plan})
    people = _workers(store)
    given = []
    for community, here in grids.groupby("community"):
        candidates = people[people["community"] == community]
        if candidates.empty:
            continue
        start = shapely.centroid(candidates["geometry"].to_numpy())
        distance_m = shapely.distance(start[:, None], shapely.centroid(here.geometry.to_numpy()))
        person, grid = linear_sum_assignment(np.nan_to_num(distance_m, nan=FAR_M))
        rows = candidates.iloc[person].copy()
        rows["area"] = here["grid"].to_numpy()[grid]
        given.append(rows)
    if not given:
        return 0
    day = pd.Timestamp(valid_from)
    entries = pd.concat(given)[LAYERS["roster"].column_names]
    entries = entries.assign(area_kind="grid", valid_from=day, valid_to=pd.NaT)
    with store.transaction():
        ended = {"role": "grid_worker", "area_kind": "grid", "valid_to": None}
        store.update(
            "roster", {"valid_to": day}, where={**ended, "person": list(entries["person"])}
        )
        store.write("roster", entries, mode="upsert")
    return len(entries)


def _workers(store: Store) -> pd.DataFrame:
    """Each grid worker once, with the community and ground of their last grid where known."""
    entries = store.read("roster", where={"role": "grid_worker", "valid_to": None})
    places = store.read("grids", columns=["plan", "grid", "community", "geometry"])
    ground = places.drop_duplicates("grid", keep="last").set_index("grid")
    in_grid = entries[entries["area_kind"] == "grid"]
    placed = in_grid.join(ground[["community", "geometry"]], on="area", how="inner")
    in_community = entries[
        (entries["area_kind"] == "community") & ~entries["person"].isin(placed["person"])
    ]
    others = in_community.assign(community=in_community["area"], geometry=None)
    people = pd.concat([part for part in (placed, others) if len(part)] or [others])
    return people.drop_duplicates("person", keep="last").reset_index(drop=True)

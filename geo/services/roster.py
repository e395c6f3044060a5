"""Which worker answers for which grid."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import shapely
from scipy.optimize import linear_sum_assignment

from geo.schema import LAYERS
from geo.store import Store


def give_grids_to_workers(store: Store, plan: str, *, valid_from: date) -> int:
    """How many grids got a worker: each worker of a community takes the grid nearest their old one.

    Workers whose roster entry names a grid of the parent plan keep the new grid that is nearest
    to it, the total distance being least (assignment problem); workers known only by community
    take what is left there. Earlier entries for grids end on `valid_from`.
    """
    grids = store.read("grids", where={"plan": plan})
    entries = store.read("roster", where={"role": "grid_worker"})
    entries = entries[entries["valid_to"].isna()]
    in_grid = entries[entries["area_kind"] == "grid"]
    parent = store.read("plans", where={"plan": plan})["parent"].iloc[0]
    old = store.read("grids", where={"plan": parent}) if pd.notna(parent) else grids.iloc[:0]
    old_place = old.set_index("grid")[["community", "geometry"]]
    in_community = entries[
        (entries["area_kind"] == "community") & ~entries["person"].isin(in_grid["person"])
    ]
    people = pd.concat(
        [
            in_grid.join(old_place, on="area", how="inner"),
            in_community.assign(community=in_community["area"], geometry=None),
        ]
    ).reset_index(drop=True)
    given = []
    for community, here in grids.groupby("community"):
        candidates = people[people["community"] == community]
        if candidates.empty:
            continue
        start = shapely.centroid(candidates["geometry"].to_numpy())
        distance_m = shapely.distance(start[:, None], shapely.centroid(here.geometry.to_numpy()))
        person, grid = linear_sum_assignment(np.nan_to_num(distance_m, nan=1e6))
        rows = candidates.iloc[person].copy()
        rows["area"] = here["grid"].to_numpy()[grid]
        given.append(rows)
    if not given:
        return 0
    entries_now = pd.concat(given)[LAYERS["roster"].column_names].assign(
        area_kind="grid", valid_from=pd.Timestamp(valid_from), valid_to=pd.NaT
    )
    with store.transaction():
        store.update(
            "roster",
            {"valid_to": pd.Timestamp(valid_from)},
            where={"role": "grid_worker", "area_kind": "grid", "valid_to": None},
        )
        store.write("roster", entries_now, mode="upsert")
    return len(entries_now)

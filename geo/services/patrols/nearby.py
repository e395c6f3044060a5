"""What is left of a worker's own grid, the nearest first."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
import pandas as pd
import shapely

from geo.services.patrols.duties import duties
from geo.services.patrols.figures import coverage, own_grids
from geo.services.patrols.period import Period, Question
from geo.store import Store

MOST_LEFT = 12


def left_nearby(store: Store, worker: str, day: date, *, most: int = MOST_LEFT) -> pd.DataFrame:
    """The streets of the worker's grids that are not covered that day, the nearest first.

    Columns `name` (null for nameless), `class`, `verdict` (the worst of its pieces), `left_m`,
    `distance_m` from the worker's last fix of the day, else from the middle of the grids, and
    `pieces`. Pieces that cannot be told are among them. Empty without a grid.
    """
    found = coverage(store, Question(Period(day, day), worker=worker))
    own = found[found["is_expected"]]
    left = own[own["verdict"] != "covered"]
    if left.empty:
        columns = ["name", "class", "verdict", "left_m", "distance_m", "pieces"]
        return pd.DataFrame(columns=columns)
    here = where_now(store, worker, day)
    left = left.assign(distance_m=shapely.distance(left.geometry.to_numpy(), here))
    label = left["name"].where(left["name"].notna() & (left["name"] != ""), left["street"])
    groups = left.assign(label=label.astype(object)).groupby("label")
    streets = groups.agg(
        name=("name", "first"),
        **{"class": ("class", "first")},
        verdict=("verdict", "max"),  # "missed" comes after "cannot_tell"
        left_m=("length_m", "sum"),
        distance_m=("distance_m", "min"),
        pieces=("piece", list),
    )
    nearest = streets.sort_values(["distance_m", "left_m"], ascending=[True, False]).head(most)
    return nearest.reset_index(drop=True)


def where_now(store: Store, worker: str, day: date) -> shapely.Point:
    """The worker's last fix of the day, else the middle of the worker's grids.

    An empty point where neither is known.
    """
    where = {"worker": worker, "day": pd.Timestamp(day)}
    columns = ["at", "geometry"]
    last = store.read("tracks", where=where, order_by="-at", limit=1, columns=columns)
    if len(last):
        return last.geometry.iloc[0]
    duty = duties(store, on=day)
    where = {"plan": duty.plan or "", "grid": own_grids(store, Period(day, day), worker)}
    grids: gpd.GeoDataFrame = store.read("grids", where=where)
    return shapely.centroid(shapely.union_all(grids.geometry.to_numpy()))

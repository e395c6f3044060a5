"""Incidents: attribution to the grids in force on their day, and reading a window of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import pandas as pd

from geo.incidents.attribution import attribute as attribute_to_grids
from geo.services import plans
from geo.services.clock import start_of_day
from geo.store import Store


def attribute(store: Store, incidents: Sequence[str] | None = None) -> dict[str, int]:
    """Counts of incidents attributed and unmatched, after writing grid, plan and community.

    Each incident goes to the plan in force on the local day it was reported; one that is older
    than the first plan goes to the first plan, so that history is not blank.

    Parameters
    ----------
    incidents : case numbers to attribute; all of them when omitted
    """
    with store.transaction():
        where = {"incident": list(incidents)} if incidents is not None else None
        cases = store.read("incidents", where=where)
        versions = plans.published(store)
        parts = []
        for position, version in enumerate(versions.itertuples()):
            is_in_force = pd.Series(True, index=cases.index)
            if position > 0:
                is_in_force &= cases["reported_at"] >= start_of_day(store, version.effective_from)
            if position < len(versions) - 1:
                following = versions["effective_from"].iloc[position + 1]
                is_in_force &= cases["reported_at"] < start_of_day(store, following)
            if is_in_force.any():
                grids = store.read("grids", where={"plan": version.plan})
                parts.append(attribute_to_grids(cases[is_in_force], grids))
        if not parts:
            return {"attributed": 0, "unmatched": len(cases)}
        attributed = gpd.GeoDataFrame(pd.concat(parts), crs=cases.crs)
        store.write("incidents", attributed, mode="upsert")
    n_matched = int(attributed["grid"].notna().sum())
    return {"attributed": n_matched, "unmatched": len(cases) - n_matched}


def span(store: Store) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """The first and last `reported_at`, or None when there are no incidents."""
    times = store.read("incidents", columns=["reported_at"])["reported_at"]
    return None if times.empty else (times.min(), times.max())


def in_window(
    store: Store,
    *,
    start: pd.Timestamp,
    end: pd.Timestamp,
    categories: Sequence[str] | None = None,
    statuses: Sequence[str] | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    limit: int | None = None,
) -> gpd.GeoDataFrame:
    """Incidents reported in [start, end), newest first.

    Parameters
    ----------
    start, end : UTC instants
    bbox : west, south, east, north in the store's CRS
    """
    where: dict[str, Any] = {"reported_at": ("between", start, end)}
    if categories:
        where["category"] = list(categories)
    if statuses:
        where["status"] = list(statuses)
    return store.read(
        "incidents", where=where, bbox=bbox, order_by=["-reported_at"], limit=limit
    )

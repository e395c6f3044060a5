"""Incidents: attribution to the grids in force on their day, and reading a window of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.incidents.attribution import attribute as attribute_to_grids
from geo.schema.layers import INCIDENT_STATUSES
from geo.services import versions
from geo.services.clock import start_of_day
from geo.store import Store

NOT_COUNTED = ("rejected", "duplicate", "void")
"""Statuses of reports that are no case of their own: they count nowhere."""

CLOSED = ("closed", "rejected", "duplicate", "void")
"""Statuses after which a case keeps the grid that it had."""


def with_grids(store: Store, cases: gpd.GeoDataFrame, *, on: date) -> gpd.GeoDataFrame:
    """The cases with `grid`, `plan` and `community`; unchanged where the town has no plan.

    A closed case goes to the plan in force on the local day it was reported, an open one to the
    plan in force on the day `on`. One that is older than the first plan goes to the first plan,
    so that history is not blank.
    """
    known = versions.published(store)
    if known.empty or cases.empty:
        return cases
    starts = [start_of_day(store, day.date()) for day in known["effective_from"]]
    as_of = cases["reported_at"].where(cases["status"].isin(CLOSED), start_of_day(store, on))
    version = np.searchsorted(pd.DatetimeIndex(starts), as_of, side="right") - 1
    version = np.maximum(version, 0)
    parts = [
        attribute_to_grids(
            cases[version == position], versions.grids(store, plan, with_workers=False)
        )
        for position, plan in enumerate(known["plan"])
        if (version == position).any()
    ]
    return gpd.GeoDataFrame(pd.concat(parts), crs=cases.crs).reindex(cases.index)


def attribute_open(store: Store, *, on: date) -> int:
    """How many cases were given a grid: the open ones, and those that had none.

    Called when a plan is published and when the service starts: open cases go to the plan in
    force on the day `on`.
    """
    with store.transaction():
        statuses = sorted(INCIDENT_STATUSES - set(CLOSED))
        is_open = store.read("incidents", where={"status": statuses})
        is_bare = store.read("incidents", where={"status": list(CLOSED), "grid": None})
        parts = [cases for cases in (is_open, is_bare) if len(cases)]
        if not parts:
            return 0
        cases = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=parts[0].crs)
        store.write("incidents", with_grids(store, cases, on=on), mode="upsert")
    return len(cases)


def span(store: Store) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """The first and last `reported_at`, or None when there are no incidents."""
    first, last = (
        store.read("incidents", columns=["reported_at"], order_by=[order], limit=1)["reported_at"]
        for order in ("reported_at", "-reported_at")
    )
    return None if first.empty else (first.iloc[0], last.iloc[0])


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
    return store.read("incidents", where=where, bbox=bbox, order_by=["-reported_at"], limit=limit)

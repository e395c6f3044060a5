"""What a view reaches for: the store, the settings and the jobs of this app."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import geopandas as gpd
import pandas as pd
from flask import current_app

from geo.schema import LAYERS
from geo.services import campaigns, hotspots, overview, patrols
from geo.services.clock import local_day
from geo.services.hotspots import Analysis, Question
from geo.store import Store
from web.config import Settings
from web.jobs import Jobs
from web.remembered import Remembered

SUMMED_LAYERS = tuple(name for name in LAYERS if name not in ("jobs", "imports"))

HOTSPOT_LAYERS = (
    "incidents", "communities", "subdistricts", "compounds", "buildings", "sites", "streets",
    "gazetteer", "tracks", "plans", "grids",
)  # fmt: skip
"""Layers that answers about hotspots rest on, names of places included."""


def store() -> Store:
    """The store of this app."""
    return current_app.extensions["wangge.store"]  # type: ignore[no-any-return]


def settings() -> Settings:
    """The settings of this app."""
    return current_app.extensions["wangge.settings"]  # type: ignore[no-any-return]


def jobs() -> Jobs:
    """The background work of this app."""
    return current_app.extensions["wangge.jobs"]  # type: ignore[no-any-return]


def today() -> date:
    """The calendar day in the town now."""
    return local_day(store(), datetime.now(UTC))


def figures() -> dict[str, Any]:
    """The town in figures, computed anew only where a layer changed."""
    kept = _remembered().get("summary", SUMMED_LAYERS, lambda: overview.summary(store()))
    settled = {
        "demo": bool(store().get_setting("demo", False)),
        "town_name": store().get_setting("town_name", {}),
    }
    return {**kept, **settled}


def patrol_days() -> pd.DataFrame:
    """The days that have coverage, newest first; computed anew only where it changed."""
    return _remembered().get("patrol days", ["coverage"], lambda: patrols.days(store()))


def hotspot_answer(question: Question) -> Analysis:
    """The answer to a question; found anew only where what it rests on changed."""

    def find() -> Analysis:
        return hotspots.analyse(store(), question, now=datetime.now(UTC))

    return _remembered().get(f"{question} {today()}", HOTSPOT_LAYERS, find)


def pain_points(first: date, last: date) -> gpd.GeoDataFrame:
    """The pain points of these days; found anew only where what they rest on changed."""

    def find() -> gpd.GeoDataFrame:
        return campaigns.ranked(store(), first, last, now=datetime.now(UTC))

    return _remembered().get(f"pain points {first} {last} {today()}", HOTSPOT_LAYERS, find)


def used_categories() -> list[str]:
    """Category codes that stand in the incidents; read anew only where these changed."""

    def read() -> list[str]:
        return sorted(store().read("incidents", columns=["category"])["category"].unique())

    return _remembered().get("used categories", ["incidents"], read)


def _remembered() -> Remembered:
    return current_app.extensions["wangge.remembered"]  # type: ignore[no-any-return]

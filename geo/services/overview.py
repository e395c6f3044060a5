"""The town in figures, for the first page."""

from __future__ import annotations

from typing import Any

from geo.services import hotspots, incidents, patrols, plans
from geo.store import Store

_COUNTED = (
    "subdistricts",
    "communities",
    "compounds",
    "buildings",
    "entrances",
    "barriers",
    "streets",
    "roster",
    "incidents",
    "checkins",
    "tracks",
    "gazetteer",
)


def summary(store: Store) -> dict[str, Any]:
    """Counts per layer, households and people, the plan in force, and the spans of the data."""
    buildings = store.read("buildings", columns=["households", "people", "households_estimated"])
    if buildings.empty:
        buildings = store.read(
            "compounds", columns=["households", "people", "households_estimated"]
        )
    plan = plans.current(store)
    figures = store.read("plans", where={"plan": plan}).iloc[0] if plan else None
    span = incidents.span(store)
    days = patrols.days(store)
    return {
        "counts": {layer: store.count(layer) for layer in _COUNTED},
        "households": int(buildings["households"].fillna(0).sum()),
        "people": int(buildings["people"].fillna(0).sum()),
        "households_estimated": bool(buildings["households_estimated"].fillna(False).any()),
        "plan": plan,
        "plan_name": None if figures is None else figures["name"],
        "plan_report": None if figures is None else figures["report"],
        "incidents_from": None if span is None else span[0],
        "incidents_to": None if span is None else span[1],
        "hotspot_runs": len(hotspots.runs(store)),
        "patrol_days": [] if days.empty else [day.date() for day in days["day"]],
        "demo": bool(store.get_setting("demo", False)),
        "town_name": store.get_setting("town_name", {}),
    }

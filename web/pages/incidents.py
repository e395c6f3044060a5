"""Incidents on the map, by category, status and time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue

from geo.incidents.categories import load_categories
from geo.schema.layers import INCIDENT_STATUSES
from geo.services import incidents
from geo.services.clock import local_day
from web.language import current_language
from web.pages import mapping
from web.reach import store, used_categories
from web.security import needs, require_principal

room = Blueprint("incidents", __name__, url_prefix="/incidents")

FIRST_WINDOW_DAYS = 30
"""Days before the newest incident that the page first shows."""

STATUS_ORDER = (
    "reported",
    "verified",
    "filed",
    "dispatched",
    "handling",
    "result_reported",
    "checked",
    "closed",
    "rejected",
    "duplicate",
    "suspended",
    "void",
)


@room.get("/")
@needs()
def show() -> ResponseReturnValue:
    """The map of incidents; its script fetches the window the reader chose."""
    return mapping.map_page(
        "incidents",
        room="incidents",
        settings={
            "window": _window(),
            "categories": named_categories(),
            "statuses": [status for status in STATUS_ORDER if status in INCIDENT_STATUSES],
            "next_step": mapping.next_step(
                "layers.import", "admin.imports", "step.incidents.do", layer="incidents"
            ),
        },
        may=require_principal().may,
    )


def named_categories() -> list[dict[str, Any]]:
    """Categories by code with their name and major class in the page's language.

    Codes that stand in the data but not in the catalogue come last, named by themselves.
    """
    language = current_language()
    catalogue = load_categories()
    rows = [
        {"category": row.category, "name": row.name, "group": row.group}
        for row in catalogue.rename(
            columns={f"name_{language}": "name", f"major_{language}": "group"}
        ).itertuples()
    ]
    known = set(catalogue["category"])
    strangers = [code for code in used_categories() if code not in known]
    return rows + [{"category": code, "name": code, "group": code} for code in strangers[:200]]


def _window() -> dict[str, str] | None:
    span = incidents.span(store())
    if span is None:
        return None
    last = local_day(store(), span[1])
    first = max(local_day(store(), span[0]), last - timedelta(days=FIRST_WINDOW_DAYS - 1))
    return {"from": first.isoformat(), "to": last.isoformat()}

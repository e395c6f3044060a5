"""Hotspots on the map: questions asked live, and answers kept for other systems."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from geo.errors import InputError
from geo.services import hotspots
from web.language import current_language, translate
from web.pages import mapping
from web.pages.incidents import named_categories
from web.questions import CELL_SIZES_M, KEYS, asked_question, first_window
from web.reach import hotspot_answer, store
from web.security import needs, require_principal
from web.texts import text_of_error

room = Blueprint("hotspots", __name__, url_prefix="/hotspots")

GROUPS = (
    ("find", ("significance", "emerging", "recent", "repeats")),
    ("look", ("kde", "streets", "forecast")),
    ("check", ("reports", "near", "scan", "gi", "moran")),
)
"""The methods in the order and the groups in which people are offered them."""

MEASURED = ("significance", "emerging", "scan", "gi", "moran")
SMOOTHED = ("kde", "streets")
"""Methods for which it matters what incidents are measured against, and how far they reach."""


@room.get("/")
@needs()
def show() -> ResponseReturnValue:
    """The map; its script asks the question that the reader chose."""
    has_incidents = store().count("incidents") > 0
    first, last = first_window()
    return mapping.map_page(
        "hotspots",
        room="hotspots",
        settings={
            "groups": [
                {
                    "label": translate(f"hotspots.group.{group}"),
                    "methods": [
                        {
                            "method": method,
                            "label": translate(f"hotspots.method.{method}"),
                            "what": translate(f"hotspots.method.{method}.what"),
                            "is_measured": method in MEASURED,
                            "is_smoothed": method in SMOOTHED,
                        }
                        for method in methods
                        if method in hotspots.METHODS
                    ],
                }
                for group, methods in GROUPS
            ],
            "exposures": [
                [exposure, translate(f"hotspots.exposure.{exposure}")]
                for exposure in hotspots.EXPOSURES
            ],
            "cell_sizes_m": CELL_SIZES_M,
            "categories": named_categories(),
            "window": {"first": first.isoformat(), "last": last.isoformat()},
            "has_incidents": has_incidents,
            "may_keep": require_principal().may("hotspots.compute"),
            "next_step": mapping.next_step(
                "layers.import", "admin.imports", "step.incidents.do", layer="incidents"
            ),
        },
        may=require_principal().may,
        has_incidents=has_incidents,
    )


@room.post("/keep")
@needs("hotspots.compute")
def keep() -> ResponseReturnValue:
    """Store the answer of the address's question, so that exports and other systems find it."""
    try:
        hotspots.save(store(), hotspot_answer(asked_question()))
    except InputError as error:
        flash(text_of_error(current_language(), error))
    else:
        flash(translate("hotspots.kept"))
    asked = {key: request.args[key] for key in KEYS if key in request.args}
    return redirect(url_for("hotspots.show", **asked))

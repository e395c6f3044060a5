"""The first page: the town in figures and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from web.reach import figures
from web.security import needs, require_principal

room = Blueprint("dashboard", __name__)


@dataclass(frozen=True)
class Step:
    """One step of the loop: its code, whether it is done, and where the next action is."""

    code: str
    is_done: bool
    link: str
    permission: str | None


@room.get("/")
@needs()
def show() -> ResponseReturnValue:
    """Figures, the steps of the loop, and the layers with their counts."""
    summary = figures()
    asking = require_principal()
    steps = _steps(summary)
    next_step = next((step for step in steps if not step.is_done), None)
    return render_template(
        "dashboard.html",
        room="dashboard",
        summary=summary,
        report=summary["plan_report"] or {},
        steps=steps,
        next_step=next_step,
        may=asking.may,
    )


def _steps(summary: Mapping[str, Any]) -> list[Step]:
    counts = summary["counts"]

    def importing(layer: str) -> str:
        return url_for("admin.imports", layer=layer)

    has_homes = counts["buildings"] > 0 or counts["compounds"] > 0
    return [
        Step("outline", counts["communities"] > 0, importing("communities"), "layers.import"),
        Step("homes", has_homes, importing("buildings"), "layers.import"),
        Step("lines", counts["streets"] > 0, importing("streets"), "layers.import"),
        Step("plan", summary["plan"] is not None, url_for("plans.new"), "plans.make"),
        Step("incidents", counts["incidents"] > 0, importing("incidents"), "layers.import"),
        Step("hotspots", summary["hotspot_runs"] > 0, url_for("hotspots.show"), None),
        Step("tracks", counts["tracks"] > 0, importing("tracks"), "layers.import"),
        Step("coverage", bool(summary["patrol_days"]), url_for("patrols.new"), "coverage.compute"),
    ]

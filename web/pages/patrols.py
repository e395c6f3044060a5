"""Patrol coverage on the map, by day and round, and the button to compute it."""

from __future__ import annotations

from typing import Any

import pandas as pd
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from geo.errors import InputError
from geo.services.patrols.duties import duties
from web.language import current_language
from web.pages import forms, mapping
from web.reach import jobs, patrol_days, store, today
from web.security import needs, require_principal
from web.texts import text_of_error

room = Blueprint("patrols", __name__, url_prefix="/patrols")

DEFAULT_REACH_M = 20


@room.get("/")
@needs()
def show() -> ResponseReturnValue:
    """The map of what the rounds of a day passed."""
    days = patrol_days()
    missing = next((layer for layer in ("streets", "tracks") if not store().count(layer)), None)
    step = (
        mapping.next_step("coverage.compute", "patrols.new", "step.coverage.do")
        if missing is None
        else mapping.next_step("layers.import", "admin.imports", "admin.import", layer=missing)
    )
    return mapping.map_page(
        "coverage",
        room="patrols",
        settings={
            "days": [
                {
                    "day": row.day.date().isoformat(),
                    "n_patrols": int(row.n_patrols),
                    "rounds": int(row.rounds),
                }
                for row in days.itertuples()
            ],
            "next_step": step,
            **_who(days),
        },
        may=require_principal().may,
        is_worker=require_principal().person is not None,
        has_days=not days.empty,
        can_compute=missing is None,
    )


def _who(days: pd.DataFrame) -> dict[str, Any]:
    """The grids of the newest day's plan, and its workers for those who may see them."""
    on = today() if days.empty else days["day"].iloc[0].date()
    duty = duties(store(), on=on)
    grids = sorted({code for code in duty.grid if code is not None})
    if not require_principal().may("see.tracks"):
        return {"grids": grids, "workers": []}
    known = duty.workers.drop_duplicates("worker").astype(object)
    rows = known[["worker", "name"]].where(known[["worker", "name"]].notna(), None)
    return {"grids": grids, "workers": rows.to_dict("records")}


@room.route("/new", methods=["GET", "POST"])
@needs("coverage.compute")
def new() -> ResponseReturnValue:
    """Compute the coverage of all stored tracks, as a job."""
    problem, status = "", 200
    if request.method == "POST":
        try:
            params = {"reach_m": forms.number("reach_m", least=5, most=100)}
        except InputError as error:
            problem, status = text_of_error(current_language(), error), 400
        else:
            job = jobs().ask("coverage", params, asked_by=require_principal().name)
            return redirect(url_for("jobs.show", job=job))
    page = render_template(
        "coverage_new.html",
        room="patrols",
        counts={layer: store().count(layer) for layer in ("streets", "tracks")},
        values={"reach_m": request.form.get("reach_m", str(DEFAULT_REACH_M))},
        problem=problem,
    )
    return page, status

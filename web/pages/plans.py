"""Grid plans: the map of a version, and the form for a new one."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from geo.errors import InputError, NotFoundError
from geo.services import plans
from web.language import current_language
from web.pages import forms, mapping
from web.reach import figures, jobs, store, today
from web.security import needs, require_principal
from web.texts import text_of_error

room = Blueprint("plans", __name__, url_prefix="/plans")

DEFAULT_TARGET = 380
"""Households a grid; the reported mean of Yongchang subdistrict."""

DEFAULT_TOLERANCE = 0.05


@room.get("/")
@needs()
def show() -> ResponseReturnValue:
    """The map of a version: the asked one, else the latest published."""
    versions = plans.list_versions(store())
    chosen = request.args.get("plan") or plans.current(store(), on=None)
    if chosen is not None and chosen not in set(versions["plan"]):
        raise NotFoundError("plan.unknown", f"there is no plan version {chosen}", plan=chosen)
    can_plan = any(store().count(layer) for layer in ("buildings", "compounds"))
    is_estimated = bool(
        chosen and store().count("grids", where={"plan": chosen, "households_estimated": True})
    )
    step = (
        mapping.next_step("plans.make", "plans.new", "plans.make")
        if can_plan
        else mapping.next_step("layers.import", "admin.imports", "step.homes.do", layer="buildings")
    )
    return mapping.map_page(
        "plan",
        room="plans",
        settings={
            "plan": chosen,
            "can_plan": can_plan,
            "households_estimated": is_estimated,
            "limits": _limits(versions, chosen),
            "next_step": step,
        },
        versions=_version_rows(versions),
        chosen=chosen,
        may=require_principal().may,
        can_plan=can_plan,
    )


@room.route("/new", methods=["GET", "POST"])
@needs("plans.make")
def new() -> ResponseReturnValue:
    """The form for a new plan; sent, it becomes a job."""
    problem, status = "", 200
    if request.method == "POST":
        try:
            params = {
                "target": forms.number("target", least=1, most=1_000_000),
                "tolerance": forms.number("tolerance", least=0.1, most=100) / 100,
                "seed": forms.whole("seed", least=0, most=2**31 - 1),
                "name": forms.line("name", longest=80),
                "effective_from": forms.day("effective_from").isoformat(),
            }
        except InputError as error:
            problem, status = text_of_error(current_language(), error), 400
        else:
            job = jobs().ask("plan", params, asked_by=require_principal().name)
            return redirect(url_for("jobs.show", job=job))
    summary = figures()
    values = {
        "target": str(DEFAULT_TARGET),
        "tolerance": f"{100 * DEFAULT_TOLERANCE:g}",
        "seed": "0",
        "name": "",
        "effective_from": (today() + timedelta(days=1)).isoformat(),
    }
    values.update({key: value for key, value in request.form.items() if key in values})
    page = render_template(
        "plan_new.html", room="plans", summary=summary, values=values, problem=problem
    )
    return page, status


def _limits(versions: pd.DataFrame, chosen: str | None) -> dict[str, object] | None:
    """What forces deviations: cells too heavy for any grid, the least deviation possible.

    None where nothing does.
    """
    report = versions.set_index("plan")["report"].get(chosen) if chosen else None
    if not report or not (report.get("n_heavy") or report.get("lower_bounds")):
        return None
    return {"n_heavy": report.get("n_heavy", 0), "lower_bound": report.get("lower_bound")}


def _version_rows(versions: pd.DataFrame) -> list[dict[str, object]]:
    columns = ["plan", "name", "status", "effective_from", "effective_to"]
    return [
        dict(zip(columns, row, strict=True)) for row in versions[columns].itertuples(index=False)
    ]

"""Hotspot surfaces on the map, and the form to compute one."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from geo.errors import InputError, ParameterError
from geo.services import incidents
from geo.services.clock import local_day
from web.language import current_language, translate
from web.pages import forms, mapping
from web.pages.incidents import named_categories
from web.reach import hotspot_runs, jobs, store
from web.security import needs, require_principal
from web.texts import text_of_error

room = Blueprint("hotspots", __name__, url_prefix="/hotspots")

FIRST_WINDOW_DAYS = 90
"""Days that the form first proposes to look back on."""


@room.get("/")
@needs()
def show() -> ResponseReturnValue:
    """The map of the stored surfaces."""
    has_incidents = store().count("incidents") > 0
    step = (
        mapping.next_step("hotspots.compute", "hotspots.new", "step.hotspots.do")
        if has_incidents
        else mapping.next_step(
            "layers.import", "admin.imports", "step.incidents.do", layer="incidents"
        )
    )
    return mapping.map_page(
        "hotspots",
        room="hotspots",
        settings={"runs": _labelled_runs(), "next_step": step},
        may=require_principal().may,
        has_incidents=has_incidents,
    )


@room.route("/new", methods=["GET", "POST"])
@needs("hotspots.compute")
def new() -> ResponseReturnValue:
    """The form of a new surface; sent, it becomes a job."""
    problem, status = "", 200
    categories = named_categories()
    if request.method == "POST":
        try:
            params = _asked({row["category"] for row in categories})
        except InputError as error:
            problem, status = text_of_error(current_language(), error), 400
        else:
            job = jobs().ask("hotspots", params, asked_by=require_principal().name)
            return redirect(url_for("jobs.show", job=job))
    values = {**_proposed(), **request.form.to_dict()}
    page = render_template(
        "hotspot_new.html",
        room="hotspots",
        categories=categories,
        values=values,
        problem=problem,
        has_incidents=store().count("incidents") > 0,
    )
    return page, status


def _asked(known: set[str]) -> dict[str, object]:
    first, last = forms.day("first"), forms.day("last")
    category = forms.line("category")
    if last < first:
        raise ParameterError(
            "form.days_swapped", f"the last day {last} is before the first {first}"
        )
    if category and category not in known:
        raise ParameterError(
            "form.category_unknown", f"there is no category {category}", category=category
        )
    cell_size_m = forms.number("cell_size_m", least=5, most=1000)
    return {
        "first": first.isoformat(),
        "last": last.isoformat(),
        "category": category,
        "cell_size_m": cell_size_m,
        "bandwidth_m": forms.number("bandwidth_m", least=cell_size_m, most=5000),
    }


def _proposed() -> dict[str, str]:
    values = {"first": "", "last": "", "category": "", "cell_size_m": "50", "bandwidth_m": "150"}
    span = incidents.span(store())
    if span is not None:
        last = local_day(store(), span[1])
        first = max(local_day(store(), span[0]), last - timedelta(days=FIRST_WINDOW_DAYS - 1))
        values.update(first=first.isoformat(), last=last.isoformat())
    return values


def _labelled_runs() -> list[dict[str, str]]:
    names = {row["category"]: row["name"] for row in named_categories()}
    return [
        {"run": row.run, "label": _label(row.category, row.window_from, row.window_to, names)}
        for row in hotspot_runs().itertuples()
    ]


def _label(
    category: str | None, start: pd.Timestamp, end: pd.Timestamp, names: dict[str, str]
) -> str:
    name = translate("filter.all") if pd.isna(category) else names.get(str(category), category)
    first = local_day(store(), start)
    last = local_day(store(), end - pd.Timedelta(seconds=1))
    return f"{name} · {first:%Y-%m-%d} – {last:%Y-%m-%d}"

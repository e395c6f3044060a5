"""Patrol coverage of a day, a week or a month: street pieces, and the figures over them."""

from __future__ import annotations

from datetime import date
from typing import Any

import geopandas as gpd
from flask import Blueprint, Response, jsonify, request

from geo.errors import ParameterError, PermissionDenied
from geo.services import patrols
from geo.services.patrols import Period, Question
from web.api import answers, query
from web.reach import patrol_days, store, today
from web.security import needs, require_principal

BEHIND = ("coverage", "rounds", "passes", "pieces", "streets", "plans", "grids", "roster")
"""Layers that every answer about coverage rests on."""

MOST_LETTERS = 64

WIRE_DECIMALS = 6
"""Decimals of degrees sent: 0.1 m."""


def register(api: Blueprint) -> None:
    """Add the addresses to the API."""
    api.add_url_rule("/coverage.geojson", view_func=coverage)
    api.add_url_rule("/coverage.json", view_func=coverage_figures)


@needs()
def coverage() -> Response:
    """Street pieces with what the patrols of a day, a week or a month passed of them."""
    question = asked_question()
    etag = answers.etag_of(BEHIND)

    def read() -> answers.Frames:
        if question is None:
            return [store().read("pieces")]
        found = patrols.coverage(store(), question)
        return [found.assign(probability=found["probability"].round(3))]

    return answers.features("pieces", read, etag=etag)


@needs()
def coverage_figures() -> Response:
    """The figures of the same question: the whole, by day, by round, by grid, streets missed."""
    question = asked_question()
    etag = answers.etag_of([*BEHIND, "buildings"])
    if answers.is_known(etag):
        return answers.unchanged(etag)
    if question is None:
        return tagged({"period": None, "share": None, "grids": [], "missed": []}, etag)
    found = patrols.summary(store(), question)
    told = {
        "period": told_period(question.period),
        "share": found["whole"]["covered"],
        **found,
        "missed_homes": _placed(found["missed_homes"]),
    }
    return tagged(told, etag)


def _placed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with `lon` and `lat` in place of the town's metres."""
    if not rows:
        return []
    x, y = [row["x"] for row in rows], [row["y"] for row in rows]
    places = gpd.GeoSeries(gpd.points_from_xy(x, y), crs=store().crs).to_crs("EPSG:4326")
    return [
        {name: value for name, value in row.items() if name not in ("x", "y")}
        | {"lon": round(place.x, WIRE_DECIMALS), "lat": round(place.y, WIRE_DECIMALS)}
        for row, place in zip(rows, places, strict=True)
    ]


def asked_question(*, span: str = "day") -> Question | None:
    """What the address asks; the newest day where it names none, None where no day is known.

    Raises
    ------
    PermissionDenied : it names a worker that this principal may not look at
    """
    number = query.whole("round", least=1, most=100)
    grid, worker = code("grid"), asked_worker()
    day = query.day("day")
    period = patrols.period_of(day or newest_day(), span=request.args.get("span", "") or span)
    if day is None and patrol_days().empty:
        return None
    return Question(period, round=number, grid=grid, worker=worker)


def newest_day() -> date:
    """The newest day with a record, else today."""
    known = patrol_days()
    return today() if known.empty else known["day"].iloc[0].date()


def asked_worker() -> str | None:
    """The worker that the address names; None where it names none.

    Raises
    ------
    PermissionDenied : this principal may look at own rounds only, or at none
    """
    worker, asking = code("worker"), require_principal()
    if worker is not None and worker != asking.person and not asking.may("see.tracks"):
        raise forbidden()
    return worker


def forbidden() -> PermissionDenied:
    """The refusal of other people's rounds."""
    asking = require_principal()
    return PermissionDenied(
        "auth.forbidden",
        f"role {asking.role} may not look at other people's rounds",
        role=asking.role,
        permission="see.tracks",
    )


def code(name: str) -> str | None:
    """A code such as a grid's or a worker's; None where the query has none."""
    text = request.args.get(name, "")
    if len(text) > MOST_LETTERS or "\x00" in text:
        raise ParameterError(
            "patrols.code", f"`{name}` is no code: {text[:40]!r}", name=name, value=text[:40]
        )
    return text or None


def told_period(period: Period) -> dict[str, str]:
    """The period's days as text."""
    return {"first": period.first.isoformat(), "last": period.last.isoformat()}


def tagged(told: dict[str, Any], etag: str) -> Response:
    """The answer with its tag."""
    response = jsonify(told)
    response.set_etag(etag)
    return response

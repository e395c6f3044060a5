"""The month's pain point: what recurs, what was decided about it, and whether it worked."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime
from typing import Any

import geopandas as gpd
import pandas as pd
from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from geo.errors import GridError
from geo.hotspots.campaigns.pain_points import sentences
from geo.services import campaigns, incidents
from geo.services.clock import local_day
from web import readings
from web.filters import decimal
from web.language import current_language, translate
from web.pages import forms, mapping
from web.pages.incidents import named_categories
from web.reach import pain_points, store, today
from web.security import needs, require_principal
from web.texts import text_of_error

room = Blueprint("campaigns", __name__, url_prefix="/campaigns")

SPANS = (1, 3, 12)
"""Months that can be looked at together, the chosen one the last."""

FIRST_SPAN = 3
MOST_POINTS = 30
LEAST_DAYS_OF_MONTH = 10
"""A month with fewer days of incidents is not the one proposed."""


@room.get("/")
@needs()
def show(problem: str = "") -> ResponseReturnValue:
    """The pain points of some months with their sentences, and the campaigns."""
    months = _months()
    month, span = _asked(months)
    first, last = _days(month, span)
    has_incidents = bool(months)
    points = pain_points(first, last) if has_incidents else gpd.GeoDataFrame()
    cards = [_card(row) for row in points.head(MOST_POINTS).to_dict("records")]
    return mapping.map_page(
        "campaigns",
        room="campaigns",
        settings={"points": url_for("campaigns.shapes", month=month, span=span)},
        months=months,
        month=month,
        span=span,
        spans=SPANS,
        first=first,
        last=last,
        cards=cards,
        running=[_told_campaign(row) for row in campaigns.listed(store()).to_dict("records")],
        problem=problem,
        today=today(),
        has_incidents=has_incidents,
        may=require_principal().may,
    )


@room.get("/points.geojson")
@needs()
def shapes() -> ResponseReturnValue:
    """The pain points' ground, and that of campaigns under way."""
    months = _months()
    first, last = _days(*_asked(months))
    features: list[dict[str, Any]] = []
    if months:
        points = pain_points(first, last).head(MOST_POINTS)
        features += _features(points, points["code"], "point", points["rank"])
    running = store().read("campaigns", where={"ended_at": None})
    features += _features(running, running["campaign"], "campaign", None)
    return {"type": "FeatureCollection", "features": features}


@room.post("/choose")
@needs("hotspots.compute")
def choose() -> ResponseReturnValue:
    """Keep what was decided about a pain point."""
    months = _months()
    month, span = _asked(months)
    first, last = _days(month, span)
    try:
        campaigns.choose(
            store(),
            forms.line("point"),
            first=first,
            last=last,
            decision=forms.line("decision", longest=500),
            starts_on=forms.day("starts_on"),
            by=require_principal().name,
            now=datetime.now(UTC),
        )
    except GridError as error:
        return show(problem=text_of_error(current_language(), error)), 400  # type: ignore[return-value]
    flash(translate("campaign.chosen"))
    return redirect(url_for("campaigns.show", month=month, span=span) + "#campaigns")


@room.post("/<campaign>/end")
@needs("hotspots.compute")
def end(campaign: str) -> ResponseReturnValue:
    """End a campaign with what came of it."""
    campaigns.end(
        store(), campaign, outcome=forms.line("outcome", longest=500), now=datetime.now(UTC)
    )
    flash(translate("campaign.ended_now"))
    return redirect(url_for("campaigns.show") + "#campaigns")


def _months() -> list[str]:
    """Months that have incidents up to today, newest first, such as 2026-10."""
    span = incidents.span(store())
    if span is None:
        return []
    first = pd.Period(local_day(store(), span[0]), "M")
    last = pd.Period(min(local_day(store(), span[1]), today()), "M")
    return [str(month) for month in pd.period_range(first, last, freq="M")][::-1]


def _asked(months: list[str]) -> tuple[str, int]:
    """The month and the number of months asked for; what is unknown is the page's default."""
    asked = request.args.get("month", "")
    span_text = request.args.get("span", "")
    span = int(span_text) if span_text in {str(known) for known in SPANS} else FIRST_SPAN
    if asked in months:
        return asked, span
    if not months:
        return f"{today():%Y-%m}", span
    newest = incidents.span(store())
    assert newest is not None
    is_short = min(local_day(store(), newest[1]), today()).day < LEAST_DAYS_OF_MONTH
    return months[1 if is_short and len(months) > 1 else 0], span


def _days(month: str, span: int) -> tuple[date, date]:
    """First and last local day of the months up to `month`, a month under way up to today."""
    year, number = (int(part) for part in month.split("-"))
    last = min(date(year, number, calendar.monthrange(year, number)[1]), today())
    start = pd.Period(last, "M") - (span - 1)
    return date(start.year, start.month, 1), last


def _card(row: dict[str, Any]) -> dict[str, Any]:
    """A pain point as the page shows it."""
    language = current_language()
    category = _category_names().get(row["category"], row["category"])
    where = readings.place_of(
        language, {"place": row["name"], "place_en": row["name_en"], "area": row["place"]}
    )
    told = sentences(row, category=category, where=where)
    return {
        **{name: row[name] for name in ("code", "rank", "n_incidents", "excess", "households")},
        **{name: row[name] for name in ("n_weeks_hit", "n_weeks", "n_overdue", "n_due")},
        "overdue_share": row["overdue_share"],
        "is_recurring": bool(row["is_recurring"]),
        "title": f"{where} · {category}",
        "sentences": [translate(code, **params) for code, params in told],
    }


def _told_campaign(row: dict[str, Any]) -> dict[str, Any]:
    """A campaign as the page shows it, with what followed it."""
    row = {name: value if _is_told(value) else None for name, value in row.items()}
    names = {"place": row["name"], "place_en": row["name_en"], "area": row["campaign"]}
    where = readings.place_of(current_language(), names)
    category = _category_names().get(row["category"], row["category"])
    effect = campaigns.effect(store(), pd.Series(row, dtype=object), today=today())
    told: list[str] = []
    if effect is None:
        told = [translate("campaign.too_early", days=campaigns.LEAST_DAYS_AFTER)]
    else:
        figures = {
            "seen_after": effect.seen_after,
            "expected_after": decimal(effect.expected_after, 1),
        }
        told = [translate(effect.text, **figures), *map(translate, effect.notes)]
    may_see_who = require_principal().may("see.workers")
    return {
        **row,
        "title": f"{where} · {category}",
        "effect": told,
        "verdict": None if effect is None else effect.verdict,
        "decided_by": row["decided_by"] if may_see_who else None,
        "is_running": row["ended_at"] is None,
    }


def _is_told(value: Any) -> bool:
    """Whether a stored value is there; geometry always is."""
    return not pd.api.types.is_scalar(value) or bool(pd.notna(value))


def _category_names() -> dict[str, str]:
    return {row["category"]: row["name"] for row in named_categories()}


def _features(
    frame: gpd.GeoDataFrame, codes: pd.Series, kind: str, ranks: pd.Series | None
) -> list[dict[str, Any]]:
    if frame.empty:
        return []
    located = frame.geometry.to_crs("EPSG:4326")
    labels = frame.geometry.representative_point().to_crs("EPSG:4326")
    return [
        {
            "type": "Feature",
            "geometry": shape.__geo_interface__,
            "properties": {
                "code": code,
                "kind": kind,
                "rank": None if ranks is None else int(ranks.iloc[position]),
                "label": [labels.iloc[position].y, labels.iloc[position].x],
            },
        }
        for position, (code, shape) in enumerate(zip(codes, located, strict=True))
    ]

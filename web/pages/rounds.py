"""Rounds: the calendar of all workers, one worker's day replayed, and a worker's own page."""

from __future__ import annotations

import calendar as months_of
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd
from flask import Blueprint, Response, abort, render_template
from flask.typing import ResponseReturnValue

from geo.crs import to_wgs84
from geo.errors import GridError
from geo.patrol.routes.gpx import to_gpx
from geo.services import patrols, recordings, routes
from web.api import query
from web.api.coverage import asked_worker, newest_day
from web.language import current_language, translate
from web.pages import mapping
from web.reach import patrol_days, store, today
from web.security import needs, require_principal
from web.texts import text_of_error

room = Blueprint("rounds", __name__, url_prefix="/patrols")

MOST, HALF = 0.75, 0.4
"""Shares of the length walked from which a round's sign is full, and half."""

UNSURE = 0.4
"""Share that cannot be told from which a round that is not full is marked as unsure."""

WALK_MINUTES = 40
"""Length of a suggested round where none is asked for, minutes."""


@dataclass(frozen=True)
class Cell:
    """A worker's day in the calendar: a sign for each round, and the same in words."""

    day: date
    signs: list[str]
    words: str
    is_known: bool


@room.get("/calendar")
@needs("see.tracks")
def calendar() -> ResponseReturnValue:
    """Worker by day: which rounds have a record, and how much of them was walked."""
    known = patrol_days()
    months = sorted({f"{day:%Y-%m}" for day in known["day"]}, reverse=True)
    period = patrols.period_of(query.day("day") or newest_day(), span="month")
    found = patrols.calendar(store(), period)
    n_rounds = max(2, int(found["round"].max())) if len(found) else 2
    last = months_of.monthrange(period.first.year, period.first.month)[1]
    days = [period.first + timedelta(days=at) for at in range(last)]
    return render_template(
        "rounds_calendar.html",
        room="patrols",
        months=months,
        chosen=f"{period.first:%Y-%m}",
        days=[{"date": day, "weekend": day.weekday() >= 5} for day in days],
        n_rounds=n_rounds,
        most=MOST,
        half=HALF,
        rows=_rows(found, days, n_rounds),
    )


@room.get("/replay")
@needs()
def replay() -> ResponseReturnValue:
    """One worker's day on the map; the script fetches it, and that look is kept."""
    worker, day = asked_worker(), query.day("day")
    asking = require_principal()
    worker = worker or asking.person
    if worker is None:
        abort(404)
    day = day or newest_day()
    is_own = worker == asking.person
    names = store().read("roster", columns=["name"], where={"person": worker}, limit=1)
    name = (
        str(names["name"].iloc[0]) if len(names) and (is_own or asking.may("see.workers")) else ""
    )
    return mapping.map_page(
        "rounds",
        room="patrols",
        template="rounds_map.html",
        settings={
            "page": "replay",
            "worker": worker,
            "day": day.isoformat(),
            "keep_days": recordings.keep_fixes_days(store()),
            "is_own": is_own,
        },
        page="replay",
        day=day.isoformat(),
        is_own=is_own,
        may=asking.may,
        title=translate("rounds.replay.title", name=name or worker, day=day.isoformat()),
    )


@room.get("/mine")
@needs()
def mine() -> ResponseReturnValue:
    """The worker's own page: what is counted, what is left, what is kept, and who looked."""
    asking = require_principal()
    if asking.person is None:
        return render_template("rounds_nobody.html", room="patrols"), 404
    day = query.day("day")
    return mapping.map_page(
        "rounds",
        room="patrols",
        template="rounds_map.html",
        settings={
            "page": "mine",
            "worker": asking.person,
            "day": day.isoformat() if day else "",
            "today": today().isoformat(),
            "minutes": WALK_MINUTES,
        },
        page="mine",
        day=day.isoformat() if day else None,
        is_own=True,
        may=asking.may,
        title=translate("patrols.mine"),
    )


@room.get("/mine/round.json")
@needs()
def suggested() -> ResponseReturnValue:
    """A suggested round for today as GeoJSON lines in walking order, or why there is none."""
    try:
        found = _suggestion()
    except GridError as error:
        return {"features": [], "message": text_of_error(current_language(), error)}
    legs = to_wgs84(found.legs)
    return {
        "type": "FeatureCollection",
        "minutes": round(float(found.legs["minutes"].sum()), 1),
        "length_m": round(float(found.legs["length_m"].sum())),
        "features": [
            {
                "type": "Feature",
                "geometry": shape.__geo_interface__,
                "properties": {"kind": kind, "name": None if pd.isna(name) else name},
            }
            for shape, kind, name in zip(
                legs.geometry, found.legs["kind"], found.legs["name"], strict=True
            )
        ],
    }


@room.get("/mine/round.gpx")
@needs()
def suggested_gpx() -> ResponseReturnValue:
    """The suggested round as a file for a phone's map."""
    name = translate("rounds.mine.round", day=today().isoformat())
    response = Response(to_gpx(_suggestion().legs, name=name), mimetype="application/gpx+xml")
    response.headers["Content-Disposition"] = f'attachment; filename="round-{today()}.gpx"'
    return response


def _suggestion() -> routes.Suggestion:
    asking = require_principal()
    if asking.person is None:
        abort(404)
    minutes = query.whole("minutes", least=5, most=240) or WALK_MINUTES
    return routes.suggest(store(), day=today(), minutes=minutes, worker=asking.person)


def _rows(found: pd.DataFrame, days: list[date], n_rounds: int) -> list[dict[str, Any]]:
    """A row a worker of the roster or with a record, a cell a day."""
    entries = store().read("roster", columns=["person", "name"], where={"role": "grid_worker"})
    names = dict(zip(entries["person"], entries["name"], strict=True))
    records: dict[tuple[str, date], list[dict[str, Any]]] = {}
    for row in found.to_dict("records"):
        records.setdefault((row["worker"], row["day"].date()), []).append(dict(row))
    workers = sorted({*names, *found["worker"]}) if len(found) else []
    shares = found.groupby("worker")["covered"].mean() if len(found) else {}
    return [
        {
            "worker": worker,
            "name": names.get(worker),
            "share": float(shares.get(worker, float("nan"))),
            "cells": [_cell(day, records.get((worker, day), []), n_rounds) for day in days],
        }
        for worker in workers
    ]


def _cell(day: date, rounds: list[dict[str, Any]], n_rounds: int) -> Cell:
    by_number = {int(row["round"]): row for row in rounds}
    signs = [_sign(by_number.get(number)) for number in range(1, n_rounds + 1)]
    told = [_words(by_number[number]) for number in sorted(by_number)]
    words = translate("rounds.separator").join(told) or translate("rounds.sign.none")
    return Cell(day, signs, f"{day.isoformat()} {words}", bool(by_number))


def _sign(row: dict[str, Any] | None) -> str:
    """The sign of a round: `none` without a record, `other` for who is asked for no grid."""
    if row is None:
        return "none"
    if pd.isna(row["covered"]):
        return "other"
    if row["covered"] >= MOST:
        return "most"
    if row["cannot_tell"] >= UNSURE:
        return "unsure"
    return "half" if row["covered"] >= HALF else "little"


def _words(row: dict[str, Any]) -> str:
    """A round in words: what share, what cannot be told, how long."""
    said = [translate("rounds.round", n=row["round"])]
    if pd.notna(row["covered"]):
        said.append(translate("rounds.covered", share=f"{row['covered']:.0%}"))
        if row["cannot_tell"] >= 0.005:
            said.append(translate("rounds.cannot_tell", share=f"{row['cannot_tell']:.0%}"))
    if pd.notna(row["duration_s"]):
        said.append(translate("rounds.minutes", n=round(row["duration_s"] / 60)))
    if pd.notna(row["silent_s"]) and row["silent_s"] >= 60:
        said.append(translate("rounds.silent", n=round(row["silent_s"] / 60)))
    return " ".join(said)

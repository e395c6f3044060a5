"""Rounds: their calendar, who covers a place, a day replayed, and what a worker is shown."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable
from datetime import UTC, date, datetime
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from flask import Blueprint, Response, jsonify, request

from geo.crs import to_wgs84
from geo.errors import NotFoundError, ParameterError
from geo.services import patrols, recordings
from geo.services.clock import timezone_of
from geo.services.patrols import Period, Question
from geo.services.patrols.nearby import where_now
from geo.services.patrols.places import MOST_NEAR_M, NEAR_M
from geo.services.patrols.replay import n_fixes_of
from web.api import answers, query
from web.api.coverage import (
    BEHIND,
    WIRE_DECIMALS,
    asked_question,
    asked_worker,
    forbidden,
    tagged,
    told_period,
)
from web.reach import store, today
from web.security import needs, require_principal

NOON_HOUR = 13
"""Hour from which a pass counts as the afternoon's: the first round ends by then."""

Row = dict[Hashable, Any]


def register(api: Blueprint) -> None:
    """Add the addresses to the API."""
    api.add_url_rule("/patrols/calendar.json", view_func=patrol_calendar)
    api.add_url_rule("/patrols/effort.json", view_func=patrol_effort)
    api.add_url_rule("/patrols/place.json", view_func=patrol_place)
    api.add_url_rule("/patrols/replay.json", view_func=patrol_replay)
    api.add_url_rule("/patrols/mine.json", view_func=patrol_mine)


@needs()
def patrol_calendar() -> Response:
    """Worker by day, which rounds have a record and how much of them was walked."""
    question = asked_question(span="month")
    worker = question.worker if question else asked_worker()
    if worker is None and not require_principal().may("see.tracks"):
        raise forbidden()
    etag = answers.etag_of(BEHIND)
    if answers.is_known(etag):
        return answers.unchanged(etag)
    if question is None:
        return tagged({"period": None, "workers": []}, etag)
    found = patrols.calendar(store(), question.period, worker=worker)
    names = _names()
    told, starts = _told_rounds(found), found["worker"].drop_duplicates()
    ends = [*starts.index[1:], len(found)]
    workers = [
        {"worker": code, "name": names.get(code), "rounds": told[start:end]}
        for code, start, end in zip(starts, starts.index, ends, strict=True)
    ]
    return tagged({"period": told_period(question.period), "workers": workers}, etag)


@needs()
def patrol_effort() -> Response:
    """By grid the minutes that walking all its streets takes, and those of a recorded round."""
    question = asked_question()
    etag = answers.etag_of(BEHIND)
    if answers.is_known(etag):
        return answers.unchanged(etag)
    if question is None:
        return tagged({"grids": []}, etag)
    return tagged({"grids": _plain(patrols.effort(store(), question).round(1))}, etag)


@needs()
def patrol_place() -> Response:
    """Which patrols covered a place, and when; names and times for those who may see them."""
    question = asked_question(span="month")
    place = _asked_place()
    within_m = query.whole("within_m", least=1, most=int(MOST_NEAR_M)) or NEAR_M
    if question is None:
        return jsonify(period=None, within_m=within_m, patrols=[])
    found = patrols.passing(store(), place, question.period, within_m=within_m)
    names, zone = _names(), timezone_of(store())
    local = pd.to_datetime(found["at"].fillna(found["started_at"]), utc=True).dt.tz_convert(zone)
    found = found.assign(is_morning=local.dt.hour < NOON_HOUR, is_timed=local.notna())
    rows = [
        {
            "day": row["day"],
            "round": row["round"],
            "is_morning": row["is_morning"] if row["is_timed"] else None,
            **(
                {
                    "at": row["at"] or row["started_at"],
                    "worker": row["worker"],
                    "name": names.get(row["worker"]),
                }
                if _sees(row["worker"])
                else {"at": None, "worker": None, "name": None}
            ),
        }
        for row in _plain(found)
    ]
    return jsonify(period=told_period(question.period), within_m=within_m, patrols=rows)


@needs()
def patrol_replay() -> Response:
    """One worker's day: fixes with times, silences, stops, pieces as they were passed.

    Every look at another person's day is kept and shown to that person.
    """
    worker, day = asked_worker(), query.day("day")
    if worker is None or day is None:
        raise ParameterError("patrols.replay.asked", "give `worker` and `day`", name="worker, day")
    asking = require_principal()
    found = patrols.day_of(store(), worker, day)
    if asking.person != worker and len(found.fixes):
        recordings.note_look(store(), who=asking.name, whose=worker, day=day, now=datetime.now(UTC))
    return jsonify(
        worker=worker,
        name=_names().get(worker),
        day=day.isoformat(),
        keep_days=recordings.keep_fixes_days(store()),
        rounds=_plain(found.rounds[["patrol", "round", "started_at", "ended_at", *_FIGURES]]),
        tracks=_tracks(found.fixes),
        stops=_plain(_with_place(found.stops)[["started_at", "dwell_s", "lon", "lat"]]),
        pieces=_pieces(found.pieces),
    )


@needs()
def patrol_mine() -> Response:
    """What a worker is shown about the own rounds: today, the week, what is left, who looked."""
    asking = require_principal()
    if asking.person is None:
        raise NotFoundError(
            "patrols.nobody",
            f"the account {asking.name} belongs to no worker of the roster",
            name=asking.name,
        )
    worker = asking.person
    patrols.refresh(store(), worker, day=today())
    day = query.day("day") or _newest_of(worker) or today()
    week = patrols.period_of(day, span="week")
    figures = {
        "day": patrols.summary(store(), Question(Period(day, day), worker=worker)),
        "week": patrols.summary(store(), Question(week, worker=worker)),
    }
    looks = recordings.looks_at(store(), worker)
    rows = patrols.calendar(store(), week, worker=worker)
    return jsonify(
        worker=worker,
        day=day.isoformat(),
        today=today().isoformat(),
        grids=patrols.own_grids(store(), Period(day, day), worker),
        week=told_period(week),
        figures=figures,
        calendar=_told_rounds(rows),
        left=_plain(patrols.left_nearby(store(), worker, day)),
        here=_lon_lat(where_now(store(), worker, day)),
        keep_days=recordings.keep_fixes_days(store()),
        recorded=_plain(n_fixes_of(store(), worker)),
        stored={
            layer: store().count(layer, where={"worker": worker})
            for layer in ("rounds", "checkins", "passes")
        },
        looks=_plain(looks[["who", "whose", "day", "at"]]),
    )


def _sees(worker: str | None) -> bool:
    """Whether the asking principal may see where that worker was."""
    asking = require_principal()
    return asking.may("see.tracks") or (worker is not None and worker == asking.person)


_FIGURES = ["n_fixes", "duration_s", "walked_m", "silent_s"]


def _told_rounds(rows: pd.DataFrame) -> list[list[Any]]:
    """Day, round, shares covered, missed and not to be told, seconds, silent seconds, start."""
    told = rows[["day", "round", "covered", "missed", "cannot_tell", "duration_s", "silent_s"]]
    told = told.round({"covered": 3, "missed": 3, "cannot_tell": 3}).astype(object)
    told["day"] = rows["day"].dt.strftime("%Y-%m-%d")
    started = pd.to_datetime(rows["started_at"], utc=True)
    told["started_at"] = started.dt.strftime("%Y-%m-%dT%H:%M:%SZ").astype(object)
    plain: list[list[Any]] = told.where(told.notna(), None).to_numpy(dtype=object).tolist()
    return plain


def _names() -> dict[str, str]:
    """The names of the workers that the asking principal may see."""
    asking = require_principal()
    entries = store().read("roster", columns=["person", "name"], where={"role": "grid_worker"})
    if not asking.may("see.workers"):
        entries = entries[entries["person"] == (asking.person or "")]
    named = entries.dropna().drop_duplicates("person", keep="last")
    return dict(zip(named["person"], named["name"], strict=True))


def _newest_of(worker: str) -> date | None:
    """The newest day on which that worker has a record."""
    for layer in ("rounds", "coverage"):
        last = store().read(
            layer, columns=["day"], where={"worker": worker}, order_by="-day", limit=1
        )
        if len(last):
            return last["day"].iloc[0].date()  # type: ignore[no-any-return]
    return None


def _asked_place() -> shapely.Point:
    """The place of `lon` and `lat` in the town's CRS."""
    try:
        lon, lat = (float(request.args.get(name, "")) for name in ("lon", "lat"))
    except ValueError:
        lon = lat = math.nan
    if not (-180 <= lon <= 180 and -85 <= lat <= 85):
        raise ParameterError("patrols.place", "`lon` and `lat` must be a place in degrees")
    place = gpd.GeoSeries([shapely.Point(lon, lat)], crs="EPSG:4326")
    return place.to_crs(store().crs or "EPSG:3857").iloc[0]


def _lon_lat(place: shapely.Point) -> list[float] | None:
    if place.is_empty:
        return None
    found = gpd.GeoSeries([place], crs=store().crs).to_crs("EPSG:4326").iloc[0]
    return [round(found.x, WIRE_DECIMALS), round(found.y, WIRE_DECIMALS)]


def _with_place(points: gpd.GeoDataFrame) -> pd.DataFrame:
    """The rows with `lon` and `lat` in place of the geometry."""
    xy = shapely.get_coordinates(to_wgs84(points).geometry.array).round(WIRE_DECIMALS)
    return pd.DataFrame(points.drop(columns="geometry")).assign(lon=xy[:, 0], lat=xy[:, 1])


def _tracks(fixes: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Each patrol's fixes as [lon, lat, seconds since 1970, 1 after a silence]."""
    placed = _with_place(fixes)
    placed["second"] = placed["at"].astype("datetime64[us, UTC]").astype("int64") // 1_000_000
    placed["is_after_gap"] = placed["is_after_gap"].astype("int64")
    columns = ["lon", "lat", "second", "is_after_gap"]
    return [
        {
            "patrol": patrol,
            "round": int(rows["round"].iloc[0]),
            "fixes": rows[columns].values.tolist(),
        }
        for patrol, rows in placed.groupby("patrol", sort=False)
    ]


def _pieces(pieces: gpd.GeoDataFrame) -> dict[str, Any]:
    """The pieces as a feature collection with what the replay needs."""
    located = shapely.set_precision(to_wgs84(pieces).geometry.to_numpy(), 10.0**-WIRE_DECIMALS)
    columns = ["piece", "name", "grid", "length_m", "verdict", "is_expected", "at"]
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "geometry": json.loads(shape), "properties": row}
            for row, shape in zip(
                _plain(pd.DataFrame(pieces[columns])), shapely.to_geojson(located), strict=True
            )
        ],
    }


def _plain(rows: pd.DataFrame) -> list[Row]:
    """The rows as JSON takes them: instants and days as text, null for what is absent."""
    return [
        {
            name: value if isinstance(value, list) else None if pd.isna(value) else _text(value)
            for name, value in row.items()
        }
        for row in rows.astype(object).to_dict("records")
    ]


def _text(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    return value.date().isoformat() if value.tzinfo is None else value.isoformat()

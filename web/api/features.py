"""Layers as GeoJSON at stable addresses."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
from flask import Blueprint, Response, request

from geo.errors import NotFoundError, PermissionDenied
from geo.schema import LAYERS
from geo.services import incidents as incident_services
from geo.services import plans, recordings
from web.access import TRACK_LAYERS, own_track_rows
from web.api import answers, query
from web.reach import store
from web.security import needs, require_principal

MOST_ROWS = 1_000_000
DISTANT_PAST = pd.Timestamp("1970-01-01", tz="UTC")
DISTANT_FUTURE = pd.Timestamp("2200-01-01", tz="UTC")


def register(api: Blueprint) -> None:
    """Add the addresses to the API."""
    api.add_url_rule("/grids.geojson", view_func=grids)
    api.add_url_rule("/incidents.geojson", view_func=incidents)
    api.add_url_rule("/layers/<layer>.geojson", view_func=layer)


@needs()
def grids() -> Response:
    """The grids of a plan version, or of the version in force on a day, with their workers."""
    asked_day = query.day("date")
    plan = request.args.get("plan") or plans.current(store(), on=asked_day)
    if plan is None:
        etag = answers.etag_of(["plans"])
        return answers.features("grids", lambda: [store().read("grids", limit=0)], etag=etag)
    if not store().count("plans", where={"plan": plan}):
        raise NotFoundError("plan.unknown", f"there is no plan version {plan}", plan=plan)

    def read() -> answers.Frames:
        frame = plans.grids(store(), plan)
        communities = store().read("communities", columns=["community", "name"])
        names = communities.drop_duplicates("community").set_index("community")["name"]
        return [frame.assign(community_name=frame["community"].map(names))]

    etag = answers.etag_of(["grids", "roster", "plans", "communities"], plan)
    return answers.features("grids", read, etag=etag)


@needs()
def incidents() -> Response:
    """Incidents reported in a window of days or instants, newest first."""
    start = query.instant("from") or DISTANT_PAST
    end = query.instant("to", is_end=True) or DISTANT_FUTURE
    categories, statuses = query.listed("category"), query.listed("status")
    box, limit = query.bbox(), query.whole("limit", least=1, most=MOST_ROWS)
    where: dict[str, object] = {"reported_at": ("between", start, max(start, end))}
    if categories:
        where["category"] = categories
    if statuses:
        where["status"] = statuses
    n_matched = store().count("incidents", where=where) if box is None else None

    def read() -> answers.Frames:
        return [
            incident_services.in_window(
                store(),
                start=start,
                end=max(start, end),
                categories=categories,
                statuses=statuses,
                bbox=box,
                limit=limit,
            )
        ]

    etag = answers.etag_of(["incidents"])
    return answers.features("incidents", read, etag=etag, n_matched=n_matched)


@needs()
def layer(layer: str) -> Response:
    """All rows of a stored layer with geometry, inside a box where one is asked for."""
    spec = LAYERS.get(layer)
    if spec is None or not spec.is_spatial:
        raise NotFoundError("api.no_layer", f"there is no map layer {layer}", layer=layer)
    asking = require_principal()
    where: dict[str, object] = {}
    if layer in TRACK_LAYERS and not asking.may("see.tracks"):
        if asking.person is None:
            raise PermissionDenied(
                "auth.forbidden",
                f"role {asking.role} may not read {layer}",
                role=asking.role,
                permission="see.tracks",
            )
        where["worker"] = asking.person
    box, limit = query.bbox(), query.whole("limit", least=1, most=MOST_ROWS)

    def read() -> answers.Frames:
        frames = store().stream(layer, where=where, bbox=box, limit=limit)
        if layer not in TRACK_LAYERS:
            return frames
        if asking.may("see.tracks"):
            recordings.note_look(
                store(), who=asking.name, whose=None, day=None, now=datetime.now(UTC)
            )
        return (own_track_rows(frame, asking) for frame in frames)

    return answers.features(layer, read, etag=answers.etag_of([layer]))

"""Search, the town's summary and jobs, for the pages' scripts and other systems."""

from __future__ import annotations

from typing import Any

import pandas as pd
from flask import Blueprint, Response, jsonify, request

from geo.crs import to_wgs84
from geo.services import search as search_services
from web.filters import known_text
from web.jobs import ENDED
from web.pages.jobs import problem_of, visible_job
from web.reach import figures, store
from web.security import needs

LONGEST_SEARCH = 80
RESULTS = 10


def register(api: Blueprint) -> None:
    """Add the addresses to the API."""
    api.add_url_rule("/search", view_func=search)
    api.add_url_rule("/summary", view_func=summary)
    api.add_url_rule("/jobs/<job>", view_func=job)


@needs()
def search() -> Response:
    """Grids and places whose code, name or address holds the text, as points."""
    wanted = request.args.get("q", "")[:LONGEST_SEARCH].strip()
    found = search_services.find(store(), wanted, limit=RESULTS)
    if len(found):
        found = to_wgs84(found)
    features = [
        {
            "type": "Feature",
            "id": f"{row.kind}/{row.key}",
            "geometry": {
                "type": "Point",
                "coordinates": [round(row.geometry.x, 7), round(row.geometry.y, 7)],
            },
            "properties": {"kind": row.kind, "key": row.key, "label": row.label},
        }
        for row in found.itertuples()
        if row.geometry is not None and not row.geometry.is_empty
    ]
    return jsonify(type="FeatureCollection", features=features)


@needs()
def summary() -> Response:
    """Counts of the layers, the plan in force and the spans of the data."""
    return jsonify(_json_values(figures()))


@needs()
def job(job: str) -> Response:
    """The state of a job, with its step and its failure in the reader's language."""
    row = visible_job(job)
    return jsonify(
        job=row["job"],
        kind=row["kind"],
        state=row["state"],
        progress=row["progress"] or 0.0,
        step=known_text(row["step"] or "job.step.waiting"),
        has_ended=row["state"] in ENDED,
        problem=problem_of(row),
        result=row["result"],
    )


def _json_values(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _json_values(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_json_values(part) for part in value]
    if value is None or isinstance(value, str | bool | int | float):
        return None if isinstance(value, float) and pd.isna(value) else value
    if value is pd.NaT or value is pd.NA:
        return None
    return value.isoformat() if hasattr(value, "isoformat") else value.item()

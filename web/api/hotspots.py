"""Hotspot questions by address: for the page's map and table, and as GeoJSON for other systems."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from flask import Blueprint, Response, jsonify, request

from geo.crs import to_wgs84
from geo.exchange.values import plain_values
from geo.hotspots.counts.lattice import Lattice
from geo.hotspots.surfaces.colour_scale import NOTHING, ColourScale, fixed_scale
from geo.services import hotspots as services
from geo.services.clock import window_of_days
from geo.services.hotspots import Analysis, Question
from web import readings
from web.api import answers
from web.language import current_language, translate
from web.questions import FRAME_DAYS, asked_question, frame_ends
from web.reach import HOTSPOT_LAYERS, hotspot_answer, store, today
from web.security import needs, require_principal

WIRE_DECIMALS = 7

VERDICTS = (
    "hot",
    "intensifying",
    "new",
    "persistent",
    "sporadic",
    "oscillating",
    "diminishing",
    "few_reports",
    "repeat",
)
"""Classes of cells and areas; a level is a place in this list."""


def register(api: Blueprint) -> None:
    """Add the addresses to the API."""
    api.add_url_rule("/hotspots.json", "hotspots_answer", answer)
    api.add_url_rule("/hotspots/frames.json", "hotspots_frames", frames)
    api.add_url_rule("/hotspots.geojson", "hotspots_rows", rows)


@needs()
def answer() -> Response:
    """The report, the cells as columns of figures, and what was found, with its reading."""
    etag = answers.etag_of(HOTSPOT_LAYERS, current_language(), today())
    if answers.is_known(etag):
        return answers.unchanged(etag)
    analysis = hotspot_answer(asked_question())
    response = jsonify(told(analysis))
    response.set_etag(etag)
    return response


@needs()
def frames() -> Response:
    """Four weeks' density, a week apart, on one colour scale."""
    etag = answers.etag_of(HOTSPOT_LAYERS, today())
    if answers.is_known(etag):
        return answers.unchanged(etag)
    question = asked_question()
    ends = frame_ends(question.first, question.last)
    shown = []
    for end in ends:
        start = end - timedelta(days=FRAME_DAYS - 1)
        of_frame = Question(
            "kde",
            start,
            end,
            category=question.category,
            cell_size_m=question.cell_size_m,
            bandwidth_m=question.bandwidth_m,
        )
        shown.append(services.analyse(store(), of_frame, now=datetime.now(UTC)))
    scale = fixed_scale([frame.cells["value"].to_numpy() for frame in shown])
    response = jsonify(
        frames=[
            {
                "first": frame.question.first.isoformat(),
                "last": frame.question.last.isoformat(),
                "n_incidents": frame.report["n_incidents"],
                "at": frame.cells.index.tolist(),
                "level": scale.classify(frame.cells["value"].to_numpy()).tolist(),
            }
            for frame in shown
        ],
        scale=_told_scale(scale, "per_km2"),
        raster=_raster(shown[0].lattice) if shown and shown[0].lattice else None,
    )
    response.set_etag(etag)
    return response


@needs()
def rows() -> Response:
    """Rows of the `hotspots` layer: of a stored run, or of the question where a method is given."""
    etag = answers.etag_of([*HOTSPOT_LAYERS, "hotspots"], today())
    run, category = request.args.get("run") or None, request.args.get("category") or None
    if not request.args.get("method"):
        return answers.features(
            "hotspots", lambda: [services.stored(store(), run=run, category=category)], etag=etag
        )

    def read() -> answers.Frames:
        question = asked_question()
        analysis = hotspot_answer(question)
        start, end = window_of_days(store(), question.first, question.last)
        return [services.to_rows(analysis, run="live", start=start, end=end)]

    return answers.features("hotspots", read, etag=etag)


def told(analysis: Analysis) -> dict[str, Any]:
    """The answer as plain values, in the page's language."""
    language, report = current_language(), analysis.report
    method = analysis.question.method
    scale = _scale_of(analysis)
    unit = report.get("unit", "")
    return {
        "report": {
            **{name: value for name, value in report.items() if name != "notes"},
            "first": analysis.question.first.isoformat(),
            "last": analysis.question.last.isoformat(),
            "category": analysis.question.category,
            "cell_size_m": analysis.question.cell_size_m,
            "headline": readings.headline(language, method, report, n_areas=len(analysis.areas)),
            "notes": readings.notes(language, report),
        },
        "verdicts": [
            {"verdict": verdict, "label": translate(f"hotspots.verdict.{verdict}")}
            for verdict in VERDICTS
        ],
        "scale": None if scale is None else _told_scale(scale, unit),
        "raster": None if analysis.lattice is None else _raster(analysis.lattice),
        "cells": None if analysis.lattice is None else _cells(analysis, scale),
        "areas": _areas(analysis, scale),
    }


def _scale_of(analysis: Analysis) -> ColourScale | None:
    for frame in (analysis.cells, analysis.areas):
        if "value" in frame.columns:
            return fixed_scale([frame["value"].to_numpy(dtype="float64")])
    return None


def _told_scale(scale: ColourScale, unit: str) -> dict[str, Any]:
    return {"limits": scale.limits.tolist(), "unit": unit}


def _raster(lattice: Lattice) -> dict[str, Any]:
    """Size of the lattice and its corners as latitude and longitude: NW, NE, SE, SW."""
    rows_, cols = lattice.shape
    west, north = lattice.west_m, lattice.north_m
    east, south = west + cols * lattice.cell_size_m, north - rows_ * lattice.cell_size_m
    corners = gpd.GeoSeries(
        gpd.points_from_xy([west, east, east, west], [north, north, south, south]),
        crs=lattice.crs,
    ).to_crs("EPSG:4326")
    return {
        "rows": rows_,
        "cols": cols,
        "corners": [[round(p.y, WIRE_DECIMALS), round(p.x, WIRE_DECIMALS)] for p in corners],
    }


def _cells(analysis: Analysis, scale: ColourScale | None) -> dict[str, Any]:
    cells = analysis.cells
    figures = cells.drop(columns=["verdict", "value"], errors="ignore")
    return {
        "at": cells.index.tolist(),
        "level": _levels(cells, scale).tolist(),
        "figures": {name: plain_values(figures[name].round(4)) for name in figures.columns},
    }


def _levels(frame: pd.DataFrame, scale: ColourScale | None) -> npt.NDArray[np.int8]:
    """Class of each row: of its value, else of its verdict; `NOTHING` where unremarkable."""
    if scale is not None and "value" in frame.columns:
        return scale.classify(frame["value"].to_numpy(dtype="float64"))
    if frame.empty:
        return np.zeros(0, dtype=np.int8)
    places = {verdict: place for place, verdict in enumerate(VERDICTS)}
    levels = frame["verdict"].map(places).fillna(NOTHING)
    return np.asarray(levels, dtype=np.int8)


def _areas(analysis: Analysis, scale: ColourScale | None) -> dict[str, Any]:
    """What was found as a feature collection; each with its place in words and its reading."""
    language, method = current_language(), analysis.question.method
    areas = analysis.areas
    hidden = {"geometry", "value", *_hidden()}
    columns = {name: plain_values(areas[name]) for name in areas.columns if name not in hidden}
    found = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    located = to_wgs84(areas[["geometry"]]).geometry.to_numpy() if len(areas) else []
    shapes = shapely.to_geojson(shapely.set_precision(located, 10.0**-WIRE_DECIMALS))
    features = []
    for row, level, shape in zip(found, _levels(areas, scale).tolist(), shapes, strict=True):
        told_row = {
            **row,
            "place": readings.place_of(language, row),
            "reading": readings.reading(language, method, row),
            "level": level,
        }
        del told_row["place_en"]
        features.append(
            {
                "type": "Feature",
                "id": row["area"],
                "geometry": json.loads(shape),
                "properties": told_row,
            }
        )
    return {"type": "FeatureCollection", "features": features}


def _hidden() -> tuple[str, ...]:
    """Columns that may name residents, where the reader has no business with the matter."""
    return () if require_principal().may("see.matter") else ("address", "incidents")

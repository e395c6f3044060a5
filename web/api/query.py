"""Values of an API request's query, checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from flask import request

from geo.errors import ParameterError
from geo.intake.places import MAX_SPAN_DEG
from geo.intake.target import zone_of
from geo.services.clock import start_of_day
from web.reach import store

FIRST_DAY = date(1970, 1, 1)
LAST_DAY = date(2200, 1, 1)

NOWHERE = (-1e9, -1e9, -1e9, -1e9)
"""A box in metres that holds no place of any zone."""


def day(name: str) -> date | None:
    """A local day such as 2026-11-01; None where the query has none."""
    text = request.args.get(name, "")
    if not text:
        return None
    try:
        return _checked_year(date.fromisoformat(text), name, text)
    except ValueError as error:
        raise _refused(name, text, "day", example="2026-11-01") from error


def instant(name: str, *, is_end: bool = False) -> pd.Timestamp | None:
    """A UTC instant: a time with its zone as it is, a day as its local start (or end)."""
    text = request.args.get(name, "")
    if not text:
        return None
    if len(text) <= len("2026-11-01"):
        asked = day(name)
        assert asked is not None
        return start_of_day(store(), asked + timedelta(days=1) if is_end else asked)
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as error:
        raise _refused(name, text, "instant", example="2026-11-01T08:00:00Z") from error
    if moment.tzinfo is None:
        raise _refused(name, text, "zone", example="2026-11-01T08:00:00+08:00")
    _checked_year(moment.date(), name, text)
    return pd.Timestamp(moment).tz_convert("UTC")


def whole(name: str, *, least: int, most: int) -> int | None:
    """A whole number; None where the query has none."""
    text = request.args.get(name, "")
    if not text:
        return None
    is_number = text.isascii() and text.isdigit() and len(text) < 12
    if not is_number or not least <= int(text) <= most:
        raise _refused(name, text, "whole", least=least, most=most)
    return int(text)


def chosen(name: str, known: Sequence[int]) -> int | None:
    """One of the known whole numbers; None where the query has none."""
    text = request.args.get(name, "")
    if not text:
        return None
    if text not in {str(value) for value in known}:
        raise _refused(name, text, "chosen", known=", ".join(map(str, known)))
    return int(text)


def listed(name: str) -> list[str] | None:
    """Comma-separated values; None where the query has none."""
    values = [part.strip() for part in request.args.get(name, "").split(",") if part.strip()]
    return values[:200] or None


def bbox() -> tuple[float, float, float, float] | None:
    """The box west,south,east,north of the query in the store's CRS; None where there is none."""
    text = request.args.get("bbox", "")
    if not text:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise _refused("bbox", text, "bbox") from error
    is_box = -180 <= west <= east <= 180 and -90 <= south <= north <= 90
    if not is_box or not all(map(math.isfinite, (west, south, east, north))):
        raise _refused("bbox", text, "bbox")
    crs = store().crs
    if crs is None:
        return None
    zone = zone_of(crs)
    if zone is not None:  # beyond it the projection means nothing, and no row lies there
        west, south = max(west, zone[0] - MAX_SPAN_DEG), max(south, zone[1] - MAX_SPAN_DEG)
        east, north = min(east, zone[2] + MAX_SPAN_DEG), min(north, zone[3] + MAX_SPAN_DEG)
    if west > east or south > north:
        return NOWHERE
    edge = shapely.segmentize(shapely.box(west, south, east, north), (east - west) / 16 or 1.0)
    projected = gpd.GeoSeries([edge], crs="EPSG:4326").to_crs(crs)
    min_x, min_y, max_x, max_y = (float(value) for value in projected.total_bounds)
    return min_x, min_y, max_x, max_y


def _checked_year(asked: date, name: str, text: str) -> date:
    if not FIRST_DAY <= asked <= LAST_DAY:
        raise _refused(name, text, "year", first=FIRST_DAY.isoformat(), last=LAST_DAY.isoformat())
    return asked


def _refused(name: str, text: str, kind: str, **expected: Any) -> ParameterError:
    said = ", ".join(f"{key} {value}" for key, value in expected.items())
    return ParameterError(
        f"api.query.{kind}",
        f"`{name}` must be a {kind} ({said}); got {text[:80]!r}",
        name=name,
        value=text[:80],
        **expected,
    )

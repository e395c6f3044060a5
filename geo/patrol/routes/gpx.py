"""A route for the phone: GPX 1.1, and directions in order of the streets."""

from __future__ import annotations

from xml.sax.saxutils import escape

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.crs import to_wgs84

DECIMALS = 6
"""Of degrees in the file: 0.1 m."""


def to_gpx(legs: gpd.GeoDataFrame, *, name: str) -> str:
    """The legs (see `walk.legs`) as GPX 1.1: one track, and a way point at each visit.

    WGS84, longitude and latitude to 6 decimals; names escaped, signs that XML forbids left out. No
    times: it is a plan. A route without legs gives a file with an empty track.

    Raises
    ------
    CrsError : the legs have no CRS
    """
    degrees = to_wgs84(legs)
    is_visit = (legs["kind"] == "visit").to_numpy()
    visits, ways = degrees[is_visit], degrees[~is_visit]
    xy = shapely.get_coordinates(visits.geometry.array)
    titles = [_text(_title(row)) for row in visits["name"]]
    points = [
        f'  <wpt lat="{y:.{DECIMALS}f}" lon="{x:.{DECIMALS}f}"><name>{title}</name></wpt>'
        for (x, y), title in zip(xy, titles, strict=True)
    ]
    track = shapely.get_coordinates(ways.geometry.array)
    is_new = np.ones(len(track), dtype=bool)
    is_new[1:] = (np.round(track[1:], DECIMALS) != np.round(track[:-1], DECIMALS)).any(axis=1)
    fixes = [
        f'    <trkpt lat="{y:.{DECIMALS}f}" lon="{x:.{DECIMALS}f}"/>' for x, y in track[is_new]
    ]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<gpx version="1.1" creator="Wangge" xmlns="http://www.topografix.com/GPX/1/1">',
        *points,
        f"  <trk><name>{_text(name)}</name><trkseg>",
        *fixes,
        "  </trkseg></trk>",
        "</gpx>",
    ]
    return "\n".join(lines) + "\n"


def directions(legs: gpd.GeoDataFrame) -> pd.DataFrame:
    """What to say of the legs in order: neighbouring legs of one name joined.

    Columns `order`, `kind` (street, way, visit), `name`, `name_en` (None where unknown),
    `length_m`, `minutes` and `turn` from the leg before: start, straight, left, right, back, or
    visit.
    """
    rows = pd.DataFrame(legs.drop(columns="geometry"))
    label = rows["name"].fillna("") + "|" + rows["kind"]
    is_new = (label != label.shift()) | (rows["kind"] == "visit")
    group = is_new.cumsum()
    said = rows.groupby(group, sort=False).agg(
        kind=("kind", "first"),
        name=("name", "first"),
        name_en=("name_en", "first"),
        length_m=("length_m", "sum"),
        minutes=("minutes", "sum"),
    )
    said = said.astype({"name": object, "name_en": object})
    said = said.where(said.notna(), None).reset_index(drop=True)
    said["turn"] = _turns(legs)[is_new.to_numpy()] if len(legs) else []
    said.insert(0, "order", np.arange(1, len(said) + 1))
    return said


def _turns(legs: gpd.GeoDataFrame) -> np.ndarray:
    """The turn at the start of each leg, by the change of heading there."""
    turns = np.full(len(legs), "visit", dtype=object)
    walked = np.flatnonzero((legs["kind"] != "visit").to_numpy())
    if not len(walked):
        return turns
    lines = legs.geometry.to_numpy()[walked]
    first = shapely.get_coordinates(shapely.get_point(lines, 1)) - shapely.get_coordinates(
        shapely.get_point(lines, 0)
    )
    last = shapely.get_coordinates(shapely.get_point(lines, -1)) - shapely.get_coordinates(
        shapely.get_point(lines, -2)
    )
    heading_in = np.arctan2(last[:-1, 1], last[:-1, 0])
    heading_out = np.arctan2(first[1:, 1], first[1:, 0])
    change = np.degrees((heading_out - heading_in + np.pi) % (2 * np.pi) - np.pi)
    said = np.select(
        [np.abs(change) < 45, np.abs(change) > 150, change > 0],
        ["straight", "back", "left"],
        "right",
    )
    turns[walked] = np.append("start", said)
    return turns


def _title(name: object) -> str:
    return "" if name is None or pd.isna(name) else str(name)


def _text(name: str) -> str:
    """Escaped, without the control signs that XML 1.0 forbids."""
    return escape("".join(sign for sign in name if sign >= " " or sign in "\t\n\r"))

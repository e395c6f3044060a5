"""A year of incidents: a Poisson background and planted trouble spots whose truth is kept."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from boundaries.demo import names, writing
from boundaries.demo.incident_kinds import HOURS, KINDS, MONTHS, REPORTERS, Kind
from boundaries.demo.trouble import TROUBLES, Trouble
from geo.incidents.categories import load_categories
from geo.schema import LAYERS, check_frame

FIRST_DAY = pd.Timestamp("2025-11-01")
LAST_DAY = pd.Timestamp("2026-10-31")
ZONE = "Asia/Shanghai"
POSITION_ERROR_M = 5.0
"""Standard deviation of a reported position, each axis; an outdoor phone fix."""

DUPLICATE_SHARE = 0.035
REPORTER_PHONES_FROM = 3_000
_STAGES = (
    ("reported", 0.06), ("verified", 0.12), ("filed", 0.2), ("dispatched", 0.32),
    ("handling", 0.8), ("result_reported", 0.92), ("checked", 1.0),
)  # fmt: skip
"""Share of the handling time after which an open case leaves each stage."""


@dataclass(frozen=True)
class Year:
    """The incidents, and the truth behind them.

    `hotspots` has a row per planted trouble spot; `origins` tells of every incident which spot it
    was planted at (null: background), which incident it repeats (null: none), and the building,
    entrance, floor and room it happened in.
    """

    incidents: gpd.GeoDataFrame
    hotspots: gpd.GeoDataFrame
    origins: pd.DataFrame


def a_year(
    places: dict[str, pd.DataFrame],
    *,
    sites: gpd.GeoDataFrame,
    within: gpd.GeoDataFrame,
    rng: np.random.Generator,
) -> Year:
    """Incidents from FIRST_DAY to LAST_DAY and their truth.

    Parameters
    ----------
    places : tables of `boundaries.demo.places` by the names home, yard, street
    within : the subdistrict; reported positions stay inside it
    """
    parts = [_background(code, places, rng) for code in KINDS]
    spots = []
    for number, trouble in enumerate(TROUBLES):
        rows, spot = _planted(number, trouble, places, sites, rng)
        parts.append(rows)
        spots.append(spot)
    events = pd.concat(parts, ignore_index=True).sort_values("at", kind="stable")
    events = _with_duplicates(events.reset_index(drop=True), rng)
    events = events.sort_values("at", kind="stable", ignore_index=True)
    day = events["at"].dt.strftime("%Y%m%d")
    serial = events.groupby(day).cumcount() + 1
    events["incident"] = day + "-" + serial.astype("str").str.zfill(3)
    events["floor"], events["room"] = _flats(events, rng)
    rows = _dressed(events, within, rng)
    first = events.dropna(subset="first").set_index("tag")["first"]
    by_tag = events[events["first"].isna()].set_index("tag")["incident"]
    origins = events[["incident", "spot", "building", "entrance", "floor", "room"]].assign(
        repeats=events["first"].map(by_tag)
    )
    assert len(first) == origins["repeats"].notna().sum()
    hotspots = gpd.GeoDataFrame(pd.DataFrame(spots), geometry="geometry", crs=within.crs)
    return Year(rows, hotspots, origins)


def _background(
    code: str, places: dict[str, pd.DataFrame], rng: np.random.Generator
) -> pd.DataFrame:
    kind = KINDS[code]
    at = _times(kind, rng)
    spots = places[kind.place]
    weight = spots["weight"].to_numpy()
    chosen = rng.choice(len(spots), len(at), p=weight / weight.sum())
    return (
        spots.iloc[chosen]
        .reset_index(drop=True)
        .assign(at=at, category=code, place=kind.place, spot=None)
    )


def _times(kind: Kind, rng: np.random.Generator) -> pd.DatetimeIndex:
    """Local instants of a Poisson process with the kind's months and hours, over the year."""
    days = pd.date_range(FIRST_DAY, LAST_DAY)
    by_month = np.array(MONTHS[kind.months])
    rate = by_month[days.month - 1] / by_month.mean() * kind.yearly / 365.0
    return _at_hours(days.repeat(rng.poisson(rate)), kind.hours, rng)


def _at_hours(days: pd.DatetimeIndex, hours: str, rng: np.random.Generator) -> pd.DatetimeIndex:
    """Each day with a time of day drawn from the profile."""
    weight = np.array([int(digit) for digit in HOURS[hours]])
    hour = rng.choice(24, len(days), p=weight / weight.sum())
    seconds = hour * 3600 + rng.integers(0, 3600, len(days))
    return pd.DatetimeIndex(days + pd.to_timedelta(seconds, unit="s"))


def _planted(
    number: int,
    trouble: Trouble,
    places: dict[str, pd.DataFrame],
    sites: gpd.GeoDataFrame,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, dict[str, object]]:
    """The extra incidents of a trouble spot and its truth row."""
    kind = KINDS[trouble.category]
    spots = places[kind.place]
    xy = spots[["x", "y"]].to_numpy()
    centre = xy[trouble.where(spots, sites, rng)]
    inside = np.hypot(*(xy - centre).T) <= trouble.radius_m
    first, last = pd.Timestamp(trouble.first), pd.Timestamp(trouble.last)
    by_month = np.array(MONTHS[kind.months])
    days = pd.date_range(first, last)
    share = spots["weight"].to_numpy()[inside].sum() / spots["weight"].sum()
    season = by_month[days.month - 1].sum() / by_month.mean() / 365.0
    expected = kind.yearly * share * season
    extra = trouble.extra * rng.uniform(0.9, 1.1)
    count = rng.poisson(extra * _season(by_month, days))
    at = _at_hours(days.repeat(count), kind.hours, rng)
    chosen = rng.choice(np.flatnonzero(inside), len(at))
    key = f"H{number + 1:02d}"
    rows = (
        spots.iloc[chosen]
        .reset_index(drop=True)
        .assign(at=at, category=trouble.category, place=kind.place, spot=key)
    )
    spot = {
        "spot": key,
        "category": trouble.category,
        "place": trouble.name,
        "radius_m": trouble.radius_m,
        "window_from": first,
        "window_to": last + pd.Timedelta(days=1),
        "expected_background": float(expected),
        "expected_extra": float(extra),
        "factor": float((expected + extra) / expected),
        "n_extra": len(at),
        "geometry": shapely.Point(np.round(centre, 2)),
    }
    return rows, spot


def _season(by_month: np.ndarray, days: pd.DatetimeIndex) -> np.ndarray:
    """The share of the extra that falls on each day."""
    weight = by_month[days.month - 1] + 0.5
    return np.asarray(weight / weight.sum())


def _with_duplicates(events: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The events, and some again: the same place within hours, seen by somebody else."""
    events = events.assign(tag=np.arange(len(events)), first=np.nan)
    repeated = events[rng.random(len(events)) < DUPLICATE_SHARE]
    later = pd.to_timedelta(rng.uniform(600, 6 * 3600, len(repeated)).astype(int), unit="s")
    again = repeated.assign(at=repeated["at"].to_numpy() + later, first=repeated["tag"])
    again = again[again["at"] < LAST_DAY + pd.Timedelta(days=1)]
    return pd.concat([events, again], ignore_index=True)


def _flats(events: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.Series, pd.Series]:
    """Floor and flat number of incidents in homes; leaks through the roof on the top floor."""
    floors = np.maximum(events["floors"].to_numpy(int), 1)
    floor = np.where(events["category"] == "0651", floors, rng.integers(1, floors + 1))
    room = floor * 100 + rng.integers(1, 4, len(events))
    is_home = (events["place"] == "home").to_numpy()
    knows_floor = is_home & (rng.random(len(events)) < 0.7)
    knows_room = knows_floor & (rng.random(len(events)) < 0.8)
    return (
        pd.Series(floor, dtype="Int64").where(knows_floor),
        pd.Series(room, dtype="Int64").where(knows_room),
    )


def _dressed(
    events: pd.DataFrame, within: gpd.GeoDataFrame, rng: np.random.Generator
) -> gpd.GeoDataFrame:
    """The events as incidents: reporter, wording, address, position, stage and times."""
    n = len(events)
    kinds = _reporter_kinds(events, rng)
    has_name = np.isin(kinds, ["resident", "hotline", "courier"]) & (rng.random(n) < 0.8)
    words = [KINDS[code].words for code in events["category"]]
    xy = events[["x", "y"]].to_numpy() + rng.normal(0, POSITION_ERROR_M, (n, 2))
    points = shapely.points(np.round(xy, 2))
    is_outside = ~shapely.contains_properly(within.geometry.item(), points)
    nearest = within.geometry.item().buffer(-0.5)
    points[is_outside] = [
        shapely.Point(np.round(shapely.ops.nearest_points(nearest, p)[0].coords[0], 2))
        for p in points[is_outside]
    ]
    phone = rng.integers(REPORTER_PHONES_FROM, 10_000, n)
    table = {
        "incident": events["incident"],
        "category": events["category"],
        **_stages(events, rng),
        "reporter_kind": kinds,
        "reporter": pd.Series(names.people(n, rng)).where(has_name),
        "contact": pd.Series([names.phones(p, 1)[0] for p in phone]).where(has_name),
        "description": [w[int(rng.integers(len(w)))] for w in words],
        "address": _addresses(events, rng),
    }
    rows = gpd.GeoDataFrame(table, geometry=points, crs=within.crs)
    checked = check_frame(LAYERS["incidents"], rows)
    assert checked.n_rejected == 0, checked.rejects
    assert isinstance(checked.accepted, gpd.GeoDataFrame)
    return checked.accepted


def _reporter_kinds(events: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    kinds = np.empty(len(events), dtype=object)
    for place, shares in REPORTERS.items():
        mask = (events["place"] == place).to_numpy()
        kinds[mask] = rng.choice(list(shares), int(mask.sum()), p=list(shares.values()))
    return kinds


def _addresses(events: pd.DataFrame, rng: np.random.Generator) -> list[str]:
    written = []
    columns = ["place", "estate", "house", "door", "floor", "room", "street", "street_no"]
    table = events[columns].astype(object).where(events[columns].notna(), None)
    for place, estate, house, door, floor, room, street, street_no in table.itertuples(index=False):
        if place == "street":
            written.append(writing.on_street(street, street_no, rng))
        elif place == "yard":
            written.append(writing.yard(estate, house, rng))
        else:
            written.append(writing.home(estate, house, door, floor, room, street=street, rng=rng))
    return written


def _stages(events: pd.DataFrame, rng: np.random.Generator) -> dict[str, pd.Series]:
    """Stage, reported, due and closed times as they stand at the end of the last day."""
    limits = load_categories().set_index("category")["limit_hours"]
    limit = pd.to_timedelta(events["category"].map(limits), unit="h")
    reported = events["at"].dt.tz_localize(ZONE).dt.tz_convert("UTC")
    spent = limit * rng.lognormal(-0.8, 0.65, len(events))
    closed = (reported + spent).dt.floor("s")
    end = (LAST_DAY + pd.Timedelta(days=1)).tz_localize(ZONE).tz_convert("UTC")
    progress = ((end - reported) / spent).to_numpy()
    status = np.full(len(events), "closed", dtype=object)
    for stage, until in reversed(_STAGES):
        status[progress < until] = stage
    draw = rng.random(len(events))
    status[(status == "closed") & (draw < 0.025)] = "rejected"
    status[(status == "closed") & (draw > 0.992)] = "suspended"
    status[(status == "closed") & (draw > 0.988)] = "void"
    status[events["first"].notna().to_numpy()] = "duplicate"
    return {
        "status": pd.Series(status),
        "reported_at": reported,
        "due_at": reported + limit,
        "closed_at": closed.where(status == "closed"),
    }

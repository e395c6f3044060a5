"""The month's pain point (每月攻坚): what recurs, what was decided, and whether it worked."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.errors import ConflictError, NotFoundError, ParameterError
from geo.hotspots.campaigns.effect import Effect, before_after
from geo.hotspots.campaigns.pain_places import PATTERN_DAYS
from geo.hotspots.campaigns.pain_points import pain_points
from geo.hotspots.counts.lattice import Indices
from geo.schema import LAYERS, check_frame
from geo.services import cubes, incidents, places
from geo.services.clock import local_day, timezone_of, window_of_days
from geo.services.cubes import TownCube
from geo.store import Store

CELL_SIZE_M = 50.0
DAYS_BEFORE = 90
"""Days before the measures that are compared with at most as many after them."""

LEAST_DAYS_AFTER = 14
"""Days after the beginning below which nothing is said about the effect."""

LONGEST_WAIT_DAYS = 366
"""Measures may begin this many days from now at most."""

LEAST_SIMILAR = 10
"""Comparable places from which the fall after a peak can be told."""


def ranked(store: Store, first: date, last: date, *, now: datetime) -> gpd.GeoDataFrame:
    """The pain points of the local days `first` to `last`, worst first (see `pain_points`).

    Its rows also hold `code` (category and place, for `choose`), and `name`, `name_en` of what
    the place lies at. Rejected, duplicate and void cases do not count.

    Raises
    ------
    ParameterError : the store has neither incidents nor ground
    """
    town = cubes.town_cube(store, cell_size_m=CELL_SIZE_M)
    start, end = window_of_days(store, last - timedelta(days=PATTERN_DAYS - 1), last)
    begin, _ = window_of_days(store, first, last)
    cases = incidents.in_window(store, start=min(start, begin), end=end)
    cases = cases[~cases["status"].isin(incidents.NOT_COUNTED)]
    days = cubes.local_days(cases["reported_at"], timezone_of(store))
    points = pain_points(
        cases.assign(day=days.astype("datetime64[s]")),
        lattice=town.lattice,
        first=first,
        last=last,
        now=min(pd.Timestamp(now), end),
        households=town.sources["households"],
        sources=town.sources,
    )
    centres = shapely.point_on_surface(points.geometry.to_numpy())
    told = places.describe(store, gpd.GeoSeries(centres, crs=town.lattice.crs))
    return points.assign(
        code=points["category"].astype(str) + "@" + points["place"].astype(str),
        name=told["name"].to_numpy(),
        name_en=told["name_en"].to_numpy(),
    )


def choose(
    store: Store,
    code: str,
    *,
    first: date,
    last: date,
    decision: str,
    starts_on: date,
    by: str,
    now: datetime,
) -> str:
    """The new campaign's code, after storing what was decided about a pain point.

    Parameters
    ----------
    code : of a row of `ranked` for the same days
    decision : what is to be done, as typed
    starts_on : local day on which measures begin

    Raises
    ------
    NotFoundError : no such pain point in these days
    ParameterError : nothing was decided, or the measures begin before the evidence ends or more
        than a year from now
    ConflictError : a campaign on that category runs at that place already
    """
    if not decision.strip():
        raise ParameterError("campaign.no_decision", "say in a sentence what was decided")
    today = local_day(store, now)
    latest = today + timedelta(days=LONGEST_WAIT_DAYS)
    if not min(last, today) <= starts_on <= latest:
        raise ParameterError(
            "campaign.starts_on.range",
            f"measures must begin from {min(last, today)} to {latest}; got {starts_on}",
            first=min(last, today).isoformat(),
            last=latest.isoformat(),
        )
    points = ranked(store, first, last, now=now)
    chosen = points[points["code"] == code]
    if chosen.empty:
        raise NotFoundError(
            "campaign.no_point", f"there is no pain point {code} in these days", point=code
        )
    point = chosen.iloc[0]
    with store.transaction():
        running = store.read("campaigns", where={"category": point["category"], "ended_at": None})
        if running.geometry.intersects(point.geometry).any():
            raise ConflictError(
                "campaign.runs_already", f"a campaign on {code} runs already", point=code
            )
        campaign = f"C{local_day(store, now):%Y%m%d}-{store.count('campaigns') + 1:03d}"
        row = {
            "campaign": campaign,
            "category": point["category"],
            "place": point["name"],
            "decision": decision.strip(),
            "window_from": pd.Timestamp(first),
            "window_to": pd.Timestamp(last),
            "starts_on": pd.Timestamp(starts_on),
            "n_incidents": int(point["n_incidents"]),
            "expected": float(point["expected"]),
            "excess": float(point["excess"]),
            "households": round(float(point["households"])),
            "decided_by": by,
            "decided_at": pd.Timestamp(now),
        }
        frame = gpd.GeoDataFrame([row], geometry=[point.geometry], crs=points.crs)
        store.write("campaigns", check_frame(LAYERS["campaigns"], frame).accepted)
    return campaign


def end(store: Store, campaign: str, *, outcome: str, now: datetime) -> None:
    """Nothing; ends a campaign with what came of it.

    Raises
    ------
    NotFoundError : no such campaign
    ConflictError : it has ended
    """
    found = get(store, campaign)
    if pd.notna(found["ended_at"]):
        raise ConflictError("campaign.ended", f"{campaign} has ended", campaign=campaign)
    values = {"ended_at": pd.Timestamp(now), "outcome": outcome.strip() or None}
    store.update("campaigns", values, where={"campaign": campaign})


def get(store: Store, campaign: str) -> pd.Series:
    """The campaign's row.

    Raises
    ------
    NotFoundError : no such campaign
    """
    rows = store.read("campaigns", where={"campaign": campaign})
    if rows.empty:
        raise NotFoundError(
            "campaign.unknown", f"there is no campaign {campaign}", campaign=campaign
        )
    return rows.iloc[0]


def listed(store: Store) -> gpd.GeoDataFrame:
    """All campaigns, newest first, with `name`, `name_en` of what each lies at."""
    rows = store.read("campaigns", order_by=["-decided_at"])
    centres = gpd.GeoSeries(shapely.point_on_surface(rows.geometry.to_numpy()), crs=rows.crs)
    told = places.describe(store, centres)
    return rows.assign(name=told["name"].to_numpy(), name_en=told["name_en"].to_numpy())


def effect(store: Store, campaign: pd.Series, *, today: date) -> Effect | None:
    """What followed the measures, beside the same category in the rest of the town.

    At most `DAYS_BEFORE` days on each side; the fall that follows a peak anyway is taken off
    where the town has enough comparable places. None until incidents of `LEAST_DAYS_AFTER` days
    since the beginning are known.
    """
    town = cubes.town_cube(store, cell_size_m=CELL_SIZE_M)
    starts = campaign["starts_on"].date()
    ended = today if pd.isna(campaign["ended_at"]) else local_day(store, campaign["ended_at"])
    newest = town.cube.last_day
    known = starts if newest is None else date.fromisoformat(str(newest))
    days_after = min((min(ended, today, known) - starts).days + 1, DAYS_BEFORE)
    if days_after < LEAST_DAYS_AFTER:
        return None
    category = None if pd.isna(campaign["category"]) else str(campaign["category"])
    before = town.cube.window(
        starts - timedelta(days=DAYS_BEFORE), starts - timedelta(days=1), category=category
    )
    after = town.cube.window(starts, starts + timedelta(days=days_after - 1), category=category)
    at = _cells_of(town, campaign["geometry"])
    seen_before = int(before.ravel()[at].sum())
    similar = np.append(_similar(town, before, at), seen_before)
    return before_after(
        seen_before=seen_before,
        seen_after=int(after.ravel()[at].sum()),
        days_before=DAYS_BEFORE,
        days_after=days_after,
        control_before=int(before.sum() - before.ravel()[at].sum()),
        control_after=int(after.sum() - after.ravel()[at].sum()),
        similar_before=similar if len(similar) >= LEAST_SIMILAR else None,
    )


def _cells_of(town: TownCube, ground: Any) -> Indices:
    """Cells whose centre lies in the campaign's ground."""
    x, y = town.lattice.centres(np.arange(town.lattice.n_cells))
    found: Indices = np.flatnonzero(shapely.intersects_xy(ground, x, y))
    return found


def _similar(town: TownCube, before: Indices, at: Indices) -> Indices:
    """Counts before of square places of about as many cells elsewhere, side by side."""
    side = max(1, round(float(np.sqrt(len(at)))))
    rows, cols = (size // side for size in town.lattice.shape)
    block = (slice(0, rows * side), slice(0, cols * side))

    def tiles(values: np.ndarray) -> np.ndarray:
        summed: np.ndarray = values[block].reshape(rows, side, cols, side).sum(axis=(1, 3))
        return summed.ravel()

    is_here = np.zeros(town.lattice.shape)
    is_here.ravel()[at] = 1
    is_ground = tiles(town.lattice.ground_share) >= 0.5 * side**2
    found: Indices = tiles(before)[is_ground & (tiles(is_here) == 0)]
    return found

"""The month's pain point: which trouble recurs where, ranked by what a campaign could save."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.crs import check_metric
from geo.errors import ParameterError, SchemaError
from geo.hotspots.campaigns.pain_places import HotPlaces, hot_places, rows_of_window
from geo.hotspots.campaigns.recurrence import overdue, recurrence, top_addresses, week_trends
from geo.hotspots.counts.lattice import Floats, Lattice
from geo.hotspots.counts.periods import Day, window_days
from geo.hotspots.significant.false_discovery import Correction, q_values

TREND_LEVEL = 0.05
"""False-discovery rate at which a place is said to grow or to fall."""

MIN_WEEKS = 2
MIN_DAYS = 3
"""Weeks and days that must be hit for trouble to recur; below, it was one burst."""


@dataclass(frozen=True)
class Weights:
    """Exponents of the score; 0 leaves a figure out.

    score = max(excess, 0)^excess x weeks_share^recurrence x (1 + overdue_share)^overdue
    x (1 + households / the town's households)^households.

    Defaults (ours): excess and recurrence count in full: twice the excess, or the same excess in
    twice as many weeks, is twice as bad. Overdue at most doubles, with half its weight; households
    the same. An overdue share that is null counts as 0.
    """

    excess: float = 1.0
    recurrence: float = 1.0
    overdue: float = 0.5
    households: float = 0.5


def pain_points(
    incidents: gpd.GeoDataFrame,
    *,
    lattice: Lattice,
    first: Day,
    last: Day,
    now: pd.Timestamp,
    households: Floats,
    sources: Mapping[str, Floats],
    weights: Weights | None = None,
    alpha: float = 0.05,
    correction: Correction = "bh",
) -> gpd.GeoDataFrame:
    """The places where a category has more incidents than expected, worst first.

    Every category with `MIN_INCIDENTS` incidents or more is expected where its incidents come from
    (`fit_mixture` of the sources and of the other categories smoothed over 3 x 3 cells, over the
    `PATTERN_DAYS` up to `last`: a category like another follows it) and its
    cells are tested by `significant_cells`, all categories in one pass under one false-discovery
    control. Hot cells of a category that touch, or nearly, are a place.
    Places that were hit in fewer than `MIN_WEEKS` weeks or `MIN_DAYS` days do not recur and stand
    last.

    Parameters
    ----------
    incidents : rows with `category`, `day` (local, datetime64), `due_at`, `closed_at` (times with
        zone or null) and a place in the lattice's CRS; `incident` (id, counted once) and `address`
        where known. Duplicates, void and rejected cases are the caller's to leave out
    first, last : local days of the window, both included. Earlier rows tell the pattern only;
        later ones are left out and counted
    now : instant up to which promised ends count as due
    households : (rows, cols) households of each cell
    sources : name -> (rows, cols) amounts that incidents follow: households, metres of street,
        ground; one at least

    Returns
    -------
    Frame with rank, category, place (code of its strongest cell), n_incidents, expected, excess
    and excess_low, excess_high (exact 95%), relative_risk, risk_low, risk_high, q; the columns of
    `recurrence` and `overdue`; households; trend (1 growing against the category in town, -1
    falling, 0 neither), p_trend, q_trend; top_address, n_at_top_address; is_recurring; score; and
    the place's cells. `attrs`: n_left_out by reason, too_few (categories below `MIN_INCIDENTS`),
    n_tests, notes of the test

    Raises
    ------
    CrsError, SchemaError : the incidents lack a projected CRS or a column
    ParameterError : the window is reversed, a raster has another shape, or no source has anything
    """
    check_metric(incidents, "incidents")
    _check(incidents, lattice, {"households": households, **sources})
    begin, end = window_days(first, last)
    kept, left_out = rows_of_window(incidents, lattice, begin, end)
    places = hot_places(kept, sources, lattice, alpha=alpha, correction=correction)
    seen = kept[kept["since"].ge(0)]
    n_days = int((end - begin).astype(np.int64)) + 1
    figures = pd.concat(
        [places.figures(), _course(seen, places, n_days, now=now, correction=correction)], axis=1
    )
    figures["households"] = np.bincount(
        places.area, households.ravel()[places.cell], minlength=places.n_places
    )
    points = _ranked(figures, float(households.sum()), weights or Weights(), lattice)
    judged = places.judged
    points.attrs = {
        "n_left_out": left_out,
        "too_few": places.too_few,
        "n_tests": judged.n_tested if judged else 0,
        "notes": judged.notes if judged else ("hotspots.note.no_incidents",),
    }
    return points


def sentences(
    point: Mapping[str, Any], *, category: str, where: str
) -> tuple[tuple[str, dict[str, Any]], tuple[str, dict[str, Any]]]:
    """The two sentences that explain a row of `pain_points`: codes of texts and their params.

    category, where : names of the category and the place as people read them
    """
    figures: dict[str, Any] = {"category": category, "where": where}
    for name in ("n_incidents", "n_weeks", "n_weeks_hit", "n_days_hit", "n_due", "n_overdue"):
        figures[name] = int(point[name])
    for name in ("excess", "excess_low", "excess_high", "households"):
        figures[name] = round(float(point[name]))
    figures["expected"] = round(float(point["expected"]), 1)
    if not point["is_recurring"]:
        return ("hotspots.pain.excess", figures), ("hotspots.pain.burst", figures)
    course = {1: "growing", -1: "falling", 0: "steady"}[int(point["trend"])]
    due = "overdue" if point["n_overdue"] else "in_time" if point["n_due"] else "not_due"
    return ("hotspots.pain.recurs", figures), (f"hotspots.pain.{due}.{course}", figures)


def _course(
    seen: pd.DataFrame,
    places: HotPlaces,
    n_days: int,
    *,
    now: pd.Timestamp,
    correction: Correction,
) -> pd.DataFrame:
    """Recurrence, overdue share, trend and address of each place."""
    place, n = places.place_of(seen), places.n_places
    here = seen[place >= 0]
    at, since = place[place >= 0], here["since"].to_numpy(np.int64)
    names = pd.Index(places.categories, dtype=object)
    code = names.get_indexer(seen["category"]).astype(np.int64)
    day = seen["since"].to_numpy(np.int64)
    course = np.bincount((code * n_days + day)[code >= 0], minlength=len(names) * n_days)
    course = course.reshape(len(names), n_days).astype(np.int64)
    sign, p = week_trends(at, since, group=places.group, course=course, n_days=n_days)
    q = q_values(p, correction=correction)
    addresses = here["address"] if "address" in here else pd.Series(None, index=here.index)
    return pd.concat(
        [
            recurrence(at, since, n_places=n, n_days=n_days),
            overdue(at, here["due_at"], here["closed_at"], now=now, n_places=n),
            pd.DataFrame(
                {"trend": np.where(q <= TREND_LEVEL, sign, 0), "p_trend": p, "q_trend": q}
            ),
            top_addresses(at, addresses, n_places=n),
        ],
        axis=1,
    )


def _ranked(
    figures: pd.DataFrame, n_households: float, weights: Weights, lattice: Lattice
) -> gpd.GeoDataFrame:
    late = figures["overdue_share"].fillna(0.0)
    figures["is_recurring"] = figures["n_weeks_hit"].ge(MIN_WEEKS) & figures["n_days_hit"].ge(
        MIN_DAYS
    )
    figures["score"] = (
        figures["excess"].clip(lower=0.0) ** weights.excess
        * figures["weeks_share"] ** weights.recurrence
        * (1 + late) ** weights.overdue
        * (1 + figures["households"] / max(n_households, 1.0)) ** weights.households
    )
    order = np.lexsort((-figures["score"].to_numpy(), ~figures["is_recurring"].to_numpy(bool)))
    rows = figures.iloc[order].reset_index(drop=True)
    shapes = gpd.GeoSeries(rows.pop("geometry").tolist(), crs=lattice.crs)
    points = gpd.GeoDataFrame(rows, geometry=shapes)
    points.insert(0, "rank", np.arange(1, len(points) + 1))
    return points


def _check(incidents: gpd.GeoDataFrame, lattice: Lattice, rasters: Mapping[str, Floats]) -> None:
    lacking = [c for c in ("category", "day", "due_at", "closed_at") if c not in incidents]
    if lacking:
        raise SchemaError(
            "hotspots.count_columns",
            f"incidents need category, day, due_at and closed_at; lacking {lacking}.",
            columns=", ".join(lacking),
        )
    for name, raster in rasters.items():
        if raster.shape != lattice.shape:
            raise ParameterError(
                "hotspots.shape_differs",
                f"`{name}` must have the lattice's shape {lattice.shape}; got {raster.shape}.",
                name=name,
                found=str(raster.shape),
                wanted=str(lattice.shape),
            )

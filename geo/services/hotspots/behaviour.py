"""How places behave over time, addresses that report again, and grids that report too little."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.hotspots.campaigns.under_reporting import suspiciously_few
from geo.hotspots.change.emerging import emerging as classify
from geo.hotspots.counts.periods import Period
from geo.hotspots.scans.near_repeat import near_repeat
from geo.hotspots.scans.repeats import repeat_alarms
from geo.hotspots.significant.touching import touching_areas
from geo.hotspots.significant.window_sums import window_sums
from geo.incidents.attribution import attribute
from geo.services import incidents, plans
from geo.services.clock import timezone_of, window_of_days
from geo.services.cubes import local_days
from geo.services.hotspots.asking import (
    ALPHA,
    SEED,
    Analysis,
    Asked,
    cell_table,
    note,
)

LEAST_DAYS_BY_MONTH = 180
"""Windows at least this long are cut into months, shorter ones into weeks."""

LEAST_PERIODS = 4
PAST_DAYS = 365
"""Days before the window from which it is known how often an address reports."""

PLACE_RADIUS_M = 20.0
"""An address is drawn as a circle of this radius."""

NEAR_M = (50.0, 100.0, 200.0)
NEAR_DAYS = (3, 7, 14)
"""Upper edges of the bands in which a report may draw another after it."""

MOST_PAIRED = 5_000
"""Incidents above which pairs are not counted while somebody waits."""

QUIET = ("none", "untested")
"""Classes that say nothing about a place."""

LEAST_GRIDS = 6
"""Grids with households below which none can be expected from the others."""

RESIDENTS = ("resident", "hotline")
"""Who speaks for the residents; the routes of couriers and workers say nothing of silence."""

ORDER = ("intensifying", "new", "persistent", "sporadic", "oscillating", "diminishing")
"""What a planner looks at first."""


def emerging(asked: Asked) -> Analysis:
    """New, intensifying, persistent, diminishing, oscillating or sporadic, by 3 x 3 cells."""
    q = asked.question
    period: Period = "month" if (q.last - q.first).days >= LEAST_DAYS_BY_MONTH else "week"
    dense = asked.town.cube.by_period(q.first, q.last, category=q.category, period=period)
    if len(dense) < LEAST_PERIODS:
        return asked.answer(None, None, notes=[note("few_periods", n=LEAST_PERIODS)])
    exposure, shares = asked.exposure
    at = np.flatnonzero(asked.counts)
    around = np.stack([window_sums(layer.astype(np.float64), 1).ravel()[at] for layer in dense])
    exposed = window_sums(exposure, 1)
    told = classify(
        around.T.astype(np.int64),
        exposure=exposed.ravel()[at],
        n_cells=int(np.count_nonzero(exposed)),
        totals=dense.sum(axis=(1, 2)),
        total_exposure=float(exposure.sum()),
        correction=q.correction,
    ).table()
    verdict = told["verdict"].astype(str).to_numpy(dtype=object)
    is_found = ~np.isin(verdict, QUIET)
    cells = cell_table(
        at,
        n_incidents=asked.counts.ravel()[at],
        expected=told["expected"].to_numpy(),
        excess=told["excess"].to_numpy(),
        n_around=told["seen"].to_numpy(),
        n_hot=told["n_hot"].to_numpy(),
        verdict=np.where(is_found, verdict, "not_significant"),
    )
    return asked.answer(
        cells,
        _behaving(asked, cells[is_found]).assign(n_periods=len(dense)),
        n_significant=int(is_found.sum()),
        period=period,
        n_periods=len(dense),
        shares=shares,
        notes=[] if is_found.any() else [note("nothing_emerging")],
    )


def _behaving(asked: Asked, found: pd.DataFrame) -> gpd.GeoDataFrame:
    """Areas of touching cells of one class, in the order in which they are looked at."""
    parts = []
    for verdict in ORDER:
        cells = found[found["verdict"] == verdict]
        if len(cells):
            areas = touching_areas(asked.lattice, cells, by="excess")
            n_hot = [int(cells["n_hot"].max())] * len(areas)
            parts.append(areas.drop(columns="excess").assign(verdict=verdict, n_hot=n_hot))
    if not parts:
        return asked.no_areas()
    return gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=asked.lattice.crs)


def repeats(asked: Asked) -> Analysis:
    """Addresses that report the same matter more often than they used to."""
    q, store = asked.question, asked.store
    start, end = window_of_days(store, q.first, q.last)
    cases = incidents.in_window(
        store,
        start=start - pd.Timedelta(days=PAST_DAYS),
        end=end,
        categories=[q.category] if q.category else None,
    )
    is_single = ~cases["status"].isin(incidents.NOT_COUNTED)
    until = max(min(end, pd.Timestamp(asked.now)), start + pd.Timedelta(days=1))
    found = repeat_alarms(
        cases[is_single],
        window_days=(until - start) / pd.Timedelta(days=1),
        history_days=PAST_DAYS,
        now=until,
        correction=q.correction,
    )
    alarms = found.alarms[~found.alarms.geometry.is_empty & found.alarms.geometry.notna()]
    zone = timezone_of(store)
    areas = gpd.GeoDataFrame(
        {
            "area": [f"R{rank:03d}" for rank in range(1, len(alarms) + 1)],
            "verdict": "repeat",
            "category": alarms["category"].to_numpy(),
            "address": alarms["place"].to_numpy(),
            "n_incidents": alarms["n"].to_numpy(),
            "expected": alarms["expected"].to_numpy(),
            "excess": (alarms["n"] - alarms["expected"]).to_numpy(),
            "q": alarms["q"].to_numpy(),
            "first_day": local_days(alarms["first"], zone).astype(str),
            "last_day": local_days(alarms["last"], zone).astype(str),
            "incidents": alarms["incidents"].to_numpy(),
        },
        geometry=alarms.geometry.buffer(PLACE_RADIUS_M).to_numpy(),
        crs=asked.lattice.crs,
    )
    notes = [] if len(areas) else [note("no_repeats")]
    if found.n_unplaced:
        notes.append(note("unplaced", n=found.n_unplaced))
    return asked.answer(None, areas, n_significant=len(areas), notes=notes)


def near_repeats(asked: Asked) -> Analysis:
    """Whether one report is soon followed by another nearby, more often than chance brings."""
    cases = asked.incidents
    if len(cases) > MOST_PAIRED:
        return asked.answer(None, None, notes=[note("too_many_pairs", n=MOST_PAIRED)])
    points = cases.geometry.to_numpy()
    days = local_days(cases["reported_at"], timezone_of(asked.store))
    bands = near_repeat(
        shapely.get_x(points),
        shapely.get_y(points),
        days.astype(np.int64),
        distances_m=NEAR_M,
        days=NEAR_DAYS,
        seed=SEED,
        alpha=ALPHA,
    )
    found = bands[bands["is_significant"]].sort_values("ratio", ascending=False, kind="stable")
    notes = [
        note(
            "near_repeat",
            far=round(row.distance_to_m),
            days=row.day_to,
            ratio=round(row.ratio, 1),
            pairs=row.pairs,
        )
        for row in found.head(3).itertuples()
    ]
    return asked.answer(
        None, None, n_significant=len(found), notes=notes or [note("no_near_repeat")]
    )


def reports(asked: Asked) -> Analysis:
    """Grids in force whose residents report suspiciously little for their households."""
    plan = plans.current(asked.store)
    if plan is None:
        return asked.answer(None, None, notes=[note("no_grids")])
    grids = asked.store.read("grids", where={"plan": plan})
    cases = attribute(asked.incidents, grids)
    by_residents = cases["reporter_kind"].isin(RESIDENTS)
    if np.count_nonzero(grids["households"] > 0) < LEAST_GRIDS:
        return asked.answer(None, None, notes=[note("few_grids", n=LEAST_GRIDS)])
    told = grids.assign(
        households=grids["households"].fillna(0),
        residents=_per_grid(grids, cases[by_residents]),
        others=_per_grid(grids, cases[~by_residents]),
    )
    judged = suspiciously_few(
        told, seen="residents", beside=["others"], correction=asked.question.correction
    )
    few = judged[judged["is_few"]].sort_values("q", kind="stable")
    areas = gpd.GeoDataFrame(
        {
            "area": grids.loc[few.index, "grid"].to_numpy(),
            "verdict": "few_reports",
            "n_incidents": few["seen"].to_numpy(),
            "expected": few["expected"].to_numpy(),
            "excess": (few["seen"] - few["expected"]).to_numpy(),
            "relative_risk": few["ratio"].to_numpy(),
            "risk_low": few["ratio_low"].to_numpy(),
            "risk_high": few["ratio_high"].to_numpy(),
            "q": few["q"].to_numpy(),
            "households": told.loc[few.index, "households"].astype("int64").to_numpy(),
        },
        geometry=grids.loc[few.index, "geometry"].to_numpy(),
        crs=grids.crs,
    )
    return asked.answer(
        None,
        areas,
        n_significant=len(areas),
        n_grids=len(grids),
        n_of_residents=int(by_residents.sum()),
        dispersion=float(judged.attrs["dispersion"]),
    )


def _per_grid(grids: gpd.GeoDataFrame, cases: gpd.GeoDataFrame) -> pd.Series:
    """Cases in each grid."""
    counted = cases["grid"].value_counts()
    return grids["grid"].map(counted).fillna(0).astype("int64")

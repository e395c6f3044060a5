"""Circles, and cylinders of space and time, that hold more than their share."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.hotspots.counts.lattice import Indices, Lattice
from geo.hotspots.scans.permutation_scan import permutation_scan
from geo.hotspots.scans.scan import poisson_scan
from geo.services.hotspots.asking import ALPHA, SEED, Analysis, Asked, cell_table, note

N_REPLICATES = 999
MAX_SCAN_RADIUS_M = 500.0
MOST_SCANNED = 10_000
"""Cells above which they are joined to larger ones: circles grow with the square of cells."""

MAX_RECENT_RADIUS_M = 300.0
MAX_RECENT_DAYS = 30
PAST_DAYS = 365
"""Days that the scan in space and time looks back on, to know what is usual where."""

MIN_RECENT_CASES = 3
MIN_RECURRENCE_DAYS = 90.0
"""An alarm of the scan in space and time comes by chance at most once in so many days."""


def scan(asked: Asked) -> Analysis:
    """Kulldorff's Poisson scan: circles that hold more than their share."""
    exposure, shares = asked.exposure
    lattice, block = _scanned_lattice(asked.lattice)
    counts, weights = (
        np.bincount(block, weights=values.ravel(), minlength=lattice.n_cells)
        for values in (asked.counts, exposure)
    )
    at = np.flatnonzero(lattice.is_inside)
    found = poisson_scan(
        *lattice.centres(at),
        counts[at].astype(np.int64),
        weights[at].astype(np.float64),
        max_radius_m=MAX_SCAN_RADIUS_M,
        n_replicates=N_REPLICATES,
        seed=SEED,
        alpha=ALPHA,
    )
    clusters = found.clusters[found.clusters["is_significant"]]
    members = [at[positions] for positions in clusters["members"]]
    areas = gpd.GeoDataFrame(
        _cluster_figures(clusters).assign(
            area=lattice.codes(at[clusters["centre"].to_numpy()]),
        ),
        geometry=[shapely.union_all(lattice.boxes(cells)) for cells in members],
        crs=lattice.crs,
    )
    notes = [] if len(areas) else [note("no_cluster")]
    if lattice is not asked.lattice:
        notes.append(note("coarser", side=round(lattice.cell_size_m)))
    if found.n_unexposed:
        notes.append(note("unexposed", n=found.n_unexposed))
    return asked.answer(
        _marked(asked, [np.flatnonzero(np.isin(block, cells)) for cells in members]),
        areas,
        n_significant=len(areas),
        n_replicates=found.n_replicates,
        shares=shares,
        notes=notes,
    )


def recent(asked: Asked) -> Analysis:
    """Clusters of one category in space and time that are alive on the window's last day.

    Every category with recent cases is scanned; an alarm comes by chance at most once in
    `MIN_RECURRENCE_DAYS` over all of them together.
    """
    q, cube = asked.question, asked.town.cube
    last = np.datetime64(q.last, "D")
    begin = last - MAX_RECENT_DAYS + 1
    categories = [q.category] if q.category else list(cube.categories)
    scanned = [
        category
        for category in categories
        if cube.daily(begin, last, category=category).sum() >= MIN_RECENT_CASES
    ]
    scanned_on = _scanned_lattice(asked.lattice)
    parts, members = [], []
    for category in scanned:
        areas, cells = _alive(
            asked, category, *scanned_on, least_recurrence_days=MIN_RECURRENCE_DAYS * len(scanned)
        )
        parts.append(areas)
        members += cells
    found = [part for part in parts if len(part)]
    areas = asked.no_areas()
    if found:
        joined = pd.concat(found).sort_values("excess", ascending=False, kind="stable")
        areas = gpd.GeoDataFrame(joined.reset_index(drop=True), crs=asked.lattice.crs)
    return asked.answer(
        _marked(asked, members),
        areas,
        n_significant=len(areas),
        n_categories=len(scanned),
        notes=[] if len(areas) else [note("nothing_recent")],
    )


def _scanned_lattice(fine: Lattice) -> tuple[Lattice, Indices]:
    """The lattice to scan on, coarser in a large town, and the cell of it of each fine cell."""
    factor = math.ceil(math.sqrt(np.count_nonzero(fine.is_inside) / MOST_SCANNED))
    lattice = fine.coarser(factor) if factor > 1 else fine
    return lattice, lattice.cell_of(*fine.centres(np.arange(fine.n_cells)))


def _alive(
    asked: Asked, category: str, lattice: Lattice, block: Indices, *, least_recurrence_days: float
) -> tuple[gpd.GeoDataFrame, list[Indices]]:
    """Clusters of a category alive on the last day, and the fine cells of each.

    Cases stand at the centres of the cells of `lattice`. Few replicates first; the many that a long
    recurrence needs only where these leave it possible.
    """
    last = np.datetime64(asked.question.last, "D")
    since = last - PAST_DAYS + 1
    fine, counts, _ = asked.town.cube.series(since, last, category=category, period=1)
    row, day = np.nonzero(counts)
    repeated = np.repeat(np.arange(len(row)), counts[row, day])
    fine, day = fine[row[repeated]], day[repeated]
    x, y = lattice.centres(block[fine])
    clusters = pd.DataFrame()
    for n_replicates in (99, int(least_recurrence_days) * 2):
        clusters = permutation_scan(
            x,
            y,
            day,
            today=PAST_DAYS - 1,
            max_radius_m=MAX_RECENT_RADIUS_M,
            max_days=MAX_RECENT_DAYS,
            min_cases=MIN_RECENT_CASES,
            min_recurrence_days=min(least_recurrence_days, n_replicates / 5),
            n_replicates=n_replicates,
            seed=SEED,
        ).clusters
        clusters = clusters[clusters["is_alarm"]]
        if clusters.empty:
            break
    reach_m = clusters["radius_m"].to_numpy() + lattice.cell_size_m / 2
    centres = shapely.points(clusters["x"].to_numpy(), clusters["y"].to_numpy())
    first_day = since + clusters["first_day"].to_numpy(dtype=np.int64)
    areas = gpd.GeoDataFrame(
        _cluster_figures(clusters).assign(
            category=category,
            first_day=first_day.astype(str),
            recurrence_days=clusters["recurrence_interval_days"].to_numpy(),
            area=lattice.codes(block[fine[clusters["centre"].to_numpy()]]),
        ),
        geometry=shapely.buffer(centres, reach_m),
        crs=lattice.crs,
    )
    return areas, [np.unique(fine[rows]) for rows in clusters["members"]]


def _cluster_figures(clusters: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "verdict": "hot",
            "n_incidents": clusters["cases"].to_numpy(),
            "expected": clusters["expected"].to_numpy(),
            "excess": (clusters["cases"] - clusters["expected"]).to_numpy(),
            "relative_risk": (clusters["cases"] / clusters["expected"]).to_numpy(),
            "p": clusters["p"].to_numpy(),
        }
    )


def _marked(asked: Asked, members: list[Indices]) -> pd.DataFrame:
    """The cells with incidents, those of a cluster marked hot."""
    hot = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *members]))
    at = np.union1d(np.flatnonzero(asked.counts), hot[hot >= 0])
    return cell_table(
        at,
        n_incidents=asked.counts.ravel()[at],
        verdict=np.where(np.isin(at, hot), "hot", "not_significant"),
    )

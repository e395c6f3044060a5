"""Where incidents are more than chance accounts for: by cell, by circle, in space and time."""

from __future__ import annotations

import math
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.hotspots.campaigns.under_reporting import reporter_reliance
from geo.hotspots.counts.lattice import Indices
from geo.hotspots.scans.permutation_scan import permutation_scan
from geo.hotspots.scans.scan import poisson_scan
from geo.hotspots.significant.areas import hotspot_areas
from geo.hotspots.significant.false_discovery import q_values
from geo.hotspots.significant.local import LocalStatistic, getis_ord_on_lattice, local_moran
from geo.hotspots.significant.significance import Significance, significant_cells
from geo.hotspots.significant.touching import neighbours, touching_areas
from geo.services.hotspots.asking import ALPHA, SEED, Analysis, Asked, Note, cell_table, note

N_REPLICATES = 999
MAX_SCAN_RADIUS_M = 500.0
MOST_SCANNED = 10_000
"""Cells above which the scan joins them to larger ones: circles grow with the square of cells."""

MAX_RECENT_RADIUS_M = 300.0
MAX_RECENT_DAYS = 30
PAST_DAYS = 365
"""Days that the scan in space and time looks back on, to know what is usual where."""

MOST_LOOKED_AT = 50_000
"""Incidents above which it is not told who reported them: the map must not wait for it."""

MIN_RECENT_CASES = 3
MIN_RECURRENCE_DAYS = 90.0
"""An alarm of the scan in space and time comes by chance at most once in so many days."""


def significance(asked: Asked) -> Analysis:
    """Cells with significantly more incidents than their exposure explains."""
    judged = judge(asked)
    at = np.flatnonzero((asked.counts.ravel() > 0) | judged.is_hot.ravel())
    figures = {
        name: getattr(judged, name).ravel()[at]
        for name in ("expected", "excess", "relative_risk", "risk_low", "risk_high", "q")
    }
    is_hot = judged.is_hot.ravel()[at]
    cells = cell_table(
        at,
        n_incidents=asked.counts.ravel()[at],
        **figures,
        verdict=np.where(is_hot, "hot", "not_significant"),
    )
    told: dict[str, dict[str, Any]] = {
        "unexposed": {"n": judged.n_unexposed},
        "outside": {"n": judged.n_outside},
        "overdispersed": {"ratio": round(judged.dispersion, 2)},
    }
    areas = hotspot_areas(judged, asked.lattice).assign(verdict="hot")
    return asked.answer(
        cells,
        with_reporters(asked, areas),
        n_significant=int(judged.is_hot.sum()),
        n_unexposed=judged.n_unexposed,
        model=judged.model.name,
        dispersion=judged.dispersion,
        shares={} if asked.question.exposure == "background" else asked.exposure[1],
        notes=[(code, told.get(code.rpartition(".")[2], {})) for code in judged.notes],
    )


def judge(asked: Asked) -> Significance:
    """The exact test of every cell against the exposure asked for."""
    q = asked.question
    is_background = q.exposure == "background"
    exposure, _ = asked.exposure
    return significant_cells(
        asked.counts,
        None if is_background else exposure,
        background=exposure.astype(np.int64) if is_background else None,
        is_inside=asked.lattice.is_inside,
        alpha=ALPHA,
        correction=q.correction,
    )


def with_reporters(asked: Asked, areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The areas with the kind of reporter that each leans on, where it leans on one.

    `leans_on` (null: on none), `leans_share` of the area's reports and `leans_town_share` of the
    town's come from that kind: a courier's route must not pass for a hotspot. Not told without a
    store, or of more than `MOST_LOOKED_AT` incidents.
    """
    if asked.held is None or areas.empty or int(asked.counts.sum()) > MOST_LOOKED_AT:
        return areas
    cases = asked.incidents.dropna(subset=["reporter_kind"])
    town = cases["reporter_kind"].value_counts()
    kinds = [str(kind) for kind in town.index]
    case, area = areas.sindex.query(cases.geometry, predicate="intersects")
    pairs = pd.DataFrame({"area": area, "kind": cases["reporter_kind"].to_numpy()[case]})
    counted = pd.crosstab(pairs["area"], pairs["kind"])
    per_area = counted.reindex(index=range(len(areas)), columns=kinds, fill_value=0)
    told = areas.assign(leans_on=None, leans_share=None, leans_town_share=None)
    for kind in kinds:
        leaning = reporter_reliance(per_area, kind=kind, kinds=kinds, town=town, alpha=ALPHA)
        rows = told.index[leaning["rests_on_kind"].to_numpy() & told["leans_on"].isna().to_numpy()]
        told.loc[rows, "leans_on"] = kind
        told.loc[rows, "leans_share"] = leaning["share"].to_numpy()[rows]
        told.loc[rows, "leans_town_share"] = leaning["town_share"].to_numpy()[rows]
    return told


def getis_ord(asked: Asked) -> Analysis:
    """Getis and Ord's Gi* of the counts: what other tools show, with its warnings."""
    inside = asked.lattice.is_inside
    view = getis_ord_on_lattice(asked.counts, inside, exposure=asked.exposure[0])
    return _compatible(asked, view, z=view.z.ravel(), p=view.p.ravel())


def moran(asked: Asked) -> Analysis:
    """Local Moran of the counts: places high among high ones, with the same warnings."""
    inside = asked.lattice.is_inside
    view = local_moran(
        asked.counts[inside].astype(np.float64),
        neighbours(inside),
        exposure=asked.exposure[0][inside],
    )
    counts = asked.counts[inside]
    z, p = np.zeros(inside.size), np.ones(inside.size)
    z[inside.ravel()] = np.where(counts > counts.mean(), view.z, np.minimum(view.z, 0.0))
    p[inside.ravel()] = view.p
    return _compatible(asked, view, z=z, p=p)


def _compatible(asked: Asked, view: LocalStatistic, *, z: np.ndarray, p: np.ndarray) -> Analysis:
    inside = asked.lattice.is_inside.ravel()
    q = np.ones(inside.size)
    q[inside] = q_values(p[inside], correction=asked.question.correction)
    is_hot = (q <= ALPHA) & (z > 0)
    at = np.flatnonzero((asked.counts.ravel() > 0) | is_hot)
    cells = cell_table(
        at,
        n_incidents=asked.counts.ravel()[at],
        z=z[at],
        q=q[at],
        verdict=np.where(is_hot[at], "hot", "not_significant"),
    )
    areas = touching_areas(asked.lattice, cells[is_hot[at]], by="z")
    notes: list[Note] = [(code, {}) for code in view.notes]
    if not is_hot.any():
        notes.append(note("nothing_hot"))
    return asked.answer(
        cells, areas.assign(verdict="hot"), n_significant=int(is_hot.sum()), notes=notes
    )


def scan(asked: Asked) -> Analysis:
    """Kulldorff's Poisson scan: circles that hold more than their share."""
    exposure, shares = asked.exposure
    fine = asked.lattice
    factor = math.ceil(math.sqrt(np.count_nonzero(fine.is_inside) / MOST_SCANNED))
    lattice = fine.coarser(factor) if factor > 1 else fine
    block = lattice.cell_of(*fine.centres(np.arange(fine.n_cells)))
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
    if factor > 1:
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
    parts, members = [], []
    for category in scanned:
        areas, cells = _alive(asked, category, MIN_RECURRENCE_DAYS * len(scanned))
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


def _alive(
    asked: Asked, category: str, least_recurrence_days: float
) -> tuple[gpd.GeoDataFrame, list[Indices]]:
    """Clusters of a category alive on the last day, and the cells of each.

    Cases stand at the centres of their cells. Few replicates first; the many that a long
    recurrence needs only where these leave it possible.
    """
    lattice, last = asked.lattice, np.datetime64(asked.question.last, "D")
    since = last - PAST_DAYS + 1
    cell, counts, _ = asked.town.cube.series(since, last, category=category, period=1)
    row, day = np.nonzero(counts)
    repeated = np.repeat(np.arange(len(row)), counts[row, day])
    cell, day = cell[row[repeated]], day[repeated]
    x, y = lattice.centres(cell)
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
            area=lattice.codes(cell[clusters["centre"].to_numpy()]),
        ),
        geometry=shapely.buffer(centres, reach_m),
        crs=lattice.crs,
    )
    return areas, [np.unique(cell[rows]) for rows in clusters["members"]]


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

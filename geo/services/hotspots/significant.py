"""Where incidents are more than chance accounts for: by cell, by circle, in space and time."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.hotspots.campaigns.under_reporting import reporter_reliance
from geo.hotspots.significant.areas import hotspot_areas
from geo.hotspots.significant.false_discovery import q_values
from geo.hotspots.significant.local import LocalStatistic, getis_ord_on_lattice, local_moran
from geo.hotspots.significant.significance import Significance, significant_cells
from geo.hotspots.significant.touching import neighbours, touching_areas
from geo.services.hotspots.asking import ALPHA, Analysis, Asked, Note, cell_table, note

MOST_LOOKED_AT = 50_000
"""Incidents above which it is not told who reported them: the map must not wait for it."""


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
        measured=asked.measured,
        shares={} if asked.measured == "background" else asked.exposure[1],
        notes=[(code, told.get(code.rpartition(".")[2], {})) for code in judged.notes],
    )


def judge(asked: Asked) -> Significance:
    """The exact test of every cell against the exposure asked for."""
    q = asked.question
    is_background = asked.measured == "background"
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

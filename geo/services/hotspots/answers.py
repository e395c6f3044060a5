"""Hotspots asked live of the town's cube, and kept in the store where somebody wants them kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.errors import ParameterError
from geo.schema import LAYERS, check_frame
from geo.services import cubes, places
from geo.services.clock import window_of_days
from geo.services.hotspots import behaviour, clusters, significant, surfaces
from geo.services.hotspots.asking import Analysis, Asked, Question
from geo.store import Store

METHODS: dict[str, Callable[[Asked], Analysis]] = {
    "significance": significant.significance,
    "emerging": behaviour.emerging,
    "recent": clusters.recent,
    "repeats": behaviour.repeats,
    "scan": clusters.scan,
    "kde": surfaces.density,
    "streets": surfaces.streets,
    "forecast": surfaces.next_month,
    "near": behaviour.near_repeats,
    "reports": behaviour.reports,
    "gi": significant.getis_ord,
    "moran": significant.moran,
}
"""What can be asked, in the order in which people are offered it."""

STREET_HALF_M = 4.0
"""Half the width with which street pieces are stored as ground, metres."""

METHODS_WITHOUT_STORE = (
    "significance",
    "gi",
    "moran",
    "scan",
    "recent",
    "emerging",
    "kde",
    "forecast",
)
"""Those that need nothing but incidents, and what they are measured against."""


def analyse(store: Store, question: Question, *, now: datetime) -> Analysis:
    """The answer to a question about the stored incidents; nothing is stored.

    `areas` come with `rank` and `place`, `place_en`: the name of what each lies at.

    Raises
    ------
    ParameterError : as `answer`
    """
    town = cubes.town_cube(store, cell_size_m=question.cell_size_m)
    found = answer(Asked(store, town, question, now))
    centres = shapely.point_on_surface(found.areas.geometry.to_numpy())
    told = places.describe(store, gpd.GeoSeries(centres, crs=found.areas.crs))
    named = found.areas.assign(place=told["name"].to_numpy(), place_en=told["name_en"].to_numpy())
    return replace(found, areas=named)


def answer(asked: Asked) -> Analysis:
    """The answer to a question; `areas` with their `rank`, the strongest first.

    Raises
    ------
    ParameterError : no such method or exposure, days that are swapped, or a size out of range
    """
    question = asked.question
    method = METHODS.get(question.method)
    if method is None:
        raise ParameterError(
            "hotspots.unknown_method",
            f"unknown method {question.method!r}; there are {list(METHODS)}",
            methods=question.method,
            known=", ".join(METHODS),
        )
    if question.last < question.first:
        raise ParameterError(
            "form.days_swapped",
            f"the last day {question.last} is before the first {question.first}",
        )
    clock = time.perf_counter()
    found = method(asked)
    found.report["seconds"] = round(time.perf_counter() - clock, 3)
    return replace(found, areas=found.areas.assign(rank=np.arange(1, len(found.areas) + 1)))


def save(store: Store, analysis: Analysis) -> str:
    """The run's code, after storing the answer's cells (or areas, where it has no cells).

    A run of the same method, window and category replaces the earlier one.

    Raises
    ------
    ParameterError : the answer has nothing that could be stored
    """
    question = analysis.question
    start, end = window_of_days(store, question.first, question.last)
    category = question.category or "all"
    run = f"{question.method}-{category}-{question.first:%Y%m%d}-{question.last:%Y%m%d}"
    rows = to_rows(analysis, run=run, start=start, end=end)
    if rows.empty:
        raise ParameterError("hotspots.nothing_to_keep", "the answer has no place to keep")
    with store.transaction():
        store.delete("hotspots", where={"run": run})
        store.write("hotspots", rows, mode="append")
    return run


def to_rows(
    analysis: Analysis, *, run: str, start: pd.Timestamp, end: pd.Timestamp
) -> gpd.GeoDataFrame:
    """The answer as rows of the `hotspots` layer: its cells, or its areas where it has no cells."""
    if analysis.lattice is not None:
        index = analysis.cells.index.to_numpy()
        rows = gpd.GeoDataFrame(
            analysis.cells.reset_index(drop=True).assign(cell=analysis.lattice.codes(index)),
            geometry=analysis.lattice.boxes(index),
            crs=analysis.lattice.crs,
        )
    else:
        rows = analysis.areas.rename(columns={"area": "cell"})
        is_line = shapely.get_dimensions(rows.geometry.to_numpy()) == 1
        if is_line.any():  # the layer holds ground
            rows = rows.set_geometry(rows.geometry.buffer(STREET_HALF_M, cap_style="flat"))
    told = rows.assign(
        run=run,
        method=analysis.question.method,
        category=pd.Series([analysis.question.category] * len(rows), index=rows.index, dtype="str"),
        window_from=start,
        window_to=end,
    )
    known = [column.name for column in LAYERS["hotspots"].columns if column.name in told]
    checked = check_frame(LAYERS["hotspots"], told[[*known, "geometry"]])
    if checked.n_rejected:
        raise ParameterError(
            "hotspots.not_kept",
            f"{checked.n_rejected} rows of the answer cannot be stored; the category's code may "
            "be too long",
            n=checked.n_rejected,
        )
    return checked.accepted


def runs(store: Store) -> pd.DataFrame:
    """Every stored run: run, method, category, window_from, window_to; newest window first."""
    columns = ["run", "method", "category", "window_from", "window_to"]
    rows = store.read("hotspots", columns=columns, distinct=True)
    return rows.sort_values(
        ["window_to", "category"], ascending=[False, True], na_position="first", ignore_index=True
    )


def stored(
    store: Store, *, run: str | None = None, category: str | None = None
) -> gpd.GeoDataFrame:
    """Rows of one stored run; by default of the newest of that category (None: all categories)."""
    if run is None:
        known = runs(store)
        is_wanted = known["category"].isna() if category is None else known["category"] == category
        if not is_wanted.any():
            return store.read("hotspots", limit=0)
        run = str(known.loc[is_wanted, "run"].iloc[0])
    return store.read("hotspots", where={"run": run})

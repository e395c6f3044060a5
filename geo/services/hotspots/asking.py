"""A question about the town's incidents, what it is asked of, and the shape of its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Literal, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.errors import ParameterError
from geo.hotspots.counts.lattice import Floats, Indices, Lattice
from geo.hotspots.counts.sources import fit_mixture
from geo.hotspots.significant.window_sums import window_sums
from geo.services import cubes, incidents
from geo.services.clock import window_of_days
from geo.services.cubes import TownCube
from geo.store import Store

ALPHA = 0.05
"""Accepted share of false finds among what is called hot."""

EXPOSURES = (
    "auto",
    "background",
    "fitted",
    "households",
    "addresses",
    "streets",
    "footfall",
    "ground",
)
"""What incidents are measured against: `background` the incidents of all categories, `fitted`
homes, streets and ground mixed as they fit; `auto` the background where a category is asked for,
else fitted. On the demo town's planted spots the background finds as many with a quarter of the
false areas."""

FITTED = ("households", "streets", "ground")
FITTED_OVER_DAYS = 365

Note: TypeAlias = tuple[str, dict[str, Any]]
"""A remark for the reader: the code of its text, and what the text tells."""

SEED = 20261121
"""Seed of replicates: the same question has the same answer."""


@dataclass(frozen=True)
class Question:
    """What is asked: a method, local days `first` to `last` both included, a category (None: all),
    and how it is counted.
    """

    method: str
    first: date
    last: date
    category: str | None = None
    cell_size_m: float = 50.0
    exposure: str = "auto"
    correction: Literal["bh", "by"] = "bh"
    bandwidth_m: float = 150.0


@dataclass(frozen=True)
class Analysis:
    """An answer.

    `lattice`: None where the method knows no cells; `cells`: index = cell of the lattice, with
    `verdict` or `value` (what is coloured) and the method's figures; `areas`: what was found,
    strongest first, with `area` (code), `verdict`, figures and geometry; `report`: counts, what the
    answer rests on, and `notes`, pairs of a text's code and its parameters.
    """

    question: Question
    lattice: Lattice | None
    cells: pd.DataFrame
    areas: gpd.GeoDataFrame
    report: dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A question with the town that it is about; `held` is None where there are files only."""

    held: Store | None
    town: TownCube
    question: Question
    now: datetime

    @property
    def store(self) -> Store:
        """The store behind the town.

        Raises
        ------
        ParameterError : the question is about files only
        """
        if self.held is None:
            raise ParameterError(
                "hotspots.needs_store",
                f"{self.question.method} against {self.question.exposure} needs a town's store",
                method=self.question.method,
            )
        return self.held

    @property
    def measured(self) -> str:
        """The exposure that `auto` stands for, else the one asked for."""
        q = self.question
        if q.exposure != "auto":
            return q.exposure
        return "fitted" if q.category is None or self.held is None else "background"

    @property
    def lattice(self) -> Lattice:
        """The cells that are counted on."""
        return self.town.lattice

    @cached_property
    def counts(self) -> Indices:
        """(rows, cols) incidents of the window and category."""
        q = self.question
        return self.town.cube.window(q.first, q.last, category=q.category)

    @cached_property
    def incidents(self) -> gpd.GeoDataFrame:
        """The cases of the window and category that have a place, oldest first."""
        q = self.question
        start, end = window_of_days(self.store, q.first, q.last)
        found = incidents.in_window(
            self.store, start=start, end=end, categories=[q.category] if q.category else None
        )
        points = found.geometry.array
        is_counted = ~found["status"].isin(incidents.NOT_COUNTED)
        is_counted &= ~(shapely.is_missing(points) | shapely.is_empty(points))
        return found[is_counted].iloc[::-1].reset_index(drop=True)

    @cached_property
    def exposure(self) -> tuple[Floats, dict[str, float]]:
        """(rows, cols) what incidents are measured against, and the shares it was mixed of."""
        q, town = self.question, self.town
        if q.exposure in town.sources:
            return town.sources[q.exposure], {}
        if self.measured not in EXPOSURES:
            raise ParameterError(
                "hotspots.unknown_exposure",
                f"unknown exposure {q.exposure!r}; there are {list(EXPOSURES)}",
                exposure=q.exposure,
                known=", ".join(EXPOSURES),
            )
        if self.measured == "background":
            return town.cube.window(q.first, q.last).astype(np.float64), {}
        if self.measured != "fitted":
            start, end = window_of_days(self.store, q.first, q.last)
            return cubes.source(self.store, town, self.measured, start=start, end=end), {}
        since = min(q.first, q.last - timedelta(days=FITTED_OVER_DAYS))
        seen = town.cube.window(since, q.last, category=q.category)
        known = {name: town.sources[name] for name in FITTED if name in town.sources}
        if q.category is not None:
            everything = town.cube.window(since, q.last)
            known["others"] = window_sums((everything - seen).astype(np.float64), 1)
        mixture = fit_mixture(seen, known)
        return mixture.exposure, mixture.shares

    def answer(
        self,
        cells: pd.DataFrame | None,
        areas: gpd.GeoDataFrame | None,
        *,
        notes: Sequence[Note] = (),
        **report: Any,
    ) -> Analysis:
        """The answer, with what every report holds; None where there are no cells or areas."""
        base = {
            "method": self.question.method,
            "n_incidents": int(self.counts.sum()),
            "n_cells": int(self.lattice.is_inside.sum()),
            "n_significant": 0,
            "fdr": ALPHA,
            "n_outside": self.town.cube.n_outside,
            "n_unplaced": self.town.cube.n_unplaced,
        }
        return Analysis(
            self.question,
            None if cells is None else self.lattice,
            pd.DataFrame() if cells is None else cells,
            self.no_areas() if areas is None else areas,
            {**base, **report, "notes": list(notes)},
        )

    def no_areas(self) -> gpd.GeoDataFrame:
        """An empty frame of areas."""
        names = {"area": pd.Series([], dtype="str"), "verdict": pd.Series([], dtype="str")}
        return gpd.GeoDataFrame(names, geometry=[], crs=self.lattice.crs)


def cell_table(at: Indices, **figures: Any) -> pd.DataFrame:
    """The cells at those positions of a lattice with their figures, all (k,)."""
    return pd.DataFrame(figures, index=pd.Index(at, name="index"))


def boxes_as_areas(lattice: Lattice, cells: pd.DataFrame, *, verdict: str) -> gpd.GeoDataFrame:
    """Each cell as an area of its own, in the order given."""
    at = cells.index.to_numpy()
    return gpd.GeoDataFrame(
        cells.reset_index(drop=True).assign(area=lattice.codes(at), verdict=verdict),
        geometry=lattice.boxes(at),
        crs=lattice.crs,
    )


def note(name: str, /, **params: Any) -> Note:
    """A remark for the reader: the code of its text and what the text tells."""
    return f"hotspots.note.{name}", params

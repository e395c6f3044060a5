"""Cells of a file made ready for planning: their load, which touch, and what is odd about them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.planning import barriers as planning_barriers
from geo.planning import bridges as planning_bridges
from geo.planning import checks, contiguity, load
from web.cli import frames, judging


@dataclass(frozen=True)
class Ground:
    """Cells with their load column, and what a planner wants of their grids.

    `adjacency` has every pair, `passable` only those that a grid may use; `unavoidable` the pairs
    among them that cross a closed barrier (see `barriers.close_barriers`); `target` is the wanted
    load of a grid.
    """

    cells: gpd.GeoDataFrame
    adjacency: contiguity.Adjacency
    passable: contiguity.Adjacency
    unavoidable: pd.DataFrame
    target: float
    findings: list[checks.Finding]

    def crossings(self) -> list[dict[str, Any]]:
        """The unavoidable crossings by the cells' keys, as plain values."""
        keys = self.cells["cell"].to_numpy(dtype=object)
        rows = self.unavoidable.assign(
            left=keys[self.unavoidable["left"]], right=keys[self.unavoidable["right"]]
        )
        return [
            {"cells": [row.pop("left"), row.pop("right")], **row} for row in rows.to_dict("records")
        ]


@dataclass(frozen=True)
class Barred:
    """Files of barriers and bridges, and the classes of barriers that no grid may cross."""

    barriers: Path | None = None
    classes: tuple[str, ...] = ()
    bridges: Path | None = None


def read_ground(
    path: Path,
    barred: Barred,
    *,
    load: str,
    target: float | None,
    n_grids: int | None,
    tolerance: float,
    within: str | None,
    keep_whole: str | None,
) -> Ground:
    """The cells of a file, checked.

    Raises
    ------
    ParameterError : what is odd makes every plan wrong; or an option names what is not there
    """
    found, findings = with_load(frames.metric_file(path), path, load)
    frames.check_columns(found, path, {"--within": within, "--keep-whole": keep_whole})
    found, odd_ground = checks.usable_cells(with_keys(found))
    lines = barrier_lines(barred.barriers, found)
    adjacency = contiguity.adjacency(found, barriers=lines, within=within)
    weight = pd.to_numeric(found[load], errors="coerce").fillna(0).to_numpy(dtype="float64")
    wanted = float(weight.sum()) / n_grids if n_grids is not None else float(target or 0)
    findings += odd_ground
    findings += checks.check_cells(
        found, adjacency, load=load, target=wanted, tolerance=tolerance, within=within
    )
    checks.raise_errors(findings)
    passable, lost = _over_bridges(adjacency, found, barred.bridges)
    if lines is not None:
        planning_barriers.check_classes(lines, barred.classes)
    passable, unavoidable = planning_barriers.close_barriers(
        passable,
        found,
        load=weight,
        classes=barred.classes,
        least_load=wanted * (1 - tolerance),
        within=within,
    )
    findings += checks.named("checks.bridges_lost", lost)
    findings += checks.check_crossings(found, unavoidable)
    return Ground(found, adjacency, passable, unavoidable, wanted, findings)


def cells_of(
    path: Path, barriers: Path | None, *, within: str = "community", **columns: str | None
) -> tuple[gpd.GeoDataFrame, contiguity.Adjacency]:
    """Cells of a file, with a key column `cell`, and which of them touch.

    Parameters
    ----------
    columns : what each option names; `--load` may be a sum, which becomes a column of that name
    """
    found = with_keys(frames.metric_file(path))
    expression = columns.get("--load")
    if expression is not None:
        found, odd = with_load(found, path, expression)
        judging.say_findings([one.as_dict() for one in odd])
    frames.check_columns(found, path, columns)
    lines = barrier_lines(barriers, found)
    return found, contiguity.adjacency(found, barriers=lines, within=within)


def with_keys(cells: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The cells with a key column `cell`: their number in the file where there is none."""
    if "cell" in cells.columns:
        return cells
    return cells.assign(cell=[f"{row:06d}" for row in range(len(cells))])


def with_load(
    cells: gpd.GeoDataFrame, path: Path, expression: str
) -> tuple[gpd.GeoDataFrame, list[checks.Finding]]:
    """The cells with a column of that name: one of the file's, or the weighted sum it describes."""
    if expression in cells.columns:
        return cells, []
    weights = load.parse_load(expression)
    for column in weights:
        frames.check_columns(cells, path, {"--load": column})
    found = load.combined_load(with_keys(cells), weights)
    findings = [
        checks.Finding(
            "checks.load_part_missing",
            "warning",
            count,
            tuple(found.missing_keys[column]),
            {"column": column},
        )
        for column, count in found.missing.items()
    ]
    return cells.assign(**{expression: found.values.astype(np.float64)}), findings


def barrier_lines(path: Path | None, cells: gpd.GeoDataFrame) -> gpd.GeoDataFrame | None:
    """The barriers of a file in the cells' CRS; None without a file."""
    if path is None:
        return None
    return frames.layer_file("barriers", path, town_crs=cells.crs, crs=None, datum=None)


def _over_bridges(
    adjacency: contiguity.Adjacency, cells: gpd.GeoDataFrame, path: Path | None
) -> tuple[contiguity.Adjacency, list[str]]:
    if path is None:
        return adjacency, []
    bridges = frames.metric_file(path, town_crs=cells.crs)
    return planning_bridges.link_bridges(adjacency, cells, bridges)

"""Plan versions in the store: read by date, written whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.errors import ConflictError, NotFoundError
from geo.incidents.attribution import attribute
from geo.planning import codes, polygons
from geo.services import roster
from geo.services.clock import local_day
from geo.store import Store


@dataclass(frozen=True)
class NewVersion:
    """A whole assignment about to be stored.

    `labels` gives each of the `cells` its grid, 0 to k - 1; `grid_codes` are the grids' codes in
    that order where they came with the plan, else they are issued by rule.
    """

    cells: gpd.GeoDataFrame
    labels: np.ndarray
    load: str
    target: float
    report: dict[str, Any]
    effective_from: date
    is_published: bool
    parent: str | None
    name: str | None = None
    tolerance: float | None = None
    seed: int | None = None
    grid_codes: np.ndarray | None = None


def published(store: Store) -> pd.DataFrame:
    """Published versions, oldest first by the day they came into force."""
    versions = store.read("plans", where={"status": "published"})
    return versions.sort_values(["effective_from", "created_at"], ignore_index=True)


def list_versions(store: Store) -> pd.DataFrame:
    """All versions, newest first."""
    return store.read("plans").sort_values("created_at", ascending=False, ignore_index=True)


def current(store: Store, *, on: date | None = None) -> str | None:
    """The plan in force on that day (None: the latest published), or None where there is none."""
    versions = published(store)
    if on is not None:
        versions = versions[versions["effective_from"] <= pd.Timestamp(on)]
    return None if versions.empty else str(versions["plan"].iloc[-1])


def grids(store: Store, plan: str, *, with_workers: bool = True) -> gpd.GeoDataFrame:
    """The grids of a version, with `worker` and `worker_name` where the roster names them.

    Raises
    ------
    NotFoundError : no such version
    """
    versions = store.read("plans", where={"plan": plan})
    if versions.empty:
        raise NotFoundError("plan.unknown", f"there is no plan version {plan}", plan=plan)
    frame = store.read("grids", where={"plan": plan})
    return roster.with_workers(store, frame, versions.iloc[0]) if with_workers else frame


def check_not_before_current(store: Store, effective_from: date) -> None:
    """Raise when a plan would come into force before the latest published one.

    Raises
    ------
    ConflictError : it would; history is not rewritten
    """
    latest = published(store)["effective_from"].max()
    if pd.notna(latest) and pd.Timestamp(effective_from) < latest:
        raise ConflictError(
            "plan.too_early",
            f"a plan must not come into force before the latest one, {latest.date()}; "
            f"got {effective_from}. Choose that day or a later one.",
            effective_from=effective_from.isoformat(),
            latest=latest.date().isoformat(),
        )


def store_version(store: Store, version: NewVersion, *, now: datetime) -> str:
    """The code of the version after writing it in one transaction.

    A published version ends its parent's validity on the day it comes into force. Codes that no
    longer stand on the map are retired; none is ever issued again.
    """
    with store.transaction():
        plan = f"P{local_day(store, now):%Y%m%d}-{store.count('plans') + 1:03d}"
        cells = version.cells
        drawn = polygons.dissolve(cells, version.labels, load=version.load, target=version.target)
        previous = _grid_of_cells(store, cells, version.parent)
        grid_codes = version.grid_codes
        if grid_codes is None:
            grid_codes = codes.number_grids(
                drawn,
                used_codes=_issued(store),
                cells=cells,
                labels=version.labels,
                previous=previous,
                load=version.load,
            )
        code_of_cell = grid_codes[version.labels]
        if version.is_published and version.parent is not None:
            ends = {"effective_to": pd.Timestamp(version.effective_from)}
            store.update("plans", ends, where={"plan": version.parent})
        store.write("cells", cells.assign(cell_set=plan))
        store.write("plans", _row(plan, version, now))
        assignments = {"plan": plan, "cell": cells["cell"], "grid": code_of_cell}
        store.write("assignments", pd.DataFrame(assignments))
        store.write("grids", drawn.assign(plan=plan, grid=grid_codes))
        _keep_codes(store, plan, version, set(code_of_cell))
        if previous is not None:
            weights = cells[version.load].to_numpy(dtype="float64")
            links = codes.links(previous, code_of_cell, weights)
            store.write("grid_links", links.assign(plan=plan))
    return plan


def _row(plan: str, version: NewVersion, now: datetime) -> pd.DataFrame:
    row = {
        "plan": plan,
        "name": version.name or plan,
        "status": "published" if version.is_published else "draft",
        "parent": version.parent,
        "cell_set": plan,
        "created_at": pd.Timestamp(now),
        "effective_from": pd.Timestamp(version.effective_from),
        "load": version.load,
        "target": version.target,
        "tolerance": version.tolerance,
        "seed": version.seed,
        "report": version.report,
    }
    return pd.DataFrame([row])


def _issued(store: Store) -> set[str]:
    return set(store.read("grid_codes", columns=["grid"])["grid"])


def _grid_of_cells(store: Store, cells: gpd.GeoDataFrame, plan: str | None) -> np.ndarray | None:
    """For each cell the grid of an earlier plan that holds its inner point; None without a plan."""
    if plan is None:
        return None
    points = gpd.GeoDataFrame(geometry=cells.representative_point(), crs=cells.crs)
    attributed = attribute(points, store.read("grids", where={"plan": plan}))
    grids: np.ndarray = attributed["grid"].to_numpy(dtype=object)
    return grids


def _keep_codes(store: Store, plan: str, version: NewVersion, in_use: set[str]) -> None:
    """Issue the codes that are new and retire the parent's that are gone."""
    day = pd.Timestamp(version.effective_from)
    fresh = sorted(in_use - _issued(store))
    if fresh:
        rows = pd.DataFrame({"grid": fresh, "issued_by": plan, "issued_on": day})
        store.write("grid_codes", rows)
    if version.parent is None or not version.is_published:
        return
    before = store.read("grids", where={"plan": version.parent}, columns=["grid"])
    gone = sorted(set(before["grid"]) - in_use)
    if gone:
        store.update("grid_codes", {"retired_on": day}, where={"grid": gone})

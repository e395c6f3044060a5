"""Who is asked for what: the grid of each street piece and building, the worker of each grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.incidents.attribution import locate
from geo.patrol.pieces import expected
from geo.services import plans, roster
from geo.services.patrols.kept import Kept
from geo.store import Store

_PIECE_LAYERS = ("pieces", "streets")
_PLAN_LAYERS = ("plans", "grids", "pieces", "buildings", "roster")
_MOST_STATES = 8
"""Spans of days under one plan and roster whose duties are kept at hand."""


@dataclass(frozen=True)
class Duties:
    """What holds on one day.

    `plan` in force, None where there is none; `grid` of each stored piece, in the pieces' order,
    null where its middle lies in no grid; `workers` with `worker`, `name` and `grid`, a row a grid,
    one with null for a grid worker whom the roster gives none of this plan; `homes` with
    `building`, `name`, `address`, `households`, `grid`, and `x`, `y` of a point inside, metres.
    """

    plan: str | None
    grid: npt.NDArray[np.object_]
    workers: pd.DataFrame
    homes: pd.DataFrame


_pieces: Kept[gpd.GeoDataFrame] = Kept(_PIECE_LAYERS, most=1)
_plans: Kept[tuple[npt.NDArray[np.object_], pd.DataFrame, frozenset[str]]] = Kept(
    ("plans", "grids", "pieces", "buildings"), most=4
)
_entries: Kept[pd.DataFrame] = Kept(("roster",), most=1)
_changes: Kept[npt.NDArray[np.datetime64]] = Kept(("plans", "roster"), most=1)
_duties: Kept[Duties] = Kept(_PLAN_LAYERS, most=_MOST_STATES)


def pieces(store: Store) -> gpd.GeoDataFrame:
    """The stored pieces with the `name` and `class` of their street, in key order; do not change.

    Columns `piece`, `street`, `name`, `class`, `length_m` and the geometry.
    """
    return _pieces.get(store, None, lambda: _read_pieces(store))


def duties(store: Store, *, on: date) -> Duties:
    """Who is asked for what on a day, by the plan and the roster in force; do not change."""
    day = since(store, [on])[0]
    return _duties.get(store, day, lambda: _read_duties(store, day))


def since(store: Store, days: Sequence[date]) -> list[date]:
    """For each day the first one from which on the same plan and the same roster held."""
    changes = _changes.get(store, None, lambda: _read_changes(store))
    asked = np.array(days, dtype="datetime64[D]")
    position = np.searchsorted(changes, asked, side="right") - 1
    first: list[date] = changes[np.maximum(position, 0)].tolist()
    return first


def _read_pieces(store: Store) -> gpd.GeoDataFrame:
    found = store.read("pieces")
    streets = store.read("streets", columns=["street", "name", "class"]).drop_duplicates("street")
    named = found.merge(streets, on="street", how="left")
    return named[["piece", "street", "name", "class", "length_m", "geometry"]]


def _read_changes(store: Store) -> npt.NDArray[np.datetime64]:
    """The days on which a plan or an entry of the roster begins or ends; one at least."""
    plan = store.read("plans", columns=["effective_from", "effective_to"])
    entry = store.read("roster", columns=["valid_from", "valid_to"], distinct=True)
    ends = [frame[name].dropna() for frame in (plan, entry) for name in frame.columns]
    known = np.concatenate([column.to_numpy(dtype="datetime64[D]") for column in ends])
    return np.unique(np.append(known, np.datetime64("1900-01-01")))


def _read_duties(store: Store, on: date) -> Duties:
    plan = plans.current(store, on=on)
    grid, homes, codes = _plans.get(store, plan, lambda: _of_plan(store, plan))
    entries = _entries.get(store, None, lambda: store.read("roster", where={"role": "grid_worker"}))
    held = roster.in_force(entries, on)
    has_grid = (held["area_kind"] == "grid") & held["area"].isin(codes)
    workers = pd.DataFrame(
        {"worker": held["person"], "name": held["name"], "grid": held["area"].where(has_grid)}
    ).sort_values(["worker", "grid"])  # null comes last, and goes where there is a grid
    is_placed = workers.groupby("worker")["grid"].transform("count") > 0
    workers = workers[workers["grid"].notna() | ~is_placed].drop_duplicates(["worker", "grid"])
    return Duties(plan, grid, workers.reset_index(drop=True), homes)


def _of_plan(
    store: Store, plan: str | None
) -> tuple[npt.NDArray[np.object_], pd.DataFrame, frozenset[str]]:
    """The grid of each piece, the homes with theirs, and the grids' codes."""
    found = pieces(store)
    columns = ["building", "name", "address", "households", "geometry"]
    homes = store.read("buildings", columns=columns)
    households = homes["households"].fillna(0).to_numpy(dtype=np.float64)
    inside = shapely.point_on_surface(homes.geometry.to_numpy())
    xy = shapely.get_coordinates(inside)
    table = pd.DataFrame(homes[["building", "name", "address"]]).assign(
        households=households, grid=None, x=xy[:, 0], y=xy[:, 1]
    )
    if plan is None:
        return np.full(len(found), None, dtype=object), table, frozenset()
    grids = store.read("grids", where={"plan": plan})
    grid = expected(found, grids).to_numpy(dtype=object)
    if len(homes):
        position = locate(inside, grids.geometry.array, codes=grids["grid"])
        codes = np.array([*grids["grid"], None], dtype=object)
        table["grid"] = codes[position]  # -1, in no grid, is the None at the end
    grid[pd.isna(grid)] = None
    return grid, table, frozenset(grids["grid"])

"""Suggested rounds from the stored streets, the grids in force and what was seen of late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from geo.errors import NotFoundError, ParameterError
from geo.patrol import routes as patrol_routes
from geo.patrol.routes import WALKING_MPS, Route, WalkNetwork, Week
from geo.services.patrols.duties import duties, pieces
from geo.services.patrols.figures import last_days, own_grids
from geo.services.patrols.kept import Kept
from geo.services.patrols.period import Period
from geo.store import Store

Days = npt.NDArray[np.datetime64]

OFF_NETWORK_M = 50.0
"""A base further than this from every street is told, metres: perhaps it is misplaced."""


@dataclass(frozen=True)
class Note:
    """Something people should know of an answer: code of a text, and what fills it."""

    code: str
    params: dict[str, Any]


@dataclass(frozen=True)
class Suggestion:
    """A round for `grids`, from and to `base` (town's CRS); `legs` as `routes.legs` gives them."""

    route: Route
    legs: gpd.GeoDataFrame
    grids: tuple[str, ...]
    base: shapely.Point
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class WeekPlan:
    """Rounds of several days for `grids`, from and to `base`."""

    week: Week
    legs: dict[date, gpd.GeoDataFrame]
    grids: tuple[str, ...]
    base: shapely.Point
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class _Ground:
    network: WalkNetwork
    is_wanted: npt.NDArray[np.bool_]
    last_seen: Days
    grids: tuple[str, ...]
    base: shapely.Point
    notes: tuple[Note, ...]


_networks: Kept[WalkNetwork] = Kept(("pieces", "streets"), most=1)


def suggest(
    store: Store,
    *,
    day: date,
    minutes: float,
    worker: str | None = None,
    grid: str | None = None,
    base: shapely.Point | None = None,
    places: gpd.GeoDataFrame | None = None,
    walking_mps: float = WALKING_MPS,
) -> Suggestion:
    """The round of that day that sees what has waited longest, in the time given.

    Streets count by their length and the days since any patrol covered them, up to the day before;
    see `week.worth_by_age` and `rounds.round_in_time`. What cannot be reached, and that nothing is
    to be walked, stands in `notes`.

    Parameters
    ----------
    day : whose plan and roster hold
    minutes : time of the round, > 0
    worker, grid : whose streets: a worker's grids of that day, or one grid; exactly one is given
    base : where the round begins and ends, town's CRS; None: a point inside the first grid
    places : doors, hotspots, sites to be visited as for `routes.visits`, town's CRS
    walking_mps : walking speed, metres a second, > 0

    Raises
    ------
    ParameterError : not exactly one of worker and grid, or an option is out of range
    NotFoundError : no streets, no plan in force that day, no such grid, no grid of that worker
    """
    ground = _ground(store, day=day, worker=worker, grid=grid, base=base)
    network = ground.network
    worth = patrol_routes.worth_by_age(
        network.length_m, ground.is_wanted, ground.last_seen, day=day
    )
    route = patrol_routes.round_in_time(
        network,
        worth,
        base=ground.base,
        minutes=minutes,
        places=places,
        walking_mps=walking_mps,
    )
    rows = patrol_routes.legs(route, walking_mps=walking_mps)
    notes = (*ground.notes, *_notes(route, ground.is_wanted, network, minutes))
    return Suggestion(route, rows, ground.grids, ground.base, notes)


def week(
    store: Store,
    *,
    days: Sequence[date],
    minutes: float,
    worker: str | None = None,
    grid: str | None = None,
    base: shapely.Point | None = None,
    places: gpd.GeoDataFrame | None = None,
    walking_mps: float = WALKING_MPS,
) -> WeekPlan:
    """One round a day, alternating so that everything is seen; see `week.week_of_rounds`.

    Plan, roster and what was seen are those of the first of the days. Arguments and errors are
    those of `suggest`; `days` ascend.
    """
    days = list(days)
    if not days:
        raise ParameterError("routes.days", "days must ascend, one at least; got none.", n=0)
    ground = _ground(store, day=days[0], worker=worker, grid=grid, base=base)
    made = patrol_routes.week_of_rounds(
        ground.network,
        ground.is_wanted,
        base=ground.base,
        minutes=minutes,
        days=days,
        last_seen=ground.last_seen,
        places=places,
        walking_mps=walking_mps,
    )
    rows = {
        day: patrol_routes.legs(route, walking_mps=walking_mps)
        for day, route in made.routes.items()
    }
    first = made.routes[days[0]]
    notes = (*ground.notes, *_notes(first, ground.is_wanted, ground.network, minutes))
    unseen = made.left_out[made.left_out["kind"] == "street"]
    if len(unseen):
        left = {"n": len(unseen), "length_m": round(float(unseen["length_m"].sum()))}
        notes = (*notes, Note("routes.note.week_too_short", left))
    return WeekPlan(made, rows, ground.grids, ground.base, notes)


def _ground(
    store: Store,
    *,
    day: date,
    worker: str | None,
    grid: str | None,
    base: shapely.Point | None,
) -> _Ground:
    if (worker is None) == (grid is None):
        raise ParameterError(
            "routes.whose", "a route is for a worker or for a grid; give exactly one of the two."
        )
    if not store.count("streets") or not len(pieces(store)):
        raise NotFoundError(
            "routes.no_pieces",
            "a route needs streets and their coverage; the store has none. Import streets and "
            "compute the coverage.",
        )
    duty = duties(store, on=day)
    codes = _grids(store, duty.plan, day=day, worker=worker, grid=grid)
    network = _networks.get(store, None, lambda: patrol_routes.walk_network(pieces(store)))
    line = network.edges["line"].to_numpy(dtype=np.int64)
    is_wanted = np.isin(duty.grid.astype(str), codes)[line]
    notes: list[Note] = []
    if base is None:
        ground = store.read("grids", where={"plan": duty.plan, "grid": codes[0]})
        base = shapely.point_on_surface(ground.geometry.iloc[0])
        notes.append(Note("routes.note.base_assumed", {"grid": codes[0]}))
    else:
        lines = network.edges.geometry.to_numpy()
        off_m = float(shapely.distance(lines, base).min())
        if off_m > OFF_NETWORK_M:
            notes.append(Note("routes.note.off_network", {"off_m": round(off_m)}))
    seen = last_days(store, on=day - timedelta(days=1))[line]
    return _Ground(network, is_wanted, seen, tuple(codes), base, tuple(notes))


def _grids(
    store: Store, plan: str | None, *, day: date, worker: str | None, grid: str | None
) -> list[str]:
    if plan is None:
        raise NotFoundError(
            "routes.no_plan",
            f"no plan is in force on {day}. Publish one that begins earlier.",
            day=day.isoformat(),
        )
    if grid is not None:
        if not store.count("grids", where={"plan": plan, "grid": grid}):
            raise NotFoundError(
                "routes.no_grid", f"there is no grid {grid} in plan {plan}.", grid=grid
            )
        return [grid]
    own = sorted(own_grids(store, Period(day, day), str(worker)))
    if not own:
        raise NotFoundError(
            "routes.no_own_grid",
            f"worker {worker} has no grid on {day}. Give them one in the roster.",
            worker=worker,
            day=day.isoformat(),
        )
    return own


def _notes(
    route: Route, is_wanted: npt.NDArray[np.bool_], network: WalkNetwork, minutes: float
) -> list[Note]:
    """What is said of a round: nothing to walk, too little time, streets that no way leads to."""
    notes = []
    if not is_wanted.any():
        notes.append(Note("routes.note.no_streets", {}))
    elif not len(route.walk.edges):
        notes.append(Note("routes.note.too_short", {"minutes": minutes}))
    for reason in ("unreachable", "too_far"):
        rows = route.left_out
        rows = rows[(rows["kind"] == "street") & (rows["reason"] == reason)]
        if len(rows):
            line = np.unique(rows["row"].to_numpy(dtype=np.int64))
            length = round(float(network.length_m[line].sum()))
            notes.append(Note(f"routes.note.{reason}", {"n": len(line), "length_m": length}))
    return notes

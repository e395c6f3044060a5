"""A week of rounds, alternating so that everything is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.errors import ParameterError
from geo.patrol.routes.network import WalkNetwork
from geo.patrol.routes.rounds import Task, best_round, task_of
from geo.patrol.routes.walk import WALKING_MPS, Route

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]

FULL_AGE_DAYS = 7
"""Days after which a street not seen is worth its length: everything is to be seen in a week."""

NEVER_AGE_DAYS = 28
"""Days that a street never seen counts as not seen."""

FRESH_WORTH = 0.01
"""Worth of a metre seen the same day: walked again only where there is time left."""


@dataclass(frozen=True)
class Week:
    """`routes` by day. `by_day`: `day`, `length_m`, `minutes`, `n_visits`, `seen_m` and
    `seen_share` of the wanted length seen since the first day. `left_out`: rows `kind`, `row`,
    `name`, `length_m`, `reason` of what is seen on no day; `row` is a position in the network's
    edges or the places."""

    routes: dict[date, Route]
    by_day: pd.DataFrame
    left_out: pd.DataFrame


def worth_by_age(length_m: Floats, is_wanted: Mask, last_seen: Days, *, day: date) -> Floats:
    """What seeing each edge on a day is worth, metres: its length x days not seen / a week.

    Days count up to NEVER_AGE_DAYS, which is also that of edges never seen (NaT); an edge seen the
    same day or later is worth FRESH_WORTH of its length.
    """
    age = (np.datetime64(day, "D") - last_seen.astype("datetime64[D]")).astype(np.float64)
    age = np.where(np.isnat(last_seen), NEVER_AGE_DAYS, np.clip(age, 0, NEVER_AGE_DAYS))
    worth: Floats = length_m * np.maximum(age / FULL_AGE_DAYS, FRESH_WORTH)
    return np.where(is_wanted, worth, 0.0)


def week_of_rounds(
    network: WalkNetwork,
    is_wanted: Mask,
    *,
    base: shapely.Point,
    minutes: float,
    days: Sequence[date],
    last_seen: Days,
    places: gpd.GeoDataFrame | None = None,
    walking_mps: float = WALKING_MPS,
) -> Week:
    """One round a day, each `rounds.best_round` of what has waited longest by then.

    What a round passes counts as seen that day, on ways between as well, so that the next day's
    round turns to the rest. A place visited is not offered again until all have been, or cannot be.

    Parameters
    ----------
    network : m edges
    is_wanted : (m,) mask of the edges to be seen
    base : where each round begins and ends, CRS of the network
    minutes : time of each round, > 0
    days : the days with a round, ascending
    last_seen : (m,) datetime64, the day each edge was last seen; NaT: never
    places : as for `visits`, hours in minutes after setting out; prizes in metres of street that
        has not been seen for a week
    walking_mps : walking speed, metres a second, > 0

    Raises
    ------
    CrsError : the CRS differ
    ParameterError : an option is out of range, days do not ascend, or there are no streets
    """
    days = list(days)
    if not days or any(late <= soon for soon, late in pairwise(days)):
        raise ParameterError(
            "routes.days", f"days must ascend, one at least; got {len(days)} days.", n=len(days)
        )
    task = task_of(network, base=base, minutes=minutes, places=places, walking_mps=walking_mps)
    wanted = np.asarray(is_wanted, dtype=bool)[task.line]
    seen_on = np.asarray(last_seen, dtype="datetime64[D]")[task.line]
    is_seen = np.zeros(len(wanted), dtype=bool)
    called = np.zeros(len(task.places), dtype=bool)
    routes: dict[date, Route] = {}
    rows = []
    for day in days:
        worth = worth_by_age(task.network.length_m, wanted, seen_on, day=day)
        route = best_round(_without(task, called), worth)
        routes[day] = route
        seen_on, is_seen = seen_on.copy(), is_seen.copy()
        seen_on[route.walk.edges] = np.datetime64(day, "D")
        is_seen[route.walk.edges] = True
        called = called.copy()
        called[[visit.place for visit in route.visits]] = True
        rows.append(_row(task, route, day, wanted & is_seen, wanted))
    left_out = _never(routes, task, wanted & ~is_seen, called)
    return Week(routes, pd.DataFrame(rows), left_out)


def _without(task: Task, called: Mask) -> Task:
    """The task without the prizes of the places visited already; all again when none is left."""
    if not called.any() or called.all():
        return task
    prize = np.where(called, 0.0, task.stops.prize)
    return replace(task, stops=replace(task.stops, prize=prize))


def _row(task: Task, route: Route, day: date, seen: Mask, wanted: Mask) -> dict[str, object]:
    length_m = task.network.length_m
    total = float(length_m[wanted].sum())
    seen_m = float(length_m[seen].sum())
    return {
        "day": pd.Timestamp(day),
        "length_m": route.walk.length_m,
        "minutes": route.minutes,
        "n_visits": len(route.visits),
        "seen_m": seen_m,
        "seen_share": seen_m / total if total > 0 else None,
    }


def _never(routes: dict[date, Route], task: Task, unseen: Mask, called: Mask) -> pd.DataFrame:
    """What no round sees, with the last round's reason and the length of the streets."""
    rows = next(reversed(routes.values())).left_out
    streets = rows[rows["kind"] == "street"]
    length = pd.Series(np.where(unseen, task.network.length_m, 0.0)).groupby(task.line).sum()
    streets = streets.drop_duplicates("row").assign(
        length_m=lambda found: length.reindex(found["row"].astype("int64")).to_numpy()
    )
    places = rows[(rows["kind"] == "place")]
    is_open = ~called[places["row"].to_numpy(dtype=np.int64)] if len(places) else []
    parts = [streets[streets["length_m"] > 0], places[is_open].assign(length_m=0.0)]
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame(columns=["kind", "row", "name", "length_m", "reason"])
    return pd.concat(parts, ignore_index=True)[["kind", "row", "name", "length_m", "reason"]]

"""One round in the time given: the streets worth most, and the places on or near them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.errors import ParameterError
from geo.patrol.routes.kernels import shortest_ways
from geo.patrol.routes.network import WalkNetwork, attach
from geo.patrol.routes.postman import postman
from geo.patrol.routes.stops import Stops, call_at, stops_of
from geo.patrol.routes.visits import check_positive, check_same_crs, left_out_rows
from geo.patrol.routes.walk import WALKING_MPS, Route, Visit, Walk

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

N_FILLS = 12
"""Times that streets are added to a round with time left, each a postman's walk of its own."""


@dataclass(frozen=True)
class Task:
    """What a round is made of: a network with nodes for base and places.

    `minutes`: left when the way of `off_m` from the base to the street and back is walked too.
    `from_base_m` (n,): metres from the base to each node. `line` (m,): position of each edge in
    the network that was given.
    """

    network: WalkNetwork
    base: int
    from_base_m: Floats
    stops: Stops
    places: pd.DataFrame
    minutes: float
    walking_mps: float
    line: Indices
    off_m: float

    @property
    def budget_m(self) -> float:
        """Metres that can be walked in the time."""
        return self.minutes * 60 * self.walking_mps


def task_of(
    network: WalkNetwork,
    *,
    base: shapely.Point,
    minutes: float,
    places: gpd.GeoDataFrame | None = None,
    walking_mps: float = WALKING_MPS,
) -> Task:
    """The network with nodes for the base and the places.

    Raises
    ------
    CrsError : the CRS differ
    ParameterError : an option or a number of a place is out of range; there are no streets
    """
    check_positive(minutes=minutes, walking_mps=walking_mps)
    spots = [base]
    if places is not None:
        check_same_crs(network, places)
        spots += list(places.geometry)
    attached = attach(network, gpd.GeoSeries(spots, crs=network.edges.crs))
    made, home = attached.network, int(attached.node[0])
    never = np.zeros(len(made.nodes), dtype=bool)
    far, _ = shortest_ways(
        made.first, made.neighbour, made.way_edge, made.length_m, attached.node[:1], never, False
    )
    off_m = float(attached.off_m[0])
    left = max(minutes - 2 * off_m / walking_mps / 60, 0.0)
    frame = pd.DataFrame() if places is None else pd.DataFrame(places.drop(columns="geometry"))
    stops = stops_of(frame, attached.node[1:], attached.off_m[1:], walking_mps)
    line = made.edges["line"].to_numpy(dtype=np.int64)
    return Task(made, home, far[0], stops, frame, left, walking_mps, line, off_m)


def round_in_time(
    network: WalkNetwork,
    worth: Floats,
    *,
    base: shapely.Point,
    minutes: float,
    places: gpd.GeoDataFrame | None = None,
    walking_mps: float = WALKING_MPS,
) -> Route:
    """The round from the base and back that sees what is worth most in the time given.

    Where the postman's walk along all streets of worth fits, it is that. Else the stretch of it is
    taken that is worth most with the ways from and to the base, walked anew as a postman would, and
    filled with further streets by worth over added length while there is time (a heuristic; the
    walk for the streets chosen is exact). Places are visited as the round passes them in their
    hours, or by a detour from its nearest node, by prize over added time; of the two directions
    the one that gains more. Deterministic.

    Parameters
    ----------
    network : m edges
    worth : (m,) what seeing each edge is worth, 0 (need not be seen) or more; in units of `prize`
    base : where the round begins and ends, CRS of the network
    minutes : time in all, > 0
    places : as for `visits`; prizes in the units of `worth`
    walking_mps : walking speed, metres a second, > 0

    Raises
    ------
    CrsError : the CRS differ
    ParameterError : an option is out of range; there are no streets
    """
    worth = checked_worth(network, worth)
    task = task_of(network, base=base, minutes=minutes, places=places, walking_mps=walking_mps)
    return best_round(task, worth_of_parts(network, task, worth))


def checked_worth(network: WalkNetwork, worth: Floats) -> Floats:
    """The worth as floats.

    Raises
    ------
    ParameterError : it is not one number, 0 or more, for each edge
    """
    found: Floats = np.asarray(worth, dtype=np.float64)
    if found.shape != (len(network.tail),) or not (np.isfinite(found) & (found >= 0)).all():
        raise ParameterError(
            "routes.worth",
            f"`worth` must be one finite number, 0 or more, for each of the {len(network.tail)} "
            f"edges; got shape {found.shape}.",
            edges=len(network.tail),
        )
    return found


def worth_of_parts(network: WalkNetwork, task: Task, worth: Floats) -> Floats:
    """The worth of an edge shared among the parts it was cut into, by length."""
    share = task.network.length_m / network.length_m[task.line]
    found: Floats = worth[task.line] * share
    return found


def best_round(task: Task, worth: Floats) -> Route:
    """As `round_in_time`, for a task; `worth` of the edges of its network."""
    network = task.network
    is_near = np.isfinite(task.from_base_m[network.tail])
    is_wanted = (worth > 0) & is_near & (_there_and_back(task) <= task.budget_m)
    whole = postman(network, is_wanted, base=task.base)
    best: tuple[Walk, list[Visit], float] | None = None
    best_gain = -1.0
    for reserve_m in _reserves(task):
        walk = whole
        budget_m = max(task.budget_m - reserve_m, 0.0)
        if whole.length_m > budget_m:
            walk = postman(network, _best_stretch(task, whole, worth, budget_m), base=task.base)
            walk = _filled(task, walk, is_wanted, worth, budget_m)
        found = call_at(walk, task.stops, minutes=task.minutes, mps=task.walking_mps)
        gain = float(worth[np.unique(found[0].edges)].sum())
        gain += float(task.stops.prize[[visit.place for visit in found[1]]].sum())
        if gain > best_gain + 1e-9:
            best, best_gain = found, gain
        if whole.length_m <= budget_m and len(found[1]) == len(task.stops.node):
            break
    assert best is not None
    return _as_route(task, worth, *best)


def _reserves(task: Task) -> list[float]:
    """Lengths of walking to be kept for places: none, and for a part of those worth most a minute.

    In metres; the services of the first eighth, quarter, half and all of the places.
    """
    service_m = task.stops.service * 60 * task.walking_mps
    is_open = task.stops.prize > 0
    rank = np.argsort(-task.stops.prize / np.maximum(service_m, 1e-9), kind="stable")
    total = np.cumsum(service_m[rank[is_open[rank]]])
    n = len(total)
    parts = sorted({-(-n // 8), -(-n // 4), -(-n // 2), n} - {0})
    return [0.0, *(float(total[part - 1]) for part in parts)]


def _as_route(task: Task, worth: Floats, walk: Walk, stops: list[Visit], minutes: float) -> Route:
    walked = np.zeros(len(worth), dtype=bool)
    walked[walk.edges] = True
    walk = replace(walk, left_out=(worth > 0) & ~walked)
    streets = left_out_rows(task.network.edges, _why_not_walked(task, worth, walked), kind="street")
    streets["row"] = task.line[streets["row"].to_numpy(dtype=np.int64)]
    called = np.array([stop.place for stop in stops], dtype=np.int64)
    places = left_out_rows(task.places, _why_not_called(task, called))
    frames = [frame for frame in (streets, places) if len(frame)]
    left_out = pd.concat(frames, ignore_index=True) if frames else streets
    minutes += 2 * task.off_m / task.walking_mps / 60 if len(walk.edges) or stops else 0.0
    return Route(walk, tuple(stops), minutes, task.places, left_out)


def _there_and_back(task: Task) -> Floats:
    """Shortest round from the base along each edge, metres."""
    network, far = task.network, task.from_base_m
    tail, head = far[network.tail], far[network.head]
    shortest: Floats = network.length_m + np.minimum(
        tail + head, 2 * np.minimum(tail, head) + network.length_m
    )
    return shortest


def _best_stretch(task: Task, whole: Walk, worth: Floats, budget_m: float) -> Mask:
    """The wanted edges of the stretch of a walk that is worth most within the time."""
    length = np.concatenate([[0.0], np.cumsum(whole.network.length_m[whole.edges])])
    gains = np.where(whole.is_street, worth[whole.edges], 0.0)
    gain = np.concatenate([[0.0], np.cumsum(gains)])
    far = task.from_base_m[whole.nodes()]
    metres = far[:, None] + (length[None, :] - length[:, None]) + far[None, :]
    gained = gain[None, :] - gain[:, None]
    gained[(metres > budget_m) | (gained < 0)] = -1.0
    best = np.argwhere(gained >= gained.max() - 1e-9)
    begin, end = best[np.argmin(metres[best[:, 0], best[:, 1]])]
    is_taken = np.zeros(len(worth), dtype=bool)
    is_taken[whole.edges[begin:end][whole.is_street[begin:end]]] = True
    return is_taken


def _filled(task: Task, walk: Walk, is_wanted: Mask, worth: Floats, budget_m: float) -> Walk:
    """The walk with further wanted edges, as long as it stays within the time."""
    network, share = task.network, 1.0
    for _ in range(N_FILLS):
        slack = budget_m - walk.length_m
        is_walked = np.zeros(len(worth), dtype=bool)
        is_walked[walk.edges] = True
        open_ = np.flatnonzero(is_wanted & ~is_walked)
        if not len(open_):
            break
        added = _added_m(task, walk, open_)
        order = np.argsort(-worth[open_] / np.maximum(added, 1e-9), kind="stable")
        order = order[added[order] <= slack]
        n = max(int(share * np.searchsorted(np.cumsum(added[order]), slack, side="right")), 1)
        more = open_[order[:n]]
        if not len(more):
            break
        is_taken = is_walked & is_wanted
        is_taken[more] = True
        longer = postman(network, is_taken, base=task.base)
        if longer.length_m <= budget_m:
            walk = longer
        elif n == 1:
            is_wanted = is_wanted & ~_mask(more, len(worth))
        else:
            share /= 2
    return walk


def _mask(rows: Indices, n: int) -> Mask:
    mask = np.zeros(n, dtype=bool)
    mask[rows] = True
    return mask


def _added_m(task: Task, walk: Walk, edges: Indices) -> Floats:
    """Metres that a detour from the walk along each edge adds at most."""
    network = task.network
    near = np.unique(walk.nodes()) if len(walk.edges) else np.array([task.base])
    never = np.zeros(len(network.nodes), dtype=bool)
    far, _ = shortest_ways(
        network.first, network.neighbour, network.way_edge, network.length_m, near, never, False
    )
    far = far.min(axis=0)
    tail, head = far[network.tail[edges]], far[network.head[edges]]
    added: Floats = 2 * (np.minimum(tail, head) + network.length_m[edges])
    return added


def _why_not_walked(task: Task, worth: Floats, walked: Mask) -> npt.NDArray[np.object_]:
    reason = np.full(len(worth), None, dtype=object)
    is_missing = (worth > 0) & ~walked
    reason[is_missing] = "no_time"
    reason[is_missing & (_there_and_back(task) > task.budget_m)] = "too_far"
    reason[is_missing & ~np.isfinite(task.from_base_m[task.network.tail])] = "unreachable"
    return reason


def _why_not_called(task: Task, called: Indices) -> npt.NDArray[np.object_]:
    stops = task.stops
    there = task.from_base_m[stops.node] / task.walking_mps / 60
    reason = np.full(len(there), "no_time", dtype=object)
    reason[2 * there + stops.service > task.minutes] = "too_far"
    reason[np.maximum(there, stops.opens) > stops.closes] = "closed"
    reason[stops.prize == 0] = "worthless"
    reason[~np.isfinite(there)] = "unreachable"
    reason[called] = None
    return reason

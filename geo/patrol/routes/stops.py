"""Places visited along a walk: as it passes them in their hours, or by a detour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from geo.patrol.routes.kernels import shortest_ways, way_back
from geo.patrol.routes.visits import numbers
from geo.patrol.routes.walk import Visit, Walk, directed

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Stops:
    """Places (k,): node, prize, minutes of service with the steps off the street, hours."""

    node: Indices
    prize: Floats
    service: Floats
    opens: Floats
    closes: Floats


def stops_of(places: pd.DataFrame, node: Indices, off_m: Floats, mps: float) -> Stops:
    """The places as numbers; the straight way from the street and back counts as service."""
    return Stops(
        node=node,
        prize=numbers(places, "prize"),
        service=numbers(places, "service_min") + 2 * off_m / mps / 60,
        opens=numbers(places, "opens_min"),
        closes=numbers(places, "closes_min"),
    )


def call_at(
    walk: Walk, stops: Stops, *, minutes: float, mps: float
) -> tuple[Walk, list[Visit], float]:
    """The walk with detours to places, its visits, and minutes in all.

    Places are offered by prize over the minutes they add; each is visited at the first passing of
    its node (else of the nearest node, there and back) at which it is open, if what was promised
    to others stays possible. Of the walk and its reverse the one that gains more prizes.
    """
    if not len(stops.node):
        return walk, [], walk.length_m / mps / 60
    tries = [walk, _reversed(walk)] if len(walk.edges) else [walk]
    best: tuple[Walk, list[Visit], float] | None = None
    best_gain = -1.0
    for one in tries:
        found = _call(one, stops, minutes, mps)
        gain = float(stops.prize[[visit.place for visit in found[1]]].sum())
        if gain > best_gain + 1e-9:
            best, best_gain = found, gain
    assert best is not None
    return best


@dataclass(frozen=True)
class _Call:
    place: int
    at: int  # after how many edges of the walk
    service: float
    opens: float
    closes: float
    way_min: float  # one way from the walk's node


def _call(walk: Walk, stops: Stops, minutes: float, mps: float) -> tuple[Walk, list[Visit], float]:
    network, nodes = walk.network, walk.nodes()
    pass_min = np.concatenate([[0.0], np.cumsum(network.length_m[walk.edges])]) / mps / 60
    never = np.zeros(len(network.nodes), dtype=bool)
    far, last = shortest_ways(
        network.first,
        network.neighbour,
        network.way_edge,
        network.length_m,
        stops.node,
        never,
        False,
    )
    way_min = far[:, nodes] / mps / 60
    added = 2 * way_min.min(axis=1) + stops.service
    rank = np.argsort(-stops.prize / np.maximum(added, 1e-9), kind="stable")
    calls: list[_Call] = []
    for place in rank[stops.prize[rank] > 0].tolist():
        nearest = way_min[place].min()
        if not np.isfinite(nearest):
            continue
        for at in np.flatnonzero(way_min[place] <= nearest + 1e-9).tolist():
            one = _Call(
                place,
                at,
                float(stops.service[place]),
                float(stops.opens[place]),
                float(stops.closes[place]),
                float(nearest),
            )
            trial = sorted([*calls, one], key=lambda call: call.at)
            if _end(trial, pass_min) <= minutes + 1e-9:
                calls = trial
                break
    return _with_detours(walk, calls, pass_min, last, stops)


def _end(calls: list[_Call], pass_min: Floats) -> float:
    """When a walk with these calls ends, minutes; infinite where one is closed by then."""
    late = 0.0
    for call in calls:
        begin = max(pass_min[call.at] + late + call.way_min, call.opens)
        if begin > call.closes:
            return float("inf")
        late = begin + call.service + call.way_min - pass_min[call.at]
    return float(pass_min[-1] + late)


def _with_detours(
    walk: Walk, calls: list[_Call], pass_min: Floats, last: Indices, stops: Stops
) -> tuple[Walk, list[Visit], float]:
    network, nodes = walk.network, walk.nodes()
    edges: list[Indices] = []
    streets: list[npt.NDArray[np.bool_]] = []
    visits: list[Visit] = []
    done, n_edges, late = 0, 0, 0.0
    for call in calls:
        # The tree is rooted at the place; its way, turned round, leads from the walk to it.
        back = way_back(
            last[call.place],
            network.tail,
            network.head,
            stops.node[call.place],
            nodes[call.at],
        )
        edges += [walk.edges[done : call.at], back[::-1]]
        streets += [walk.is_street[done : call.at], np.zeros(len(back), dtype=bool)]
        n_edges += call.at - done + len(back)
        arrive = float(pass_min[call.at] + late + call.way_min)
        begin = max(arrive, call.opens)
        visits.append(Visit(call.place, n_edges, arrive, begin, call.service))
        edges.append(back)
        streets.append(np.zeros(len(back), dtype=bool))
        n_edges += len(back)
        late = begin + call.service + call.way_min - float(pass_min[call.at])
        done = call.at
    walked = np.concatenate([*edges, walk.edges[done:]]).astype(np.int64)
    is_street = np.concatenate([*streets, walk.is_street[done:]]).astype(bool)
    made = Walk(
        network=network,
        edges=walked,
        is_forward=directed(network, walked, walk.start),
        is_street=is_street,
        start=walk.start,
        left_out=walk.left_out,
        bound_m=walk.bound_m,
        is_proved=walk.is_proved and len(walked) == len(walk.edges),
    )
    return made, visits, _end(calls, pass_min)


def _reversed(walk: Walk) -> Walk:
    """The closed walk the other way round; the first pass of a street is its last one now."""
    edges = walk.edges[::-1].copy()
    wanted = np.zeros(len(walk.network.tail), dtype=bool)
    wanted[walk.edges[walk.is_street]] = True
    is_first = np.zeros(len(edges), dtype=bool)
    is_first[np.unique(edges, return_index=True)[1]] = True
    return Walk(
        network=walk.network,
        edges=edges,
        is_forward=~walk.is_forward[::-1],
        is_street=wanted[edges] & is_first,
        start=walk.start,
        left_out=walk.left_out,
        bound_m=walk.bound_m,
        is_proved=walk.is_proved,
    )

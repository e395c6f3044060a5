"""Doors, checkpoints and hotspots visited within the time, from the base and back."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.errors import CrsError, ParameterError, SchemaError
from geo.patrol.routes.kernels import shortest_ways, way_back
from geo.patrol.routes.network import Attached, WalkNetwork, attach
from geo.patrol.routes.ordering import best_order
from geo.patrol.routes.walk import WALKING_MPS, Route, Visit, Walk, directed

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

N_STARTS, N_STEPS = 8, 50_000
"""Runs and steps of the search: a tenth of a second for 25 places."""

DEFAULTS = {"prize": 1.0, "service_min": 0.0, "opens_min": 0.0, "closes_min": np.inf}
"""What a place is worth where it does not say: a prize of 1, no stay, open all the time."""


@dataclass(frozen=True)
class Calls:
    """Places as numbers, the base first: walking minutes `between` (k + 1, k + 1), and for each
    place its prize, minutes of service, and minutes after setting out when it opens and closes."""

    between: Floats
    prize: Floats
    service: Floats
    opens: Floats
    closes: Floats


def visits(
    network: WalkNetwork,
    places: gpd.GeoDataFrame,
    *,
    base: shapely.Point,
    minutes: float,
    walking_mps: float = WALKING_MPS,
    seed: int = 0,
) -> Route:
    """The round from the base and back that gains the most prizes in the time, then is shortest.

    Annealing in compiled code over the orders of the places (`ordering.best_order`); it proves
    nothing; the benchmark sets tours of 25 places beside proved optima. Ways are the shortest on
    the network; to a place off the street one walks straight and back. One reached before it opens
    is waited for. `left_out` says of each place not visited why.

    Parameters
    ----------
    places : points or areas, CRS of the network. Columns, see DEFAULTS for those that lack or are
        null: `prize` (0 or more; 0 is never visited), `service_min`, `opens_min` and `closes_min`
        (minutes after setting out; service must begin by `closes_min`)
    base : where the round begins and ends, CRS of the network
    minutes : time in all, > 0
    walking_mps : walking speed, metres a second, > 0

    Raises
    ------
    CrsError : the CRS differ
    ParameterError : an option or a number of a place is out of range; there are no streets
    """
    check_positive(minutes=minutes, walking_mps=walking_mps)
    check_same_crs(network, places)
    spots = gpd.GeoSeries([base, *places.geometry], crs=network.edges.crs)
    attached = attach(network, spots)
    found, last_edge = _ways(attached)
    calls = _calls(places, found, attached.off_m, walking_mps)
    order = best_order(
        calls.between,
        calls.prize,
        calls.service,
        calls.opens,
        calls.closes,
        float(minutes),
        N_STARTS,
        N_STEPS,
        seed,
    )
    walk, stops, ends = _walked(attached, last_edge, calls, order)
    reason = why_left_out(calls, order, minutes=minutes)
    return Route(walk, stops, ends, places, left_out_rows(places, reason))


def numbers(places: pd.DataFrame, column: str) -> Floats:
    """A column of places as numbers, the default where it lacks or is null.

    Raises
    ------
    ParameterError : a number is negative or not one
    """
    default = DEFAULTS[column]
    if column not in places:
        return np.full(len(places), default)
    values: Floats = places[column].astype("Float64").to_numpy(dtype=np.float64, na_value=default)
    values = np.where(np.isnan(values), default, values)
    is_bad = (values < 0) | (np.isinf(values) & (column != "closes_min"))
    if is_bad.any():
        raise ParameterError(
            "routes.numbers",
            f"column {column} of places must be 0 or more; {int(is_bad.sum())} values are not. "
            "Correct them.",
            column=column,
            count=int(is_bad.sum()),
        )
    return values


def check_positive(**options: float) -> None:
    """Raise for an option that is not finite and above 0.

    Raises
    ------
    ParameterError : one is not
    """
    for name, value in options.items():
        if not 0 < value < float("inf"):
            raise ParameterError(
                "parameter.not_positive",
                f"`{name}` must be finite and above 0; got {value}.",
                name=name,
                value=value,
            )


def check_same_crs(network: WalkNetwork, places: gpd.GeoDataFrame) -> None:
    """Raise where places are not in the network's CRS.

    Raises
    ------
    CrsError : they are not
    """
    if not isinstance(places, gpd.GeoDataFrame):
        raise SchemaError(
            "schema.missing_columns",
            "places must have a geometry; got a table without. Locate them.",
            layer="places",
            columns=["geometry"],
            found=[str(name) for name in places.columns][:20],
        )
    if places.crs != network.edges.crs:
        raise CrsError(
            "crs.mismatch",
            f"streets and places must share one CRS; got {network.edges.crs} and {places.crs}. "
            "Reproject with `crs.to_metric`.",
            left=str(network.edges.crs),
            right=str(places.crs),
        )


def why_left_out(calls: Calls, visited: Indices, *, minutes: float) -> npt.NDArray[np.object_]:
    """For each place (k,) why it is not visited; None for those that are.

    unreachable: no way leads there; worthless: its prize is 0; too_far: there and back takes longer
    than the time; closed: it closes before one can be there; no_time: others were worth more.
    """
    there, back = calls.between[0, 1:], calls.between[1:, 0]
    begin = np.maximum(there, calls.opens[1:])
    reason = np.full(len(there), "no_time", dtype=object)
    reason[begin + calls.service[1:] + back > minutes] = "too_far"
    reason[begin > calls.closes[1:]] = "closed"
    reason[calls.prize[1:] == 0] = "worthless"
    reason[~np.isfinite(there)] = "unreachable"
    reason[visited - 1] = None
    return reason


def left_out_rows(
    places: pd.DataFrame, reason: npt.NDArray[np.object_], *, kind: str = "place"
) -> pd.DataFrame:
    """Rows `kind`, `row` (position), `name` and `reason` of what has a reason."""
    row = np.flatnonzero(pd.notna(reason))
    name = np.full(len(row), None, dtype=object)
    if "name" in places:
        name = places["name"].astype(object).where(places["name"].notna(), None).to_numpy()[row]
    columns = {"kind": [kind] * len(row), "row": row, "name": name, "reason": reason[row]}
    return pd.DataFrame(columns)


def _ways(attached: Attached) -> tuple[Floats, Indices]:
    """Metres between the base and the places on the network, and the tree of ways from each."""
    network = attached.network
    never = np.zeros(len(network.nodes), dtype=bool)
    distance, last_edge = shortest_ways(
        network.first,
        network.neighbour,
        network.way_edge,
        network.length_m,
        attached.node,
        never,
        False,
    )
    return distance[:, attached.node], last_edge


def _calls(places: gpd.GeoDataFrame, between_m: Floats, off_m: Floats, walking_mps: float) -> Calls:
    off = off_m.copy()
    off[0] = 0.0
    straight = (
        off[:, None] + off[None, :] + off_m[0] * (np.eye(1, len(off)) + np.eye(1, len(off)).T)
    )
    np.fill_diagonal(straight, 0.0)
    prize = np.append(0.0, numbers(places, "prize"))
    closes = np.append(np.inf, numbers(places, "closes_min"))
    return Calls(
        between=(between_m + straight) / walking_mps / 60,
        prize=prize,
        service=np.append(0.0, numbers(places, "service_min")),
        opens=np.append(0.0, numbers(places, "opens_min")),
        closes=closes,
    )


def _walked(
    attached: Attached, last_edge: Indices, calls: Calls, order: Indices
) -> tuple[Walk, tuple[Visit, ...], float]:
    """The walk to the places in order and back, its visits, and minutes in all."""
    network, node = attached.network, attached.node
    edges: list[Indices] = []
    stops: list[Visit] = []
    here, clock, n_edges = 0, 0.0, 0
    for stop in [*order.tolist(), 0] if len(order) else []:
        way = way_back(last_edge[here], network.tail, network.head, node[here], node[stop])
        edges.append(way)
        n_edges += len(way)
        arrive = clock + float(calls.between[here, stop])
        begin = max(arrive, float(calls.opens[stop]))
        if stop:
            stops.append(Visit(stop - 1, n_edges, arrive, begin, float(calls.service[stop])))
        here, clock = stop, begin + float(calls.service[stop])
    walked = np.concatenate([*edges, np.zeros(0, dtype=np.int64)])
    none = np.zeros(len(walked), dtype=bool)
    is_forward = directed(network, walked, int(node[0]))
    nobody = np.zeros(len(network.tail), dtype=bool)
    walk = Walk(network, walked, is_forward, none, int(node[0]), nobody, 0.0, False)
    return walk, tuple(stops), clock

"""A walk on the network: the edges in order, and its legs as rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.patrol.routes.network import WalkNetwork

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

WALKING_MPS = 1.2
"""Walking speed, metres a second: 1.2 is what crossings are timed for (HCM 2000, ch. 18)."""


@dataclass(frozen=True)
class Walk:
    """Edges of `network` in walking order, (k,); empty where there is nothing to walk.

    `is_forward`: walked from tail to head. `is_street`: a wanted edge, for the first time; the
    others are ways between. `start`: the node it starts from, -1 where it is empty.
    `left_out` (m,): wanted edges that no way leads to. `bound_m`: length that no walk along the
    others can be shorter than; `is_proved`: the walk is as short as that, within a millimetre a
    leg.
    """

    network: WalkNetwork
    edges: Indices
    is_forward: Mask
    is_street: Mask
    start: int
    left_out: Mask
    bound_m: float
    is_proved: bool

    @property
    def length_m(self) -> float:
        """Metres walked in all."""
        return float(self.network.length_m[self.edges].sum())

    @property
    def street_m(self) -> float:
        """Metres of wanted streets, each counted once."""
        return float(self.network.length_m[self.edges[self.is_street]].sum())

    def nodes(self) -> Indices:
        """The nodes passed in order, (k + 1,); empty where there is nothing to walk."""
        if not len(self.edges):
            return np.full(int(self.start >= 0), self.start, dtype=np.int64)
        tail, head = self.network.tail[self.edges], self.network.head[self.edges]
        leaves = np.where(self.is_forward, tail, head)
        arrives = np.where(self.is_forward, head, tail)
        return np.append(leaves, arrives[-1])


@dataclass(frozen=True)
class Visit:
    """A stop of a route: row `place` of the places asked for, after `n_edges` edges.

    `arrive_min`, `start_min`: minutes after setting out; `service_min` spent there.
    """

    place: int
    n_edges: int
    arrive_min: float
    start_min: float
    service_min: float


@dataclass(frozen=True)
class Route:
    """A walk with its visits, in order; `minutes` in all, `places` the frame the visits name.

    `left_out`: rows `kind` (street, place), `row`, `name`, `reason` of what was asked for and is
    not in it.
    """

    walk: Walk
    visits: tuple[Visit, ...]
    minutes: float
    places: pd.DataFrame = field(default_factory=pd.DataFrame)
    left_out: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=["kind", "row", "name", "reason"])
    )


def directed(network: WalkNetwork, edges: Indices, start: int) -> Mask:
    """Whether each edge of a walk from a node is walked from tail to head."""
    is_forward = np.empty(len(edges), dtype=bool)
    node = start
    tails, heads = network.tail[edges].tolist(), network.head[edges].tolist()
    for i, (tail, head) in enumerate(zip(tails, heads, strict=True)):
        is_forward[i] = tail == node
        node = head if tail == node else tail
    return is_forward


def legs(route: Route, *, walking_mps: float = WALKING_MPS) -> gpd.GeoDataFrame:
    """One row a leg: neighbouring edges of one street and kind joined, visits between them.

    Columns `order` (from 1), `kind` (street: wanted, way: between, visit), `street` (code), `name`
    (of the street or the place; None where unknown), `name_en`, `length_m`, `minutes` and the
    geometry as walked; CRS of the network.
    """
    walk = route.walk
    rows = _edge_rows(walk)
    stops = [visit.n_edges for visit in route.visits]
    is_cut = np.zeros(len(rows) + 1, dtype=bool)
    is_cut[stops] = True
    same = (rows[["kind", "street"]] == rows[["kind", "street"]].shift()).all(axis=1).to_numpy()
    leg = np.cumsum(~same | is_cut[:-1])
    joined = rows.groupby(leg, sort=False).agg(
        kind=("kind", "first"),
        street=("street", "first"),
        name=("name", "first"),
        name_en=("name_en", "first"),
        length_m=("length_m", "sum"),
    )
    joined["minutes"] = joined["length_m"] / walking_mps / 60
    lines = _joined_lines(walk, leg)
    last = np.append(np.flatnonzero(np.diff(leg)), len(leg) - 1) if len(leg) else np.zeros(0)
    visited = _visit_rows(route)
    where = np.concatenate([last + 1.0, np.array(stops) + 0.5]) if stops else last + 1.0
    order = np.argsort(where, kind="stable")
    frame = pd.concat([joined, visited], ignore_index=True) if stops else joined
    points = shapely.points(walk.network.nodes[_visit_nodes(route)]) if stops else []
    geometry = np.concatenate([lines, np.asarray(points, dtype=object)])
    made = gpd.GeoDataFrame(
        frame.reset_index(drop=True), geometry=geometry, crs=walk.network.edges.crs
    ).iloc[order]
    made = made.reset_index(drop=True)
    made.insert(0, "order", np.arange(1, len(made) + 1))
    return made


def _edge_rows(walk: Walk) -> pd.DataFrame:
    taken = walk.network.edges.iloc[walk.edges]
    columns = {
        name: taken[name].to_numpy(dtype=object) if name in taken else None
        for name in ("street", "name", "name_en")
    }
    rows = pd.DataFrame(columns, index=range(len(taken)), dtype=object)
    rows = rows.where(rows.notna(), None)
    rows["kind"] = np.where(walk.is_street, "street", "way")
    rows["length_m"] = walk.network.length_m[walk.edges]
    return rows


def _visit_nodes(route: Route) -> Indices:
    nodes = route.walk.nodes()
    found: Indices = nodes[[visit.n_edges for visit in route.visits]]
    return found


def _visit_rows(route: Route) -> pd.DataFrame:
    places = route.places.iloc[[visit.place for visit in route.visits]]
    name = places["name"].to_numpy(dtype=object) if "name" in places else None
    return pd.DataFrame(
        {
            "kind": "visit",
            "street": None,
            "name": name,
            "name_en": None,
            "length_m": 0.0,
            "minutes": [
                visit.start_min - visit.arrive_min + visit.service_min for visit in route.visits
            ],
        }
    )


def _joined_lines(walk: Walk, leg: Indices) -> npt.NDArray[np.object_]:
    """One line a leg, its edges as walked end to end."""
    if not len(leg):
        return np.zeros(0, dtype=object)
    lines = walk.network.edges.geometry.to_numpy()[walk.edges]
    lines = np.where(walk.is_forward, lines, shapely.reverse(lines))
    xy, edge = shapely.get_coordinates(lines, return_index=True)
    is_repeat = np.zeros(len(xy), dtype=bool)
    is_repeat[1:] = (xy[1:] == xy[:-1]).all(axis=1) & (leg[edge[1:]] == leg[edge[:-1]])
    # A leg keeps two vertices at least: where all are alike none is a repeat.
    number = leg[edge] - 1
    too_few = np.bincount(number, weights=~is_repeat) < 2
    keep = ~is_repeat | too_few[number]
    made: npt.NDArray[np.object_] = shapely.linestrings(xy[keep], indices=number[keep])
    return made

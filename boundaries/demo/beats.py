"""Each worker's beat on the street network, and walks through it that pass every street."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

AVOIDED = 20.0
"""A street missed by habit counts as this many times longer when a way is sought."""

HABIT_SHARE = 0.12
"""At most this share of a beat's length is missed by habit."""


@dataclass(frozen=True)
class Network:
    """Streets as a graph: end nodes, lengths, lines and coordinates, in row order of streets."""

    ends: np.ndarray
    length_m: np.ndarray
    lines: np.ndarray
    xy: list[np.ndarray]

    @property
    def n_nodes(self) -> int:
        return int(self.ends.max()) + 1


@dataclass(frozen=True)
class Beat:
    """Streets to pass, those missed by habit, and the ways between them.

    Nodes are numbered inside the beat: `ends` has both nodes of a street, `distance[u, v]` the
    length of the way, `before[u, v]` the last node before v on it, `street_of` the street between
    neighbours.
    """

    required: list[int]
    habits: list[int]
    ends: dict[int, tuple[int, int]]
    distance: np.ndarray
    before: np.ndarray
    street_of: dict[tuple[int, int], int]


def network(streets: gpd.GeoDataFrame) -> Network:
    """The graph of the streets; ends within a centimetre are one node."""
    lines = streets.geometry.to_numpy()
    ends = np.concatenate(
        [
            shapely.get_coordinates(shapely.get_point(lines, 0)),
            shapely.get_coordinates(shapely.get_point(lines, -1)),
        ]
    )
    _, node = np.unique(np.round(ends * 100).astype("int64"), axis=0, return_inverse=True)
    xy = [shapely.get_coordinates(line) for line in lines]
    return Network(np.asarray(node).reshape(2, -1).T, shapely.length(lines), lines, xy)


def streets_of(net: Network, grids: gpd.GeoDataFrame) -> list[np.ndarray]:
    """Streets of each grid, by the middle of the street; on a border the first grid has it."""
    middle = shapely.line_interpolate_point(net.lines, 0.5, normalized=True)
    street, grid = shapely.STRtree(grids.geometry.to_numpy()).query(
        middle, predicate="dwithin", distance=0.05
    )
    owner = np.full(len(middle), len(grids))
    np.minimum.at(owner, street, grid)
    return [np.flatnonzero(owner == g) for g in range(len(grids))]


def beat(net: Network, required: np.ndarray, rng: np.random.Generator) -> Beat:
    """The beat over these streets, with connecting streets and one to three missed by habit."""
    ways = _connected(net, required)
    habits = _habits(net, required, ways, rng)
    number = {int(node): i for i, node in enumerate(np.unique(net.ends[ways]))}
    ends = {
        street: (number[int(net.ends[street, 0])], number[int(net.ends[street, 1])])
        for street in ways.tolist()
    }
    cost = np.where(np.isin(np.arange(len(net.lines)), habits), AVOIDED, 1.0) * net.length_m
    least: dict[tuple[int, int], int] = {}
    for street in ways[np.argsort(-cost[ways])].tolist():
        least[min(ends[street]), max(ends[street])] = street
    u, v = np.array(list(least)).reshape(-1, 2).T
    size = len(number)
    graph = coo_array((cost[list(least.values())], (u, v)), shape=(size, size)).tocsr()
    distance, before = dijkstra(graph, directed=False, return_predecessors=True)
    both = least | {(b, a): street for (a, b), street in least.items()}
    return Beat(required.tolist(), habits, ends, distance, before, both)


def _graph(net: Network, streets: np.ndarray) -> csr_array:
    """Lengths between neighbouring nodes of the whole network, by these streets alone."""
    u, v = np.sort(net.ends[streets], axis=1).T
    order = np.argsort(-net.length_m[streets], kind="stable")
    least = {
        (a, b): m
        for a, b, m in zip(
            u[order].tolist(), v[order].tolist(), net.length_m[streets][order].tolist(), strict=True
        )
    }
    pairs = np.array(list(least)).reshape(-1, 2)
    size = net.n_nodes
    return coo_array((list(least.values()), (pairs[:, 0], pairs[:, 1])), shape=(size, size)).tocsr()


def _connected(net: Network, required: np.ndarray) -> np.ndarray:
    """The required streets and the shortest other streets that join their parts."""
    graph = _graph(net, np.arange(len(net.lines)))
    ways = required
    while True:
        mine = _graph(net, ways)
        _, label = connected_components(mine, directed=False)
        used = np.unique(net.ends[ways])
        parts = np.unique(label[used])
        if len(parts) == 1:
            return np.asarray(ways)
        first = used[label[used] == parts[0]]
        rest = used[label[used] != parts[0]]
        distance, before, _ = dijkstra(
            graph, directed=False, indices=first, return_predecessors=True, min_only=True
        )
        node = int(rest[np.argmin(distance[rest])])
        path = []
        while before[node] >= 0:
            path.append(_street_between(net, int(before[node]), node))
            node = int(before[node])
        ways = np.union1d(ways, path)


def _street_between(net: Network, u: int, v: int) -> int:
    """The shortest street between two nodes."""
    is_there = ((net.ends == [u, v]) | (net.ends == [v, u])).all(axis=1)
    streets = np.flatnonzero(is_there)
    return int(streets[np.argmin(net.length_m[streets])])


def _habits(
    net: Network, required: np.ndarray, ways: np.ndarray, rng: np.random.Generator
) -> list[int]:
    """Streets that can be left out without cutting the rest off, up to HABIT_SHARE of length."""
    wanted = int(rng.integers(1, 4))
    room = HABIT_SHARE * net.length_m[required].sum()
    habits: list[int] = []
    for street in rng.permutation(required)[:25].tolist():
        if len(habits) == wanted:
            break
        tried = [*habits, street]
        if net.length_m[street] < 25 or net.length_m[tried].sum() > room:
            continue
        left = np.setdiff1d(ways, tried)
        _, label = connected_components(_graph(net, left), directed=False)
        if len(np.unique(label[net.ends[left].ravel()])) == 1 and (
            np.isin(net.ends[street], net.ends[left]).any()
        ):
            habits = tried
    return habits


def walk(of: Beat, wanted: set[int], rng: np.random.Generator) -> list[tuple[int, bool]]:
    """Streets in the order walked, each with whether it is walked from its first end.

    From where the walker stands the next wanted street is taken, the one with least beyond it
    first (dead ends before loops); where none starts here, the shortest way to the nearest node
    where one does.
    """
    at_node: dict[int, list[int]] = {}
    n_open = np.zeros(len(of.distance), dtype="int64")
    for street in sorted(wanted):
        for node in of.ends[street]:
            at_node.setdefault(node, []).append(street)
            n_open[node] += 1
    starts = sorted(at_node)
    here = starts[int(rng.integers(len(starts)))]
    shuffle = rng.random(len(starts) + len(wanted))
    left = set(wanted)
    steps: list[tuple[int, bool]] = []

    def take(street: int, node: int) -> int:
        u, v = of.ends[street]
        steps.append((street, u == node))
        if street in left:
            left.discard(street)
            n_open[u] -= 1
            n_open[v] -= 1
        return v if u == node else u

    while left:
        if n_open[here]:
            choices = [street for street in at_node[here] if street in left]
            far = [sum(of.ends[street]) - here for street in choices]
            best = int(np.argmin(n_open[far] + shuffle[: len(far)]))
            here = take(choices[best], here)
            continue
        goal = int(np.argmin(np.where(n_open > 0, of.distance[here], np.inf)))
        path = [goal]
        while path[-1] != here:
            path.append(int(of.before[here, path[-1]]))
        for u, v in zip(path[::-1], path[-2::-1], strict=False):
            here = take(of.street_of[u, v], u)
    return steps

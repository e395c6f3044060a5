"""Compiled: shortest ways on the network, and a walk along every edge of an even graph."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@njit(cache=True, nogil=True, error_model="numpy")
def shortest_ways(  # noqa: PLR0917
    first: Indices,
    neighbour: Indices,
    way_edge: Indices,
    length_m: Floats,
    sources: Indices,
    is_end: npt.NDArray[np.bool_],
    ends_block: bool,
) -> tuple[Floats, Indices]:
    """Distance and last edge (-1: none) of the shortest way from each source to every node, (k, n).

    Dijkstra with a binary heap, for each source until every node that `is_end` is reached, of which
    there may be none: then until all nodes are. Where `ends_block`, ways do not lead on through
    these nodes, which keeps just the ways that are not made of others. Distances of other nodes
    are right only where no node is an end.
    """
    n = len(first) - 1
    n_ends = is_end.sum()
    distance = np.full((len(sources), n), np.inf)
    last_edge = np.full((len(sources), n), np.int64(-1))
    room = len(neighbour) + 1
    keys, items = np.empty(room), np.empty(room, np.int64)
    for s in range(len(sources)):
        far, last = distance[s], last_edge[s]
        is_done = np.zeros(n, np.bool_)
        far[sources[s]] = 0.0
        keys[0], items[0] = 0.0, sources[s]
        size, n_open = 1, n_ends
        while size > 0:
            node = items[0]
            size -= 1
            key, item = keys[size], items[size]
            at = 0
            while 2 * at + 1 < size:
                child = 2 * at + 1
                if child + 1 < size and keys[child + 1] < keys[child]:
                    child += 1
                if keys[child] >= key:
                    break
                keys[at], items[at] = keys[child], items[child]
                at = child
            keys[at], items[at] = key, item
            if is_done[node]:
                continue
            is_done[node] = True
            if is_end[node]:
                n_open -= 1
                if n_open == 0:
                    break
                if ends_block and node != sources[s]:
                    continue
            for way in range(first[node], first[node + 1]):
                other, edge = neighbour[way], way_edge[way]
                reached = far[node] + length_m[edge]
                if reached < far[other]:
                    far[other], last[other] = reached, edge
                    at = size
                    size += 1
                    while at > 0 and keys[(at - 1) // 2] > reached:
                        keys[at], items[at] = keys[(at - 1) // 2], items[(at - 1) // 2]
                        at = (at - 1) // 2
                    keys[at], items[at] = reached, other
    return distance, last_edge


@njit(cache=True, nogil=True, error_model="numpy")
def way_back(last_edge: Indices, tail: Indices, head: Indices, source: int, target: int) -> Indices:
    """Edges of the way from source to target, in order, from one row of `shortest_ways`."""
    edges = np.empty(len(last_edge), np.int64)
    n = 0
    node = target
    while node != source:
        edge = last_edge[node]
        edges[n] = edge
        n += 1
        node = tail[edge] + head[edge] - node
    return edges[:n][::-1].copy()


@njit(cache=True, nogil=True, error_model="numpy")
def euler_walk(tail: Indices, head: Indices, start: int, n_nodes: int) -> Indices:
    """Positions of edges in the order of one walk along each of them once, from `start`.

    Hierholzer's algorithm. The edges must be connected, with no or two odd nodes, `start` one of
    them where there are two; else the walk comes out shorter than the edges are many.
    """
    m = len(tail)
    first = np.zeros(n_nodes + 1, np.int64)
    for e in range(m):
        first[tail[e] + 1] += 1
        first[head[e] + 1] += 1
    for v in range(n_nodes):
        first[v + 1] += first[v]
    place = first[:-1].copy()
    out = np.empty(2 * m, np.int64)
    for e in range(m):
        out[place[tail[e]]] = e
        place[tail[e]] += 1
        out[place[head[e]]] = e
        place[head[e]] += 1
    place = first[:-1].copy()
    is_used = np.zeros(m, np.bool_)
    nodes, by = np.empty(m + 1, np.int64), np.empty(m + 1, np.int64)
    nodes[0], by[0] = start, -1
    size = 1
    walk = np.empty(m, np.int64)
    n = 0
    while size > 0:
        node = nodes[size - 1]
        while place[node] < first[node + 1] and is_used[out[place[node]]]:
            place[node] += 1
        if place[node] == first[node + 1]:
            size -= 1
            if by[size] >= 0:
                walk[n] = by[size]
                n += 1
        else:
            edge = out[place[node]]
            is_used[edge] = True
            nodes[size], by[size] = tail[edge] + head[edge] - node, edge
            size += 1
    return walk[:n][::-1].copy()

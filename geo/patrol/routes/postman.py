"""The shortest walk along all wanted streets (Chinese or rural postman)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import rustworkx as rx

from geo.errors import ParameterError
from geo.patrol.routes.joining import join_parts
from geo.patrol.routes.kernels import euler_walk, shortest_ways, way_back
from geo.patrol.routes.network import WalkNetwork, parts_of
from geo.patrol.routes.walk import Walk, directed

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

UNITS_A_METRE = 1_000_000
"""Matching counts whole micrometres, so that it is exact and equal lengths are rare."""


def postman(
    network: WalkNetwork,
    is_wanted: Mask,
    *,
    base: int | None = None,
    is_closed: bool = True,
) -> Walk:
    """The shortest walk along every wanted edge, by whatever other edges it takes between.

    Where the wanted edges (and the base) hang together the walk is exact: their odd nodes are
    matched at least total distance (Edmonds and Johnson 1973), every wanted edge and the ways
    between matched nodes are walked once, in the order of an Euler walk (Hierholzer). Where they
    fall apart, see `joining.join_parts`.

    Parameters
    ----------
    network : m edges
    is_wanted : (m,) mask of the edges to walk
    base : node to start from; None: wherever is best
    is_closed : back to the start; else the walk ends wherever is best

    Raises
    ------
    ParameterError : the mask is not of the network, or there is no such node
    """
    is_wanted = _checked(network, is_wanted, base)
    is_left_out = _unreachable(network, is_wanted, base)
    wanted = np.flatnonzero(is_wanted & ~is_left_out)
    if not len(wanted):
        return _nothing(network, is_left_out, base)
    n_free = 0 if is_closed else (1 if base is not None else 2)
    is_odd = (
        np.bincount(
            np.concatenate([network.tail[wanted], network.head[wanted]]),
            minlength=len(network.nodes),
        )
        % 2
        == 1
    )
    if n_free == 1:
        is_odd[base] = ~is_odd[base]
    extra, start_end = match_odd(network, np.flatnonzero(is_odd), n_free=n_free)
    n_parts = _count_parts(network, np.concatenate([wanted, extra]), base)
    bound_m = float(network.length_m[wanted].sum() + network.length_m[extra].sum())
    is_proved = True
    if n_parts > 1:
        joined = join_parts(network, wanted, is_odd, base=base, n_free=n_free)
        extra, start_end, is_proved = joined.extra, joined.ends, joined.is_proved
        bound_m = max(bound_m, joined.bound_m)
    start = base if base is not None else _start(network, wanted, start_end)
    walk = _walk(network, wanted, extra, start)
    return replace(walk, left_out=is_left_out, bound_m=bound_m, is_proved=is_proved)


def match_odd(network: WalkNetwork, odd: Indices, *, n_free: int) -> tuple[Indices, Indices]:
    """Edges to walk once more so that all nodes become even, but for `n_free` of the odd ones.

    Returns the edges, and the odd nodes left as they are, where the walk starts or ends.
    """
    if not len(odd):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    is_end = np.zeros(len(network.nodes), dtype=bool)
    is_end[odd] = True
    distance, last = shortest_ways(
        network.first, network.neighbour, network.way_edge, network.length_m, odd, is_end, False
    )
    between = distance[:, odd]
    left, right = np.nonzero(np.triu(np.isfinite(between), 1))
    cost = np.round(between[left, right] * UNITS_A_METRE).astype(np.int64)
    n = len(odd)
    for free in range(n_free):
        left = np.concatenate([left, np.arange(n)])
        right = np.concatenate([right, np.full(n, n + free)])
        cost = np.concatenate([cost, np.zeros(n, dtype=np.int64)])
    pairs = _matching(n + n_free, left, right, cost)
    ways = [
        way_back(last[i], network.tail, network.head, odd[i], odd[j]) for i, j in pairs if j < n
    ]
    ends = odd[[i for i, j in pairs if j >= n]]
    edges = np.concatenate([*ways, np.zeros(0, dtype=np.int64)])
    # Two ways along one edge cancel: all nodes stay even, and the walk is no longer for it.
    times = np.bincount(edges, minlength=len(network.tail))
    return np.flatnonzero(times % 2 == 1), ends


def _matching(n: int, left: Indices, right: Indices, cost: Indices) -> list[tuple[int, int]]:
    """The pairs (i < j) of a perfect matching of least cost, by Edmonds' blossoms."""
    most = int(cost.max(initial=0)) + 1
    graph: rx.PyGraph = rx.PyGraph(multigraph=False)
    graph.add_nodes_from(range(n))
    graph.add_edges_from(
        list(zip(left.tolist(), right.tolist(), (most - cost).tolist(), strict=True))
    )
    found = rx.max_weight_matching(graph, max_cardinality=True, weight_fn=int)
    return sorted((min(pair), max(pair)) for pair in found)


def _checked(network: WalkNetwork, is_wanted: Mask, base: int | None) -> Mask:
    mask = np.asarray(is_wanted)
    if mask.shape != (len(network.tail),) or mask.dtype != np.bool_:
        raise ParameterError(
            "routes.wanted",
            f"`is_wanted` must be a mask of the {len(network.tail)} edges; got {mask.dtype} of "
            f"shape {mask.shape}.",
            edges=len(network.tail),
            found=str(mask.shape),
        )
    if base is not None and not 0 <= base < len(network.nodes):
        raise ParameterError(
            "routes.base",
            f"`base` must be one of the {len(network.nodes)} nodes; got {base}. Use `attach`.",
            nodes=len(network.nodes),
            base=base,
        )
    return mask


def _unreachable(network: WalkNetwork, is_wanted: Mask, base: int | None) -> Mask:
    """Wanted edges in another part of the network than the base, or than most of their length."""
    if not is_wanted.any():
        return np.zeros(len(is_wanted), dtype=bool)
    part = network.part_of_node()[network.tail]
    if base is not None:
        home = network.part_of_node()[base]
    else:
        weight = np.where(is_wanted, network.length_m, 0.0)
        home = np.bincount(part, weights=weight).argmax()
    mask: Mask = is_wanted & (part != home)
    return mask


def _count_parts(network: WalkNetwork, edges: Indices, base: int | None) -> int:
    """How many parts the edges (and the base) fall into."""
    is_used = np.zeros(len(network.tail), dtype=bool)
    is_used[edges] = True
    part = parts_of(network, is_used)
    touched = part[network.tail[edges]]
    if base is not None:
        touched = np.append(touched, part[base])
    return len(np.unique(touched))


def _start(network: WalkNetwork, wanted: Indices, ends: Indices) -> int:
    """The node to start from where no base is given: an odd one, else that of the first edge."""
    return int(ends.min()) if len(ends) else int(network.tail[wanted[0]])


def _walk(network: WalkNetwork, wanted: Indices, extra: Indices, start: int) -> Walk:
    edges = np.concatenate([wanted, extra])
    order = euler_walk(network.tail[edges], network.head[edges], start, len(network.nodes))
    assert len(order) == len(edges)
    walked = edges[order]
    is_wanted = np.zeros(len(network.tail), dtype=bool)
    is_wanted[wanted] = True
    is_first = np.zeros(len(walked), dtype=bool)
    is_first[np.unique(walked, return_index=True)[1]] = True
    none = np.zeros(len(network.tail), dtype=bool)
    is_forward = directed(network, walked, start)
    return Walk(network, walked, is_forward, is_wanted[walked] & is_first, start, none, 0.0, False)


def _nothing(network: WalkNetwork, left_out: Mask, base: int | None) -> Walk:
    none = np.zeros(0, dtype=np.int64)
    no_mask = np.zeros(0, dtype=bool)
    start = -1 if base is None else base
    return Walk(network, none, no_mask, no_mask, start, left_out, 0.0, True)

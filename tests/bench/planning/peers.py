"""The peers, each from its own package, given the same neighbours, loads and number of grids.

A function here prepares a peer's own structures (not timed) and returns the run that is timed;
the run returns the grid of each cell. Tolerances are shares. Where a peer takes edge weights they
are border lengths in decimetres, which suits it better than counting borders.
"""

from __future__ import annotations

import random
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import files
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from tests.bench.planning.instances import Instance

Run = Callable[[], Any]

EDGE_UNIT_M = 0.1
N_ORDERS = 120
"""Node orders that METIS is tried with: its answer depends on them more than on its seed."""

KAFFPA_MODES = {"fast": 0, "eco": 1, "strong": 2}
RECOM_ATTEMPTS = 200
"""Trees that ReCom draws for one pair of grids before another pair is tried."""

MAXP_CONSTRUCTIONS, MAXP_ANNEALINGS = 20, 2
"""MaxP's repeats; its defaults (999 and 10) take hours on a thousand cells."""


def edge_weights(instance: Instance, *, by_length: bool) -> np.ndarray:
    """Whole weights, at least 1, one a directed edge."""
    length_m = instance.rows.length_m
    units = np.rint(length_m / EDGE_UNIT_M) if by_length else np.zeros(len(length_m))
    return np.maximum(1, units).astype(np.int64)


def metis(
    instance: Instance,
    *,
    tolerance: float,
    by_length: bool = True,
    is_recursive: bool = False,
    order: np.ndarray | None = None,
) -> Run:
    """METIS: contiguous k-way, or recursive bisection (which knows no contiguity)."""
    import pymetis  # noqa: PLC0415

    rows, n = instance.rows, len(instance.cells)
    weight, load = edge_weights(instance, by_length=by_length), instance.load.astype(np.int64)
    place = np.arange(n) if order is None else np.argsort(order)
    order = np.arange(n) if order is None else order
    near = [place[rows.indices[rows.indptr[cell] : rows.indptr[cell + 1]]] for cell in order]
    far = [weight[rows.indptr[cell] : rows.indptr[cell + 1]] for cell in order]
    indptr = np.r_[0, np.cumsum([len(one) for one in near])]
    graph = pymetis.CSRAdjacency(indptr.tolist(), np.concatenate(near).tolist())
    vertex, edge = load[order].tolist(), np.concatenate(far).tolist()
    options = {"ufactor": max(1, round(1000 * tolerance))}
    if not is_recursive:
        options["contig"] = 1

    def run() -> np.ndarray:
        found = pymetis.part_graph(
            instance.n_grids,
            graph,
            vweights=vertex,
            eweights=edge,
            recursive=is_recursive,
            options=pymetis.Options(**options),
        )[1]
        labels: np.ndarray = np.asarray(found, dtype=np.int64)[place]
        return labels

    return run


def metis_orders(instance: Instance, *, tolerance: float, n_orders: int = N_ORDERS) -> Run:
    """METIS by border length over shuffled node orders.

    The run yields every answer; which of them counts is for the judge to say.
    """
    rng = np.random.default_rng(0)
    orders = [rng.permutation(len(instance.cells)) for _ in range(n_orders)]

    def run() -> Iterator[np.ndarray]:
        for order in orders:
            yield metis(instance, tolerance=tolerance, order=order)()

    return run


def kahip(instance: Instance, *, tolerance: float, mode: str = "eco", seed: int = 0) -> Run:
    """KaHIP's kaffpa by its Python module, which has no contiguity option."""
    import kahip  # noqa: PLC0415

    rows = instance.rows
    weight = edge_weights(instance, by_length=True).tolist()
    load, indptr, indices = instance.load.astype(int).tolist(), rows.indptr, rows.indices.tolist()

    def run() -> np.ndarray:
        found = kahip.kaffpa(
            load,
            indptr.tolist(),
            weight,
            indices,
            instance.n_grids,
            tolerance,
            True,
            seed,
            KAFFPA_MODES[mode],
        )[1]
        return np.asarray(found, dtype=np.int64)

    return run


def kahip_connected(instance: Instance, *, tolerance: float, seed: int = 0) -> Run:
    """KaHIP's kaffpa --connected_blocks: only in the program its package brings along, only
    with the `strong` settings, called experimental by its authors (release 3.25)."""
    program = next(str(f.locate()) for f in files("kahip") or () if f.name == "kaffpa")
    folder = Path(tempfile.mkdtemp(prefix="wangge-bench-"))
    rows, load = instance.rows, instance.load.astype(int)
    weight = edge_weights(instance, by_length=True)
    lines = [f"{len(load)} {len(rows.indices) // 2} 11"]
    for cell in range(len(load)):
        span = slice(rows.indptr[cell], rows.indptr[cell + 1])
        pairs = np.stack([rows.indices[span] + 1, weight[span]], axis=1).ravel()
        lines.append(" ".join(map(str, [load[cell], *pairs.tolist()])))
    (folder / "graph").write_text("\n".join(lines) + "\n", "ascii")

    def run() -> np.ndarray:
        subprocess.run(
            [
                program,
                str(folder / "graph"),
                f"--k={instance.n_grids}",
                f"--imbalance={100 * tolerance:g}",
                f"--seed={seed}",
                "--preconfiguration=strong",
                "--connected_blocks",
                f"--output_filename={folder / 'labels'}",
            ],
            check=True,
            capture_output=True,
        )
        return np.loadtxt(folder / "labels", dtype=np.int64)

    return run


def _gerrychain_graph(instance: Instance) -> Any:
    import networkx as nx  # noqa: PLC0415
    from gerrychain import Graph  # noqa: PLC0415

    graph = nx.Graph()
    graph.add_nodes_from(
        (cell, {"load": int(load)}) for cell, load in enumerate(instance.load.tolist())
    )
    graph.add_edges_from(
        zip(instance.border.left.tolist(), instance.border.right.tolist(), strict=True)
    )
    return Graph.from_networkx(graph)


def gerrychain_tree(instance: Instance, *, tolerance: float, seed: int = 0) -> Run:
    """GerryChain's recursive_tree_part: one grid after another cut off random spanning trees."""
    from gerrychain import Partition  # noqa: PLC0415

    graph = _gerrychain_graph(instance)

    def run() -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plan = Partition.from_random_assignment(
                graph, instance.n_grids, tolerance, "load", rng=random.Random(seed)
            )
        return _labels_of(plan, len(instance.cells))

    return run


def gerrychain_recom(
    instance: Instance, *, tolerance: float, stop_after_s: float, seed: int = 0
) -> Run:
    """GerryChain's ReCom from the plan in force, or else from METIS' plan: proposals within the
    tolerance, kept where the largest deviation does not grow; the last plan at the end of its
    time."""
    from gerrychain import MarkovChain, Partition  # noqa: PLC0415
    from gerrychain.proposals import recom  # noqa: PLC0415
    from gerrychain.tree import bipartition_tree  # noqa: PLC0415
    from gerrychain.updaters import Tally  # noqa: PLC0415

    target = instance.target
    first = instance.current
    if first is None:
        first = metis(instance, tolerance=tolerance)()
    first = np.unique(first, return_inverse=True)[1]
    plan = Partition(
        _gerrychain_graph(instance),
        dict(enumerate(first.tolist())),
        updaters={"load": Tally("load", alias="load")},
    )

    def worst(state: Any) -> float:
        return max(abs(load / target - 1) for load in state["load"].values())

    def is_no_worse(state: Any, *, rng: random.Random) -> bool:
        return worst(state) <= worst(state.parent)

    def run() -> np.ndarray:
        chain = MarkovChain(
            partial(
                recom,
                pop_col="load",
                pop_target=target,
                epsilon=tolerance,
                bipartition_tree_fn=partial(
                    bipartition_tree, max_attempts=RECOM_ATTEMPTS, allow_pair_reselection=True
                ),
            ),
            [],
            is_no_worse,
            plan,
            10**9,
            rng=random.Random(seed),
        )
        begun, state = time.perf_counter(), plan
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for state in chain:  # noqa: B007
                if time.perf_counter() - begun > stop_after_s:
                    break
        return _labels_of(state, len(instance.cells))

    return run


def _labels_of(plan: Any, n_cells: int) -> np.ndarray:
    labels = np.full(n_cells, -1, dtype=np.int64)
    for node, part in plan.assignment.to_dict().items():
        labels[plan.graph.original_nx_node_id_for_internal_node_id(node)] = part
    return labels


def spopt(instance: Instance, *, method: str, tolerance: float, seed: int = 0) -> Run:
    """spopt's regionalizations, cells told apart by their place so that regions come out round.

    MaxP takes the least load of a region (target less the tolerance) and finds the number itself;
    Skater a least number of cells (half the mean), AZP and RegionKMeans none.
    """
    from libpysal.weights import W  # noqa: PLC0415

    rows = instance.rows
    near = {
        cell: rows.indices[rows.indptr[cell] : rows.indptr[cell + 1]].tolist()
        for cell in range(len(instance.cells))
    }
    weights = W(near, silence_warnings=True)
    xy = shapely.get_coordinates(shapely.centroid(instance.cells.geometry.to_numpy()))
    cells = instance.cells[["load", "geometry"]].assign(x=xy[:, 0], y=xy[:, 1])
    cells = cells.reset_index(drop=True)
    model = _spopt_model(method, instance, cells, weights, tolerance=tolerance, seed=seed)

    def run() -> np.ndarray:
        np.random.seed(seed)
        random.seed(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.solve()
        found = np.asarray(model.labels_)
        return np.unique(found, return_inverse=True)[1].astype(np.int64)

    return run


def _spopt_model(
    method: str, instance: Instance, cells: Any, weights: Any, *, tolerance: float, seed: int
) -> Any:
    from spopt import region  # noqa: PLC0415

    k, place = instance.n_grids, ["x", "y"]
    if method == "MaxP":
        return region.MaxPHeuristic(
            cells,
            weights,
            place,
            "load",
            instance.target * (1 - tolerance),
            2,
            max_iterations_construction=MAXP_CONSTRUCTIONS,
            max_iterations_sa=MAXP_ANNEALINGS,
        )
    if method == "AZP":
        return region.AZP(cells, weights, place, n_clusters=k, random_state=seed)
    if method == "Skater":
        return region.Skater(cells, weights, place, n_clusters=k, floor=len(cells) // (2 * k))
    if method == "RegionKMeans":
        return region.RegionKMeansHeuristic(cells[place].to_numpy(), k, weights)
    raise ValueError(f"no such method of spopt: {method}")

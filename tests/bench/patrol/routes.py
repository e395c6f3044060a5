"""Routes: postman's walks and visits beside other ways to find them.

    python -m tests.bench.patrol.routes [--quick]

Grids of the made-up town, and of central Helsinki where ../shared/data is there. Lower bounds: the
walk's own, and NetworkX' matching where streets hang together. Visits: 25 checkpoints; tours
of all against optima proved by HiGHS with cuts; choices by prize and hours against CP-SAT, which
proves few in a minute, and against a search of ten times as many steps.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from dataclasses import dataclass, replace  # noqa: E402
from datetime import date, timedelta  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import geopandas as gpd  # noqa: E402
import numpy as np  # noqa: E402
from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: E402
from scipy.sparse import coo_array  # noqa: E402
from scipy.sparse.csgraph import connected_components  # noqa: E402

from boundaries import demo  # noqa: E402
from geo.patrol.effort import effort_of_grids  # noqa: E402
from geo.patrol.pieces import cut_pieces, expected  # noqa: E402
from geo.patrol.routes import (  # noqa: E402
    WALKING_MPS,
    Walk,
    WalkNetwork,
    attach,
    postman,
    visits,
    walk_network,
    week_of_rounds,
)
from geo.patrol.routes.kernels import shortest_ways  # noqa: E402
from geo.patrol.routes.network import parts_of  # noqa: E402
from geo.patrol.routes.ordering import best_order, decode  # noqa: E402
from geo.patrol.routes.visits import N_STARTS, N_STEPS, _calls, _ways  # noqa: E402
from tests.bench.results import table  # noqa: E402

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "patrol"
N_CALLS = 25
CP_SAT_S, QUICK_S = 60.0, 5.0


@dataclass(frozen=True)
class Case:
    """One grid: network, its wanted edges, its base."""

    network: WalkNetwork
    is_wanted: np.ndarray
    base: int | None


def best_of(times: int, what: Callable[[], Any]) -> tuple[Any, float]:
    """The answer, and the least processor seconds of some runs."""
    seconds = []
    for _ in range(times):
        clock = time.process_time()
        answer = what()
        seconds.append(time.process_time() - clock)
    return answer, min(seconds)


def demo_cases(town: demo.Town, *, with_base: bool = True) -> list[Case]:
    """The grids of the made-up town, each with a base at its middle."""
    pieces = cut_pieces(town.streets)
    of_piece = expected(pieces, town.old_grids).to_numpy(dtype=object)
    attached = attach(walk_network(pieces), town.old_grids.geometry.centroid)
    whole = walk_network(pieces)
    of_edge = of_piece[whole.edges["line"].to_numpy()][attached.network.edges["line"].to_numpy()]
    return [
        Case(attached.network, of_edge == code, int(node) if with_base else None)
        for code, node in zip(town.old_grids["grid"], attached.node, strict=True)
    ]


def joined_cases(cases: list[Case], *, low_m: float = 2000, high_m: float = 5000) -> list[Case]:
    """Neighbouring grids joined until they hold 2 to 5 km of street, the size of the target."""
    made: list[Case] = []
    for case in cases:
        length = case.network.length_m
        mask = case.is_wanted.copy()
        middle = case.network.nodes[case.network.tail[mask]].mean(axis=0)
        others = sorted(
            cases,
            key=lambda other, at=middle: float(
                np.hypot(
                    *(other.network.nodes[other.network.tail[other.is_wanted]].mean(axis=0) - at)
                )
            ),
        )
        for other in others:
            if length[mask].sum() >= low_m:
                break
            mask = mask | other.is_wanted
        if low_m <= length[mask].sum() <= high_m:
            made.append(Case(case.network, mask, case.base))
    return made


def helsinki_cases() -> list[Case]:
    """The grids of central Helsinki; none where the data are not there."""
    path = SHARED / "sim_streets_pieces.parquet"
    if not path.exists():
        print(f"SKIPPED: Helsinki, no {path.name}")
        return []
    network = walk_network(gpd.read_parquet(path))
    grid = network.edges["grid"].to_numpy(dtype=object)
    return [Case(network, grid == code, None) for code in np.unique(grid)]


def is_right(case: Case, walk: Walk) -> bool:
    """Whether the walk is closed, without a break, and along all that is wanted."""
    nodes, network = walk.nodes(), case.network
    ends = np.sort(np.stack([network.tail[walk.edges], network.head[walk.edges]]), axis=0)
    steps = np.sort(np.stack([nodes[:-1], nodes[1:]]), axis=0)
    seen = np.flatnonzero(case.is_wanted & ~walk.left_out)
    return (
        bool((ends == steps).all())
        and nodes[0] == nodes[-1]
        and (case.base is None or nodes[0] == case.base)
        and np.array_equal(np.sort(walk.edges[walk.is_street]), seen)
    )


def hangs_together(case: Case) -> bool:
    """Whether the wanted streets (and the base) are one part."""
    part = parts_of(case.network, case.is_wanted)
    touched = part[case.network.tail[case.is_wanted]]
    if case.base is not None:
        touched = np.append(touched, part[case.base])
    return len(np.unique(touched)) == 1


def networkx_length_m(case: Case) -> float:
    """Length of the Chinese postman's walk by NetworkX: Dijkstra, matching; one part only."""
    import networkx as nx  # noqa: PLC0415

    network = case.network
    graph = nx.Graph()
    for u, v, length in zip(network.tail, network.head, network.length_m, strict=True):
        if not graph.has_edge(u, v) or graph[u][v]["weight"] > length:
            graph.add_edge(int(u), int(v), weight=float(length))
    wanted = np.flatnonzero(case.is_wanted)
    ends = np.concatenate([network.tail[wanted], network.head[wanted]])
    odd = np.flatnonzero(np.bincount(ends) % 2).tolist()
    pairs = nx.Graph()
    far = {u: nx.single_source_dijkstra_path_length(graph, u) for u in odd}
    for i, u in enumerate(odd):
        for v in odd[i + 1 :]:
            pairs.add_edge(u, v, weight=far[u][v])
    matched = nx.min_weight_matching(pairs)
    return float(network.length_m[wanted].sum() + sum(far[u][v] for u, v in matched))


def greedy_length_m(case: Case) -> float:
    """Length of a walk that always takes the nearest street not yet walked, and goes home."""
    network, left = case.network, set(np.flatnonzero(case.is_wanted).tolist())
    never = np.zeros(len(network.nodes), dtype=bool)
    start = int(network.tail[min(left)]) if case.base is None else case.base
    here, total = start, 0.0
    while left:
        far = _far(network, here, never)
        edges = np.array(sorted(left))
        tail, head = far[network.tail[edges]], far[network.head[edges]]
        best = int(np.argmin(np.minimum(tail, head)))
        edge = int(edges[best])
        total += float(min(tail[best], head[best]) + network.length_m[edge])
        here = int(network.head[edge] if tail[best] <= head[best] else network.tail[edge])
        left.remove(edge)
    return total + float(_far(network, here, never)[start])


def _far(network: WalkNetwork, node: int, never: np.ndarray) -> np.ndarray:
    found, _ = shortest_ways(
        network.first,
        network.neighbour,
        network.way_edge,
        network.length_m,
        np.array([node]),
        never,
        False,
    )
    return found[0]


def postman_lines(name: str, cases: list[Case], *, runs: int, peers: bool) -> list[list[object]]:
    """Rows of the table: ours, and where asked the others on the same grids."""
    postman(cases[0].network, cases[0].is_wanted, base=cases[0].base)
    for case in cases:
        if not hangs_together(case):
            postman(case.network, case.is_wanted, base=case.base)
            break
    walks, seconds = [], []
    for case in cases:
        walk, spent = best_of(
            runs, lambda case=case: postman(case.network, case.is_wanted, base=case.base)
        )
        walks.append(walk)
        seconds.append(spent)
    right = sum(is_right(case, walk) for case, walk in zip(cases, walks, strict=True))
    proved = sum(walk.is_proved for walk in walks)
    over = max(walk.length_m / walk.bound_m - 1 for walk in walks)
    street = [walk.street_m for walk in walks]
    ratio = float(np.mean([walk.length_m / walk.street_m for walk in walks]))
    lines: list[list[object]] = [
        [
            f"{name}: {len(cases)} grids, {np.median(street) / 1000:.1f} km (median)",
            f"{right} / {len(cases)}",
            f"{proved} / {len(cases)}",
            f"{100 * over:.4f}%",
            f"{ratio:.2f}",
            *_milliseconds(seconds),
            "exact; p95 <= 50 ms",
        ]
    ]
    if peers:
        lines += _peer_lines(name, cases, walks)
    return lines


def _peer_lines(name: str, cases: list[Case], walks: list[Walk]) -> list[list[object]]:
    seconds, same, n = [], 0, 0
    for case, walk in zip(cases, walks, strict=True):
        if hangs_together(case):
            length, spent = best_of(1, lambda case=case: networkx_length_m(case))
            seconds.append(spent)
            same += abs(length - walk.length_m) < 1e-3
            n += 1
    lines: list[list[object]] = []
    if n:
        same_as = f"{same} / {n} the same length"
        lines.append(
            [
                f"{name}, NetworkX, streets of one part",
                same_as,
                *["-"] * 3,
                *_milliseconds(seconds),
                "",
            ]
        )
    longer, spent_on = [], []
    for case, walk in zip(cases, walks, strict=True):
        if walk.left_out.any():
            continue
        length, spent = best_of(1, lambda case=case: greedy_length_m(case))
        longer.append(length / walk.length_m - 1)
        spent_on.append(spent)
    lines.append(
        [
            f"{name}, nearest street next",
            f"{len(longer)}",
            "-",
            f"{100 * float(np.mean(longer)):.1f}% (mean)",
            "-",
            *_milliseconds(spent_on),
            "",
        ]
    )
    return lines


def _milliseconds(seconds: list[float]) -> list[str]:
    return [f"{1000 * value:.1f}" for value in np.quantile(seconds, [0.5, 0.95, 1.0])]


def call_cases(
    town: demo.Town, n: int, *, has_choice: bool
) -> list[tuple[WalkNetwork, gpd.GeoDataFrame, Any, float]]:
    """Instances of 25 doors with services; time for all and no hours, or prizes, hours for a third
    and too little time for all in two of three."""
    network = walk_network(cut_pieces(town.streets))
    rng = np.random.default_rng(5)
    grids = town.old_grids
    made = []
    for i in range(n):
        centre = grids.geometry.iloc[(i * 7) % len(grids)].centroid
        distance = town.entrances.distance(centre)
        near = town.entrances.loc[distance.nsmallest(60).index]
        places = near.iloc[np.sort(rng.permutation(60)[:N_CALLS])].reset_index(drop=True)
        opens = np.where(rng.random(N_CALLS) < 1 / 3, rng.integers(0, 60, N_CALLS), 0)
        closes = np.where(opens > 0, opens + rng.integers(15, 60, N_CALLS), np.inf)
        places = places.assign(
            prize=rng.integers(1, 11, N_CALLS).astype(float),
            service_min=rng.integers(1, 4, N_CALLS).astype(float),
            opens_min=opens.astype(float),
            closes_min=closes,
        )
        if has_choice:
            made.append((network, places, centre, (45.0, 75.0, 150.0)[i % 3]))
        else:
            places = places.drop(columns=["opens_min", "closes_min"])
            made.append((network, places, centre, 400.0))
    return made


def in_seconds(case: tuple[WalkNetwork, gpd.GeoDataFrame, Any, float]) -> Any:
    """The instance in whole seconds, as an integer program takes it."""
    network, places, base, _ = case
    attached = attach(network, gpd.GeoSeries([base, *places.geometry], crs=network.edges.crs))
    found, _ = _ways(attached)
    calls = _calls(places, found, attached.off_m, WALKING_MPS)
    return replace(
        calls,
        between=np.ceil(calls.between * 60),
        service=np.round(calls.service * 60),
        opens=np.round(calls.opens * 60),
        closes=np.round(calls.closes * 60),
    )


def ours_in_seconds(calls: Any, limit: int, *, times: int = 1) -> tuple[list[int], int, int]:
    """Our order of an instance in seconds, its prize and its end."""
    n = len(calls.prize)
    order = best_order(
        calls.between,
        calls.prize,
        calls.service,
        calls.opens,
        calls.closes,
        float(limit),
        N_STARTS,
        N_STEPS * times,
        0,
    )
    taken = np.empty(n, dtype=np.int64)
    k, end = decode(
        order,
        calls.between,
        calls.service,
        calls.opens,
        calls.closes,
        float(limit),
        taken,
    )
    assert k == len(order)
    return order.tolist(), int(calls.prize[order].sum()), int(end)


class Program:
    """The integer program of an instance for CP-SAT: a circuit, times where there are hours."""

    def __init__(self, calls: Any, limit: int) -> None:
        from ortools.sat.python import cp_model  # noqa: PLC0415

        self.cp, self.model = cp_model, cp_model.CpModel()
        n = len(calls.prize)
        between, service = calls.between.astype(int), calls.service.astype(int)
        opens = calls.opens.astype(int)
        closes = np.minimum(calls.closes, limit).astype(int)
        self.arcs = {
            (i, j): self.model.new_bool_var(f"{i}-{j}")
            for i in range(n)
            for j in range(n)
            if i != j
        }
        self.skipped = [self.model.new_bool_var(f"skip {i}") for i in range(n)]
        self.model.add_circuit(
            [(i, j, arc) for (i, j), arc in self.arcs.items()]
            + [(i, i, skip) for i, skip in enumerate(self.skipped)]
        )
        self.model.add(self.skipped[0] == 0)
        self.home = self.model.new_int_var(0, limit, "home")
        walked = sum(int(between[i, j] + service[i]) * arc for (i, j), arc in self.arcs.items())
        self.model.add(self.home >= walked)
        if not (opens.any() or (closes[1:] < limit).any()):
            self.model.add(self.home == walked)
            self.gain = sum(int(calls.prize[i]) * self.skipped[i].negated() for i in range(1, n))
            return
        starts = [
            self.model.new_int_var(int(opens[i]), max(int(closes[i]), int(opens[i])), f"at {i}")
            for i in range(n)
        ]
        for (i, j), arc in self.arcs.items():
            leave = starts[i] + int(service[i]) if i else 0
            arrive = starts[j] if j else self.home
            self.model.add(arrive >= leave + int(between[i, j])).only_enforce_if(arc)
        self.gain = sum(int(calls.prize[i]) * self.skipped[i].negated() for i in range(1, n))

    def solve(self, hint: list[int], seconds: float) -> tuple[float, bool, float]:
        """The bound or optimum of the objective, whether it is proved, seconds taken."""
        used = set(zip([0, *hint], [*hint, 0], strict=True)) if hint else set()
        self.model.clear_hints()
        for key, arc in self.arcs.items():
            self.model.add_hint(arc, key in used)
        solver = self.cp.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.max_time_in_seconds = seconds
        clock = time.process_time()
        status = solver.solve(self.model)
        spent = time.process_time() - clock
        return solver.best_objective_bound, status == self.cp.OPTIMAL, spent


def visit_lines(town: demo.Town, *, quick: bool) -> list[list[object]]:
    """Rows of the table of visits: tours of all, then choices."""
    tours = call_cases(town, 24, has_choice=False)
    choices = call_cases(town, 6 if quick else 24, has_choice=True)
    network, places, base, minutes = tours[0]
    visits(network, places, base=base, minutes=minutes)
    return [*_tour_lines(tours), *_choice_lines(choices, quick=quick)]


def shortest_tour(between: np.ndarray) -> float:
    """Length of the shortest tour of all, proved: HiGHS, cuts where a solution falls apart."""
    n = len(between)
    left, right = np.triu_indices(n, 1)
    cost = between[left, right]
    rows = [((left == v) | (right == v)).astype(float) for v in range(n)]
    low = [2.0] * n
    high = [2.0] * n
    while True:
        found = milp(
            cost,
            integrality=np.ones(len(cost)),
            bounds=Bounds(0, 1),
            constraints=LinearConstraint(np.array(rows), low, high),
            options={"mip_rel_gap": 0.0},
        )
        assert found.status == 0
        used = np.round(found.x) == 1
        ends = (left[used], right[used])
        joined = coo_array((np.ones(len(ends[0])), ends), shape=(n, n))
        n_parts, part = connected_components(joined, directed=False)
        if n_parts == 1:
            return float(found.fun)
        for number in range(n_parts):
            is_in = part == number
            rows.append((is_in[left] != is_in[right]).astype(float))
            low.append(2.0)
            high.append(np.inf)


def _tour_lines(cases: list[Any]) -> list[list[object]]:
    """All 25 visited: our length over the optimum that HiGHS proves."""
    over, spent_on = [], []
    for case in cases:
        calls = in_seconds(case)
        order, _, end = ours_in_seconds(calls, int(case[3] * 60))
        assert len(order) == N_CALLS
        least, took = best_of(1, lambda calls=calls: shortest_tour(calls.between))
        over.append(end / (least + calls.service.sum()) - 1)
        spent_on.append(took)
    return [
        [
            f"tours of all, {len(cases)}",
            f"{sum(abs(one) < 1e-9 for one in over)} the proved optimum, "
            f"{sum(one <= 0.01 for one in over)} within 1%, worst {100 * max(over):.2f}%",
            *_milliseconds([_visits_s(case) for case in cases]),
            "proven or within 1%; p95 <= 300 ms",
        ],
        [
            f"HiGHS with cuts, {len(cases)} proved",
            "length only",
            *_milliseconds(spent_on),
            "",
        ],
    ]


def _choice_lines(cases: list[Any], *, quick: bool) -> list[list[object]]:
    """Prizes and hours: our prize beside CP-SAT's bound, and beside a longer search of our own."""
    gaps, less, spent_on, n_proved = [], [], [], 0
    for number, case in enumerate(cases):
        limit = int(case[3] * 60)
        calls = in_seconds(case)
        order, prize, end = ours_in_seconds(calls, limit)
        _, more, sooner = ours_in_seconds(calls, limit, times=10)
        less.append(1 - prize / more if prize != more else max(end / sooner - 1, 0.0))
        if number < (1 if quick else 12):
            program = Program(calls, limit)
            program.model.maximize(program.gain)
            most, is_proved, took = program.solve(order, QUICK_S if quick else CP_SAT_S)
            gaps.append(most / prize - 1)
            n_proved += is_proved
            spent_on.append(took)
    same = sum(one < 1e-9 for one in less)
    exact = sum(one < 1e-9 for one in gaps)
    return [
        [
            f"prizes and hours, {len(cases)}",
            f"{same} as the search of ten times the steps, {sum(one <= 0.01 for one in less)} "
            f"within 1% of it, worst {100 * max(less):.2f}%",
            *_milliseconds([_visits_s(case) for case in cases]),
            "proven or within 1%; p95 <= 300 ms",
        ],
        [
            f"CP-SAT, one worker, from ours: {n_proved} of {len(gaps)} proved",
            f"{exact} of ours at its bound; the bound is above by {100 * max(gaps):.0f}% at most",
            *_milliseconds(spent_on),
            "",
        ],
    ]


def _visits_s(case: Any) -> float:
    network, places, base, minutes = case
    return best_of(3, lambda: visits(network, places, base=base, minutes=minutes))[1]


def week_lines(town: demo.Town) -> list[list[object]]:
    """Rows of the table of weeks: 40 minutes a day on every grid, nothing seen before."""
    pieces = cut_pieces(town.streets)
    network = walk_network(pieces)
    of_edge = expected(pieces, town.old_grids).to_numpy(dtype=object)[network.edges["line"]]
    never = np.full(len(network.tail), np.datetime64("NaT"), dtype="datetime64[D]")
    days = [date(2026, 5, 4) + timedelta(days=n) for n in range(7)]
    shares, seconds, in_time = [], [], 0
    for grid in town.old_grids.itertuples():
        made, spent = best_of(
            1,
            lambda grid=grid: week_of_rounds(
                network,
                of_edge == grid.grid,
                base=grid.geometry.centroid,
                minutes=40,
                days=days,
                last_seen=never,
            ),
        )
        seconds.append(spent)
        shares.append(made.by_day["seen_share"].to_numpy(dtype=float))
        in_time += bool((made.by_day["minutes"] <= 40 + 1e-6).all())
    table_of = np.array(shares)
    return [
        [
            f"{len(table_of)} grids, 7 rounds of 40 minutes",
            f"{(table_of[:, 0] >= 1 - 1e-9).sum()}",
            f"{(table_of[:, 1] >= 1 - 1e-9).sum()}",
            f"{(table_of[:, -1] >= 1 - 1e-9).sum()}",
            f"{in_time}",
            *_milliseconds(seconds),
        ]
    ]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    town = demo.generate()
    runs = 1 if quick else 3
    based, free = demo_cases(town), demo_cases(town, with_base=False)
    lines = postman_lines("made-up town, from a base", based, runs=runs, peers=False)
    lines += postman_lines("the same, free start", free, runs=runs, peers=True)
    large = joined_cases(based)[:: 4 if quick else 1]
    lines += postman_lines("2 to 5 km, from a base", large, runs=runs, peers=not quick)
    helsinki = helsinki_cases()
    if helsinki:
        lines += postman_lines(
            "central Helsinki", helsinki[::6] if quick else helsinki, runs=runs, peers=True
        )
    heads = [
        "walks along all streets",
        "right",
        "proved",
        "longer than the bound or ours",
        "walked / street",
    ]
    print(table([*heads, "p50 ms", "p95 ms", "max ms", "target"], lines))
    print()
    heads = ["25 visits", "how good", "p50 ms", "p95 ms", "max ms", "target"]
    print(table(heads, visit_lines(town, quick=quick)))
    print()
    heads = ["a week", "all seen on day 1", "by day 2", "by day 7", "all rounds in time"]
    print(table([*heads, "p50 ms", "p95 ms", "max ms"], week_lines(town)))
    print()
    _, spent = best_of(
        1, lambda: effort_of_grids(town.old_grids, town.streets, entrances=town.entrances)
    )
    print(table(["effort of 48 grids", "s"], [["walk_minutes, doors", f"{spent:.2f}"]]))


if __name__ == "__main__":
    main()

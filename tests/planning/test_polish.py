from __future__ import annotations

import numpy as np
import pytest
from boards import board, divisions, is_connected, small_boards
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from geo.planning.graph import Graph
from geo.planning.objective import Weights, cost_of
from geo.planning.polish import Holding, neighbour_pairs, neighbour_triples, polish

SHAPE_ONLY = Weights(border=0.0, along_barrier=0.0)
MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def limits(n_grids: int, target: float, tolerance: float) -> np.ndarray:
    one = [target * (1 - tolerance), target * (1 + tolerance), target]
    return np.tile(np.array(one), (n_grids, 1, 1))


def excess_of(graph: Graph, labels: np.ndarray, bounds: np.ndarray) -> float:
    held = np.bincount(labels, graph.load, minlength=len(bounds))
    low, high = bounds[:, 0, 0], bounds[:, 0, 1]
    return float(np.maximum(0.0, np.maximum(low - held, held - high)).sum())


def test_neighbour_pairs_and_triples_of_four_squares() -> None:
    #  0 1     four grids of one cell each; no triple of them touches all round
    #  2 3
    graph = board([[1, 1], [1, 1]])
    pairs = neighbour_pairs(graph, np.arange(4))
    assert pairs.tolist() == [[0, 1], [0, 2], [1, 3], [2, 3]]
    assert neighbour_triples(pairs).tolist() == []


def test_neighbour_triples_around_a_corner_of_three() -> None:
    #  0 0     the three grids touch each other
    #  1 2
    pairs = neighbour_pairs(board([[1, 1], [1, 1]]), np.array([0, 0, 1, 2]))
    assert neighbour_triples(pairs).tolist() == [[0, 1, 2]]


def test_polish_puts_a_crooked_border_straight() -> None:
    #  0 0 0 1      0 0 1 1
    #  0 1 1 1  ->  0 0 1 1
    graph = board([[1] * 4] * 2)
    found = polish(
        graph,
        np.array([0, 0, 0, 1, 0, 1, 1, 1]),
        loads=graph.load[:, None],
        limits=limits(2, 4.0, 0.0),
        weights=SHAPE_ONLY,
    )
    assert cost_of(graph, found.labels, 2, SHAPE_ONLY) == pytest.approx(2 * (1 - np.pi / 4))
    assert found.n_better == 1
    assert not found.is_stopped


def test_polish_of_triples_reaches_what_pairs_cannot() -> None:
    #  2 2 3      0 1 1  (3, 5, 4)      0 0 2  (4, 4, 4): the only division into fours, and no
    #  1 3 1      0 2 2             ->  1 1 2  exchange between two of the grids is a step to it
    graph, start = board([[2, 2, 3], [1, 3, 1]]), np.array([0, 1, 1, 0, 2, 2])
    bounds = limits(3, 4.0, 0.0)

    def polished(node_caps: dict[int, int]) -> np.ndarray:
        return polish(
            graph,
            start,
            loads=graph.load[:, None],
            limits=bounds,
            weights=SHAPE_ONLY,
            node_caps=node_caps,
        ).labels

    assert (polished({2: 1000}) == start).all()
    assert excess_of(graph, polished({2: 1000, 3: 1000}), bounds) == 0.0


def test_polish_leaves_units_that_may_not_move() -> None:
    graph = board([[1] * 4] * 2)
    start = np.array([0, 0, 0, 1, 0, 1, 1, 1])
    found = polish(
        graph,
        start,
        loads=graph.load[:, None],
        limits=limits(2, 4.0, 0.0),
        weights=SHAPE_ONLY,
        is_free=np.arange(8) != 2,
    )
    assert found.labels[2] == 0
    assert excess_of(graph, found.labels, limits(2, 4.0, 0.0)) == 0.0


def test_polish_told_to_stop_changes_nothing() -> None:
    graph = board([[1] * 4] * 2)
    start = np.array([0, 0, 0, 1, 0, 1, 1, 1])
    found = polish(
        graph,
        start,
        loads=graph.load[:, None],
        limits=limits(2, 4.0, 0.0),
        weights=SHAPE_ONLY,
        should_stop=lambda: True,
    )
    assert found.is_stopped
    assert (found.labels == start).all()


def test_polish_of_an_old_plan_keeps_what_is_held_where_that_costs_more() -> None:
    graph = board([[1] * 4] * 2)
    start = np.array([0, 0, 0, 1, 0, 1, 1, 1])
    found = polish(
        graph,
        start,
        loads=graph.load[:, None],
        limits=limits(2, 4.0, 0.0),
        weights=SHAPE_ONLY,
        holding=Holding(start, np.full(8, 10.0)),
    )
    assert (found.labels == start).all()


@st.composite
def plans(draw: st.DrawFn) -> tuple[Graph, np.ndarray]:
    """A board and some division of it into connected grids."""
    graph = draw(small_boards(most=8))
    every = list(divisions(graph, draw(st.integers(2, 3))))
    assume(every)
    return graph, draw(st.sampled_from(every))


@MANY
@given(
    plan=plans(),
    tolerance=st.sampled_from([0.0, 0.2, 0.5]),
    weights=st.sampled_from([SHAPE_ONLY, Weights()]),
)
def test_polish_is_never_worse_and_ends_at_the_best_of_a_few_grids(
    plan: tuple[Graph, np.ndarray], tolerance: float, weights: Weights
) -> None:
    graph, start = plan
    k = int(start.max()) + 1
    bounds = limits(k, graph.load.sum() / k, tolerance)
    found = polish(graph, start, loads=graph.load[:, None], limits=bounds, weights=weights)
    for grid in range(k):
        assert is_connected(graph, np.flatnonzero(found.labels == grid))
    before, after = excess_of(graph, start, bounds), excess_of(graph, found.labels, bounds)
    assert after <= before + 1e-9
    if after > before - 1e-9:
        assert cost_of(graph, found.labels, k, weights) <= (
            cost_of(graph, start, k, weights) + 1e-9
        )
    if k == 2:
        best = min(
            (round(excess_of(graph, one, bounds), 6), cost_of(graph, one, k, weights))
            for one in divisions(graph, k)
        )
        assert after == pytest.approx(best[0], abs=1e-5)
        assert cost_of(graph, found.labels, k, weights) == pytest.approx(best[1])
    again = polish(graph, found.labels, loads=graph.load[:, None], limits=bounds, weights=weights)
    assert again.n_better == 0


@MANY
@given(plan=plans(), weight=st.sampled_from([0.5, 3.0, 40.0]))
def test_polish_with_a_price_on_excess_finds_the_cheapest_of_two_grids(
    plan: tuple[Graph, np.ndarray], weight: float
) -> None:
    graph, start = plan
    assume(start.max() == 1)
    target = graph.load.sum() / 2
    bounds = limits(2, target, 0.05)

    def price(labels: np.ndarray) -> float:
        held = np.bincount(labels, graph.load, minlength=2)
        outside = np.maximum(0.0, np.abs(held - target) / target - 0.05)
        # a step of 0.02 for being outside at all, as in geo.planning.energy
        penalty = np.where(outside > 1e-9, outside + 0.02, 0.0).sum()
        return cost_of(graph, labels, 2, SHAPE_ONLY) + weight * float(penalty)

    found = polish(
        graph,
        start,
        loads=graph.load[:, None],
        limits=bounds,
        weights=SHAPE_ONLY,
        excess_weight=weight,
    )
    assert price(found.labels) == pytest.approx(min(price(one) for one in divisions(graph, 2)))

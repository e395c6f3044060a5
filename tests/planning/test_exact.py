from __future__ import annotations

import numpy as np
import pytest
from boards import board, divisions, is_connected, small_boards
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.errors import ParameterError
from geo.planning.exact import _Instance, best_plan
from geo.planning.graph import Graph
from geo.planning.objective import Weights, cost_of

SHAPE_ONLY = Weights(border=0.0, along_barrier=0.0)
MANY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def deviation_of(graph: Graph, labels: np.ndarray, n_grids: int, target: float) -> float:
    held = np.bincount(labels, graph.load, minlength=n_grids)
    return float(np.abs(held / target - 1).max())


def perimeter_of(graph: Graph, labels: np.ndarray) -> float:
    one, other = graph.edges()
    is_inside = labels[one] == labels[other]
    return float(graph.perimeter_m.sum() - graph.length_m[is_inside].sum())


def test_best_plan_of_a_board_is_its_four_squares() -> None:
    # 4 x 4 cells of 1 in four grids: squares of 200 m, pi / 4 each, 800 m round
    graph = board([[1] * 4] * 4)
    found = best_plan(graph, n_grids=4, target=4.0, tolerance=0.05, weights=SHAPE_ONLY)
    assert found.is_proved
    assert found.cost == pytest.approx(4 * (1 - np.pi / 4))
    assert found.cost_bound == pytest.approx(found.cost)
    assert found.gap == pytest.approx(0.0)
    assert (found.max_deviation, found.least_deviation) == (0.0, 0.0)
    assert found.labels is not None
    assert found.labels.reshape(4, 4)[::2, ::2].ravel().tolist() == [0, 1, 2, 3]


def test_best_plan_of_least_perimeter_counts_metres() -> None:
    found = best_plan(
        board([[1] * 4] * 4), n_grids=4, target=4.0, tolerance=0.05, least_perimeter=True
    )
    assert found.cost == pytest.approx(3200.0)


def test_best_plan_out_of_reach_of_the_tolerance_is_at_the_least_deviation() -> None:
    # a row 3 1 1 1 4, two grids of 5: 5 | 5 exists; in three grids of 10 / 3:
    # 3 | 1 1 1 | 4 is best, 4 / (10 / 3) - 1 = 20% off
    graph = board([[3, 1, 1, 1, 4]])
    found = best_plan(graph, n_grids=3, target=10 / 3, tolerance=0.05)
    assert found.least_deviation == pytest.approx(0.2)
    assert found.max_deviation == pytest.approx(0.2)
    assert found.is_least_reached
    assert found.is_proved
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1, 1, 1, 2]


def test_best_plan_within_a_wide_tolerance_still_tells_the_least_deviation() -> None:
    # 2 x 2 cells of 1, 1, 1, 3 in two grids of 3: 3 | 1 1 1 is exact; halves are 2 and 4
    graph = board([[1, 1], [1, 3]])
    found = best_plan(graph, n_grids=2, target=3.0, tolerance=0.4, weights=SHAPE_ONLY)
    assert found.least_deviation == 0.0
    # two rectangles, 2 (1 - 2 pi / 9) = 0.60; corner and rest: (1 - pi / 4) + 1 - 12 pi / 64 = 0.63
    assert found.max_deviation == pytest.approx(1 / 3)
    assert found.cost == pytest.approx(2 * (1 - 2 * np.pi / 9))


def test_best_plan_of_ground_in_more_parts_than_grids_does_not_exist() -> None:
    # 0 | 1 | 2, all borders closed
    graph = board([[1, 1, 1]], closed=[(0, 1), (1, 2)])
    found = best_plan(graph, n_grids=2, target=1.5, tolerance=0.5)
    assert found.labels is None
    assert found.is_proved


def test_best_plan_of_one_grid_is_all_of_it() -> None:
    found = best_plan(board([[1, 2]]), n_grids=1, target=3.0, tolerance=0.0)
    assert found.labels is not None
    assert found.labels.tolist() == [0, 0]


def test_best_plan_without_time_proves_nothing_and_says_so() -> None:
    graph = board([[1] * 8] * 8)
    found = best_plan(graph, n_grids=4, target=16.0, tolerance=0.1, time_limit_s=1e-9)
    assert found.labels is None
    assert not found.is_proved
    assert found.least_deviation == 0.0
    assert found.gap == float("inf")


@pytest.mark.parametrize(
    ("n_columns", "n_grids", "target"), [(65, 3, 5.0), (4, 5, 1.0), (4, 0, 1.0), (4, 2, 0.0)]
)
def test_best_plan_of_an_unfit_instance_is_refused(
    n_columns: int, n_grids: int, target: float
) -> None:
    with pytest.raises(ParameterError) as caught:
        best_plan(board([[1] * n_columns]), n_grids=n_grids, target=target, tolerance=0.1)
    assert caught.value.code == "plan.exact"
    assert caught.value.params == {"n_units": n_columns, "n_grids": n_grids, "target": target}


@pytest.mark.parametrize("way", ["both", "set partitioning"])
@MANY
@given(
    graph=small_boards(most=8),
    n_grids=st.integers(1, 3),
    tolerance=st.sampled_from([0.0, 0.1, 0.4]),
    least_perimeter=st.booleans(),
)
def test_best_plan_is_the_best_of_all(
    way: str, graph: Graph, n_grids: int, tolerance: float, least_perimeter: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if way == "set partitioning":
            patch.setattr(_Instance, "walked", lambda *given, **options: (None, False))
        target = float(graph.load.sum()) / n_grids
        if n_grids > graph.n_units:
            return
        found = best_plan(
            graph,
            n_grids=n_grids,
            target=target,
            tolerance=tolerance,
            least_perimeter=least_perimeter,
        )
    judged = [
        (
            deviation_of(graph, labels, n_grids, target),
            perimeter_of(graph, labels)
            if least_perimeter
            else cost_of(graph, labels, n_grids, Weights()),
        )
        for labels in divisions(graph, n_grids)
    ]
    assert found.is_proved
    if not judged:
        assert found.labels is None
        return
    least = min(judged)[0]
    assert found.least_deviation == pytest.approx(least, abs=1e-6)
    assert found.is_least_reached
    allowed = [cost for deviation, cost in judged if deviation <= max(tolerance, least) + 1e-9]
    assert found.cost == pytest.approx(min(allowed))
    assert found.cost_bound == pytest.approx(min(allowed))
    assert found.labels is not None
    for grid in range(n_grids):
        assert is_connected(graph, np.flatnonzero(found.labels == grid))

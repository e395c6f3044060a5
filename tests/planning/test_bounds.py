from __future__ import annotations

import numpy as np
import pytest
from boards import board, divisions, small_boards
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.planning.bounds import (
    branches,
    deviation_bound,
    hanging_bounds,
    part_bounds,
)
from geo.planning.exact import best_plan
from geo.planning.graph import Graph

MANY = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_branches_of_a_row_are_both_its_sides() -> None:
    # 1 - 2 - 4 - 8: the inner cells cut off 1 | 12 and 3 | 8
    graph = board([[1, 2, 4, 8]])
    unit, branch = branches(graph, np.array([15.0]))
    assert sorted(zip(unit.tolist(), branch.tolist(), strict=True)) == [
        (1, 1.0),
        (1, 12.0),
        (2, 3.0),
        (2, 8.0),
    ]


def test_branches_of_a_ring_are_none() -> None:
    graph = board([[1, 1], [1, 1]])
    assert len(branches(graph, np.array([4.0]))[0]) == 0


def test_deviation_bound_of_a_load_that_does_not_divide_is_the_mean_s() -> None:
    # 22 in two grids of 10: one has at least 11
    bound = deviation_bound(board([[6, 6], [5, 5]]), np.array([2]), 10.0)
    assert (bound.value, bound.reason, bound.load) == (pytest.approx(0.1), "mean", 22.0)


def test_deviation_bound_of_a_heavy_unit_is_its_own_load() -> None:
    bound = deviation_bound(board([[1, 9], [1, 1]]), np.array([2]), 6.0)
    assert (bound.value, bound.reason, bound.unit) == (pytest.approx(0.5), "unit", 1)
    assert bound.load == 9.0


def test_deviation_bound_of_load_behind_one_unit() -> None:
    #  4         the stem of 4 and the cell of 3 below it hang on the 2: 4 + 2 = 6 against 5, or
    #  2 1 1 1   the 4 alone: 1 - 4 / 5 = 0.2. Grids of 5: 14 / 3, so at the best 0.2
    #  3 1 1 1
    graph = board(
        [[4, 0, 0, 0], [2, 1, 1, 1], [3, 1, 1, 1]],
        closed=[(0, 1), (1, 2), (2, 3), (1, 5), (2, 6), (3, 7)],
    )
    # the closed cells of 0 are parts of their own, one grid each: only part 0 is looked at
    n_grids = np.ones(graph.n_parts, dtype=np.int64)
    n_grids[graph.part[0]] = 3
    bound = part_bounds(graph, n_grids, 5.0)[graph.part[0]]
    assert bound.value == pytest.approx(0.2)
    assert bound.reason == "behind"
    assert bound.unit == 4
    assert bound.load == 4.0


def test_hanging_bounds_add_up_all_branches_on_one_unit() -> None:
    # a cross of 3 around a 3, target 6: no arm of 3 is a grid (50% short), so all arms and the
    # middle share one: 15 / 6 - 1 = 150%, worse; an arm alone is 50% off, the least
    graph = board(
        [[0, 3, 0], [3, 3, 3], [0, 3, 0]],
        closed=[(0, 1), (1, 2), (0, 3), (2, 5), (3, 6), (5, 8), (6, 7), (7, 8)],
    )
    assert hanging_bounds(graph, 6.0)[4] == pytest.approx(0.5, abs=1e-6)


def test_part_bounds_around_a_unit_among_heavy_cells() -> None:
    # a ring of four 6 in three grids of 8: two share one, 12 is 50% over; but a unit alone is only
    # 25% short, and that is all that single units prove
    bound = deviation_bound(board([[6, 6], [6, 6]]), np.array([3]), 8.0)
    assert (bound.value, bound.reason, bound.load) == (pytest.approx(0.25), "around", 6.0)


def test_part_bounds_around_count_what_a_set_cuts_off() -> None:
    # 5 - 5 - 1 - 5 - 5 in four grids of 5: the mean is 5% over, but the 1 goes with a 5: 6
    bounds = part_bounds(board([[5, 5, 1, 5, 5]]), np.array([4]), 5.0)
    assert bounds[0].value == pytest.approx(0.2)
    assert bounds[0].unit == 2


def test_part_bounds_of_a_small_part_with_a_tolerance_try_every_division() -> None:
    # as above: 12 / 8 - 1 is the truth
    graph = board([[6, 6], [6, 6]])
    bound = part_bounds(graph, np.array([3]), 8.0, tolerance=0.05)[0]
    assert bound.reason == "whole"
    assert bound.value == pytest.approx(0.5, abs=1e-4)
    assert bound.load == 24.0


def test_part_bounds_tell_each_part_its_own() -> None:
    # 9 | 2 2, closed between: the first part is one heavy cell, the second fits a grid of 4
    graph = board([[9, 2, 2]], closed=[(0, 1)])
    bounds = part_bounds(graph, np.array([1, 1]), 4.0, tolerance=0.1)
    assert [bound.reason for bound in bounds] == ["unit", "none"]
    assert [bound.part for bound in bounds] == [0, 1]
    assert bounds[0].value == pytest.approx(1.25)


def test_deviation_bound_of_ground_without_cells_is_none() -> None:
    nothing = board([[1]]).part_of(np.array([], dtype=np.int64))
    assert deviation_bound(nothing, np.array([], dtype=np.int64), 5.0).reason == "none"


def test_part_of_a_graph_keeps_borders_and_perimeters_of_its_units() -> None:
    #  0 1 2    1, 4 and 5: neighbours 1-4 and 4-5, whole perimeters
    #  3 4 5
    own = board([[1, 2, 3], [4, 5, 6]]).part_of(np.array([1, 4, 5]))
    assert own.indptr.tolist() == [0, 1, 3, 4]
    assert own.indices.tolist() == [1, 0, 2, 1]
    assert own.load.tolist() == [2.0, 5.0, 6.0]
    assert own.perimeter_m.tolist() == [400.0] * 3
    assert own.unit_of_cell.tolist() == [-1, 0, -1, -1, 1, 2]


@MANY
@given(graph=small_boards(), n_grids=st.integers(1, 4), share=st.sampled_from([0.8, 1.0, 1.3]))
def test_part_bounds_are_never_above_the_best_plan(
    graph: Graph, n_grids: int, share: float
) -> None:
    if graph.n_parts > 1 or graph.n_units < n_grids:
        return
    target = share * float(graph.load.sum()) / n_grids
    least = min(
        float(np.abs(np.bincount(labels, graph.load) / target - 1).max())
        for labels in divisions(graph, n_grids)
    )
    quick = part_bounds(graph, np.array([n_grids]), target)[0]
    assert quick.value <= least + 1e-9
    assert hanging_bounds(graph, target).max() <= least + 1e-6
    whole = part_bounds(graph, np.array([n_grids]), target, tolerance=0.0)[0]
    assert quick.value <= whole.value + 1e-9
    assert whole.value <= least + 1e-9
    if n_grids > 1:
        assert whole.value == pytest.approx(least, abs=2e-5)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_part_bounds_of_larger_boards_are_never_above_the_proved_least(
    data: st.DataObject,
) -> None:
    loads = data.draw(
        st.lists(st.lists(st.integers(1, 30), min_size=6, max_size=6), min_size=4, max_size=4)
    )
    graph = board(loads)
    n_grids = data.draw(st.integers(5, 9))
    target = float(graph.load.sum()) / n_grids
    proved = best_plan(graph, n_grids=n_grids, target=target, tolerance=0.02)
    bound = part_bounds(graph, np.array([n_grids]), target)[0]
    assert proved.is_least_reached
    assert bound.value <= proved.least_deviation + 1e-6

from __future__ import annotations

import numpy as np
import pytest
from boards import board, is_connected, small_boards
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.planning.graph import Graph
from geo.planning.objective import Weights, edge_costs
from geo.planning.possible_grids import costs_of, possible_grids
from geo.planning.set_partitioning import divide_exactly, prove_division
from geo.planning.windows import Division, Homes, best_division

SHAPE_ONLY = Weights(border=0.0, along_barrier=0.0)


def limits(n_grids: int, target: float, tolerance: float) -> np.ndarray:
    one = [target * (1 - tolerance), target * (1 + tolerance), target]
    return np.tile(np.array(one), (n_grids, 1, 1))


def test_possible_grids_of_a_row_leave_a_rest_that_divides() -> None:
    # 1 2 1 2 in grids of 3: 1 2 | 1 2 at either end; 2 1 in the middle would leave 1 and 2 alone
    graph = board([[1, 2, 1, 2]])
    found = possible_grids(graph, np.arange(4), limits=limits(2, 3.0, 0.0), max_sets=100)
    assert found is not None
    assert sorted(int(mask) for mask in found.masks) == [0b0011, 0b1100]
    assert found.loads.ravel().tolist() == [3.0, 3.0]


def test_possible_grids_beyond_the_room_are_not_listed_by_half() -> None:
    graph = board([[1] * 4] * 4)
    assert possible_grids(graph, np.arange(16), limits=limits(4, 4.0, 0.0), max_sets=10) is None


def test_costs_of_sets_add_up_to_shapes_borders_and_compounds() -> None:
    # 0 | 1 2, a compound over 1 and 2, another in 0: shapes as squares and a rectangle, half of
    # the border of 100 m each, 0.5 for each compound
    graph = board([[1, 1, 1]])
    weights = Weights(border=0.4, along_barrier=0.0, split=0.5)
    grids = possible_grids(graph, np.arange(3), limits=limits(2, 1.5, 0.4), max_sets=9)
    assert grids is not None
    found = dict(
        zip(
            (int(mask) for mask in grids.masks),
            costs_of(
                graph,
                np.arange(3),
                grids,
                edge_cost=edge_costs(graph, 2, weights),
                weights=weights,
                compound=np.array([3, 8, 8]),
            ),
            strict=True,
        )
    )
    half = 0.4 * 100 / np.sqrt(4 * np.pi * 15_000) / 2
    assert found[0b001] == pytest.approx(1 - np.pi / 4 + half + 0.5)
    assert found[0b110] == pytest.approx(1 - 2 * np.pi / 9 + half + 0.5)


def test_divide_exactly_of_a_board_finds_its_squares() -> None:
    graph = board([[1] * 6] * 4)
    found = divide_exactly(
        graph,
        np.arange(24),
        limits=limits(6, 4.0, 0.0),
        edge_cost=edge_costs(graph, 6, SHAPE_ONLY),
        weights=SHAPE_ONLY,
    )
    assert found is not None
    assert found.is_proved
    assert found.cost == pytest.approx(6 * (1 - np.pi / 4))


def test_divide_exactly_with_too_many_sets_tells_nothing() -> None:
    graph = board([[1] * 6] * 4)
    edge_cost = edge_costs(graph, 6, SHAPE_ONLY)
    assert (
        divide_exactly(
            graph,
            np.arange(24),
            limits=limits(6, 4.0, 0.0),
            edge_cost=edge_cost,
            weights=SHAPE_ONLY,
            max_sets=20,
        )
        is None
    )


def test_prove_division_finishes_what_the_search_does_not() -> None:
    graph = board([[1] * 6] * 4)
    options = {
        "limits": limits(6, 4.0, 0.0),
        "edge_cost": edge_costs(graph, 6, SHAPE_ONLY),
        "weights": SHAPE_ONLY,
        "node_cap": 100,
    }
    assert not best_division(graph, np.arange(24), **options).is_proved  # type: ignore[arg-type]
    found = prove_division(graph, np.arange(24), **options)  # type: ignore[arg-type]
    assert found.is_proved
    assert found.cost == pytest.approx(6 * (1 - np.pi / 4))
    again = prove_division(
        graph,
        np.arange(24),
        incumbent=(0.0, found.cost),
        **options,  # type: ignore[arg-type]
    )
    assert again.is_proved
    assert again.labels is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), graph=small_boards(most=12), n_grids=st.integers(2, 4))
def test_divide_exactly_agrees_with_the_depth_first_search(
    data: st.DataObject, graph: Graph, n_grids: int
) -> None:
    n = graph.n_units
    if n < n_grids:
        return
    weights = Weights(split=0.3, touched=0.2)
    whole = st.integers(-1, n_grids - 1)
    homes = Homes(
        np.array(data.draw(st.lists(whole, min_size=n, max_size=n))),
        np.array(data.draw(st.lists(st.sampled_from([0.0, 0.3, np.inf]), min_size=n, max_size=n))),
        np.array(data.draw(st.lists(st.booleans(), min_size=n_grids, max_size=n_grids))),
    )
    bounds = limits(n_grids, float(graph.load.sum()) / n_grids, 0.4)
    bounds[0, 0, 1] *= data.draw(st.sampled_from([1.0, 1.3]))
    shops = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), dtype=float)
    more = limits(n_grids, float(shops.sum()) / n_grids + 1e-3, 0.8)

    def divided(by: object) -> Division | None:
        return by(  # type: ignore[operator, no-any-return]
            graph,
            np.arange(n),
            limits=np.concatenate([bounds, more], axis=1),
            edge_cost=edge_costs(graph, n_grids, weights),
            weights=weights,
            more_loads=shops[:, None],
            homes=homes if data_has_homes else None,
            compound=compound,
            enemies=np.array([[0, n - 1]]),
        )

    data_has_homes = data.draw(st.booleans())
    compound = np.array(data.draw(st.lists(st.integers(-1, 2), min_size=n, max_size=n)))
    walked, listed = divided(best_division), divided(divide_exactly)
    assert walked is not None
    assert listed is not None
    assert walked.is_proved
    assert listed.is_proved
    assert (walked.labels is None) == (listed.labels is None)
    if listed.labels is not None:
        assert listed.cost == pytest.approx(walked.cost)
        for grid in range(n_grids):
            assert is_connected(graph, np.flatnonzero(listed.labels == grid))

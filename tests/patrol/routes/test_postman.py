"""The shortest walk along all streets: by hand, and against every way of doubling edges."""

from __future__ import annotations

from itertools import product

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import ParameterError
from geo.patrol.routes import WalkNetwork, attach, postman, walk_network
from tests.patrol.routes.test_network import CRS, at, streets

Mask = np.ndarray


def every(network: WalkNetwork) -> Mask:
    return np.ones(len(network.tail), dtype=bool)


def node_at(network: WalkNetwork, x: float, y: float) -> int:
    point = at(x, y)
    far = np.hypot(*(network.nodes - [point.x, point.y]).T)
    assert far.min() < 0.01
    return int(far.argmin())


def check_walk(network: WalkNetwork, is_wanted: Mask, **options: object) -> float:
    """Length of the walk, after checking that it is one and passes all it should."""
    walk = postman(network, is_wanted, **options)
    nodes = walk.nodes()
    for edge, leaves, arrives in zip(walk.edges, nodes, nodes[1:], strict=False):
        assert {network.tail[edge], network.head[edge]} == {leaves, arrives}
    if len(walk.edges) and options.get("is_closed", True):
        assert nodes[0] == nodes[-1]
    if len(walk.edges) and options.get("base") is not None:
        assert nodes[0] == options["base"]
    passed = sorted(walk.edges[walk.is_street].tolist())
    assert passed == np.flatnonzero(is_wanted & ~walk.left_out).tolist()
    assert walk.bound_m <= walk.length_m + 1e-6
    if walk.is_proved:
        assert walk.bound_m == pytest.approx(walk.length_m)
    return walk.length_m


def least(network: WalkNetwork, is_wanted: Mask, base: int | None, *, is_closed: bool) -> float:
    """Least length over all ways to walk each edge up to twice, wanted ones once at least."""
    m = len(network.tail)
    counts = [(1, 2) if wanted else (0, 1, 2) for wanted in is_wanted]
    best = np.inf
    for times in product(*counts):
        length = float(np.dot(times, network.length_m))
        if length < best and is_walk(network, times, base, is_closed=is_closed, m=m):
            best = length
    return best


def is_walk(
    network: WalkNetwork, times: tuple[int, ...], base: int | None, *, is_closed: bool, m: int
) -> bool:
    degree: dict[int, int] = {} if base is None else {base: 0}
    root = list(range(len(network.nodes)))

    def find(v: int) -> int:
        return v if root[v] == v else find(root[v])

    for e in range(m):
        if times[e]:
            u, v = int(network.tail[e]), int(network.head[e])
            degree[u] = degree.get(u, 0) + times[e]
            degree[v] = degree.get(v, 0) + times[e]
            root[find(u)] = find(v)
    odd = [v for v, count in degree.items() if count % 2]
    if len({find(v) for v in degree}) > 1:
        return False
    if is_closed or not odd:
        return not odd
    return len(odd) == 2 and (base is None or base in odd)


def test_postman_one_street_is_walked_there_and_back() -> None:
    network = walk_network(streets([(0, 0), (100, 0)]))
    walk = postman(network, every(network))
    assert walk.edges.tolist() == [0, 0]
    assert walk.is_street.tolist() == [True, False]
    assert walk.is_forward.tolist() == [True, False]
    assert (walk.length_m, walk.street_m, walk.is_proved) == (200.0, 100.0, True)


def test_postman_one_street_open_is_walked_once() -> None:
    network = walk_network(streets([(0, 0), (100, 0)]))
    assert check_walk(network, every(network), is_closed=False) == 100.0


def test_postman_block_is_walked_round() -> None:
    block = streets([(0, 0), (100, 0), (100, 50), (0, 50), (0, 0)])
    network = walk_network(block)
    assert check_walk(network, every(network)) == 300.0


def test_postman_block_with_a_street_through_it_doubles_the_way_through() -> None:
    # A block of 100 by 50 cut at x = 40: its odd corners (40, 0) and (40, 50) are 50 m apart.
    # 300 m round, 50 m through, 50 m through again.
    network = walk_network(
        streets([(0, 0), (100, 0), (100, 50), (0, 50), (0, 0)], [(40, 0), (40, 50)])
    )
    assert check_walk(network, every(network)) == 400.0
    # Open: it begins at one odd corner and ends at the other.
    assert check_walk(network, every(network), is_closed=False) == 350.0


def test_postman_two_streets_apart_are_joined_by_the_way_between() -> None:
    # Wanted: A and C, each 100 m; between them B of 30 m. There and back: 2 x 230.
    network = walk_network(streets([(0, 0), (100, 0)], [(100, 0), (130, 0)], [(130, 0), (230, 0)]))
    wanted = np.array([True, False, True])
    walk = postman(network, wanted)
    assert (walk.length_m, walk.bound_m, walk.is_proved) == (460.0, pytest.approx(460.0), True)


def test_postman_base_away_from_the_streets_is_walked_from() -> None:
    network = walk_network(streets([(0, 0), (100, 0)], [(100, 0), (130, 0)]))
    base = node_at(network, 130, 0)
    wanted = np.array([True, False])
    assert check_walk(network, wanted, base=base) == 260.0
    assert check_walk(network, wanted, base=base, is_closed=False) == 130.0


def test_postman_streets_no_way_leads_to_are_left_out() -> None:
    network = walk_network(streets([(0, 0), (100, 0)], [(0, 500), (70, 500)]))
    walk = postman(network, every(network))
    assert walk.left_out.tolist() == [False, True]
    assert walk.length_m == 200.0
    from_base = postman(network, every(network), base=node_at(network, 70, 500))
    assert from_base.left_out.tolist() == [True, False]


@pytest.mark.parametrize("base", [None, 0])
def test_postman_nothing_wanted_is_nothing(base: int | None) -> None:
    network = walk_network(streets([(0, 0), (100, 0)]))
    walk = postman(network, ~every(network), base=base)
    assert len(walk.edges) == 0
    assert (walk.length_m, walk.bound_m, walk.is_proved) == (0.0, 0.0, True)


def test_postman_empty_network_is_nothing() -> None:
    network = walk_network(streets())
    assert len(postman(network, every(network)).edges) == 0


def test_postman_mask_of_another_network_is_refused() -> None:
    network = walk_network(streets([(0, 0), (100, 0)]))
    with pytest.raises(ParameterError) as caught:
        postman(network, np.ones(2, dtype=bool))
    assert caught.value.code == "routes.wanted"


def test_postman_base_that_is_no_node_is_refused() -> None:
    network = walk_network(streets([(0, 0), (100, 0)]))
    with pytest.raises(ParameterError) as caught:
        postman(network, every(network), base=2)
    assert caught.value.code == "routes.base"


def test_postman_from_the_middle_of_a_street_comes_back_there() -> None:
    network = walk_network(streets([(0, 0), (100, 0)]))
    attached = attach(network, gpd.GeoSeries([at(30, 8)], crs=CRS))
    whole = attached.network
    assert check_walk(whole, every(whole), base=int(attached.node[0])) == pytest.approx(200.0)


GRID = [(x, y) for x in range(3) for y in range(3)]
EDGES = [(a, b) for a in GRID for b in GRID if a < b and abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1]


@st.composite
def small_towns(draw: st.DrawFn) -> tuple[WalkNetwork, Mask]:
    """Up to 7 streets of a bent 3 by 3 lattice, some of them wanted."""
    bend = draw(st.lists(st.integers(-30, 30), min_size=18, max_size=18))
    place = {
        node: (100.0 * node[0] + bend[2 * n], 100.0 * node[1] + bend[2 * n + 1])
        for n, node in enumerate(GRID)
    }
    chosen = draw(st.lists(st.sampled_from(EDGES), min_size=1, max_size=7, unique=True))
    network = walk_network(streets(*[[place[a], place[b]] for a, b in chosen]))
    wanted = draw(st.lists(st.booleans(), min_size=len(chosen), max_size=len(chosen)))
    return network, np.array(wanted)


@settings(max_examples=50, deadline=None)
@given(town=small_towns(), base=st.booleans(), is_closed=st.booleans())
def test_postman_is_as_short_as_the_best_of_all_walks(
    town: tuple[WalkNetwork, Mask], base: bool, is_closed: bool
) -> None:
    network, wanted = town
    start = 0 if base else None
    walk = postman(network, wanted, base=start, is_closed=is_closed)
    length = check_walk(network, wanted, base=start, is_closed=is_closed)
    assert walk.is_proved
    reached = wanted & ~walk.left_out
    if reached.any():
        assert length == pytest.approx(least(network, reached, start, is_closed=is_closed))


def test_postman_same_walk_again_and_with_streets_in_another_order() -> None:
    town = streets(
        [(0, 0), (100, 0)], [(100, 0), (100, 80)], [(100, 80), (0, 80)], [(0, 80), (100, 0)]
    )
    one, again = walk_network(town), walk_network(town.iloc[::-1])
    first, second = postman(one, every(one)), postman(one, every(one))
    assert first.edges.tolist() == second.edges.tolist()
    assert postman(again, every(again)).length_m == pytest.approx(first.length_m)

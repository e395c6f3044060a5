from __future__ import annotations

from itertools import product
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array
from towns import squares

from geo.errors import ParameterError, SchemaError
from geo.planning import graph
from geo.planning.contiguity import adjacency
from geo.planning.flow import exchange_of, least_flow, sparing_flow
from geo.planning.metrics import broken_grids
from geo.planning.mixing import Mix, cheapest_cover
from geo.planning.objective import polsby_popper
from geo.planning.rebalance import Rebalance, frontier, rebalance
from geo.planning.redraw_report import least_moved
from geo.planning.wide_windows import windows_with

PLANNING = Path(__file__).parents[3] / "shared" / "data" / "planning"


def redrawn(cells: gpd.GeoDataFrame, labels: object, **options: object) -> Rebalance:
    given = {"load": "households", "tolerance": 0.1, "seed": 0, "n_workers": 1, **options}
    return rebalance(cells, adjacency(cells), current=labels, **given)  # type: ignore[arg-type]


def codes_of(found: Rebalance) -> list[str]:
    return [one.code for one in found.report["findings"]]


def keys_of(found: Rebalance, code: str) -> tuple[str, ...]:
    return next(one.keys for one in found.report["findings"] if one.code == code)


def test_rebalance_moves_the_one_cell_at_the_border() -> None:
    # six cells of 10 in a row, four against two: 40 and 20 around 30; one cell makes 30 and 30
    found = redrawn(squares(6, 1), np.array([0, 0, 0, 0, 1, 1]))
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1]
    report = found.report
    # 40 lies 7 above 33, in whole cells 10
    assert (report["moved_load"], report["moved_cells"], report["touched_grids"]) == (10, 1, 2)
    assert report["lower_bound"] == 10
    # the 20 lies 7 below 27: the flow is 7, as a fluid
    assert report["flow_guide"] == pytest.approx(7, abs=1e-5)
    assert report["max_deviation_before"] == pytest.approx(1 / 3)
    assert report["max_deviation"] == 0


def test_rebalance_tells_what_each_move_bought() -> None:
    found = redrawn(squares(6, 1), np.array([0, 0, 0, 0, 1, 1]))
    move = found.report["moves"][0]
    assert (move["cell"], move["from"], move["to"], move["load"]) == ("0003", 0, 1, 10)
    # back at home: 40 and 20, each 7 outside 27 to 33, in targets of 30
    assert move["excess_saved"] == pytest.approx(14 / 30)
    # both 1 x 3: 2 * 4 pi 3 / 8^2; with it back 1 x 4 and 1 x 2: 4 pi (4 / 10^2 + 2 / 6^2)
    saved = 4 * np.pi * (2 * 3 / 64 - 4 / 100 - 2 / 36)
    assert move["shape_saved"] == pytest.approx(saved)


def test_rebalance_hands_on_through_a_grid_between() -> None:
    # 4, 3 and 2 cells in a row, exactly 3 wanted: one from the first to the second, one on
    found = redrawn(squares(9, 1), np.array([0, 0, 0, 0, 1, 1, 1, 2, 2]), tolerance=0.0)
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert found.report["moved_load"] == 20
    assert found.report["lower_bound"] == 10
    assert found.report["flow_guide"] == pytest.approx(20, abs=1e-4)


def test_rebalance_of_a_plan_that_is_fine_gives_it_back_as_it_is() -> None:
    given = pd.Series([" 07", "07", "07", "7", "7", "7"], dtype=object)
    found = redrawn(squares(6, 1), given)
    assert found.labels.tolist() == given.tolist()
    assert found.report["is_unchanged"]
    assert (found.report["moved_load"], found.report["lower_bound"]) == (0, 0)
    assert codes_of(found) == ["reading.leading_zeros"]


def test_rebalance_attaches_cells_without_a_grid() -> None:
    codes = pd.Series(["a", "a", None, "b", "b", ""], dtype=object)
    found = redrawn(squares(6, 1), codes, tolerance=0.0)
    # the last can only go to b, which is then 30; the third makes a 30
    assert found.labels.tolist() == ["a", "a", "a", "b", "b", "b"]
    assert found.report["moved_load"] == 0
    assert keys_of(found, "rebalance.attached") == ("0002", "0005")


def test_rebalance_of_a_grid_in_pieces_keeps_the_main_part() -> None:
    # grid 0 holds the first three cells and the last; three cells each are wanted
    cells = squares(9, 1)
    labels = np.array([0, 0, 0, 1, 1, 1, 2, 2, 0])
    found = redrawn(cells, labels)
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert keys_of(found, "rebalance.torn") == ("0008",)
    assert found.report["moved_cells"] == 1


def test_rebalance_takes_the_branch_behind_a_cell_along() -> None:
    # cells 0 to 4 in a row and 5 above cell 3, which hangs on it alone; cell 4 is grid 1
    cells = squares(5, 2).iloc[[0, 1, 2, 3, 4, 8]].reset_index(drop=True)
    cells["households"] = [10, 10, 10, 10, 10, 5]
    # 45 and 10, of 55: 24.75 to 30.25 each; cell 3 can only go together with what hangs on it
    found = redrawn(cells, np.array([0, 0, 0, 0, 1, 0]))
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.report["moved_load"] == 15


def test_rebalance_leaves_locked_cells_and_grids() -> None:
    cells, labels = squares(9, 1), np.array([0, 0, 0, 0, 1, 1, 1, 2, 2])
    found = redrawn(cells, labels, tolerance=0.0, locked=np.arange(9) == 3)
    assert found.labels[3] == 0
    assert found.report["n_out"] > 0
    # within the tolerance are only plans that swap the codes of whole grids: not the same grids
    swapped = redrawn(squares(6, 1), np.array([0, 0, 0, 0, 1, 1]), locked=np.arange(6) == 3)
    assert swapped.report["is_unchanged"]
    shut = redrawn(cells, labels, tolerance=0.0, locked_grids=[1])
    assert shut.labels.tolist() == labels.tolist()
    assert keys_of(shut, "rebalance.lonely_grid") == ("0", "2")
    own = redrawn(cells, labels, tolerance=0.0, locked_grids=[0])
    assert keys_of(own, "rebalance.locked_grid") == ("0",)
    assert own.labels[:4].tolist() == [0, 0, 0, 0]
    assert 0 not in own.labels[4:]


def test_rebalance_locked_cells_above_the_limit_are_told() -> None:
    cells = squares(6, 1)
    found = redrawn(cells, np.array([0, 0, 0, 0, 1, 1]), locked=np.arange(6) < 4)
    assert found.labels.tolist() == [0, 0, 0, 0, 1, 1]
    assert keys_of(found, "rebalance.locked_cells") == ("0",)


def test_rebalance_of_a_cell_above_the_limit_says_so() -> None:
    cells = squares(6, 1)
    cells.loc[0, "households"] = 100
    found = redrawn(cells, np.array([0, 1, 1, 1, 1, 1]), target=50.0)
    assert found.report["is_unchanged"]
    assert keys_of(found, "rebalance.heavy_cell") == ("0",)


def test_rebalance_keeps_grids_inside_their_community() -> None:
    cells = squares(6, 2)
    cells["community"] = np.where(np.arange(12) % 6 < 3, "A", "B")
    cells.loc[cells["community"] == "B", "households"] = 20
    # A has 60 for two grids, B 120 for two: neither mean is within 10% of 45
    labels = np.array([0, 0, 0, 2, 2, 2, 1, 1, 1, 3, 3, 3])
    found = redrawn(cells, labels)
    assert cells.groupby(found.labels)["community"].nunique().max() == 1
    assert keys_of(found, "rebalance.mean") == ("0", "1", "2", "3")
    assert found.report["lower_bound"] == 0


def test_rebalance_cell_that_touches_no_grid_stays_without() -> None:
    cells = squares(7, 1)
    cells["community"] = ["A"] * 6 + ["B"]
    found = redrawn(cells, np.array([0, 0, 0, 0, 1, 1, -1]), target=30.0)
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1, -1]
    assert keys_of(found, "rebalance.stranded") == ("0006",)


def test_rebalance_of_no_cells_is_nothing() -> None:
    cells = squares(2, 1).iloc[:0]
    found = redrawn(cells, np.empty(0, dtype=np.int64))
    assert len(found.labels) == 0
    assert found.report["is_unchanged"]


def test_rebalance_stops_when_asked_with_a_whole_plan() -> None:
    cells = squares(6, 1)
    found = redrawn(cells, np.array([0, 0, 0, 0, 1, 1]), should_stop=lambda: True)
    assert found.labels.tolist() == [0, 0, 0, 0, 1, 1]
    assert found.report["stopped_early"]
    assert keys_of(found, "rebalance.outside") == ("0", "1")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"tolerance": 1.5}, "plan.tolerance"),
        ({"target": 0.0}, "plan.target"),
        ({"time_limit_s": 0.0}, "plan.time_limit"),
        ({"locked": np.zeros(3, dtype=bool)}, "rebalance.length"),
        ({"locked_grids": [7]}, "rebalance.unknown_grids"),
        ({"load": "people"}, "schema.missing_columns"),
    ],
)
def test_rebalance_with_an_option_out_of_range_raises(
    options: dict[str, object], code: str
) -> None:
    with pytest.raises((ParameterError, SchemaError)) as raised:
        redrawn(squares(6, 1), np.array([0, 0, 0, 0, 1, 1]), **options)
    assert raised.value.code == code


def test_rebalance_without_any_grid_raises() -> None:
    with pytest.raises(ParameterError) as raised:
        redrawn(squares(3, 1), np.full(3, -1))
    assert raised.value.code == "rebalance.no_plan"


def test_rebalance_is_the_same_with_any_number_of_workers() -> None:
    cells, labels = grown(3, n_columns=12, n_rows=12)
    one = redrawn(cells, labels, n_workers=1)
    two = redrawn(cells, labels, n_workers=2)
    assert one.labels.tolist() == two.labels.tolist()
    assert one.report["moved_load"] > 0


def grown(seed: int, *, n_columns: int, n_rows: int) -> tuple[gpd.GeoDataFrame, np.ndarray]:
    """Blocks of 3 x 3 cells as grids; every fifth has grown by a half."""
    cells = squares(n_columns, n_rows)
    rng = np.random.default_rng(seed)
    place = np.arange(len(cells))
    labels = place // n_columns // 3 * (n_columns // 3) + place % n_columns // 3
    cells["households"] = rng.integers(8, 13, len(cells))
    is_grown = rng.permutation(labels.max() + 1)[labels] % 5 == 0
    cells["households"] = np.where(is_grown, cells["households"] * 3 // 2, cells["households"])
    return cells, labels


@pytest.mark.parametrize("seed", range(6))
def test_rebalance_of_nine_cells_moves_the_least_of_all_plans(seed: int) -> None:
    cells = squares(3, 3)
    rng = np.random.default_rng(seed)
    cells["households"] = rng.integers(5, 20, 9)
    labels = np.repeat([0, 1, 2], 3)
    border, load = adjacency(cells), cells["households"].to_numpy()
    target, least = load.sum() / 3, np.inf
    for plan in product(range(3), repeat=9):
        tried = np.array(plan)
        held = np.bincount(tried, load, minlength=3)
        if np.abs(held - target).max() > 0.2 * target or len(broken_grids(border, tried)):
            continue
        least = min(least, float(load[tried != labels].sum()))
    found = redrawn(cells, labels, tolerance=0.2)
    assert found.report["lower_bound"] <= least
    if np.isfinite(least):
        assert found.report["n_out"] == 0
        assert found.report["moved_load"] == least
    else:
        assert found.report["n_out"] > 0


@pytest.mark.parametrize("seed", range(3))
def test_rebalance_of_thirty_cells_is_near_the_exact_least(seed: int) -> None:
    cells, labels = squares(6, 5), np.repeat(np.arange(10), 3)
    cells["households"] = np.random.default_rng(seed).integers(6, 15, 30)
    found = redrawn(cells, labels, tolerance=0.15)
    least = least_by_set_partitioning(cells, labels, tolerance=0.15)
    assert found.report["n_out"] == 0
    assert least - 1e-6 <= found.report["moved_load"] <= 1.03 * least


def least_by_set_partitioning(
    cells: gpd.GeoDataFrame, labels: np.ndarray, *, tolerance: float
) -> float:
    """The least load that moves, over all connected sets within the tolerance as any old grid."""
    network = graph.build(
        cells,
        adjacency(cells),
        cells["households"].to_numpy(dtype=float),
        area=np.zeros(len(cells)),
    )
    load, n, k = network.load, network.n_units, int(labels.max()) + 1
    target = load.sum() / k
    near = [
        set(network.indices[network.indptr[cell] : network.indptr[cell + 1]].tolist())
        for cell in range(n)
    ]
    sets: set[frozenset[int]] = set()
    todo = [frozenset([cell]) for cell in range(n)]
    seen = set(todo)
    while todo:
        held = todo.pop()
        total = load[list(held)].sum()
        if abs(total - target) <= tolerance * target + 1e-9:
            sets.add(held)
        for cell in set().union(*(near[one] for one in held)) - held:
            larger = held | {cell}
            if total + load[cell] <= target * (1 + tolerance) + 1e-9 and larger not in seen:
                seen.add(larger)
                todo.append(larger)
    columns = [(grid, list(held)) for held in sets for grid in set(labels[list(held)].tolist())]
    cost = [load[held][labels[held] != grid].sum() for grid, held in columns]
    rows = np.zeros((n + k, len(columns)))
    for column, (grid, held) in enumerate(columns):
        rows[held, column] = rows[n + grid, column] = 1
    answer = milp(
        np.array(cost),
        constraints=LinearConstraint(rows, 1, 1),
        integrality=np.ones(len(columns)),
        bounds=Bounds(0, 1),
    )
    return float(answer.fun)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_grids=st.integers(2, 7),
    tolerance=st.sampled_from([0.0, 0.05, 0.2]),
    share_without=st.sampled_from([0.0, 0.1]),
)
def test_rebalance_keeps_what_it_must(
    seed: int, n_grids: int, tolerance: float, share_without: float
) -> None:
    cells, rng = squares(6, 5), np.random.default_rng(seed)
    cells["households"] = rng.integers(0, 20, len(cells))
    labels = np.sort(rng.integers(0, n_grids, len(cells)))
    labels = np.unique(labels, return_inverse=True)[1]
    labels[rng.random(len(cells)) < share_without] = -1
    if labels.max() < 0:
        return
    found = redrawn(cells, labels, tolerance=tolerance)
    border = adjacency(cells)
    assert set(found.labels.tolist()) == set(labels[labels >= 0].tolist())
    assert len(broken_grids(border, found.labels)) == 0
    load = cells["households"].to_numpy()
    is_moved = (found.labels != labels) & (labels >= 0)
    assert found.report["moved_load"] == load[is_moved].sum()
    assert found.report["max_deviation"] <= tolerance + 1e-9 or found.report["n_out"] > 0
    if found.report["n_out"] == 0:
        assert found.report["moved_load"] >= found.report["lower_bound"] - 1e-6
        again = redrawn(cells, found.labels, tolerance=tolerance, seed=seed)
        assert again.labels.tolist() == found.labels.tolist()


def test_frontier_moves_less_where_more_is_tolerated() -> None:
    cells, labels = grown(1, n_columns=9, n_rows=9)
    rows = frontier(
        cells,
        adjacency(cells),
        tolerances=(0.05, 0.15, 0.6),
        load="households",
        current=labels,
        seed=0,
    )
    assert rows["tolerance"].tolist() == [0.05, 0.15, 0.6]
    moved = rows["moved_load"].to_numpy()
    assert moved[0] > moved[1] > moved[2] == 0
    assert (rows["max_deviation"] <= rows["tolerance"] + 1e-9).all()


def test_least_flow_goes_the_short_way() -> None:
    # 5, 3, 3 and 1 cells of 10 in a row, three wanted exactly: 2 cells through two grids
    cells, labels = squares(12, 1), np.repeat([0, 1, 2, 3], [5, 3, 3, 1])
    network = graph.build(cells, adjacency(cells), np.full(12, 10.0), area=np.zeros(12))
    exchange = exchange_of(network, labels, np.tile([30.0, 30.0, 30.0], (4, 1)), np.ones(4, bool))
    flow, outside = least_flow(exchange)
    assert flow.sum() * 30 == pytest.approx(60)
    assert outside == pytest.approx(0, abs=1e-9)
    assert exchange.used(flow) * 30 == pytest.approx([20, 40, 40, 20])


def test_sparing_flow_uses_one_neighbour_where_two_would_do() -> None:
    # a star: the middle of three columns of three has 20 too much, both neighbours room for it all
    cells, labels = squares(9, 1), np.repeat([0, 1, 2], 3)
    load = np.array([5.0, 5, 5, 15, 20, 15, 5, 5, 5])
    network = graph.build(cells, adjacency(cells), load, area=np.zeros(9))
    limits = np.tile([0.0, 40.0, 30.0], (3, 1))
    exchange = exchange_of(network, labels, limits, np.ones(3, bool))
    flow, _ = sparing_flow(exchange, touched=0.2, noise=np.zeros(len(exchange.giver)))
    assert np.count_nonzero(exchange.used(flow) > 1e-9) == 2
    assert flow.sum() * 30 == pytest.approx(10)


def test_least_moved_counts_whole_cells() -> None:
    # 47 in a grid of at most 40, of cells 20, 18 and 9: 7 too much, the least cell has 9
    cells = squares(4, 1)
    network = graph.build(cells, adjacency(cells), np.array([20.0, 18, 9, 30]), area=np.zeros(4))
    limits = np.tile([20.0, 40.0, 30.0], (2, 1))
    assert least_moved(network, np.array([0, 0, 0, 1]), limits) == 9


def test_mix_takes_the_best_of_two_plans_on_either_side() -> None:
    # four grids of two cells; the first plan betters the left pair, the second the right pair
    start = np.repeat([0, 1, 2, 3], 2)
    mix = Mix(start, np.array([2.0, 2, 2, 2]), seed=0)
    left = np.array([0, 1, 1, 1, 2, 2, 3, 3])
    right = np.array([0, 0, 1, 1, 2, 3, 3, 3])
    mix.add(left, np.array([1.0, 1, 2, 2]))
    mix.add(right, np.array([2.0, 2, 1, 1]))
    assert mix.best(left, 0.0).tolist() == [0, 1, 1, 1, 2, 3, 3, 3]


def test_cheapest_cover_where_the_relaxation_is_no_cover() -> None:
    # an odd ring: rows 0, 1, 2 in pairs at 1 each, and singly at 1; the relaxation takes half of
    # each pair for 1.5, whole is one pair and one single for 2
    pairs = [[1, 1, 0], [0, 1, 1], [1, 0, 1]]
    columns = np.array([*pairs, *np.eye(3).tolist(), [1, 1, 1]]).T
    cost = np.array([1.0, 1, 1, 1, 1, 1, 9])
    chosen = cheapest_cover(csr_array(columns), cost, known=np.array([6]), gap=0.0)
    assert cost[chosen].sum() == 2
    assert columns[:, chosen].sum(axis=1).tolist() == [1, 1, 1]
    # without singles a pair leaves a row that nothing covers: only the three together are left
    dear = cheapest_cover(
        csr_array(columns[:, [0, 1, 2, 6]]), cost[[0, 1, 2, 6]], known=np.array([3]), gap=0.0
    )
    assert dear.tolist() == [3]


def test_windows_with_a_hot_grid_come_once_each() -> None:
    # a ring of five: windows of three that hold grid 0 are the three runs through it
    near = [[1, 4], [0, 2], [1, 3], [2, 4], [3, 0]]
    found = [tuple(sorted(one)) for one in windows_with(near, [0], 3)]
    assert sorted(found) == [(0, 1, 2), (0, 1, 4), (0, 3, 4)]
    both = [tuple(sorted(one)) for one in windows_with(near, [0, 1], 3)]
    assert sorted(both) == [(0, 1, 2), (0, 1, 4), (0, 3, 4), (1, 2, 3)]


@pytest.mark.parametrize(
    ("name", "most_touched", "most_shape"),
    [("ri_tract_after_growth", 0.30, 0.02), ("changchun_kuancheng_after_growth", 0.35, 0.022)],
)
def test_rebalance_after_growth(name: str, most_touched: float, most_shape: float) -> None:
    path = PLANNING / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    cells = gpd.read_parquet(path)
    border = adjacency(cells)
    report = rebalance(cells, border, load="load", current="current", tolerance=0.1, seed=0).report
    old = pd.factorize(cells["current"], sort=True)[0]
    network = graph.build(cells, border, cells["load"].to_numpy(float), area=np.zeros(len(cells)))
    before = polsby_popper(network, old, report["n_grids"]).mean()
    assert report["n_out"] == 0
    assert report["moved_load"] <= 1.35 * report["flow_guide"]
    assert report["touched_grids"] <= most_touched * report["n_grids"]
    assert before - report["polsby_popper"] <= most_shape

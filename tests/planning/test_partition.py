from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from towns import squares

from geo.errors import ParameterError, SchemaError
from geo.planning.contiguity import adjacency
from geo.planning.metrics import evaluate
from geo.planning.partition import partition


def plan(cells, **options):  # type: ignore[no-untyped-def]
    options = {"load": "households", "tolerance": 0.05, "seed": 0, **options}
    return partition(cells, adjacency(cells), **options)


def test_partition_of_a_board_finds_the_four_squares() -> None:
    cells = squares(6, 6)
    found = plan(cells, n_grids=4)
    figures = evaluate(cells, adjacency(cells), found.labels, load="households", target=90.0)
    # 36 cells of 10 in 4 grids: 9 cells each; the squares of 3 x 3 have the best shape, pi / 4
    assert figures["max_abs_deviation"] == 0.0
    assert figures["polsby_popper_mean"] == pytest.approx(np.pi / 4)


def test_partition_keeps_grids_inside_their_community() -> None:
    cells = squares(6, 4)
    cells["community"] = np.where(np.arange(24) % 6 < 3, "A", "B")
    labels = plan(cells, target=40.0, tolerance=0.3).labels
    assert cells.groupby(labels)["community"].nunique().max() == 1
    # 120 households a side: three grids of 40 each
    assert cells.groupby("community")["households"].sum().tolist() == [120, 120]
    assert len(np.unique(labels)) == 6


def test_partition_with_the_same_seed_gives_the_same_plan() -> None:
    cells = squares(8, 8)
    first, again = plan(cells, n_grids=6, seed=3), plan(cells, n_grids=6, seed=3)
    assert (first.labels == again.labels).all()


def test_partition_gives_a_heavy_cell_a_grid_of_its_own() -> None:
    cells = squares(5, 5)
    cells.loc[12, "households"] = 200
    found = plan(cells, target=60.0)
    assert (found.labels == found.labels[12]).sum() == 1
    assert found.report["n_heavy"] == 1
    # 200 against 60: 2.33 over, proved
    assert found.report["lower_bound"] == pytest.approx(200 / 60 - 1)


def test_partition_keeps_fitting_compounds_whole_when_strict() -> None:
    cells = squares(6, 6)
    cells["compound"] = [f"k{(i // 12) * 3 + (i % 6) // 2}" for i in range(36)]
    labels = plan(cells, target=50.0, keep_whole="compound", keep_whole_strictly=True).labels
    assert cells.groupby("compound")["cell"].agg(lambda own: len(set(labels[own.index]))).max() == 1


def test_partition_stops_when_asked_and_says_so() -> None:
    cells = squares(6, 6)
    found = plan(cells, n_grids=4, should_stop=lambda: True)
    assert found.report["stopped_early"]
    assert len(np.unique(found.labels)) == 4


def test_partition_with_little_time_ends_in_time_with_balanced_grids() -> None:
    # 2,500 cells in 100 grids: unlimited, the search takes many times as long
    cells = squares(50, 50)
    border = adjacency(cells)
    options = {"load": "households", "n_grids": 100, "tolerance": 0.05, "seed": 0}
    partition(squares(6, 6), adjacency(squares(6, 6)), **{**options, "n_grids": 4})  # compiles
    begun = time.perf_counter()
    found = partition(cells, border, time_limit_s=1.0, **options)
    assert time.perf_counter() - begun < 6.0
    figures = evaluate(cells, border, found.labels, load="households", target=250.0)
    assert (figures["noncontiguous"], figures["n_grids"]) == (0, 100)
    assert figures["mean_abs_deviation"] < 0.1


def test_partition_of_one_cell_is_one_grid() -> None:
    assert plan(squares(1, 1), target=10.0).labels.tolist() == [0]


def test_partition_of_no_cells_is_empty() -> None:
    assert len(plan(squares(2, 1).iloc[:0], target=10.0).labels) == 0


def test_partition_without_any_load_is_one_grid() -> None:
    cells = squares(3, 3).assign(households=0)
    assert plan(cells, target=10.0).labels.tolist() == [0] * 9


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"target": -1.0}, "plan.target"),
        ({"target": 5.0, "n_grids": 2}, "plan.target_or_grids"),
        ({}, "plan.target_or_grids"),
        ({"n_grids": 99}, "plan.n_grids"),
        ({"target": 5.0, "tolerance": 5}, "plan.tolerance"),
        ({"target": 5.0, "time_limit_s": 0.0}, "plan.time_limit"),
    ],
)
def test_partition_with_a_bad_option_raises(options: dict[str, float], code: str) -> None:
    with pytest.raises(ParameterError) as caught:
        plan(squares(2, 2), **options)
    assert caught.value.code == code


def test_partition_with_a_negative_load_names_the_cells() -> None:
    cells = squares(2, 2)
    cells.loc[2, "households"] = -4
    with pytest.raises(ParameterError) as caught:
        plan(cells, target=10.0)
    assert caught.value.params == {"count": 1, "keys": ["0002"]}


def test_partition_without_the_load_column_raises() -> None:
    with pytest.raises(SchemaError):
        plan(squares(2, 2), target=10.0, load="people")


@settings(max_examples=12, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    k=st.integers(1, 8),
    seed=st.integers(0, 1000),
)
def test_partition_of_random_boards_is_complete_and_connected(
    shape: tuple[int, int], k: int, seed: int
) -> None:
    cells = squares(*shape)
    random = np.random.default_rng(seed)
    cells["households"] = random.integers(0, 40, len(cells))
    cells = cells[random.random(len(cells)) < 0.85].reset_index(drop=True)
    if len(cells) < k or cells["households"].sum() == 0:
        return
    border = adjacency(cells)
    found = partition(cells, border, load="households", n_grids=k, tolerance=0.05, seed=seed)
    assert found.labels.min() == 0
    assert len(np.unique(found.labels)) == found.labels.max() + 1
    target = float(cells["households"].sum()) / k
    figures = evaluate(cells, border, found.labels, load="households", target=target)
    assert figures["noncontiguous"] == 0
    assert figures["max_abs_deviation"] >= found.report["lower_bound"] - 1e-9

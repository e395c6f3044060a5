from __future__ import annotations

import numpy as np
import pytest
from towns import squares

from geo.planning.contiguity import adjacency
from geo.planning.metrics import broken_grids, evaluate


def test_evaluate_of_two_halves_gives_the_figures_of_hand() -> None:
    cells = squares(4, 2)
    labels = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    found = evaluate(cells, adjacency(cells), labels, load="households", target=50.0)
    # two squares of 200 m: load 40, deviation -20%; pi / 4 = 0.785; one cut of 2 x 100 m
    assert found["n_grids"] == 2
    assert found["max_abs_deviation"] == pytest.approx(0.2)
    assert found["mean_abs_deviation"] == pytest.approx(0.2)
    assert found["polsby_popper_mean"] == pytest.approx(np.pi / 4)
    assert (found["cut_edges"], found["cut_length_m"]) == (2, 200.0)
    assert (found["noncontiguous"], found["unassigned"]) == (0, 0)


def test_broken_grids_names_the_grid_in_two_parts() -> None:
    cells = squares(3, 1)
    assert broken_grids(adjacency(cells), np.array([0, 1, 0])).tolist() == [0]


def test_evaluate_counts_only_split_compounds_that_fit() -> None:
    cells = squares(4, 1).assign(compound=["k", "k", "g", "g"])
    cells["households"] = [10, 10, 40, 40]
    labels = np.array([0, 1, 1, 2])
    found = evaluate(
        cells, adjacency(cells), labels, load="households", target=50.0, keep_whole="compound"
    )
    # k (20) fits and lies in 0 and 1; g (80) cannot fit into 50
    assert found["split_compounds"] == 1


def test_evaluate_counts_unassigned_cells() -> None:
    cells = squares(2, 1)
    found = evaluate(cells, adjacency(cells), np.array([0, -1]), load="households", target=10.0)
    assert (found["unassigned"], found["n_grids"]) == (1, 1)

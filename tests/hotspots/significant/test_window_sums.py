"""Window sums by hand, and the cells that make a window's excess."""

from __future__ import annotations

import numpy as np

from geo.hotspots.significant.tails import POISSON
from geo.hotspots.significant.window_sums import spread_to_cores, window_sums


def cores(counts: np.ndarray, centres: list[int], reaches: list[int]) -> np.ndarray:
    """Width of the window that decided each cell; 0.1 expected a cell."""
    q, width = np.ones(counts.shape), np.zeros(counts.shape, dtype=np.int64)
    spread_to_cores(
        counts,
        np.full(counts.shape, 0.1),
        np.ones(counts.shape, dtype=bool),
        np.array(centres),
        np.array(reaches),
        np.linspace(0.001, 0.01, len(centres)),
        POISSON,
        0.0,
        0.0,
        0.05,
        0.05 / 35,
        q,
        width,
    )
    assert ((q < 1) == (width > 0)).all()
    return width


def test_window_sums_are_cut_at_the_edge() -> None:
    values = np.arange(9.0).reshape(3, 3)
    assert window_sums(values, 0).tolist() == values.tolist()
    # corner 0 + 1 + 3 + 4, side 0 + 1 + 2 + 3 + 4 + 5, centre all 36
    assert window_sums(values, 1).tolist() == [[8, 15, 12], [21, 36, 27], [20, 33, 24]]
    assert (window_sums(values, 2) == 36).all()


def test_spread_to_cores_one_hot_cell_leaves_its_neighbours() -> None:
    # without the 20, what is left of the window is 1 where 0.8 is expected
    counts = np.array([[0, 1, 0], [0, 20, 0], [0, 0, 0]])
    assert cores(counts, [4], [1]).tolist() == [[0, 0, 0], [0, 3, 0], [0, 0, 0]]


def test_spread_to_cores_takes_the_cells_that_share_the_excess() -> None:
    # equal cells go together; cells without incidents never
    counts = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1]])
    assert cores(counts, [4], [1]).tolist() == [[3, 3, 0], [3, 3, 0], [3, 0, 3]]


def test_spread_to_cores_later_windows_need_an_excess_of_their_own() -> None:
    # the second window holds the first one's cell: what is left, 1 where 2.4 are expected, is none
    counts = np.zeros((5, 5), dtype=np.int64)
    counts[2, 2], counts[0, 0] = 20, 1
    assert np.argwhere(cores(counts, [12, 12], [0, 2])).tolist() == [[2, 2]]
    # 9 are: they enter with the wider window
    counts[0, 0] = 9
    width = cores(counts, [12, 12], [0, 2])
    assert (width[2, 2], width[0, 0]) == (1, 5)

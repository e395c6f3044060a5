from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from towns import CRS, X0, Y0, squares

from geo.errors import ParameterError
from geo.planning import objective, shifts
from geo.planning.contiguity import adjacency
from geo.planning.metrics import count_parts
from geo.planning.objective import Weights

WEIGHTS = Weights(shape=1.0, border=0.4, along_barrier=0.2, split=0.5)


def ground() -> gpd.GeoDataFrame:
    """Twenty cells; a compound in the south-west, one in the middle."""
    cells = squares(5, 4)
    cells["households"] = np.arange(20) % 7
    cells["compound"] = None
    cells.loc[[0, 1, 5, 6], "compound"] = "k"
    cells.loc[[11, 12, 13], "compound"] = "m"
    return cells


def roads() -> gpd.GeoDataFrame:
    lines = [[(200, 0), (200, 400)], [(0, 300), (500, 300)]]
    shapes = [shapely.LineString([(X0 + x, Y0 + y) for x, y in line]) for line in lines]
    return gpd.GeoDataFrame({"kind": ["road", "rail"]}, geometry=shapes, crs=CRS)


def split_cost(cells: gpd.GeoDataFrame, labels: np.ndarray, most: float) -> float:
    """By counting: grids more than one that hold a compound that fits."""
    cost = 0.0
    for _, rows in cells.assign(grid=labels).groupby("compound"):
        if rows["households"].sum() <= most:
            cost += WEIGHTS.split * (rows["grid"].nunique() - 1)
    return cost


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=20, max_size=20), st.sampled_from([0.05, 0.3]))
def test_shift_of_any_cell_changes_what_the_objective_says(
    plan: list[int], tolerance: float
) -> None:
    cells, links = ground(), adjacency(ground(), barriers=roads())
    labels = np.unique(plan, return_inverse=True)[1]
    k, target = int(labels.max()) + 1, 14.0
    standing = shifts.standing_of(
        cells,
        links,
        labels,
        load="households",
        target=target,
        tolerance=tolerance,
        weights=WEIGHTS,
        area=np.zeros(20, dtype=np.int64),
        keep_whole="compound",
    )
    unit, to = shifts.possible(standing)
    found = shifts.shift(standing, unit, to)

    def cost(plan: np.ndarray) -> float:
        return objective.cost_of(standing.graph, plan, k, WEIGHTS) + split_cost(cells, plan, target)

    def excess(plan: np.ndarray) -> float:
        load = np.bincount(plan, cells["households"], minlength=k)
        return float(np.maximum(0, np.abs(load / target - 1) - tolerance).sum())

    parts = count_parts(links, labels, k)
    for row in found.itertuples():
        then = labels.copy()
        then[row.unit] = row.to
        assert row.cost == pytest.approx(cost(then) - cost(labels), abs=1e-9)
        assert row.excess == pytest.approx(excess(then) - excess(labels), abs=1e-9)
        left = count_parts(links, np.where(np.arange(20) == row.unit, -1, labels), k)[row.origin]
        assert row.is_contiguous == (0 < left <= parts[row.origin])


def test_shift_of_a_corner_costs_what_is_worked_by_hand() -> None:
    cells = squares(4, 2)
    standing = shifts.standing_of(
        cells,
        adjacency(cells),
        np.array([0, 0, 1, 1] * 2),
        load="households",
        target=40.0,
        tolerance=0.05,
        weights=WEIGHTS,
        area=np.zeros(8, dtype=np.int64),
        keep_whole=None,
    )
    found = shifts.shift(standing, np.array([1]), np.array([1])).iloc[0]
    # loads 30 and 50 of 40: 25% off each, 20 points of it beyond the tolerance
    assert (found["deviation_origin"], found["deviation_to"]) == (-0.25, 0.25)
    assert found["excess"] == pytest.approx(0.4)
    # two squares of 200 m (pi / 4 each) become an angle of 3 cells, 800 m round, and 5 cells,
    # 1000 m round: 2 pi / 4 - 4 pi (3 / 64 + 5 / 100) = pi (0.5 - 0.1875 - 0.2)
    assert found["shape_cost"] == pytest.approx(0.1125 * np.pi)
    # 200 m of border come, 100 m go; a circle of 40,000 m2 is 400 sqrt(pi) m round
    assert found["border_cost"] == pytest.approx(0.4 * 100 / (400 * np.sqrt(np.pi)))
    assert found["barrier_cost"] == 0
    assert found["split_cost"] == 0
    assert found["cost"] == pytest.approx(found["shape_cost"] + found["border_cost"])


def test_shift_out_of_a_compound_too_large_for_a_grid_splits_nothing() -> None:
    cells = squares(4, 1).assign(compound="k")
    how = {
        "load": "households",
        "tolerance": 0.0,
        "weights": None,
        "area": np.zeros(4, dtype=np.int64),
        "keep_whole": "compound",
    }
    costs = []
    for target in (30.0, 40.0):
        standing = shifts.standing_of(
            cells, adjacency(cells), np.array([0, 0, 0, 1]), target=target, **how
        )
        costs.append(shifts.shift(standing, np.array([3]), np.array([0]))["split_cost"].iloc[0])
    # 40 households: split anyway at 30 a grid; at 40 the shift makes it whole
    assert costs == [0.0, -0.5]


def test_shift_that_upsets_a_second_load_names_it() -> None:
    cells = squares(4, 1).assign(elderly=[3, 3, 0, 6])
    standing = shifts.standing_of(
        cells,
        adjacency(cells),
        np.array([0, 0, 1, 1]),
        load="households",
        target=20.0,
        tolerance=0.6,
        weights=None,
        area=np.zeros(4, dtype=np.int64),
        keep_whole=None,
        balance={"elderly": 0.1},
    )
    found = shifts.shift(standing, np.array([1, 2]), np.array([1, 0]))
    # households 10 and 30 of 20 are 50% off, within 60%; elderly 3 and 9 of the mean 6 are 50% off,
    # 40 points beyond 10% each; the empty cell 2 upsets nothing
    assert found["balanced"].tolist() == ["elderly", "households"]
    assert found["excess"].tolist() == pytest.approx([0.8, 0.0])
    assert found["deviation_origin"].tolist() == pytest.approx([-0.5, -0.5])
    assert found["deviation_to"].tolist() == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize(
    ("labels", "target", "code"),
    [([0], 10.0, "plan.cells_differ"), ([0, 1], 0.0, "plan.target")],
)
def test_standing_of_what_does_not_fit_raises(labels: list[int], target: float, code: str) -> None:
    cells = squares(2, 1)
    with pytest.raises(ParameterError) as caught:
        shifts.standing_of(
            cells,
            adjacency(cells),
            np.array(labels),
            load="households",
            target=target,
            tolerance=0.05,
            weights=None,
            area=np.zeros(2, dtype=np.int64),
            keep_whole=None,
        )
    assert caught.value.code == code

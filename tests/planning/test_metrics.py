from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from towns import CRS, X0, Y0, squares

from geo.errors import ParameterError
from geo.planning.contiguity import adjacency
from geo.planning.metrics import area_figures, broken_grids, evaluate, grid_figures


def road(*points: tuple[float, float]) -> gpd.GeoDataFrame:
    """One barrier through these points, metres from the origin."""
    line = shapely.LineString([(X0 + x, Y0 + y) for x, y in points])
    return gpd.GeoDataFrame({"barrier": ["r"]}, geometry=[line], crs=CRS)


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


def test_evaluate_counts_barriers_crossed_inside_a_grid() -> None:
    cells = squares(4, 2)
    links = adjacency(cells, barriers=road((100, -50), (100, 250)))
    labels = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    found = evaluate(cells, links, labels, load="households", target=40.0)
    # the road runs through grid 0, along two shared sides of 100 m; none lies on the cut
    assert (found["barrier_crossings"], found["crossing_length_m"]) == (2, 200.0)
    along = np.array([0, 1, 1, 1, 0, 1, 1, 1])
    assert evaluate(cells, links, along, load="households", target=40.0)["barrier_crossings"] == 0


def test_evaluate_of_unequal_loads_gives_their_gini() -> None:
    cells = squares(2, 1).assign(households=[10, 30])
    found = evaluate(cells, adjacency(cells), np.array([0, 1]), load="households", target=20.0)
    # mean difference over all ordered pairs (0 + 20 + 20 + 0) / 4 = 10; half, by the mean 20: 0.25
    assert found["load_gini"] == pytest.approx(0.25)
    assert (found["min_load"], found["max_load"]) == (10.0, 30.0)


def test_evaluate_counts_grids_in_more_than_one_area() -> None:
    cells = squares(4, 1).assign(community=["A", "A", "B", "B"])
    labels = np.array([0, 1, 1, 2])
    found = evaluate(
        cells, adjacency(cells), labels, load="households", target=10.0, within="community"
    )
    assert found["outside_area"] == 1
    plain = evaluate(cells, adjacency(cells), labels, load="households", target=10.0)
    assert "outside_area" not in plain


def test_evaluate_of_no_cells_gives_zeros() -> None:
    cells = squares(1, 1).iloc[:0]
    found = evaluate(cells, adjacency(cells), np.empty(0, int), load="households", target=10.0)
    assert (found["n_grids"], found["max_abs_deviation"], found["load_gini"]) == (0, 0.0, 0.0)


@pytest.mark.parametrize("target", [0.0, -1.0, float("nan")])
def test_evaluate_target_not_positive_raises(target: float) -> None:
    cells = squares(2, 1)
    with pytest.raises(ParameterError) as caught:
        evaluate(cells, adjacency(cells), np.array([0, 1]), load="households", target=target)
    assert caught.value.code == "plan.target"


def test_evaluate_labels_of_other_cells_raises() -> None:
    cells = squares(2, 1)
    with pytest.raises(ParameterError) as caught:
        evaluate(cells, adjacency(cells), np.array([0]), load="households", target=10.0)
    assert caught.value.code == "plan.cells_differ"
    assert caught.value.params["n_labels"] == 1


def test_grid_figures_of_an_angle_and_a_square_are_those_of_hand() -> None:
    cells = squares(3, 3).assign(compound=["k"] * 2 + [None] * 7)
    # rows from the south: the angle 0 along the south and the east, the square 1 in the rest
    labels = np.array([0, 0, 0, 1, 1, 0, 1, 1, 0])
    found = grid_figures(
        cells, adjacency(cells), labels, load="households", target=40.0, keep_whole="compound"
    )
    assert found["load"].tolist() == [50.0, 40.0]
    assert found["deviation"].tolist() == pytest.approx([0.25, 0.0])
    assert found["n_cells"].tolist() == [5, 4]
    # the angle: 5 x 400 m less two sides at each of 4 joints of 100 m
    assert found["perimeter_m"].tolist() == [1200.0, 800.0]
    assert found["polsby_popper"].tolist() == pytest.approx([np.pi * 20 / 144, np.pi / 4])
    # corner to corner: round the angle 4 steps of 100 m; across the square 2 steps
    assert found["walk_m"].tolist() == pytest.approx([400.0, 200.0])
    assert found["split_compounds"].tolist() == [0, 0]
    assert "n_areas" not in found


def test_grid_figures_of_a_grid_in_two_parts_has_no_way_through_it() -> None:
    cells = squares(3, 1).assign(community=["A", "B", "C"])
    found = grid_figures(
        cells,
        adjacency(cells, connect_islands=False),
        np.array([2, 0, 2]),
        load="households",
        target=10.0,
        within="community",
    )
    assert found.index.tolist() == [0, 2]
    assert found["parts"].tolist() == [1, 2]
    assert found["n_areas"].tolist() == [1, 2]
    assert found.loc[0, "walk_m"] == 0.0
    assert np.isnan(found.loc[2, "walk_m"])


def test_grid_figures_name_both_grids_that_share_a_compound() -> None:
    cells = squares(4, 1).assign(compound=["k", "k", "k", None])
    found = grid_figures(
        cells,
        adjacency(cells),
        np.array([0, 0, 1, 2]),
        load="households",
        target=30.0,
        keep_whole="compound",
    )
    assert found["split_compounds"].tolist() == [1, 1, 0]


def test_area_figures_give_each_community_its_own() -> None:
    cells = squares(4, 1).assign(community=["A", "A", "B", "B"], households=[10, 30, 25, 0])
    found = area_figures(
        cells, np.array([0, 1, 2, 2]), load="households", target=20.0, within="community"
    )
    assert found.index.tolist() == ["A", "B"]
    assert found["n_grids"].tolist() == [2, 1]
    assert found["load"].tolist() == [40.0, 25.0]
    # A: 10 and 30 are 50% off, their mean is not; B: 25 is 25% over
    assert found["mean_deviation"].tolist() == pytest.approx([0.0, 0.25])
    assert found["mean_abs_deviation"].tolist() == pytest.approx([0.5, 0.25])
    assert found["max_abs_deviation"].tolist() == pytest.approx([0.5, 0.25])


def test_area_figures_of_an_area_without_a_grid_are_missing() -> None:
    cells = squares(2, 1).assign(community=["A", "B"])
    found = area_figures(
        cells, np.array([0, -1]), load="households", target=10.0, within="community"
    )
    assert found["n_grids"].tolist() == [1, 0]
    assert found["mean_load"].isna().tolist() == [False, True]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-1, 4), min_size=20, max_size=20), st.randoms(use_true_random=False))
def test_grid_figures_of_any_plan_agree_with_the_whole(labels: list[int], random: object) -> None:
    cells = squares(5, 4)
    given_labels = np.array(labels)
    links = adjacency(cells)
    how = {"load": "households", "target": 40.0}
    whole = evaluate(cells, links, given_labels, **how)
    grids = grid_figures(cells, links, given_labels, **how)
    assert len(grids) == whole["n_grids"]
    assert int((grids["parts"] > 1).sum()) == whole["noncontiguous"]
    assert grids["n_cells"].sum() + whole["unassigned"] == len(cells)
    # row order changes nothing
    order = np.array(random.sample(range(20), 20))  # type: ignore[attr-defined]
    shuffled = cells.iloc[order].reset_index(drop=True)
    again = grid_figures(shuffled, adjacency(shuffled), given_labels[order], **how)
    for column in ("load", "parts", "area_m2", "perimeter_m"):
        assert again[column].tolist() == pytest.approx(grids[column].tolist()), column

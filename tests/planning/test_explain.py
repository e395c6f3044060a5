from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from towns import CRS, X0, Y0, squares

from geo.planning.contiguity import adjacency
from geo.planning.explain import BORDER_REASONS, MOVE_REASONS, explain_borders, explain_moves
from geo.planning.rules import Rules

HALVES = np.array([0, 0, 1, 1] * 2)


def road(x: float, *, kind: str = "road") -> gpd.GeoDataFrame:
    """A barrier from south to north, metres from the origin."""
    line = shapely.LineString([(X0 + x, Y0 - 50), (X0 + x, Y0 + 950)])
    return gpd.GeoDataFrame({"kind": [kind]}, geometry=[line], crs=CRS)


def border(
    cells: gpd.GeoDataFrame,
    labels: np.ndarray,
    *,
    barriers: gpd.GeoDataFrame | None = None,
    **how: object,
) -> pd.Series:
    """The only border of a plan."""
    asked = {"load": "households", "target": 40.0, "tolerance": 0.3, **how}
    found = explain_borders(cells, adjacency(cells, barriers=barriers), labels, **asked)
    assert len(found) == 1
    return found.iloc[0]


def test_explain_borders_on_a_community_line_no_cell_may_cross() -> None:
    cells = squares(4, 2).assign(community=["A", "A", "B", "B"] * 2)
    found = border(cells, HALVES, within="community")
    assert (found["reason"], found["line_share"], found["length_m"]) == ("community_line", 1, 200)
    assert (found["cell"], found["back_cell"]) == (-1, -1)
    assert border(cells, HALVES)["reason"] == "shape"  # only where the line is asked for


def test_explain_borders_every_shift_breaks_the_tolerance_is_balance() -> None:
    found = border(squares(4, 2), HALVES, tolerance=0.05)
    assert found["reason"] == "balance"
    # 10 households of 40 go over: 30 and 50, both 20 points beyond 5%
    assert found["excess"] == pytest.approx(0.4)
    assert {found["deviation_origin"], found["deviation_to"]} == {-0.25, 0.25}
    assert found["reasons"] == ("balance", "shape")


def test_explain_borders_a_shift_within_tolerance_that_costs_is_shape() -> None:
    found = border(squares(4, 2), HALVES)
    assert (found["reason"], found["excess"]) == ("shape", 0)
    assert found["shape_cost"] == pytest.approx(0.1125 * np.pi)  # see test_shifts
    assert found["cell"] in (1, 2, 5, 6)
    assert {found["origin"], found["to"]} == {0, 1}
    # the other way it is just the same
    assert found["back_cost"] == pytest.approx(found["cost"])


def test_explain_borders_along_a_road_is_the_road() -> None:
    found = border(squares(4, 2), HALVES, barriers=road(200))
    assert (found["reason"], found["barrier"]) == ("barrier", "road")
    assert (found["barrier_share"], found["barrier_shares"]) == (1, {"road": 1.0})
    # a cell over the road: 100 m of road run through a grid instead of between two
    assert found["barrier_cost"] == pytest.approx(0.25 * 100 / (400 * np.sqrt(np.pi)))
    assert border(squares(4, 2), HALVES, barriers=road(100))["reason"] == "shape"


def test_explain_borders_half_on_a_rail_names_the_shares() -> None:
    short = road(200, kind="rail")
    short.geometry = [shapely.LineString([(X0 + 200, Y0), (X0 + 200, Y0 + 100)])]
    found = border(squares(4, 2), HALVES, barriers=short)
    assert found["barrier_shares"] == {"rail": 0.5}
    # the cheaper shift is the one beside the rail's end: nothing on the rail is lost
    assert found["barrier_cost"] == 0
    assert found["reason"] == "shape"


def test_explain_borders_over_a_closed_barrier_is_the_barrier() -> None:
    cells = squares(4, 2)
    links = adjacency(cells, barriers=road(200, kind="rail"))
    found = explain_borders(
        cells,
        links,
        HALVES,
        load="households",
        target=40.0,
        tolerance=0.3,
        passable=links.take(~links.crosses),
    ).iloc[0]
    assert (found["reason"], found["barrier"], found["cell"]) == ("barrier", "rail", -1)


def test_explain_borders_on_a_wall_of_a_compound_that_fits_is_the_compound() -> None:
    cells = squares(4, 2).assign(compound=["k", "k", None, None] * 2)
    found = border(cells, HALVES, keep_whole="compound", weights=None)
    # the cheapest shift takes a cell of the open ground in the east, and splits nothing
    assert (found["wall_share"], found["split_cost"], found["reason"]) == (1, 0, "shape")
    both = squares(4, 2).assign(compound=["k", "k", "m", "m"] * 2)
    found = border(both, HALVES, keep_whole="compound")
    assert (found["wall_share"], found["split_cost"], found["reason"]) == (1, 0.5, "compound")


@pytest.mark.parametrize(
    ("columns", "rules"),
    [
        # the park is a grid of its own
        ({"park": [None, None, "p", "p"] * 2}, Rules(special="park")),
        # both halves are locked as they are
        ({"lock": ["x", "x", "y", "y"] * 2}, Rules(locked="lock")),
        # all four cells at the border must not share a grid with those over it, or leave their own
        ({}, Rules(together=[(0, 1, 5), (2, 6, 7)])),
        ({}, Rules(apart=[(1, 2), (1, 3), (5, 2), (5, 6), (2, 0), (6, 0)])),
    ],
)
def test_explain_borders_that_rules_hold_is_the_rule(
    columns: dict[str, list[str | None]], rules: Rules
) -> None:
    found = border(squares(4, 2).assign(**columns), HALVES, rules=rules)
    assert (found["reason"], found["cell"]) == ("rule", -1)


def test_explain_borders_rules_leave_the_cells_that_may_cross() -> None:
    found = border(squares(4, 2), HALVES, rules=Rules(together=[(0, 1), (2, 6, 7)]))
    # 1 must stay with 0, 2 and 6 with each other and 7; 5 may cross
    assert (found["cell"], found["back_cell"], found["reason"]) == (5, -1, "shape")


def test_explain_borders_of_grids_of_one_cell_is_contiguity() -> None:
    found = border(squares(2, 1), np.array([0, 1]), target=10.0)
    assert found["reason"] == "contiguity"
    assert not found["is_contiguous"]


def test_explain_borders_where_a_shift_would_pay_is_open() -> None:
    found = border(squares(4, 1), np.array([0, 1, 1, 1]), target=20.0, tolerance=0.5)
    assert (found["reason"], found["cell"], found["to"]) == ("open", 1, 0)
    # 1 and 3 cells in a row become 2 and 2: 4 pi (1/16 + 3/64 - 2/36 - 2/36) = -0.0218
    assert found["cost"] == pytest.approx(4 * np.pi * (1 / 16 + 3 / 64 - 4 / 36))


def test_explain_borders_asks_about_empty_ground_only_where_nobody_lives() -> None:
    cells = squares(4, 2).assign(households=[10, 0, 10, 10, 20, 10, 10, 10])
    found = border(cells, HALVES, tolerance=0.05)
    # the empty cell 1 could go over within 5%, but not the 10 households of any other
    assert (found["reason"], found["load"]) == ("balance", 10)
    nobody = border(squares(4, 2).assign(households=[20, 0, 0, 20] * 2), HALVES, tolerance=0.05)
    assert (nobody["reason"], nobody["load"]) == ("shape", 0)


def test_explain_borders_cells_without_a_grid_have_none() -> None:
    cells = squares(3, 1)
    found = explain_borders(
        cells,
        adjacency(cells),
        np.array([0, -1, 1]),
        load="households",
        target=10.0,
        tolerance=0.1,
    )
    assert found.empty
    assert {"reason", "reasons", "cost", "back_cost"} <= set(found.columns)


def moves(
    cells: gpd.GeoDataFrame, before: list[int], after: list[int], **how: object
) -> pd.DataFrame:
    asked = {"load": "households", "target": 30.0, "tolerance": 0.1, **how}
    links = adjacency(cells, connect_islands=False)
    return explain_moves(cells, links, np.array(before), np.array(after), **asked)


def test_explain_moves_from_a_full_grid_to_a_light_one_buys_balance() -> None:
    cells = squares(4, 1).assign(households=[20, 10, 10, 20])
    found = moves(cells, [0, 0, 0, 1], [0, 0, 1, 1]).iloc[0]
    assert (found["origin"], found["to"], found["cells"], found["load"]) == (0, 1, (2,), 10)
    # 40 and 20 of 30 become 30 and 30; each was 23.3 points beyond 10%
    assert found["deviation_origin_before"] == pytest.approx(1 / 3)
    assert found["deviation_to_before"] == pytest.approx(-1 / 3)
    assert (found["deviation_origin"], found["deviation_to"]) == (0, 0)
    assert found["excess_saved"] == pytest.approx(2 * (1 / 3 - 0.1))
    assert found["reason"] == "balance"


def test_explain_moves_through_grids_that_were_in_tolerance_are_a_chain() -> None:
    # 40, 30, 30, 20: ten households go on from grid to grid
    before = [0] * 4 + [1] * 3 + [2] * 3 + [3] * 2
    after = [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    found = moves(squares(12, 1), before, after)
    assert found["cells"].tolist() == [(3,), (6,), (9,)]
    assert found["reason"].tolist() == ["balance", "chain", "balance"]


def test_explain_moves_of_a_torn_piece_buys_contiguity() -> None:
    found = moves(squares(4, 1), [0, 0, 1, 0], [0, 0, 1, 1], tolerance=0.9).iloc[0]
    assert (found["reason"], found["parts_saved"]) == ("contiguity", 1)


def test_explain_moves_that_join_two_pieces_buy_contiguity() -> None:
    found = moves(squares(5, 1), [1, 0, 0, 0, 1], [1, 1, 1, 1, 1], tolerance=0.9, target=25.0)
    assert found["reason"].tolist() == ["closed"]
    cells = squares(3, 2)
    found = moves(cells, [1, 0, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0], tolerance=0.9)
    assert found["reason"].tolist() == ["contiguity"]
    assert found["parts_saved"].tolist() == [1]


def test_explain_moves_over_a_community_line_bring_ground_home() -> None:
    cells = squares(4, 1).assign(community=["A", "A", "B", "B"])
    found = moves(cells, [0, 0, 0, 1], [0, 0, 1, 1], within="community").iloc[0]
    assert found["reason"] == "community_line"


def test_explain_moves_that_rules_ask_for() -> None:
    cells = squares(4, 1).assign(park=[None, None, "p", "p"])
    plans = ([0, 0, 0, 1], [0, 0, 1, 1])
    assert moves(cells, *plans, rules=Rules(special="park"))["reason"].tolist() == ["rule"]
    assert moves(cells, *plans, rules=Rules(together=[(2, 3)]))["reason"].tolist() == ["rule"]
    assert moves(cells, *plans, rules=Rules(apart=[(2, 0)]))["reason"].tolist() == ["rule"]
    assert moves(cells, *plans, rules=Rules(together=[(0, 1)]))["reason"].tolist() != ["rule"]


def test_explain_moves_that_make_a_compound_whole() -> None:
    cells = squares(4, 1).assign(compound=["k", "k", None, None])
    found = moves(cells, [0, 1, 1, 1], [0, 0, 1, 1], tolerance=0.9, keep_whole="compound").iloc[0]
    assert (found["reason"], found["split_cost"]) == ("compound", -0.5)
    plain = moves(cells, [0, 1, 1, 1], [0, 0, 1, 1], tolerance=0.9).iloc[0]
    # 4 pi (1/16 + 3/64 - 2/36 - 2/36) = -0.0218, see above
    assert (plain["reason"], plain["cost"]) == ("shape", pytest.approx(-0.02182, abs=1e-5))


def test_explain_moves_that_buy_nothing_are_open() -> None:
    found = moves(squares(4, 1), [0, 0, 1, 1], [0, 1, 1, 1], tolerance=0.9).iloc[0]
    assert (found["reason"], found["cost"]) == ("open", pytest.approx(0.02182, abs=1e-5))


def test_explain_moves_to_and_from_nothing_are_named() -> None:
    found = moves(squares(4, 1), [0, 0, -1, 1], [2, 0, 1, -1])
    told = found.set_index("cells")["reason"].to_dict()
    assert told == {(0,): "opened", (2,): "assigned", (3,): "unassigned"}
    assert np.isnan(found["cost"]).all()
    assert moves(squares(2, 1), [0, 1], [0, 0])["reason"].tolist() == ["closed"]


def test_explain_moves_of_neighbours_that_go_together_are_one_group() -> None:
    found = moves(squares(4, 2), [0, 0, 0, 1] * 2, [0, 0, 1, 1] * 2)
    assert found["cells"].tolist() == [(2, 6)]
    assert found["n_cells"].tolist() == [2]


def test_explain_moves_of_an_unchanged_plan_are_none() -> None:
    found = moves(squares(2, 1), [0, 1], [0, 1])
    assert found.empty
    assert {"reason", "cost", "excess_saved", "parts_saved"} <= set(found.columns)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(-1, 3), min_size=16, max_size=16),
    st.lists(st.integers(-1, 3), min_size=16, max_size=16),
)
@example([0] * 16, [0] * 13 + [1] * 3)
def test_explain_any_two_plans_gives_each_border_and_move_a_reason(
    before: list[int], after: list[int]
) -> None:
    cells = squares(4, 4).assign(
        community=["A", "A", "B", "B"] * 4, compound=["k"] * 3 + [None] * 13
    )
    links = adjacency(cells, barriers=road(100))
    how = {"load": "households", "target": 40.0, "tolerance": 0.1, "within": "community"}
    how["keep_whole"] = "compound"
    old, new = np.array(before), np.array(after)
    borders = explain_borders(cells, links, new, **how)
    is_cut = (new[links.left] != new[links.right]) & (new[links.left] >= 0)
    is_cut &= new[links.right] >= 0
    assert borders["length_m"].sum() == pytest.approx(links.length_m[is_cut].sum())
    assert set(borders["reason"]) <= set(BORDER_REASONS)
    moved = explain_moves(cells, links, old, new, **how)
    assert (
        sorted(cell for group in moved["cells"] for cell in group)
        == np.flatnonzero(old != new).tolist()
    )
    assert set(moved["reason"]) <= set(MOVE_REASONS)

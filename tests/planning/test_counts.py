from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import ParameterError
from geo.planning.counts import by_target, by_total, trade_off


def test_by_target_takes_the_nearer_mean() -> None:
    # 560 in one is 40% over 400, in two 30% under; 480: 20% over against 40% under
    found = by_target(np.array([560.0, 480.0, 0.0]), np.array([9, 9, 9]), 400.0)
    assert found.tolist() == [2, 1, 1]


def test_by_target_makes_no_more_grids_than_units() -> None:
    assert by_target(np.array([900.0]), np.array([1]), 400.0).tolist() == [1]


def test_by_total_gives_each_further_grid_where_the_mean_is_highest() -> None:
    # one each, then 900 -> 450, then 450 -> 300 (against 400)
    assert by_total(np.array([900.0, 400.0]), np.array([9, 9]), 4).tolist() == [3, 1]


def test_trade_off_of_a_community_that_does_not_divide_shows_both_numbers() -> None:
    found = trade_off(pd.Series({"X": 1120.0, "Y": 790.0}), target=400.0, tolerance=0.05)
    # X: 1120 / 400 = 2.8: two of 560 (+40%) or three of 373.3 (-6.7%); Y: 1.975: two of 395
    x = found.loc["X"]
    assert (x["low"], x["high"], x["chosen"]) == (2, 3, 3)
    assert (x["mean_low"], x["deviation_low"]) == (560.0, pytest.approx(0.4))
    assert x["mean_high"] == pytest.approx(373.333, abs=1e-3)
    assert x["deviation_high"] == pytest.approx(-0.0667, abs=1e-4)
    assert x["deviation"] == x["deviation_high"]
    assert found["is_within_tolerance"].tolist() == [False, True]
    assert found.loc["Y", "chosen"] == 2


def test_trade_off_below_one_grid_is_one_or_two() -> None:
    found = trade_off(pd.Series({"X": 100.0, "Y": 0.0}), target=400.0, tolerance=0.05)
    assert found["low"].tolist() == [1, 1]
    assert found["chosen"].tolist() == [1, 1]
    assert found["deviation"].tolist() == pytest.approx([-0.75, -1.0])


def test_trade_off_of_too_few_cells_says_so() -> None:
    found = trade_off(
        pd.Series({"X": 800.0}), target=400.0, tolerance=0.05, n_cells=pd.Series({"X": 1})
    )
    # two would fit exactly; one cell makes one grid, twice the target
    assert found["chosen"].tolist() == [1]
    assert found["deviation"].tolist() == pytest.approx([1.0])
    assert not found["is_within_tolerance"].any()


@pytest.mark.parametrize(
    ("target", "tolerance", "code"),
    [(0.0, 0.05, "plan.target"), (float("nan"), 0.05, "plan.target"), (1.0, 5.0, "plan.tolerance")],
)
def test_trade_off_option_out_of_range_raises(target: float, tolerance: float, code: str) -> None:
    with pytest.raises(ParameterError) as caught:
        trade_off(pd.Series({"X": 1.0}), target=target, tolerance=tolerance)
    assert caught.value.code == code


@given(
    st.lists(st.floats(0, 1e5), min_size=1, max_size=8),
    st.floats(1, 1e4),
    st.floats(0, 1),
)
def test_trade_off_no_other_number_is_nearer(
    loads: list[float], target: float, tolerance: float
) -> None:
    found = trade_off(pd.Series(loads), target=target, tolerance=tolerance)
    assert (found["deviation"].abs() <= found["deviation_low"].abs() + 1e-9).all()
    assert (found["deviation"].abs() <= found["deviation_high"].abs() + 1e-9).all()
    for other in range(1, 5):
        further = found["load"] / (found["chosen"] + other) / target - 1
        assert (found["deviation"].abs() <= further.abs() + 1e-9).all()

"""Scores of forecasts on a few cells, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import ParameterError
from geo.hotspots.surfaces.evaluation import auc, evaluate_forecasts, hit_rate, pai, pei

EXPECTED = np.array([3.0, 1.0, 1.0, 0.0])
OBSERVED = np.array([2.0, 1.0, 0.0, 1.0])


def test_hit_rate_ties_are_their_mean() -> None:
    # The best quarter holds 2 of 4; the best half adds one of two tied cells, with 1 and 0
    # incidents: half an incident on average.
    assert hit_rate(EXPECTED, OBSERVED, share=0.25) == pytest.approx(0.5)
    assert hit_rate(EXPECTED, OBSERVED, share=0.5) == pytest.approx(2.5 / 4)
    assert hit_rate(EXPECTED, OBSERVED, share=1.0) == pytest.approx(1.0)


def test_hit_rate_part_of_a_cell_counts_by_its_part() -> None:
    assert hit_rate(EXPECTED, OBSERVED, share=0.125) == pytest.approx(0.25)


def test_pai_and_pei_by_hand() -> None:
    # Half the ground: 2.5 of 4 hits, chance 2 of 4; the best half could hold 3 of 4.
    assert pai(EXPECTED, OBSERVED, share=0.5) == pytest.approx(1.25)
    assert pei(EXPECTED, OBSERVED, share=0.5) == pytest.approx(2.5 / 3)


def test_auc_by_hand() -> None:
    # Corners (0, 0) (1/4, 1/2) (3/4, 3/4) (1, 1): 1/16 + 5/16 + 7/32 = 19/32.
    assert auc(EXPECTED, OBSERVED) == pytest.approx(19 / 32)
    assert auc(np.ones(4), OBSERVED) == pytest.approx(0.5)


def test_hit_rate_area_weighs_cells() -> None:
    # Areas 2, 1, 1, 4 of 8: the first cell is a quarter of the ground.
    area = np.array([2.0, 1.0, 1.0, 4.0])
    assert hit_rate(EXPECTED, OBSERVED, share=0.25, area=area) == pytest.approx(0.5)
    assert pei(EXPECTED, OBSERVED, share=0.25, area=area) == pytest.approx(1.0)


def test_scores_without_incidents_are_nan() -> None:
    assert np.isnan(hit_rate(EXPECTED, np.zeros(4), share=0.5))
    assert np.isnan(auc(EXPECTED, np.zeros(4)))


@settings(max_examples=40, deadline=None)
@given(
    cells=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), min_size=2, max_size=30),
    share=st.floats(0.01, 1.0),
    seed=st.integers(0, 99),
)
def test_scores_do_not_depend_on_the_order_of_cells(
    cells: list[tuple[int, int]], share: float, seed: int
) -> None:
    expected, observed = np.array(cells, dtype=float).T
    observed[0] += 1
    order = np.random.default_rng(seed).permutation(len(cells))
    for score in (hit_rate, pai, pei):
        found = score(expected, observed, share=share)
        assert score(expected[order], observed[order], share=share) == pytest.approx(found)
    assert auc(expected[order], observed[order]) == pytest.approx(auc(expected, observed))
    assert 0 <= pei(expected, observed, share=share) <= 1 + 1e-9


def test_evaluate_forecasts_sees_only_the_past() -> None:
    # One incident a period, moving east. "last" looks where it was; at half the ground (1 of 2
    # cells) it is always wrong, "other" always right.
    counts = np.array([[[1, 0]], [[0, 1]], [[1, 0]], [[0, 1]]], dtype=float)
    seen: list[int] = []

    def last(past: np.ndarray) -> np.ndarray:
        seen.append(len(past))
        return np.asarray(past[-1])

    found = evaluate_forecasts(
        counts,
        {"last": last, "other": lambda past: 1 - past[-1]},
        is_inside=np.ones((1, 2), dtype=bool),
        first=1,
        shares=(0.5,),
    )
    assert seen == [1, 2, 3]
    assert found.groupby("method")["hit_rate_0.5"].mean().to_dict() == {"last": 0.0, "other": 1.0}
    assert found.groupby("method")["pai_0.5"].mean().to_dict() == {"last": 0.0, "other": 2.0}


def test_evaluate_forecasts_horizon_adds_periods_up() -> None:
    counts = np.ones((7, 1, 2))
    found = evaluate_forecasts(
        counts,
        {"flat": lambda past: past[0]},
        is_inside=np.ones((1, 2), dtype=bool),
        first=2,
        horizon=2,
    )
    assert found["period"].tolist() == [2, 4]
    assert found["n_incidents"].tolist() == [4.0, 4.0]


@pytest.mark.parametrize(("first", "last"), [(0, 2), (3, 2), (1, 4)])
def test_evaluate_forecasts_bad_periods_raise(first: int, last: int) -> None:
    with pytest.raises(ParameterError) as error:
        evaluate_forecasts(
            np.ones((4, 1, 1)), {}, is_inside=np.ones((1, 1), dtype=bool), first=first, last=last
        )
    assert error.value.code == "hotspots.bad_periods"


@pytest.mark.parametrize(
    ("expected", "observed", "share", "code"),
    [
        (np.ones(3), np.ones(2), 0.5, "hotspots.wrong_shape"),
        (np.array([np.nan, 1]), np.ones(2), 0.5, "hotspots.bad_counts"),
        (np.ones(2), np.array([-1.0, 1]), 0.5, "hotspots.bad_counts"),
        (np.ones(2), np.ones(2), 0.0, "hotspots.bad_share"),
        (np.ones(2), np.ones(2), 1.5, "hotspots.bad_share"),
    ],
)
def test_hit_rate_bad_input_raises(
    expected: np.ndarray, observed: np.ndarray, share: float, code: str
) -> None:
    with pytest.raises(ParameterError) as error:
        hit_rate(expected, observed, share=share)
    assert error.value.code == code

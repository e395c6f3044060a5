"""Intervals of the relative risk: each end leaves 2.5% in its tail."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from geo.hotspots.significant.count_models import CountModel


def interval(model: CountModel, count: int, expected: float) -> tuple[float, float]:
    low, high = model.risk_interval(np.array([count]), np.array([expected]))
    return float(low[0]), float(high[0])


def test_risk_interval_binomial_is_clopper_pearson() -> None:
    # 8 of 40 where a tenth is expected
    low, high = interval(CountModel("binomial", total=40), 8, 4.0)
    exact = stats.binomtest(8, 40).proportion_ci(0.95, method="exact")
    assert (low, high) == pytest.approx((exact.low / 0.1, exact.high / 0.1))


def test_risk_interval_hypergeometric_is_that_of_the_cells_share() -> None:
    # 6 of the cell's 20 incidents; 50 of the town's 500 are of the category
    low, high = interval(CountModel("hypergeometric", total=50, other=500), 6, 2.0)
    exact = stats.binomtest(6, 20).proportion_ci(0.95, method="exact")
    assert (low, high) == pytest.approx((exact.low / 0.1, exact.high / 0.1))


def test_risk_interval_negative_binomial_leaves_the_tails() -> None:
    model = CountModel("negative binomial", other=3.0)
    low, high = (end * 4.0 for end in interval(model, 9, 4.0))
    assert stats.nbinom.sf(8, low / 2, 1 / 3) == pytest.approx(0.025)
    assert stats.nbinom.cdf(9, high / 2, 1 / 3) == pytest.approx(0.025)


@pytest.mark.parametrize("name", ["binomial", "poisson", "negative binomial", "hypergeometric"])
def test_risk_interval_of_nothing_seen_starts_at_zero(name: str) -> None:
    low, high = interval(CountModel(name, total=20, other=100), 0, 2.0)
    assert low == 0 and 0 < high < np.inf


def test_risk_interval_negative_binomial_is_wider_than_poisson() -> None:
    low, high = interval(CountModel("poisson"), 12, 5.0)
    wide_low, wide_high = interval(CountModel("negative binomial", other=2.0), 12, 5.0)
    assert wide_low < low < high < wide_high

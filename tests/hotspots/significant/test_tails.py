"""Upper tails worked by hand, and against SciPy's distributions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from geo.hotspots.significant.tails import (
    BINOMIAL,
    HYPERGEOMETRIC,
    NEGATIVE_BINOMIAL,
    POISSON,
    attained_sums,
    upper_tails,
)


def tail(model: int, count: int, expected: float, total: float = 0, other: float = 0) -> float:
    found = upper_tails(model, np.array([count]), np.array([float(expected)]), total, other)
    return float(found[0])


def test_upper_tails_binomial_by_hand() -> None:
    # 2 trials of 1/2: 1, 3/4, 1/4, 0
    assert [tail(BINOMIAL, k, 1, total=2) for k in range(4)] == pytest.approx([1, 0.75, 0.25, 0])


def test_upper_tails_binomial_share_one_is_certain() -> None:
    assert [tail(BINOMIAL, k, 2, total=2) for k in (0, 2, 3)] == [1, 1, 0]


def test_upper_tails_poisson_by_hand() -> None:
    # mean 1: two or more is 1 - 1/e - 1/e
    assert tail(POISSON, 2, 1) == pytest.approx(1 - 2 / np.e, rel=1e-12)


def test_upper_tails_negative_binomial_is_geometric_where_size_is_one() -> None:
    # mean 1 and variance 2: size 1 / (2 - 1) = 1, chance of k or more 2^-k
    found = [tail(NEGATIVE_BINOMIAL, k, 1, other=2) for k in range(5)]
    assert found == pytest.approx([1, 1 / 2, 1 / 4, 1 / 8, 1 / 16], rel=1e-12)


def test_upper_tails_hypergeometric_by_hand() -> None:
    # 5 drawn of 10, 4 of them marked, 2 expected: all 4 in C(4,4) C(6,1) / C(10,5) = 6 / 252
    assert tail(HYPERGEOMETRIC, 4, 2, total=4, other=10) == pytest.approx(6 / 252, rel=1e-12)
    # 8 of 10 drawn hold at least 2 of the marked
    assert tail(HYPERGEOMETRIC, 2, 3.2, total=4, other=10) == 1


@pytest.mark.parametrize("expected", [0.003, 0.8, 7.5, 60.0, 900.0])
@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0, 1.3, 2.0, 5.0])
def test_upper_tails_agree_with_scipy(expected: float, ratio: float) -> None:
    count = round(expected * ratio) + 2
    drawn, share = round(expected * 20), 2_000 / 40_000
    pairs = [
        (tail(BINOMIAL, count, expected, 5_000), stats.binom.sf(count - 1, 5_000, expected / 5e3)),
        (tail(POISSON, count, expected), stats.poisson.sf(count - 1, expected)),
        (
            tail(NEGATIVE_BINOMIAL, count, expected, other=1.5),
            stats.nbinom.sf(count - 1, expected / 0.5, 1 / 1.5),
        ),
        (
            tail(HYPERGEOMETRIC, count, drawn * share, 2_000, 40_000),
            stats.hypergeom.sf(count - 1, 40_000, 2_000, drawn),
        ),
    ]
    for ours, theirs in pairs:
        assert ours == pytest.approx(theirs, rel=1e-8, abs=1e-290)


def test_attained_sums_are_the_attainable_p_values_below_each_level() -> None:
    # three tests with 2 trials of 1/2: their p-values are 1/4, 3/4 and 1
    sums = attained_sums(
        BINOMIAL, np.array([1.0]), np.array([3.0]), 2.0, 0.0, np.array([0.2, 0.25, 0.3])
    )
    assert sums == pytest.approx([0, 0.75, 0.75])


def test_attained_sums_never_exceed_the_levels() -> None:
    levels = np.logspace(-9, 0, 40)
    expected = np.array([0.01, 0.7, 3.0, 45.0, 2e3])
    sums = attained_sums(POISSON, expected, np.ones(5), 0.0, 0.0, levels)
    assert (sums <= 5 * levels * (1 + 1e-9)).all()
    assert (np.diff(sums) >= 0).all()

"""Dispersion found where it is, and not where places are hot."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from geo.hotspots.significant.dispersion import dispersion_in_time, dispersion_of_map


def test_dispersion_of_map_poisson_is_one() -> None:
    # 40 maps without over-dispersion: about one in twenty is called over-dispersed at 5%;
    # more than 6 has chance 0.5%
    expected = np.full(2_500, 0.4)
    found = [
        dispersion_of_map(np.random.default_rng(k).poisson(expected), expected) for k in range(40)
    ]
    assert sum(one.p <= 0.05 for one in found) <= 6
    assert all(one.is_tested for one in found)


@pytest.mark.parametrize("mean", [0.1, 1.0, 12.0])
def test_dispersion_of_map_finds_the_variance_over_mean(mean: float) -> None:
    expected = mean * np.random.default_rng(1).uniform(0.5, 1.5, 6_000)
    counts = np.random.default_rng(2).negative_binomial(expected / 1.0, 1 / 2.0)
    found = dispersion_of_map(counts, expected)
    assert found.p < 1e-6
    assert found.ratio == pytest.approx(2.0, rel=0.2)


def test_dispersion_of_map_hotspots_do_not_pass_for_dispersion() -> None:
    # 1% of cells at ten times the rate: variance over mean of the whole map is 2.3
    rate = np.ones(4_000)
    rate[:40] = 10.0
    counts = np.random.default_rng(0).poisson(rate)
    assert counts.var() / counts.mean() > 1.5
    found = dispersion_of_map(counts, np.full(4_000, counts.mean()))
    assert found.p > 0.05


def test_dispersion_of_map_few_incidents_is_not_tested() -> None:
    counts = np.zeros(100, dtype=np.int64)
    counts[:5] = 2
    found = dispersion_of_map(counts, np.full(100, 0.1))
    assert (found.ratio, found.p, found.is_tested) == (1.0, 1.0, False)


def test_dispersion_of_map_one_cell_with_everything_is_not_dispersion() -> None:
    counts = np.zeros(100, dtype=np.int64)
    counts[7] = 500
    assert dispersion_of_map(counts, np.full(100, 5.0)).ratio == 1.0


def test_dispersion_in_time_by_hand() -> None:
    # 30 cells with 2 incidents each over 2 equal periods; both fall in one period in 20 cells.
    # Ordered pairs in one period: 40 of 60; by chance 30, variance 2 * 60 * (1/2 - 1/4) = 30, so
    # z = 10 / sqrt(30). Dirichlet-multinomial of size r: (r/2 + 1) / (r + 1) = 2/3, r = 2; the
    # mean 2 of a cell over r is D - 1 = 1.
    counts = np.ones((2, 30), dtype=np.int64)
    counts[:, :10] = [[2], [0]]
    counts[:, 10:20] = [[0], [2]]
    found = dispersion_in_time(counts, np.full(30, 2.0))
    assert found.p == pytest.approx(stats.norm.sf(10 / np.sqrt(30)))
    assert found.ratio == pytest.approx(2.0)
    assert found.is_tested


def test_dispersion_in_time_places_that_are_always_hot_add_nothing() -> None:
    rng = np.random.default_rng(4)
    rate = np.ones(500)
    rate[:100] = 2.5
    counts = rng.poisson(rate / 12, (12, 500))
    assert dispersion_in_time(counts, np.full(500, 1.3)).p > 0.05


def test_dispersion_in_time_repeats_are_found() -> None:
    rng = np.random.default_rng(4)
    counts = rng.negative_binomial(np.full((12, 2_000), 1.2 / 12), 1 / 2.0)
    found = dispersion_in_time(counts, np.full(2_000, 1.2))
    assert found.p < 1e-4
    assert found.ratio == pytest.approx(2.0, rel=0.25)


def test_dispersion_in_time_one_period_is_not_tested() -> None:
    found = dispersion_in_time(np.full((1, 50), 3), np.full(50, 3.0))
    assert (found.ratio, found.p, found.is_tested) == (1.0, 1.0, False)


def test_dispersion_of_map_with_much_empty_ground_stays_below_plain_scatter() -> None:
    rng = np.random.default_rng(3)
    counts = np.zeros(4000, dtype=np.int64)  # three quarters of the ground is a lake
    counts[:1000] = rng.poisson(4.0, 1000)
    expected = np.full(4000, counts.mean())
    plain = ((counts - expected) ** 2).sum() / expected.sum()
    assert 1.0 < dispersion_of_map(counts, expected).ratio <= plain

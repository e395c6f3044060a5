"""Trend tests against enumeration, against the exact table, and category changes by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely
from scipy import stats

from geo.errors import ParameterError
from geo.hotspots.change import trends as module
from geo.hotspots.change.trends import category_changes, rate_change, trends
from geo.hotspots.counts.cube import Cube
from geo.hotspots.counts.lattice import lattice_over


def by_enumeration(counts: list[int], weight: np.ndarray) -> float:
    """Two-sided p from all ways in which the incidents can fall on the periods."""
    n, t = sum(counts), sum(k * c for k, c in enumerate(counts))
    upper = lower = 0.0
    for draw in itertools.product(range(len(weight)), repeat=n):
        chance = float(np.prod(weight[list(draw)]))
        upper += chance * (sum(draw) >= t)
        lower += chance * (sum(draw) <= t)
    return min(1.0, 2 * min(upper, lower))


def test_trends_small_counts_equal_enumeration() -> None:
    course = np.array([2.0, 1.0, 3.0, 4.0])
    for counts in ([0, 0, 1, 4], [3, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 2]):
        found = trends(np.array([counts]), course)
        assert found.p[0] == pytest.approx(by_enumeration(counts, course / 10), rel=1e-12)


def test_trends_three_incidents_in_the_last_of_two_periods_by_hand() -> None:
    # Each falls on the last period with chance 1/2: P(T >= 3) = 1/8, two-sided 1/4; the least p
    # that three can give is the same; the mean period is 1 against 1/2.
    found = trends(np.array([[0, 3]]), np.array([1.0, 1.0]))
    assert found.p[0] == pytest.approx(0.25) and found.least_p[0] == pytest.approx(0.25)
    assert found.slope[0] == pytest.approx(0.5)


def test_trends_saddlepoint_agrees_with_the_exact_table(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    course = np.array([1.0, 1, 2, 3, 5, 6, 6, 5, 3, 2, 1, 1])
    tilted = course * np.exp(np.linspace(-0.8, 0.8, 12))
    counts = np.concatenate(
        [
            rng.multinomial(150, weight / weight.sum(), 300)
            for weight in (course, tilted, course**2 / tilted)
        ]
    )
    monkeypatch.setattr(module, "_dispersion", lambda *_: (1.0, False))
    exact = trends(counts, course).p
    monkeypatch.setattr(module, "_N_EXACT", 1)
    near = trends(counts, course).p
    is_small = exact < 0.1
    assert is_small.sum() > 200 and exact.min() < 1e-10
    np.testing.assert_allclose(near[is_small], exact[is_small], rtol=0.02)


def test_trends_season_of_the_whole_is_no_trend() -> None:
    course = np.arange(1.0, 13)
    counts = np.random.default_rng(0).poisson(course, (2000, 12))
    found = trends(counts, counts.sum(axis=0))
    assert not found.is_overdispersed
    assert 0.03 < (found.p <= 0.05).mean() < 0.06


def test_trends_overdispersed_counts_keep_the_level() -> None:
    rng = np.random.default_rng(1)
    counts = rng.poisson(rng.gamma(2.0, 5.0, (2000, 12)))
    found = trends(counts, counts.sum(axis=0))
    assert found.is_overdispersed and 4 < found.dispersion < 8
    assert (found.p <= 0.05).mean() < 0.08


def test_trends_empty_and_single_period_have_no_trend() -> None:
    assert len(trends(np.zeros((0, 3), dtype=np.int64), np.ones(3)).p) == 0
    found = trends(np.array([[5], [0]]), np.array([5.0]))
    assert found.p.tolist() == [1.0, 1.0] and found.slope.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("course", [[0.0, 0.0], [3.0, 0.0], [4.0, -1.0]])
def test_trends_course_that_cannot_be_is_refused(course: list[float]) -> None:
    with pytest.raises(ParameterError) as caught:
        trends(np.array([[1, 2]]), np.array(course))
    assert caught.value.code == "hotspots.course_empty"


def test_rate_change_by_hand() -> None:
    # 3 now, 1 before, as many days: binomial(4, 1/2), P(X >= 3) = 5/16, two-sided 5/8.
    ratio, low, high, p = rate_change(np.array([3]), np.array([1]), days_now=30, days_before=30)
    assert ratio[0] == pytest.approx(3) and p[0] == pytest.approx(5 / 8)
    interval = stats.binomtest(3, 4).proportion_ci(0.95)
    assert low[0] == pytest.approx(interval.low / (1 - interval.low))
    assert high[0] == pytest.approx(interval.high / (1 - interval.high))


def test_rate_change_without_earlier_incidents_has_no_upper_end() -> None:
    ratio, low, high, p = rate_change(
        np.array([5, 0]), np.array([0, 0]), days_now=10, days_before=30
    )
    # All five in the shorter quarter: p = 2 (1/4)^5.
    assert np.isnan(ratio[0]) and np.isnan(high[0]) and low[0] > 0
    assert p.tolist() == pytest.approx([2 * 0.25**5, 1.0])
    assert np.isnan(ratio[1]) and np.isnan(low[1])


def town(day: np.ndarray, category: list[str]) -> Cube:
    lattice = lattice_over(shapely.box(0, 0, 100, 100), cell_size_m=50, crs="EPSG:4551")
    place = np.full(len(day), 25.0)
    return Cube.build(lattice, place, place, day, category)


def test_category_changes_worst_first_with_exact_figures() -> None:
    day = np.array(["2026-01-05"] * 2 + ["2026-02-05"] * 14 + ["2026-01-09"] * 4, "M8[D]")
    changes = category_changes(
        town(day, ["垃圾"] * 16 + ["噪声"] * 4),
        now=("2026-02-01", "2026-02-28"),
        before=("2026-01-04", "2026-01-31"),
    )
    assert changes["category"].tolist() == ["垃圾", "噪声"]
    assert changes["n_now"].tolist() == [14, 0] and changes["n_before"].tolist() == [2, 4]
    expected = 2 * stats.binom.sf(13, 16, 0.5)
    assert changes["p"].tolist() == pytest.approx([expected, 2 / 16])
    assert changes["q"].tolist() == pytest.approx([2 * expected, 2 / 16])


def test_category_changes_of_nothing_is_empty() -> None:
    changes = category_changes(
        town(np.zeros(0, "M8[D]"), []),
        now=("2026-02-01", "2026-02-28"),
        before=("2026-01-01", "2026-01-31"),
    )
    assert len(changes) == 0 and "ratio_low" in changes


def test_category_changes_overlapping_windows_are_refused() -> None:
    with pytest.raises(ParameterError) as caught:
        category_changes(
            town(np.zeros(0, "M8[D]"), []),
            now=("2026-01-31", "2026-02-28"),
            before=("2026-01-01", "2026-01-31"),
        )
    assert caught.value.code == "hotspots.windows_overlap"

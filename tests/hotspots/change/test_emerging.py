"""Each class by a series made by hand; nothing on maps where nothing happens."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from geo.errors import ParameterError
from geo.hotspots.change.emerging import CLASSES, Emerging, emerging
from geo.hotspots.significant.false_discovery import Correction

N_REST = 400


def among_quiet(series: list[int], *, quiet: int = 5) -> Emerging:
    """The series beside 400 cells that all have the same count in every period."""
    rest = np.full((N_REST, len(series)), quiet)
    return emerging(np.vstack([np.array([series]), rest]))


@pytest.mark.parametrize(
    ("series", "verdict"),
    [
        ([5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 30], "new"),
        ([6, 8, 10, 14, 18, 22, 26, 30, 34, 38, 42, 46], "intensifying"),
        ([25] * 12, "persistent"),
        ([46, 42, 38, 34, 30, 26, 22, 18, 14, 10, 8, 6], "diminishing"),
        ([5, 40, 5, 5, 40, 5, 5, 40, 5, 5, 40, 5], "sporadic"),
        ([5] * 12, "none"),
    ],
)
def test_emerging_each_class_by_hand(series: list[int], verdict: str) -> None:
    found = among_quiet(series)
    assert CLASSES[found.code[0]] == verdict
    assert (found.code[1:] == 0).all()


def test_emerging_hot_and_cold_in_turn_is_oscillating() -> None:
    # 40 expected in a quiet period; 0 and 120 are both beyond chance.
    found = among_quiet([120, 0, 120, 0, 120, 0, 0, 120, 0, 120, 0, 120], quiet=40)
    assert CLASSES[found.code[0]] == "oscillating"
    assert found.flags[0].tolist() == [1, -1] * 3 + [-1, 1] * 3


def by_cell(p: np.ndarray, window: np.ndarray, alpha: float, method: str) -> np.ndarray:
    """Flags as `PeriodTests.finds` defines them, from SciPy's tails, a cell at a time."""
    k, n = p.shape
    simes = np.array([stats.false_discovery_control(row, method=method).min() for row in p])
    cell = 2 * np.minimum(window, simes)
    found = stats.false_discovery_control(np.minimum(cell, 1), method=method) <= alpha
    harmonic = (1 / np.arange(1, k + 1)).sum() if method == "by" else 1.0
    level = alpha * found.sum() / k / harmonic / 2
    flags = np.zeros((k, n), dtype=bool)
    for row in np.flatnonzero(found):
        flags[row] = stats.false_discovery_control(p[row], method=method) <= level
    return flags


@pytest.mark.parametrize("method", ["bh", "by"])
def test_emerging_flags_equal_those_by_scipys_tails(method: Correction) -> None:
    rng = np.random.default_rng(5)
    weight = rng.gamma(2.0, 1.0, 300)
    draw = rng.random((300, 6))
    rate = weight[:, None] * np.where(draw < 0.03, 6.0, np.where(draw < 0.06, 0.0, 1.0))
    counts = rng.poisson(rate * 8)
    found = emerging(counts, exposure=weight, alpha=0.1, dispersion="none", correction=method)
    whole, share = counts.sum(axis=0), (weight / weight.sum())[:, None]
    seen, n = counts.sum(axis=1), counts.sum()
    hot = by_cell(
        stats.binom.sf(counts - 1, whole, share),
        stats.binom.sf(seen - 1, n, share[:, 0]), 0.1, method,
    )  # fmt: skip
    cold = by_cell(
        stats.binom.cdf(counts, whole, share), stats.binom.cdf(seen, n, share[:, 0]), 0.1, method
    )
    assert hot.sum() > 20 and cold.sum() > 0
    np.testing.assert_array_equal(found.flags, hot.astype(np.int8) - cold.astype(np.int8))


def test_emerging_many_hot_cells_bring_few_false_ones() -> None:
    # 200 hot cells of 12 periods among 5,000: at 5% about 10 false cells. One control over all
    # cells and periods would let 2,400 hot periods bring about 120.
    rng = np.random.default_rng(8)
    rate = np.full((5000, 12), 5.0)
    rate[:200] *= 5
    found = emerging(rng.poisson(rate))
    assert (found.code[:200] > 0).all() and (found.code[200:] > 0).sum() <= 20


@pytest.mark.parametrize("mean", [0.05, 1.0, 20.0])
def test_emerging_where_nothing_happens_finds_nothing(mean: float) -> None:
    n_wrong = 0
    for seed in range(20):
        counts = np.random.default_rng(seed).poisson(mean, (3000, 12))
        n_wrong += int((emerging(counts).code > 0).any())
    # Three families at 5% each; 20 maps: more than 8 would be a broken level.
    assert n_wrong <= 8


def test_emerging_overdispersed_counts_find_nothing() -> None:
    rng = np.random.default_rng(6)
    n_wrong = n_raw = 0
    for _ in range(10):
        counts = rng.poisson(rng.gamma(3.0, 2.0, (1000, 12)))
        found = emerging(counts)
        assert found.is_overdispersed and found.dispersion == pytest.approx(3.0, abs=0.2)
        n_wrong += int((found.code > 0).any())
        n_raw += int((emerging(counts, dispersion="none").code > 0).any())
    assert n_raw == 10 and n_wrong <= 4


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([0.125, 1.0, 64.0]))
def test_emerging_row_order_and_unit_of_exposure_change_nothing(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.gamma(2.0, 1.0, 60)
    counts = rng.poisson(weight[:, None] * rng.choice([0.5, 4.0], (60, 5), p=[0.9, 0.1]))
    order = rng.permutation(60)
    found = emerging(counts, exposure=weight)
    mixed = emerging(counts[order], exposure=weight[order] * scale)
    np.testing.assert_array_equal(mixed.code, found.code[order])
    np.testing.assert_array_equal(mixed.flags, found.flags[order])


def test_emerging_cell_without_exposure_is_untested_and_left_out() -> None:
    counts = np.full((50, 4), 3)
    counts[0] = 500
    weight = np.ones(50)
    weight[0] = 0
    found = emerging(counts, exposure=weight)
    assert CLASSES[found.code[0]] == "untested" and (found.code[1:] == 0).all()
    assert np.isfinite(found.expected).all() and found.expected[1] == pytest.approx(12.0)


def test_emerging_active_cells_with_totals_equal_all_cells() -> None:
    counts = np.random.default_rng(2).poisson(0.2, (2000, 12))
    counts[7] = 6
    is_active = counts.any(axis=1)
    every = emerging(counts)
    active = emerging(
        counts[is_active], totals=counts.sum(axis=0), total_exposure=2000.0, n_cells=2000
    )
    np.testing.assert_array_equal(active.code, every.code[is_active])
    assert active.n_tested == every.n_tested


@pytest.mark.parametrize("shape", [(0, 5), (3, 1), (1, 4)])
def test_emerging_little_or_nothing_gives_no_pattern(shape: tuple[int, int]) -> None:
    found = emerging(np.zeros(shape, dtype=np.int64))
    assert (found.code == 0).all() and np.isfinite(found.expected).all()
    assert len(found.table()) == shape[0]


def test_emerging_three_incidents_of_a_category_are_no_pattern() -> None:
    counts = np.zeros((500, 6), dtype=np.int64)
    counts[3, 5] = 3
    found = emerging(counts)
    assert (found.code == 0).all() and found.expected[3] == pytest.approx(3 / 500)
    counts[3, 5] = 5
    assert CLASSES[emerging(counts).code[3]] == "new"


def test_emerging_all_incidents_in_one_cell_is_no_blob() -> None:
    found = emerging(np.array([[1, 2, 1, 3]]))
    assert CLASSES[found.code[0]] == "none"


def test_table_tells_first_and_last_hot_period() -> None:
    row = among_quiet([5, 40, 5, 5, 40, 5, 5, 5]).table().iloc[0]
    assert (row["first_hot"], row["last_hot"], row["n_hot"]) == (1, 4, 2)
    assert row["verdict"] == "sporadic" and not row["is_hot_now"] and pd.isna(row["hot_since"])
    assert among_quiet([5, 40, 5, 5, 40, 40]).table()["hot_since"].iloc[0] == 4
    assert among_quiet([40] * 4).table()["hot_since"].iloc[0] == 0


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"exposure": np.ones(3)}, "hotspots.shapes_differ"),
        ({"exposure": np.array([1.0, -1.0])}, "hotspots.exposure_wrong"),
        ({"totals": np.array([1, 0, 1])}, "hotspots.exposure_wrong"),
        ({"alpha": 0.5}, "hotspots.significance_option"),
    ],
)
def test_emerging_wrong_arguments_are_refused(options: dict[str, object], code: str) -> None:
    with pytest.raises(ParameterError) as caught:
        emerging(np.array([[1, 1, 1], [0, 1, 0]]), **options)
    assert caught.value.code == code

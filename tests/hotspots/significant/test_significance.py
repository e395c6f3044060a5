"""Significant cells: by hand on small maps, silent on maps where nothing is hot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from geo.errors import ParameterError
from geo.hotspots.significant.significance import Significance, significant_cells

INSIDE = np.ones((10, 10), dtype=bool)
FLAT = np.ones((10, 10))


def all_in_one_cell(n: int) -> np.ndarray:
    counts = np.zeros((10, 10), dtype=np.int64)
    counts[3, 6] = n
    return counts


def arrays(found: Significance) -> list[np.ndarray]:
    return [
        found.expected,
        found.excess,
        found.relative_risk,
        found.risk_low,
        found.risk_high,
        found.p,
        found.q,
    ]


def test_significant_cells_all_on_one_point_is_that_cell_alone() -> None:
    # 5 of 5 in one of 100 like cells: p = 0.01^5, 0.05 expected, 100 times as many;
    # Clopper-Pearson of 5 of 5: 0.025^(1/5) = 0.4782 to 1, over 0.01
    found = significant_cells(all_in_one_cell(5), FLAT, is_inside=INSIDE)
    assert np.argwhere(found.is_hot).tolist() == [[3, 6]]
    assert found.p[3, 6] == pytest.approx(1e-10)
    assert found.expected[3, 6] == pytest.approx(0.05)
    assert found.excess[3, 6] == pytest.approx(4.95)
    assert found.relative_risk[3, 6] == pytest.approx(100)
    assert found.risk_low[3, 6] == pytest.approx(100 * 0.025**0.2)
    assert found.risk_high[3, 6] == pytest.approx(100)
    assert found.model.name == "binomial"
    assert found.notes == ("hotspots.note.dispersion_untested",)


@pytest.mark.parametrize(
    ("n", "note"),
    [(0, "hotspots.note.no_incidents"), (1, "hotspots.note.too_few"), (3, "hotspots.note.too_few")],
)
def test_significant_cells_too_few_incidents_says_so(n: int, note: str) -> None:
    found = significant_cells(all_in_one_cell(n), FLAT, is_inside=INSIDE)
    assert not found.is_hot.any()
    assert found.notes == (note,)
    assert all(np.isfinite(values).all() for values in arrays(found))
    assert found.n_incidents == n


def test_significant_cells_without_exposure_are_counted_apart() -> None:
    exposure = FLAT.copy()
    exposure[3, 6] = 0.0
    counts = all_in_one_cell(8)
    counts[0, :5] = 1
    found = significant_cells(counts, exposure, is_inside=INSIDE)
    assert (found.n_incidents, found.n_unexposed, found.n_tested) == (5, 8, 99)
    assert not found.is_hot[3, 6]
    assert found.relative_risk[3, 6] == 0 and found.p[3, 6] == 1 and found.q[3, 6] == 1
    assert "hotspots.note.unexposed" in found.notes
    assert all(np.isfinite(values).all() for values in arrays(found))


def test_significant_cells_all_without_exposure_does_not_say_there_are_none() -> None:
    exposure = FLAT.copy()
    exposure[3, 6] = 0.0
    found = significant_cells(all_in_one_cell(8), exposure, is_inside=INSIDE)
    assert found.notes == ("hotspots.note.unexposed",)
    assert all(np.isfinite(values).all() for values in arrays(found))


@pytest.mark.parametrize("n", [1, 2])
def test_significant_cells_one_or_two_on_a_sliver_of_ground_are_not_hot(n: int) -> None:
    # a millionth of a cell lies in the ground: 2e-7 expected there
    share = FLAT.copy()
    share[3, 6] = 1e-6
    counts = all_in_one_cell(n)
    counts[0, :] = 2
    found = significant_cells(counts, share, is_inside=INSIDE, dispersion="none")
    assert found.p[3, 6] < 1e-6
    assert not found.is_hot.any()


def test_significant_cells_nothing_exposed_says_so() -> None:
    found = significant_cells(all_in_one_cell(8), FLAT * 0, is_inside=INSIDE)
    assert not found.is_hot.any()
    assert found.n_unexposed == 8
    assert "hotspots.note.nothing_exposed" in found.notes
    assert all(np.isfinite(values).all() for values in arrays(found))


def test_significant_cells_outside_are_not_tested() -> None:
    inside = INSIDE.copy()
    inside[3, 6] = False
    found = significant_cells(all_in_one_cell(8), FLAT, is_inside=inside)
    assert (found.n_outside, found.n_incidents, found.n_tested) == (8, 0, 99)
    assert "hotspots.note.outside" in found.notes


def test_significant_cells_known_rate_is_poisson() -> None:
    # 2 seen where 1 is expected: 1 - 2/e
    counts = np.zeros((10, 10), dtype=np.int64)
    counts[0, :3] = 2
    found = significant_cells(counts, FLAT, is_inside=INSIDE, known_rate=1.0)
    assert found.model.name == "poisson"
    assert found.p[0, 0] == pytest.approx(1 - 2 / np.e)
    assert found.expected.sum() == pytest.approx(100)


def test_significant_cells_background_is_hypergeometric() -> None:
    # 10 incidents in all, 4 of this category; in the cell with 5 all 4: 6 / 252
    background = np.array([[5, 5, 0]])
    found = significant_cells(
        np.array([[4, 0, 0]]), None, is_inside=np.ones((1, 3), bool), background=background
    )
    assert found.model.name == "hypergeometric"
    assert found.p[0, 0] == pytest.approx(6 / 252)
    assert found.expected.tolist() == [[2.0, 2.0, 0.0]]
    assert found.n_tested == 2


def test_significant_cells_given_dispersion_is_negative_binomial() -> None:
    # mean 1, variance 2: geometric, 5 or more 1/32
    counts = np.ones((10, 10), dtype=np.int64)
    counts[0, 0], counts[0, 1:5] = 5, 0
    found = significant_cells(counts, FLAT, is_inside=INSIDE, dispersion=2.0)
    assert found.model.name == "negative binomial"
    assert found.p[0, 0] == pytest.approx(1 / 32)
    assert "hotspots.note.overdispersed" in found.notes
    assert found.risk_low[0, 0] < 5 < found.risk_high[0, 0]


def test_significant_cells_over_dispersed_map_is_not_called_hot() -> None:
    # reports come in bursts: variance three times the mean
    counts = np.random.default_rng(0).negative_binomial(0.5 / 2, 1 / 3, (60, 60))
    shape = {"is_inside": np.ones((60, 60), dtype=bool)}
    found = significant_cells(counts, np.ones((60, 60)), **shape)
    assert found.dispersion == pytest.approx(3.0, rel=0.25)
    assert not found.is_hot.any()
    assert significant_cells(counts, np.ones((60, 60)), **shape, dispersion="none").is_hot.any()


def test_significant_cells_repeats_in_time_decide_the_dispersion() -> None:
    rng = np.random.default_rng(3)
    by_period = rng.negative_binomial(0.1, 1 / 2, (12, 40, 40))
    found = significant_cells(
        by_period.sum(axis=0),
        np.ones((40, 40)),
        is_inside=np.ones((40, 40), dtype=bool),
        counts_by_period=by_period,
    )
    assert found.dispersion == pytest.approx(2.0, rel=0.2)


def test_significant_cells_neighbours_of_one_hot_cell_are_not_hot() -> None:
    counts = np.random.default_rng(1).poisson(0.3, (40, 40))
    counts[20, 20] = 30
    counts[19:22, 19] = counts[19:22, 21] = 1
    found = significant_cells(counts, np.ones((40, 40)), is_inside=np.ones((40, 40), bool))
    assert np.argwhere(found.is_hot).tolist() == [[20, 20]]


def test_significant_cells_few_cells_need_no_more_than_alpha() -> None:
    # 4 cells, 5 of 6 in one: 6 * 0.25^5 * 0.75 + 0.25^6 = 0.0046, four tests at 6% of the level
    # are not enough; 12 of 12 are: 0.25^12
    inside = np.ones((2, 2), bool)
    for n, rest, is_hot in ((5, 1, False), (12, 0, True)):
        counts = np.array([[n, rest], [0, 0]])
        found = significant_cells(counts, np.ones((2, 2)), is_inside=inside)
        assert found.p[0, 0] == pytest.approx(0.25**12 if is_hot else 0.004638671875)
        assert found.is_hot.tolist() == [[is_hot, False], [False, False]]


def test_significant_cells_hot_area_does_not_widen_itself() -> None:
    # 25 cells at 3 beside cells at 0 or 1: cells with 1 near the area are not hot, though every
    # window of 5 x 5 about them holds part of it
    counts = np.zeros((40, 40), dtype=np.int64)
    counts[::3, ::2] = 1
    counts[20:25, 20:25] = 3
    found = significant_cells(counts, np.ones((40, 40)), is_inside=np.ones((40, 40), bool))
    assert found.is_hot[20:25, 20:25].all()
    assert found.is_hot.sum() == 25


def test_significant_cells_weak_cells_together_are_hot() -> None:
    # 2 a cell in 3 x 3 cells is nothing for one cell, and much for nine
    counts = np.random.default_rng(1).poisson(0.3, (40, 40))
    counts[20:23, 20:23] = 2
    found = significant_cells(counts, np.ones((40, 40)), is_inside=np.ones((40, 40), bool))
    assert found.is_hot[20:23, 20:23].all()
    assert found.p[20:23, 20:23].min() > 0.01
    assert (found.window_cells[20:23, 20:23] >= 3).all()
    assert found.is_hot.sum() <= 11


def test_significant_cells_stay_silent_where_nothing_is_hot() -> None:
    # 100 maps; 5% would be 5, and more than 11 has chance 0.4%. Exposure is uneven.
    n_false = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        exposure = rng.gamma(1.0, 1.0, (40, 40))
        counts = rng.poisson(exposure * 0.3)
        found = significant_cells(counts, exposure, is_inside=np.ones((40, 40), bool))
        n_false += found.is_hot.any()
    assert n_false <= 11


def test_significant_cells_by_is_stricter_than_bh() -> None:
    counts = np.random.default_rng(1).poisson(0.5, (30, 30))
    counts[4:7, 4:7] += 2
    options = {"is_inside": np.ones((30, 30), bool)}
    bh = significant_cells(counts, np.ones((30, 30)), **options)
    by = significant_cells(counts, np.ones((30, 30)), **options, correction="by")
    assert (by.q >= bh.q).all() and by.q.min() > bh.q.min()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"alpha": 0.0}, "hotspots.option_range"),
        ({"dispersion": 0.5}, "hotspots.option_range"),
        ({"known_rate": -1.0}, "hotspots.option_range"),
        ({"background": np.full((10, 10), 9)}, "hotspots.one_exposure"),
        ({"correction": "holm"}, "hotspots.unknown_correction"),
        ({"counts_by_period": np.zeros((2, 10, 10), int)}, "hotspots.periods_differ"),
        ({"exposure": np.ones((9, 10))}, "hotspots.shape_differs"),
        ({"exposure": FLAT * -1}, "hotspots.negative_value"),
        ({"exposure": FLAT * np.nan}, "hotspots.negative_value"),
        ({"counts": all_in_one_cell(-1)}, "hotspots.negative_value"),
        ({"counts": FLAT * 0.5}, "hotspots.not_whole"),
        ({"exposure": None, "background": np.ones((10, 10), int)}, "hotspots.above_background"),
    ],
)
def test_significant_cells_bad_argument_is_refused(changed: dict, code: str) -> None:
    given_ = {"counts": all_in_one_cell(9), "exposure": FLAT, "is_inside": INSIDE} | changed
    with pytest.raises(ParameterError) as refused:
        significant_cells(given_.pop("counts"), given_.pop("exposure"), **given_)
    assert refused.value.code == code


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    scale=st.floats(1e-3, 1e6),
    mean=st.sampled_from([0.05, 1.0, 30.0]),
)
def test_significant_cells_unit_and_orientation_change_nothing(
    seed: int, scale: float, mean: float
) -> None:
    rng = np.random.default_rng(seed)
    exposure = rng.gamma(1.0, 1.0, (12, 15)) * (rng.random((12, 15)) > 0.2)
    counts = rng.poisson(mean * rng.gamma(0.5, 2.0, (12, 15)))
    inside = rng.random((12, 15)) > 0.1
    found = significant_cells(counts, exposure, is_inside=inside)
    scaled = significant_cells(counts, exposure * scale, is_inside=inside)
    turned = significant_cells(counts.T, exposure.T, is_inside=inside.T)
    assert np.array_equal(found.is_hot, turned.is_hot.T)
    assert scaled.p == pytest.approx(found.p, rel=1e-6, abs=1e-300)
    assert found.expected.sum() == pytest.approx(found.n_incidents)
    assert found.n_incidents + found.n_unexposed + found.n_outside == counts.sum()
    assert all(np.isfinite(values).all() for values in arrays(found))
    assert (found.excess[found.is_hot] > 0).all()
    assert ((found.q >= 0) & (found.q <= 1) & (found.p >= 0) & (found.p <= 1)).all()
    assert (found.risk_low <= found.relative_risk).all()
    assert (found.risk_high >= found.relative_risk).all()


def test_significant_cells_interval_covers_at_its_level() -> None:
    # Garwood's interval of 10 seen where 4 are expected: chi-square quantiles over 2, over 4
    counts = np.zeros((10, 10), dtype=np.int64)
    counts[0, 0] = 10
    found = significant_cells(counts, FLAT * 4.0, is_inside=INSIDE, known_rate=1.0)
    assert found.risk_low[0, 0] == pytest.approx(stats.chi2.ppf(0.025, 20) / 2 / 4)
    assert found.risk_high[0, 0] == pytest.approx(stats.chi2.ppf(0.975, 22) / 2 / 4)

"""A forecast whose weights are tuned on the past: small grounds and invariants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from geo.errors import ParameterError
from geo.hotspots.surfaces.forecast import ForecastModel, forecast
from geo.hotspots.surfaces.foreseeing import BAND_SHARES, all_parts, bands_of

TOWN = np.ones((8, 10), dtype=bool)
TOWN[0, :4] = False


def random_counts(seed: int, n_periods: int = 8, mean: float = 0.4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rates = rng.gamma(0.5, mean / 0.5, TOWN.shape)
    return rng.poisson(rates, (n_periods, *TOWN.shape))


def test_surfaces_decay_by_half_lives_and_add_up_to_one() -> None:
    # Two cells: 1 incident in the left two periods ago, 1 in the right in the latest. Half-life 2
    # periods: the older weighs 1/2 (age 2) against 1 (age 0): shares 1/3 and 2/3.
    inside = np.ones((1, 2), dtype=bool)
    periods = csr_array(np.array([[1.0, 0], [0, 0], [0, 1.0]]))
    parts = all_parts(1)
    surfaces = parts.surfaces(periods, inside)
    own = (parts.half_lives == 2.0) & (parts.spreads == 0) & (parts.powers == 1)
    np.testing.assert_allclose(surfaces[own], [[1 / 3, 2 / 3]], rtol=1e-6)
    np.testing.assert_allclose(surfaces[-1], [0.5, 0.5])
    np.testing.assert_allclose(surfaces.sum(axis=1), 1.0, rtol=1e-5)


def test_surfaces_power_damps_many_at_once() -> None:
    # 4 incidents at once against 1: 4^0.6 = 2.297 to 1.
    inside = np.ones((1, 2), dtype=bool)
    parts = all_parts(1)
    surfaces = parts.surfaces(csr_array(np.array([[4.0, 1.0]])), inside)
    own = np.isinf(parts.half_lives) & (parts.spreads == 0) & (parts.powers == 0.6)
    np.testing.assert_allclose(surfaces[own], [[4**0.6 / (4**0.6 + 1), 1 / (4**0.6 + 1)]])


def test_bands_of_equal_cells_share_a_band() -> None:
    assert bands_of(np.ones(50)).tolist() == [0] * 50
    # Of 100 different cells the shares .005 .02 .08 .3 end after 1 (a begun cell counts), 2, 8, 30.
    assert np.bincount(bands_of(np.arange(100.0))).tolist() == [1, 1, 6, 22, 70]


def test_forecast_adds_up_to_the_towns_level() -> None:
    # 12 incidents in every period: any mean of past totals is 12.
    counts = np.zeros((6, *TOWN.shape))
    counts[:, 3, 3], counts[:, 5, 7] = 9, 3
    expected = forecast(counts, is_inside=TOWN)
    assert expected.sum() == pytest.approx(12.0)
    assert expected[3, 3] == pytest.approx(9.0, rel=0.05)
    assert expected[5, 7] == pytest.approx(3.0, rel=0.1)


def test_forecast_horizon_adds_periods_up() -> None:
    counts = np.zeros((12, *TOWN.shape))
    counts[:, 3, 3] = 2
    assert forecast(counts, is_inside=TOWN, horizon=4).sum() == pytest.approx(8.0)


def test_fit_what_moves_on_is_foreseen_by_the_latest_past() -> None:
    # All incidents stand in one cell for a year, then in another: the shortest half-life foresees
    # them best. Where they stay, no past is better than the whole.
    moving = np.zeros((24, *TOWN.shape))
    for period in range(24):
        moving[period, 2 + period // 4, 5] = 20
    model = ForecastModel.fit(moving, is_inside=TOWN)
    rows = model.to_frame()
    by_half_life = rows[np.isfinite(rows["spread"])].groupby("half_life")["weight"].sum()
    assert by_half_life.idxmax() == 0.5
    assert by_half_life[0.5] > 0.7


def test_fit_even_chance_leans_on_surroundings_not_on_cells() -> None:
    counts = np.random.default_rng(0).poisson(0.05, (14, 30, 30))
    model = ForecastModel.fit(counts, is_inside=np.ones((30, 30), dtype=bool))
    rows = model.to_frame()
    assert rows.loc[rows["spread"] >= 4, "weight"].sum() > 0.7
    assert rows.loc[rows["spread"] == 0, "weight"].sum() < 0.15


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), mean=st.sampled_from([0.0, 0.01, 0.3, 5.0]))
def test_forecast_is_finite_and_keeps_to_the_ground(seed: int, mean: float) -> None:
    counts = random_counts(seed, mean=mean) if mean else np.zeros((8, *TOWN.shape))
    model = ForecastModel.fit(counts, is_inside=TOWN)
    expected = model.predict(counts, is_inside=TOWN)
    assert model.weights.sum() == pytest.approx(1.0, abs=1e-3)
    assert np.isfinite(expected).all()
    assert (expected >= 0).all()
    assert (expected[~TOWN] == 0).all()
    assert (expected.sum() > 0) == (counts[:, TOWN].sum() > 0)


def test_forecast_turned_ground_gives_the_turned_forecast() -> None:
    counts = random_counts(3)
    straight = forecast(counts, is_inside=TOWN)
    turned = forecast(counts[:, ::-1, ::-1], is_inside=TOWN[::-1, ::-1])
    np.testing.assert_allclose(turned[::-1, ::-1], straight, rtol=1e-4, atol=1e-9)


def test_forecast_sparse_counts_give_the_same() -> None:
    counts = random_counts(5)
    sparse = csr_array(counts.reshape(len(counts), -1))
    np.testing.assert_allclose(
        forecast(sparse, is_inside=TOWN), forecast(counts, is_inside=TOWN), rtol=1e-9
    )


def test_forecast_counts_off_the_ground_change_nothing() -> None:
    counts = random_counts(6)
    more = counts.copy()
    more[:, ~TOWN] += 100
    np.testing.assert_allclose(
        forecast(more, is_inside=TOWN), forecast(counts, is_inside=TOWN), rtol=1e-9
    )


def test_fit_nothing_seen_gives_equal_weights_and_expects_nothing() -> None:
    model = ForecastModel.fit(np.zeros((5, *TOWN.shape)), is_inside=TOWN)
    assert np.ptp(model.weights) == 0
    assert model.predict(np.zeros((5, *TOWN.shape)), is_inside=TOWN).sum() == 0


def test_fit_tells_how_it_forecasts() -> None:
    model = ForecastModel.fit(random_counts(1), is_inside=TOWN, n_tuning=3)
    rows = model.to_frame()
    bands = [f"weight_{k}" for k in range(1, len(BAND_SHARES) + 2)]
    assert list(rows.columns) == ["half_life", "power", "spread", "weight", *bands]
    assert rows["weight"].is_monotonic_decreasing
    assert (model.n_tuned_on, model.level_span in (1, 3, 12)) == (3, True)


@pytest.mark.parametrize(
    ("counts", "options", "code"),
    [
        (np.zeros((5, 3, 3)), {}, "hotspots.wrong_shape"),
        (np.zeros(TOWN.shape), {}, "hotspots.wrong_shape"),
        (-np.ones((5, *TOWN.shape)), {}, "hotspots.bad_counts"),
        (np.full((5, *TOWN.shape), np.nan), {}, "hotspots.bad_counts"),
        (np.ones((1, *TOWN.shape)), {}, "hotspots.past_too_short"),
        (np.ones((7, *TOWN.shape)), {"horizon": 4}, "hotspots.past_too_short"),
        (np.ones((5, *TOWN.shape)), {"horizon": 0}, "hotspots.not_a_number_of_periods"),
        (np.ones((5, *TOWN.shape)), {"n_tuning": 0}, "hotspots.not_a_number_of_periods"),
    ],
)
def test_forecast_bad_input_raises(counts: np.ndarray, options: dict[str, int], code: str) -> None:
    with pytest.raises(ParameterError) as error:
        forecast(counts, is_inside=TOWN, **options)
    assert error.value.code == code


def test_forecast_no_ground_raises() -> None:
    with pytest.raises(ParameterError) as error:
        forecast(np.zeros((5, *TOWN.shape)), is_inside=np.zeros_like(TOWN))
    assert error.value.code == "hotspots.no_cells"

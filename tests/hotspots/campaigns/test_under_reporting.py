"""Silent grids among talkative ones, and hotspots that couriers make."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from geo.errors import ParameterError, SchemaError
from geo.hotspots.campaigns.count_regression import fit_counts
from geo.hotspots.campaigns.under_reporting import reporter_reliance, suspiciously_few


def grids(n: int = 48, seed: int = 0, *, scatter: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    households = rng.integers(250, 550, n)
    rate = households * 0.08
    if scatter:
        rate = rate * rng.gamma(1 / scatter, scatter, n)
    return pd.DataFrame(
        {
            "grid": [f"G{k:02d}" for k in range(n)],
            "households": households,
            "resident": rng.poisson(rate),
            "worker": rng.poisson(households * 0.1),
        }
    ).set_index("grid")


def test_fit_counts_only_offset_is_the_common_rate() -> None:
    # 6 + 2 + 1 = 9 reports of 300 + 100 + 50 households: 0.02 a household.
    homes = np.array([300.0, 100, 50])
    fit = fit_counts(np.array([6, 2, 1]), np.ones((3, 1)), np.log(homes))
    assert np.exp(fit.coefficients[0]) == pytest.approx(0.02)
    assert fit.expected.tolist() == pytest.approx([6, 2, 1])
    assert fit.dispersion == 0.0
    assert fit.expected_of_others[0] == pytest.approx(300 * 3 / 150)


def test_fit_counts_finds_the_coefficient_and_dispersion() -> None:
    rng = np.random.default_rng(1)
    term = rng.normal(0, 1, 4000)
    mean = np.exp(1.0 + 0.5 * term)
    counts = rng.poisson(mean * rng.gamma(4, 0.25, 4000))
    fit = fit_counts(counts, np.column_stack([np.ones(4000), term]), np.zeros(4000))
    assert fit.coefficients.tolist() == pytest.approx([1.0, 0.5], abs=0.05)
    assert fit.dispersion == pytest.approx(0.25, abs=0.04)


def test_fit_counts_without_a_row_is_near_the_fit_without_it() -> None:
    frame = grids()
    frame.loc["G07", "resident"] = 0
    homes = frame["households"].to_numpy(float)
    count, ones = frame["resident"].to_numpy(), np.ones((48, 1))
    whole = fit_counts(count, ones, np.log(homes))
    keep = np.arange(48) != 7
    rest = fit_counts(count[keep], ones[keep], np.log(homes[keep]))
    exact = np.exp(rest.coefficients[0]) * homes[7]
    assert whole.expected_of_others[7] == pytest.approx(exact, rel=0.01)
    assert whole.expected_of_others[7] > whole.expected[7]


def test_suspiciously_few_finds_the_silent_grid_only() -> None:
    frame = grids()
    frame.loc["G07", "resident"] = 5
    found = suspiciously_few(frame, seen="resident")
    assert found.index[found["is_few"]].tolist() == ["G07"]
    row = found.loc["G07"]
    assert row["expected"] > 15 and row["ratio"] == pytest.approx(5 / row["expected"])
    assert row["ratio_low"] < row["ratio"] < row["ratio_high"] < 1


def test_suspiciously_few_nothing_planted_finds_nothing() -> None:
    wrong = sum(
        suspiciously_few(grids(seed=k, scatter=s), seen="resident")["is_few"].any()
        for k in range(40)
        for s in (0.0, 0.15)
    )
    # 80 towns at 5%: 4 expected, more than 10 would be beyond chance.
    assert wrong <= 10


def test_suspiciously_few_beside_others_reports_little_to_report_is_no_silence() -> None:
    frame = grids(seed=3)
    trouble = np.random.default_rng(3).gamma(2.0, 0.5, 48)
    trouble[5] = 0.15
    rng = np.random.default_rng(4)
    frame["resident"] = rng.poisson(frame["households"] * 0.2 * trouble)
    frame["worker"] = rng.poisson(frame["households"] * 0.5 * trouble)
    beside = suspiciously_few(frame, seen="resident", beside=["worker"])
    assert beside.loc["G05", "ratio"] > 0.5 and not beside.loc["G05", "is_few"]
    alone = suspiciously_few(frame, seen="resident")
    assert beside.loc["G05", "ratio"] > 2 * alone.loc["G05", "ratio"]


def test_suspiciously_few_grid_without_households_is_not_tested() -> None:
    frame = grids()
    frame.loc["G00", ["households", "resident"]] = [0, 3]
    row = suspiciously_few(frame, seen=["resident", "worker"]).loc["G00"]
    assert not row["is_tested"] and not row["is_few"] and np.isnan(row["expected"])


def test_suspiciously_few_no_report_at_all_is_no_finding() -> None:
    found = suspiciously_few(grids().assign(resident=0), seen="resident")
    assert not found["is_few"].any() and (found["expected"] == 0).all()
    empty = suspiciously_few(grids().iloc[:0], seen="resident")
    assert len(empty) == 0 and "q" in empty


def test_suspiciously_few_too_few_grids_are_refused() -> None:
    with pytest.raises(ParameterError) as caught:
        suspiciously_few(grids(4), seen="resident")
    assert (caught.value.code, caught.value.params) == (
        "hotspots.too_few_grids",
        {"n": 4, "least": 5},
    )


def test_suspiciously_few_lacking_column_is_refused() -> None:
    with pytest.raises(SchemaError) as caught:
        suspiciously_few(grids(), seen="courier")
    assert caught.value.params == {"columns": "courier"}


def test_reporter_reliance_by_hand() -> None:
    # Town: 10 of 40 by couriers. A place with 4, all by couriers: C(10,4) / C(40,4) = 210 / 91390.
    places = pd.DataFrame({"courier": [4, 1, 0], "resident": [0, 3, 0]}, index=["a", "b", "c"])
    found = reporter_reliance(
        places, kind="courier", kinds=["courier", "resident"], town={"courier": 10, "resident": 30}
    )
    assert found.loc["a", "p"] == pytest.approx(210 / 91390)
    assert found["rests_on_kind"].tolist() == [True, False, False]
    assert found.loc["b", "p"] == pytest.approx(stats.hypergeom.sf(0, 40, 10, 4))
    assert found["n_others"].tolist() == [0, 3, 0] and np.isnan(found.loc["c", "share"])
    assert found.loc["a", "q"] == pytest.approx(2 * 210 / 91390)


def test_reporter_reliance_more_than_the_town_is_refused() -> None:
    places = pd.DataFrame({"courier": [4]})
    with pytest.raises(ParameterError) as caught:
        reporter_reliance(places, kind="courier", kinds=["courier"], town={"courier": 3})
    assert caught.value.code == "hotspots.reporters_differ"

"""Poisson scan: SaTScan's published ratios, and maps small enough to work by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import ParameterError
from geo.hotspots.scans import scan as scan_module
from geo.hotspots.scans import scan_kernels as kernels
from geo.hotspots.scans.scan import Scan, critical_ratio, p_values, poisson_scan
from geo.hotspots.scans.scan_windows import Windows

LEUKAEMIA = Path(__file__).parents[4] / "shared" / "data" / "ny_leukaemia.csv"

# SaTScan 9.6: log likelihood ratio, cases, population of the six clusters
SATSCAN = [
    (14.083511, 100, 111_674),
    (9.019716, 38, 34_083),
    (6.114140, 64, 78_280),
    (4.651839, 25, 24_571),
    (3.363518, 12, 9_840),
    (3.209485, 11, 8_839),
]


def scan(cases: list[int], population: list[float], **options: object) -> Scan:
    """A scan of places 100 m apart on a line."""
    x = np.arange(len(cases)) * 100.0
    settings = {"seed": 1, "n_replicates": 99} | options
    return poisson_scan(x, np.zeros_like(x), np.array(cases), np.array(population), **settings)


@pytest.mark.skipif(not LEUKAEMIA.exists(), reason="../shared/data/ny_leukaemia.csv is not there")
def test_poisson_scan_new_york_leukaemia_as_satscan():
    tracts = pd.read_csv(LEUKAEMIA)
    found = poisson_scan(
        tracts["lon"].to_numpy(),
        tracts["lat"].to_numpy(),
        tracts["cases"].to_numpy(),
        tracts["population"].to_numpy(),
        seed=1,
        n_replicates=999,
    ).clusters[:6]
    assert [f"{ratio:.6f}" for ratio in found["log_likelihood_ratio"]] == [
        f"{ratio:.6f}" for ratio, _, _ in SATSCAN
    ]
    assert list(zip(found["cases"], found["population"], strict=True)) == [
        (cases, people) for _, cases, people in SATSCAN
    ]
    assert found["is_significant"].tolist() == [True, True, False, False, False, False]


def test_poisson_scan_one_hot_place_ratio_by_hand():
    # 10 cases, 4 places of equal population: 8 at the first where 2.5 are expected.
    # 8 ln(8/2.5) + 2 ln(2/7.5) = 6.661645; relative risk (8/2.5) / (2/7.5) = 12
    found = scan([8, 1, 0, 1], [5, 5, 5, 5]).clusters
    first = found.iloc[0]
    assert first["log_likelihood_ratio"] == pytest.approx(
        8 * math.log(3.2) + 2 * math.log(2 / 7.5), abs=1e-12
    )
    assert first["members"].tolist() == [0]
    assert (first["cases"], first["expected"], first["radius_m"]) == (8, 2.5, 0.0)
    assert first["relative_risk"] == pytest.approx(12.0)


def test_poisson_scan_no_cases_no_cluster():
    found = scan([0, 0, 0], [5, 5, 5])
    assert len(found.clusters) == 0
    assert (found.n_cases, found.population) == (0, 15.0)


def test_poisson_scan_one_case_no_cluster():
    assert len(scan([0, 1, 0], [5, 5, 5]).clusters) == 0


def test_poisson_scan_cases_without_population_left_out_and_counted():
    found = scan([4, 3, 1], [5, 0, 5])
    assert (found.n_cases, found.n_unexposed) == (5, 3)
    assert found.clusters["members"].map(list).tolist() == [[0]]


def test_poisson_scan_all_at_one_point_is_no_cluster():
    found = poisson_scan(np.zeros(5), np.zeros(5), np.arange(5), np.ones(5), seed=1, n_replicates=9)
    assert len(found.clusters) == 0


def test_poisson_scan_places_at_one_point_are_one_location():
    found = poisson_scan(
        np.array([0.0, 0.0, 100.0, 200.0]),
        np.zeros(4),
        np.array([3, 3, 1, 1]),
        np.array([1.0, 1.0, 2.0, 2.0]),
        seed=1,
        n_replicates=9,
    )
    assert found.clusters.iloc[0]["members"].tolist() == [0, 1]
    assert found.clusters.iloc[0]["cases"] == 6


def test_poisson_scan_equal_distances_enter_together():
    # Places at 0, 100, 200, 250 m, and four far away; the cases stand at 100 and 200. Around 100
    # both 0 and 200 lie at 100 m; around 200 the place at 250 is nearer than the one at 100. So no
    # circle holds just the two: the best has three places, ratio 10 ln(10 / 3.75).
    x = np.array([0.0, 100.0, 200.0, 250.0, 1e4, 2e4, 3e4, 4e4])
    cases = np.array([0, 5, 5, 0, 0, 0, 0, 0])
    found = poisson_scan(x, np.zeros(8), cases, np.ones(8), seed=1, n_replicates=9).clusters
    assert found.iloc[0]["members"].tolist() == [0, 1, 2]
    assert found.iloc[0]["log_likelihood_ratio"] == pytest.approx(10 * math.log(10 / 3.75))


def test_poisson_scan_low_rates_found_when_asked():
    # 20 expected of 80 at each of 4 places; none at the last: 80 ln(80/60) = 23.014566
    found = scan([27, 27, 26, 0], [5, 5, 5, 5], rates="low")
    first = found.clusters.iloc[0]
    assert first["members"].tolist() == [3]
    assert first["log_likelihood_ratio"] == pytest.approx(80 * math.log(80 / 60), abs=1e-12)
    assert first["relative_risk"] == 0.0
    assert first["p"] == 0.01


def test_poisson_scan_max_radius_bounds_the_circle():
    found = scan([5, 5, 5, 0, 0, 0, 0, 0, 0, 0], [1] * 10, max_radius_m=100.0)
    assert found.clusters["radius_m"].max() <= 100.0


def test_p_values_ties_count_against():
    assert p_values(np.array([2.0, 3.5]), np.array([1.0, 2.0, 3.0])).tolist() == [0.75, 0.25]


def test_critical_ratio_too_few_replicates_infinite():
    assert critical_ratio(np.arange(9.0), 0.05) == math.inf
    # 99 replicates: p <= 0.05 needs at most 4 maxima as large, so above the fifth largest, 94
    assert critical_ratio(np.arange(99.0), 0.05) == 94.0


@pytest.mark.parametrize(
    ("option", "value"),
    [("max_share", 0.0), ("n_replicates", 0), ("alpha", 1.0), ("rates", "medium")],
)
def test_poisson_scan_option_out_of_range_refused(option: str, value: object):
    with pytest.raises(ParameterError) as caught:
        scan([1, 2], [1, 1], **{option: value})
    assert caught.value.code == "hotspots.bad_option"
    assert caught.value.params == {"name": option, "value": value}


def test_poisson_scan_unusable_places_counted():
    with pytest.raises(ParameterError) as caught:
        poisson_scan(
            np.array([0.0, math.nan, 2.0]),
            np.zeros(3),
            np.array([1, 1, -1]),
            np.ones(3),
            seed=1,
        )
    assert (caught.value.code, caught.value.params) == ("hotspots.bad_places", {"n": 2})


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), min_size=2, max_size=30),
    st.randoms(use_true_random=False),
)
def test_poisson_scan_order_and_shift_change_nothing(rows: list[tuple[int, int]], random: object):
    def ratios(order: list[int], shift: float) -> list[float]:
        cases = np.array([rows[k][0] for k in order])
        people = np.array([rows[k][1] for k in order], dtype=float)
        x = np.array([(k % 6) * 50.0 for k in order]) + shift
        y = np.array([(k // 6) * 50.0 for k in order])
        found = poisson_scan(x, y, cases, people, seed=3, n_replicates=9).clusters
        return [round(value, 9) for value in found["log_likelihood_ratio"]]

    order = list(range(len(rows)))
    mixed = order.copy()
    random.shuffle(mixed)
    assert ratios(order, 0.0) == ratios(mixed, 500_000.0)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), min_size=1, max_size=30))
def test_poisson_scan_clusters_share_nothing_and_add_up(rows: list[tuple[int, int]]):
    cases = np.array([row[0] for row in rows])
    people = np.array([row[1] for row in rows], dtype=float)
    index = np.arange(len(rows))
    found = poisson_scan(
        (index % 6) * 50.0, (index // 6) * 50.0, cases, people, seed=3, n_replicates=9, rates="both"
    )
    members = found.clusters["members"]
    taken = np.concatenate([np.zeros(0, dtype=int), *members])
    assert len(taken) == len(set(taken.tolist()))
    assert [cases[one].sum() for one in members] == found.clusters["cases"].tolist()
    assert [people[one].sum() for one in members] == found.clusters["population"].tolist()
    assert not found.clusters.drop(columns="members").isna().any().any()


def by_brute_force(counts: np.ndarray, windows: Windows, expected: np.ndarray, side: str) -> float:
    """Largest ratio over every window, in plain loops; high rates need two cases."""
    total, best = int(counts.sum()), 0.0
    for centre in range(len(counts)):
        for end in range(windows.first[centre], windows.first[centre + 1]):
            cases = int(counts[windows.neighbour[windows.first[centre] : end + 1]].sum())
            hoped = expected[end]
            is_far = (cases > hoped and cases >= 2) if side == "high" else cases < hoped
            if math.isfinite(hoped) and is_far:
                value = cases * math.log(cases / hoped) if cases else 0.0
                if cases < total:
                    value += (total - cases) * math.log((total - cases) / (total - hoped))
                best = max(best, value)
    return best


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 9)), min_size=2, max_size=25),
    st.sampled_from(["high", "low"]),
    st.integers(0, 2**31),
)
def test_replicate_maxima_as_brute_force_on_the_drawn_maps(
    rows: list[tuple[int, int]], side: str, seed: int
):
    counts, people = np.array([row[0] for row in rows]), np.array([row[1] for row in rows]) * 1.0
    counts[0] += 1
    index = np.arange(len(rows))
    ground = scan_module._ground(
        np.column_stack([(index % 6) * 50.0, (index // 6) * 50.0]),
        counts,
        people,
        max_share=0.5,
        max_radius_m=120.0,
    )
    maxima = np.zeros(3)
    scan_module._replicate(ground, 2, side == "high", seed, maxima)
    n, total = len(rows), int(counts.sum())
    keep, other = np.zeros(n, dtype=np.uint64), np.zeros(n, dtype=np.int32)
    kernels.alias_table(ground.weights, keep, other)
    state, drawn = np.array([seed], dtype=np.uint64), np.zeros(n, dtype=np.int32)
    for found in maxima:
        kernels.draw_cases(state, total, keep, other, drawn)
        assert drawn.sum() == total
        best = by_brute_force(drawn, ground.windows, ground.expected, side)
        assert found == pytest.approx(best, abs=1e-9)


def test_draw_cases_in_proportion_to_the_weights():
    weights = np.array([0.0, 1.0, 2.0, 7.0])
    keep, other = np.zeros(4, dtype=np.uint64), np.zeros(4, dtype=np.int32)
    kernels.alias_table(weights, keep, other)
    drawn = np.zeros(4, dtype=np.int32)
    kernels.draw_cases(np.array([5], dtype=np.uint64), 100_000, keep, other, drawn)
    assert drawn[0] == 0
    # 4.5 standard deviations of a binomial count
    assert np.abs(drawn - weights * 10_000).max() < 4.5 * math.sqrt(100_000 * 0.25)


def test_poisson_scan_nothing_hot_by_construction_few_false():
    # 60 towns of 100 uneven places, 150 cases at equal risk, 99 replicates: at most 5% have a
    # significant cluster; 9 or more of 60 have a chance of 0.4%
    rng = np.random.default_rng(8)
    x, y = rng.uniform(0, 1000, 100), rng.uniform(0, 1000, 100)
    people = rng.gamma(0.5, 20.0, 100)
    n_false = sum(
        bool(
            poisson_scan(
                x, y, rng.multinomial(150, people / people.sum()), people, seed=k, n_replicates=99
            )
            .clusters["is_significant"]
            .any()
        )
        for k in range(60)
    )
    assert n_false <= 8

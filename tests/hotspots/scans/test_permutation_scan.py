"""Space-time permutation scan on cases few enough to work by hand, and against brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import ParameterError
from geo.hotspots.scans import permutation_kernels
from geo.hotspots.scans import permutation_scan as permutation_scan_module
from geo.hotspots.scans.permutation_scan import AliveScan, permutation_scan


def scan(cases: list[tuple[float, int]], **options: object) -> AliveScan:
    """A scan of cases (metres along a line, day) up to day 10."""
    x = np.array([case[0] for case in cases], dtype=float)
    day = np.array([case[1] for case in cases], dtype=np.int64)
    settings = {"today": 10, "max_radius_m": 100.0, "max_days": 3, "seed": 1, "n_replicates": 99}
    return permutation_scan(x, np.zeros_like(x), day, **(settings | options))


def by_brute_force(
    x: np.ndarray, y: np.ndarray, day: np.ndarray, *, today: int, radius: float, days: int
) -> float:
    """Largest ratio over every circle and length, in plain loops."""
    total, best = len(x), 0.0
    distance = np.sqrt((x[:, None] - x) ** 2 + (y[:, None] - y) ** 2)
    for centre in range(total):
        for reach in sorted({d for d in distance[centre] if d <= radius + 1e-9}):
            is_near = distance[centre] <= reach + 1e-9
            if is_near.sum() > total / 2:
                continue
            for length in range(1, days + 1):
                is_recent = day > today - length
                seen = int((is_near & is_recent).sum())
                expected = is_near.sum() * is_recent.sum() / total
                if seen >= 2 and seen > expected:
                    value = seen * math.log(seen / expected)
                    if seen < total:
                        value += (total - seen) * math.log((total - seen) / (total - expected))
                    best = max(best, value)
    return best


def test_permutation_scan_fresh_cluster_figures_by_hand():
    # 12 cases, 4 at 0 m of which 3 today, 8 far away of which 1 today.
    # expected 4 x 4 / 12 = 4/3; ratio 3 ln(9/4) + 9 ln(9 / (32/3)) = 0.903678
    cases = [(0.0, 10)] * 3 + [(0.0, 2)] + [(5000.0, 10)] + [(5000.0, d) for d in range(1, 8)]
    found = scan(cases).clusters
    first = found.iloc[0]
    assert first["members"].tolist() == [0, 1, 2]
    assert (first["first_day"], first["last_day"], first["radius_m"]) == (10, 10, 0.0)
    assert first["expected"] == pytest.approx(4 / 3)
    assert first["log_likelihood_ratio"] == pytest.approx(
        3 * math.log(9 / 4) + 9 * math.log(27 / 32), abs=1e-12
    )


def test_permutation_scan_outbreak_is_an_alarm_with_its_interval():
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0, 3000, 300), rng.uniform(0, 3000, 300)
    day = rng.integers(1, 200, 300)
    x[:8], y[:8], day[:8] = 1000.0, 1000.0, 200
    found = permutation_scan(
        x, y, day, today=200, max_radius_m=300.0, max_days=7, seed=1, n_replicates=999
    ).clusters.iloc[0]
    assert set(range(8)) <= set(found["members"].tolist())
    assert found["p"] == 0.001
    assert found["recurrence_interval_days"] == pytest.approx(1000.0)
    assert found["is_alarm"]


def test_permutation_scan_cluster_over_before_today_is_not_reported():
    cases = [(0.0, 5)] * 6 + [(5000.0 + 500 * k, k % 10 + 1) for k in range(20)]
    assert not any(0 in members for members in scan(cases).clusters["members"])


def test_permutation_scan_future_cases_left_out_and_counted():
    cases = [(0.0, 10), (0.0, 10), (0.0, 11), (900.0, 1), (900.0, 2)]
    found = scan(cases)
    assert (found.n_cases, found.n_future, found.n_recent) == (4, 1, 2)
    assert found.clusters.iloc[0]["members"].tolist() == [0, 1]


@pytest.mark.parametrize(
    "cases",
    [
        [],
        [(0.0, 10)],
        [(0.0, 10), (0.0, 3), (0.0, 4)],
        [(0.0, 10)] * 6,
        [(float(k), 10) for k in range(6)],
        [(0.0, 1), (500.0, 2)],
    ],
    ids=["none", "one", "one recent", "one point, one day", "one day", "none recent"],
)
def test_permutation_scan_nothing_to_find_no_rows(cases: list[tuple[float, int]]):
    found = scan(cases)
    assert len(found.clusters) == 0
    assert not math.isnan(found.critical_ratio)


def test_permutation_scan_days_not_whole_refused():
    with pytest.raises(ParameterError) as caught:
        permutation_scan(
            np.zeros(2),
            np.zeros(2),
            np.array([1.5, 2.0]),
            today=3,
            max_radius_m=10.0,
            max_days=2,
            seed=1,
        )
    assert caught.value.code == "hotspots.bad_events"


@pytest.mark.parametrize(("option", "value"), [("max_days", 0), ("max_share", 1.5)])
def test_permutation_scan_option_out_of_range_refused(option: str, value: object):
    with pytest.raises(ParameterError) as caught:
        scan([(0.0, 1)], **{option: value})
    assert caught.value.params == {"name": option, "value": value}


EVENTS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 8)), min_size=4, max_size=40
)


@settings(deadline=None, max_examples=60)
@given(EVENTS)
def test_permutation_scan_best_ratio_as_brute_force(events: list[tuple[int, int, int]]):
    x, y = (np.array([event[k] * 40.0 for event in events]) for k in (0, 1))
    day = np.array([event[2] for event in events])
    found = permutation_scan(
        x, y, day, today=8, max_radius_m=90.0, max_days=5, seed=1, n_replicates=1
    ).clusters["log_likelihood_ratio"]
    best = by_brute_force(x, y, day, today=8, radius=90.0, days=5)
    assert max([0.0, *found]) == pytest.approx(best, abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(EVENTS, st.integers(0, 2**31))
def test_permuted_maxima_as_brute_force_on_the_dealt_days(
    events: list[tuple[int, int, int]], seed: int
):
    x, y = (np.array([event[k] * 40.0 for event in events]) for k in (0, 1))
    day = np.array([event[2] for event in events])
    recent = permutation_scan_module._recent(
        np.column_stack([x, y]), 8 - day + 1, max_radius_m=90.0, max_days=5, max_share=0.5
    )
    maxima = np.zeros(4)
    permutation_scan_module._replicate(recent, 2, seed, maxima)
    state, dealt = np.array([seed], dtype=np.uint64), np.arange(len(day))
    ages = np.sort(recent.age[recent.age > 0])
    for found in maxima:
        permutation_kernels.deal_days(state, dealt, len(ages))
        days = np.zeros(len(day), dtype=np.int64)
        days[recent.position[dealt[: len(ages)]]] = 8 + 1 - ages
        best = by_brute_force(x, y, np.where(days > 0, days, -9), today=8, radius=90.0, days=5)
        assert found == pytest.approx(best, abs=1e-9)


def test_permutation_scan_same_seed_same_p():
    cases = [(0.0, 10)] * 3 + [(50.0 * k, k % 10) for k in range(20)]
    first, second, other = (scan(cases, seed=seed).clusters["p"].tolist() for seed in (7, 7, 8))
    assert first == second
    assert first != other


def test_permutation_scan_nothing_new_by_construction_few_false():
    # 60 towns whose days say nothing of places; an alarm at p <= 5%, 99 replicates: 9 or more of
    # 60 have a chance of 0.4%
    rng = np.random.default_rng(9)
    n_false = 0
    for k in range(60):
        spots = rng.uniform(0, 2000, (20, 2))
        x, y = (spots[rng.integers(0, 20, 200)] + rng.normal(0, 60, (200, 2))).T
        found = permutation_scan(
            x,
            y,
            rng.integers(0, 100, 200),
            today=99,
            max_radius_m=300.0,
            max_days=14,
            seed=k,
            n_replicates=99,
            min_recurrence_days=20.0,
        )
        n_false += bool(found.clusters["is_alarm"].any())
    assert n_false <= 8


def test_permutation_scan_every_case_at_one_place_has_no_window():
    found = scan([(0.0, d) for d in range(1, 11)] + [(0.0, 10)] * 5)
    assert len(found.clusters) == 0

"""Knox bands on pairs that can be counted by hand, and against every dealing of the days."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import ParameterError
from geo.hotspots.scans.near_repeat import near_repeat

# Five incidents on a line. Gaps in metres (days): AB 10 (1), AC 30 (8), AD 100 (2), AE 100 (20),
# BC 20 (7), BD 90 (1), BE 90 (19), CD 70 (6), CE 70 (12), DE 0 (18)
X = np.array([0.0, 10.0, 30.0, 100.0, 100.0])
DAY = np.array([0, 1, 8, 2, 20])


def test_near_repeat_bands_counted_by_hand():
    found = near_repeat(
        X, np.zeros(5), DAY, distances_m=[0, 20, 80], days=[1, 7], seed=1, n_permutations=9
    )
    # 0 m: DE (18 days) in no band of time. 0-20 m: AB in 0-1, BC in 2-7.
    # 20-80 m: CD (6) in 2-7; AC (8) and CE (12) in none.
    assert found["pairs"].tolist() == [0, 0, 1, 1, 0, 1]
    # Pairs by time: 0-1 day AB, BD = 2; 2-7 days AD, BC, CD = 3; of 10 pairs.
    # Pairs by distance: 1, 2, 3.
    assert found["expected"].tolist() == pytest.approx([0.2, 0.3, 0.4, 0.6, 0.6, 0.9])
    assert found["ratio"].tolist() == pytest.approx([0, 0, 2.5, 1 / 0.6, 0, 1 / 0.9])
    assert found["distance_from_m"].tolist() == [0, 0, 0, 0, 20, 20]
    assert found["day_from"].tolist() == [0, 2, 0, 2, 0, 2]
    assert found["day_to"].tolist() == [1, 7, 1, 7, 1, 7]


def test_near_repeat_p_as_every_dealing_of_the_days():
    def pairs(days: tuple[int, ...]) -> int:
        return sum(
            abs(X[a] - X[b]) <= 30 and abs(days[a] - days[b]) <= 7
            for a, b in itertools.combinations(range(5), 2)
        )

    every = [pairs(days) for days in itertools.permutations(DAY.tolist())]
    found = near_repeat(
        X, np.zeros(5), DAY, distances_m=[30], days=[7], seed=1, n_permutations=20_000
    ).iloc[0]
    assert found["pairs"] == pairs(tuple(DAY.tolist())) == 2
    assert found["expected"] == pytest.approx(np.mean(every))
    share = np.mean(np.array(every) >= 2)
    # 4 standard errors of a share over 20,000 dealings
    assert found["p"] == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / 20_000))


def test_near_repeat_planted_repeats_significant_in_their_band_only():
    rng = np.random.default_rng(2)
    x, y = rng.uniform(0, 5000, 150), rng.uniform(0, 5000, 150)
    day = rng.integers(0, 365, 150)
    x, y = np.concatenate([x, x[:30] + 20.0]), np.concatenate([y, y[:30]])
    day = np.concatenate([day, day[:30] + 3])
    found = near_repeat(x, y, day, distances_m=[50, 500], days=[7, 30], seed=1)
    assert found["is_significant"].tolist() == [True, False, False, False]
    assert (found["p_adjusted"] >= found["p"]).all()


@pytest.mark.parametrize("n", [0, 1, 2])
def test_near_repeat_few_incidents_nothing_significant(n: int):
    found = near_repeat(
        np.zeros(n), np.zeros(n), np.zeros(n, dtype=int), distances_m=[50], days=[7], seed=1
    )
    assert found["pairs"].tolist() == [n // 2]
    assert found["p"].tolist() == [1.0]
    assert not found["is_significant"].any()
    assert not found.isna().any().any()


def test_near_repeat_all_on_one_point_and_day_nothing_significant():
    found = near_repeat(
        np.zeros(20), np.zeros(20), np.full(20, 5), distances_m=[0, 50], days=[0, 7], seed=1
    )
    assert found["pairs"].tolist() == [190, 0, 0, 0]
    assert found["p_adjusted"].tolist() == [1.0] * 4


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("distances_m", [50, 20]),
        ("distances_m", []),
        ("days", [-1]),
        ("days", [1.5]),
        ("n_permutations", 0),
    ],
)
def test_near_repeat_option_out_of_range_refused(option: str, value: object):
    options = {"distances_m": [50], "days": [7], "seed": 1} | {option: value}
    with pytest.raises(ParameterError) as caught:
        near_repeat(X, np.zeros(5), DAY, **options)
    assert caught.value.code == "hotspots.bad_option"
    assert caught.value.params["name"] == option


def test_near_repeat_lengths_differ_refused():
    with pytest.raises(ParameterError) as caught:
        near_repeat(X, np.zeros(4), DAY, distances_m=[50], days=[7], seed=1)
    assert (caught.value.code, caught.value.params) == ("hotspots.bad_events", {"n": 1})


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 30)),
        min_size=2,
        max_size=40,
    ),
    st.randoms(use_true_random=False),
)
def test_near_repeat_order_shift_and_plain_count(
    events: list[tuple[int, int, int]], random: object
):
    options = {"distances_m": [0, 15, 40], "days": [0, 3, 10], "seed": 1, "n_permutations": 9}

    def bands(rows: list[tuple[int, int, int]], shift: int) -> np.ndarray:
        x, y, day = (np.array([row[k] for row in rows]) for k in range(3))
        return near_repeat(x * 10.0 + shift, y * 10.0, day + shift, **options)

    mixed = events.copy()
    random.shuffle(mixed)
    found, moved = bands(events, 0), bands(mixed, 1000)
    assert found["pairs"].tolist() == moved["pairs"].tolist()
    assert found["expected"].tolist() == pytest.approx(moved["expected"].tolist())
    near = sum(
        math.hypot(a[0] - b[0], a[1] - b[1]) * 10 <= 40 and abs(a[2] - b[2]) <= 10
        for a, b in itertools.combinations(events, 2)
    )
    assert found["pairs"].sum() == near

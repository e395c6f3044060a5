"""Lengths within reach of tracks: by hand, and against buffers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.patrol.reach import covered_lengths, reach_interval

COORDINATE = st.integers(-60, 60).map(float)
FOUR = st.tuples(COORDINATE, COORDINATE, COORDINATE, COORDINATE)


def interval(edge: list[float], stretch: list[float], reach_m: float) -> tuple[float, float]:
    return reach_interval(np.array(edge), np.array(stretch), reach_m)


def test_reach_interval_beside_a_parallel_walk_reaches_round_its_ends() -> None:
    # Edge along x from 0 to 100; walk from (40, 3) to (60, 3), reach 5: the discs reach
    # sqrt(25 - 9) = 4 beyond its ends.
    assert interval([0, 0, 100, 0], [40, 3, 60, 3], 5.0) == pytest.approx((36.0, 64.0))


def test_reach_interval_of_one_fix_is_a_disc() -> None:
    assert interval([0, 0, 100, 0], [50, 3, 50, 3], 5.0) == pytest.approx((46.0, 54.0))


def test_reach_interval_across_a_walk_is_the_width() -> None:
    assert interval([0, 0, 100, 0], [50, -40, 50, 40], 5.0) == pytest.approx((45.0, 55.0))


def test_reach_interval_out_of_reach_ends_before_it_starts() -> None:
    start, end = interval([0, 0, 100, 0], [40, 6, 60, 6], 5.0)
    assert end < start


@settings(max_examples=120, deadline=None)
@given(edge=FOUR, stretch=FOUR, reach_m=st.integers(1, 30))
def test_reach_interval_equals_the_cut_with_a_buffer(
    edge: tuple[float, ...], stretch: tuple[float, ...], reach_m: int
) -> None:
    if edge[:2] == edge[2:]:
        return
    start, end = reach_interval(np.array(edge), np.array(stretch), float(reach_m))
    walk = shapely.LineString([stretch[:2], stretch[2:]])
    buffer = shapely.buffer(walk, reach_m, quad_segs=256)
    cut = shapely.length(shapely.intersection(shapely.LineString([edge[:2], edge[2:]]), buffer))
    # The polygon lies inside the round ground, by at most reach / 2 * (pi / 1024)^2 at its rim: a
    # line that grazes the rim may so be cut shorter by up to sqrt(reach * that).
    assert max(0.0, end - start) == pytest.approx(cut, abs=0.3)
    assert max(0.0, end - start) >= cut - 1e-6


def test_covered_lengths_overlapping_walks_count_once() -> None:
    # Reach 5 on the line itself. Walks 0..30 and 20..50 cover 0..55; the way back from 90 to 80
    # covers 75..95; in all 75 of 100 m. The second patrol stands at 10: 5..15.
    edges = np.array([[0.0, 0, 100, 0]])
    walks = np.array(
        [[0.0, 0, 30, 0], [90, 0, 80, 0], [20, 0, 50, 0], [80, 0, 90, 0], [10, 0, 10, 0]]
    )
    patrol, edge, metres = covered_lengths(
        edges, walks, np.array([0, 0, 0, 0, 1]), reaches_m=(5.0, 2.0)
    )
    assert (patrol.tolist(), edge.tolist()) == ([0, 1], [0, 0])
    # Reach 2: 0..52 and 78..92; the second 8..12.
    assert metres.tolist() == [[75.0, 66.0], [10.0, 4.0]]


def test_covered_lengths_joins_intervals_that_a_third_bridges() -> None:
    # 5..15 and 25..35 are apart until 0..60 covers both.
    edges = np.array([[0.0, 0, 100, 0]])
    walks = np.array([[10.0, 0, 10, 0], [30, 0, 30, 0], [5, 0, 55, 0]])
    _, _, metres = covered_lengths(edges, walks, np.zeros(3, dtype=np.int64), reaches_m=(5.0,))
    assert metres.tolist() == [[60.0]]


def test_covered_lengths_equals_buffers_of_whole_tracks() -> None:
    rng = np.random.default_rng(3)
    starts = rng.uniform(0, 600, (80, 2))
    edges = np.hstack([starts, starts + rng.uniform(-60, 60, (80, 2))])
    tracks = [np.cumsum(rng.normal(0, 12, (150, 2)), axis=0) + 300 for _ in range(4)]
    walks = np.vstack([np.hstack([track[:-1], track[1:]]) for track in tracks])
    owner = np.repeat(np.arange(4), 149)
    patrol, edge, metres = covered_lengths(edges, walks, owner, reaches_m=(20.0,))
    found = np.zeros((4, 80))
    found[patrol, edge] = metres[:, 0]
    lines = shapely.linestrings(edges.reshape(-1, 2, 2))
    for row, track in zip(found, tracks, strict=True):
        buffer = shapely.buffer(shapely.linestrings(track), 20.0, quad_segs=512)
        expected = shapely.length(shapely.intersection(lines, buffer))
        np.testing.assert_allclose(row, expected, atol=0.05)
    assert found.sum() > 500


def test_covered_lengths_shift_and_far_away_tracks_change_nothing() -> None:
    edges = np.array([[0.0, 0, 100, 0], [100, 0, 100, 80]])
    walks = np.array([[0.0, 5, 95, 5]])
    shift = np.array([447_000.0, 4_870_000.0, 447_000.0, 4_870_000.0])
    one = np.zeros(1, dtype=np.int64)
    near = covered_lengths(edges, walks, one, reaches_m=(13.0,))
    moved = covered_lengths(edges + shift, walks + shift, one, reaches_m=(13.0,))
    # First: all of it (12 m round the end at 95). Second: y 0..5 + sqrt(13^2 - 5^2) = 17.
    assert near[2][:, 0].tolist() == pytest.approx([100.0, 17.0])
    np.testing.assert_allclose(near[2], moved[2], atol=1e-6)
    away = covered_lengths(edges, walks + 1e7, one, reaches_m=(13.0,))
    assert len(away[0]) == 0


def test_covered_lengths_nothing_to_cover_is_empty() -> None:
    none = np.zeros((0, 4))
    one = np.zeros(1, dtype=np.int64)
    walks = np.array([[0.0, 0, 9, 0]])
    assert covered_lengths(none, walks, one, reaches_m=(5.0, 9.0))[2].shape == (0, 2)
    assert covered_lengths(walks, none, one[:0], reaches_m=(5.0,))[2].shape == (0, 1)
    assert math.isclose(covered_lengths(walks, walks, one, reaches_m=(5.0,))[2][0, 0], 9.0)

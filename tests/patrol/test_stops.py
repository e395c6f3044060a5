"""Stops under noise of unknown size, on small walks with known truth."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import CrsError, ParameterError
from geo.patrol.stops import estimate_noise, find_stops, standing_probability
from tests.bench.patrol.tracks import by_second, score_by_stop, score_by_time, simulate

CRS = "EPSG:4551"
START = pd.Timestamp("2026-10-01T00:00", tz="UTC")


def track_of(xy: np.ndarray, *, every_s: float = 5.0, patrol: str = "P1") -> gpd.GeoDataFrame:
    at = START + pd.to_timedelta(every_s * np.arange(len(xy)), unit="s")
    return gpd.GeoDataFrame(
        {"patrol": patrol, "worker": "W1", "at": at.astype("datetime64[us, UTC]")},
        geometry=shapely.points(xy),
        crs=CRS,
    )


def walk_stand_walk() -> np.ndarray:
    """60 fixes walked at 1.2 m/s, 36 fixes (180 s) stood, 60 walked; no noise."""
    x = np.concatenate([6.0 * np.arange(60), np.full(36, 354.0), 354.0 + 6.0 * np.arange(1, 61)])
    return np.column_stack([x, np.zeros(len(x))])


@pytest.fixture(scope="module")
def month() -> tuple[gpd.GeoDataFrame, pd.DataFrame, pd.DataFrame]:
    walks = simulate(np.random.default_rng(3), n_workers=6, n_rounds=4)
    return walks.fixes, walks.stops, walks.noise


def test_find_stops_noiseless_walk_has_one_stop() -> None:
    # stands from fix 59 (295 s) to fix 95 (475 s)
    found = find_stops(track_of(walk_stand_walk()))
    assert len(found) == 1
    stop = found.iloc[0]
    assert abs((stop["started_at"] - START).total_seconds() - 295) <= 5
    assert abs((stop["ended_at"] - START).total_seconds() - 475) <= 5
    assert stop.geometry.distance(shapely.Point(354, 0)) < 1.0
    assert stop["dwell_s"] == (stop["ended_at"] - stop["started_at"]).total_seconds()


def test_find_stops_simulated_walks_reach_f1_of_90(
    month: tuple[gpd.GeoDataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    fixes, true, _ = month
    found = by_second(find_stops(fixes), fixes)
    assert score_by_time(found, true, 2_400.0)[0] >= 0.95
    assert score_by_stop(found, true) >= 0.90


def test_estimate_noise_finds_what_was_put_in(
    month: tuple[gpd.GeoDataFrame, pd.DataFrame, pd.DataFrame],
) -> None:
    fixes, _, true = month
    found = estimate_noise(fixes).merge(true, on="worker", suffixes=("", "_true"))
    assert (np.abs(np.log(found["sigma_m"] / found["sigma_m_true"])) < 0.6).all()
    assert found["speed_mps"].between(1.0, 1.4).all()


def test_estimate_noise_one_fix_has_the_priors_medians() -> None:
    row = estimate_noise(track_of(np.zeros((1, 2)))).iloc[0]
    assert (row["sigma_m"], row["tau_s"], row["speed_mps"]) == pytest.approx((6.0, 25.0, 1.2))
    assert row["n_fixes"] == 1


def test_find_stops_all_at_one_place_is_one_stop() -> None:
    found = find_stops(track_of(np.zeros((200, 2))))
    assert found["dwell_s"].tolist() == [995.0]
    assert found["n_fixes"].tolist() == [200]
    assert np.isfinite(found["error_m"]).all()


def test_find_stops_silence_ends_a_stop() -> None:
    track = track_of(np.zeros((60, 2)))
    track["at"] += pd.to_timedelta(np.where(np.arange(60) >= 30, 600.0, 0.0), unit="s")
    assert find_stops(track)["dwell_s"].tolist() == [145.0, 145.0]


def test_find_stops_empty_and_one_fix_have_none() -> None:
    for n in (0, 1):
        found = find_stops(track_of(np.zeros((1, 2))).iloc[:n])
        assert len(found) == 0
        assert list(found.columns[:3]) == ["patrol", "worker", "started_at"]


def test_find_stops_without_worker_takes_each_patrol_as_a_phone() -> None:
    track = track_of(walk_stand_walk()).assign(worker=pd.array([None] * 156, dtype="str"))
    assert estimate_noise(track)["worker"].tolist() == ["P1"]
    assert len(find_stops(track)) == 1


def test_standing_probability_is_null_first_and_after_a_silence() -> None:
    track = track_of(np.zeros((4, 2)))
    track["at"] += pd.to_timedelta([0, 0, 600, 600], unit="s")
    assert standing_probability(track).isna().tolist() == [True, False, True, False]


def test_find_stops_one_hertz_for_a_day() -> None:
    rng = np.random.default_rng(0)
    track = track_of(np.cumsum(rng.normal(size=(86_400, 2)) * 0.2, axis=0), every_s=1.0)
    found = find_stops(track)
    assert found["dwell_s"].sum() <= 86_399


def test_find_stops_every_second_finds_what_every_5_seconds_does() -> None:
    # the same walk at 1 Hz: every fix between two that the model looks at shares their step
    xy = walk_stand_walk()
    second = np.arange(0.0, 776.0)
    fine = np.column_stack([np.interp(second, 5.0 * np.arange(156), xy[:, 0]), np.zeros(776)])
    found = find_stops(track_of(fine, every_s=1.0))
    assert len(found) == 1
    assert abs((found["started_at"].iloc[0] - START).total_seconds() - 295) <= 5
    assert abs((found["ended_at"].iloc[0] - START).total_seconds() - 475) <= 5
    assert standing_probability(track_of(fine, every_s=1.0)).isna().sum() == 1


def test_find_stops_rider_on_an_e_bike() -> None:
    xy = walk_stand_walk() * 4.0 + np.round(np.random.default_rng(0).normal(size=(156, 2)))
    row = estimate_noise(track_of(xy)).iloc[0]
    assert row["speed_mps"] == pytest.approx(4.8, rel=0.1)
    assert find_stops(track_of(xy))["dwell_s"].tolist() == pytest.approx([180.0], abs=10)


def test_find_stops_bad_options_and_degrees() -> None:
    track = track_of(np.zeros((3, 2)))
    with pytest.raises(ParameterError) as raised:
        find_stops(track, least_s=-1.0)
    assert raised.value.params == {"name": "least_s", "value": -1.0}
    with pytest.raises(CrsError):
        find_stops(track.set_crs(4326, allow_override=True))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), shift=st.integers(-5_000, 5_000))
def test_find_stops_order_time_and_place_do_not_matter(seed: int, shift: int) -> None:
    rng = np.random.default_rng(seed)
    # a lattice of 1/8 m: shifted without rounding
    xy = np.round((walk_stand_walk() + rng.normal(scale=2.0, size=(156, 2))) * 8) / 8
    track = track_of(xy)
    found = find_stops(track)
    shuffled = find_stops(track.iloc[rng.permutation(len(track))])
    assert shuffled.drop(columns="geometry").equals(found.drop(columns="geometry"))
    moved = track.set_geometry(track.geometry.translate(64.0 * shift, 32.0 * shift))
    moved["at"] += pd.Timedelta(seconds=shift)
    there = find_stops(moved)
    assert there["dwell_s"].tolist() == found["dwell_s"].tolist()
    assert ((there["started_at"] - found["started_at"]).dt.total_seconds() == shift).all()

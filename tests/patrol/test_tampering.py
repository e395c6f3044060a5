"""Signs planted into small walks are listed with their evidence; honest walks have none."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import CrsError, ParameterError
from geo.patrol.tampering import SIGNS, tamper_signs
from tests.bench.patrol.tracks import ar1, honest_rounds, plant, simulate

CRS = "EPSG:4551"
START = pd.Timestamp("2026-10-01T00:00", tz="UTC")


def track_of(xy: np.ndarray, *, every_s: float = 5.0, **columns: object) -> gpd.GeoDataFrame:
    at = START + pd.to_timedelta(every_s * np.arange(len(xy)), unit="s")
    named = {"patrol": "P1", "worker": "W1", "at": at.astype("datetime64[us, UTC]")}
    return gpd.GeoDataFrame(named | columns, geometry=shapely.points(xy), crs=CRS)


def noisy_walk(n: int = 240, *, seed: int = 0, step_m: float = 6.0) -> np.ndarray:
    """A straight walk east with the noise of a phone."""
    x = np.column_stack([step_m * np.arange(n), np.zeros(n)])
    return x + ar1(np.random.default_rng(seed), n, 6.0, 25.0, 5.0)


def signs_of(fixes: gpd.GeoDataFrame) -> list[tuple[str, str]]:
    found = tamper_signs(fixes)
    return list(zip(found["patrol"], found["sign"], strict=True))


def test_tamper_signs_honest_walk_has_none() -> None:
    assert signs_of(track_of(noisy_walk())) == []


def test_tamper_signs_lasting_teleport_is_listed_out_and_back() -> None:
    xy = noisy_walk()
    xy[100:120, 1] += 500.0
    found = tamper_signs(track_of(xy))
    assert found["sign"].tolist() == ["teleport", "teleport"]
    assert found["until"].tolist() == [START + pd.Timedelta(seconds=s) for s in (500, 600)]
    step = float(np.hypot(*(xy[100] - xy[99])))
    assert found["distance_m"].iloc[0] == pytest.approx(step)
    assert found["speed_mps"].iloc[0] == pytest.approx(step / 5)


def test_tamper_signs_reflection_of_200_m_is_none_but_a_kilometre_is() -> None:
    xy = noisy_walk()
    xy[50, 1] += 200.0
    assert signs_of(track_of(xy)) == []
    xy[50, 1] += 800.0
    assert signs_of(track_of(xy)) == [("P1", "teleport")]


def test_tamper_signs_car_taken_in_a_long_pause_is_no_teleport() -> None:
    # 2 km in 10 minutes of silence
    track = track_of(noisy_walk())
    xy = shapely.get_coordinates(track.geometry.array)
    xy[120:, 1] += 2_000.0
    track["geometry"] = shapely.points(xy)
    track["at"] += pd.to_timedelta(np.where(np.arange(240) >= 120, 600, 0), unit="s")
    assert signs_of(track) == []


def test_tamper_signs_mock_flag_counts_its_fixes() -> None:
    flags = pd.array([True] * 3 + [False] * 236 + [None], dtype="boolean")
    found = tamper_signs(track_of(noisy_walk(), is_mock=flags))
    assert found["sign"].tolist() == ["mock"]
    assert (found["n_fixes"].iloc[0], found["share"].iloc[0]) == (3, 3 / 240)
    assert found["until"].iloc[0] == START + pd.Timedelta(seconds=10)


@pytest.mark.parametrize("jitter_m", [0.0, 0.4])
def test_tamper_signs_replay_the_next_day_names_both_rounds(jitter_m: float) -> None:
    xy = noisy_walk()
    again = xy + np.random.default_rng(1).normal(scale=1.0, size=xy.shape) * jitter_m
    copy = track_of(again, patrol="P2", worker="W2")
    copy["at"] += pd.Timedelta(days=1, seconds=731)
    found = tamper_signs(pd.concat([track_of(xy), copy], ignore_index=True))
    assert found["sign"].tolist() == ["replay", "replay"]
    assert found["patrol"].tolist() == ["P1", "P2"]
    assert found["other"].tolist() == ["P2", "P1"]
    assert (found["share"] > 0.9).all()


def test_tamper_signs_replay_moved_aside_is_found_by_its_steps() -> None:
    xy = noisy_walk()
    copy = track_of(xy + np.array([40.0, -25.0]), patrol="P2")
    copy["at"] += pd.Timedelta(days=1)
    found = signs_of(pd.concat([track_of(xy), copy], ignore_index=True))
    assert found == [("P1", "replay"), ("P2", "replay")]


def test_tamper_signs_same_street_the_next_day_is_no_replay() -> None:
    other = track_of(noisy_walk(seed=9), patrol="P2")
    other["at"] += pd.Timedelta(days=1)
    assert signs_of(pd.concat([track_of(noisy_walk()), other], ignore_index=True)) == []


def test_tamper_signs_two_good_phones_in_one_pocket_are_no_replay() -> None:
    # noise of 2.5 m each: 1 - exp(-2.5^2 / (2 x 3.5^2)) = 22% of the fixes lie within 2.5 m
    way = np.column_stack([6.0 * np.arange(240), np.zeros(240)])
    parts = []
    for seed, code in ((1, "P1"), (2, "P2")):
        noise = ar1(np.random.default_rng(seed), 240, 2.5, 25.0, 5.0)
        parts.append(track_of(way + noise, patrol=code))
    assert signs_of(pd.concat(parts, ignore_index=True)) == []


def test_tamper_signs_two_phones_on_one_path() -> None:
    other = track_of(noisy_walk(seed=9), patrol="P2", worker="W2")
    found = tamper_signs(pd.concat([track_of(noisy_walk()), other], ignore_index=True))
    assert list(zip(found["patrol"], found["sign"], found["other"], strict=True)) == [
        ("P1", "two_phones", "P2"),
        ("P2", "two_phones", "P1"),
    ]


def test_tamper_signs_two_phones_100_m_apart_or_of_one_worker_are_none() -> None:
    apart = track_of(noisy_walk(seed=9) + np.array([0.0, 100.0]), patrol="P2", worker="W2")
    own = track_of(noisy_walk(seed=9), patrol="P2")
    for other in (apart, own):
        assert signs_of(pd.concat([track_of(noisy_walk()), other], ignore_index=True)) == []


def test_tamper_signs_two_phones_under_one_code() -> None:
    other = track_of(noisy_walk(seed=9) + np.array([0.0, 700.0]))
    found = signs_of(pd.concat([track_of(noisy_walk()), other], ignore_index=True))
    assert found == [("P1~2", "two_phones_one_code")]


def test_tamper_signs_exact_line_and_even_spacing_are_regular() -> None:
    line = np.column_stack([6.0 * np.arange(60), 2.5 * np.arange(60)])
    found = tamper_signs(track_of(line))
    assert found["sign"].tolist() == ["regular"]
    assert (found["n_fixes"].iloc[0], found["share"].iloc[0]) == (58, 1.0)
    # the same spacing round a square of 10 steps a side: the corners go on evenly too
    turn = np.repeat([[1, 0], [0, 1], [-1, 0], [0, -1]], 10, axis=0)
    square = np.cumsum(np.tile(turn, (2, 1)) * 6.0, axis=0)
    assert signs_of(track_of(square)) == [("P1", "regular")]


def test_tamper_signs_frozen_phone_is_none() -> None:
    assert signs_of(track_of(np.zeros((400, 2)))) == []


def test_tamper_signs_drive_of_four_minutes() -> None:
    # 48 steps of 60 m in 5 s: 12 m/s; then a walk
    steps = np.where(np.arange(240) < 48, 60.0, 6.0)
    xy = np.column_stack([np.cumsum(steps), np.zeros(240)])
    xy += ar1(np.random.default_rng(2), 240, 6.0, 25.0, 5.0)
    found = tamper_signs(track_of(xy))
    assert found["sign"].tolist() == ["vehicle"]
    assert found["speed_mps"].iloc[0] > 8


def test_tamper_signs_e_bike_is_no_vehicle() -> None:
    assert signs_of(track_of(noisy_walk(step_m=34.5))) == []


def test_tamper_signs_empty_one_fix_degrees_and_options() -> None:
    for n in (0, 1):
        found = tamper_signs(track_of(np.zeros((1, 2))).iloc[:n])
        assert len(found) == 0
        assert found.columns[:3].tolist() == ["patrol", "worker", "sign"]
    with pytest.raises(CrsError):
        tamper_signs(track_of(np.zeros((1, 2))).set_crs(4326, allow_override=True))
    with pytest.raises(ParameterError) as raised:
        tamper_signs(track_of(np.zeros((1, 2))), vehicle_s=0.0)
    assert raised.value.params == {"name": "vehicle_s", "value": 0.0}


def test_tamper_signs_simulated_rounds_planted_and_honest() -> None:
    walks = simulate(np.random.default_rng(4), n_workers=8, n_rounds=5)
    assert len(tamper_signs(walks.fixes)) == 0
    for sign in ("teleport", "replay", "mock"):
        fixes, codes = plant(walks.fixes, sign, np.random.default_rng(5))
        found = tamper_signs(fixes)
        assert codes <= set(found.loc[found["sign"] == sign, "patrol"])


def test_tamper_signs_walks_on_real_streets_raise_at_most_1_percent() -> None:
    name, fixes = honest_rounds()
    if name == "our own walks":
        pytest.skip(
            "SKIPPED: ../shared/data/patrol is absent; honest rounds on real streets unseen"
        )
    assert tamper_signs(fixes)["patrol"].nunique() <= 0.01 * fixes["patrol"].nunique()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999), shift=st.integers(-5_000, 5_000))
def test_tamper_signs_order_time_and_place_do_not_matter(seed: int, shift: int) -> None:
    rng = np.random.default_rng(seed)
    xy = np.round(noisy_walk(seed=seed) * 8) / 8
    xy[100:140, 1] += 640.0
    copy = track_of(xy, patrol="P2", worker="W2")
    copy["at"] += pd.Timedelta(days=3)
    fixes = pd.concat([track_of(xy), copy], ignore_index=True)
    found = tamper_signs(fixes)
    assert set(found["sign"]) == {"teleport", "replay"}
    assert tamper_signs(fixes.iloc[rng.permutation(len(fixes))]).equals(found)
    moved = fixes.set_geometry(fixes.geometry.translate(64.0 * shift, 32.0 * shift))
    moved["at"] += pd.Timedelta(seconds=shift)
    assert tamper_signs(moved)["sign"].tolist() == found["sign"].tolist()


def test_signs_are_named_once() -> None:
    assert len(set(SIGNS)) == len(SIGNS) == 7

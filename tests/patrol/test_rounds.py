"""Rounds cut from fixes, and how far was walked."""

from __future__ import annotations

from datetime import time

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import CrsError, ParameterError
from geo.patrol.rounds import cut_rounds, walked_length_m
from tests.bench.patrol.tracks import simulate

CRS = "EPSG:4551"


def fixes_at(*spans: tuple[str, int], worker: str | None = "W1") -> gpd.GeoDataFrame:
    """A fix every minute from each local time on, for so many minutes; 60 m further east each."""
    at = pd.DatetimeIndex(
        np.concatenate(
            [
                pd.date_range(begin, periods=n + 1, freq="min", tz="Asia/Shanghai").tz_convert(
                    "UTC"
                )
                for begin, n in spans
            ]
        )
    )
    return gpd.GeoDataFrame(
        {
            "worker": pd.array([worker] * len(at), dtype="str"),
            "at": at.astype("datetime64[us, UTC]"),
        },
        geometry=[shapely.Point(60.0 * k, 0) for k in range(len(at))],
        crs=CRS,
    )


def test_cut_rounds_two_windows_a_day() -> None:
    cut = cut_rounds(fixes_at(("2026-10-01 08:00", 40), ("2026-10-01 15:00", 40)))
    assert cut["patrol"].tolist() == ["W1-20261001-1"] * 41 + ["W1-20261001-2"] * 41
    assert cut["round"].tolist() == [1] * 41 + [2] * 41
    assert (cut["day"] == pd.Timestamp("2026-10-01")).all()
    assert set(cut["outcome"]) == {"in_round"}


def test_cut_rounds_silence_begins_a_further_walk_of_the_round() -> None:
    # 40 min, 35 min of silence (above half an hour), 20 min
    cut = cut_rounds(fixes_at(("2026-10-01 08:00", 40), ("2026-10-01 09:15", 20)))
    assert cut["patrol"].unique().tolist() == ["W1-20261001-1", "W1-20261001-1-2"]
    assert set(cut["round"]) == {1}


def test_cut_rounds_silence_of_half_an_hour_is_bridged() -> None:
    cut = cut_rounds(fixes_at(("2026-10-01 08:00", 40), ("2026-10-01 09:10", 20)))
    assert cut["patrol"].unique().tolist() == ["W1-20261001-1"]


def test_cut_rounds_keeps_what_is_no_round_and_says_why() -> None:
    # 23:00 is outside both windows; 4 min is shorter than 5
    cut = cut_rounds(fixes_at(("2026-10-01 10:00", 4), ("2026-10-01 23:00", 30)))
    assert cut["outcome"].tolist() == ["too_short"] * 5 + ["outside_windows"] * 31
    assert cut[["patrol", "day", "round"]].isna().all(axis=None)


def test_cut_rounds_day_is_local() -> None:
    # 07:00 in Changchun is 23:00 UTC of the day before
    cut = cut_rounds(fixes_at(("2026-10-01 07:00", 10)))
    assert cut["patrol"].unique().tolist() == ["W1-20261001-1"]


def test_cut_rounds_window_past_midnight_belongs_to_its_first_day() -> None:
    night = cut_rounds(
        fixes_at(("2026-10-01 23:30", 60)), windows=[(time(22), time(2)), (time(8), time(12))]
    )
    assert night["patrol"].unique().tolist() == ["W1-20261001-1"]


def test_cut_rounds_keeps_index_and_order_and_argument() -> None:
    fixes = fixes_at(("2026-10-01 08:00", 40)).iloc[::-1]
    before = fixes.copy()
    cut = cut_rounds(fixes)
    assert cut.index.equals(fixes.index)
    assert fixes.equals(before)


def test_cut_rounds_without_worker_goes_by_patrol() -> None:
    fixes = fixes_at(("2026-10-01 08:00", 40), worker=None).assign(patrol="phone 7")
    assert cut_rounds(fixes)["patrol"].unique().tolist() == ["phone 7-20261001-1"]


@pytest.mark.parametrize(
    ("windows", "said"),
    [
        ([], ""),
        ([(time(8), time(12)), (time(11), time(14))], "08:00-12:00, 11:00-14:00"),
        ([(time(8), time(8))], "08:00-08:00"),
        ([(time(22), time(2)), (time(1), time(3))], "22:00-02:00, 01:00-03:00"),
    ],
)
def test_cut_rounds_refuses_windows_that_overlap_or_are_empty(
    windows: list[tuple[time, time]], said: str
) -> None:
    with pytest.raises(ParameterError) as raised:
        cut_rounds(fixes_at(("2026-10-01 08:00", 5)), windows=windows)
    assert (raised.value.code, raised.value.params) == ("patrol.windows", {"windows": said})


def test_cut_rounds_empty_and_degrees() -> None:
    empty = fixes_at(("2026-10-01 08:00", 5)).iloc[:0]
    assert len(cut_rounds(empty)) == 0
    with pytest.raises(CrsError):
        cut_rounds(empty.set_crs(4326, allow_override=True))


@settings(max_examples=20, deadline=None)
@given(minutes=st.lists(st.integers(0, 2_879), min_size=1, max_size=80), seed=st.integers(0, 99))
def test_cut_rounds_row_order_does_not_matter_and_nothing_is_lost(
    minutes: list[int], seed: int
) -> None:
    fixes = fixes_at(("2026-10-01 00:00", 2_879)).iloc[sorted(set(minutes))]
    cut = cut_rounds(fixes)
    assert len(cut) == len(fixes)
    assert cut["outcome"].isin(["in_round", "too_short", "outside_windows"]).all()
    assert (cut["patrol"].notna() == (cut["outcome"] == "in_round")).all()
    order = np.random.default_rng(seed).permutation(len(fixes))
    assert cut_rounds(fixes.iloc[order]).sort_index().equals(cut)


def test_walked_length_simulated_rounds_within_5_percent_in_the_mean_and_2_in_all() -> None:
    walks = simulate(np.random.default_rng(8), n_workers=6, n_rounds=6)
    found = walked_length_m(walks.fixes).set_index("patrol")
    ratio = found["walked_m"] / walks.length_m
    assert (ratio - 1).abs().mean() < 0.05
    assert abs(found["walked_m"].sum() / walks.length_m.sum() - 1) < 0.02
    assert (found["raw_m"] / walks.length_m).mean() > 1.8


def test_walked_length_counts_walking_and_standing_time() -> None:
    # 59 steps walked, 36 steps stood (180 s), no noise: 354 m
    x = np.concatenate([6.0 * np.arange(60), np.full(36, 354.0)])
    at = pd.Timestamp("2026-10-01T00:00Z") + pd.to_timedelta(5.0 * np.arange(96), unit="s")
    track = gpd.GeoDataFrame(
        {"patrol": "P1", "worker": "W1", "at": at}, geometry=gpd.points_from_xy(x, 0 * x), crs=CRS
    )
    row = walked_length_m(track).iloc[0]
    assert row["walked_m"] == pytest.approx(354, rel=0.03)
    assert row["raw_m"] == pytest.approx(354)
    assert row["walking_s"] + row["standing_s"] == pytest.approx(475)
    assert row["standing_s"] == pytest.approx(180, abs=10)


def test_walked_length_empty_one_fix_and_silence() -> None:
    track = fixes_at(("2026-10-01 08:00", 1)).assign(patrol="P1")
    assert len(walked_length_m(track.iloc[:0])) == 0
    one = walked_length_m(track.iloc[:1]).iloc[0]
    assert (one["walked_m"], one["raw_m"]) == (0.0, 0.0)
    gap = walked_length_m(track, gap_s=30.0).iloc[0]
    assert (gap["walked_m"], gap["walking_s"]) == (0.0, 0.0)

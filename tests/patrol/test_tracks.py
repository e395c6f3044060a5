"""Tracks cleaned, joined and summed up."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo.errors import CrsError
from geo.patrol.tracks import clean, rounds, segments, silences

CRS = "EPSG:4551"
START = pd.Timestamp("2026-10-01T00:00", tz="UTC")


def track_of(
    *fixes: tuple[float, float, float | None], patrol: str = "P1", worker: str = "W1"
) -> gpd.GeoDataFrame:
    """Fixes (second, x, y); y None is a fix without a place."""
    at = START + pd.to_timedelta([second for second, _, _ in fixes], unit="s")
    return gpd.GeoDataFrame(
        {
            "patrol": patrol,
            "worker": worker,
            "day": pd.Timestamp("2026-10-01"),
            "round": 1,
            "at": at.astype("datetime64[us, UTC]"),
        },
        geometry=[None if y is None else shapely.Point(x, y) for _, x, y in fixes],
        crs=CRS,
    )


def test_clean_orders_and_drops_repeats_and_blanks() -> None:
    track = track_of((20, 20, 0), (0, 0, 0), (10, 10, 0), (10, 99, 0), (15, 0, None))
    assert clean(track).index.tolist() == [1, 2, 0]


def test_clean_drops_single_and_double_spikes() -> None:
    # 10 m in 10 s, then 1 km off and back: 100 m/s in and out, 1 m/s across.
    single = track_of((0, 0, 0), (10, 10, 0), (20, 1000, 0), (30, 30, 0))
    assert clean(single).index.tolist() == [0, 1, 3]
    # Two spikes with a good fix between them both go, and the good one stays.
    double = track_of((0, 0, 0), (10, 1000, 0), (20, 20, 0), (30, 0, 900), (40, 40, 0))
    assert clean(double).index.tolist() == [0, 2, 4]


def test_clean_keeps_a_lasting_jump_and_does_not_mix_patrols() -> None:
    jump = track_of((0, 0, 0), (10, 10, 0), (20, 1000, 0), (30, 1010, 0))
    assert len(clean(jump)) == 4
    other = track_of((5, 5000, 0), patrol="P2")
    both = pd.concat([jump, other], ignore_index=True)
    assert clean(both)["patrol"].tolist() == ["P1"] * 4 + ["P2"]


def test_clean_empty_track_and_degrees() -> None:
    assert len(clean(track_of((0, 0, 0)).iloc[:0])) == 0
    with pytest.raises(CrsError):
        clean(track_of((0, 0, 0)).set_crs(4326, allow_override=True))


def test_segments_leave_gaps_and_jumps_open_and_keep_lone_fixes() -> None:
    track = track_of(
        (0, 0, 0), (10, 10, 0), (200, 30, 0), (210, 40, 0), (220, 900, 0), (500, 900, 50)
    )
    found = segments(track, gap_s=120.0)
    # 0-10 s and 200-210 s are joined; 190 s of silence, 86 m/s and 280 s are not; the last two
    # fixes stand alone.
    assert found.ends.tolist() == [
        [0, 0, 10, 0],
        [30, 0, 40, 0],
        [900, 0, 900, 0],
        [900, 50, 900, 50],
    ]
    assert found.patrol.tolist() == [0, 0, 0, 0]


def test_segments_of_two_patrols_are_not_joined_and_ascend() -> None:
    both = pd.concat(
        [track_of((0, 0, 0)), track_of((1, 1, 0), (2, 2, 0), patrol="P2")], ignore_index=True
    )
    found = segments(both)
    assert found.patrol.tolist() == [0, 1]
    assert found.patrols["patrol"].tolist() == ["P1", "P2"]


def test_segments_of_no_fixes_are_empty() -> None:
    found = segments(track_of((0, 0, 0)).iloc[:0])
    assert (found.ends.shape, len(found.patrol), len(found.patrols)) == ((0, 4), 0, 0)


def test_silences_are_the_pauses_of_one_patrol() -> None:
    one = track_of((0, 0, 0), (30, 5, 0), (61, 9, 0))
    two = track_of((900, 0, 0), (1000, 7, 0), patrol="P2")
    found = silences(pd.concat([one, two], ignore_index=True))
    assert found.ends.tolist() == [[5, 0, 9, 0], [0, 0, 7, 0]]
    assert (found.seconds.tolist(), found.patrol.tolist()) == ([31.0, 100.0], [0, 1])


def test_rounds_sum_up_a_patrol() -> None:
    track = track_of((0, 0, 0), (10, 10, 0), (200, 30, 0), (210, 30, 8))
    row = rounds(clean(track)).iloc[0]
    assert (row["patrol"], row["n_fixes"], row["duration_s"]) == ("P1", 4, 210.0)
    assert row["track_m"] == pytest.approx(10 + 8)  # the gap of 190 s is not walked
    assert row["longest_gap_s"] == 190.0
    assert row["ended_at"] == START + pd.Timedelta(seconds=210)


def test_rounds_of_one_fix_have_no_length_and_no_gap() -> None:
    row = rounds(track_of((0, 0, 0))).iloc[0]
    assert (row["track_m"], row["longest_gap_s"], row["duration_s"]) == (0.0, 0.0, 0.0)
    assert len(rounds(track_of((0, 0, 0)).iloc[:0])) == 0


def test_clean_changes_nothing_given() -> None:
    track = track_of((20, 20, 0), (0, 0, 0))
    before = track.copy()
    clean(track)
    assert track.equals(before)
    assert np.array_equal(track.index, before.index)

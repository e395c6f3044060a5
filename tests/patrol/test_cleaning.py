"""Every fix judged once: reasons worked by hand, and nothing lost whatever comes."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.crs import wgs84_to_gcj02
from geo.errors import CrsError, ParameterError
from geo.intake.doctor.datum import fit_datum
from geo.patrol.cleaning import KEPT, clean_report, judge
from geo.patrol.tracks import clean
from tests.bench.patrol.tracks import ar1

CRS = "EPSG:4551"
START = pd.Timestamp("2026-10-01T00:00", tz="UTC")


def track_of(*fixes: tuple[float, float, float | None], **columns: object) -> gpd.GeoDataFrame:
    """Fixes (second, x, y); y None is a fix without a place."""
    at = START + pd.to_timedelta([second for second, _, _ in fixes], unit="s")
    return gpd.GeoDataFrame(
        {
            "patrol": "P1",
            "worker": "W1",
            "day": pd.Timestamp("2026-10-01"),
            "round": 1,
            "at": at.astype("datetime64[us, UTC]"),
            **columns,
        },
        geometry=[None if y is None else shapely.Point(x, y) for _, x, y in fixes],
        crs=CRS,
    )


def walk(n: int, *, begin_s: float = 0.0, x: float = 0.0, y: float = 0.0) -> list[tuple]:
    """A fix every 5 s, 6 m further east each."""
    return [(begin_s + 5.0 * k, x + 6.0 * k, y) for k in range(n)]


def reasons(track: gpd.GeoDataFrame, **options: object) -> list[str]:
    return judge(track, **options)["reason"].tolist()  # type: ignore[arg-type]


def test_judge_ordinary_walk_is_kept() -> None:
    assert reasons(track_of(*walk(20))) == ["kept"] * 20


def test_judge_no_place_no_time_and_poor_accuracy() -> None:
    track = track_of((0, 0, 0), (5, 6, None), (10, 12, 0), (15, 18, 0))
    track["accuracy_m"] = [5.0, 5.0, np.nan, 101.0]
    track.loc[0, "at"] = pd.NaT
    assert reasons(track) == ["no_time", "no_place", "kept", "inaccurate"]


def test_judge_infinite_place_is_no_place() -> None:
    track = track_of((0, 0, 0), (5, 6, 0))
    track.loc[1, "geometry"] = shapely.Point(np.inf, 0)
    assert reasons(track) == ["kept", "no_place"]


def test_judge_other_continent_is_elsewhere() -> None:
    # 30 km from the area, and 19 km from it
    track = track_of((0, 30_100, 0), (3600, 19_100, 0))
    assert reasons(track, area=shapely.box(0, -50, 100, 50)) == ["elsewhere", "kept"]


def test_judge_duplicate_and_same_time() -> None:
    # the fix at 10 s comes twice alike, and once 90 m off: the one next to the fix before stays
    track = track_of((5, 6, 0), (10, 12, 0), (10, 12, 0), (10, 99, 0), (15, 18, 0))
    assert sorted(reasons(track)) == ["duplicate", "kept", "kept", "kept", "same_time"]
    assert reasons(track)[3] == "same_time"


def test_judge_spike_is_a_jump() -> None:
    fixes = walk(10)
    fixes[4] = (20.0, 24.0, 900.0)
    assert reasons(track_of(*fixes)) == ["kept"] * 4 + ["jump"] + ["kept"] * 5


def test_judge_clock_an_hour_ahead_is_set_back() -> None:
    # 20 fixes, then 10 more that go on 6 m further with the clock an hour ahead
    late = [(second + 3_600.0, x, y) for second, x, y in walk(30)[20:]]
    judged = judge(track_of(*walk(20), *late))
    assert judged["reason"].tolist() == ["kept"] * 20 + ["clock_hours"] * 10
    assert judged["at"].iloc[20] == START + pd.Timedelta(seconds=100)


def test_judge_clock_two_hours_behind_is_set_on() -> None:
    early = [(second - 7_200.0, x, y) for second, x, y in walk(30)[20:]]
    judged = judge(track_of(*walk(20), *early))
    assert judged["reason"].tolist() == ["kept"] * 20 + ["clock_hours"] * 10
    assert judged["at"].iloc[20] == START + pd.Timedelta(seconds=100)


def test_judge_break_of_another_length_is_left_alone() -> None:
    # 47 minutes of lunch, and an hour after which the worker is 3 km away
    lunch = [(second + 2_820.0, x, y) for second, x, y in walk(30)[20:]]
    away = [(second + 3_600.0, x + 3_000.0, y) for second, x, y in walk(30)[20:]]
    assert set(reasons(track_of(*walk(20), *lunch))) == {"kept"}
    assert set(reasons(track_of(*walk(20), *away))) == {"kept"}


def test_judge_time_backwards_by_the_phones_count() -> None:
    # counted 0 to 9; the fixes 4 and 5 say a time of before the walk
    track = track_of(*walk(10), sequence=list(range(10)))
    track.loc[[4, 5], "at"] = START - pd.to_timedelta([65, 60], unit="s")
    assert reasons(track) == ["kept"] * 4 + ["clock_back"] * 2 + ["kept"] * 4


def test_judge_two_phones_under_one_code_are_told_apart() -> None:
    # one walks at y = 0, the other 500 m north, in turn every 2.5 s
    one, two = walk(30), walk(30, begin_s=2.5, y=500.0)
    judged = judge(track_of(*one, *two))
    assert judged["reason"].tolist() == ["kept"] * 30 + ["second_phone"] * 30
    assert judged["patrol"].tolist() == ["P1"] * 30 + ["P1~2"] * 30


def test_judge_two_phones_at_the_same_instants_are_told_apart() -> None:
    judged = judge(track_of(*walk(30), *walk(30, y=500.0)))
    assert clean_report(judged).set_index("reason")["n"].to_dict() == {
        "kept": 30,
        "second_phone": 30,
    }


def test_judge_one_fix_a_second_with_much_noise_is_one_phone() -> None:
    rng = np.random.default_rng(0)
    xy = 1.2 * np.column_stack([np.arange(1_200), np.zeros(1_200)]) + ar1(rng, 1_200, 10, 15, 1)
    found = reasons(track_of(*[(float(k), x, y) for k, (x, y) in enumerate(xy.tolist())]))
    assert set(found) <= {"kept", "jump"}
    assert found.count("kept") >= 1_195


def test_judge_lasting_jump_is_one_phone() -> None:
    there = [(second, x, 900.0) for second, x, _ in walk(60)[20:40]]
    assert set(reasons(track_of(*walk(20), *there, *walk(60)[40:]))) == {"kept"}


def test_judge_excursion_of_a_standing_phone_is_drift() -> None:
    # at one place but for 4 fixes that leap 60 m off and back
    fixes = [(5.0 * k, 0.0, 60.0 if 10 <= k < 14 else 0.5 * (k % 2)) for k in range(30)]
    assert reasons(track_of(*fixes)) == ["kept"] * 10 + ["drift"] * 4 + ["kept"] * 16


def test_judge_walk_out_and_back_is_no_drift() -> None:
    # stands, walks 48 m out and back at 1.2 m/s, stands
    way = [0.0] * 8 + [6.0 * k for k in range(9)] + [6.0 * k for k in range(7, -1, -1)] + [0.0] * 8
    fixes = [(5.0 * k, x, 0.0) for k, x in enumerate(way)]
    assert set(reasons(track_of(*fixes))) == {"kept"}


def test_judge_empty_one_fix_and_bad_options() -> None:
    empty = judge(track_of((0, 0, 0)).iloc[:0])
    assert len(empty) == 0
    assert len(clean_report(empty)) == 0
    assert reasons(track_of((0, 0, 0))) == ["kept"]
    with pytest.raises(ParameterError) as raised:
        judge(track_of((0, 0, 0)), max_speed_mps=0.0)
    assert raised.value.params == {"name": "max_speed_mps", "value": 0.0}
    with pytest.raises(CrsError):
        judge(track_of((0, 0, 0)).set_crs(4326, allow_override=True))


def test_judge_all_at_one_place_and_one_instant() -> None:
    assert set(reasons(track_of(*[(5.0 * k, 3.0, 4.0) for k in range(50)]))) == {"kept"}
    assert sorted(set(reasons(track_of(*[(0.0, 3.0, 4.0)] * 5)))) == ["duplicate", "kept"]


def test_judge_changes_nothing_given() -> None:
    late = [(second + 3_600.0, x, y) for second, x, y in walk(30)[20:]]
    track = track_of(*walk(20), *late)
    before = track.copy()
    judge(track)
    assert track.equals(before)


@st.composite
def tracks(draw: st.DrawFn) -> gpd.GeoDataFrame:
    """Fixes of two patrols at whole seconds on a lattice, some far off, some without a place."""
    n = draw(st.integers(1, 60))
    second = draw(st.lists(st.integers(0, 300), min_size=n, max_size=n))
    x = draw(st.lists(st.integers(0, 50), min_size=n, max_size=n))
    y = draw(st.lists(st.sampled_from([0, 8, 16, 600, None]), min_size=n, max_size=n))
    track = track_of(*zip(second, x, y, strict=True))
    track["patrol"] = draw(st.lists(st.sampled_from(["P1", "P2"]), min_size=n, max_size=n))
    return track


@settings(max_examples=60, deadline=None)
@given(track=tracks(), seed=st.integers(0, 99), shift=st.integers(-5_000, 5_000))
def test_judge_counts_add_up_and_order_time_and_place_do_not_matter(
    track: gpd.GeoDataFrame, seed: int, shift: int
) -> None:
    judged = judge(track)
    report = clean_report(judged)
    assert report["n"].sum() == len(track)
    assert report.loc[report["is_kept"], "n"].sum() == len(clean(track))
    assert judged.index.equals(track.index)
    order = np.random.default_rng(seed).permutation(len(track))
    shuffled = judge(track.iloc[order])
    # of exact repeats any one may be the one kept: counts are compared
    assert clean_report(shuffled).equals(report)
    later = track.assign(at=track["at"] + pd.Timedelta(seconds=shift))
    assert judge(later)["reason"].tolist() == judged["reason"].tolist()
    moved = track.set_geometry(track.geometry.translate(64.0 * shift, 32.0 * shift))
    assert judge(moved)["reason"].tolist() == judged["reason"].tolist()


def test_kept_reasons_are_the_first_three() -> None:
    assert {"kept", "clock_hours", "second_phone"} == KEPT


def test_fit_datum_names_a_track_in_the_wrong_datum() -> None:
    # streets every 150 m in Changchun, a walk along one of them whose numbers are GCJ-02
    x0, y0 = 500_000.0, 4_860_000.0
    lines = [shapely.LineString([(x0, y0 + k), (x0 + 3_000, y0 + k)]) for k in range(0, 3_001, 150)]
    lines += [
        shapely.LineString([(x0 + k, y0), (x0 + k, y0 + 3_000)]) for k in range(0, 3_001, 170)
    ]
    streets = gpd.GeoDataFrame(geometry=lines, crs=CRS)
    way = [(x0 + 6.0 * k, y0 + 1_500.0) for k in range(250)]
    way += [(x0 + 1_530.0, y0 + 1_500.0 - 6.0 * k) for k in range(200)]
    noise = ar1(np.random.default_rng(0), len(way), 5, 20, 5)
    true = gpd.GeoDataFrame(geometry=shapely.points(np.array(way) + noise), crs=CRS).to_crs(4326)
    lon, lat = shapely.get_coordinates(true.geometry.array).T
    shifted = true.set_geometry(gpd.points_from_xy(*wgs84_to_gcj02(lon, lat), crs=4326))
    assert fit_datum(shifted, streets).best == "gcj02"
    assert fit_datum(true, streets).best == "wgs84"

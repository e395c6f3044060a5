"""Tracks matched to the walking network."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import CrsError, ParameterError
from geo.patrol.matching import Matched, corridors, match
from geo.patrol.pieces import cut_pieces
from geo.patrol.tracks import clean

CRS = "EPSG:4551"
START = pd.Timestamp("2026-10-01T00:00", tz="UTC")
MPS = 1.2


def pieces_of(*lines: list[tuple[float, float]], shift: float = 0.0) -> gpd.GeoDataFrame:
    moved = [shapely.LineString([(x + shift, y + shift) for x, y in line]) for line in lines]
    streets = gpd.GeoDataFrame(
        {"street": [f"S{k}" for k in range(len(lines))]}, geometry=moved, crs=CRS
    )
    return cut_pieces(streets, max_length_m=10.0)


def walk(
    *corners: tuple[float, float],
    every_s: float = 5.0,
    sigma_m: float = 0.0,
    patrol: str = "P1",
    shift: float = 0.0,
) -> gpd.GeoDataFrame:
    """A walk at 1.2 m/s along the corners, errors independent from fix to fix."""
    line = shapely.LineString(corners)
    second = np.arange(0.0, line.length / MPS + 1e-9, every_s)
    xy = shapely.get_coordinates(shapely.line_interpolate_point(line, second * MPS))
    xy = xy + np.random.default_rng(7).normal(0, sigma_m, xy.shape) + shift
    return tracks_of(second, xy, patrol)


def tracks_of(second: np.ndarray, xy: np.ndarray, patrol: str = "P1") -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "patrol": patrol,
            "worker": "W1",
            "day": pd.Timestamp("2026-10-01"),
            "round": 1,
            "at": (START + pd.to_timedelta(second, unit="s")).astype("datetime64[us, UTC]"),
        },
        geometry=shapely.points(xy),
        crs=CRS,
    )


def chance(matched: Matched, pieces: gpd.GeoDataFrame) -> pd.Series:
    """Mean chance by street, untouched pieces 0."""
    found = matched.walked.groupby("piece")["probability"].max()
    every = found.reindex(pieces["piece"].to_numpy()).fillna(0.0)
    return every.groupby(pieces["street"].to_numpy()).mean()


PARALLEL = pieces_of([(0, 0), (200, 0)], [(0, 60), (200, 60)], [(0, 0), (0, 60)])


def test_match_straight_street_is_walked_and_its_parallel_is_not() -> None:
    matched = match(PARALLEL, walk((0, 0), (200, 0), sigma_m=3.0))
    found = chance(matched, PARALLEL)
    assert found["S0"] > 0.9
    assert found["S1"] == 0.0
    # 200 m were walked in 165 s of fixes (5 s short of the end): 198 m.
    assert matched.rounds["length_m"].tolist() == pytest.approx([198.0], rel=0.1)


def test_match_dead_end_walked_to_its_end_and_back_is_walked() -> None:
    pieces = pieces_of([(0, 0), (200, 0)], [(100, 0), (100, 60)], [(150, 0), (150, 60)])
    matched = match(pieces, walk((0, 0), (100, 0), (100, 60), (100, 0), (200, 0), sigma_m=2.0))
    found = chance(matched, pieces)
    assert found["S0"] > 0.85
    assert found["S1"] > 0.7
    assert found["S2"] < 0.2


def test_match_turn_follows_the_corner_and_not_straight_on() -> None:
    pieces = pieces_of([(0, 0), (100, 0)], [(100, 0), (200, 0)], [(100, 0), (100, 100)])
    found = chance(match(pieces, walk((0, 0), (100, 0), (100, 100), sigma_m=2.0)), pieces)
    assert found["S0"] > 0.85
    assert found["S2"] > 0.85
    assert found["S1"] < 0.15


def test_match_street_crossed_at_an_inner_corner_is_joined() -> None:
    # The street is one line of 200 m; the side street ends at its corner at 85 m, inside a piece.
    pieces = pieces_of([(0, 0), (85, 0), (200, 0)], [(85, 0), (85, 80)])
    found = match(pieces, walk((0, 0), (85, 0), (85, 80), sigma_m=1.0))
    assert chance(found, pieces)["S1"] > 0.85
    assert found.rounds["length_m"].tolist() == pytest.approx([162.0], rel=0.1)


def test_match_standing_all_the_time_walks_nothing() -> None:
    second = np.arange(0.0, 1200.0, 5.0)
    noise = np.random.default_rng(3).normal(0, 4.0, (len(second), 2))
    matched = match(PARALLEL, tracks_of(second, noise + np.array([100.0, 0.0])))
    assert matched.rounds["length_m"].iloc[0] < 60.0
    assert matched.walked["probability"].sum() < 6.0


def test_match_long_silence_begins_anew() -> None:
    both = pd.concat([walk((0, 0), (60, 0)), walk((140, 0), (200, 0))], ignore_index=True)
    n = len(both) // 2
    both.loc[n:, "at"] += pd.Timedelta(400, "s")
    matched = match(PARALLEL, clean(both))
    found = matched.walked.set_index("piece")["probability"].reindex(PARALLEL["piece"]).fillna(0)
    assert found.iloc[[1, 2, 3, 16, 17]].min() > 0.8
    assert found.iloc[8:12].max() < 0.2


def test_match_stretch_off_the_network_is_kept_as_such() -> None:
    far = walk((0, 0), (100, 0), (100, -150), (130, -150), (130, 0), (200, 0))
    matched = match(PARALLEL, far)
    y = shapely.get_y(far.geometry.array)
    assert (matched.piece[y < -60] == -1).all()
    assert np.isnan(matched.offset_m[y < -60]).all()
    assert (matched.piece[:10] >= 0).all()


def test_match_places_fixes_along_their_piece() -> None:
    matched = match(PARALLEL, walk((0, 0), (200, 0)))
    along = np.arange(len(matched.piece)) * 6.0
    placed = matched.piece * 10.0 + matched.offset_m
    assert np.abs(placed - along)[1:-1].max() < 6.0


@pytest.mark.parametrize("n", [0, 1, 2])
def test_match_hardly_any_fix_is_answered(n: int) -> None:
    matched = match(PARALLEL, walk((0, 0), (200, 0)).iloc[:n])
    assert len(matched.piece) == n
    assert len(matched.rounds) == min(n, 1)
    assert np.isfinite(matched.walked["probability"]).all()


def test_match_no_pieces_or_blank_pieces_is_answered() -> None:
    assert len(match(PARALLEL.iloc[:0], walk((0, 0), (50, 0))).walked) == 0
    blank = PARALLEL.copy()
    blank.loc[0, "geometry"] = None
    blank.loc[1, "geometry"] = shapely.LineString()
    assert len(match(blank, walk((0, 0), (100, 0))).walked) > 0


def test_match_another_continent_touches_nothing() -> None:
    matched = match(PARALLEL, walk((9e6, 9e6), (9e6 + 200, 9e6)))
    assert len(matched.walked) == 0
    assert set(matched.piece) == {-1}


def test_match_one_hertz_for_a_day_is_answered() -> None:
    second = np.arange(86_400.0)
    # To and fro along 200 m at 1 m/s: 400 s a turn.
    x = 200.0 - np.abs(second % 400.0 - 200.0)
    matched = match(PARALLEL, tracks_of(second, np.column_stack([x, np.zeros(len(x))])))
    assert chance(matched, PARALLEL)["S0"] > 0.95
    # Turning round takes a step of about 5 s of each 200 s, which is time not walked.
    assert matched.rounds["length_m"].tolist() == pytest.approx([86_400.0], rel=0.15)


def test_match_two_workers_with_one_id_lose_nothing() -> None:
    one = walk((0, 0), (200, 0), patrol="P1")
    other = walk((0, 60), (200, 60), patrol="P2")
    matched = match(PARALLEL, pd.concat([one, other], ignore_index=True))
    assert matched.rounds["patrol"].tolist() == ["P1", "P2"]
    assert chance(matched, PARALLEL)[["S0", "S1"]].min() > 0.85


def test_match_repeated_piece_has_what_its_twin_has() -> None:
    twice = pd.concat([PARALLEL, PARALLEL.iloc[:20].assign(piece=lambda p: "T" + p["piece"])])
    twice = gpd.GeoDataFrame(twice.reset_index(drop=True), crs=CRS)
    found = match(twice, walk((0, 0), (200, 0))).walked.set_index("piece")["probability"]
    assert found["TS0-010"] == found["S0-010"] > 0.9


def test_match_patrol_stays_in_its_grid_when_both_would_do() -> None:
    beside = pieces_of([(0, 0), (200, 0)], [(0, 8), (200, 8)])
    beside["grid"] = np.where(beside["street"] == "S0", "A", "B")
    found = chance(match(beside, walk((0, 4), (200, 4)).assign(grid="A")), beside)
    assert found["S0"] > 0.8
    assert found["S1"] < 0.2


def test_match_row_order_changes_nothing() -> None:
    fixes = walk((0, 0), (200, 0), (0, 0), sigma_m=4.0)
    first = match(PARALLEL, fixes)
    turned = match(PARALLEL, fixes.iloc[::-1])
    pd.testing.assert_frame_equal(first.walked, turned.walked)
    assert (turned.piece[::-1] == first.piece).all()


@settings(max_examples=5, deadline=None)
@given(st.integers(-500_000, 500_000))
def test_match_coordinate_shift_changes_nothing(shift: int) -> None:
    lines = [(0, 0), (200, 0)], [(0, 60), (200, 60)]
    here = match(pieces_of(*map(list, lines)), walk((0, 0), (200, 0)))
    there = match(
        pieces_of(*map(list, lines), shift=float(shift)), walk((0, 0), (200, 0), shift=float(shift))
    )
    left, right = here.walked, there.walked
    both = left.merge(right, on="piece", how="outer").fillna(0.0)
    # Millimetres of rounding may tip single samples of 64.
    assert (both["probability_x"] - both["probability_y"]).abs().max() < 0.15


def test_match_bad_input_raises() -> None:
    with pytest.raises(CrsError):
        match(PARALLEL, walk((0, 0), (50, 0)).to_crs("EPSG:4550"))
    with pytest.raises(ParameterError) as error:
        match(PARALLEL, walk((0, 0), (50, 0)), gap_s=math.nan)
    assert error.value.code == "parameter.not_positive"


def test_corridors_join_the_pavements_and_not_the_street_along() -> None:
    pieces = pieces_of([(0, 0), (30, 0)], [(0, 6), (30, 6)], [(0, 40), (30, 40)], [(0, 0), (0, 6)])
    labels = corridors(pieces, within_m=10.0)
    # Three pieces of 10 m along each; each with the one beside it, the far ones alone.
    assert labels[:3].tolist() == labels[3:6].tolist()
    assert len(set(labels[:3])) == 3
    assert labels[6:10].tolist() == [6, 7, 8, 9]


def test_corridors_of_none_are_none_and_bad_distance_raises() -> None:
    assert len(corridors(PARALLEL.iloc[:0], within_m=5.0)) == 0
    with pytest.raises(ParameterError):
        corridors(PARALLEL, within_m=0.0)


def test_by_corridor_is_at_least_each_of_its_ways() -> None:
    pieces = pieces_of([(0, 0), (200, 0)], [(0, 6), (200, 6)])
    matched = match(pieces, walk((0, 3), (200, 3), sigma_m=3.0))
    labels = corridors(pieces, within_m=10.0)
    joined = matched.by_corridor(pieces, labels).set_index("corridor")["probability"]
    row = pd.Index(pieces["piece"]).get_indexer(matched.walked["piece"])
    assert (joined.reindex(labels[row]).to_numpy() >= matched.walked["probability"]).all()
    assert joined.mean() > 0.85

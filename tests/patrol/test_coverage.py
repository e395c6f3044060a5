"""Coverage of street pieces by patrols."""

from __future__ import annotations

import math
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo.errors import CrsError, ParameterError
from geo.patrol.coverage import (
    COVERED_FROM,
    MISSED_TO,
    combine,
    cover,
    cut_pieces,
    verdict_of,
)
from geo.patrol.tracks import clean
from geo.schema import LAYERS

CRS = "EPSG:4551"
START = pd.Timestamp("2026-10-01T00:00", tz="UTC")
WALKS = Path(__file__).parents[2] / "../shared/data/patrol"


def streets_of(*lines: list[tuple[float, float]]) -> gpd.GeoDataFrame:
    geometry = [shapely.LineString(line) for line in lines]
    return gpd.GeoDataFrame(
        {"street": [f"S{k}" for k in range(len(lines))]}, geometry=geometry, crs=CRS
    )


def walk_of(*fixes: tuple[float, float, float], patrol: str = "P1") -> gpd.GeoDataFrame:
    at = START + pd.to_timedelta([second for second, _, _ in fixes], unit="s")
    return gpd.GeoDataFrame(
        {
            "patrol": patrol,
            "worker": "W1",
            "day": pd.Timestamp("2026-10-01"),
            "round": 1,
            "at": at.astype("datetime64[us, UTC]"),
        },
        geometry=[shapely.Point(x, y) for _, x, y in fixes],
        crs=CRS,
    )


STREET = streets_of([(0, 0), (40, 0)], [(0, 200), (40, 200)])


def paced(y: float, *, patrol: str = "P1", start: float = 0.0) -> gpd.GeoDataFrame:
    """A walk of 240 m at 1.2 m/s beside the x axis, a fix every 5 s."""
    steps = np.arange(41)
    fixes = [(5.0 * k, start + 6.0 * k, y) for k in steps.tolist()]
    return walk_of(*fixes, patrol=patrol)


LONG = streets_of([(0, 0), (240, 0)], [(0, 60), (240, 60)])


def test_cover_walk_on_the_street_covers_it_and_no_other() -> None:
    rows = cover(cut_pieces(LONG), paced(0.0))
    assert list(rows.columns) == LAYERS["coverage"].column_names
    # 240 m are five pieces of 48 m.
    assert rows[["patrol", "piece", "worker", "round"]].to_numpy().tolist() == [
        ["P1", f"S0-00{k}", "W1", 1] for k in range(1, 6)
    ]
    assert rows["covered_m"].tolist() == pytest.approx([48.0] * 5)
    assert rows["verdict"].tolist() == ["covered"] * 5


def test_cover_within_reach_but_not_walked_is_not_covered() -> None:
    # The second street lies 15 m beside the first, which is walked: within reach 20, not walked.
    rows = cover(cut_pieces(streets_of([(0, 0), (240, 0)], [(0, 15), (240, 15)])), paced(0.0))
    verdict = rows.set_index("piece")["verdict"]
    assert set(verdict[verdict.index.str.startswith("S0")]) == {"covered"}
    assert "covered" not in set(verdict[verdict.index.str.startswith("S1")])
    assert rows["covered_m"].tolist() == pytest.approx([48.0] * 10)


def test_cover_half_passed_is_half_and_missed() -> None:
    # From x = -10 to 0, 15 m off: reach 20 sees sqrt(400 - 225) = 13.23 m of the street's 40.
    rows = cover(cut_pieces(STREET), walk_of((0, -10, 15), (10, 0, 15)))
    assert rows["covered_m"].tolist() == pytest.approx([math.sqrt(175)])
    assert rows["verdict"].tolist() != ["covered"]


def test_cover_between_two_streets_cannot_tell() -> None:
    rows = cover(cut_pieces(streets_of([(0, 0), (240, 0)], [(0, 8), (240, 8)])), paced(4.0))
    assert set(rows["verdict"]) == {"cannot_tell"}


def test_cover_gap_in_the_signal_is_neither_walked_nor_missed() -> None:
    # Fixes at both ends, 200 s apart: discs of 5 m at each end of 40 m. 280 m can be walked in 200
    # s: by the middle of the street (40 m) and no other, so that all of its 40 m may be walked, at
    # even odds; by the middle of the other street it is 2 * sqrt(20^2 + 200^2) = 402 m: no row.
    walk = walk_of((0, 0, 0), (200, 40, 0))
    row = cover(cut_pieces(STREET), walk, reach_m=5.0).iloc[0]
    assert (row["piece"], row["covered_m"], row["verdict"]) == ("S0-001", 10.0, "cannot_tell")
    assert row["probability"] == pytest.approx(0.5, abs=0.02)
    assert len(cover(cut_pieces(STREET), walk)) == 1
    # Bridged when gaps of 200 s are allowed.
    assert cover(cut_pieces(STREET), walk, gap_s=200)["covered_m"].tolist() == [40.0]


def test_cover_long_silence_covers_nothing_that_was_not_seen() -> None:
    # 100 m walked, 600 s of silence, 100 m more: 840 m can be walked meanwhile, past the street's
    # end and back, but nobody saw it: what lies beyond the last fix cannot be told.
    street = streets_of([(0, 0), (400, 0)])
    before = [(5 * k, 5 * k, 1) for k in range(21)]
    after = [(700 + 5 * k, 105 + 5 * k, 1) for k in range(20)]
    rows = cover(cut_pieces(street, max_length_m=50), walk_of(*before, *after))
    beyond = rows[rows["piece"] >= "S0-006"]
    assert len(beyond) and set(beyond["verdict"]) == {"cannot_tell"}
    assert set(rows.loc[rows["piece"] <= "S0-004", "verdict"]) == {"covered"}


def test_cover_streets_open_in_a_silence_share_its_length_and_are_not_missed() -> None:
    # 60 s of silence at the hub of eight streets of 100 m: 84 m can be walked, so only pieces whose
    # middle lies within 42 m of the hub: the inner 50 m of each, 400 m; chance 84 / 400 each, at
    # even odds.
    spokes = [(math.cos(k * math.pi / 4), math.sin(k * math.pi / 4)) for k in range(8)]
    star = streets_of(*[[(0, 0), (100 * x, 100 * y)] for x, y in spokes])
    hub = walk_of((0, 0, 0), (60, 0, 0))
    rows = cover(cut_pieces(star, max_length_m=50), hub, reach_m=1.0)
    assert rows["piece"].tolist() == [f"S{k}-001" for k in range(8)]
    # And a little more, since the matcher walks through so short a silence too.
    assert rows["probability"].between(42 / 400, 0.7).all()
    assert set(rows["verdict"]) == {"cannot_tell"}


def test_cover_row_order_of_fixes_after_cleaning_changes_nothing() -> None:
    walk = walk_of((0, 0, 0), (10, 10, 4), (20, 25, -3), (30, 40, 0))
    pieces = cut_pieces(STREET, max_length_m=15)
    first = cover(pieces, clean(walk))
    assert cover(pieces, clean(walk.iloc[::-1])).equals(first)


def test_cover_no_fixes_or_one_fix() -> None:
    pieces = cut_pieces(STREET)
    none = cover(pieces, walk_of((0, 0, 0)).iloc[:0])
    assert (len(none), list(none.columns)) == (0, LAYERS["coverage"].column_names)
    one = cover(pieces, walk_of((0, 20, 0)))
    assert one["covered_m"].tolist() == [40.0]


def test_cover_track_on_another_continent_covers_nothing() -> None:
    assert len(cover(cut_pieces(STREET), walk_of((0, 9e6, 9e6), (10, 9e6 + 9, 9e6)))) == 0


def test_cover_bad_options_raise() -> None:
    pieces, walk = cut_pieces(STREET), walk_of((0, 0, 0))
    with pytest.raises(ParameterError) as error:
        cover(pieces, walk, reach_m=-1)
    assert error.value.params == {"name": "reach_m", "value": -1}
    with pytest.raises(ParameterError):
        cover(pieces, walk, gap_s=math.nan)
    with pytest.raises(CrsError) as crs_error:
        cover(pieces, walk.to_crs("EPSG:4550"))
    assert crs_error.value.code == "crs.mismatch"


def test_combine_takes_the_best_patrol_and_keeps_untouched_pieces() -> None:
    pieces = cut_pieces(LONG)
    walks = pd.concat([paced(0.0), paced(12.0, patrol="P2")], ignore_index=True)
    rows = cover(pieces, walks)
    found = combine(rows, pieces)
    best = rows.groupby("piece")["probability"].max()
    assert found["covered_share"].tolist() == pytest.approx([1.0] * 5 + [0.0] * 5)
    assert found["n_patrols"].tolist() == [2] * 5 + [0] * 5
    assert found["verdict"].tolist() == ["covered"] * 5 + ["missed"] * 5
    assert found["probability"].tolist() == pytest.approx([*best, *[0.0] * 5])


def test_combine_without_rows_misses_everything() -> None:
    pieces = cut_pieces(STREET)
    none = cover(pieces, walk_of((0, 0, 0)).iloc[:0])
    assert combine(none, pieces)["verdict"].tolist() == ["missed", "missed"]


def test_verdict_of_thresholds_are_inclusive() -> None:
    verdicts = verdict_of(np.array([MISSED_TO, MISSED_TO + 1e-6, 0.5, COVERED_FROM]))
    assert verdicts.tolist() == ["missed", "cannot_tell", "cannot_tell", "covered"]


@pytest.mark.skipif(not WALKS.exists(), reason=f"no simulated walks at {WALKS}")
def test_cover_simulated_walks_verdicts_are_as_right_as_stated() -> None:
    pieces, tracks, truth = simulated_walks(every=4)
    rows = cover(pieces, clean(tracks))
    told = truth.merge(rows, how="left", on=["patrol", "piece"])
    length = pieces.set_index("piece")["length_m"].reindex(told["piece"]).to_numpy()
    verdict = told["verdict"].fillna("missed").to_numpy()
    walked = told["walked"].to_numpy()
    missed, covered = verdict == "missed", verdict == "covered"
    assert length[missed & ~walked].sum() / length[missed].sum() > 0.98
    assert length[covered & walked].sum() / length[covered].sum() > 0.83
    assert length[missed | covered].sum() / length.sum() > 0.75


def simulated_walks(*, every: int) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, pd.DataFrame]:
    """Pieces, fixes and truth of each `every`-th simulated patrol, in the house's columns."""
    pieces = pd.read_parquet(WALKS / "sim_streets_pieces.parquet")
    pieces["piece"] = pieces["grid"] + "-" + pieces["piece"].astype("str")
    lines = gpd.GeoSeries.from_wkb(pieces["geometry"])
    truth = pd.read_parquet(WALKS / "sim_streets_truth.parquet")
    truth = truth[truth["patrol"] % every == 0]
    fixes = pd.read_parquet(WALKS / "sim_streets_fixes.parquet")
    fixes = fixes[fixes["patrol"] % every == 0]
    places = gpd.points_from_xy(fixes["lon"], fixes["lat"], crs=4326).to_crs("EPSG:3879")
    tracks = gpd.GeoDataFrame(
        {
            "patrol": fixes["patrol"].astype("str"),
            "worker": (fixes["patrol"] % 48).astype("str"),  # patrols go round the 48 workers
            "day": pd.Timestamp("2026-10-01"),
            "round": 1,
            "at": START + pd.to_timedelta(fixes["second"], unit="s"),
        },
        geometry=places,
        crs="EPSG:3879",
    )
    truth = truth.assign(
        patrol=truth["patrol"].astype("str"),
        piece=truth["grid"] + "-" + truth["piece"].astype("str"),
    )[["patrol", "piece", "walked"]]
    return gpd.GeoDataFrame(pieces, geometry=lines.array, crs="EPSG:3879"), tracks, truth

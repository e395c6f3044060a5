"""Planted recurring trouble is found, explained, and nothing is found where nothing recurs."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo.errors import CrsError, ParameterError, SchemaError
from geo.hotspots.campaigns.pain_points import Weights, pain_points, sentences
from geo.hotspots.counts.exposure import ground_exposure
from geo.hotspots.counts.lattice import Lattice, lattice_over

CRS = "EPSG:4551"
LATTICE = lattice_over(shapely.box(0, 0, 1000, 1000), cell_size_m=50, crs=CRS)
FIRST, LAST = "2026-01-01", "2026-06-30"
NOW = pd.Timestamp("2026-07-01", tz="Asia/Shanghai")


def town(*spots: tuple[str, float, float, list[int]], seed: int = 0) -> gpd.GeoDataFrame:
    """600 incidents of three categories anywhere, and planted ones: category, x, y, days."""
    rng = np.random.default_rng(seed)
    n = 600
    rows = pd.DataFrame(
        {
            "category": rng.choice(["垃圾", "噪声", "乱停车"], n),
            "x": rng.uniform(0, 1000, n),
            "y": rng.uniform(0, 1000, n),
            "since": rng.integers(0, 181, n),
            "address": None,
        }
    )
    for category, x, y, days in spots:
        planted = {
            "category": category,
            "x": x + rng.uniform(-20, 20, len(days)),
            "y": y + rng.uniform(-20, 20, len(days)),
            "since": days,
            "address": "甲路1号",
        }
        rows = pd.concat([rows, pd.DataFrame(planted)], ignore_index=True)
    day = pd.Timestamp(FIRST) + pd.to_timedelta(rows["since"], unit="D")
    due = day.dt.tz_localize("Asia/Shanghai") + pd.Timedelta(days=2)
    return gpd.GeoDataFrame(
        {
            "incident": [f"I{k}" for k in range(len(rows))],
            "category": rows["category"],
            "day": day,
            "due_at": due,
            "closed_at": due - pd.Timedelta(days=1),
            "address": rows["address"],
        },
        geometry=gpd.points_from_xy(rows["x"], rows["y"]),
        crs=CRS,
    )


def found_in(incidents: gpd.GeoDataFrame, **options: object) -> gpd.GeoDataFrame:
    ground = ground_exposure(LATTICE)
    given = {"lattice": LATTICE, "first": FIRST, "last": LAST, "now": NOW} | options
    return pain_points(incidents, households=ground * 10, sources={"ground": ground}, **given)


WEEKLY = [7 * k + 2 for k in range(25)]


def test_pain_points_planted_trouble_is_found_with_its_figures() -> None:
    incidents = town(("垃圾", 525, 525, WEEKLY))
    late = incidents["address"].notna() & (np.arange(len(incidents)) % 5 == 0)
    incidents.loc[late, "closed_at"] = incidents.loc[late, "due_at"] + pd.Timedelta(days=1)
    points = found_in(incidents)
    assert len(points) == 1
    row = points.iloc[0]
    assert (row["rank"], row["category"], row["top_address"]) == (1, "垃圾", "甲路1号")
    assert row.geometry.contains(shapely.Point(525, 525)) and points.crs == LATTICE.crs
    assert row["n_incidents"] >= 25 and row["n_weeks"] == 26 and row["n_weeks_hit"] >= 25
    assert row["excess_low"] < row["excess"] == row["n_incidents"] - row["expected"]
    assert row["n_overdue"] == 5 and row["n_due"] == row["n_incidents"]
    assert row["is_recurring"] and row["q"] < 1e-6
    assert row["households"] == pytest.approx(10 * row["n_cells"])


def test_pain_points_nothing_recurs_gives_nothing() -> None:
    n_wrong = sum(len(found_in(town(seed=k))) > 0 for k in range(12))
    # 12 maps at 5%: more than 3 would be a broken level.
    assert n_wrong <= 3
    points = found_in(town())
    assert points.empty and "hotspots.note.nothing_hot" in points.attrs["notes"]


def test_pain_points_burst_stands_after_what_recurs() -> None:
    points = found_in(town(("垃圾", 525, 525, WEEKLY), ("噪声", 225, 225, [30] * 60)))
    assert points["category"].tolist() == ["垃圾", "噪声"]
    assert points["is_recurring"].tolist() == [True, False]
    assert points.loc[1, "excess"] > points.loc[0, "excess"]
    codes = [code for code, _ in sentences(points.iloc[1], category="噪声", where="甲路")]
    assert codes == ["hotspots.pain.excess", "hotspots.pain.burst"]


def test_pain_points_score_by_hand() -> None:
    points = found_in(
        town(("垃圾", 525, 525, WEEKLY)), weights=Weights(excess=2, recurrence=1, households=0)
    )
    row = points.iloc[0]
    assert row["n_overdue"] == 0
    assert row["score"] == pytest.approx(row["excess"] ** 2 * row["weeks_share"])


def test_sentences_tell_what_recurs_and_how_it_runs() -> None:
    point = found_in(town(("垃圾", 525, 525, WEEKLY))).iloc[0]
    (first, figures), (second, _) = sentences(point, category="暴露垃圾", where="甲路")
    assert first == "hotspots.pain.recurs" and second == "hotspots.pain.in_time.steady"
    assert figures["where"] == "甲路" and figures["n_weeks_hit"] == point["n_weeks_hit"]
    assert figures["excess"] == round(point["excess"])


def test_pain_points_category_that_follows_another_is_no_hotspot() -> None:
    # Two categories with 150 incidents each around one market; each is what the other is.
    rng = np.random.default_rng(9)
    incidents = town()
    market = gpd.GeoDataFrame(
        {
            "incident": [f"M{k}" for k in range(300)],
            "category": ["占道", "违停"] * 150,
            "day": pd.Timestamp(FIRST) + pd.to_timedelta(rng.integers(0, 181, 300), unit="D"),
            "due_at": NOW,
            "closed_at": pd.NaT,
            "address": None,
        },
        geometry=gpd.points_from_xy(*rng.normal(500, 150, (2, 300)).clip(1, 999)),
        crs=CRS,
    )
    both = pd.concat([incidents, market], ignore_index=True)
    assert set(found_in(both)["category"]) == set()
    alone = both[both["category"] != "违停"]
    assert "占道" in set(found_in(alone)["category"])


def test_pain_points_bad_rows_are_left_out_and_counted() -> None:
    incidents = town()
    incidents.loc[0, "day"] = pd.NaT
    incidents.loc[1, "day"] = pd.Timestamp("2027-01-01")
    incidents.loc[2, "geometry"] = None
    incidents.loc[3, "geometry"] = shapely.Point(5000, 5000)
    incidents.loc[4, "incident"] = incidents.loc[5, "incident"]
    incidents.loc[6, "category"] = None
    incidents.loc[7, "day"] = pd.Timestamp("2020-01-01")
    incidents.loc[8:10, "category"] = "少见"
    points = found_in(incidents)
    assert points.attrs["n_left_out"] == {
        "duplicate": 1, "undated": 1, "future": 1, "past": 1, "unplaced": 1, "outside": 1,
        "uncategorised": 1,
    }  # fmt: skip
    assert points.attrs["too_few"] == ("少见",)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_pain_points_few_incidents_give_an_empty_answer(n: int) -> None:
    points = found_in(town().iloc[:n])
    assert points.empty and "score" in points and points.attrs["notes"]


def test_pain_points_all_on_one_point_and_no_households_is_finite() -> None:
    incidents = town(("垃圾", 525, 525, WEEKLY)).iloc[600:]
    points = pain_points(
        incidents,
        lattice=LATTICE,
        first=FIRST,
        last=LAST,
        now=NOW,
        households=np.zeros(LATTICE.shape),
        sources={"ground": ground_exposure(LATTICE)},
    )
    assert len(points) == 1 and np.isfinite(points.loc[0, "score"])


def test_pain_points_row_order_changes_nothing() -> None:
    incidents = town(("垃圾", 525, 525, WEEKLY))
    mixed = incidents.sample(frac=1, random_state=3)
    first, second = found_in(incidents), found_in(mixed)
    pd.testing.assert_frame_equal(
        first.drop(columns="geometry"), second.drop(columns="geometry"), check_exact=False
    )


def test_pain_points_wrong_input_is_refused() -> None:
    with pytest.raises(SchemaError):
        found_in(town().drop(columns="due_at"))
    with pytest.raises(CrsError):
        found_in(town().to_crs("EPSG:4326"))
    with pytest.raises(ParameterError) as caught:
        found_in(town(), last="2025-01-01")
    assert caught.value.code == "hotspots.window_reversed"
    other: Lattice = lattice_over(shapely.box(0, 0, 100, 100), cell_size_m=50, crs=CRS)
    with pytest.raises(ParameterError) as caught:
        found_in(town(), lattice=other)
    assert caught.value.code == "hotspots.shape_differs"

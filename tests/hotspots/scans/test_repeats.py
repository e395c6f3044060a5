"""Repeat alarms on a handful of reports, with chances worked by hand."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geo.errors import CrsError, ParameterError, SchemaError
from geo.hotspots.scans.repeats import RepeatAlarms, repeat_alarms
from geo.hotspots.scans.same_place import same_places

NOW = pd.Timestamp("2026-06-30 12:00", tz="UTC")
HEAP, NOISE = "暴露垃圾", "噪声"
LAMP = "幸福小区3号楼"

Row = tuple[float, str, str | None, tuple[float, float] | None]


def reports(*rows: Row) -> gpd.GeoDataFrame:
    """Incidents from (days ago, category, address, point)."""
    return gpd.GeoDataFrame(
        {
            "incident": [f"I{k}" for k in range(len(rows))],
            "category": pd.Series([row[1] for row in rows], dtype="str"),
            "reported_at": pd.to_datetime(
                [NOW - pd.Timedelta(days=row[0]) for row in rows], utc=True
            ),
            "address": pd.Series([row[2] for row in rows], dtype="str"),
        },
        geometry=[None if row[3] is None else shapely.Point(*row[3]) for row in rows],
        crs="EPSG:4551",
    )


def alarms(rows: list[Row], **options: object) -> RepeatAlarms:
    return repeat_alarms(reports(*rows), **({"window_days": 30, "now": NOW} | options))


# 5 reports at one building in the window, none before; 15 elsewhere, all before it
BURST: list[Row] = [(k + 1.0, HEAP, LAMP, (100.0, 100.0)) for k in range(5)] + [
    (40.0 + k, HEAP, f"和平路{k + 1}号", (1000.0 + 100 * k, 0.0)) for k in range(15)
]


def test_repeat_alarms_burst_chance_by_hand():
    found = alarms(BURST).alarms
    # 5 of 20 reports in the window; all 5 at the place: 1 / C(20, 5) = 1 / 15504. The other 15
    # places have fewer than 3 reports: p = 1. So q = 16 / 15504.
    assert found["place"].tolist() == [LAMP]
    first = found.iloc[0]
    assert first["p"] == pytest.approx(1 / 15504)
    assert first["q"] == pytest.approx(16 / 15504)
    assert (first["n"], first["n_before"], first["expected"]) == (5, 0, 1.25)
    assert first["ratio"] == pytest.approx(4.0)
    assert first["incidents"] == "I4, I3, I2, I1, I0"
    assert first["first"] == NOW - pd.Timedelta(days=5)
    assert first["last"] == NOW - pd.Timedelta(days=1)
    assert (first.geometry.x, first.geometry.y) == (100.0, 100.0)


def test_repeat_alarms_always_busy_place_no_alarm_by_history_but_against_the_town():
    rows: list[Row] = [(10.0 + 12 * k, HEAP, LAMP, None) for k in range(30)]
    rows += [(12.0 * k + 1, HEAP, f"和平路{k + 1}号", None) for k in range(30)]
    assert len(alarms(rows).alarms) == 0
    found = alarms(rows, against="town", min_reports=2, n_places=1000).alarms
    assert found["place"].tolist() == [LAMP]
    # 2 at the place and 3 elsewhere in the window: P(Bin(5, 1/1000) >= 2)
    chance = sum(math.comb(5, k) * 0.001**k * 0.999 ** (5 - k) for k in range(2, 6))
    assert found.iloc[0]["p"] == pytest.approx(chance)
    assert found.iloc[0]["q"] == pytest.approx(1000 * chance)


def test_repeat_alarms_busy_month_of_the_whole_town_no_alarm():
    rows: list[Row] = [(k % 28 + 1.0, HEAP, f"和平路{k % 5 + 1}号", None) for k in range(50)]
    rows += [(200.0, HEAP, f"和平路{k + 1}号", None) for k in range(5)]
    assert len(alarms(rows).alarms) == 0


def test_repeat_alarms_duplicates_future_old_and_unplaced_left_out_and_counted():
    rows = [*BURST, (-1.0, HEAP, LAMP, None), (500.0, HEAP, LAMP, None), (3.0, HEAP, None, None)]
    incidents = reports(*rows)
    again = pd.concat([incidents, incidents.iloc[[0, 1]]])
    found = repeat_alarms(again, window_days=30, now=NOW)
    assert (found.n_duplicates, found.n_future, found.n_older, found.n_unplaced) == (2, 1, 1, 1)
    assert found.n_incidents == 20
    assert found.alarms.iloc[0]["n"] == 5


def test_repeat_alarms_first_instant_of_the_window_counts():
    rows = [(30.0, HEAP, LAMP, None), *BURST]
    assert alarms(rows).alarms.iloc[0]["n"] == 6


def test_repeat_alarms_categories_apart():
    rows = [(day, NOISE if k % 2 else HEAP, LAMP, None) for k, (day, *_) in enumerate(BURST[:4])]
    assert len(alarms([*rows, *BURST[5:]]).alarms) == 0


def test_repeat_alarms_category_without_history_says_nothing():
    found = alarms([(1.0, HEAP, LAMP, None)] * 3)
    assert (len(found.alarms), found.n_tested) == (0, 1)


@pytest.mark.parametrize("n", [0, 1])
def test_repeat_alarms_few_reports_no_rows(n: int):
    found = alarms(BURST[:n])
    assert (len(found.alarms), found.n_incidents) == (0, n)
    assert found.alarms.crs == "EPSG:4551"


def test_repeat_alarms_times_without_zone_refused():
    incidents = reports(*BURST)
    incidents["reported_at"] = incidents["reported_at"].dt.tz_localize(None)
    with pytest.raises(SchemaError) as caught:
        repeat_alarms(incidents, window_days=30, now=NOW)
    assert caught.value.code == "hotspots.times_without_zone"


def test_repeat_alarms_missing_column_named():
    with pytest.raises(SchemaError) as caught:
        repeat_alarms(reports(*BURST).drop(columns="category"), window_days=30, now=NOW)
    assert caught.value.code == "schema.missing_columns"
    assert caught.value.params["columns"] == ["category"]


def test_repeat_alarms_degrees_refused():
    with pytest.raises(CrsError):
        repeat_alarms(reports(*BURST).to_crs("EPSG:4490"), window_days=30, now=NOW)


def test_repeat_alarms_unknown_comparison_refused():
    with pytest.raises(ParameterError) as caught:
        alarms(BURST, against="mood")
    assert caught.value.params == {"name": "against", "value": "mood"}


def test_repeat_alarms_nothing_repeats_by_construction_few_false():
    # 400 places, 2,000 reports over 395 days at random: an alarm in at most 5% of the towns;
    # 40 towns, so 7 or more false ones have a chance of 0.3% at 5%
    rng = np.random.default_rng(11)
    n_false = 0
    for _ in range(40):
        days_ago = pd.to_timedelta(rng.uniform(0, 395, 2000), unit="D")
        incidents = gpd.GeoDataFrame(
            {
                "incident": np.arange(2000).astype(str),
                "category": HEAP,
                "reported_at": NOW - days_ago,
                "building": rng.integers(0, 400, 2000).astype(str),
            },
            geometry=np.full(2000, None),
            crs="EPSG:4551",
        )
        found = repeat_alarms(incidents, window_days=30, now=NOW, place="building")
        n_false += len(found.alarms) > 0
    assert n_false <= 6


def test_same_places_ways_to_write_an_address_are_one_place():
    written = ["幸福小区3号楼2单元501", "幸福小区3栋", "幸福小区三号楼五楼", "人民路12号"]
    places = same_places(
        reports(*[(1.0, HEAP, text, None) for text in written]),
        level="building",
        join_m=15.0,
        place=None,
    )
    assert places.tolist() == [LAMP, LAMP, LAMP, "人民路12号"]


def test_same_places_room_level_keeps_rooms_apart():
    written = ["幸福小区3号楼2单元501", "幸福小区3栋2单元501室", "幸福小区3栋2单元502室"]
    places = same_places(
        reports(*[(1.0, HEAP, text, None) for text in written]),
        level="room",
        join_m=15.0,
        place=None,
    ).tolist()
    assert places[0] == places[1] == f"{LAMP}2单元501室"
    assert places[2] != places[0]


def test_same_places_points_join_the_busiest_and_do_not_chain():
    # 0, 10, 20, 30, 40 m on a line, join 15 m. Points near: 2, 3, 3, 3, 2 -> 10 leads (least x of
    # the busiest): 0, 10, 20 are one place; 30 then leads 40
    points = [(1.0, HEAP, "垃圾站旁", (10.0 * k, 0.0)) for k in range(5)]
    places = same_places(reports(*points), level="building", join_m=15.0, place=None)
    assert places.tolist() == ["10 0"] * 3 + ["30 0"] * 2


def test_same_places_named_column_goes_first():
    incidents = reports(*BURST[:2]).assign(building=pd.Series(["B1", None], dtype="str"))
    places = same_places(incidents, level="building", join_m=15.0, place="building")
    assert places.tolist() == ["B1", LAMP]

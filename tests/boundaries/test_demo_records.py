"""The made-up town's incidents and patrols agree with the truth that is kept of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely

from boundaries.demo import Town, write_files, writing
from boundaries.demo.files import HEADERS
from boundaries.demo.patrols import FIX_EVERY_S
from geo.incidents.categories import load_categories
from geo.intake import read_layer

ZONE = "Asia/Shanghai"


def test_incidents_lie_in_the_town_and_in_the_year(town: Town):
    local = town.incidents["reported_at"].dt.tz_convert(ZONE)
    assert local.min() >= pd.Timestamp("2025-11-01", tz=ZONE)
    assert local.max() < pd.Timestamp("2026-11-01", tz=ZONE)
    assert shapely.covers(town.subdistricts.geometry.item(), town.incidents.geometry).all()
    assert 8_500 < len(town.incidents) < 10_000
    assert set(town.incidents["category"]) == set(load_categories()["category"])


def test_incidents_snow_falls_in_winter_and_vendors_come_in_summer(town: Town):
    month = town.incidents["reported_at"].dt.tz_convert(ZONE).dt.month
    snow = month[town.incidents["category"] == "0554"]
    vendors = month[town.incidents["category"] == "0451"]
    assert snow.isin([10, 11, 12, 1, 2, 3, 4]).all()
    assert vendors.isin([6, 7, 8]).sum() > 2 * vendors.isin([12, 1, 2]).sum()


def test_incidents_are_closed_after_they_were_reported_and_only_when_closed(town: Town):
    is_closed = town.incidents["status"] == "closed"
    assert (town.incidents["closed_at"].notna() == is_closed).all()
    closed = town.incidents[is_closed]
    assert (closed["closed_at"] > closed["reported_at"]).all()
    assert (town.incidents["due_at"] > town.incidents["reported_at"]).all()


def test_hotspot_truth_counts_the_incidents_planted_inside_it(town: Town):
    assert len(town.hotspot_truth) == 12
    origins = town.incident_truth.merge(town.incidents, on="incident")
    first = origins[origins["repeats"].isna()]
    for spot in town.hotspot_truth.itertuples():
        mine = first[first["spot"] == spot.spot]
        local = mine["reported_at"].dt.tz_convert(ZONE).dt.tz_localize(None)
        assert len(mine) == spot.n_extra
        assert (mine["category"] == spot.category).all()
        assert local.between(spot.window_from, spot.window_to, inclusive="left").all()
        # reported positions err by 5 m an axis: 25 m more than the radius holds them all
        assert (
            shapely.distance(mine["geometry"].to_numpy(), spot.geometry) < spot.radius_m + 25
        ).all()


def test_incident_truth_repeats_are_the_duplicates(town: Town):
    origins = town.incident_truth.merge(town.incidents[["incident", "status"]], on="incident")
    assert ((origins["status"] == "duplicate") == origins["repeats"].notna()).all()
    assert origins["repeats"].dropna().isin(town.incidents["incident"]).all()


def test_incident_addresses_name_the_compound_they_happened_in(town: Town):
    origins = town.incident_truth.merge(town.incidents[["incident", "address"]], on="incident")
    origins = origins.dropna(subset="building").merge(
        town.buildings[["building", "compound"]], on="building"
    )
    estate = town.compounds.set_index("compound")["name"].reindex(origins["compound"])
    named = [name in text for name, text in zip(estate, origins["address"], strict=True)]
    assert len(named) > 4_000
    assert all(named)


def test_tracks_are_two_rounds_a_day_of_every_worker(town: Town):
    heads = town.tracks.drop_duplicates("patrol")
    assert len(heads) == 48 * 2 * 31
    assert not heads.duplicated(["worker", "day", "round"]).any()
    assert not town.tracks.duplicated(["patrol", "at"]).any()
    step_s = town.tracks.groupby("patrol")["at"].diff().dt.total_seconds().dropna()
    assert step_s.median() == FIX_EVERY_S
    assert (step_s > 0).all()


def test_tracks_err_as_the_phones_do(town: Town):
    # the mean distance from the streets walked grows with the phone's sigma
    phones = town.phone_truth.set_index("worker")
    streets = shapely.STRtree(town.streets.geometry.to_numpy())
    _, distance = streets.query_nearest(
        town.tracks.geometry.to_numpy()[::40], return_distance=True, all_matches=False
    )
    by_worker = pd.Series(distance).groupby(town.tracks["worker"].to_numpy()[::40]).mean()
    sigma = phones["sigma_m"].reindex(by_worker.index)
    assert distance.max() < 45
    assert np.corrcoef(by_worker, sigma)[0, 1] > 0.7


def test_missed_truth_habits_are_mostly_missed_and_the_rest_mostly_walked(town: Town):
    walks = town.missed_truth
    assert set(walks["patrol"]) == set(town.tracks["patrol"])
    habits, others = walks[walks["is_habit"]], walks[~walks["is_habit"]]
    assert habits["walked_m"].sum() / habits["length_m"].sum() < 0.3
    assert others["walked_m"].sum() / others["length_m"].sum() > 0.85
    assert (walks["walked_m"] <= walks["length_m"] + 0.06).all()


def test_missed_truth_walked_streets_have_fixes_near_them(town: Town):
    patrol = town.missed_truth["patrol"].iloc[0]
    walks = town.missed_truth[town.missed_truth["patrol"] == patrol]
    walked = walks[walks["walked_m"] >= walks["length_m"] - 0.1]
    fixes = town.tracks[town.tracks["patrol"] == patrol].union_all()
    lines = town.streets.set_index("street").geometry.reindex(walked["street"]).to_numpy()
    assert len(lines) > 5
    assert (shapely.distance(lines, fixes) < 40).all()


@pytest.mark.parametrize(
    ("number", "text"), [(5, "五"), (10, "十"), (12, "十二"), (20, "二十"), (21, "二十一")]
)
def test_in_chinese_numbers_below_a_hundred(number: int, text: str):
    assert writing.in_chinese(number) == text


def test_home_forms_vary_and_keep_the_numbers():
    rng = np.random.default_rng(0)
    written = {writing.home("和棠小区", 3, 2, 5, 501, street="锦安路", rng=rng) for _ in range(400)}
    assert {"和棠小区3-2-501", "和棠小区3号楼2单元501室", "和棠小区3#2-501"} <= written
    assert len(written) > 25


@pytest.fixture(scope="module")
def few(town: Town) -> Town:
    """The town with the tracks and check-ins of its first patrols only."""
    return dataclasses.replace(
        town, tracks=town.tracks.head(3_000), checkins=town.checkins.head(200)
    )


def test_write_files_read_back_by_intake_are_the_town(few: Town, tmp_path: Path):
    files = write_files(few, tmp_path / "files")
    assert [file.layer for file in files][:3] == ["subdistricts", "communities", "compounds"]
    for file in files:
        taken = read_layer(
            file.path,
            layer=file.layer,
            crs=file.crs,
            datum=file.datum,
            source_layer=file.source_layer,
            town_crs=few.buildings.crs,
        )
        _assert_same(taken.frame, few, file.layer)
        assert taken.n_rejected == 0
        assert taken.ignored_columns == []


def _assert_same(frame: pd.DataFrame, town: Town, layer: str) -> None:
    """Same values under the same keys; positions within a centimetre (7 decimals of a degree)."""
    key = ["patrol", "at"] if layer == "tracks" else [next(iter(HEADERS[layer]))]
    key = ["grid"] if layer == "grids" else key
    wanted = getattr(town, {"grids": "old_grids"}.get(layer, layer)).sort_values(key)
    found = frame.sort_values(key)
    columns = list(HEADERS[layer])
    pd.testing.assert_frame_equal(
        pd.DataFrame(found[columns]).reset_index(drop=True),
        pd.DataFrame(wanted[columns]).reset_index(drop=True),
    )
    if "geometry" in wanted:
        apart = shapely.hausdorff_distance(found.geometry.to_numpy(), wanted.geometry.to_numpy())
        assert apart.max() < 0.012


def test_write_files_incidents_are_in_gcj02_and_gb18030(few: Town, tmp_path: Path):
    files = {file.layer: file for file in write_files(few, tmp_path)}
    assert files["incidents"].datum == "gcj02"
    raw = files["incidents"].path.read_bytes()
    assert raw.decode("gb18030").startswith("案件编号,小类编码,")
    table = pd.read_csv(files["incidents"].path, encoding="gb18030", dtype="str")
    true = few.incidents.to_crs(4326).geometry.get_coordinates().to_numpy()
    shift = table[["经度", "纬度"]].to_numpy(float) - true
    metres = np.hypot(shift[:, 0] * 111_320 * np.cos(np.radians(44.3)), shift[:, 1] * 111_132)
    assert (metres > 300).all()

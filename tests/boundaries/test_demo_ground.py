"""The made-up town's ground: its figures, its geometry, its names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

import boundaries
from boundaries.demo import Town, beats, people
from boundaries.demo import town as drawing
from boundaries.demo.buildings import N_BUILDINGS
from geo.schema import LAYERS, check_frame

IMPORTED = [
    "subdistricts", "communities", "compounds", "buildings", "entrances", "barriers", "streets",
    "sites", "gazetteer", "roster", "incidents", "checkins",
]  # fmt: skip


def test_generate_figures_are_those_reported_of_yongchang(town: Town):
    assert len(town.buildings) == 493
    assert len(town.entrances) == 924
    assert int(town.buildings["households"].sum()) == 18_240
    assert int(town.buildings["people"].sum()) == 33_600
    assert town.subdistricts.area.item() == pytest.approx(1_970_000, rel=0.001)
    assert town.counts["households"] == 18_240
    assert town.counts["people"] == 33_600
    assert town.counts["patrols"] == 2_976


def test_generate_roster_has_the_three_chiefs(town: Town):
    assert town.roster["role"].value_counts().to_dict() == {
        "grid_worker": 48,
        "building_chief": 493,
        "entrance_chief": 924,
    }
    chiefs = town.roster[town.roster["role"] == "building_chief"]
    assert set(chiefs["area"]) == set(town.buildings["building"])
    doors = town.roster[town.roster["role"] == "entrance_chief"]
    assert set(doors["area"]) == set(town.entrances["entrance"])


def test_generate_phones_belong_to_nobody(town: Town):
    phones = pd.concat([town.roster["phone"], town.incidents["contact"].dropna()])
    assert phones.str.fullmatch(r"1000000\d{4}").all()


@pytest.mark.parametrize("name", IMPORTED)
def test_generate_layer_passes_its_own_schema(town: Town, name: str):
    frame = getattr(town, name)
    checked = check_frame(LAYERS[name], frame)
    assert checked.n_rejected == 0
    pd.testing.assert_frame_equal(pd.DataFrame(checked.accepted), pd.DataFrame(frame))


def test_generate_tracks_have_the_dtypes_of_the_schema(town: Town):
    some = town.tracks.iloc[::500]
    checked = check_frame(LAYERS["tracks"], some)
    assert checked.n_rejected == 0
    pd.testing.assert_frame_equal(pd.DataFrame(checked.accepted), pd.DataFrame(some))


def test_generate_communities_cover_the_subdistrict_without_gap_or_overlap(town: Town):
    shapes = town.communities.geometry.to_numpy()
    assert shapely.coverage_is_valid(shapes)
    outline = town.subdistricts.geometry.item()
    assert shapely.union_all(shapes).symmetric_difference(outline).area == 0


def test_generate_old_grids_cover_the_communities_unevenly(town: Town):
    grids = town.old_grids
    shapes = grids.geometry.to_numpy()
    assert len(grids) == 48
    assert shapely.coverage_is_valid(shapes)
    outline = town.subdistricts.geometry.item()
    assert shapely.union_all(shapes).symmetric_difference(outline).area < 0.05
    of = town.communities.set_index("community").geometry.reindex(grids["community"]).to_numpy()
    assert (shapely.area(shapely.difference(shapes, of)) < 0.05).all()
    assert 0.25 < grids["deviation"].abs().max() < 0.55
    assert int(grids["households"].sum()) == 18_240


def test_generate_households_of_communities_divide_into_48_grids(town: Town):
    households = town.buildings.groupby("community")["households"].sum().to_numpy("int64")
    n_grids = np.rint(households / 380)
    assert n_grids.sum() == 48
    assert (np.abs(households / n_grids / 380 - 1) < 0.01).all()


def test_generate_counts_agree_between_layers(town: Town):
    by_door = town.entrances.groupby("building")[["households", "people"]].sum()
    by_house = town.buildings.set_index("building")[["households", "people"]]
    pd.testing.assert_frame_equal(by_door.reindex(by_house.index), by_house)
    by_estate = town.buildings.groupby("compound")[["households", "people"]].sum()
    estates = town.compounds.set_index("compound")[["households", "people"]]
    pd.testing.assert_frame_equal(by_estate.reindex(estates.index), estates)
    doors = town.entrances.groupby("building").size().reindex(town.buildings["building"])
    assert (doors.to_numpy() == town.buildings["n_entrances"].to_numpy()).all()


def test_generate_buildings_stand_apart_in_their_community_and_compound(town: Town):
    shapes = town.buildings.geometry.to_numpy()
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    assert (left == right).all()
    of = town.communities.set_index("community").geometry
    assert shapely.covers(of.reindex(town.buildings["community"]).to_numpy(), shapes).all()
    homes = town.buildings[town.buildings["compound"].notna()]
    estates = town.compounds.set_index("compound").geometry.reindex(homes["compound"])
    assert shapely.covers(estates.to_numpy(), homes.geometry.to_numpy()).all()


def test_generate_numbers_are_distinct_inside_a_compound(town: Town):
    numbered = town.buildings.dropna(subset=["number"])
    assert not numbered.duplicated(["compound", "number"]).any()
    assert not town.buildings["name"].duplicated().any()
    assert not town.compounds["name"].duplicated().any()


def test_generate_streets_are_one_network_outside_buildings(town: Town):
    net = beats.network(town.streets)
    links = coo_array(
        (np.ones(len(net.ends)), (net.ends[:, 0], net.ends[:, 1])), shape=(net.n_nodes, net.n_nodes)
    )
    assert connected_components(links, directed=False)[0] == 1
    ways = shapely.union_all(town.streets.geometry.to_numpy())
    inside = shapely.intersection(ways, town.buildings.geometry.to_numpy())
    assert shapely.length(inside).sum() == 0
    assert town.streets["length_m"].to_numpy() == pytest.approx(town.streets.length, abs=0.006)


def test_generate_walls_are_open_where_streets_pass(town: Town):
    walls = shapely.union_all(town.barriers.loc[town.barriers["kind"] == "wall", "geometry"])
    ways = shapely.union_all(town.streets.geometry.to_numpy())
    assert walls.intersection(ways).is_empty


@pytest.mark.parametrize("seed", [4])
def test_draw_other_seeds_keep_the_figures(seed: int):
    drawn = drawing.draw(seed)
    assert len(drawn.built) == N_BUILDINGS
    assert len(drawn.living.building) == 924
    assert drawn.living.households.sum() == 18_240
    assert drawn.living.people.sum() == 33_600


def test_share_out_gives_the_largest_remainders_first():
    # 10 by 1:2:4 = 1.43, 2.86, 5.71: floors 1, 2, 5; the two left go to .86 and .71
    assert people.share_out(10, np.array([1.0, 2.0, 4.0])).tolist() == [1, 3, 6]


def test_demo_content_has_the_catalogued_checksum(town: Town):
    assert boundaries.checksum(town) == boundaries.describe("demo").sha256

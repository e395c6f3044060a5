"""What stands in for communities."""

from __future__ import annotations

import pytest
import shapely

from geo.errors import NotFoundError
from geo.services import ground
from geo.store import Store
from tests.services.conftest import CRS, box, buildings, frame_of


def test_within_communities_are_preferred(store: Store) -> None:
    assert ground.within(store)["community"].tolist() == ["990101001001", "990101001002"]


def test_within_no_communities_takes_subdistricts(empty_store: Store) -> None:
    empty_store.set_crs(CRS)
    rows = {"subdistrict": ["S"], "name": ["甲街道"]}
    empty_store.write("subdistricts", frame_of("subdistricts", rows, [box(0, 0, 100, 100)]))
    assert ground.within(empty_store)["community"].tolist() == ["S"]


def test_within_only_buildings_draws_an_area_around_all_of_them(empty_store: Store) -> None:
    empty_store.set_crs(CRS)
    homes = buildings()
    empty_store.write("buildings", homes)
    area = ground.within(empty_store)
    assert len(area) == 1
    assert shapely.contains_properly(area.geometry.iloc[0], homes.geometry.to_numpy()).all()


def test_within_nothing_is_said(empty_store: Store) -> None:
    with pytest.raises(NotFoundError) as caught:
        ground.within(empty_store)
    assert caught.value.code == "ground.nothing"

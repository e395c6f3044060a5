"""The town's cube follows what is stored."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from geo.errors import ParameterError
from geo.services import cubes
from geo.store import Store
from tests.services.conftest import incident_at

FIRST, LAST = date(2020, 1, 1), date(2030, 1, 1)


def counted(store: Store) -> int:
    town = cubes.town_cube(store, cell_size_m=50.0)
    return int(town.cube.window(FIRST, LAST).sum())


def stored(store: Store, incidents: gpd.GeoDataFrame) -> None:
    with cubes.following(store, incidents), store.transaction():
        store.write("incidents", incidents, mode="upsert")


def test_town_cube_counts_anew_after_a_plain_write(store: Store) -> None:
    store.write("incidents", incident_at({"a": (200.0, 100.0)}))
    assert counted(store) == 1
    store.write("incidents", incident_at({"b": (200.0, 100.0)}))
    assert counted(store) == 2


def test_following_a_moved_incident_moves_in_the_kept_cube(store: Store) -> None:
    store.write("incidents", incident_at({"a": (205.0, 105.0), "b": (205.0, 105.0)}))
    before = cubes.town_cube(store, cell_size_m=50.0)
    stored(store, incident_at({"b": (20.0, 20.0), "c": (20.0, 20.0)}))
    after = cubes.town_cube(store, cell_size_m=50.0)
    assert after.lattice is before.lattice  # brought up to date, not counted anew
    fresh = store.read("incidents")
    x, y = fresh.geometry.x.to_numpy(), fresh.geometry.y.to_numpy()
    cell = np.bincount(after.lattice.cell_of(x, y), minlength=after.lattice.n_cells)
    assert (after.cube.window(FIRST, LAST).ravel() == cell).all()
    assert cell.max() == 2 and cell.sum() == 3


def test_following_a_write_that_fails_changes_nothing(store: Store) -> None:
    store.write("incidents", incident_at({"a": (200.0, 100.0)}))
    assert counted(store) == 1
    twice = pd.concat([incident_at({"b": (20.0, 20.0)})] * 2, ignore_index=True)
    with pytest.raises(Exception, match="b"):
        stored(store, gpd.GeoDataFrame(twice, crs=store.crs))
    assert counted(store) == 1


def test_following_when_somebody_else_wrote_too_counts_anew(store: Store) -> None:
    store.write("incidents", incident_at({"a": (200.0, 100.0)}))
    assert counted(store) == 1
    more = incident_at({"b": (20.0, 20.0)})
    with cubes.following(store, more):
        store.write("incidents", incident_at({"c": (40.0, 40.0)}))
        store.write("incidents", more)
    assert counted(store) == 3


def test_town_cube_local_day_is_the_towns_own(store: Store) -> None:
    late = incident_at({"a": (200.0, 100.0)})
    late["reported_at"] = pd.Timestamp("2026-03-01T16:30:00Z")  # 00:30 on 2 March in Shanghai
    store.write("incidents", late)
    cube = cubes.town_cube(store, cell_size_m=50.0).cube
    assert cube.first_day == np.datetime64("2026-03-02")


def test_town_cube_without_ground_or_incidents_is_refused(empty_store: Store) -> None:
    with pytest.raises(ParameterError) as caught:
        cubes.town_cube(empty_store, cell_size_m=50.0)
    assert caught.value.code == "hotspots.no_ground"


def test_town_cube_keeps_a_few_cell_sizes_only(store: Store) -> None:
    store.write("incidents", incident_at({"a": (200.0, 100.0)}))
    towns = {side: cubes.town_cube(store, cell_size_m=side) for side in (10.0, 20.0, 30.0, 40.0)}
    assert cubes.town_cube(store, cell_size_m=10.0) is towns[10.0]
    cubes.town_cube(store, cell_size_m=50.0)  # now 20 m is the one asked for longest ago
    assert cubes.town_cube(store, cell_size_m=10.0) is towns[10.0]
    assert cubes.town_cube(store, cell_size_m=20.0) is not towns[20.0]

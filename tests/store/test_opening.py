"""Opening a store, its settings, and the town's CRS."""

from __future__ import annotations

import stat
from pathlib import Path

import geopandas as gpd
import pyproj
import pytest
import shapely

from geo.errors import ConflictError, CrsError, NotFoundError, ParameterError, StoreError
from geo.store import Store


def test_open_makes_the_file_and_its_folder_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "数据 100%" / "town.sqlite"
    with Store.open(path) as store:
        assert store.location == str(path)
        assert store.crs is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_open_without_create_of_an_absent_file_raises(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        Store.open(tmp_path / "none.sqlite", create=False)
    assert caught.value.code == "store.absent"
    assert list(tmp_path.iterdir()) == []


def test_open_of_an_sqlite_url_opens_that_file(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/a.sqlite") as store:
        store.set_setting("a", 1)
    with Store.open(tmp_path / "a.sqlite", create=False) as store:
        assert store.get_setting("a") == 1


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("mysql://root@localhost/town", "store.unknown_url"),
        ("://", "store.unknown_url"),
        (":memory:", "store.not_a_file"),
        ("/", "store.not_a_file"),
        ("/proc/nothing/a.sqlite", "store.not_writable"),
    ],
)
def test_open_of_an_address_that_cannot_be_raises(address: str, code: str) -> None:
    with pytest.raises(StoreError) as caught:
        Store.open(address)
    assert caught.value.code == code


def test_open_of_a_file_that_is_no_database_leaves_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.sqlite"
    path.write_text("Dear planner, " * 100)
    with pytest.raises(StoreError) as caught:
        Store.open(path)
    assert caught.value.code == "store.damaged"
    assert path.read_text() == "Dear planner, " * 100


def test_open_of_a_geopackage_leaves_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.gpkg"
    gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(0, 0)], crs=4326).to_file(path)
    with pytest.raises(StoreError) as caught:
        Store.open(path)
    assert caught.value.code == "store.foreign"
    assert gpd.read_file(path)["a"].tolist() == [1]


def test_open_of_an_unreachable_server_raises_without_the_password(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="NO PSYCOPG: install wangge[postgis]")
    with pytest.raises(StoreError) as caught:
        Store.open(f"postgresql://planner:geheim@/town?host={tmp_path}")
    assert caught.value.code == "store.unreachable"
    assert "geheim" not in str(caught.value)
    assert "geheim" not in str(caught.value.params)


def test_open_of_a_database_where_postgis_may_not_be_made_says_so(
    backend: str, request: pytest.FixtureRequest
) -> None:
    if backend != "postgis":
        pytest.skip("only PostgreSQL has extensions")
    address, bare = request.getfixturevalue("cluster").bare_for_a_plain_user()
    with pytest.raises(StoreError) as caught:
        Store.open(address)
    assert caught.value.code == "store.no_postgis"
    assert bare in caught.value.params["location"]


def test_location_hides_the_password(backend: str, address: str) -> None:
    if backend == "postgis":
        address = address.replace("postgres@", "postgres:geheim@")
    with Store.open(address) as store:
        assert "geheim" not in store.location


@pytest.mark.parametrize("value", [None, 0, "云栖", [1, {"a": None}], True, 0.1])
def test_get_setting_gives_what_was_set(store: Store, value: object) -> None:
    store.set_setting("name", "first")
    store.set_setting("name", value)
    assert store.get_setting("name", "default") == value


def test_get_setting_that_was_never_set_gives_the_default(store: Store) -> None:
    assert store.get_setting("name") is None
    assert store.get_setting("name", 7) == 7


def test_set_setting_of_the_crs_is_refused(store: Store) -> None:
    with pytest.raises(ParameterError):
        store.set_setting("crs", "EPSG:4326")
    assert store.crs == pyproj.CRS("EPSG:4551")


@pytest.mark.parametrize(
    ("crs", "code"),
    [
        (4326, "crs.not_projected"),
        (2263, "crs.not_projected"),  # New York in US survey feet
        ("somewhere", "crs.unreadable"),
        (None, "crs.unreadable"),
    ],
)
def test_set_crs_that_is_not_metric_is_refused(store: Store, crs: object, code: str) -> None:
    with pytest.raises(CrsError) as caught:
        store.set_crs(crs)
    assert caught.value.code == code


def test_set_crs_without_an_epsg_number_comes_back_the_same(address: str) -> None:
    local = pyproj.CRS("+proj=tmerc +lon_0=125.3 +x_0=500000 +ellps=GRS80 +units=m +type=crs")
    with Store.open(address) as store:
        store.set_crs(local)
        rows = gpd.GeoDataFrame({"compound": ["a"]}, geometry=[shapely.Point(1, 2)], crs=local)
        store.write("compounds", rows)
        assert store.read("compounds", bbox=(0, 0, 2, 2)).crs == local


def test_set_crs_of_another_one_is_refused_once_there_are_shapes(store: Store) -> None:
    store.set_crs(4550)
    store.set_crs(4551)
    rows = gpd.GeoDataFrame({"compound": ["a"]}, geometry=[shapely.Point(1, 2)], crs=4551)
    store.write("compounds", rows)
    store.set_crs("EPSG:4551")
    with pytest.raises(ConflictError) as caught:
        store.set_crs(4550)
    assert caught.value.code == "store.crs_in_use"
    assert caught.value.params["layers"] == ["compounds"]


def test_write_before_the_crs_is_set_says_so(empty_address: str) -> None:
    rows = gpd.GeoDataFrame({"compound": ["a"]}, geometry=[shapely.Point(1, 2)], crs=4551)
    with Store.open(empty_address) as store:
        with pytest.raises(CrsError) as caught:
            store.write("compounds", rows)
        assert caught.value.code == "store.crs_not_set"
        assert store.read("compounds").crs is None

"""Backup, restore and check on both backends."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
import sqlalchemy as sa
from geopandas.testing import assert_geodataframe_equal

from geo.errors import ConflictError, NotFoundError, StoreError
from geo.store import Store, backup, check, restore


def _buildings(n: int = 3) -> gpd.GeoDataFrame:
    """Unit squares B0.. at x = 0, 2, 4.. metres."""
    return gpd.GeoDataFrame(
        {"building": [f"B{i}" for i in range(n)], "name": "一号楼"},
        geometry=[shapely.box(2 * i, 0, 2 * i + 1, 1) for i in range(n)],
        crs="EPSG:4551",
    )


@pytest.fixture
def needs_dump(backend: str) -> None:
    if backend == "postgis" and shutil.which("pg_dump") is None:
        pytest.skip("NO PG_DUMP: backup of PostGIS was NOT tested; install postgresql-client")


pytestmark = pytest.mark.usefixtures("needs_dump")


def test_restore_of_a_backup_gives_the_same_store(
    store: Store, tmp_path: Path, empty_address: str
) -> None:
    store.write("buildings", _buildings())
    store.set_setting("name", "云栖")
    out = tmp_path / "town.backup"
    assert backup(store, out) == out.stat().st_size > 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    restore(out, empty_address)
    with Store.open(empty_address) as other:
        assert_geodataframe_equal(other.read("buildings"), store.read("buildings"))
        assert other.read("buildings", bbox=(2, 0, 3, 1))["building"].tolist() == ["B1"]
        assert (other.get_setting("name"), other.crs) == ("云栖", store.crs)
        assert check(other) == []


def test_backup_holds_tables_that_are_not_layers(
    address: str, tmp_path: Path, empty_address: str
) -> None:
    accounts = sa.Table("account", sa.MetaData(), sa.Column("name", sa.Text, primary_key=True))
    with Store.open(address) as store:
        accounts.create(store.engine)
        with store.engine.begin() as connection:
            connection.execute(sa.insert(accounts).values(name="管理员"))
        backup(store, tmp_path / "a")
    restore(tmp_path / "a", empty_address)
    with Store.open(empty_address) as store, store.engine.connect() as connection:
        assert connection.scalars(sa.select(accounts.c.name)).all() == ["管理员"]


def test_restore_over_data_is_refused_unless_asked(store: Store, tmp_path: Path) -> None:
    store.write("buildings", _buildings(2))
    backup(store, tmp_path / "a")
    store.write("buildings", _buildings(3), mode="replace")
    address = store.engine.url.render_as_string(hide_password=False)
    with pytest.raises(ConflictError) as caught:
        restore(tmp_path / "a", address)
    assert caught.value.code == "store.not_empty"
    assert store.count("buildings") == 3

    before = store.revision("buildings")
    restore(tmp_path / "a", address, replace=True)
    # The store that stayed open sees the restored rows, under a revision never used before.
    assert store.read("buildings")["building"].tolist() == ["B0", "B1"]
    assert store.revision("buildings") > before
    assert check(store) == []


def test_restore_of_a_truncated_backup_leaves_the_store_alone(store: Store, tmp_path: Path) -> None:
    store.write("buildings", _buildings())
    backup(store, tmp_path / "a")
    whole = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(whole[: len(whole) // 2])
    address = store.engine.url.render_as_string(hide_password=False)
    with pytest.raises(StoreError) as caught:
        restore(tmp_path / "a", address, replace=True)
    assert caught.value.code in ("store.damaged", "store.program_failed")
    assert store.count("buildings") == 3
    assert check(store) == []


def test_restore_of_another_kind_of_file_is_refused(
    new_store: Callable[[], str], tmp_path: Path
) -> None:
    (tmp_path / "letter").write_text("Dear planner")
    with pytest.raises(StoreError) as caught:
        restore(tmp_path / "letter", new_store())
    assert caught.value.code == "store.not_a_backup"
    with pytest.raises(NotFoundError) as missing:
        restore(tmp_path / "nothing", new_store())
    assert missing.value.code == "store.no_backup"


def test_backup_into_a_folder_that_is_not_there_raises(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        backup(store, tmp_path / "none" / "a")
    assert caught.value.code == "store.not_writable"


def test_backup_that_fails_keeps_the_former_file(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("former")

    def fail(*_: object) -> None:
        raise StoreError("store.full", "full")

    monkeypatch.setattr("geo.store.backups._copy_sqlite", fail)
    monkeypatch.setattr("geo.store.backups._dump", fail)
    with pytest.raises(StoreError):
        backup(store, tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "former"


def test_check_of_rows_that_name_nothing_lists_them(store: Store) -> None:
    store.write(
        "grid_links", pd.DataFrame({"plan": ["P"], "predecessor": ["a"], "successor": ["b"]})
    )
    found = check(store)
    assert [(f.code, f.severity, f.count, f.keys, f.params["column"]) for f in found] == [
        ("store.dangling", "warning", 1, ["P"], "plan"),
        ("store.dangling", "warning", 1, ["b"], "successor"),
    ]


def test_check_of_a_row_without_its_box_finds_it(address: str, backend: str) -> None:
    if backend == "postgis":
        pytest.skip("PostgreSQL keeps its index itself")
    with Store.open(address) as store:
        store.write("buildings", _buildings())
        with store.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM rtree_buildings WHERE fid = 2")
        found = check(store)
    assert [(f.code, f.count, f.params["layer"]) for f in found] == [
        ("store.index_differs", 1, "buildings")
    ]


def test_check_of_a_table_without_a_column_names_it(address: str) -> None:
    with Store.open(address) as store:
        with store.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE streets DROP COLUMN name_en")
        found = check(store)
    assert [(f.code, f.keys, f.params["layer"]) for f in found] == [
        ("store.column_missing", ["name_en"], "streets")
    ]

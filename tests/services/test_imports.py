"""Files into the store, everything counted."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest
import shapely

from geo.errors import InputError
from geo.incidents.categories import load_categories
from geo.services import imports, plans
from geo.store import Store
from tests.services.conftest import SOUTH, WEST, buildings, frame_of

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)


def take(store: Store, layer: str, path: Path, **options: object) -> imports.ImportReport:
    folder = path.parent / "rejects"
    return imports.import_file(store, layer, path, rejects_dir=folder, now=NOW, **options)  # type: ignore[arg-type]


def incidents_csv(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(["事件编号,类别,状态,上报时间,x,y", *rows]) + "\n", encoding="utf-8")
    return path


def test_import_file_buildings_fix_the_towns_crs_and_are_counted(
    empty_store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "buildings.gpkg"
    buildings().to_file(path, layer="buildings")
    report = take(empty_store, "buildings", path)
    assert (report.read, report.accepted, report.rejected) == (16, 16, 0)
    assert empty_store.count("buildings") == 16
    assert empty_store.crs is not None and empty_store.crs.to_epsg() == 4549
    logged = empty_store.read("imports").iloc[0]
    assert (logged["layer"], logged["read"], logged["accepted"]) == ("buildings", 16, 16)


def test_import_file_missing_households_are_estimated_and_marked(
    empty_store: Store, tmp_path: Path
) -> None:
    homes = buildings().drop(columns=["households", "people", "households_estimated"])
    path = tmp_path / "homes.gpkg"
    homes.to_file(path, layer="buildings")
    take(empty_store, "buildings", path)
    stored = empty_store.read("buildings")
    assert stored["households_estimated"].all()
    assert (stored["households"] > 0).all()


def test_import_file_one_bad_row_is_kept_aside_and_the_others_stay(
    store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    path.write_text(
        "人员编号,姓名,角色,区域类型,区域编码,起始日期\n"
        "W1,张三,网格员,社区,990101001001,2026-01-01\n"
        "W2,李四,国王,社区,990101001001,2026-01-01\n",
        encoding="gb18030",
    )
    report = take(store, "roster", path)
    assert (report.read, report.accepted, report.rejected) == (2, 1, 1)
    assert store.read("roster")["name"].tolist() == ["张三"]
    assert report.rejects_path is not None
    rejects = pd.read_csv(report.rejects_path, encoding="utf-8-sig")
    assert rejects[["line", "column", "code"]].values.tolist() == [[2, "role", "value.unknown"]]


def test_import_file_again_replaces_rows_of_the_same_key(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "buildings.gpkg"
    homes = buildings()
    homes["households"] = 25
    homes.to_file(path, layer="buildings")
    take(store, "buildings", path)
    assert store.count("buildings") == 16
    assert (store.read("buildings")["households"] == 25).all()


def test_import_file_unreadable_changes_nothing(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "broken.geojson"
    path.write_text('{"type": "FeatureCollection", "features": [', encoding="utf-8")
    before = store.read("buildings")
    with pytest.raises(InputError):
        take(store, "buildings", path)
    pd.testing.assert_frame_equal(pd.DataFrame(store.read("buildings")), pd.DataFrame(before))
    assert store.count("imports") == 0


def test_import_file_incidents_get_the_grid_in_force_on_their_day(
    store: Store, tmp_path: Path
) -> None:
    first = plans.make_plan(store, target=80, effective_from=date(2026, 1, 1), now=NOW)
    second = plans.make_plan(store, target=40, effective_from=date(2026, 4, 1), now=NOW)
    place = f"{WEST + 50},{SOUTH + 100}"
    path = incidents_csv(
        tmp_path / "cases.csv",
        [
            f"A1,0101,已结案,2026-03-31 23:59,{place}",
            f"A2,0101,已结案,2026-04-01 00:00,{place}",
            f"A3,0101,处置中,2026-03-31 12:00,{place}",
        ],
    )
    take(store, "incidents", path, crs="EPSG:4549")
    plan_of = store.read("incidents").set_index("incident")["plan"].to_dict()
    # local midnight of 1 April divides the two plans; an open case goes to the plan of today
    assert plan_of == {"A1": first.plan, "A2": second.plan, "A3": second.plan}


def test_import_file_incident_without_coordinates_is_found_by_its_address(
    store: Store, tmp_path: Path
) -> None:
    spot = shapely.Point(WEST + 60, SOUTH + 70)
    rows = {
        "place": ["b/1"],
        "kind": ["building"],
        "name": ["3号楼"],
        "compound": ["和园小区"],
        "building": ["3"],
        "address": ["和园小区3号楼"],
    }
    store.write("gazetteer", frame_of("gazetteer", rows, [spot]))
    path = tmp_path / "hotline.csv"
    path.write_text(
        "事件编号,类别,状态,上报时间,地址\n"
        "A1,暴露垃圾,已上报,2026-04-01 08:00,和园小区三栋楼下\n"
        "A2,暴露垃圾,已上报,2026-04-01 08:00,天上人间9号楼\n",
        encoding="utf-8",
    )
    report = take(store, "incidents", path)
    assert (report.read, report.accepted, report.rejected) == (2, 1, 1)
    case = store.read("incidents").iloc[0]
    assert case["incident"] == "A1"
    assert case["category"] in set(load_categories()["category"])
    assert case.geometry.distance(spot) < 0.01
    rejects = pd.read_csv(report.rejects_path, encoding="utf-8-sig")  # type: ignore[arg-type]
    assert set(rejects["line"]) == {2}
    assert "address.refused" in set(rejects["code"])


def test_import_file_without_households_keeps_those_counted_before(
    store: Store, tmp_path: Path
) -> None:
    homes = buildings()[["building", "geometry"]].assign(floors=9.0)
    path = tmp_path / "floors.gpkg"
    homes.to_file(path, layer="buildings")
    take(store, "buildings", path)
    stored = store.read("buildings")
    assert stored["households"].tolist() == [10] * 16
    assert stored["people"].tolist() == [20] * 16
    assert not stored["households_estimated"].fillna(False).any()
    assert stored["floors"].tolist() == [9.0] * 16

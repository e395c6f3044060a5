"""Rows into the layers, the same on both backends."""

from __future__ import annotations

import datetime as dt
from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal

from geo.errors import (
    ConflictError,
    CrsError,
    GeometryError,
    NotFoundError,
    ParameterError,
    SchemaError,
)
from geo.schema import LAYERS, check_frame
from geo.store import Store, check

TOWN_CRS = "EPSG:4551"
EAST, NORTH = 500_000.0, 4_860_000.0


@cache
def _incidents(n: int = 4) -> gpd.GeoDataFrame:
    """Incidents I0, I1.. at (0, 0), (10, 10).. m from the town's corner, an hour apart."""
    steps = np.arange(n)
    rows = gpd.GeoDataFrame(
        {
            "incident": [f"I{i}" for i in steps],
            "category": [("0101", "0203")[i % 2] for i in steps],
            "status": "reported",
            "reported_at": pd.Timestamp("2026-10-01T00:00Z") + pd.to_timedelta(steps, unit="h"),
            "grid": [None if i == 1 else f"G{i}" for i in steps],
        },
        geometry=shapely.points(EAST + 10.0 * steps, NORTH + 10.0 * steps),
        crs=TOWN_CRS,
    )
    return check_frame(LAYERS["incidents"], rows).accepted


def _errors(store: Store) -> list[str]:
    return [finding.code for finding in check(store) if finding.severity == "error"]


def _plan(**values: object) -> pd.DataFrame:
    row = {
        "plan": "P1",
        "status": "draft",
        "cell_set": "C1",
        "created_at": pd.Timestamp("2026-10-01T08:00Z"),
        **values,
    }
    columns = {name: pd.Series([value], dtype="object") for name, value in row.items()}
    return check_frame(LAYERS["plans"], pd.DataFrame(columns)).accepted


def _settled(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return frame.reset_index(drop=True)


def test_write_append_of_a_known_key_changes_nothing(store: Store) -> None:
    store.write("incidents", _incidents(2))
    revision = store.revision("incidents")
    with pytest.raises(ConflictError) as caught:
        store.write("incidents", _incidents(4).assign(status="closed"))
    assert caught.value.code == "store.key_taken"
    assert_geodataframe_equal(store.read("incidents"), _incidents(2))
    assert store.revision("incidents") == revision


@pytest.mark.parametrize("mode", ["append", "upsert", "replace", "update"])
def test_write_of_one_key_twice_is_refused(store: Store, mode: str) -> None:
    twice = _settled(pd.concat([_incidents(2), _incidents(1)]))
    with pytest.raises(ConflictError) as caught:
        store.write("incidents", twice, mode=mode)
    assert (caught.value.code, caught.value.params["keys"]) == ("store.key_repeated", ["I0"])


def test_write_upsert_changes_known_rows_and_adds_new_ones(store: Store) -> None:
    store.write("incidents", _incidents(2))
    moved = _incidents(3).iloc[1:].assign(status="closed")
    moved = moved.set_geometry(shapely.points([(7.0, 7.0), (8.0, 8.0)]), crs=TOWN_CRS)
    assert store.write("incidents", moved, mode="upsert") == 2
    found = store.read("incidents")
    assert found["status"].tolist() == ["reported", "closed", "closed"]
    assert store.read("incidents", bbox=(6, 6, 9, 9))["incident"].tolist() == ["I1", "I2"]
    old_place = (EAST + 5, NORTH + 5, EAST + 15, NORTH + 15)
    assert len(store.read("incidents", bbox=old_place)) == 0


def test_write_upsert_leaves_columns_that_the_frame_lacks(store: Store) -> None:
    store.write("incidents", _incidents(1).assign(address="云栖路1号"))
    some = _incidents(1)[["incident", "category", "status", "reported_at", "geometry"]]
    store.write("incidents", some.assign(status="filed"), mode="upsert")
    found = store.read("incidents").iloc[0]
    assert (found["status"], found["address"], found["grid"]) == ("filed", "云栖路1号", "G0")


def test_write_update_changes_only_the_columns_given(store: Store) -> None:
    store.write("incidents", _incidents(3))
    change = pd.DataFrame({"incident": ["I2", "I0"], "grid": ["H2", None]})
    assert store.write("incidents", change, mode="update") == 2
    found = store.read("incidents")
    assert found["grid"].isna().tolist() == [True, True, False]
    assert found["grid"].iloc[2] == "H2"
    assert_geodataframe_equal(found.drop(columns="grid"), _incidents(3).drop(columns="grid"))


def test_write_update_of_geometry_moves_the_index_too(store: Store) -> None:
    store.write("incidents", _incidents(3))
    place = gpd.GeoDataFrame({"incident": ["I1"]}, geometry=[shapely.Point(3, 3)], crs=TOWN_CRS)
    store.write("incidents", place, mode="update")
    assert store.read("incidents", bbox=(0, 0, 5, 5))["incident"].tolist() == ["I1"]


def test_write_update_of_an_unknown_key_changes_nothing(store: Store) -> None:
    store.write("incidents", _incidents(1))
    change = pd.DataFrame({"incident": ["I0", "I9"], "grid": ["H0", "H9"]})
    with pytest.raises(ConflictError) as caught:
        store.write("incidents", change, mode="update")
    assert (caught.value.code, caught.value.params["count"]) == ("store.key_unknown", 1)
    assert store.read("incidents")["grid"].tolist() == ["G0"]


def test_write_update_of_the_key_alone_is_refused(store: Store) -> None:
    with pytest.raises(SchemaError) as caught:
        store.write("incidents", pd.DataFrame({"incident": ["I0"]}), mode="update")
    assert caught.value.code == "schema.missing_columns"


def test_write_replace_leaves_only_the_new_rows(store: Store) -> None:
    store.write("incidents", _incidents(4))
    store.write("incidents", _incidents(6).iloc[3:], mode="replace")
    assert store.read("incidents")["incident"].tolist() == ["I3", "I4", "I5"]
    assert len(store.read("incidents", bbox=(EAST, NORTH, EAST + 29, NORTH + 29))) == 0
    store.write("incidents", _incidents(0), mode="replace")
    assert store.count("incidents") == 0
    assert _errors(store) == []


def test_write_of_a_layer_with_key_columns_only_upserts(store: Store) -> None:
    rows = pd.DataFrame({"plan": ["P"], "predecessor": ["a"], "successor": ["b"]})
    store.write("grid_links", rows, mode="upsert")
    store.write("grid_links", rows, mode="upsert")
    assert store.count("grid_links") == 1


def test_write_drops_heights(store: Store) -> None:
    rows = _incidents(1).set_geometry([shapely.Point(1, 2, 3)], crs=TOWN_CRS)
    store.write("incidents", rows)
    assert store.read("incidents").geometry.iloc[0].wkt == "POINT (1 2)"


def test_write_does_not_change_its_argument(store: Store) -> None:
    frame = _incidents().set_index(pd.Index([7, 5, 3, 1]))
    before = frame.copy()
    store.write("incidents", frame)
    assert_geodataframe_equal(frame, before)


@pytest.mark.parametrize(
    ("spoil", "kind", "code"),
    [
        (lambda f: f.drop(columns="category"), SchemaError, "schema.missing_columns"),
        (lambda f: f.assign(colour="red"), SchemaError, "schema.unknown_columns"),
        (lambda f: f.assign(category=None), SchemaError, "schema.empty_values"),
        (lambda f: f.assign(reported_at="soon"), SchemaError, "schema.wrong_type"),
        (lambda f: f.assign(address="a\0b"), SchemaError, "schema.nul_character"),
        (pd.DataFrame, SchemaError, "schema.missing_geometry"),
        (lambda f: f.set_geometry([None] * 4, crs=TOWN_CRS), GeometryError, "store.no_geometry"),
        (lambda f: f.set_geometry(f.buffer(1)), GeometryError, "store.wrong_geometry"),
        (lambda f: f.set_crs(4326, allow_override=True), CrsError, "store.wrong_crs"),
        (lambda f: f.set_crs(None, allow_override=True), CrsError, "store.wrong_crs"),
    ],
)
def test_write_of_a_bad_frame_changes_nothing(
    store: Store, spoil: object, kind: type[Exception], code: str
) -> None:
    with pytest.raises(kind) as caught:
        store.write("incidents", spoil(_incidents()))
    assert caught.value.code == code
    assert (store.count("incidents"), store.revision("incidents")) == (0, 0)


def test_write_of_json_that_is_none_or_not_json(store: Store) -> None:
    store.write("plans", _plan(report=None))
    assert store.read("plans")["report"].tolist() == [None]
    with pytest.raises(SchemaError) as caught:
        store.write("plans", _plan(plan="P2", report={"rate": float("nan")}))
    assert caught.value.code == "schema.not_json"


def test_update_sets_values_where_asked(store: Store) -> None:
    store.write("incidents", _incidents())
    n = store.update(
        "incidents",
        {"status": "closed", "closed_at": pd.Timestamp("2026-10-02T00:00Z"), "grid": None},
        where={"category": "0203"},
    )
    found = store.read("incidents")
    assert n == 2
    assert found["status"].tolist() == ["reported", "closed", "reported", "closed"]
    assert found["closed_at"].isna().tolist() == [True, False, True, False]
    assert found["grid"].isna().tolist() == [False, True, False, True]


def test_update_of_dates_and_json_sets_them(store: Store) -> None:
    store.write("plans", _plan())
    store.update("plans", {"effective_to": dt.date(2027, 1, 1), "report": {"n": 1}}, where={})
    row = store.read("plans").iloc[0]
    assert (row["effective_to"], row["report"]) == (pd.Timestamp("2027-01-01"), {"n": 1})
    store.update("plans", {"report": None}, where={"plan": "P1"})
    assert store.read("plans")["report"].iloc[0] is None


def test_update_of_a_required_column_to_nothing_is_refused(store: Store) -> None:
    store.write("incidents", _incidents(1))
    with pytest.raises(ParameterError) as caught:
        store.update("incidents", {"status": None}, where={})
    assert caught.value.code == "store.bad_option"


def test_delete_takes_rows_and_their_boxes(store: Store) -> None:
    store.write("incidents", _incidents())
    assert store.delete("incidents", where={"category": "0101"}) == 2
    everywhere = (EAST - 1, NORTH - 1, EAST + 100, NORTH + 100)
    assert store.read("incidents", bbox=everywhere)["incident"].tolist() == ["I1", "I3"]
    assert _errors(store) == []
    assert store.delete("incidents", where={}) == 2
    assert store.delete("incidents", where={}) == 0


def test_revision_grows_with_every_change_of_its_layer_only(store: Store) -> None:
    seen = [store.revision("incidents")]

    def grew() -> bool:
        seen.append(store.revision("incidents"))
        return seen[-1] > seen[-2]

    store.write("incidents", _incidents(2))
    assert grew()
    store.write("incidents", _incidents(2), mode="upsert")
    assert grew()
    store.update("incidents", {"grid": "G"}, where={})
    assert grew()
    store.update("incidents", {"grid": "G"}, where={"incident": "none"})
    assert not grew()
    store.write("incidents", _incidents(0))
    assert not grew()
    store.delete("incidents", where={})
    assert grew()
    assert store.revision("buildings") == 0


@pytest.mark.parametrize("layer", ["settings", "sqlite_master", "pg_class", 'incidents" --'])
def test_read_of_an_unknown_layer_raises(store: Store, layer: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        store.read(layer)
    assert caught.value.code == "schema.unknown_layer"

"""Rows out of the layers, the same on both backends."""

from __future__ import annotations

import datetime as dt
from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from pandas.testing import assert_frame_equal

from geo.errors import (
    ParameterError,
    SchemaError,
)
from geo.schema import LAYERS, check_frame, empty_frame
from geo.store import Store

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


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_read_of_an_empty_layer_gives_its_columns_and_dtypes(store: Store, name: str) -> None:
    assert_frame_equal(store.read(name), empty_frame(LAYERS[name], crs=store.crs))
    assert [len(chunk) for chunk in store.stream(name)] == [0]
    assert (store.count(name), store.revision(name)) == (0, 0)


def test_read_after_write_gives_the_same_frame(store: Store) -> None:
    written = _incidents()
    assert store.write("incidents", written) == 4
    assert_geodataframe_equal(store.read("incidents"), written)


def test_read_after_write_keeps_every_bit_of_awkward_values(store: Store) -> None:
    texts = [
        "",
        " ",
        "NULL",
        "\\N",
        "\\.",
        'a"b',
        "it's",
        "一号楼\n二单元",
        "👩🏽‍🚒",
        "=1+1",
        "0012",
        "x,y",
    ]
    coordinates = [0.1 + 0.2, 1 / 3, 5e-324, -0.0, 1e300, np.nextafter(5e5, 6e5), 4_860_000.000001]
    n = max(len(texts), len(coordinates))
    pick = np.arange(n)
    rows = gpd.GeoDataFrame(
        {
            "building": [f"B{i:02}" for i in pick],
            "name": [texts[i % len(texts)] for i in pick],
            "floors": [abs(coordinates[i % 7]) if i % 5 else None for i in pick],
            "households": pd.array([2**62 + 1 if i % 3 else None for i in pick], "Int64"),
            "households_estimated": pd.array([[True, False, None][i % 3] for i in pick], "boolean"),
        },
        geometry=shapely.points([(coordinates[i % 7], coordinates[(i + 1) % 7]) for i in pick]),
        crs=TOWN_CRS,
    )
    store.write("buildings", rows)
    found = store.read("buildings")

    assert found["name"].tolist() == rows["name"].tolist()
    assert found["floors"].to_numpy().tobytes() == rows["floors"].to_numpy(float).tobytes()
    assert found["households"].tolist() == rows["households"].tolist()
    assert found["households_estimated"].tolist() == rows["households_estimated"].tolist()
    assert shapely.to_wkb(found.geometry.array).tolist() == shapely.to_wkb(rows.geometry).tolist()


def test_read_after_write_keeps_times_dates_and_json(store: Store) -> None:
    report = {"n_grids": 48, "share": 0.1, "名称": ["一", None, {"深": True}], "rate": None}
    plan = _plan(
        created_at=pd.Timestamp("1969-12-31T23:59:59.999999Z"),
        effective_from=pd.Timestamp("2999-12-31"),
        report=report,
        seed=2**40,
    )
    store.write("plans", plan)
    assert_frame_equal(store.read("plans"), plan)
    assert store.read("plans")["report"].iloc[0] == report


@pytest.mark.parametrize(
    "shape",
    [
        shapely.box(0, 0, 30, 20) - shapely.box(10, 5, 20, 15),
        shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 0, 3, 1)]),
        shapely.Point(0.1, 0.2),
    ],
    ids=["hole", "parts", "point"],
)
def test_read_after_write_keeps_the_shape(store: Store, shape: shapely.Geometry) -> None:
    rows = gpd.GeoDataFrame({"compound": ["云栖苑"]}, geometry=[shape], crs=TOWN_CRS)
    store.write("compounds", rows)
    found = store.read("compounds").geometry
    assert shapely.to_wkb(found.iloc[0]) == shapely.to_wkb(shape)
    assert found.crs == TOWN_CRS


def test_read_comes_in_key_order_whatever_the_order_written(store: Store) -> None:
    store.write("incidents", _incidents().iloc[[2, 0, 3, 1]])
    assert store.read("incidents")["incident"].tolist() == ["I0", "I1", "I2", "I3"]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"incident": "I2"}, ["I2"]),
        ({"category": "0203"}, ["I1", "I3"]),
        ({"category": "0203", "grid": "G3"}, ["I3"]),
        ({"grid": None}, ["I1"]),
        ({"incident": ["I3", "I0", "X"]}, ["I0", "I3"]),
        ({"grid": ["G0", None]}, ["I0", "I1"]),
        ({"grid": {"G0"}}, ["I0"]),
        ({"grid": np.array(["G2"], dtype=object)}, ["I2"]),
        ({"incident": []}, []),
        ({"incident": "' OR '1'='1"}, []),
        ({"incident": ("between", "I1", "I3")}, ["I1", "I2"]),
        ({"reported_at": pd.Timestamp("2026-10-01T01:00Z")}, ["I1"]),
        ({"reported_at": pd.Timestamp("2026-10-01T09:00+08:00")}, ["I1"]),
        (
            {
                "reported_at": (
                    "between",
                    dt.datetime(2026, 10, 1, 1, tzinfo=dt.UTC),
                    dt.datetime(2026, 10, 1, 3, tzinfo=dt.UTC),
                )
            },
            ["I1", "I2"],
        ),
        ({"reported_at": ("between", None, "2026-10-01T01:00Z")}, ["I0"]),
        ({"reported_at": ("between", "2026-10-01T03:00Z", None)}, ["I3"]),
        ({"grid": ("between", None, None)}, ["I0", "I2", "I3"]),
    ],
)
def test_read_where_gives_the_matching_rows(
    store: Store, where: dict[str, object], expected: list[str]
) -> None:
    store.write("incidents", _incidents())
    assert store.read("incidents", where=where)["incident"].tolist() == expected
    assert store.count("incidents", where=where) == len(expected)


@pytest.mark.parametrize(
    ("where", "n"),
    [
        ({"day": dt.date(2026, 10, 1)}, 2),
        ({"day": pd.Timestamp("2026-10-01")}, 2),
        ({"day": "2026-10-02"}, 1),
        ({"day": [dt.date(2026, 10, 1), dt.date(2026, 10, 2)]}, 3),
        ({"day": ("between", dt.date(2026, 10, 1), dt.date(2026, 10, 2))}, 2),
        ({"round": 2}, 1),
        ({"round": np.int64(1)}, 2),
        ({"round": [1, 2]}, 3),
        ({"round": ("between", 2, None)}, 1),
        ({"covered_m": 12.5}, 1),
        ({"covered_m": [12.5, 40]}, 2),
        ({"covered_m": None}, 1),
    ],
)
def test_read_where_compares_dates_and_numbers(
    store: Store, where: dict[str, object], n: int
) -> None:
    rows = pd.DataFrame(
        {
            "patrol": ["A", "A", "B"],
            "piece": ["p", "q", "p"],
            "day": pd.to_datetime(["2026-10-01", "2026-10-01", "2026-10-02"]),
            "round": pd.array([1, 2, 1], "Int64"),
            "covered_m": [12.5, 40.0, np.nan],
        }
    )
    store.write("coverage", rows)
    assert len(store.read("coverage", where=where)) == n


def test_read_where_of_a_truth_value_gives_the_matching_rows(store: Store) -> None:
    rows = gpd.GeoDataFrame(
        {"compound": ["a", "b", "c"], "households_estimated": [True, False, None]},
        geometry=shapely.points([(0, 0), (1, 0), (2, 0)]),
        crs=TOWN_CRS,
    )
    store.write("compounds", rows)
    for wanted, expected in (
        (True, ["a"]),
        (False, ["b"]),
        (None, ["c"]),
        ([True, None], ["a", "c"]),
    ):
        found = store.read("compounds", where={"households_estimated": wanted})
        assert found["compound"].tolist() == expected


def test_read_where_of_very_many_values_works(store: Store) -> None:
    store.write("incidents", _incidents())
    wanted = [f"X{i}" for i in range(70_000)] + ["I2"]
    assert store.count("incidents", where={"incident": wanted}) == 1


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ({"incident": 7}, "store.bad_value"),
        ({"incident": "a\0b"}, "store.bad_value"),
        ({"reported_at": dt.datetime(2026, 10, 1)}, "store.bad_value"),
        ({"reported_at": "yesterday"}, "store.bad_value"),
        ({"reported_at": 5}, "store.bad_value"),
        ({"incident": ("I0", "I1")}, "store.bad_value"),
        ({"geometry": None}, "store.bad_value"),
        ({"nothing": 1}, "schema.unknown_columns"),
        ({"incident; DROP TABLE incidents": 1}, "schema.unknown_columns"),
        ({"fid": 1}, "schema.unknown_columns"),
    ],
)
def test_read_where_of_a_bad_question_raises(
    store: Store, where: dict[str, object], code: str
) -> None:
    with pytest.raises((ParameterError, SchemaError)) as caught:
        store.read("incidents", where=where)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("bbox", "expected"),
    [
        ((EAST - 1, NORTH - 1, EAST + 15, NORTH + 15), ["I0", "I1"]),
        # The box is closed: I1 lies on its corner.
        ((EAST + 10, NORTH + 10, EAST + 15, NORTH + 15), ["I1"]),
        # A millimetre, far below the 32-bit precision of an R*Tree box (0.5 m at 4,860 km).
        ((EAST + 10.001, NORTH + 10.001, EAST + 19.999, NORTH + 19.999), []),
        ((EAST + 20, NORTH + 20, EAST + 20, NORTH + 20), ["I2"]),
        ((EAST, NORTH + 20, EAST + 30, NORTH + 20), ["I2"]),
        ((0, 0, 1, 1), []),
    ],
)
def test_read_bbox_gives_the_rows_that_meet_the_closed_box(
    store: Store, bbox: tuple[float, float, float, float], expected: list[str]
) -> None:
    store.write("incidents", _incidents())
    assert store.read("incidents", bbox=bbox)["incident"].tolist() == expected


def test_read_bbox_tests_the_shape_and_not_its_box(store: Store) -> None:
    diagonal = shapely.LineString([(0, 0), (100, 100)])
    rows = gpd.GeoDataFrame({"street": ["s"]}, geometry=[diagonal], crs=TOWN_CRS)
    store.write("streets", rows)
    assert len(store.read("streets", bbox=(60, 0, 100, 40))) == 0
    assert len(store.read("streets", bbox=(40, 40, 60, 60))) == 1


def test_read_bbox_with_columns_where_and_limit_counts_only_what_is_inside(store: Store) -> None:
    store.write("incidents", _incidents(10))
    box = (EAST + 15, NORTH + 15, EAST + 1000, NORTH + 1000)
    found = store.read(
        "incidents", bbox=box, where={"category": "0101"}, columns=["incident"], limit=2
    )
    # Inside lie I2..I9, of them I2, I4, I6, I8 have category 0101.
    assert type(found) is pd.DataFrame
    assert found["incident"].tolist() == ["I2", "I4"]


def test_read_bbox_works_where_a_layer_has_no_index(store: Store) -> None:
    rows = gpd.GeoDataFrame(
        {
            "patrol": "A",
            "day": pd.Timestamp("2026-10-01"),
            "round": 1,
            "at": pd.date_range("2026-10-01", periods=3, freq="10s", tz="UTC"),
        },
        geometry=shapely.points([(0, 0), (5, 5), (9, 9)]),
        crs=TOWN_CRS,
    )
    store.write("tracks", rows)
    assert len(store.read("tracks", bbox=(1, 1, 6, 6))) == 1


@pytest.mark.parametrize("bbox", [(1, 0, 0, 1), (0, 0, 1), (0, 0, np.nan, 1), (0, 0, np.inf, 1)])
def test_read_bbox_that_is_no_box_raises(store: Store, bbox: tuple[float, ...]) -> None:
    with pytest.raises(ParameterError) as caught:
        store.read("incidents", bbox=bbox)
    assert caught.value.code == "store.bad_box"


def test_read_columns_gives_only_these(store: Store) -> None:
    store.write("incidents", _incidents())
    plain = store.read("incidents", columns=["grid", "incident"])
    assert type(plain) is pd.DataFrame
    assert list(plain.columns) == ["grid", "incident"]
    spatial = store.read("incidents", columns=["geometry", "incident"])
    assert list(spatial.columns) == ["incident", "geometry"]
    assert spatial.crs == TOWN_CRS


def test_read_order_by_sorts_before_the_key_and_puts_empty_last(store: Store) -> None:
    store.write("incidents", _incidents())

    def order(by: object) -> list[str]:
        return store.read("incidents", order_by=by)["incident"].tolist()

    assert order("-reported_at") == ["I3", "I2", "I1", "I0"]
    assert order(["-category"]) == ["I1", "I3", "I0", "I2"]
    assert order("grid") == ["I0", "I2", "I3", "I1"]
    assert order("-grid") == ["I3", "I2", "I0", "I1"]


def test_read_order_by_text_sorts_by_code_point(store: Store) -> None:
    names = ["b", "B", "a", "Z", "é", "一", "2", "10"]
    rows = gpd.GeoDataFrame(
        {"street": names}, geometry=[shapely.LineString([(0, 0), (1, 1)])] * 8, crs=TOWN_CRS
    )
    store.write("streets", rows)
    assert store.read("streets")["street"].tolist() == sorted(names)


def test_read_distinct_gives_each_combination_once(store: Store) -> None:
    store.write("incidents", _incidents())
    found = store.read("incidents", columns=["category", "status"], distinct=True)
    assert found.to_numpy().tolist() == [["0101", "reported"], ["0203", "reported"]]
    days = store.read("incidents", columns=["reported_at"], distinct=True, limit=2)
    assert days["reported_at"].tolist() == _incidents()["reported_at"].tolist()[:2]


def test_stream_gives_the_rows_of_read_in_chunks(store: Store) -> None:
    store.write("incidents", _incidents(10))
    chunks = list(store.stream("incidents", chunk_rows=4))
    assert [len(chunk) for chunk in chunks] == [4, 4, 2]
    joined = _settled(pd.concat(chunks))
    assert_geodataframe_equal(joined, store.read("incidents"))


def test_stream_keeps_to_one_state_while_another_writes(store: Store) -> None:
    store.write("incidents", _incidents(10))
    chunks = store.stream("incidents", columns=["incident"], chunk_rows=4)
    first = next(chunks)
    store.delete("incidents", where={})
    assert len(first) + sum(len(chunk) for chunk in chunks) == 10
    assert store.count("incidents") == 0

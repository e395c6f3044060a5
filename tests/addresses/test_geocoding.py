"""Addresses found in a small register; numbers must agree, names may differ a little."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from geo.addresses import geocode
from geo.addresses.gazetteer import build
from geo.addresses.names import Names
from geo.schema import LAYERS

CRS = "EPSG:4551"


def frame(geometry: list[shapely.Geometry], **columns: list[object]) -> gpd.GeoDataFrame:
    text = {name: pd.Series(values, dtype="str") for name, values in columns.items()}
    return gpd.GeoDataFrame(text, geometry=geometry, crs=CRS)


def small_town() -> gpd.GeoDataFrame:
    """Two compounds; 枫澄家园 with buildings 1 and 3 (entrances 1, 2), 幸福一区 with 1; a shop."""
    compounds = frame(
        [shapely.box(0, 0, 100, 100), shapely.box(200, 0, 300, 100)],
        compound=["C1", "C2"],
        name=["枫澄家园", "幸福一区"],
    )
    buildings = frame(
        [shapely.box(x, 10, x + 10, 20) for x in (10, 50, 210, 400)],
        building=["B1", "B3", "B7", "B9"],
        name=[None, None, None, None],
        number=["1", "03", "1", None],
        compound=["C1", "C1", "C2", None],
        address=[None, None, None, "丁香街12号"],
    )
    entrances = frame(
        [shapely.Point(52, 10), shapely.Point(58, 10), shapely.Point(402, 10)],
        entrance=["B3-1", "B3-2", "B9-1"],
        building=["B3", "B3", "B9"],
        number=["1", "2", "1"],
    )
    streets = frame(
        [
            shapely.LineString([(0, 200), (10, 200)]),
            shapely.LineString([(10, 200), (110, 200)]),
            shapely.LineString([(0, 300), (50, 300)]),
        ],
        street=["S1", "S2", "S3"],
        name=["丁香街", "丁香街", None],
    )
    sites = frame([shapely.box(500, 0, 600, 100)], site=["P1"], name=["锦棠第二小学"])
    return build(compounds, buildings, entrances, streets, sites=sites)


TOWN = small_town()


def answer(text: str) -> tuple[str, str | None]:
    row = geocode([text], TOWN).iloc[0]
    return row["grade"], None if pd.isna(row["place"]) else row["place"]


def test_build_has_a_row_for_each_place_with_full_parts() -> None:
    assert list(TOWN.columns[:-1]) == LAYERS["gazetteer"].column_names
    assert TOWN["kind"].value_counts().to_dict() == {
        "building": 4,
        "entrance": 3,
        "compound": 2,
        "street": 1,
        "site": 1,
    }
    row = TOWN.set_index("place").loc["entrance/B3-2"]
    assert (row["compound"], row["building"], row["entrance"]) == ("枫澄家园", "3", "2")
    assert row["address"] == "枫澄家园3号楼2单元"
    # The street stands in the middle of its longest segment, x 10 to 110.
    street = TOWN.set_index("place").loc["street/丁香街"].geometry
    assert (street.x, street.y) == (60.0, 200.0)


@pytest.mark.parametrize(
    ("text", "grade", "place"),
    [
        ("枫澄家园3号楼2单元501", "entrance", "entrance/B3-2"),
        ("锦棠桥街道枫澄家园3-1-202", "entrance", "entrance/B3-1"),
        ("枫澄家园三栋", "building", "building/B3"),
        ("枫澄家圆三栋二单元", "entrance", "entrance/B3-2"),  # 圆 for 园: the name alone is fuzzy
        ("枫澄家园3号楼9单元", "building", "building/B3"),  # no such entrance
        ("枫澄家园88号楼", "compound", "compound/C1"),  # no such building
        ("枫澄家园院内", "compound", "compound/C1"),
        ("幸福一区1栋", "building", "building/B7"),
        ("丁香街12号1单元", "entrance", "entrance/B9-1"),
        ("丁香街12号门前", "building", "building/B9"),
        ("丁香街99号附近", "street", "street/丁香街"),
        ("丁香街路口", "street", "street/丁香街"),
        ("锦棠第二小学门口", "compound", "site/P1"),
        ("幸福二区1栋", "refused", None),  # one numeral apart is another compound
        ("枫澄家园二期3号楼", "refused", None),  # a section that the register does not have
        ("梧桐花园3号楼", "refused", None),
        ("", "refused", None),
        ("🙂", "refused", None),
    ],
)
def test_geocode_grades(text: str, grade: str, place: str | None) -> None:
    assert answer(text) == (grade, place)


def test_geocode_confidence_falls_with_likeness_and_unfound_numbers() -> None:
    found = geocode(
        ["枫澄家园3号楼2单元", "枫澄家圆3号楼2单元", "枫澄家园3号楼", "枫澄家园3号楼9单元", "无"],
        TOWN,
    )
    exact, fuzzy, building, unfound, refused = found["confidence"]
    # Three of four signs alike: likeness .75.
    assert (exact, fuzzy) == (0.98, pytest.approx(0.98 * 0.75))
    assert (building, unfound, refused) == (0.97, pytest.approx(0.97 * 0.6, abs=1e-3), 0.0)


def test_geocode_keeps_index_and_gives_points_or_nothing() -> None:
    texts = pd.Series(["枫澄家园3号楼2单元", None], index=[9, 4], dtype="str")
    found = geocode(texts, TOWN)
    assert found.index.tolist() == [9, 4]
    assert found.crs == TOWN.crs
    assert found.geometry.iloc[0].equals(shapely.Point(58, 10))
    assert found.geometry.iloc[1] is None
    assert len(geocode([], TOWN)) == 0


def test_geocode_two_places_with_one_address_gives_neither() -> None:
    doubled = pd.concat([TOWN, TOWN[TOWN["place"] == "building/B3"].assign(place="building/X")])
    row = geocode(["枫澄家园3号楼"], gpd.GeoDataFrame(doubled, crs=CRS)).iloc[0]
    assert (row["grade"], row["place"]) == ("compound", "compound/C1")


def test_geocode_empty_register_refuses() -> None:
    assert geocode(["枫澄家园3号楼"], TOWN.iloc[:0])["grade"].tolist() == ["refused"]


def test_names_find_prefers_the_last_and_longest() -> None:
    names = Names(["阳光", "阳光花园", "百合园"])
    assert names.find("阳光花园") == ("阳光花园", 1.0)
    assert names.find("阳光花园对面百合园") == ("百合园", 1.0)
    assert names.find("阳关花园") == ("阳光花园", 0.75)
    assert names.find("西山") == (None, 0.0)


def test_names_find_two_alike_names_give_none() -> None:
    assert Names(["瑞和家园", "瑞禾家园"]).find("瑞河家园") == (None, 0.0)

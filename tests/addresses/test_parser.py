"""Addresses taken apart: forms worked by hand, and the annotated addresses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from geo.addresses import PARTS, parse
from geo.addresses.forms import NUMERALS, normalise, to_number

ANNOTATED = Path(__file__).parents[2] / "../shared/data/addresses_annotated.jsonl"


def parts_of(text: str) -> dict[str, str]:
    row = parse([text]).iloc[0]
    return {name: value for name, value in row.items() if not pd.isna(value)}


@pytest.mark.parametrize(
    "text",
    [
        "幸福小区3号楼2单元501",
        "幸福小区3栋2单元501室",
        "幸福小区３幢２单元５０１",
        "幸福小区三号楼二单元501",
        "幸福小区3#2-501",
        "幸福小区3-2-501",
        "幸福小区 3 2 501",
        "幸福小区3幢2-501",
        "幸福小区第3栋第2单元501房",
        "幸福小区3撞2单员501市",
        "幸福小区3号搂2单元501",
        "幸福小区3座2单元-501",
        "幸福小区3-2单元501",
        "幸福小区3号2单元501",
        "幸福小区三号2单元501室",
        "幸福小区3号楼2单元五零一室",
        "幸福小区3—2—501",
        "幸福小区03栋02单元501",
    ],
)
def test_parse_forms_of_one_home_give_one_answer(text: str) -> None:
    home = {"compound": "幸福小区", "building": "3", "entrance": "2", "room": "501"}
    assert parts_of(text) == home


@pytest.mark.parametrize(
    ("text", "building", "entrance", "floor", "room"),
    [
        ("缤纷北苑47-6-746", "47", "6", None, "746"),
        ("三号楼二单元五楼", "3", "2", "5", None),
        ("万科草庄9-1148", "9", None, None, "1148"),
        ("厚富小区5-3", "5", "3", None, None),
        ("大塘小区9-9-6楼", "9", "9", "6", None),
        ("东升花苑F10栋四单元353房", "F10", "4", None, "353"),
        ("杭州大厦B座15楼", "B", None, "15", None),
        ("凤鸣小区61幢4号", "61", "4", None, None),
        ("明远大厦五栋九楼冷运部", "5", None, "9", None),
        ("中宁大厦1534室", None, None, None, "1534"),
        ("商务中心9楼1622室", None, None, "9", "1622"),
        ("新时代广场东单元615", None, "东", None, "615"),
        ("锦鑫家园11号6楼", "11", None, "6", None),
        ("西区市场三楼819号", None, None, "3", "819"),
        ("永越新村106", "106", None, None, None),
        ("轻纺大厦322-324", None, None, None, "322-324"),
    ],
)
def test_parse_numbers_by_place(
    text: str, building: str | None, entrance: str | None, floor: str | None, room: str | None
) -> None:
    found = parts_of(text)
    read = tuple(found.get(part) for part in ("building", "entrance", "floor", "room"))
    assert read == (building, entrance, floor, room)


@pytest.mark.parametrize(
    ("text", "street", "number", "building"),
    [
        ("文二路619号耀江大厦2413", "文二路", "619", None),
        ("金德路191号赞成美树14-9-1456室", "金德路", "191", "14"),
        ("将军路1326-11-6-434", "将军路", "1326", "11"),
        ("民生路66-3号", "民生路", "66", "3"),
        ("青岭路164弄9号后门", "青岭路", "164", "9"),
        ("紫荆观巷6-7-1732", "紫荆观巷", None, "6"),
        ("后拔路168幢14楼", None, None, "168"),
        ("八卦四路先科大院七栋六楼", None, None, "7"),
    ],
)
def test_parse_street_number_is_not_a_building(
    text: str, street: str | None, number: str | None, building: str | None
) -> None:
    found = parts_of(text)
    assert (found.get("street"), found.get("street_number"), found.get("building")) == (
        street,
        number,
        building,
    )


@pytest.mark.parametrize("text", ["", "人民公园", "东门口垃圾成堆", "🙂", "${alert(1)}", "。"])
def test_parse_without_numbers_reads_none(text: str) -> None:
    found = parts_of(text)
    assert {"building", "entrance", "floor", "room"}.isdisjoint(found)


def test_parse_keeps_index_order_and_missing() -> None:
    texts = pd.Series(["甲小区3栋", None, "乙小区五幢"], index=[7, 2, 5], dtype="str")
    found = parse(texts)
    assert found.index.tolist() == [7, 2, 5]
    assert list(found.columns) == list(PARTS)
    assert found["building"].fillna("-").tolist() == ["3", "-", "5"]
    assert {str(dtype) for dtype in found.dtypes} == {"str"}
    assert parse([]).shape == (0, len(PARTS))


@pytest.mark.skipif(not ANNOTATED.exists(), reason=f"no annotated addresses at {ANNOTATED}")
def test_parse_annotated_addresses_scores_as_stated() -> None:
    with ANNOTATED.open(encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["split"] == "dev"]
    found = parse([row["text"] for row in rows])
    scores = {
        part: f1(found[part], [annotated(row, element) for row in rows])
        for part, element in (("building", "houseno"), ("entrance", "cellno"), ("room", "roomno"))
    }
    assert scores["building"] >= 0.90
    assert scores["entrance"] >= 0.86
    assert scores["room"] >= 0.89


def annotated(row: dict[str, list[list[str]]], element: str) -> list[str]:
    """Plain values of one element: numbers without their unit."""
    number = re.compile(
        rf"第?([A-Z]*[0-9]+[A-Z]*(?:-[A-Z]*[0-9]+[A-Z]*)*|[A-Z]+|[{NUMERALS}]+|[东西南北中])"
    )
    values = []
    for name, written in row["elements"]:
        if name == element:
            read = number.match(normalise(written))
            values.append(to_number(read[1]) if read else normalise(written))
    return values


def f1(found: pd.Series, wanted: list[list[str]]) -> float:
    is_right = [value in right for value, right in zip(found, wanted, strict=True)]
    n_right = sum(is_right)
    n_said, n_wanted = int(found.notna().sum()), sum(bool(right) for right in wanted)
    return 2 * n_right / (n_said + n_wanted)

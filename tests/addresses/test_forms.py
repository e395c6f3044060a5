"""One form for what people write."""

from __future__ import annotations

import pytest

from geo.addresses.forms import normalise, to_number


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("幸福小区３号楼２单元５０１", "幸福小区3号楼2单元501"),
        ("幸福小区47—6—746", "幸福小区47-6-746"),
        ("幸福小区 3 2 501", "幸福小区3-2-501"),
        ("幸福小区17一10一6", "幸福小区17-10-6"),
        ("幸福小区b座", "幸福小区B座"),
        ("幸福小区5撞2单员", "幸福小区5幢2单元"),
        ("幸福小区三懂", "幸福小区三幢"),
        ("幸福小区3号搂501市", "幸福小区3号楼501室"),
        ("浙江省-杭州-下城区", "浙江省杭州下城区"),
        ("302O1", "30201"),
    ],
)
def test_normalise_mends_widths_joints_and_slips(written: str, plain: str) -> None:
    assert normalise(written) == plain


@pytest.mark.parametrize("name", ["杭州市文二路", "八一街", "新洞村", "万市镇", "一品苑"])
def test_normalise_leaves_names_alone(name: str) -> None:
    assert normalise(name) == name


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("三", "3"),
        ("十", "10"),
        ("十二", "12"),
        ("二十", "20"),
        ("二十一", "21"),
        ("一百零五", "105"),
        ("五零二", "502"),
        ("两", "2"),
        ("003", "3"),
        ("0", "0"),
        ("A03", "A3"),
        ("3B", "3B"),
        ("东", "东"),
    ],
)
def test_to_number_gives_plain_values(written: str, plain: str) -> None:
    assert to_number(written) == plain

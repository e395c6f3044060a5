"""Cells as people type them."""

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from geo.intake.hygiene import is_formula, mend_mojibake, unquote_codes
from geo.intake.values import clean_text, read_days, read_numbers, read_times

SHANGHAI = ZoneInfo("Asia/Shanghai")


def text(*cells: str | None) -> pd.Series:
    return pd.Series(cells, dtype="str")


def test_read_numbers_units_and_full_width_digits_are_understood() -> None:
    numbers, is_bad = read_numbers(text("26层", "１２", "1,234.5", " 7 ", "", None, "3e2"))
    assert numbers.tolist()[:4] == [26.0, 12.0, 1234.5, 7.0]
    assert numbers[6] == 300.0
    assert numbers[[4, 5]].isna().all()
    assert not is_bad.any()


@pytest.mark.parametrize("cell", ["两层", "1.2.3", "nan", "inf", "0x10", "12 34", "--"])
def test_read_numbers_other_text_is_marked(cell: str) -> None:
    _, is_bad = read_numbers(text("1", cell))
    assert is_bad.tolist() == [False, True]


@pytest.mark.parametrize(
    "cell",
    [
        "2026-01-05 08:05:00",
        "2026-01-05T08:05",
        "2026/1/5 8:05",
        "2026年1月5日 8时5分",
        "2026年01月05日8点05分00秒",
        "2026.1.5 08:05:00",
        "20260105080500",
        "20260105 0805",
        "２０２６-01-05 08:05",
        "2026-01-05T00:05:00Z",
        "2026-01-05T09:05:00+09:00",
        "1767571500",
        "1767571500000",
        "46027.336805555555",
    ],
)
def test_read_times_every_way_of_writing_gives_one_instant(cell: str) -> None:
    # 8:05 in Shanghai (UTC+8, no summer time) is 0:05 UTC; the epoch second of that is
    # 20,458 days x 86,400 + 300 = 1,767,571,500; Excel's day 46027 is 2026-01-05 and
    # 485 / 1440 of a day is 8:05.
    instants, is_bad = read_times(text(cell), SHANGHAI)
    assert not is_bad.any()
    assert instants[0] == pd.Timestamp("2026-01-05 00:05", tz="UTC")


def test_read_times_among_other_forms_gives_the_same_as_alone() -> None:
    cells = text("2026-01-05 08:05:00", None, "2026/1/5 8:05", "明天", "2026-01-05T00:05:00Z")
    instants, is_bad = read_times(cells, SHANGHAI)
    assert is_bad.tolist() == [False, False, False, True, False]
    assert instants[[0, 2, 4]].nunique() == 1
    assert str(instants.dtype) == "datetime64[us, UTC]"


@pytest.mark.parametrize("cell", ["2026-02-30", "2026-13-01 08:00", "05/06/2026", "12", "25:00"])
def test_read_times_what_is_no_time_is_marked(cell: str) -> None:
    _, is_bad = read_times(text(cell), SHANGHAI)
    assert is_bad.tolist() == [True]


def test_read_times_columns_that_are_times_already_keep_their_zone() -> None:
    local = pd.Series(pd.to_datetime(["2026-01-05 08:05"]))
    zoned = local.dt.tz_localize("Asia/Tokyo")
    assert read_times(local, SHANGHAI)[0][0] == pd.Timestamp("2026-01-05 00:05", tz="UTC")
    assert read_times(zoned, SHANGHAI)[0][0] == pd.Timestamp("2026-01-04 23:05", tz="UTC")


def test_read_days_an_instant_gives_the_day_it_has_locally() -> None:
    # 20:00 UTC on the 4th is 4:00 on the 5th in Shanghai.
    cells = text("2026-01-04T20:00:00Z", "2026年1月5日", "20260105", "2026-01-05 23:59", None)
    days, is_bad = read_days(cells, SHANGHAI)
    assert not is_bad.any()
    assert (days[:4] == pd.Timestamp("2026-01-05")).all()
    assert days[4] is pd.NaT
    assert str(days.dtype) == "datetime64[us]"


def test_clean_text_codes_held_as_floats_lose_their_point() -> None:
    assert clean_text(pd.Series([195.0, np.nan])).tolist()[0] == "195"
    assert clean_text(pd.Series([195.0, np.nan])).isna().tolist() == [False, True]
    assert clean_text(pd.Series([1.5, 2.0])).tolist() == ["1.5", "2.0"]
    assert clean_text(pd.Series(pd.Categorical(["甲", "乙", "甲"]))).tolist() == ["甲", "乙", "甲"]
    assert clean_text(text(" 甲 ", "", "  ")).isna().tolist() == [False, True, True]


def test_mend_mojibake_named_wrong_decodings_are_undone() -> None:
    right = "团结湖路"
    wrong = [
        right.encode("gbk").decode("latin-1"),
        right.encode("utf-8").decode("latin-1"),
        right.encode("utf-8").decode("gb18030"),
    ]
    mended, is_mended, is_lost = mend_mojibake(text(*wrong, "abc", None))
    assert mended.tolist()[:4] == [right, right, right, "abc"]
    assert is_mended.tolist() == [True, True, True, False, False]
    assert not is_lost.any()


@pytest.mark.parametrize(
    "value",
    ["团结湖路", "Café Zürich", "Boulevard d'Italie", "联通", "3号楼", "Ministère d'État", "한국"],
)
def test_mend_mojibake_sound_text_stays(value: str) -> None:
    mended, is_mended, is_lost = mend_mojibake(text(value))
    assert mended.tolist() == [value]
    assert not is_mended.any()
    assert not is_lost.any()


@pytest.mark.parametrize("value", ["团结\ufffd路", "锟斤拷锟斤拷", "a\x00b"])
def test_mend_mojibake_lost_characters_are_marked(value: str) -> None:
    _, _, is_lost = mend_mojibake(text(value, "好"))
    assert is_lost.tolist() == [True, False]


def test_is_formula_what_a_spreadsheet_runs_is_marked() -> None:
    cells = text(
        "=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3*cmd(1)", "+86 139", "-", "3号楼", None
    )
    assert is_formula(cells).tolist() == [True, True, True, True, False, False, False, False]


def test_unquote_codes_excel_guarded_code_keeps_its_zeros() -> None:
    assert unquote_codes(text('="0123"', "0456")).tolist() == ["0123", "0456"]

"""The default catalogue, and what a broken one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.errors import SchemaError
from geo.incidents.categories import CATEGORY_COLUMNS, load_categories


def test_load_categories_default_has_unique_codes_of_both_kinds() -> None:
    catalogue = load_categories()
    assert list(catalogue.columns) == list(CATEGORY_COLUMNS)
    assert catalogue["category"].is_unique
    assert catalogue["category"].is_monotonic_increasing
    assert set(catalogue["kind"]) == {"component", "event"}
    assert (catalogue["limit_hours"] > 0).all()
    assert not catalogue.isna().any(axis=None)


def test_load_categories_rubbish_heap_is_a_city_appearance_event_of_four_hours() -> None:
    heap = load_categories().set_index("category").loc["0151"]
    assert (heap["kind"], heap["major_zh"], heap["name_zh"]) == ("event", "市容环境", "暴露垃圾")
    assert heap["limit_hours"] == 4.0


@pytest.mark.parametrize(
    "entry",
    [
        'kind = "event", zh = "甲", en = "A"',  # no limit
        'kind = "event", zh = "甲", en = "A", limit_hours = 0',
        'kind = "thing", zh = "甲", en = "A", limit_hours = 1',
        'kind = "event", zh = "", en = "A", limit_hours = 1',
    ],
)
def test_load_categories_broken_entry_raises_with_its_code(tmp_path: Path, entry: str) -> None:
    file = tmp_path / "catalogue.toml"
    file.write_text(
        f'[majors.event]\n01 = {{ zh = "类", en = "Class" }}\n[categories]\n0101 = {{ {entry} }}\n',
        encoding="utf-8",
    )
    with pytest.raises(SchemaError) as error:
        load_categories(file)
    assert error.value.code == "categories.bad_entry"
    assert error.value.params == {"category": "0101"}

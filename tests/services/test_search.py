"""Finding grids and places by what people type."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from geo.services import plans, search
from geo.store import Store
from tests.services.conftest import box, frame_of


@pytest.fixture
def town(store: Store) -> Store:
    plans.make_plan(
        store, target=40, effective_from=date(2026, 5, 2), now=datetime(2026, 5, 1, tzinfo=UTC)
    )
    rows = {"compound": ["C1", "C2"], "name": ["和园小区", "小和园"]}
    store.write("compounds", frame_of("compounds", rows, [box(0, 0, 9, 9), box(20, 0, 9, 9)]))
    return store


def test_find_grid_code_comes_first(town: Store) -> None:
    found = search.find(town, "990101001001001")
    assert (found["kind"].iloc[0], found["key"].iloc[0]) == ("grid", "990101001001001")
    assert found.geometry.iloc[0].geom_type == "Point"


def test_find_name_that_starts_with_the_text_comes_before_one_that_holds_it(town: Store) -> None:
    assert search.find(town, "和园")["label"].tolist() == ["和园小区", "小和园"]


def test_find_full_width_digits_are_the_same_digits(town: Store) -> None:
    found = search.find(town, "９９０１０１００１００１００１")
    assert found["key"].tolist() == ["990101001001001"]


@pytest.mark.parametrize("text", ["", "   ", "没有这个地方", "%", "(", "\\"])
def test_find_nothing_matches_gives_an_empty_frame(town: Store, text: str) -> None:
    assert len(search.find(town, text)) == 0


def test_find_limit_is_kept(town: Store) -> None:
    assert len(search.find(town, "9", limit=2)) == 2

"""The catalogue, and the China data set's content."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import pandas as pd
import pytest
import shapely

import boundaries
from geo.errors import NotFoundError


def test_catalogue_entries_say_source_licence_crs_and_checksum():
    assert set(boundaries.CATALOGUE) == {"china", "demo"}
    for entry in boundaries.CATALOGUE.values():
        assert entry.source
        assert entry.licence
        assert entry.title_zh
        assert entry.title_en
        assert entry.crs.startswith("EPSG:")
        assert len(entry.sha256) == 64


def test_load_china_content_has_the_catalogued_checksum():
    china = boundaries.load("china")
    assert china["area"].tolist() == ["mainland", "hong_kong", "macau", "taiwan"]
    assert china.crs.to_string() == boundaries.describe("china").crs
    assert china.is_valid.all()
    assert boundaries.checksum(china) == boundaries.describe("china").sha256


def test_load_unknown_name_is_refused():
    with pytest.raises(NotFoundError) as caught:
        boundaries.load("atlantis")
    assert caught.value.code == "boundaries.unknown"
    assert caught.value.params == {"name": "atlantis", "known": ["china", "demo"]}


@dataclass
class _Town:
    seed: int
    places: gpd.GeoDataFrame
    roster: pd.DataFrame


def _town(x: float = 1.0, name: str = "张三") -> _Town:
    places = gpd.GeoDataFrame({"a": [1.5]}, geometry=[shapely.Point(x, 2)], crs=4551)
    return _Town(1, places, pd.DataFrame({"name": [name, None]}))


def test_checksum_a_millimetre_does_not_count_a_decimetre_does():
    assert boundaries.checksum(_town()) == boundaries.checksum(_town(x=1.001))
    assert boundaries.checksum(_town()) != boundaries.checksum(_town(x=1.1))


def test_checksum_text_counts_and_column_order_does_not():
    assert boundaries.checksum(_town()) != boundaries.checksum(_town(name="李四"))
    frame = pd.DataFrame({"a": [1], "b": ["x"]})
    assert boundaries.checksum(frame) == boundaries.checksum(frame[["b", "a"]])
    assert boundaries.checksum({"one": frame}) != boundaries.checksum({"two": frame})

"""Which column of a file is which of ours."""

import pytest

from geo.errors import ParameterError
from geo.intake import layer_named
from geo.intake.names import (
    _tables,
    column_sources,
    coordinate_sources,
    layer_aliases,
    plain_name,
    value_aliases,
)
from geo.schema import LAYERS


def test_layer_named_workers_means_roster() -> None:
    assert layer_named("workers").name == "roster"


@pytest.mark.parametrize("name", ["cells", "jobs", "nonsense", ""])
def test_layer_named_not_importable_raises(name: str) -> None:
    with pytest.raises(ParameterError) as caught:
        layer_named(name)
    assert caught.value.code == "layer.unknown"
    assert "roster" in caught.value.params["layers"]


def test_plain_name_units_marks_and_width_do_not_matter() -> None:
    assert plain_name(" 面积（㎡） ") == plain_name("面积") == "面积"
    assert plain_name("Building_ID*") == plain_name("buildingid")
    assert plain_name("ＩＤ") == "id"
    assert plain_name("(1)") == "(1)"


def test_column_sources_own_name_wins_over_alias() -> None:
    found = column_sources(["编号", "building", "名称"], LAYERS["buildings"])
    assert found == {"building": "building", "name": "名称"}


def test_column_sources_general_key_serves_only_without_a_better_one() -> None:
    assert column_sources(["id"], LAYERS["buildings"]) == {"building": "id"}
    assert column_sources(["id", "bid"], LAYERS["buildings"]) == {"building": "bid"}


def test_column_sources_given_pairs_come_first() -> None:
    found = column_sources(["bid", "wz"], LAYERS["buildings"], {"building": "wz"})
    assert found["building"] == "wz"


def test_column_sources_same_word_means_what_the_layer_says() -> None:
    assert column_sources(["buildings"], LAYERS["compounds"]) == {"n_buildings": "buildings"}
    assert column_sources(["网格员"], LAYERS["roster"]) == {"name": "网格员"}
    assert column_sources(["网格员"], LAYERS["tracks"]) == {"worker": "网格员"}


def test_coordinate_sources_chinese_and_english() -> None:
    assert coordinate_sources(["经度", "纬度"]) == {"lon": "经度", "lat": "纬度"}
    assert coordinate_sources(["X", "Y"]) == {"lon": "X", "lat": "Y"}
    assert coordinate_sources(["WKT"]) == {"wkt": "WKT"}
    assert coordinate_sources(["x", "lon", "lat"])["lon"] == "lon"


def test_value_aliases_every_target_is_a_value_of_the_schema() -> None:
    n_checked = 0
    for layer in LAYERS.values():
        for column in layer.columns:
            targets = set(value_aliases(layer, column.name).values())
            if column.values is not None:
                assert targets <= column.values, (layer.name, column.name)
                n_checked += len(targets)
    assert n_checked > 40


def test_aliases_every_table_names_a_layer_and_column_that_exist() -> None:
    tables = _tables()
    for layer, columns in tables["columns"].items():
        if layer not in ("any", "key"):
            assert set(columns) <= set(LAYERS[layer].column_names), layer
    for layer, columns in tables["values"].items():
        assert set(columns) <= set(LAYERS[layer].column_names), layer
    assert set(tables["layers"]) <= set(LAYERS)


def test_layer_aliases_own_name_first() -> None:
    assert layer_aliases(LAYERS["streets"])[:2] == ["streets", "road_edges"]


def test_column_sources_row_number_is_no_patrol() -> None:
    assert column_sources(["id", "time"], LAYERS["tracks"]) == {"at": "time"}


def test_column_sources_names_cut_by_a_shapefile_are_known() -> None:
    # 楼栋编码 is 12 bytes in UTF-8; a .dbf keeps 10, of which 9 are whole characters.
    assert column_sources(["楼栋编", "building_c"], LAYERS["buildings"]) == {"building": "楼栋编"}

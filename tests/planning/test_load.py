from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from towns import area, houses, squares

from geo.errors import ParameterError, SchemaError
from geo.planning.cells import make_cells
from geo.planning.load import combined_load, estimate_households, parse_load


def named(*names: str | None, side_m: float = 30.0) -> gpd.GeoDataFrame:
    """Buildings of ten floors, 30 m by 30 m, of unknown use."""
    frame = houses(*[(50.0 * i, 0.0, 50.0 * i + side_m, side_m) for i in range(len(names))])
    frame = frame.drop(columns="households")
    return frame.assign(name=pd.array(names, dtype="str"), floors=10)


@pytest.mark.parametrize(
    ("name", "households"),
    [
        # 900 m2 x 10 floors x 0.95 / 90 = 95 dwellings; 0.6 of the floors are 60
        ("锦绣园公寓", 95),
        ("环球金融中心", 0),
        ("北京财富中心公寓", 95),
        ("花园酒店", 0),
        ("三里屯ＳＯＨＯ办公Ａ座", 0),
        ("晓林火锅（外交办公大楼西）", 60),
        (None, 60),
    ],
)
def test_estimate_households_of_unknown_use_goes_by_the_last_word_of_the_name(
    name: str | None, households: int
) -> None:
    found = estimate_households(named(name))
    assert found["households"].tolist() == [households]
    assert found["households_estimated"].tolist() == [True]


def test_estimate_households_known_use_beats_the_name() -> None:
    found = estimate_households(named("财富中心").assign(use="residential"))
    assert found["households"].tolist() == [95]


def test_estimate_households_inside_a_compound_counts_as_residential() -> None:
    found = estimate_households(named(None, None).assign(compound=["k", None]))
    assert found["households"].tolist() == [95, 60]


def test_estimate_households_of_a_vast_nameless_footprint_is_none() -> None:
    # 6,400 m2
    assert estimate_households(named(None, side_m=80.0))["households"].tolist() == [0]


def test_make_cells_shares_a_counted_compound_out_among_estimated_buildings() -> None:
    homes = estimate_households(named(None, None).assign(compound="k"))
    compounds = area((0, 0, 200, 100)).rename(columns={"community": "compound"})
    compounds = compounds.assign(compound="k", households=50)
    made = make_cells(
        buildings=homes,
        compounds=compounds,
        within=area((0, 0, 200, 100)),
        target_households=400,
        rng=np.random.default_rng(0),
    )
    assert made.cells["households"].tolist() == [25, 25]
    assert made.cells["households_estimated"].all()


def test_combined_load_is_the_weighted_sum() -> None:
    cells = squares(3, 1).assign(elderly_alone=[0, 10, 20], shops=[3, 0, 1])
    found = combined_load(cells, {"households": 1, "elderly_alone": 0.3, "shops": 2})
    # 10 + 0 + 6; 10 + 3 + 0; 10 + 6 + 2
    assert found.values.tolist() == [16.0, 13.0, 18.0]
    assert found.missing == {}


def test_combined_load_counts_what_is_missing() -> None:
    cells = squares(3, 1).assign(shops=pd.array([3, None, None], dtype="Int64"))
    found = combined_load(cells, {"households": 1, "shops": 2})
    assert found.values.tolist() == [16.0, 10.0, 10.0]
    assert found.missing == {"shops": 2}
    assert found.missing_keys == {"shops": ["0001", "0002"]}


def test_combined_load_of_absent_columns_names_them() -> None:
    with pytest.raises(SchemaError) as caught:
        combined_load(squares(2, 1), {"households": 1, "shops": 2, "elderly": 1})
    assert caught.value.params["columns"] == ["shops", "elderly"]


@pytest.mark.parametrize(
    ("values", "code", "params"),
    [
        ([1, -2], "load.values", {"column": "shops", "count": 1, "keys": ["0001"]}),
        ([1, np.inf], "load.values", {"column": "shops", "count": 1, "keys": ["0001"]}),
        (["1", "many"], "load.not_numbers", {"column": "shops"}),
    ],
)
def test_combined_load_of_bad_values_raises(
    values: list[object], code: str, params: dict[str, object]
) -> None:
    with pytest.raises(ParameterError) as caught:
        combined_load(squares(2, 1).assign(shops=values), {"shops": 2})
    assert (caught.value.code, caught.value.params) == (code, params)


@pytest.mark.parametrize("weights", [{}, {"households": -1}, {"households": np.nan}])
def test_combined_load_of_bad_weights_raises(weights: dict[str, float]) -> None:
    with pytest.raises(ParameterError) as caught:
        combined_load(squares(2, 1), weights)
    assert caught.value.code == "load.weights"


@pytest.mark.parametrize(
    ("expression", "weights"),
    [
        ("households", {"households": 1.0}),
        (
            "households+0.3*elderly_alone + 2 * shops",
            {"households": 1.0, "elderly_alone": 0.3, "shops": 2.0},
        ),
        ("户数 + 独居老人*0.3", {"户数": 1.0, "独居老人": 0.3}),
        ("shops*2+shops", {"shops": 3.0}),
        ("1e-1*`a+b c`", {"a+b c": 0.1}),
        (" load ", {"load": 1.0}),
    ],
)
def test_parse_load_reads_sums(expression: str, weights: dict[str, float]) -> None:
    assert parse_load(expression) == pytest.approx(weights)


@pytest.mark.parametrize(
    ("expression", "rest"),
    [
        ("", ""),
        ("households-shops", "households-shops"),
        ("households+", ""),
        ("households+3", "3"),
        ("2*3*shops", "2*3*shops"),
        ("2*shops*3", "2*shops*3"),
        ("households+__import__('os')", "__import__('os')"),
        ("a b", "a b"),
    ],
)
def test_parse_load_of_anything_else_raises(expression: str, rest: str) -> None:
    with pytest.raises(ParameterError) as caught:
        parse_load(expression)
    assert caught.value.code == "load.expression"
    assert caught.value.params == {"expression": expression, "rest": rest}

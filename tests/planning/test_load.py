from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from towns import area, houses

from geo.planning.cells import make_cells
from geo.planning.load import estimate_households


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

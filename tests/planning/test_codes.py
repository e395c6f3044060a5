from __future__ import annotations

import numpy as np
import pytest
from towns import squares

from geo.errors import ParameterError
from geo.planning.codes import links, number_grids
from geo.planning.polygons import dissolve
from geo.schema import LAYERS, check_frame


def test_number_grids_runs_west_to_east_then_north_to_south() -> None:
    cells = squares(2, 2).assign(community="990101001001")
    codes = number_grids(dissolve(cells, np.arange(4)))
    # south-west, south-east, north-west, north-east
    assert codes.tolist() == [
        "990101001001002",
        "990101001001004",
        "990101001001001",
        "990101001001003",
    ]


def test_number_grids_of_a_named_community_uses_a_hyphen() -> None:
    cells = squares(1, 1).assign(community="团结湖")
    assert number_grids(dissolve(cells, np.array([0]))).tolist() == ["团结湖-001"]


def test_number_grids_never_reuses_a_code() -> None:
    cells = squares(2, 1)
    codes = number_grids(dissolve(cells, np.array([0, 1])), used_codes={"A-001", "A-007"})
    assert codes.tolist() == ["A-008", "A-009"]


def test_number_grids_keeps_the_code_of_mostly_the_same_ground() -> None:
    cells = squares(4, 1)
    labels = np.array([0, 0, 0, 1])
    previous = np.array(["A-001", "A-001", "A-002", "A-002"], dtype=object)
    codes = number_grids(
        dissolve(cells, labels),
        used_codes={"A-001", "A-002"},
        cells=cells,
        labels=labels,
        previous=previous,
    )
    # grid 0 has 20 of its 30 from A-001, all of it; grid 1 has half of A-002, not more than half
    assert codes.tolist() == ["A-001", "A-003"]


def test_links_share_the_load_of_the_predecessor() -> None:
    previous = np.array(["a", "a", "b", None], dtype=object)
    current = np.array(["x", "y", "y", "y"], dtype=object)
    found = links(previous, current, np.array([30.0, 10.0, 5.0, 1.0]))
    assert found.values.tolist() == [["a", "x", 0.75], ["a", "y", 0.25], ["b", "y", 1.0]]


def test_dissolve_sums_and_fits_the_schema() -> None:
    cells = squares(4, 2)
    grids = dissolve(cells, np.array([0, 0, 1, 1] * 2), target=50.0)
    assert grids["households"].tolist() == [40, 40]
    assert grids["deviation"].tolist() == pytest.approx([-0.2, -0.2])
    assert grids["polsby_popper"].tolist() == pytest.approx([np.pi / 4] * 2)
    grids = grids.assign(plan="p", grid=["x", "y"])
    assert check_frame(LAYERS["grids"], grids).n_rejected == 0


def test_dissolve_with_an_empty_grid_raises() -> None:
    with pytest.raises(ParameterError) as caught:
        dissolve(squares(2, 1), np.array([0, 2]))
    assert caught.value.params["n_empty"] == 1

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from towns import squares

from geo.errors import ParameterError
from geo.planning.codes import layout_of, links, number_grids
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


def test_number_grids_keeps_the_code_of_ground_without_load() -> None:
    cells = squares(4, 1).assign(households=[0, 0, 0, 10])
    labels = np.array([0, 0, 1, 2])
    previous = np.array(["A-004", "A-004", "A-002", "A-001"], dtype=object)
    codes = number_grids(
        dissolve(cells, labels), cells=cells, labels=labels, previous=previous, used_codes=previous
    )
    assert codes.tolist() == ["A-004", "A-002", "A-001"]


@pytest.mark.parametrize(
    ("digits", "prefix", "expected"),
    [
        (15, "", ["990101001001001", "990101001001002"]),
        (16, "", ["9901010010010001", "9901010010010002"]),
        # CJ/T 349: 6 what is managed + 12 community + 2 sequence
        (20, "010100", ["01010099010100100101", "01010099010100100102"]),
    ],
)
def test_number_grids_by_layout(digits: int, prefix: str, expected: list[str]) -> None:
    cells = squares(2, 1).assign(community="990101001001")
    grids = dissolve(cells, np.array([0, 1]))
    layout = layout_of(digits, prefix=prefix)
    assert number_grids(grids, layout=layout).tolist() == expected


def test_number_grids_of_20_digits_gives_an_undivided_community_00() -> None:
    cells = squares(3, 1).assign(community=["990101001001", "990101001002", "990101001002"])
    grids = dissolve(cells, np.arange(3))
    codes = number_grids(grids, layout=layout_of(20, prefix="010100"))
    assert [code[-5:] for code in codes] == ["00100", "00201", "00202"]
    again = number_grids(grids, layout=layout_of(20, prefix="010100"), used_codes=codes)
    assert [code[-5:] for code in again] == ["00101", "00203", "00204"]


def test_number_grids_another_layout_gives_all_grids_new_codes() -> None:
    cells = squares(1, 1).assign(community="990101001001")
    old = np.array(["990101001001007"], dtype=object)
    codes = number_grids(
        dissolve(cells, np.array([0])),
        used_codes=old,
        cells=cells,
        labels=np.array([0]),
        previous=old,
        layout=layout_of(16),
    )
    assert codes.tolist() == ["9901010010010001"]


def test_number_grids_without_a_number_left_raises() -> None:
    cells = squares(1, 1).assign(community="990101001001")
    with pytest.raises(ParameterError) as caught:
        number_grids(dissolve(cells, np.array([0])), used_codes={"990101001001999"})
    assert caught.value.code == "codes.full"
    assert caught.value.params == {"community": "990101001001", "digits": 3}


def test_number_grids_of_an_area_without_standard_code_goes_on_past_999() -> None:
    cells = squares(1, 1)
    for last, following in (("A-999", "A-1000"), ("A-1000", "A-1001")):
        codes = number_grids(dissolve(cells, np.array([0])), used_codes={"A-007", last})
        assert codes.tolist() == [following]


@pytest.mark.parametrize(
    ("digits", "prefix", "code"),
    [(14, "", "codes.digits"), (20, "", "codes.prefix"), (15, "010100", "codes.prefix")],
)
def test_layout_of_unknown_form_raises(digits: int, prefix: str, code: str) -> None:
    with pytest.raises(ParameterError) as caught:
        layout_of(digits, prefix=prefix)
    assert caught.value.code == code


PLANS = st.lists(st.lists(st.integers(0, 3), min_size=12, max_size=12), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(PLANS, st.lists(st.integers(0, 30), min_size=12, max_size=12))
def test_number_grids_over_redraws_never_reuses_a_code(
    plans: list[list[int]], households: list[int]
) -> None:
    # six cells of community A in the west, six of B in the east
    cells = squares(6, 2).assign(households=households)
    cells["community"] = np.where(np.arange(12) % 6 < 3, "A", "990101001001")
    load = cells["households"].to_numpy()
    issued: set[str] = set()
    previous: np.ndarray | None = None
    for plan in plans:
        area = (np.arange(12) % 6 >= 3) * 4
        labels = np.unique(np.array(plan) + area, return_inverse=True)[1]
        how = {"cells": cells, "labels": labels, "previous": previous} if issued else {}
        codes = number_grids(dissolve(cells, labels), used_codes=issued, **how)
        assert len(set(codes)) == len(codes)
        for grid, code in enumerate(codes):
            here = labels == grid
            assert code.startswith(("A-", "990101001001"))
            if code not in issued:
                continue
            # a code that was issued before is in force, on mostly the same ground
            assert previous is not None
            shared = load[here & (previous == code)].sum()
            assert 2 * shared > load[here].sum() or load[here].sum() == 0
            assert 2 * shared > load[previous == code].sum() or load[here].sum() == 0
            assert (here & (previous == code)).any()
        issued |= set(codes)
        previous = codes[labels]
    # the same plan once more keeps every code
    again = number_grids(
        dissolve(cells, labels), used_codes=issued, cells=cells, labels=labels, previous=previous
    )
    assert again.tolist() == codes.tolist()


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

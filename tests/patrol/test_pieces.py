"""Streets cut into pieces, and the grid each is asked of."""

from __future__ import annotations

import geopandas as gpd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import CrsError, ParameterError
from geo.patrol.pieces import cut_pieces, expected

CRS = "EPSG:4551"


def streets_of(*lines: shapely.Geometry) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"street": [f"S{k}" for k in range(len(lines))]}, geometry=list(lines), crs=CRS
    )


def test_cut_pieces_equal_lengths_across_a_bend() -> None:
    # 60 m east, then 60 m north: 120 m in three pieces of 40; the second goes round the corner.
    street = shapely.LineString([(0, 0), (60, 0), (60, 60)])
    pieces = cut_pieces(streets_of(street), max_length_m=50)
    assert pieces["piece"].tolist() == ["S0-001", "S0-002", "S0-003"]
    assert pieces["length_m"].tolist() == pytest.approx([40, 40, 40])
    assert [list(line.coords) for line in pieces.geometry] == [
        [(0, 0), (40, 0)],
        [(40, 0), (60, 0), (60, 20)],
        [(60, 20), (60, 60)],
    ]


def test_cut_pieces_exact_multiple_makes_no_extra_piece() -> None:
    pieces = cut_pieces(streets_of(shapely.LineString([(0, 0), (100, 0)])), max_length_m=50)
    assert pieces["length_m"].tolist() == [50.0, 50.0]


def test_cut_pieces_short_street_stays_whole() -> None:
    street = shapely.LineString([(0, 0), (3, 4)])
    pieces = cut_pieces(streets_of(street), max_length_m=50)
    assert pieces.geometry.iloc[0].equals_exact(street, 0)


def test_cut_pieces_parts_are_numbered_through_and_pointlike_streets_dropped() -> None:
    both = shapely.MultiLineString([[(0, 0), (60, 0)], [(0, 9), (20, 9)]])
    spot = shapely.LineString([(5, 5), (5, 5)])
    pieces = cut_pieces(streets_of(spot, both), max_length_m=50)
    assert pieces["piece"].tolist() == ["S1-001", "S1-002", "S1-003"]
    assert pieces["length_m"].tolist() == pytest.approx([30, 30, 20])


@settings(max_examples=60, deadline=None)
@given(
    xy=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=2, max_size=12),
    max_length_m=st.floats(3, 400),
)
def test_cut_pieces_add_up_in_order(xy: list[tuple[int, int]], max_length_m: float) -> None:
    street = shapely.LineString(xy)
    pieces = cut_pieces(streets_of(street), max_length_m=max_length_m)
    assert pieces["length_m"].sum() == pytest.approx(street.length)
    assert (pieces["length_m"] <= max_length_m * (1 + 1e-6)).all()
    ends = [line.coords[-1] for line in pieces.geometry][:-1]
    starts = [line.coords[0] for line in pieces.geometry][1:]
    assert ends == starts


def test_cut_pieces_no_streets_or_bad_options() -> None:
    assert len(cut_pieces(streets_of())) == 0
    line = shapely.LineString([(0, 0), (60, 0)])
    with pytest.raises(ParameterError) as error:
        cut_pieces(streets_of(line), max_length_m=0)
    assert error.value.code == "parameter.not_positive"
    with pytest.raises(CrsError) as crs_error:
        cut_pieces(streets_of(line).set_crs(4326, allow_override=True))
    assert crs_error.value.code == "crs.not_projected"


def test_expected_piece_on_a_border_is_asked_of_one_grid() -> None:
    grids = gpd.GeoDataFrame(
        {"grid": ["west", "east"]},
        geometry=[shapely.box(0, 0, 50, 50), shapely.box(50, 0, 100, 50)],
        crs=CRS,
    )
    lines = [
        shapely.LineString([(50, 0), (50, 40)]),  # along the border: east of it
        shapely.LineString([(20, 20), (70, 20)]),  # middle at x = 45
        shapely.LineString([(200, 0), (240, 0)]),  # outside
    ]
    pieces = cut_pieces(streets_of(*lines)).set_index("piece")
    found = expected(pieces, grids)
    assert found.index.tolist() == ["S0-001", "S1-001", "S2-001"]
    assert found.tolist()[:2] == ["east", "west"]
    assert found.isna().tolist() == [False, False, True]

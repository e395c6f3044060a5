"""The lookup against the outline itself."""

from __future__ import annotations

import numpy as np
import shapely

from geo.crs import is_mainland, mainland
from geo.crs.shifts import MAX_SHIFT_DEG, add_bd09, add_gcj02


def test_is_mainland_random_points_equal_the_outline():
    lookup = mainland.load_lookup()
    rng = np.random.default_rng(5)
    lon, lat = rng.uniform(70, 138, 20_000), rng.uniform(14, 56, 20_000)
    exact = shapely.contains_xy(lookup.outline, lon, lat)
    assert 0.2 < exact.mean() < 0.5
    assert (is_mainland(lon, lat) == exact).all()


def test_is_mainland_points_along_the_outline_equal_the_outline():
    lookup = mainland.load_lookup()
    rng = np.random.default_rng(6)
    corners = shapely.get_coordinates(lookup.outline)
    lon = corners[:, 0] + rng.normal(0, 0.01, len(corners))
    lat = corners[:, 1] + rng.normal(0, 0.01, len(corners))
    exact = shapely.contains_xy(lookup.outline, lon, lat)
    assert (is_mainland(lon, lat) == exact).all()


def test_is_mainland_far_away_or_not_a_number_is_false():
    assert not is_mainland([0, 200, np.nan, 116.4], [0, 40, 40, np.inf]).any()
    assert is_mainland(116.4, 39.9).shape == ()


def test_make_lookup_square_with_hole_marks_cells_by_hand():
    # a square of 40 cells with a hole of 16: the middle of the hole is outside again
    side = 40 * mainland.CELL_DEG
    square = shapely.box(100, 30, 100 + side, 30 + side)
    hole = shapely.box(100 + 0.3 * side, 30 + 0.3 * side, 100 + 0.7 * side, 30 + 0.7 * side)
    nothing = shapely.MultiPolygon()
    lookup = mainland.make_lookup(shapely.difference(square, hole), spared=nothing)
    where = np.array([[100.15, 30.5], [100.5, 30.5], [100.001, 30.5], [99.0, 30.5]])
    states = lookup.state(where[:, 0], where[:, 1]).tolist()
    assert states == [mainland.INSIDE, mainland.OUTSIDE, mainland.NEAR, mainland.OUTSIDE]


def test_max_shift_is_more_than_any_shift_and_less_than_a_cell():
    rng = np.random.default_rng(7)
    lon, lat = rng.uniform(72, 137, 200_000), rng.uniform(3, 54, 200_000)
    there = add_gcj02(lon, lat)
    further = add_bd09(*there)
    longest = max(np.abs(further[0] - lon).max(), np.abs(further[1] - lat).max())
    longest = max(longest, np.abs(there[0] - lon).max(), np.abs(there[1] - lat).max())
    assert 0.015 < longest < MAX_SHIFT_DEG <= mainland.CELL_DEG


def test_outline_leaves_hong_kong_macau_and_taiwan_out():
    lookup = mainland.load_lookup()
    shared_deg2 = shapely.area(shapely.intersection(lookup.outline, lookup.spared))
    assert shared_deg2 < 1e-7  # coordinates are kept to 1e-5 degrees
    assert lookup.outline.is_valid

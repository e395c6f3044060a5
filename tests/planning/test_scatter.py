from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from towns import box

from geo.planning.scatter import spread_points


def grounds(polygon: shapely.Geometry, points: np.ndarray) -> np.ndarray:
    """How much of the ground is nearest to each point, m2."""
    cells = shapely.voronoi_polygons(shapely.multipoints(points), extend_to=polygon)
    shares: np.ndarray = shapely.area(shapely.intersection(shapely.get_parts(cells), polygon))
    return shares


def test_spread_points_of_one_is_inside() -> None:
    ring = box(0, 0, 90, 90).difference(box(10, 10, 80, 80))
    points = spread_points(ring, 1, np.random.default_rng(0))
    assert shapely.contains(ring, points).tolist() == [True]


def test_spread_points_share_a_square_evenly() -> None:
    square = box(0, 0, 100, 100)
    shares = grounds(square, spread_points(square, 16, np.random.default_rng(0)))
    # 625 m2 each would be exact
    assert shares.sum() == pytest.approx(10_000)
    assert shares.min() > 0.7 * 625
    assert shares.max() < 1.3 * 625


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(2, 40),
    wide=st.floats(1, 400),
    high=st.floats(1, 400),
    notch=st.floats(0.05, 0.95),
    seed=st.integers(0, 9),
)
def test_spread_points_are_n_different_points_inside_any_ground(
    n: int, wide: float, high: float, notch: float, seed: int
) -> None:
    # an L of any proportions
    ground = box(0, 0, wide, high).difference(box(notch * wide, notch * high, wide, high))
    points = spread_points(ground, n, np.random.default_rng(seed))
    assert len(np.unique(shapely.get_coordinates(points), axis=0)) == n
    assert shapely.covers(ground, points).all()
    again = spread_points(ground, n, np.random.default_rng(seed))
    assert (shapely.equals(points, again)).all()

"""The exact side-of-line test."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from geo.incidents.predicates import orientation

NEAR = st.integers(-40, 40)


def turn(values: list[float]) -> int:
    """Sign of the turn in rational numbers."""
    ax, ay, bx, by, px, py = (Fraction(value) for value in values)
    determinant = (ax - px) * (by - py) - (ay - py) * (bx - px)
    return (determinant > 0) - (determinant < 0)


@given(steps=st.lists(NEAR, min_size=6, max_size=6), scale=st.sampled_from([0.1, 1 / 3, 1e-9]))
def test_orientation_of_nearly_straight_points_is_exact(steps: list[int], scale: float) -> None:
    # Points a few units in the last place off the line from (500000.1, ...) to (500024.7, ...).
    base = np.array([500000.1, 4800000.1, 500024.7, 4800024.7, 500012.4, 4800012.4])
    values = base + np.array(steps) * scale * np.spacing(4_800_000.0)
    sign = orientation(values[None, :4], values[4:5], values[5:6])
    assert sign[0] == turn(values.tolist())


def test_orientation_left_right_and_on_the_line() -> None:
    edges = np.array([[0.0, 0.0, 2.0, 2.0]] * 3)
    sign = orientation(edges, np.array([0.0, 2.0, 1.0]), np.array([1.0, 1.0, 1.0]))
    assert sign.tolist() == [1.0, -1.0, 0.0]

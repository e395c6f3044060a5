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


@given(i=st.integers(-300, 300), j=st.integers(-300, 300))
def test_orientation_a_rounding_step_off_the_line_is_exact(i: int, j: int) -> None:
    # Kettner et al. 2008: the plain determinant errs for points this near the line y = x.
    px, py = 0.5 + i * 2.0**-53, 0.5 + j * 2.0**-53
    sign = orientation(np.array([[12.0, 12.0, 24.0, 24.0]]), np.array([px]), np.array([py]))
    assert sign[0] == turn([12.0, 12.0, 24.0, 24.0, px, py])


@given(steps=st.lists(NEAR, min_size=6, max_size=6))
def test_orientation_of_town_coordinates_is_exact(steps: list[int]) -> None:
    base = np.array([500000.1, 4800000.1, 500024.7, 4800024.7, 500012.4, 4800012.4])
    values = base + np.array(steps) * np.spacing(base)
    sign = orientation(values[None, :4], values[4:5], values[5:6])
    assert sign[0] == turn(values.tolist())


def test_orientation_left_right_and_on_the_line() -> None:
    edges = np.array([[0.0, 0.0, 2.0, 2.0]] * 3)
    sign = orientation(edges, np.array([0.0, 2.0, 1.0]), np.array([1.0, 1.0, 1.0]))
    assert sign.tolist() == [1.0, -1.0, 0.0]

"""Class limits shared by all frames."""

from __future__ import annotations

import numpy as np
import pytest

from geo.errors import ParameterError
from geo.hotspots.surfaces.colour_scale import NOTHING, fixed_scale


def test_fixed_scale_classes_hold_equal_shares_of_the_mass() -> None:
    # 1 + 1 + 1 + 1 + 4 + 8 = 16; halves of 8: the four ones and the 4 below, the 8 above. The
    # running sum reaches 8 at the 4, so that the second class begins with it.
    scale = fixed_scale([np.array([1.0, 1, 1]), np.array([[1.0, 4, 8]])], n_classes=2)
    np.testing.assert_allclose(scale.limits, [1, 4, 8])
    assert scale.classify(np.array([0.0, 0.5, 1, 3.9, 4, 8, 99])).tolist() == [
        NOTHING, 0, 0, 0, 1, 1, 1,
    ]  # fmt: skip


def test_fixed_scale_same_value_has_the_same_class_in_every_frame() -> None:
    quiet, busy = np.array([0.0, 1, 2]), np.array([2.0, 50, 100])
    scale = fixed_scale([quiet, busy], n_classes=4)
    assert scale.classify(quiet)[2] == scale.classify(busy)[0]
    assert scale.classify(quiet).max() < scale.classify(busy).max()


def test_fixed_scale_nothing_anywhere_has_no_class() -> None:
    scale = fixed_scale([np.zeros(3), np.zeros((2, 2))])
    assert scale.n_classes == 0
    assert scale.classify(np.zeros(2)).tolist() == [NOTHING, NOTHING]
    assert fixed_scale([]).n_classes == 0


def test_fixed_scale_one_value_has_one_class() -> None:
    scale = fixed_scale([np.array([0.0, 7, 7])], n_classes=5)
    assert scale.n_classes == 1
    assert scale.classify(np.array([7.0, 0.0])).tolist() == [0, NOTHING]


@pytest.mark.parametrize(
    ("values", "n_classes", "code"),
    [
        (np.ones(2), 0, "hotspots.bad_class_count"),
        (np.ones(2), 13, "hotspots.bad_class_count"),
        (np.array([-1.0]), 5, "hotspots.bad_counts"),
        (np.array([np.nan]), 5, "hotspots.bad_counts"),
    ],
)
def test_fixed_scale_bad_input_raises(values: np.ndarray, n_classes: int, code: str) -> None:
    with pytest.raises(ParameterError) as error:
        fixed_scale([values], n_classes=n_classes)
    assert error.value.code == code

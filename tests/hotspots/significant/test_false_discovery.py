"""False-discovery control by hand and on its authors' example."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import ParameterError
from geo.hotspots.significant.false_discovery import q_values

# Benjamini & Hochberg 1995, section 4.1: 15 hypotheses of a thrombolysis study; at 0.05 theirs
# rejects the first four, Bonferroni's three
THROMBOLYSIS = np.array(
    [
        *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240),
        *(0.4262, 0.5719, 0.6528, 0.7590, 1.0),
    ]
)


def test_q_values_bh_rejects_four_in_the_authors_example() -> None:
    q = q_values(THROMBOLYSIS)
    assert np.flatnonzero(q <= 0.05).tolist() == [0, 1, 2, 3]
    # the fourth: 15 * 0.0095 / 4
    assert q[3] == pytest.approx(0.035625)


def test_q_values_by_is_bh_times_the_harmonic_sum() -> None:
    # 1 + 1/2 + 1/3 + 1/4 = 25/12; BH: 0.04, 0.04, 0.04, 0.5
    p = np.array([0.03, 0.01, 0.5, 0.02])
    assert q_values(p) == pytest.approx([0.04, 0.04, 0.5, 0.04])
    by = q_values(p, correction="by")
    assert by == pytest.approx([0.04 * 25 / 12, 0.04 * 25 / 12, 1.0, 0.04 * 25 / 12])


def test_q_values_chance_sums_replace_n_times_p() -> None:
    # the least p-value stands for 0.001 expected false ones, not 4 * 0.01
    q = q_values(np.array([0.01, 0.2, 0.4, 0.9]), chance_sums=np.array([0.001, 0.3, 1.2, 3.0]))
    assert q == pytest.approx([0.001, 0.15, 0.4, 0.75])


def test_q_values_clump_counts_together_as_one() -> None:
    # 9 windows at p = 0.001 of 20: as one discovery 20 * 0.001 / 1, as nine 20 * 0.001 / 9
    p = np.concatenate([np.full(9, 0.001), np.ones(11)])
    assert q_values(p, clump=9)[0] == pytest.approx(0.02)
    assert q_values(p)[0] == pytest.approx(0.02 / 9)


def test_q_values_of_no_tests_is_empty() -> None:
    assert len(q_values(np.zeros(0))) == 0


def test_q_values_unknown_correction_is_refused() -> None:
    with pytest.raises(ParameterError) as refused:
        q_values(np.zeros(2), correction="holm")  # type: ignore[arg-type]
    assert refused.value.code == "hotspots.unknown_correction"
    assert refused.value.params == {"value": "holm"}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_q_values_keep_the_order_and_never_fall_below_p(p: list[float]) -> None:
    values = np.array(p)
    q = q_values(values)
    assert (q >= values - 1e-15).all() and (q <= 1).all()
    assert (np.diff(q[np.argsort(values)]) >= 0).all()

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from geo.planning.checks import Finding
from geo.planning.reading import read_labels, read_loads, repeated_keys

KEYS = pd.Series(["a", "b", "c", "d"])


def told(findings: list[Finding]) -> dict[str, tuple[int, list[str]]]:
    """Count and keys by code."""
    return {found.code: (found.count, list(found.keys)) for found in findings}


def test_read_labels_keeps_leading_zeros_and_names_cells_without_a_grid() -> None:
    labels, names, findings = read_labels(pd.Series(["010", None, " 002 ", " "]), KEYS)
    assert (labels.tolist(), names) == ([1, -1, 0, -1], ["002", "010"])
    assert told(findings) == {"reading.unassigned": (2, ["b", "d"])}


def test_read_labels_codes_that_differ_by_leading_zeros_stay_two_grids_and_are_told() -> None:
    labels, names, findings = read_labels(pd.Series(["007", "7", "0070", "8"]), KEYS)
    assert (labels.tolist(), names) == ([0, 2, 1, 3], ["007", "0070", "7", "8"])
    assert told(findings) == {"reading.leading_zeros": (2, ["007", "7"])}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.Series([1, 2, 10, 2]), ["1", "10", "2"]),
        (pd.Series([1.0, 2.0, np.nan, 10.0]), ["1", "10", "2"]),
        (pd.Series([1, 2, None, 10], dtype="Int64"), ["1", "10", "2"]),
        (pd.Series([1.5, 2.0, 2.0, 2.0]), ["1.5", "2"]),
        (pd.Series(["东一", "东二", "东一", None], dtype="category"), ["东一", "东二"]),
    ],
)
def test_read_labels_of_any_type_are_codes_as_text(values: pd.Series, expected: list[str]) -> None:
    labels, names, _findings = read_labels(values, KEYS)
    assert names == expected
    assert (labels < 0).tolist() == values.isna().tolist()


def test_read_labels_of_no_cells_is_empty() -> None:
    labels, names, findings = read_labels(pd.Series([], dtype="str"), pd.Series([], dtype="str"))
    assert (len(labels), names, findings) == (0, [], [])


def test_read_loads_counts_what_is_no_load_as_none_and_names_it() -> None:
    weight, findings = read_loads(pd.Series(["12", "many", None, "-3"]), KEYS)
    assert weight.tolist() == [12.0, 0.0, 0.0, 0.0]
    assert told(findings) == {
        "reading.load_missing": (1, ["c"]),
        "reading.load_not_number": (1, ["b"]),
        "reading.load_negative": (1, ["d"]),
    }


def test_read_loads_infinite_is_no_number() -> None:
    weight, findings = read_loads(pd.Series([1.0, np.inf, np.nan, 2.0]), KEYS)
    assert weight.tolist() == [1.0, 0.0, 0.0, 2.0]
    assert list(told(findings)) == ["reading.load_missing", "reading.load_not_number"]


def test_repeated_keys_are_named_once() -> None:
    found = repeated_keys(pd.Series(["a", "b", "a", "a"]))
    assert told(found) == {"reading.repeated_keys": (1, ["a"])}
    assert repeated_keys(KEYS) == []

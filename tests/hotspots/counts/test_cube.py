"""The cube against counting by hand and against brute force."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import InputError, ParameterError
from geo.hotspots.counts.cube import Cube, merged
from geo.hotspots.counts.lattice import Lattice, lattice_over

LATTICE = lattice_over(shapely.box(0, 0, 400, 300), cell_size_m=100, crs="EPSG:4551")


def inner() -> Lattice:
    """4 columns and 3 rows of ground, and an empty row and column around by the east and north."""
    assert LATTICE.shape == (4, 5)
    return LATTICE


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


def small() -> Cube:
    return Cube.build(
        inner(),
        np.array([50.0, 60.0, 50.0, 350.0, 50.0]),
        np.array([50.0, 60.0, 50.0, 250.0, 50.0]),
        days("2026-01-30", "2026-01-30", "2026-02-01", "2026-02-02", "2026-03-01"),
        ["乱停车", "乱停车", "垃圾", "垃圾", "乱停车"],
    )


def test_window_both_days_are_included() -> None:
    cube = small()
    seen = cube.window("2026-01-30", "2026-02-02")
    # South-west cell: row 3 (row 0 is the empty north row), column 0; north-east cell row 1, col 3.
    assert seen.dtype == np.int64
    assert seen[3, 0] == 3 and seen[1, 3] == 1 and seen.sum() == 4
    assert cube.window("2026-01-31", "2026-02-01").sum() == 1
    assert cube.window("2026-01-30", "2026-03-01", category="乱停车")[3, 0] == 3
    assert cube.window("2026-01-30", "2026-03-01", category=["乱停车", "垃圾"]).sum() == 5
    assert cube.window("2026-01-30", "2026-03-01", category="没有").sum() == 0
    assert cube.first_day == np.datetime64("2026-01-30") and cube.n_incidents == 5


def test_series_months_hold_active_cells_only() -> None:
    cells, counts, cut = small().series("2026-01-15", "2026-03-31", period="month")
    assert cells.tolist() == [1 * 5 + 3, 3 * 5 + 0]
    assert counts.tolist() == [[0, 1, 0], [2, 1, 1]]
    assert cut.n_days.tolist() == [17, 28, 31]
    dense = small().by_period("2026-01-15", "2026-03-31", category="垃圾")
    assert dense.shape == (3, 4, 5) and dense.sum() == 2 and dense[1, 3, 0] == 1


def test_by_period_weeks_begin_on_monday_and_runs_on_the_first_day() -> None:
    # 2026-01-30 is a Friday, 2026-02-02 a Monday.
    counts = small().by_period("2026-01-30", "2026-02-08", period="week")
    assert counts.sum(axis=(1, 2)).tolist() == [3, 1]
    counts = small().by_period("2026-01-30", "2026-02-08", period=3)
    assert counts.sum(axis=(1, 2)).tolist() == [3, 1, 0, 0]


def test_daily_totals_of_each_day() -> None:
    assert small().daily("2026-01-29", "2026-02-02").tolist() == [0, 2, 0, 1, 1]


def test_build_bad_rows_are_left_out_and_counted() -> None:
    cube = Cube.build(
        inner(),
        np.array([50.0, 50.0, np.nan, 9e9, 450.0, 50.0, 50.0]),
        np.array([50.0, 50.0, 50.0, 50.0, 50.0, 50.0, 50.0]),
        days(
            "2026-01-01",
            "2026-01-01",
            "2026-01-01",
            "2026-01-01",
            "2026-01-01",
            "NaT",
            "2027-01-01",
        ),
        ["a"] * 7,
        incident=["1", "1", "3", "4", "5", "6", "7"],
        today="2026-12-31",
    )
    out = cube.left_out
    assert (out.n_duplicate, out.n_undated, out.n_future) == (1, 1, 1)
    # Two outside: off the raster, and in the raster's empty east column.
    assert (cube.n_unplaced, cube.n_outside, cube.n_incidents) == (1, 2, 1)


def test_build_nothing_gives_empty_rasters() -> None:
    none = np.zeros(0)
    cube = Cube.build(inner(), none, none, days(), [])
    assert cube.first_day is None and cube.n_incidents == 0 and cube.categories == ()
    assert cube.window("2026-01-01", "2026-12-31").sum() == 0
    cells, counts, cut = cube.series("2026-01-01", "2026-03-31")
    assert len(cells) == 0 and counts.shape == (0, 3) and len(cut) == 3
    assert len(cube.entries()) == 0


def test_build_null_category_is_the_blank_one() -> None:
    cube = Cube.build(
        inner(), np.full(2, 50.0), np.full(2, 50.0), days("2026-01-01", "2026-01-01"), ["a", None]
    )
    assert cube.categories == ("", "a")
    assert cube.window("2026-01-01", "2026-01-01", category="").sum() == 1


def test_build_instants_instead_of_days_are_refused() -> None:
    with pytest.raises(ParameterError) as caught:
        Cube.build(inner(), np.zeros(1), np.zeros(1), np.array(["2026-01-01T23"], "M8[h]"), ["a"])
    assert caught.value.code == "hotspots.days_expected"


def test_window_reversed_is_refused() -> None:
    with pytest.raises(ParameterError) as caught:
        small().window("2026-02-01", "2026-01-01")
    assert caught.value.code == "hotspots.window_reversed"


def test_without_rows_that_are_not_there_is_refused() -> None:
    with pytest.raises(ParameterError) as caught:
        small().without(np.array([150.0]), np.array([50.0]), days("2026-01-30"), ["垃圾"])
    assert caught.value.code == "hotspots.cube_lacks_rows"


def test_save_and_load_give_the_same_cube(tmp_path: Path) -> None:
    cube = small()
    cube.save(tmp_path / "cube.npz")
    again = Cube.load(tmp_path / "cube.npz")
    pd.testing.assert_frame_equal(cube.entries(), again.entries())
    assert again.lattice.transform == cube.lattice.transform
    assert again.left_out == cube.left_out
    assert merged([cube, again]).window("2026-01-01", "2026-12-31")[3, 0] == 8
    assert [p.name for p in tmp_path.iterdir()] == ["cube.npz"]


def test_load_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cube.npz").write_bytes(b"not a cube")
    with pytest.raises(InputError) as caught:
        Cube.load(tmp_path / "cube.npz")
    assert caught.value.code == "hotspots.cube_unreadable"
    np.savez(tmp_path / "old.npz", version=np.array(0))
    with pytest.raises(InputError) as caught:
        Cube.load(tmp_path / "old.npz")
    assert caught.value.params == {"version": "0"}


def test_merged_other_lattice_is_refused() -> None:
    other = lattice_over(shapely.box(0, 0, 400, 300), cell_size_m=50, crs="EPSG:4551")
    empty = Cube.build(other, np.zeros(0), np.zeros(0), days(), [])
    with pytest.raises(ParameterError) as caught:
        merged([small(), empty])
    assert caught.value.code == "hotspots.cubes_differ"


def rows(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    day = np.datetime64("2026-01-01") + rng.integers(0, 90, n)
    place = rng.uniform(0, 400, n), rng.uniform(0, 300, n)
    return *place, day, rng.choice(["a", "b", "c"], n).astype(object)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(0, 200),
    first=st.integers(0, 89),
    length=st.integers(0, 89),
    category=st.sampled_from([None, "a", ["a", "c"]]),
)
def test_window_equals_brute_force_and_increments_equal_a_build(
    n: int, first: int, length: int, category: str | list[str] | None
) -> None:
    x, y, day, kind = rows(n, n)
    cube = Cube.build(inner(), x, y, day, kind)
    begin = np.datetime64("2026-01-01") + first
    is_in = (day >= begin) & (day <= begin + length)
    is_in &= np.isin(kind, ["a", "b", "c"] if category is None else list(category))
    brute = np.bincount(inner().cell_of(x, y)[is_in], minlength=20).reshape(4, 5)
    np.testing.assert_array_equal(cube.window(begin, begin + length, category=category), brute)
    half = n // 2
    grown = Cube.build(inner(), x[:half], y[:half], day[:half], kind[:half])
    grown = grown.add(x[half:], y[half:], day[half:], kind[half:])
    pd.testing.assert_frame_equal(grown.entries(), cube.entries())
    back = grown.without(x[half:], y[half:], day[half:], kind[half:])
    first_half = Cube.build(inner(), x[:half], y[:half], day[:half], kind[:half])
    pd.testing.assert_frame_equal(back.entries(), first_half.entries())


def test_window_long_uses_running_sums_and_equals_brute_force() -> None:
    x, y, day, kind = rows(60_000, 1)
    fine = lattice_over(shapely.box(0, 0, 400, 300), cell_size_m=5, crs="EPSG:4551")
    cube = Cube.build(fine, x, y, day, kind)
    assert len(cube.everything.running) >= 5
    for first, last in ((0, 89), (3, 80), (40, 89), (0, 45)):
        begin, end = np.datetime64("2026-01-01") + first, np.datetime64("2026-01-01") + last
        is_in = (day >= begin) & (day <= end)
        brute = np.bincount(fine.cell_of(x, y)[is_in], minlength=fine.n_cells)
        np.testing.assert_array_equal(cube.window(begin, end).ravel(), brute)

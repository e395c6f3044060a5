"""The cube of sets of incidents larger than memory, one partition after another."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.errors import CrsError, SchemaError
from geo.hotspots.counts.counting import LeftOut
from geo.hotspots.counts.cube import Cube, merged
from geo.hotspots.counts.lattice import Bools, Indices, Lattice
from geo.hotspots.counts.periods import Day, Days, day_of, window_days
from geo.incidents.partitioned import compute, read_partitions

_MERGED_AT_ONCE = 16
"""Partitions whose counts are held before they are added up."""

_Hashes = npt.NDArray[np.uint64]


def count_partitions(
    path: str | os.PathLike[str],
    lattice: Lattice,
    *,
    timezone: str,
    start: Day | None = None,
    end: Day | None = None,
    categories: Sequence[str] | None = None,
    statuses_left_out: Sequence[str] = (),
    today: Day | None = None,
    n_threads: int = 1,
) -> Cube:
    """The cube that `Cube.build` makes of the same rows; `window` and `entries` give its counts.

    Rows of other categories, or of days outside the window, are passed over. A repeated id counts
    once, at its first row, in whatever partition: ids are compared by their hashes first, 8 bytes
    a row, and those that occur twice by their texts.

    Parameters
    ----------
    path : GeoParquet file or folder with `incident` (id), `category`, `reported_at` (instants
        with a time zone) and points in the lattice's CRS; a row group is a partition
    timezone : the town's, such as Asia/Shanghai, by which instants become days
    start, end : first and last local day, both included; None for no bound
    categories : those wanted; None for all
    statuses_left_out : values of `status` whose rows are passed over; the column must then be there
    today : local day after which rows are in the future: left out and counted
    n_threads : partitions worked on at the same time

    Raises
    ------
    ParameterError : dask-geopandas is not installed, the window ends before it begins, or
        `n_threads` is below 1
    NotFoundError, SchemaError : nothing is there, or no such file
    CrsError : the incidents are not in the lattice's CRS
    """
    if start is not None and end is not None:
        window_days(start, end)
    wanted = None if categories is None else frozenset(categories)

    def rows_of(part: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, Days]:
        days = _local_days(part["reported_at"], timezone)
        is_wanted = _is_in_window(days, start, end)
        if wanted is not None:
            is_wanted &= part["category"].isin(wanted).to_numpy()
        if statuses_left_out:
            is_wanted &= ~part["status"].isin(statuses_left_out).to_numpy()
        return part[is_wanted], days[is_wanted]

    def count(part: gpd.GeoDataFrame, repeated: Indices) -> Cube:
        _check_crs(part, lattice)
        rows, days = rows_of(part)
        is_kept = np.ones(len(rows), dtype=bool)
        is_kept[repeated] = False
        points = np.asarray(rows.geometry.array, dtype=object)[is_kept]
        x, y = shapely.get_x(points), shapely.get_y(points)
        category = rows["category"][is_kept]
        return Cube.build(lattice, x, y, days[is_kept], category, today=today)

    columns = ["incident", "category", "reported_at", "geometry"]
    if statuses_left_out:
        columns.insert(2, "status")
    parts = read_partitions(path, columns=columns)
    repeated = _repeated_rows(parts, lambda part: rows_of(part)[0]["incident"], n_threads)
    n_repeated = sum(len(rows) for rows in repeated)
    none = pd.DataFrame({"cell": [], "day": [], "category": [], "count": []})
    total = Cube.from_entries(lattice, none, left_out=LeftOut(n_duplicate=n_repeated))
    for at in range(0, len(parts), _MERGED_AT_ONCE):
        batch = slice(at, at + _MERGED_AT_ONCE)
        cubes = compute(count, parts[batch], repeated[batch], n_threads=n_threads)
        total = merged([total, *cubes])
    return total


def _repeated_rows(
    parts: Sequence[Any], ids_of: Callable[[gpd.GeoDataFrame], pd.Series], n_threads: int
) -> list[Indices]:
    """For each partition, which of its wanted rows have an id that a row before them has."""

    def hashes(part: gpd.GeoDataFrame) -> _Hashes:
        return _hashes(ids_of(part))

    hashed: list[_Hashes] = compute(hashes, parts, n_threads=n_threads)
    values = np.sort(np.concatenate([np.zeros(0, dtype=np.uint64), *hashed]))
    doubtful = np.unique(values[1:][values[1:] == values[:-1]])
    places = [np.flatnonzero(np.isin(part, doubtful)) for part in hashed]
    if not len(doubtful):
        return places

    def texts(part: gpd.GeoDataFrame, rows: Indices) -> pd.Series:
        return ids_of(part).iloc[rows].astype(object)

    ids = compute(texts, parts, places, n_threads=n_threads)
    is_repeated = pd.concat(ids, ignore_index=True).duplicated().to_numpy()
    bounds = np.cumsum([len(rows) for rows in places])[:-1]
    halves = np.split(is_repeated, bounds)
    return [rows[is_old] for rows, is_old in zip(places, halves, strict=True)]


def _hashes(ids: pd.Series) -> _Hashes:
    hashed: _Hashes = pd.util.hash_array(ids.to_numpy(dtype=object), categorize=False)
    return hashed


def _local_days(instants: pd.Series, timezone: str) -> Days:
    """Local days of instants; NaT where there is none."""
    if not isinstance(instants.dtype, pd.DatetimeTZDtype):
        raise SchemaError(
            "partitions.naive_times",
            f"`reported_at` must be instants with a time zone; got {instants.dtype}. "
            "Localise them before writing the file.",
            dtype=str(instants.dtype),
        )
    local = instants.dt.tz_convert(timezone).dt.tz_localize(None)
    days: Days = local.to_numpy().astype("datetime64[D]")
    return days


def _is_in_window(days: Days, start: Day | None, end: Day | None) -> Bools:
    """Whether a day lies in the window; days unknown do."""
    is_in = np.ones(len(days), dtype=bool)
    if start is not None:
        is_in &= ~(days < day_of(start))
    if end is not None:
        is_in &= ~(days > day_of(end))
    return is_in


def _check_crs(part: gpd.GeoDataFrame, lattice: Lattice) -> None:
    if part.crs != lattice.crs:
        raise CrsError(
            "crs.mismatch",
            f"incidents and lattice must share one CRS; got {part.crs} and {lattice.crs}. "
            "Reproject with `crs.to_metric`.",
            left=str(part.crs),
            right=str(lattice.crs),
        )

"""Attribution of sets larger than memory: one partition of a GeoParquet file after another."""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np

from geo.errors import ConflictError, NotFoundError, ParameterError, SchemaError
from geo.incidents.attribution import attribute, index_of
from geo.incidents.label_index import LabelIndex

Path_ = str | os.PathLike[str]


@dataclass(frozen=True)
class Attributed:
    """What was written: incidents, those of them in no grid, and files."""

    n_incidents: int
    n_unmatched: int
    n_partitions: int


def attribute_partitions(
    path_in: Path_,
    grids: gpd.GeoDataFrame,
    path_out: Path_,
    *,
    index: LabelIndex | None = None,
    n_threads: int = 1,
) -> Attributed:
    """Counts of a folder of GeoParquet files written: the incidents as `attribute` gives them.

    A row group of the incidents is a partition and becomes a file; no more than one for each
    thread is in memory. The folder appears whole or not at all.

    Parameters
    ----------
    path_in : GeoParquet file, or folder of such files, of points in the grids' CRS
    grids : as for `attribute`
    path_out : folder that does not exist yet
    index : label index of these grids, where one is at hand
    n_threads : partitions worked on at the same time

    Raises
    ------
    ParameterError : dask-geopandas is not installed, or `n_threads` is below 1
    NotFoundError, SchemaError : nothing at `path_in`, or no GeoParquet
    ConflictError : there is something at `path_out`
    CrsError, GeometryError : as for `attribute`
    """
    target = Path(path_out)
    if target.exists():
        raise ConflictError(
            "partitions.exists",
            f"{target.name} must not exist yet. Remove it, or choose another folder.",
            name=target.name,
        )
    parts = read_partitions(path_in)
    index = index or index_of(grids)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as folder:
        written = Path(folder) / target.name
        written.mkdir()

        def work(part: gpd.GeoDataFrame, number: int) -> tuple[int, int]:
            found = attribute(part, grids, index=index)
            found.to_parquet(written / f"part-{number:06d}.parquet")
            return len(found), int(found["grid"].isna().sum())

        counts = compute(work, parts, range(len(parts)), n_threads=n_threads)
        shutil.move(written, target)
    n_incidents, n_unmatched = np.array(counts, dtype=np.int64).reshape(-1, 2).sum(axis=0)
    return Attributed(int(n_incidents), int(n_unmatched), len(counts))


def read_partitions(path: Path_, *, columns: Sequence[str] | None = None) -> list[Any]:
    """The partitions of a GeoParquet file or folder, in order, not read yet.

    Raises
    ------
    ParameterError : dask-geopandas is not installed
    NotFoundError, SchemaError : nothing is there, or no GeoParquet, or it lacks a column
    """
    dask_geopandas = _dask("dask_geopandas")
    place = Path(path)
    if not place.exists():
        raise NotFoundError(
            "partitions.not_found", f"there is no file or folder {place.name}.", name=place.name
        )
    wanted = None if columns is None else list(columns)
    try:
        frames = dask_geopandas.read_parquet(place, columns=wanted, split_row_groups=True)
    except (ValueError, FileNotFoundError, KeyError) as fault:
        raise SchemaError(
            "partitions.not_geoparquet",
            f"{place.name} must be a GeoParquet file, or a folder of them, with the columns "
            f"{wanted or 'geometry'}; {fault}. Write it with `GeoDataFrame.to_parquet`.",
            name=place.name,
            columns=", ".join(wanted or ["geometry"]),
        ) from fault
    parts: list[Any] = frames.to_delayed()
    return parts


def compute(
    work: Callable[..., Any], parts: Sequence[Any], *more: Sequence[Any], n_threads: int
) -> list[Any]:
    """What `work` gives for each partition and what goes with it, in order.

    Raises
    ------
    ParameterError : `n_threads` is below 1
    """
    if n_threads < 1:
        raise ParameterError(
            "parameter.not_positive",
            f"`n_threads` must be at least 1; got {n_threads}.",
            name="n_threads",
            value=n_threads,
        )
    dask = _dask("dask")
    delayed = dask.delayed(work, traverse=False)
    tasks = [delayed(part, *rest) for part, *rest in zip(parts, *more, strict=True)]
    return list(dask.compute(*tasks, scheduler="threads", num_workers=n_threads))


def _dask(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as fault:
        raise ParameterError(
            "partitions.dask_missing",
            "the engine for sets larger than memory needs dask-geopandas. "
            "Install it: pip install wangge[dask]",
        ) from fault

"""Compiled engines made ready in a process of their own, while other work goes on.

Numba compiles on the first call after installation and keeps the result on disk. That takes some
ten seconds of one core; a machine with two can spend them before the first plan is asked for.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.process import BaseProcess

import geopandas as gpd
import pandas as pd
import shapely

from geo.patrol import coverage
from geo.planning import contiguity, partition

_CRS = "EPSG:4549"
_WEST, _SOUTH = 500_000.0, 4_400_000.0


def start() -> BaseProcess:
    """The process that compiles; join it before the engines are needed."""
    process = multiprocessing.get_context("spawn").Process(target=compile_engines, daemon=True)
    process.start()
    return process


def compile_engines() -> None:
    """Nothing; plans a board of 36 cells and covers one street, so that all is compiled."""
    cells = gpd.GeoDataFrame(
        {
            "cell": [f"{n:02d}" for n in range(36)],
            "community": "A",
            "compound": None,
            "households": [5 + n % 7 for n in range(36)],
        },
        geometry=[
            shapely.box(*(_WEST + 50 * (n % 6), _SOUTH + 50 * (n // 6)), *_corner(n))
            for n in range(36)
        ],
        crs=_CRS,
    )
    adjacency = contiguity.adjacency(cells)
    partition.partition(cells, adjacency, load="households", n_grids=6, tolerance=0.05, seed=0)
    coverage.cover(_street(), _walk())


def _corner(n: int) -> tuple[float, float]:
    return _WEST + 50 * (n % 6 + 1), _SOUTH + 50 * (n // 6 + 1)


def _street() -> gpd.GeoDataFrame:
    line = shapely.LineString([(_WEST, _SOUTH), (_WEST + 90, _SOUTH)])
    streets = gpd.GeoDataFrame({"street": ["S"]}, geometry=[line], crs=_CRS)
    return coverage.cut_pieces(streets)


def _walk() -> gpd.GeoDataFrame:
    times = pd.Timestamp("2026-01-01T00:00Z") + pd.to_timedelta(range(0, 60, 10), unit="s")
    places = [shapely.Point(_WEST + 10 * n, _SOUTH) for n in range(6)]
    return gpd.GeoDataFrame(
        {"patrol": "P", "worker": "W", "day": pd.Timestamp("2026-01-01"), "round": 1, "at": times},
        geometry=places,
        crs=_CRS,
    )

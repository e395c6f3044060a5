"""Compiled engines made ready in a process of their own, while other work goes on.

Numba compiles on the first call after installation and keeps the result on disk. That takes some
ten seconds of one core; a machine with two can spend them before the first plan is asked for.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from datetime import UTC, date, datetime
from multiprocessing.process import BaseProcess

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.hotspots.counts.cube import Cube
from geo.hotspots.counts.lattice import lattice_over
from geo.hotspots.scans.near_repeat import near_repeat
from geo.incidents.label_index import LabelIndex
from geo.patrol import coverage, rounds, stops, tracks
from geo.planning import contiguity, partition
from geo.services import hotspots
from geo.services.cubes import TownCube
from geo.services.hotspots import Asked, Question

_CRS = "EPSG:4549"
_WEST, _SOUTH = 500_000.0, 4_400_000.0


def start(work: Callable[[], None]) -> BaseProcess:
    """The process that does `work`, one of the functions below; join it before it is needed."""
    process = multiprocessing.get_context("spawn").Process(target=work, daemon=True)
    process.start()
    return process


def compile_engines() -> None:
    """Nothing; plans a board of 36 cells, so that planning is compiled."""
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


def compile_judging() -> None:
    """Nothing; compiles what judges rounds, then what finds hotspots."""
    compile_patrols()
    compile_hotspots()


def compile_patrols() -> None:
    """Nothing; cleans, times and covers a short walk."""
    walk = tracks.clean(_walk())
    noise = stops.estimate_noise(walk)
    stops.find_stops(walk, noise=noise)
    rounds.walked_length_m(walk, noise=noise)
    coverage.cover(_street(), walk)


def compile_hotspots() -> None:
    """Nothing; asks every hotspot method of a small made-up town, and attributes to two grids."""
    rng = np.random.default_rng(0)
    ground = shapely.box(_WEST, _SOUTH, _WEST + 400, _SOUTH + 400)
    lattice = lattice_over(ground, cell_size_m=50.0, crs=_CRS)
    x, y = _WEST + rng.uniform(0, 400, 300), _SOUTH + rng.uniform(0, 400, 300)
    days = np.datetime64("2026-01-01") + rng.integers(0, 200, 300)
    cube = Cube.build(lattice, x, y, days, np.full(300, "A", dtype=object))
    town = TownCube(cube, lattice, ground, {"ground": lattice.ground_share})
    first, last = date(2026, 1, 1), date(2026, 7, 19)
    for method in hotspots.METHODS_WITHOUT_STORE:
        question = Question(method, first, last, category="A")
        hotspots.answer(Asked(None, town, question, datetime(2026, 8, 1, tzinfo=UTC)))
    near_repeat(x, y, days.astype(np.int64), distances_m=[50.0], days=[7], seed=0)
    grids = gpd.GeoDataFrame({"grid": ["1"]}, geometry=[ground], crs=_CRS)
    LabelIndex.build(grids).locate(x, y)


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

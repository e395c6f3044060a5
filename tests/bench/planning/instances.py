"""What the planners are asked: cells, their neighbours, the number of grids."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import geopandas as gpd
import numpy as np

from geo.planning.contiguity import Adjacency, adjacency

FOLDER = Path(__file__).resolve().parents[3] / "../shared/data/planning"

N_GRIDS = {"ri_tract": 24, "monaco": 48, "changchun_kuancheng": 339, "changchun_city": 3264}
"""The real instances and the grids each is asked for (../shared/data/README.md)."""

AFTER_GROWTH = ("ri_tract_after_growth", "changchun_kuancheng_after_growth")
"""The same cells with `current`, a good plan, and the loads after some grids grew or shrank."""

WITH_COMPOUNDS = ("changchun_kuancheng", "changchun_city")


@dataclass(frozen=True)
class Instance:
    """Cells (`cell`, `load`, polygons in metres), who touches whom, and the grids wanted.

    `current` is the grid of each cell in the plan in force, where there is one.
    """

    name: str
    cells: gpd.GeoDataFrame
    border: Adjacency
    n_grids: int
    current: np.ndarray | None = None

    @property
    def load(self) -> np.ndarray:
        found: np.ndarray = self.cells["load"].to_numpy(dtype="float64")
        return found

    @property
    def target(self) -> float:
        return float(self.load.sum()) / self.n_grids

    @cached_property
    def rows(self) -> Rows:
        """Neighbours in compressed rows, as graph partitioners take them."""
        left, right = self.border.left.astype(np.int64), self.border.right.astype(np.int64)
        one, other = np.r_[left, right], np.r_[right, left]
        order = np.lexsort((other, one))
        indptr = np.r_[0, np.cumsum(np.bincount(one, minlength=len(self.cells)))]
        return Rows(indptr, other[order], np.tile(self.border.length_m, 2)[order])


@dataclass(frozen=True)
class Rows:
    """Compressed rows: neighbours of cell i are `indices[indptr[i]:indptr[i + 1]]`."""

    indptr: np.ndarray
    indices: np.ndarray
    length_m: np.ndarray


def real(name: str) -> Instance:
    """One of the real instances, from ../shared/data/planning."""
    path = FOLDER / f"{name}.parquet"
    if not path.exists():
        raise SystemExit(f"{path} is not there: the planning instances are needed (see README.md)")
    cells = gpd.read_parquet(path)
    current = None
    if "current" in cells.columns:
        current = np.asarray(cells["current"].factorize(sort=True)[0], dtype=np.int64)
    n_grids = N_GRIDS[name] if current is None else int(current.max()) + 1
    return Instance(name, cells, adjacency(cells, within=None), n_grids, current)


def made(name: str, cells: gpd.GeoDataFrame, n_grids: int) -> Instance:
    """An instance from made-up cells (see synthetic.town)."""
    return Instance(name, cells, adjacency(cells, within=None), n_grids)

"""Made-up towns of any size: exact coverages of cells with uneven loads, same seed, same town."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from scipy.spatial import Voronoi, cKDTree

CRS = "EPSG:4551"
X0, Y0 = 456_000.0, 4_909_000.0
CELL_M = 40.0
"""Mean side of a cell in metres: a few buildings."""

HEAVY_FACTOR = 6.0
"""A heavy cell (a tower block) holds this many times the mean load."""

RIVER_WIDTH_CELLS = 1.2
"""Cells whose centre is closer to a river than half of this many cell sides are water."""

BRIDGE_EVERY_CELLS = 14.0
"""A river can be crossed about once in so many cell sides."""


def town(
    n_cells: int,
    rng: np.random.Generator,
    *,
    is_lattice: bool = False,
    skew: float = 0.6,
    heavy_share: float = 0.0,
    empty_share: float = 0.0,
    n_rivers: int = 0,
    n_communities: int = 1,
    mean_load: float = 30.0,
) -> gpd.GeoDataFrame:
    """Cells of a made-up town: `cell`, `community`, `load` (whole numbers), polygons in metres.

    Voronoi cells of random points (relaxed once, so that slivers are rare) or a lattice with
    shaken corners. Neighbours share their vertices, so the coverage is exact. Rivers take cells
    away (not the last ones) and leave bridges; what they cut off altogether stays an island.

    Parameters
    ----------
    n_cells : about how many; rivers take some
    skew : standard deviation of the logarithm of the load
    heavy_share : share of the cells with HEAVY_FACTOR times the mean load on top
    empty_share : share of the cells without load (parks, schools)
    n_communities : areas by nearest of as many random centres; they may fall into parts
    """
    polygons = _lattice(n_cells, rng) if is_lattice else _voronoi(n_cells, rng)
    centre = shapely.get_coordinates(shapely.centroid(polygons))
    is_dry = np.ones(len(polygons), dtype=bool)
    for _ in range(n_rivers):
        is_left = is_dry & ~_river(centre, rng)
        is_dry = is_left if is_left.any() else is_dry
    polygons, centre = polygons[is_dry], centre[is_dry]
    n = len(polygons)
    load = mean_load * rng.lognormal(-(skew**2) / 2, skew, n)
    load += HEAVY_FACTOR * mean_load * (rng.random(n) < heavy_share)
    load[rng.random(n) < empty_share] = 0
    middles = rng.uniform(centre.min(axis=0), centre.max(axis=0), (n_communities, 2))
    community = cKDTree(middles).query(centre)[1]
    return gpd.GeoDataFrame(
        {
            "cell": [f"{i:06d}" for i in range(n)],
            "community": [f"C{one:02d}" for one in community],
            "load": np.round(load).astype(np.int64),
        },
        geometry=polygons,
        crs=CRS,
    )


def _voronoi(n: int, rng: np.random.Generator) -> np.ndarray:
    """Voronoi cells of n points in a square; mirrored points make its sides straight."""
    points, reach = rng.random((n, 2)), min(1.0, 10 / np.sqrt(n))
    for _ in range(2):
        mirrored = [points]
        for axis in (0, 1):
            for side in (0.0, 1.0):
                near = points[np.abs(points[:, axis] - side) < reach].copy()
                near[:, axis] = 2 * side - near[:, axis]
                mirrored.append(near)
        found = Voronoi(np.vstack(mirrored))
        corners = np.clip(found.vertices, 0.0, 1.0)
        rings = [corners[found.regions[found.point_region[i]]] for i in range(n)]
        polygons = shapely.polygons(
            shapely.linearrings(
                np.concatenate(rings),
                indices=np.repeat(np.arange(n), [len(ring) for ring in rings]),
            )
        )
        points = shapely.get_coordinates(shapely.centroid(polygons))
    side_m = CELL_M * np.sqrt(n)
    placed: np.ndarray = shapely.transform(polygons, lambda xy: xy * side_m + [X0, Y0])
    return placed


def _lattice(n: int, rng: np.random.Generator) -> np.ndarray:
    """Quadrilaterals of a square lattice with shaken corners, row by row."""
    n_columns = max(1, round(np.sqrt(n)))
    n_rows = max(1, round(n / n_columns))
    row, column = np.mgrid[0 : n_rows + 1, 0 : n_columns + 1]
    shaken = np.stack([column, row], axis=-1) + rng.uniform(-0.3, 0.3, (*row.shape, 2))
    xy = shaken * CELL_M + [X0, Y0]
    ring = np.stack([xy[:-1, :-1], xy[:-1, 1:], xy[1:, 1:], xy[1:, :-1], xy[:-1, :-1]], axis=2)
    polygons: np.ndarray = shapely.polygons(ring.reshape(-1, 5, 2))
    return polygons


def _river(centre: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Which cells a winding river takes; bridges are left."""
    low, high = centre.min(axis=0), centre.max(axis=0)
    along_axis = int(rng.integers(2))
    along = centre[:, along_axis]
    span = max(float(high[along_axis] - low[along_axis]), CELL_M)
    turn, start = rng.uniform(1, 3), rng.uniform(0.25, 0.75)
    width = high[1 - along_axis] - low[1 - along_axis]
    middle = low[1 - along_axis] + width * (
        start + 0.12 * np.sin(turn * 2 * np.pi * (along - low[along_axis]) / span)
    )
    is_wet = np.abs(centre[:, 1 - along_axis] - middle) < RIVER_WIDTH_CELLS / 2 * CELL_M
    phase = rng.uniform(0, BRIDGE_EVERY_CELLS)
    is_bridge = ((along - low[along_axis]) / CELL_M + phase) % BRIDGE_EVERY_CELLS < 1.2
    wet: np.ndarray = is_wet & ~is_bridge
    return wet

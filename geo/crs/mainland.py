"""Where China's datum shifts apply: mainland China and its coastal waters.

Neither Hong Kong, Macau and Taiwan nor any neighbouring country. The outline is the data set
`china` of `boundaries`; it says where map services shift coordinates, nothing about borders.
At sea it reaches 24 nautical miles (44 km) from the coast, or to the neighbours' waters: piers,
islets and reclaimed land that the outline's sources do not know are mainland too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

Mask = NDArray[np.bool_]

CELL_DEG = 0.025
"""Side of a lookup cell, degrees; at least `shifts.MAX_SHIFT_DEG`, see `Lookup`."""
OUTSIDE, NEAR, INSIDE = np.uint8(0), np.uint8(1), np.uint8(2)


@dataclass(frozen=True)
class Lookup:
    """The outline with a raster that answers at once for most points.

    A cell is INSIDE or OUTSIDE when the outline does not pass through it or any of its eight
    neighbours. As no shift is longer than a cell, the answer then holds for a point before and
    after its shift alike; only points in NEAR cells need the outline itself.
    """

    outline: shapely.Geometry
    spared: shapely.Geometry
    west: float
    south: float
    states: NDArray[np.uint8]

    def state(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.uint8]:
        """OUTSIDE, NEAR or INSIDE of each point; OUTSIDE where a coordinate is not finite."""
        n_rows, n_columns = self.states.shape
        with np.errstate(invalid="ignore"):
            column = np.floor((lon - self.west) / CELL_DEG)
            row = np.floor((lat - self.south) / CELL_DEG)
            is_within = (column >= 0) & (column < n_columns) & (row >= 0) & (row < n_rows)
        cell = np.where(is_within, row * n_columns + column, 0).astype(np.int64)
        states: NDArray[np.uint8] = np.where(is_within, self.states.ravel()[cell], OUTSIDE)
        return states

    def contains(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> Mask:
        """Whether each point lies in the outline, by the outline itself."""
        return np.asarray(shapely.contains_xy(self.outline, lon, lat), dtype=bool)

    def spares(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> Mask:
        """Whether each point lies in Hong Kong, Macau or Taiwan."""
        return np.asarray(shapely.contains_xy(self.spared, lon, lat), dtype=bool)


def is_mainland(lon: ArrayLike, lat: ArrayLike) -> Mask:
    """Whether each WGS84 point lies in mainland China or its coastal waters.

    Parameters
    ----------
    lon, lat : degrees, any shape; coordinates that are not finite are outside
    """
    x, y = np.broadcast_arrays(np.asarray(lon, dtype=float), np.asarray(lat, dtype=float))
    flat_x, flat_y = x.ravel(), y.ravel()
    lookup = load_lookup()
    state = lookup.state(flat_x, flat_y)
    inside: Mask = state == INSIDE
    near = state == NEAR
    inside[near] = lookup.contains(flat_x[near], flat_y[near])
    return inside.reshape(x.shape)


@cache
def load_lookup() -> Lookup:
    """The lookup, made once from the outline that `boundaries/china` holds."""
    text = (files("boundaries") / "china" / "china.geojson").read_text(encoding="utf-8")
    areas = {
        feature["properties"]["area"]: shapely.from_geojson(json.dumps(feature["geometry"]))
        for feature in json.loads(text)["features"]
    }
    mainland = areas.pop("mainland")
    return make_lookup(mainland, spared=shapely.multipolygons(_polygons(areas.values())))


def make_lookup(outline: shapely.Geometry, *, spared: shapely.Geometry) -> Lookup:
    """The outline with its raster: scan lines give the inside, the edges the NEAR cells."""
    margin = 4 * CELL_DEG
    west, south, east, north = shapely.bounds(outline)
    west, south = west - margin, south - margin
    shape = (
        int(np.ceil((north + margin - south) / CELL_DEG)),
        int(np.ceil((east + margin - west) / CELL_DEG)),
    )
    edges = _edges(outline)
    states = np.where(_inside_centres(edges, west, south, shape), INSIDE, OUTSIDE)
    states[_near(edges, west, south, shape)] = NEAR
    shapely.prepare([outline, spared])
    return Lookup(outline=outline, spared=spared, west=west, south=south, states=states)


def _polygons(shapes: Iterable[shapely.Geometry]) -> NDArray[np.object_]:
    return np.asarray(shapely.get_parts(list(shapes)), dtype=object)


def _edges(outline: shapely.Geometry) -> NDArray[np.float64]:
    """Edges of all rings, rows of x0, y0, x1, y1."""
    rings = shapely.get_rings(shapely.get_parts(outline))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    is_edge = ring[1:] == ring[:-1]
    edges: NDArray[np.float64] = np.hstack([points[:-1], points[1:]])[is_edge]
    return edges


def _inside_centres(
    edges: NDArray[np.float64], west: float, south: float, shape: tuple[int, int]
) -> Mask:
    """Which cell centres lie inside, by the parity of edge crossings to their west."""
    low = np.minimum(edges[:, 1], edges[:, 3])
    high = np.maximum(edges[:, 1], edges[:, 3])
    first = np.ceil((low - south) / CELL_DEG - 0.5).astype(np.int64)
    last = np.ceil((high - south) / CELL_DEG - 0.5).astype(np.int64)
    edge = np.repeat(np.arange(len(edges)), last - first)
    start = np.repeat(np.cumsum(last - first) - (last - first), last - first)
    row = first[edge] + np.arange(len(edge)) - start
    x0, y0, x1, y1 = edges[edge].T
    crossing = x0 + (south + (row + 0.5) * CELL_DEG - y0) * (x1 - x0) / (y1 - y0)
    column = np.ceil((crossing - west) / CELL_DEG - 0.5).astype(np.int64)
    toggles = np.zeros(shape, dtype=np.uint8)
    np.add.at(toggles, (row, np.clip(column, 0, shape[1] - 1)), 1)
    is_inside: Mask = np.cumsum(toggles, axis=1, dtype=np.uint32) % 2 == 1
    return is_inside


def _near(edges: NDArray[np.float64], west: float, south: float, shape: tuple[int, int]) -> Mask:
    """Which cells an edge may pass through, and their neighbours, two cells wide."""
    length = np.hypot(edges[:, 2] - edges[:, 0], edges[:, 3] - edges[:, 1])
    n_steps = np.ceil(length / CELL_DEG).astype(np.int64) + 1
    edge = np.repeat(np.arange(len(edges)), n_steps)
    step = np.arange(len(edge)) - np.repeat(np.cumsum(n_steps) - n_steps, n_steps)
    share = step / np.repeat(np.maximum(n_steps - 1, 1), n_steps)
    x = edges[edge, 0] + share * (edges[edge, 2] - edges[edge, 0])
    y = edges[edge, 1] + share * (edges[edge, 3] - edges[edge, 1])
    near = np.zeros(shape, dtype=bool)
    near[((y - south) / CELL_DEG).astype(np.int64), ((x - west) / CELL_DEG).astype(np.int64)] = True
    for axis in (0, 1):
        for _ in range(2):
            near = near | np.roll(near, 1, axis=axis) | np.roll(near, -1, axis=axis)
    return near

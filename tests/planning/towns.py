"""Small grounds drawn in code."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

CRS = "EPSG:4551"
X0, Y0 = 456_000.0, 4_909_000.0


def squares(n_columns: int, n_rows: int, *, side_m: float = 100.0) -> gpd.GeoDataFrame:
    """A chessboard of cells, row by row from the south-west, 10 households each."""
    column, row = np.meshgrid(np.arange(n_columns), np.arange(n_rows))
    x, y = X0 + column.ravel() * side_m, Y0 + row.ravel() * side_m
    n = n_columns * n_rows
    return gpd.GeoDataFrame(
        {
            "cell": [f"{i:04d}" for i in range(n)],
            "community": ["A"] * n,
            "households": np.full(n, 10),
        },
        geometry=shapely.box(x, y, x + side_m, y + side_m),
        crs=CRS,
    )


def area(*boxes: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
    """Communities A, B... as boxes (metres from the origin)."""
    return gpd.GeoDataFrame(
        {"community": [chr(65 + i) for i in range(len(boxes))]},
        geometry=[box(*sides) for sides in boxes],
        crs=CRS,
    )


def box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    """A box, metres from the origin."""
    return shapely.box(X0 + west, Y0 + south, X0 + east, Y0 + north)


def houses(*boxes: tuple[float, float, float, float], households: int = 20) -> gpd.GeoDataFrame:
    """Buildings as boxes (metres from the origin)."""
    n = len(boxes)
    return gpd.GeoDataFrame(
        {"building": [f"b{i}" for i in range(n)], "households": [households] * n},
        geometry=[box(*sides) for sides in boxes],
        crs=CRS,
    )

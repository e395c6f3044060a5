"""What a round costs each grid: minutes of walking, and doors, for the loads of planning."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.crs import check_metric
from geo.errors import CrsError, ParameterError
from geo.incidents.attribution import locate
from geo.patrol.pieces import cut_pieces, expected
from geo.patrol.routes.network import walk_network
from geo.patrol.routes.postman import postman
from geo.patrol.routes.walk import WALKING_MPS

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

SERVICE_MIN = 0.0
"""Minutes spent at each door on a round; an office that visits doors sets its own."""


def effort_of_grids(
    grids: gpd.GeoDataFrame,
    streets: gpd.GeoDataFrame,
    *,
    buildings: gpd.GeoDataFrame | None = None,
    entrances: gpd.GeoDataFrame | None = None,
    walking_mps: float = WALKING_MPS,
    service_min: float = SERVICE_MIN,
    piece_m: float = 50.0,
) -> pd.DataFrame:
    """One row a grid: `grid`, `street_m`, `walk_m`, `walk_minutes`, `doors`, in the grids' order.

    `walk_m` is the shortest closed walk along all streets of the grid (`routes.postman`), by
    streets of others between where need be; streets belong to grids as in coverage, by the middle
    of each piece. `walk_minutes` is that at walking speed, with `service_min` for each door.
    `doors` are the entrances in the grid, or, where none are given, the buildings' `n_entrances`
    (1 where unknown).

    Parameters
    ----------
    grids : polygons with `grid`, projected CRS in metres
    streets : lines with `street`, same CRS
    buildings, entrances : same CRS; None where there are none
    walking_mps : walking speed, metres a second, > 0
    service_min : minutes a door, 0 or more
    piece_m : longest street piece, metres, > 0

    Raises
    ------
    CrsError : a CRS is missing or in degrees, or they differ
    ParameterError : an option is out of range
    """
    _check(grids, streets, walking_mps=walking_mps, service_min=service_min)
    pieces = cut_pieces(streets, max_length_m=piece_m)
    network = walk_network(pieces)
    codes = grids["grid"].to_numpy(dtype=object)
    of_piece = expected(pieces, grids).to_numpy(dtype=object)
    of_edge = of_piece[network.edges["line"].to_numpy(dtype=np.int64)]
    walks = [postman(network, of_edge == code) for code in codes]
    walk_m = np.array([walk.length_m for walk in walks])
    doors = _doors(grids, buildings, entrances)
    return pd.DataFrame(
        {
            "grid": codes.astype("str"),
            "street_m": [walk.street_m for walk in walks],
            "walk_m": walk_m,
            "walk_minutes": walk_m / walking_mps / 60 + service_min * doors,
            "doors": doors,
        }
    )


def effort_of_cells(
    cells: gpd.GeoDataFrame,
    streets: gpd.GeoDataFrame,
    *,
    buildings: gpd.GeoDataFrame | None = None,
    entrances: gpd.GeoDataFrame | None = None,
    walking_mps: float = WALKING_MPS,
    service_min: float = SERVICE_MIN,
    repeat: float = 1.0,
) -> pd.DataFrame:
    """One row a cell: `cell`, `street_m`, `walk_minutes`, `doors`, in the cells' order; additive.

    A cell is too small for a walk of its own: its street length at walking speed, times `repeat`
    for the ways walked twice, with `service_min` for each door. A street along a border belongs to
    one of its cells. As columns of the cells they enter a load such as
    ``households + 1.7*walk_minutes``.

    Parameters
    ----------
    cells : polygons with `cell`, projected CRS in metres
    repeat : walked length over street length, such as the grids' sum of `walk_m` over `street_m`

    Raises
    ------
    CrsError : a CRS is missing or in degrees, or they differ
    ParameterError : an option is out of range
    """
    _check(cells, streets, walking_mps=walking_mps, service_min=service_min)
    if not 1 <= repeat < float("inf"):
        raise ParameterError(
            "effort.repeat", f"`repeat` must be 1 or more; got {repeat}.", repeat=repeat
        )
    pieces = cut_pieces(streets, max_length_m=10.0)
    middles = shapely.line_interpolate_point(pieces.geometry.array, 0.5, normalized=True)
    found = locate(middles, cells.geometry.array, codes=cells["cell"])
    length_m = pieces["length_m"].to_numpy(dtype=np.float64)
    is_in = found >= 0
    street_m = np.bincount(found[is_in], weights=length_m[is_in], minlength=len(cells))
    doors = _doors(cells, buildings, entrances)
    return pd.DataFrame(
        {
            "cell": cells["cell"].to_numpy(dtype=object).astype("str"),
            "street_m": street_m,
            "walk_minutes": street_m * repeat / walking_mps / 60 + service_min * doors,
            "doors": doors,
        }
    )


def _doors(
    areas: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame | None,
    entrances: gpd.GeoDataFrame | None,
) -> Indices:
    """Doors in each area: entrances, else those that the buildings are said to have."""
    if entrances is not None and len(entrances):
        return _sums(areas, entrances, np.ones(len(entrances)))
    if buildings is None or not len(buildings):
        return np.zeros(len(areas), dtype=np.int64)
    n = np.ones(len(buildings))
    if "n_entrances" in buildings:
        n = buildings["n_entrances"].astype("Float64").fillna(1.0).to_numpy(dtype=np.float64)
    return _sums(areas, buildings, n)


def _sums(areas: gpd.GeoDataFrame, things: gpd.GeoDataFrame, n: Floats) -> Indices:
    _check_same(areas, things)
    points = shapely.point_on_surface(things.geometry.array)
    key = "grid" if "grid" in areas else "cell"
    found = locate(points, areas.geometry.array, codes=areas[key])
    is_in = found >= 0
    sums: Indices = np.bincount(found[is_in], weights=n[is_in], minlength=len(areas))
    return np.round(sums).astype(np.int64)


def _check(
    areas: gpd.GeoDataFrame, streets: gpd.GeoDataFrame, *, walking_mps: float, service_min: float
) -> None:
    check_metric(areas, "areas")
    check_metric(streets, "streets")
    _check_same(areas, streets)
    is_right = 0 < walking_mps < float("inf") and 0 <= service_min < float("inf")
    if not is_right:
        raise ParameterError(
            "effort.options",
            f"`walking_mps` must be above 0 and `service_min` 0 or more; got {walking_mps} and "
            f"{service_min}.",
            walking_mps=walking_mps,
            service_min=service_min,
        )


def _check_same(left: gpd.GeoDataFrame, right: gpd.GeoDataFrame) -> None:
    if left.crs != right.crs:
        raise CrsError(
            "crs.mismatch",
            f"all layers must share one CRS; got {left.crs} and {right.crs}. "
            "Reproject with `crs.to_metric`.",
            left=str(left.crs),
            right=str(right.crs),
        )

"""Checks of the options that every planner takes."""

from __future__ import annotations

import geopandas as gpd

from geo.errors import ParameterError
from geo.planning.contiguity import Adjacency


def check_target(target: float | None) -> None:
    """Raise ParameterError for a wanted load that is not positive and finite; None is no wish."""
    if target is not None and not 0 < target < float("inf"):
        raise ParameterError(
            "plan.target", f"target must be positive and finite; got {target}", target=target
        )


def check_tolerance(tolerance: float) -> None:
    """Raise ParameterError for a tolerance that is not a share."""
    if not 0 <= tolerance <= 1:
        raise ParameterError(
            "plan.tolerance",
            f"tolerance is a share between 0 and 1 (0.05 = 5%); got {tolerance}",
            tolerance=tolerance,
        )


def check_run(cells: gpd.GeoDataFrame, adjacency: Adjacency, *, time_limit_s: float | None) -> None:
    """Raise ParameterError for a time limit that is not positive, or another ground's adjacency."""
    if time_limit_s is not None and not time_limit_s > 0:
        raise ParameterError(
            "plan.time_limit",
            f"time_limit_s must be above 0 seconds; got {time_limit_s}",
            time_limit_s=time_limit_s,
        )
    if adjacency.n_cells != len(cells):
        raise ParameterError(
            "plan.adjacency",
            f"the adjacency is of {adjacency.n_cells} cells, not of these {len(cells)}; "
            "compute it again",
            n_cells=len(cells),
            n_adjacent=adjacency.n_cells,
        )

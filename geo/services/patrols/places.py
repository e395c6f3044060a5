"""Who covers a place, and when."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from geo.errors import ParameterError
from geo.services.patrols.duties import pieces
from geo.services.patrols.period import Period
from geo.services.patrols.walked import COVERED, walked
from geo.store import Store

NEAR_M = 30.0
"""Streets this near belong to a place, metres: a house's own street and its back lane."""

MOST_NEAR_M = 500.0


def passing(
    store: Store, place: shapely.Point, period: Period, *, within_m: float = NEAR_M
) -> pd.DataFrame:
    """The patrols of the period that covered a street piece near the place, newest first.

    Columns `patrol`, `worker`, `day`, `round`, `started_at`, `ended_at` and `at`: the time of
    the fix nearest to the place, null where the fixes are forgotten.

    Parameters
    ----------
    place : in the town's CRS
    within_m : distance from the place to a street piece, metres, above 0 and at most 500

    Raises
    ------
    ParameterError : the distance is out of range
    """
    if not 0 < within_m <= MOST_NEAR_M:
        raise ParameterError(
            "patrols.within",
            f"`within_m` must be above 0 and at most {MOST_NEAR_M:g}; got {within_m}.",
            value=within_m,
            most=MOST_NEAR_M,
        )
    known = pieces(store)
    near = shapely.dwithin(known.geometry.to_numpy(), place, within_m)
    rows = walked(store, period)
    is_here = near[rows.piece] & (rows.rank == COVERED)
    passed = np.unique(rows.patrol[is_here])
    found = rows.patrols.iloc[passed]
    columns = ["patrol", "worker", "day", "round", "started_at", "ended_at"]
    found = found[columns].merge(_times(store, place, found["patrol"]), on="patrol", how="left")
    order = ["day", "round", "worker"]
    return found.sort_values(order, ascending=[False, False, True], ignore_index=True)


def _times(store: Store, place: shapely.Point, patrols: pd.Series) -> pd.DataFrame:
    """For each patrol whose fixes are kept, the time `at` of the one nearest to the place."""
    where = {"patrol": patrols.tolist()}
    fixes = store.read("tracks", columns=["patrol", "at", "geometry"], where=where)
    fixes = fixes.assign(distance_m=shapely.distance(fixes.geometry.to_numpy(), place))
    nearest = fixes.sort_values("distance_m", kind="stable").drop_duplicates("patrol")
    return pd.DataFrame(nearest[["patrol", "at"]])

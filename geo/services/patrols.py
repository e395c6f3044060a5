"""Patrol coverage: computed from stored tracks, read by day and round."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
import pandas as pd

from geo.errors import NotFoundError
from geo.patrol import coverage as patrol_coverage
from geo.patrol import tracks as patrol_tracks
from geo.services import plans
from geo.store import Store


def compute(store: Store, *, reach_m: float = 20.0, piece_m: float = 50.0) -> dict[str, int]:
    """Counts of patrols, fixes kept, pieces and coverage rows, after storing the coverage.

    Parameters
    ----------
    reach_m : a street counts as passed within this distance of the track, metres
    piece_m : longest street piece, metres

    Raises
    ------
    NotFoundError : the store has no streets or no tracks
    """
    for layer in ("streets", "tracks"):
        if not store.count(layer):
            raise NotFoundError(
                "patrols.nothing",
                f"coverage needs {layer}; the store has none. Import {layer} first.",
                layer=layer,
            )
    pieces = patrol_coverage.cut_pieces(store.read("streets"), max_length_m=piece_m)
    fixes = patrol_tracks.clean(store.read("tracks"))
    covered = patrol_coverage.cover(pieces, fixes, reach_m=reach_m)
    with store.transaction():
        store.write("pieces", pieces, mode="replace")
        store.write("coverage", covered, mode="replace")
    return {
        "patrols": int(fixes["patrol"].nunique()),
        "fixes": len(fixes),
        "pieces": len(pieces),
        "coverage": len(covered),
    }


def days(store: Store) -> pd.DataFrame:
    """The days that have coverage: `day`, `n_patrols`, `rounds`; newest first."""
    rows = store.read("coverage", columns=["patrol", "day", "round"], distinct=True)
    by_day = rows.groupby("day").agg(n_patrols=("patrol", "size"), rounds=("round", "max"))
    return by_day.reset_index().sort_values("day", ascending=False, ignore_index=True)


def street_coverage(
    store: Store, *, day: date, round: int | None = None, worker: str | None = None
) -> gpd.GeoDataFrame:
    """Every street piece with what the patrols of that day (and round) passed of it.

    Columns of the pieces plus `grid` (of the plan in force that day), `covered_share` (the best
    single patrol's), `probability` (that it was walked, likewise), `verdict` and `n_patrols`.
    """
    pieces = store.read("pieces")
    where: dict[str, object] = {"day": pd.Timestamp(day)}
    if round is not None:
        where["round"] = round
    if worker is not None:
        where["worker"] = worker
    rows = store.read("coverage", where=where)
    by_piece = patrol_coverage.combine(rows, pieces)
    streets = store.read("streets", columns=["street", "name", "class"])
    found = pieces.merge(by_piece, on="piece", how="left").merge(streets, on="street", how="left")
    plan = plans.current(store, on=day)
    if plan is None:
        return found.assign(grid=None)
    return found.assign(
        grid=patrol_coverage.expected(pieces, store.read("grids", where={"plan": plan}))
    )


def round_summary(store: Store, *, day: date, round: int | None = None) -> pd.DataFrame:
    """Per grid of that day: `expected_m`, `covered_m`, `share` (null when nothing is expected)."""
    found = street_coverage(store, day=day, round=round)
    found["covered_m"] = found["length_m"] * found["covered_share"]
    by_grid = found.groupby("grid").agg(
        expected_m=("length_m", "sum"), covered_m=("covered_m", "sum")
    )
    by_grid["share"] = (by_grid["covered_m"] / by_grid["expected_m"]).where(
        by_grid["expected_m"] > 0
    )
    return by_grid.reset_index()

"""Coverage computed from the stored tracks, and what is kept of rounds whose fixes go."""

from __future__ import annotations

from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.errors import NotFoundError
from geo.patrol import coverage as patrol_coverage
from geo.patrol import tracks as patrol_tracks
from geo.patrol.rounds import walked_length_m
from geo.services import recordings
from geo.store import Store

_PATROLS_AT_ONCE = 500
"""Patrols named in one condition: databases bound the number of values."""

_STRETCHES_AT_ONCE = 50_000

REACH_M = 20.0
"""Distance within which a street or building counts as passed, metres: the office's rule."""


def compute(
    store: Store,
    *,
    reach_m: float = REACH_M,
    piece_m: float = 50.0,
    today: date | None = None,
) -> dict[str, int]:
    """Counts of patrols, fixes kept, pieces and coverage rows, after storing the coverage.

    Coverage, rounds and buildings passed of the patrols whose fixes are stored are made anew; those
    of patrols whose fixes are forgotten stay. With `today`, fixes older than the setting
    `keep_fixes_days` are forgotten afterwards.

    Parameters
    ----------
    reach_m : a street or building counts as passed within this distance of the track, metres
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
    made = _made(store, pieces, fixes, reach_m)
    patrols = fixes["patrol"].unique().tolist()
    with store.transaction():
        store.write("pieces", pieces, mode="replace")
        for layer, rows in made.items():
            _replace(store, layer, rows, patrols)
    if today is not None:
        recordings.forget_old(store, today=today)
    return {
        "patrols": len(patrols),
        "fixes": len(fixes),
        "pieces": len(pieces),
        "coverage": len(made["coverage"]),
    }


def refresh(store: Store, worker: str, *, day: date, reach_m: float = REACH_M) -> bool:
    """Whether the coverage of that worker's day was made anew: fixes came after it was computed.

    So that a round's figures follow it while it is walked. False where there is no street or
    nothing new.

    Parameters
    ----------
    reach_m : a street or building counts as passed within this distance of the track, metres
    """
    where = {"worker": worker, "day": pd.Timestamp(day)}
    newest = store.read("tracks", columns=["at"], where=where, order_by="-at", limit=1)
    known = store.read("rounds", columns=["ended_at"], where=where)["ended_at"].max()
    if newest.empty or (pd.notna(known) and newest["at"].iloc[0] <= known):
        return False
    pieces = store.read("pieces")
    if pieces.empty:
        pieces = patrol_coverage.cut_pieces(store.read("streets"))
    fixes = patrol_tracks.clean(store.read("tracks", where=where))
    if pieces.empty or fixes.empty:
        return False
    made = _made(store, pieces, fixes, reach_m)
    with store.transaction():
        if not store.count("pieces"):
            store.write("pieces", pieces)
        for layer, rows in made.items():
            _replace(store, layer, rows, fixes["patrol"].unique().tolist())
    return True


def days(store: Store) -> pd.DataFrame:
    """The days that have a record: `day`, `n_patrols`, `rounds`; newest first."""
    columns = ["patrol", "day", "round"]
    kept = [
        store.read(layer, columns=columns, distinct=True)
        for layer in ("coverage", "rounds")
        if store.count(layer)
    ]
    rows = pd.concat(kept) if kept else store.read("rounds", columns=columns)
    by_day = (
        rows.drop_duplicates("patrol")
        .groupby("day")
        .agg(n_patrols=("patrol", "size"), rounds=("round", "max"))
    )
    return by_day.reset_index().sort_values("day", ascending=False, ignore_index=True)


def round_rows(fixes: gpd.GeoDataFrame) -> pd.DataFrame:
    """Rows of the `rounds` layer.

    Parameters
    ----------
    fixes : as `tracks.clean` leaves them
    """
    found = patrol_tracks.rounds(fixes)
    silences = patrol_tracks.silences(fixes, silence_s=patrol_tracks.GAP_S)
    silent_s = np.bincount(silences.patrol, weights=silences.seconds, minlength=len(found))
    columns = ["patrol", "worker", "day", "round", "started_at", "ended_at", "n_fixes"]
    walked = walked_length_m(fixes).set_index("patrol")["walked_m"]
    return found[[*columns, "duration_s"]].assign(
        walked_m=found["patrol"].map(walked).to_numpy(dtype=np.float64), silent_s=silent_s
    )


def passed_buildings(
    buildings: gpd.GeoDataFrame, fixes: gpd.GeoDataFrame, *, reach_m: float
) -> pd.DataFrame:
    """Rows of the `passes` layer: each patrol with every building within reach of its track.

    Parameters
    ----------
    buildings, fixes : in one projected CRS, the fixes as `tracks.clean` leaves them
    reach_m : distance from the line through the fixes to the footprint, metres
    """
    stretches = patrol_tracks.segments(fixes)
    pairs = [np.zeros((2, 0), dtype=np.int64)]
    tree = shapely.STRtree(buildings.geometry.to_numpy())
    for start in range(0, len(stretches.ends), _STRETCHES_AT_ONCE):
        ends = stretches.ends[start : start + _STRETCHES_AT_ONCE]
        lines = shapely.linestrings(ends.reshape(-1, 2, 2))
        line, building = tree.query(lines, predicate="dwithin", distance=reach_m)
        pairs.append(np.unique([stretches.patrol[start + line], building], axis=1))
    patrol, building = np.unique(np.concatenate(pairs, axis=1), axis=1)
    rows = stretches.patrols.iloc[patrol].reset_index(drop=True)
    codes: Any = buildings["building"].to_numpy(dtype=object)[building]
    rows.insert(1, "building", pd.Series(codes, dtype="str"))
    return rows


def _made(
    store: Store, pieces: gpd.GeoDataFrame, fixes: gpd.GeoDataFrame, reach_m: float
) -> dict[str, pd.DataFrame]:
    """Rows of the layers that come from fixes."""
    return {
        "coverage": patrol_coverage.cover(pieces, fixes, reach_m=reach_m),
        "rounds": round_rows(fixes),
        "passes": passed_buildings(store.read("buildings"), fixes, reach_m=reach_m),
    }


def _replace(store: Store, layer: str, rows: pd.DataFrame, patrols: list[str]) -> None:
    """Nothing; puts the rows in the place of all rows of these patrols."""
    for start in range(0, len(patrols), _PATROLS_AT_ONCE):
        store.delete(layer, where={"patrol": patrols[start : start + _PATROLS_AT_ONCE]})
    store.write(layer, rows)

"""Coverage: which street pieces each patrol passed, how much of each, and how surely."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.crs import check_metric
from geo.errors import CrsError, ParameterError
from geo.patrol.matching import match
from geo.patrol.matching.calibration import calibrated
from geo.patrol.pieces import cut_pieces, expected
from geo.patrol.reach import covered_lengths
from geo.patrol.tracks import GAP_S, Segments, segments, silences
from geo.patrol.unseen import left_open
from geo.schema import LAYERS, check_frame

__all__ = ["combine", "cover", "cut_pieces", "expected"]

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

REACH_M = 20.0
"""Distance from the track within which a street counts as passed, metres: the office's rule."""

COVERED_FROM, MISSED_TO = 0.97, 0.02
"""Probabilities that decide. On simulated walks with the worker's grid known they decide 81% of the
length, 99.6% of it rightly (fixes every 5 s, errors of 3 to 10 m an axis that stay 10 to 60 s)."""

_FROM_WORST = ("missed", "cannot_tell", "covered")


def cover(
    pieces: gpd.GeoDataFrame,
    tracks: gpd.GeoDataFrame,
    *,
    reach_m: float = REACH_M,
    gap_s: float = GAP_S,
) -> pd.DataFrame:
    """Rows of the `coverage` layer: each patrol and each piece within its reach or left open.

    `covered_m` is the exact length of the piece within `reach_m` of the line through the fixes,
    gaps and impossible jumps left open: the office's rule. `probability` that half of the piece or
    more was walked is the matcher's (`matching.match`), calibrated: within reach is not walked.
    Where the phone was silent, the pieces that the worker could have walked meanwhile share what
    they can have walked, and none of them is called missed: `cannot_tell`. A piece without a row
    was further off than all this, and missed.

    Parameters
    ----------
    pieces : as `cut_pieces` makes them, projected CRS in metres
    tracks : fixes as `tracks.clean` leaves them, same CRS
    reach_m : the office's rule for passing a street, metres, > 0
    gap_s : longest silence between two fixes that is bridged, seconds, > 0

    Raises
    ------
    CrsError : a CRS is missing or in degrees, or the two differ
    ParameterError : an option is not finite and positive
    """
    check_metric(pieces, "pieces")
    _check_options(pieces, tracks, reach_m=reach_m, gap_s=gap_s)
    stretches = segments(tracks, gap_s=gap_s)
    nth, row, metres = _covered_pieces(pieces, stretches, (reach_m,))
    length = shapely.length(pieces.geometry.array)
    passed = pd.Series(np.minimum(metres[:, 0], length[row]), _pairs(nth, row), name="covered_m")
    walked = match(pieces, tracks, gap_s=gap_s).walked
    nth = pd.Index(stretches.patrols["patrol"].astype("str")).get_indexer(walked["patrol"])
    row = pd.Index(pieces["piece"].astype("str")).get_indexer(walked["piece"])
    seen = pd.Series(walked["probability"].to_numpy(), _pairs(nth, row), name="share")
    nth, row, chance = left_open(pieces.geometry.to_numpy(), silences(tracks))
    unseen = pd.Series(chance, _pairs(nth, row), name="unseen")
    found = pd.concat([passed, seen, unseen], axis=1).sort_index()
    found["seen"] = calibrated(found["share"].fillna(0.0).to_numpy(dtype=np.float64))
    return _rows(found, pieces, stretches.patrols)


def _pairs(nth: Indices, row: Indices) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([nth, row], names=["nth", "row"])


def _rows(found: pd.DataFrame, pieces: gpd.GeoDataFrame, patrols: pd.DataFrame) -> pd.DataFrame:
    """Rows of the `coverage` layer from what was seen and unseen of each (patrol, piece)."""
    rows = patrols.iloc[found.index.get_level_values("nth")].reset_index(drop=True)
    rows["piece"] = pieces["piece"].to_numpy(dtype=object)[found.index.get_level_values("row")]
    rows["covered_m"] = found["covered_m"].fillna(0.0).to_numpy()
    missed = (1.0 - found["seen"]) * (1.0 - found["unseen"].fillna(0.0))
    probability = 1.0 - missed.to_numpy(dtype=np.float64)
    verdict = verdict_of(found["seen"].to_numpy(dtype=np.float64))
    verdict[(verdict == "missed") & found["unseen"].notna().to_numpy()] = "cannot_tell"
    rows["probability"], rows["verdict"] = probability, verdict
    return check_frame(LAYERS["coverage"], rows).accepted


def combine(rows: pd.DataFrame, pieces: gpd.GeoDataFrame) -> pd.DataFrame:
    """What several patrols make of every piece: one row a piece, in the pieces' order.

    Columns `piece`, `covered_share` (the best single patrol's), `probability` (the best single
    patrol's: patrols along the same neighbouring street err alike, so that their chances must not
    be multiplied), `verdict` (the best single patrol's: covered before cannot_tell before missed)
    and `n_patrols` that have a row of it. A piece that none came near is missed with probability 0.
    """
    rank = rows["verdict"].map({name: number for number, name in enumerate(_FROM_WORST)})
    by_piece = (
        rows.assign(rank=rank.astype("float64"))
        .groupby("piece")
        .agg(
            covered_m=("covered_m", "max"),
            probability=("probability", "max"),
            rank=("rank", "max"),
            n=("patrol", "nunique"),
        )
    )
    found = by_piece.reindex(pieces["piece"].to_numpy()).fillna(0.0)
    share = found["covered_m"].to_numpy(dtype=np.float64) / pieces["length_m"].to_numpy()
    return pd.DataFrame(
        {
            "piece": pieces["piece"].to_numpy(dtype=object),
            "covered_share": np.clip(share, 0.0, 1.0),
            "probability": found["probability"].to_numpy(dtype=np.float64),
            "verdict": np.array(_FROM_WORST, dtype=object)[found["rank"].to_numpy().astype(int)],
            "n_patrols": found["n"].to_numpy().astype(np.int64),
        }
    ).astype({"piece": "str", "verdict": "str"})


def verdict_of(probability: Floats) -> npt.NDArray[np.object_]:
    """`covered`, `missed` or `cannot_tell` for each probability."""
    verdict = np.full(len(probability), "cannot_tell", dtype=object)
    verdict[probability >= COVERED_FROM] = "covered"
    verdict[probability <= MISSED_TO] = "missed"
    return verdict


def _covered_pieces(
    pieces: gpd.GeoDataFrame, stretches: Segments, reaches_m: tuple[float, ...]
) -> tuple[Indices, Indices, Floats]:
    """(patrol, piece, metres within each reach) for pieces within the widest of them."""
    edges, piece = _edges(pieces)
    patrol, edge, metres = covered_lengths(
        edges, stretches.ends, stretches.patrol, reaches_m=reaches_m
    )
    if not len(patrol):
        return patrol, edge, metres
    key = patrol * len(pieces) + piece[edge]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    keys = key[starts]
    return keys // len(pieces), keys % len(pieces), np.add.reduceat(metres, starts, axis=0)


def _edges(pieces: gpd.GeoDataFrame) -> tuple[Floats, Indices]:
    """Straight edges of the pieces, (m, 4), and the piece of each, ascending."""
    parts, owner = shapely.get_parts(pieces.geometry.array, return_index=True)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    is_edge = (part[1:] == part[:-1]) & (xy[1:] != xy[:-1]).any(axis=1)
    return np.hstack([xy[:-1], xy[1:]])[is_edge], owner[part[1:][is_edge]]


def _check_options(
    pieces: gpd.GeoDataFrame, tracks: gpd.GeoDataFrame, *, reach_m: float, gap_s: float
) -> None:
    if pieces.crs != tracks.crs:
        raise CrsError(
            "crs.mismatch",
            f"pieces and tracks must share one CRS; got {pieces.crs} and {tracks.crs}. "
            "Reproject with `crs.to_metric`.",
            left=str(pieces.crs),
            right=str(tracks.crs),
        )
    for name, value in (("reach_m", reach_m), ("gap_s", gap_s)):
        if not (math.isfinite(value) and value > 0):
            raise ParameterError(
                "parameter.not_positive",
                f"`{name}` must be finite and above 0; got {value}.",
                name=name,
                value=value,
            )

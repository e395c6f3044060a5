"""Street pieces: streets cut into short lengths, and the grid that answers for each."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.crs import check_metric
from geo.errors import ParameterError
from geo.incidents.attribution import locate
from geo.schema import LAYERS, check_frame


def cut_pieces(streets: gpd.GeoDataFrame, *, max_length_m: float = 50.0) -> gpd.GeoDataFrame:
    """Rows of the `pieces` layer: every street cut into equal pieces of at most that length.

    A part of a street of length s gives ceil(s / max_length_m) pieces; their codes are the
    street's with -001, -002 ... along it. The pieces of a street add up to its length. A street
    without length has no piece.

    Parameters
    ----------
    streets : lines with `street`, projected CRS in metres
    max_length_m : longest piece, metres, > 0

    Raises
    ------
    CrsError : the CRS is missing or in degrees
    ParameterError : the length is not finite and positive
    """
    check_metric(streets, "streets")
    if not (math.isfinite(max_length_m) and max_length_m > 0):
        raise ParameterError(
            "parameter.not_positive",
            f"`max_length_m` must be finite and above 0; got {max_length_m}. Give it in metres.",
            name="max_length_m",
            value=max_length_m,
        )
    parts, street = shapely.get_parts(streets.geometry.array, return_index=True)
    length = shapely.length(parts)
    parts, street, length = parts[length > 0], street[length > 0], length[length > 0]
    n_pieces = np.ceil(length / max_length_m - 1e-9).astype(np.int64).clip(min=1)
    lines = _cut(parts, length, n_pieces)
    owner = np.repeat(street, n_pieces)
    number = pd.Series(owner).groupby(owner).cumcount().to_numpy() + 1
    codes = streets["street"].to_numpy(dtype=object)[owner]
    pieces = gpd.GeoDataFrame(
        {
            "piece": [f"{code}-{n:03d}" for code, n in zip(codes, number, strict=True)],
            "street": codes,
            "length_m": shapely.length(lines),
        },
        geometry=lines,
        crs=streets.crs,
    )
    return check_frame(LAYERS["pieces"], pieces).accepted


def expected(pieces: gpd.GeoDataFrame, grids: gpd.GeoDataFrame) -> pd.Series:
    """The grid whose round should visit each piece: the one that holds its middle.

    Half-open as in attribution, so that a street along a border is asked of one grid only; null
    where the middle lies in no grid. Indexed as `pieces`.
    """
    middles = shapely.line_interpolate_point(pieces.geometry.array, 0.5, normalized=True)
    position = locate(middles, grids.geometry.array, codes=grids["grid"])
    found = np.full(len(pieces), None, dtype=object)
    found[position >= 0] = grids["grid"].to_numpy(dtype=object)[position[position >= 0]]
    return pd.Series(found, index=pieces.index, name="grid", dtype="str")


def surroundings(
    pieces: gpd.GeoDataFrame, tracks: gpd.GeoDataFrame, *, margin_m: float
) -> pd.DataFrame:
    """Each patrol with every piece around it: columns `patrol` and `piece`.

    Around is the bounding box of the patrol's fixes, widened by `margin_m` metres.
    """
    xy = shapely.get_coordinates(tracks.geometry.array)
    ends = pd.DataFrame(xy, columns=["x", "y"]).groupby(tracks["patrol"].to_numpy())
    low, high = ends.min() - margin_m, ends.max() + margin_m
    boxes = shapely.box(low["x"], low["y"], high["x"], high["y"])
    patrol, piece = shapely.STRtree(pieces.geometry.to_numpy()).query(boxes)
    order = np.lexsort((piece, patrol))
    return pd.DataFrame(
        {
            "patrol": low.index.to_numpy(dtype=object)[patrol[order]],
            "piece": pieces["piece"].to_numpy(dtype=object)[piece[order]],
        }
    ).astype("str")


def _cut(parts: np.ndarray, length: np.ndarray, n_pieces: np.ndarray) -> np.ndarray:
    """Every line cut into its number of equal pieces, in order."""
    xy, part = shapely.get_coordinates(parts, return_index=True)
    is_later = part[1:] == part[:-1]
    step = np.where(is_later, np.hypot(*(xy[1:] - xy[:-1]).T), 0.0)
    along = np.concatenate([[0.0], np.cumsum(step)]) if len(xy) else np.zeros(0)
    along -= along[np.searchsorted(part, np.arange(len(parts)))][part]
    cut_part = np.repeat(np.arange(len(parts)), n_pieces - 1)
    cut_number = np.arange(len(cut_part)) - np.repeat(
        np.cumsum(n_pieces - 1) - (n_pieces - 1), n_pieces - 1
    )
    cut_along = (cut_number + 1) * (length / n_pieces)[cut_part]
    cut_xy = shapely.get_coordinates(shapely.line_interpolate_point(parts[cut_part], cut_along))
    # Each cut stands twice: as the end of one piece (order 0) and the start of the next (1).
    all_part = np.concatenate([part, cut_part, cut_part])
    all_along = np.concatenate([along, cut_along, cut_along])
    starts = np.concatenate([np.zeros(len(part) + len(cut_part)), np.ones(len(cut_part))])
    order = np.lexsort([starts, all_along, all_part])
    joined = np.concatenate([xy, cut_xy, cut_xy])[order]
    is_start = starts[order].astype(bool)
    is_start[1:] |= np.diff(all_part[order]) > 0
    lines: np.ndarray = shapely.linestrings(joined, indices=np.cumsum(is_start))
    return lines

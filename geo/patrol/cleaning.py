"""Cleaning: every fix of a phone judged by one documented model, with a reason for each.

Nothing is lost: `judge` returns every row given, `clean_report` counts them by reason, and what is
kept and what is left out add up to what was read. In this order a fix is

`no_place`, `no_time`  left out: no finite point, no time
`elsewhere`    left out: further than `far_m` from the area given
`inaccurate`   left out: the phone itself says it may be off by more than `worst_accuracy_m`
`duplicate`    left out: the same patrol, instant and place again
`clock_hours`  kept: a part of the track set right by the whole hours its clock had jumped
`clock_back`   left out: by the phone's own count (`sequence`) its time runs backwards
`second_phone` kept, as a patrol of its own (code + `~2`): two phones report under one code
`same_time`    left out: one phone in two places at one instant
`jump`         left out: reached and left faster than `max_speed_mps`, its neighbours at less
`drift`        left out: an excursion of a phone that stands, as they happen indoors
`kept`         kept
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.crs import check_metric
from geo.errors import CrsError, ParameterError
from geo.patrol import cleaning_model as model

MAX_SPEED_MPS = 8.0
"""Fastest a patrol moves, metres a second: an e-bike at its legal 25 km/h is 6.9."""

WORST_ACCURACY_M = 100.0
"""A phone's own accuracy above which a fix is that of a mast, not of a satellite, metres."""

FAR_M = 20_000.0
"""Distance from the area beyond which a fix belongs to some other trip, metres."""

REASONS = (
    "kept",
    "clock_hours",
    "second_phone",
    "no_place",
    "no_time",
    "elsewhere",
    "inaccurate",
    "duplicate",
    "clock_back",
    "same_time",
    "jump",
    "drift",
)
KEPT = frozenset(REASONS[:3])
"""The reasons of fixes that are kept: the first three of `REASONS`."""

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]


def judge(
    tracks: gpd.GeoDataFrame,
    *,
    max_speed_mps: float = MAX_SPEED_MPS,
    worst_accuracy_m: float = WORST_ACCURACY_M,
    area: shapely.Geometry | None = None,
    far_m: float = FAR_M,
) -> gpd.GeoDataFrame:
    """Every fix in the order given, with its `reason`; `at` and `patrol` set right where kept so.

    The order of rows tells nothing; where the phone gives its own count it is read from `sequence`.

    Parameters
    ----------
    tracks : rows of the `tracks` layer, projected CRS in metres
    max_speed_mps : fastest move of a patrol, metres a second, > 0
    worst_accuracy_m : largest `accuracy_m` that is kept, metres, > 0; read where there is one
    area : where the office works, same CRS; None judges no place
    far_m : distance from `area` beyond which a fix is `elsewhere`, metres, > 0

    Raises
    ------
    CrsError : the CRS is missing or in degrees
    ParameterError : an option is not finite and positive
    """
    check_metric(tracks, "tracks")
    check_positive(max_speed_mps=max_speed_mps, worst_accuracy_m=worst_accuracy_m, far_m=far_m)
    reason = np.zeros(len(tracks), dtype=np.int8)
    xy = _places(tracks)
    second = seconds(tracks["at"])
    reason[np.isnan(second)] = REASONS.index("no_time")
    reason[np.isnan(xy[:, 0])] = REASONS.index("no_place")
    if area is not None:
        is_far = ~shapely.dwithin(area, tracks.geometry.to_numpy(), far_m)
        reason[is_far & (reason == 0)] = REASONS.index("elsewhere")
    if "accuracy_m" in tracks:
        is_rough = (tracks["accuracy_m"] > worst_accuracy_m).to_numpy(dtype=bool, na_value=False)
        reason[is_rough & (reason == 0)] = REASONS.index("inaccurate")
    patrol, _ = tracks["patrol"].factorize(sort=True)
    shift_h, strand = np.zeros(len(tracks), dtype=np.int8), np.zeros(len(tracks), dtype=np.int8)
    sequence = _sequence(tracks)
    usable = np.flatnonzero(reason == 0)
    if 0 < len(usable) < len(tracks):
        xy, second, patrol = xy[usable], second[usable], patrol[usable]
        sequence = sequence[usable] if len(sequence) else sequence
    if len(usable):
        found = _judge_usable(xy, second, patrol, sequence, max_speed_mps)
        reason[usable], shift_h[usable], strand[usable] = found
    return _judged(tracks, reason, shift_h, strand)


def clean_report(judged: pd.DataFrame) -> pd.DataFrame:
    """What became of the fixes: one row a reason that occurs, `reason`, `is_kept`, `n`.

    The `n` of all rows add up to the fixes read.

    Parameters
    ----------
    judged : as `judge` returns them
    """
    counts = judged["reason"].value_counts().reindex(list(REASONS), fill_value=0)
    counts = counts[counts > 0]
    return pd.DataFrame(
        {
            "reason": counts.index.astype("str"),
            "is_kept": [name in KEPT for name in counts.index],
            "n": counts.to_numpy().astype(np.int64),
        }
    )


def check_positive(**options: float) -> None:
    """Nothing when every option is finite and above 0."""
    for name, value in options.items():
        if not (np.isfinite(value) and value > 0):
            raise ParameterError(
                "parameter.not_positive",
                f"`{name}` must be finite and above 0; got {value}.",
                name=name,
                value=value,
            )


def check_same_crs(left: gpd.GeoDataFrame, right: gpd.GeoDataFrame, *names: str) -> None:
    """Nothing when both frames share one CRS in metres."""
    check_metric(left, names[0])
    check_metric(right, names[1])
    if left.crs != right.crs:
        raise CrsError(
            "crs.mismatch",
            f"{names[0]} and {names[1]} must share one CRS; got {left.crs} and {right.crs}. "
            "Reproject with `crs.to_metric`.",
            left=str(left.crs),
            right=str(right.crs),
        )


def seconds(instants: pd.Series) -> Floats:
    """Seconds since the first of the instants, NaN where there is none."""
    if not len(instants):
        return np.zeros(0)
    since: pd.Series = (instants - instants.min()).dt.total_seconds()
    found: Floats = since.to_numpy(dtype=np.float64)
    return found


def time_order(patrol: Indices, second: Floats, xy: Floats) -> Indices:
    """Positions by patrol, time and, at one instant, place: the same for every row order."""
    is_later = (patrol[1:] > patrol[:-1]) | (
        (patrol[1:] == patrol[:-1]) & (second[1:] > second[:-1])
    )
    if is_later.all():
        return np.arange(len(patrol))
    return np.lexsort((xy[:, 1], xy[:, 0], second, patrol)).astype(np.int64)


def bounds_of(patrol: Indices) -> Indices:
    """Where each patrol begins in an ordered array, and the end of the last."""
    if not len(patrol):
        return np.zeros(1, dtype=np.int64)
    starts = np.flatnonzero(np.diff(patrol)) + 1
    return np.concatenate([[0], starts, [len(patrol)]]).astype(np.int64)


def _places(tracks: gpd.GeoDataFrame) -> Floats:
    """Coordinates, (n, 2), NaN where there is no finite point."""
    points = tracks.geometry.to_numpy()
    xy = np.column_stack([shapely.get_x(points), shapely.get_y(points)])
    xy[~np.isfinite(xy).all(axis=1)] = np.nan
    return xy


def _sequence(tracks: gpd.GeoDataFrame) -> Floats:
    """The phone's own count of its fixes; none of them where it gives none."""
    if "sequence" not in tracks:
        return np.zeros(0)
    counted: Floats = tracks["sequence"].to_numpy(dtype=np.float64, na_value=np.nan)
    return counted


def _judge_usable(
    xy: Floats, second: Floats, patrol: Indices, sequence: Floats, max_speed_mps: float
) -> tuple[Codes, Codes, Codes]:
    """Reason, hours to add and strand of fixes that have a place and a time."""
    order = time_order(patrol, second, xy)
    shift_h = np.zeros(len(xy), dtype=np.int8)
    x, y, t = xy[order, 0], xy[order, 1], second[order]
    bounds = bounds_of(patrol[order])
    hours = model.hour_jumps(x, y, t, bounds, max_speed_mps)
    if hours.any():
        shift_h[order] = hours
        second = second + 3600.0 * shift_h
        order = time_order(patrol, second, xy)
        x, y, t = xy[order, 0], xy[order, 1], second[order]
    counted = sequence[order] if len(sequence) else sequence
    code, strand = model.judge_ordered(x, y, t, counted, bounds, max_speed_mps)
    reason, strands = np.empty(len(xy), np.int8), np.empty(len(xy), np.int8)
    reason[order] = code
    strands[order] = strand
    reason[(reason == 0) & (strands > 0)] = REASONS.index("second_phone")
    reason[(reason == 0) & (shift_h != 0)] = REASONS.index("clock_hours")
    return reason, shift_h, strands


def _judged(
    tracks: gpd.GeoDataFrame, reason: Codes, shift_h: Codes, strand: Codes
) -> gpd.GeoDataFrame:
    judged = tracks.copy(deep=False)  # columns are replaced, never written into
    if shift_h.any():
        judged["at"] = judged["at"] + pd.to_timedelta(shift_h.astype(np.int64), unit="h")
    apart = np.flatnonzero(strand > 0)
    if len(apart):
        codes = judged["patrol"].to_numpy(dtype=object).copy()
        codes[apart] = [f"{codes[row]}~{strand[row] + 1}" for row in apart]
        judged["patrol"] = pd.array(codes, dtype="str")
    judged["reason"] = pd.Categorical.from_codes(reason, categories=list(REASONS))
    return judged

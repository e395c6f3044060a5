"""Signs of tampering: listed with their evidence for a person to judge, never punished.

Each has an innocent reading too, so that no figure of coverage reads them:

`teleport`       a fix too far from the one before for any vehicle of a patrol
`mock`           the phone itself says that a place was fed to it (`is_mock`)
`replay`         two rounds with the same noise: the path, fix for fix, of another round
`two_phones`     two workers' phones that keep together: one may carry both, or they walk together
`two_phones_one_code`  two phones report under one patrol code at the same time
`regular`        fixes as no phone gives them: straight on to a hand's breadth, evenly spaced
`vehicle`        driven for minutes
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from geo.patrol import tampering_model as model
from geo.patrol.cleaning import check_positive, judge
from geo.patrol.stops import GAP_S, Ordered, ordered

SIGNS = (
    "teleport",
    "mock",
    "replay",
    "two_phones",
    "two_phones_one_code",
    "regular",
    "vehicle",
)

VEHICLE_MPS = 8.0
"""Net speed over a minute that no worker on foot or e-bike keeps (25 km/h is 6.9), m/s."""

VEHICLE_S = 120.0
"""Shortest drive that is a sign, seconds."""

TELEPORT_M, SPIKE_M = 50.0, 250.0
"""What a step exceeds the reach of `VEHICLE_MPS` by, metres; and a single fix off and back, which
reflections from buildings give honestly up to some 200 m."""

REGULAR_SHARE, REGULAR_N = 0.5, 24
"""Share of regular steps that is a sign, of at least so many steps (two minutes at 5 s)."""

REPLAY_N, REPLAY_M, REPLAY_S = 20, 60.0, 90.0
"""Moving fixes, metres and seconds that two rounds have alike."""

REPLAY_SHARE, REPLAY_STEP_SHARE = 0.6, 0.9
"""Share of the stretch copied that is alike by place, or by step; ten phones in one car, which have
only the path in common, mostly reach a tenth of it."""

REPLAY_AWAY_M, REPLAY_STEP_M = 2.5, 0.5
"""Alike by place, or by step where the copy was moved, metres. Honest rounds have noise of 3 to
10 m each."""

_VOTES = 8
"""Steps of one key and one shift before two rounds are compared fix by fix."""

TOGETHER_S, TOGETHER_M, TOGETHER_SHARE = 600.0, 25.0, 0.8
"""Time for which two phones move, distance of their half-minute means, share of it together."""

_BIN_S = 30.0

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

_COLUMNS = ("track", "first", "last", "n_fixes", "distance_m", "speed_mps", "share", "other")


def tamper_signs(
    fixes: gpd.GeoDataFrame,
    *,
    vehicle_mps: float = VEHICLE_MPS,
    vehicle_s: float = VEHICLE_S,
    teleport_m: float = TELEPORT_M,
    spike_m: float = SPIKE_M,
    regular_share: float = REGULAR_SHARE,
) -> pd.DataFrame:
    """One row a sign found, by patrol, sign and time.

    Columns `patrol`, `worker`, `sign` (of `SIGNS`), `at`, `until`, and the evidence, NaN or null
    where it does not apply: `n_fixes` that show it, `distance_m`, `speed_mps`, `share`, `other`
    (the patrol it was compared with; a replay or a pair of phones has one row for each of the two).

    Parameters
    ----------
    fixes : rows of the `tracks` layer as they came (not cleaned), projected CRS in metres; the
        phone's own flag is read from `is_mock` where there is one
    vehicle_mps : net speed that tells a vehicle, metres a second, > 0
    vehicle_s : shortest drive that is a sign, seconds, > 0
    teleport_m, spike_m : excess of a lasting and of a single step over that speed, metres, > 0
    regular_share : share of regular steps that is a sign, > 0

    Raises
    ------
    CrsError : the CRS is missing or in degrees
    ParameterError : an option is not finite and positive
    """
    check_positive(
        vehicle_mps=vehicle_mps,
        vehicle_s=vehicle_s,
        teleport_m=teleport_m,
        spike_m=spike_m,
        regular_share=regular_share,
    )
    judged = judge(fixes)
    placed = judged[~judged["reason"].isin(("no_place", "no_time", "duplicate", "same_time"))]
    tracks = ordered(placed)
    jumps = model.teleports(
        tracks.x, tracks.y, tracks.second, tracks.bounds, vehicle_mps, teleport_m, spike_m
    )
    found = {
        "teleport": _teleports(tracks, jumps),
        "mock": _flagged(tracks, _mock(placed)),
        "replay": _replays(tracks),
        "two_phones": _two_phones(tracks),
        "two_phones_one_code": _flagged(
            tracks, (placed["reason"] == "second_phone").to_numpy(dtype=bool)
        ),
        "regular": _regular(tracks, regular_share),
        "vehicle": _vehicles(tracks, jumps, vehicle_mps, vehicle_s),
    }
    return _signs(placed, tracks, found)


def _signs(
    placed: gpd.GeoDataFrame, tracks: Ordered, found: dict[str, pd.DataFrame]
) -> pd.DataFrame:
    rows = pd.concat(
        [part.assign(sign=name) for name, part in found.items()], ignore_index=True
    ).astype({"track": "int64", "first": "int64", "last": "int64", "other": "int64"})
    at, worker = placed["at"], placed["worker"]
    first = tracks.order[rows["first"].to_numpy()]
    last = tracks.order[rows["last"].to_numpy()]
    other = rows["other"].to_numpy()
    names = np.array([*tracks.patrols, None], dtype=object)
    signs = pd.DataFrame(
        {
            "patrol": pd.array(tracks.patrols[rows["track"].to_numpy()], dtype="str"),
            "worker": pd.array(worker.iloc[first].to_numpy(dtype=object), dtype="str"),
            "sign": rows["sign"].astype("str"),
            "at": at.iloc[first].array,
            "until": at.iloc[last].array,
            "n_fixes": rows["n_fixes"].astype("int64"),
            "distance_m": rows["distance_m"].astype("float64"),
            "speed_mps": rows["speed_mps"].astype("float64"),
            "share": rows["share"].astype("float64"),
            "other": pd.array(names[other], dtype="str"),
        }
    )
    return signs.sort_values(["patrol", "sign", "at", "other"], ignore_index=True)


def _found(track: Indices, first: Indices, last: Indices, **evidence: object) -> pd.DataFrame:
    """Rows of evidence in the columns of `_COLUMNS`."""
    rows = {"track": track, "first": first, "last": last, "other": -1, "n_fixes": 0}
    rows |= {"distance_m": np.nan, "speed_mps": np.nan, "share": np.nan} | evidence
    return pd.DataFrame(rows, index=range(len(track)), columns=list(_COLUMNS))


def _track_of(tracks: Ordered) -> Indices:
    """Track of every ordered fix."""
    return np.repeat(np.arange(len(tracks.patrols)), np.diff(tracks.bounds))


def _teleports(tracks: Ordered, jumps: Indices) -> pd.DataFrame:
    away = np.hypot(tracks.x[jumps] - tracks.x[jumps - 1], tracks.y[jumps] - tracks.y[jumps - 1])
    took = tracks.second[jumps] - tracks.second[jumps - 1]
    owner = _track_of(tracks)[jumps]
    speed = away / np.maximum(took, 0.001)
    return _found(owner, jumps - 1, jumps, n_fixes=1, distance_m=away, speed_mps=speed)


def _mock(placed: gpd.GeoDataFrame) -> npt.NDArray[np.bool_]:
    if "is_mock" not in placed:
        return np.zeros(len(placed), dtype=bool)
    flag: npt.NDArray[np.bool_] = (
        placed["is_mock"].astype("boolean").to_numpy(dtype=bool, na_value=False)
    )
    return flag


def _flagged(tracks: Ordered, is_flagged: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """One row a track with flagged fixes: how many, and their share."""
    rows = np.flatnonzero(is_flagged[tracks.order])
    owner = _track_of(tracks)[rows]
    track, first, n = np.unique(owner, return_index=True, return_counts=True)
    size = np.diff(tracks.bounds)[track]
    return _found(track, rows[first], rows[first + n - 1], n_fixes=n, share=n / size)


def _regular(tracks: Ordered, regular_share: float) -> pd.DataFrame:
    judged, regular = model.regular_steps(tracks.x, tracks.y, tracks.second, tracks.bounds)
    share = regular / np.maximum(judged, 1)
    track = np.flatnonzero((judged >= REGULAR_N) & (share >= regular_share))
    return _found(
        track,
        tracks.bounds[track],
        tracks.bounds[track + 1] - 1,
        n_fixes=regular[track],
        share=share[track],
    )


def _vehicles(
    tracks: Ordered, jumps: Indices, vehicle_mps: float, vehicle_s: float
) -> pd.DataFrame:
    track, first, last = model.fast_runs(
        tracks.x, tracks.y, tracks.second, tracks.bounds, vehicle_mps, GAP_S, vehicle_s, jumps
    )
    steps = np.append(0.0, np.cumsum(np.hypot(np.diff(tracks.x), np.diff(tracks.y))))
    metres = steps[last] - steps[first] if len(track) else np.zeros(0)
    took = tracks.second[last] - tracks.second[first]
    return _found(
        track, first, last, n_fixes=last - first + 1, distance_m=metres, speed_mps=metres / took
    )


def _replays(tracks: Ordered) -> pd.DataFrame:
    """Pairs of rounds alike fix for fix: in place first, then, where moved, in their steps."""
    by_place = _copies(tracks, side_m=4.0, away_m=REPLAY_AWAY_M, is_placed=True)
    by_step = _copies(tracks, side_m=0.5, away_m=REPLAY_STEP_M, is_placed=False)
    both = pd.concat([by_place, by_step], ignore_index=True)
    both = both.drop_duplicates(["track", "other"])
    return both


def _copies(tracks: Ordered, *, side_m: float, away_m: float, is_placed: bool) -> pd.DataFrame:
    owner = _track_of(tracks).astype(np.int64)
    keys, rows = model.path_keys(tracks.x, tracks.y, owner, side_m, is_placed)
    pairs, shifts = model.votes(keys, rows, np.argsort(keys, kind="stable"), tracks.second, owner)
    candidates = _candidates(pairs, shifts)
    found = []
    n_tracks = int(owner[-1]) + 1 if len(owner) else 1
    for pair, shift in candidates:
        left, right = divmod(int(pair), n_tracks)
        n, metres, first, last, share = model.same_steps(
            tracks.x, tracks.y, tracks.second, tracks.bounds, left, right, shift, away_m, is_placed
        )
        least_share = REPLAY_SHARE if is_placed else REPLAY_STEP_SHARE
        is_short = n < REPLAY_N or metres < REPLAY_M
        if is_short or tracks.second[last] - tracks.second[first] < REPLAY_S or share < least_share:
            continue
        later = np.searchsorted(
            tracks.second[tracks.bounds[right] : tracks.bounds[right + 1]],
            tracks.second[[first, last]] + shift,
        )
        later = np.minimum(later + tracks.bounds[right], tracks.bounds[right + 1] - 1)
        found.append((left, first, last, n, metres, np.nan, share, right))
        found.append((right, later[0], later[1], n, metres, np.nan, share, left))
    return pd.DataFrame(found, columns=list(_COLUMNS))


def _candidates(pairs: Indices, shifts: Indices) -> list[tuple[int, float]]:
    """Pair of tracks and the shift that most of its keys have, where enough of them agree."""
    if not len(pairs):
        return []
    counted = pd.DataFrame({"pair": pairs, "shift": shifts}).value_counts(sort=False).reset_index()
    counted = counted.sort_values(["pair", "count", "shift"], ascending=[True, False, True])
    best = counted[counted["count"] >= _VOTES].drop_duplicates("pair")
    return [(int(pair), float(shift)) for pair, shift in best[["pair", "shift"]].to_numpy()]


def _two_phones(tracks: Ordered) -> pd.DataFrame:
    """Pairs of two workers' tracks that move together, by means of half a minute."""
    owner = _track_of(tracks)
    bins = pd.DataFrame(
        {
            "bin": np.floor(tracks.second / _BIN_S).astype(np.int64),
            "track": owner,
            "x": tracks.x,
            "y": tracks.y,
        }
    )
    means = bins.groupby(["track", "bin"], sort=True)[["x", "y"]].mean().reset_index()
    step = np.hypot(means["x"].diff(), means["y"].diff()).to_numpy()
    means["metres"] = np.where(means["track"].diff().to_numpy() == 0, step, 0.0)
    near = _near_pairs(means, tracks)
    if not len(near):
        return _found(*(np.zeros(0, np.int64),) * 3)
    rows = []
    for pair in near.itertuples():
        left, right = int(pair.left), int(pair.right)
        both = means[means["track"] == left].merge(
            means[means["track"] == right], on="bin", suffixes=("", "_r")
        )
        away = np.hypot(both["x"] - both["x_r"], both["y"] - both["y_r"]).to_numpy()
        is_moving = ((both["metres"] > 15.0) | (both["metres_r"] > 15.0)).to_numpy()
        n, is_near = int(is_moving.sum()), (away <= TOGETHER_M) & is_moving
        if n * _BIN_S < TOGETHER_S or is_near.sum() < TOGETHER_SHARE * n:
            continue
        share, metres = is_near.sum() / n, float(both["metres"].to_numpy()[is_near].sum())
        when = both["bin"].to_numpy()[is_near][[0, -1]] * _BIN_S + [0.0, _BIN_S]
        for one, two in ((left, right), (right, left)):
            a, b = tracks.bounds[one], tracks.bounds[one + 1]
            span = np.searchsorted(tracks.second[a:b], when) + a
            first, last = np.minimum(span, b - 1)
            rows.append((one, first, last, int(last - first + 1), metres, np.nan, share, two))
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _near_pairs(means: pd.DataFrame, tracks: Ordered) -> pd.DataFrame:
    """Pairs of tracks of two phones that share enough squares of 50 m in one half minute."""
    side = 2.0 * TOGETHER_M
    parts = []
    for shift_x in (0.0, 0.5):
        for shift_y in (0.0, 0.5):
            square = means.assign(
                col=np.floor(means["x"] / side + shift_x), row=np.floor(means["y"] / side + shift_y)
            )[["bin", "col", "row", "track"]]
            parts.append(square.merge(square, on=["bin", "col", "row"], suffixes=("", "_r")))
    pairs = pd.concat(parts, ignore_index=True)
    left, right = pairs["track"].to_numpy(), pairs["track_r"].to_numpy()
    is_pair = (left < right) & (tracks.phone[left] != tracks.phone[right])
    pairs = pairs[is_pair].drop_duplicates(["bin", "track", "track_r"])
    counted = pairs.groupby(["track", "track_r"]).size().reset_index(name="n")
    counted = counted[counted["n"] * _BIN_S >= TOGETHER_S * TOGETHER_SHARE]
    return counted.rename(columns={"track": "left", "track_r": "right"})

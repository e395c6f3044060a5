"""Tracks matched to the walking network: which pieces each patrol walked, with what chance."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.crs import check_metric
from geo.errors import CrsError, ParameterError
from geo.patrol.matching import explaining, noise
from geo.patrol.matching.motion import WALKING, Motion
from geo.patrol.matching.network import Network, network
from geo.patrol.matching.walking import EXP_TABLE, KEEP, SAMPLES, SIGMA, SPEED, TAU
from geo.patrol.tracks import GAP_S

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Masks = npt.NDArray[np.uint64]

NOISE_ROUNDS = 4
"""Times that the noise is estimated anew; more change the score of simulated walks by 0.002."""

NOISE_FIXES = 1500
"""Fixes of a worker, about, that the noise is estimated from: three rounds of 40 minutes."""


@dataclass(frozen=True)
class Matched:
    """What the walks that explain each track passed; means over 64 sampled walks a patrol.

    walked : a row a patrol and piece that any sample touched: `patrol`, `piece`, `probability`
        (that half of it or more was walked, at any time), `walked_m`, `seconds` spent on it
    walks : (rows of `walked`,) 64 bits; bit s is set where sample s walked the piece
    rounds : a row a patrol: `patrol`, `worker`, `length_m` walked on the network, `walking_s`,
        `standing_s`
    noise : a row a worker (and grid, where these are matched apart): `worker`, `sigma_m` an axis,
        `time_constant_s`, `speed_mps`
    piece, offset_m : for each row of the tracks, as given, the row of `pieces` it is matched to
        and the metres along it; -1 and NaN off the network. A fix passed over has its follower's.
    """

    walked: pd.DataFrame
    walks: Masks
    rounds: pd.DataFrame
    noise: pd.DataFrame
    piece: Indices
    offset_m: Floats

    def by_corridor(self, pieces: gpd.GeoDataFrame, labels: Indices) -> pd.DataFrame:
        """Rows `patrol`, `corridor`, `probability` that any of its pieces was walked."""
        row = pd.Index(pieces["piece"]).get_indexer(self.walked["piece"])
        keys = pd.DataFrame({"patrol": self.walked["patrol"], "corridor": labels[row]})
        order = np.lexsort([keys["corridor"], keys["patrol"]])
        keys, walks = keys.iloc[order].reset_index(drop=True), self.walks[order]
        first = np.flatnonzero(~keys.duplicated().to_numpy())
        joined = np.bitwise_or.reduceat(walks, first) if len(first) else walks
        found = keys.iloc[first].reset_index(drop=True)
        return found.assign(probability=np.bitwise_count(joined) / SAMPLES)


def match(
    pieces: gpd.GeoDataFrame,
    tracks: gpd.GeoDataFrame,
    *,
    motion: Motion = WALKING,
    gap_s: float = GAP_S,
    seed: int = 0,
) -> Matched:
    """The walks on the network of the pieces that explain the tracks.

    Hidden Markov model with GPS noise that stays for a while (first-order autoregressive), its
    size and time constant estimated for each worker; forward filtering, backward sampling. A
    silence of up to `gap_s` is walked through; after a longer one the walk begins anew.

    Parameters
    ----------
    pieces : as `cut_pieces` makes them, projected CRS in metres; pieces meet where ends or corners
        come within 0.1 m
    tracks : fixes with `patrol`, `worker`, `at`, same CRS, in any order. Where both have `grid`,
        a grid's fixes are matched to its own pieces alone: its worker turns back at the border
    motion : how the patrols move
    gap_s : longest silence that is walked through, seconds, > 0
    seed : of the sampled walks; a patrol's depend on it and on its code, not on other patrols

    Raises
    ------
    CrsError : a CRS is missing or in degrees, or the two differ
    ParameterError : `gap_s` is not finite and positive
    """
    check_inputs(pieces, tracks, gap_s=gap_s)
    if "grid" not in pieces.columns or "grid" not in tracks.columns or tracks.empty:
        return _match_all(pieces, tracks, motion, gap_s, seed)
    fixes = tracks.reset_index(drop=True)
    parts = []
    for name, own in fixes.groupby("grid", sort=True, dropna=False):
        chosen = np.flatnonzero((pieces["grid"] == name).to_numpy(dtype=bool, na_value=False))
        matched = _match_all(pieces.iloc[chosen], own, motion, gap_s, seed)
        rows = np.append(chosen, -1)[matched.piece]
        parts.append((own.index.to_numpy(), replace(matched, piece=rows)))
    return _joined(parts, len(tracks))


def _match_all(
    pieces: gpd.GeoDataFrame, tracks: gpd.GeoDataFrame, motion: Motion, gap_s: float, seed: int
) -> Matched:
    """`match` of all fixes to all pieces."""
    held = ~(shapely.is_missing(tracks.geometry.array) | shapely.is_empty(tracks.geometry.array))
    xy = np.full((len(tracks), 2), np.nan)
    xy[held] = shapely.get_coordinates(tracks.geometry.array[held])
    lines, xy = _centred(pieces, xy)
    net = network(lines, cell_m=motion.cell_m, radius_m=motion.radius_m, turn_share=motion.turn)
    patrol, names = pd.factorize(tracks["patrol"], sort=True)
    second = (tracks["at"] - tracks["at"].min()).dt.total_seconds().to_numpy(dtype=np.float64)
    order = np.lexsort([xy[:, 1], xy[:, 0], second, patrol])
    order = order[held[order] & (patrol[order] >= 0)]
    bounds = np.searchsorted(patrol[order], np.arange(len(names) + 1))
    rounds = tracks.assign(nth=patrol).drop_duplicates("nth").set_index("nth")
    rounds = rounds.reindex(np.arange(len(names)))[["patrol", "worker"]]
    worker, workers = pd.factorize(rounds["worker"], use_na_sentinel=False)
    run = _Run(net, xy[order, 0], xy[order, 1], second[order], gap_s, len(pieces))
    seeds = np.array([zlib.crc32(f"{seed}:{name}".encode()) for name in names], dtype=np.uint64)
    params = _estimated(run, bounds, worker.astype(np.int64), seeds, motion)
    found = run.explain(bounds, params, seeds)
    return _matched(found, net, pieces, rounds, workers, worker, params, order, len(tracks))


@dataclass(frozen=True)
class _Run:
    net: Network
    x: Floats
    y: Floats
    second: Floats
    gap_s: float
    n_pieces: int

    def explain(
        self, bounds: Indices, params: Floats, seeds: Masks
    ) -> tuple[npt.NDArray[Any], ...]:
        net = self.net
        piece_first = np.searchsorted(net.piece, np.arange(self.n_pieces + 1))
        found: tuple[npt.NDArray[Any], ...] = explaining.explain(
            bounds, self.x, self.y, self.second, params, self.gap_s, seeds,
            net.x, net.y, net.length, net.piece, net.start, net.target, net.step_m,
            net.quarters, net.gain, net.parent,
            net.square_start, net.squares, net.lattice, EXP_TABLE, piece_first,
        )  # fmt: skip
        return found

    def part(self, chosen: Indices, bounds: Indices) -> tuple[_Run, Indices]:
        """The run and the bounds of some of the patrols."""
        rows = np.concatenate([np.arange(bounds[k], bounds[k + 1]) for k in chosen])
        ends = np.append(0, np.cumsum(np.diff(bounds)[chosen]))
        run = _Run(
            self.net, self.x[rows], self.y[rows], self.second[rows], self.gap_s, self.n_pieces
        )
        return run, ends


def _estimated(run: _Run, bounds: Indices, worker: Indices, seeds: Masks, motion: Motion) -> Floats:
    """Parameters of every patrol, its worker's noise estimated from some of the patrols."""
    params = noise.prior(len(worker), motion)
    size = np.diff(bounds)
    # Patrols spread over the worker's, until they hold enough fixes.
    turn = np.argsort(seeds, kind="stable")
    order = turn[np.argsort(worker[turn], kind="stable")]
    before = pd.Series(size[order]).groupby(worker[order]).cumsum().to_numpy() - size[order]
    chosen = np.sort(order[(before < NOISE_FIXES) & (size[order] > 0)])
    if not len(chosen):
        return params
    part, ends = run.part(chosen, bounds)
    trial = noise.first_guess(params)
    for _ in range(NOISE_ROUNDS):
        sums = part.explain(ends, trial[chosen], seeds[chosen])[-1]
        whole = np.zeros((len(worker), sums.shape[1]))
        whole[chosen] = sums
        params = noise.reestimated(params, whole, worker, motion)
        trial = params.copy()
        trial[:, KEEP] = noise.KEEP_TO_LEARN
    return params


def _matched(  # noqa: PLR0917 - the parts of one answer
    found: tuple[npt.NDArray[Any], ...],
    net: Network,
    pieces: gpd.GeoDataFrame,
    rounds: pd.DataFrame,
    workers: npt.NDArray[np.object_],
    worker: Indices,
    params: Floats,
    order: Indices,
    n_fixes: int,
) -> Matched:
    """The arrays of `explain` as frames, repeated pieces given what the first of them has."""
    ends, piece, walks, share, seconds, cell, sums = found
    patrol = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    row = np.lexsort([piece, patrol])
    twins = pd.Series(np.arange(len(net.same))).groupby(net.same).indices
    many = np.array([len(twins[j]) for j in piece[row]], dtype=np.int64)
    rows = np.concatenate([twins[j] for j in piece[row]]) if len(row) else np.zeros(0, np.int64)
    row = np.repeat(row, many)
    length = shapely.length(pieces.geometry.array)
    walked = pd.DataFrame(
        {
            "patrol": rounds["patrol"].to_numpy(dtype=object)[patrol[row]],
            "piece": pieces["piece"].to_numpy(dtype=object)[rows],
            "probability": np.bitwise_count(walks[row]) / SAMPLES,
            "walked_m": share[row].astype(np.float64) * length[rows],
            "seconds": seconds[row].astype(np.float64),
        }
    ).astype({"patrol": "str", "piece": "str"})
    own = pd.DataFrame(
        {"worker": np.arange(len(rounds)), "row": worker}
    ).drop_duplicates("row")["worker"].to_numpy()  # fmt: skip
    table = pd.DataFrame(
        {
            "worker": workers,
            "sigma_m": params[own, SIGMA],
            "time_constant_s": params[own, TAU],
            "speed_mps": params[own, SPEED],
        }
    )
    summary = rounds.reset_index(drop=True).assign(
        length_m=sums[:, explaining.LENGTH],
        walking_s=sums[:, explaining.MOVED_S],
        standing_s=sums[:, explaining.ON_S] - sums[:, explaining.MOVED_S],
    )
    return Matched(walked, walks[row], summary, table, *_places(cell, order, net, n_fixes))


def _joined(parts: list[tuple[Indices, Matched]], n_fixes: int) -> Matched:
    """Answers for some of the fixes each, as one; beside each the rows that it answers for."""
    piece, offset = np.full(n_fixes, -1, np.int64), np.full(n_fixes, np.nan)
    for rows, part in parts:
        piece[rows], offset[rows] = part.piece, part.offset_m
    found = [part for _, part in parts]
    return Matched(
        walked=pd.concat([part.walked for part in found], ignore_index=True),
        walks=np.concatenate([part.walks for part in found]),
        rounds=pd.concat([part.rounds for part in found], ignore_index=True),
        noise=pd.concat([part.noise for part in found], ignore_index=True),
        piece=piece,
        offset_m=offset,
    )


def _places(
    cell: npt.NDArray[np.int32], order: Indices, net: Network, n_fixes: int
) -> tuple[Indices, Floats]:
    """(piece, offset) of every fix in the tracks' order from the cells of the fixes in time."""
    known = np.where(cell == explaining.PASSED_OVER, len(cell), np.arange(len(cell)))
    following = np.minimum.accumulate(known[::-1])[::-1]
    cell = np.append(cell, -1)[following]
    piece, offset = np.full(n_fixes, -1, np.int64), np.full(n_fixes, np.nan)
    on = cell >= 0
    piece[order[on]], offset[order[on]] = net.piece[cell[on]], net.offset[cell[on]]
    return piece, offset


def _centred(pieces: gpd.GeoDataFrame, xy: Floats) -> tuple[npt.NDArray[np.object_], Floats]:
    """The lines and fixes moved to the pieces' middle: large coordinates lose no millimetres."""
    lines = pieces.geometry.to_numpy()
    ends = shapely.get_coordinates(lines)
    if not len(ends):
        return lines, xy
    bounds = np.append(ends.min(axis=0), ends.max(axis=0))
    centre = np.rint((bounds[:2] + bounds[2:]) / 2.0)
    return shapely.transform(lines, lambda ends: ends - centre), xy - centre


def check_inputs(pieces: gpd.GeoDataFrame, tracks: gpd.GeoDataFrame, *, gap_s: float) -> None:
    """Raises unless pieces and tracks share a CRS in metres and the gap is a length of time."""
    check_metric(pieces, "pieces")
    if pieces.crs != tracks.crs:
        raise CrsError(
            "crs.mismatch",
            f"pieces and tracks must share one CRS; got {pieces.crs} and {tracks.crs}. "
            "Reproject with `crs.to_metric`.",
            left=str(pieces.crs),
            right=str(tracks.crs),
        )
    if not (math.isfinite(gap_s) and gap_s > 0):
        raise ParameterError(
            "parameter.not_positive",
            f"`gap_s` must be finite and above 0; got {gap_s}.",
            name="gap_s",
            value=gap_s,
        )

"""What is odd about cells, in findings that people can read, before anything is planned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.errors import ParameterError
from geo.planning.cells import CellsReport
from geo.planning.contiguity import Adjacency, codes_of, connected_parts

MOST_KEYS = 20
"""A finding names so many keys at most; its count is of all."""

LEAST_OVERLAP_M2 = 1.0
"""Cells that share less ground than this merely have borders that were drawn twice."""

THINNEST_M = 1.0
"""A cell whose 4 x area / perimeter is below this is a sliver: a strip of half that width."""

ROUNDING = 1e-9
"""Loads are compared with limits to this share of the target."""

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """`code` names the text; `count` is of all that it concerns, `keys` the first of them.

    With an error nothing is planned until it is corrected: any plan would be wrong. A warning is
    planned as its text says.
    """

    code: str
    severity: Severity
    count: int
    keys: tuple[str, ...]
    params: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values: `code`, `severity`, `count`, `keys`, and what else the text tells."""
        head = {"code": self.code, "severity": self.severity, "count": self.count}
        return {**head, "keys": list(self.keys), **self.params}


def usable_cells(cells: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """The cells that have ground, invalid polygons mended, and what was left out or mended.

    - `checks.no_geometry`: cells without a polygon (null, empty, points, lines); left out
    - `checks.invalid_geometry`: polygons that cross or touch themselves; mended
    """
    geometry = cells.geometry.to_numpy()
    keys = _keys(cells)
    is_polygon = _is_polygon(geometry)
    is_invalid = is_polygon & ~shapely.is_valid(geometry)
    mended = geometry.copy()
    mended[is_invalid] = _polygons_of(shapely.make_valid(geometry[is_invalid]))
    is_usable = _is_polygon(mended)
    findings = [
        *_found("checks.no_geometry", "warning", keys[~is_usable]),
        *_found("checks.invalid_geometry", "warning", keys[is_invalid & is_usable]),
    ]
    if not findings:
        return cells, findings
    return cells.set_geometry(mended, crs=cells.crs)[is_usable].copy(), findings


def check_cells(
    cells: gpd.GeoDataFrame,
    adjacency: Adjacency | None,
    *,
    load: str,
    target: float | None = None,
    tolerance: float,
    within: str | None = "community",
) -> list[Finding]:
    """What a planner should know of these cells, errors first.

    Errors: `checks.no_cells`; `checks.repeated_keys`; `checks.load_not_number`,
    `checks.load_negative` (a load that nobody can have measured makes every sum wrong);
    `checks.no_load` (no cell has any). Warnings: `checks.no_geometry`, `checks.invalid_geometry`;
    `checks.overlap` (ground that two cells claim, pairs as keys, `area_m2`; both are planned with
    all their load); `checks.sliver`; `checks.disconnected` (ground of an area that touches the rest
    nowhere, named by its first cell each; linked to the nearest); `checks.load_missing` and
    `checks.load_zero` (count as none); `checks.above_target` (cells heavier than any grid may be;
    each is a grid of its own); `checks.area_below_target` (areas, as keys, with less load than one
    grid must have); `checks.tolerance_zero` (only loads that add up to the target exactly fit).

    Parameters
    ----------
    cells : with `cell` (else the index names them) and the load column; CRS in metres
    adjacency : of these cells; without it disconnected ground is not looked for
    target : wanted load of a grid; without it nothing is compared with it
    tolerance : allowed |load - target| / target
    within : column of the area that no grid may leave; ignored where `cells` has no such column
    """
    if len(cells) == 0:
        return [Finding("checks.no_cells", "error", 0, ())]
    keys = _keys(cells)
    weight, findings = _check_loads(cells[load], keys)
    findings += _found("checks.repeated_keys", "error", pd.unique(keys[_is_repeated(keys)]))
    findings += _check_ground(cells.geometry.to_numpy(), keys)
    if adjacency is not None:
        findings += _check_parts(adjacency, codes_of(cells, within), keys)
    if target is not None:
        is_heavy = weight > target * (1 + tolerance + ROUNDING)
        findings += _found("checks.above_target", "warning", keys[is_heavy], target=target)
        findings += _check_areas(cells, weight, within, target * (1 - tolerance - ROUNDING), target)
    if tolerance == 0:
        findings.append(Finding("checks.tolerance_zero", "warning", 1, ()))
    return sorted(findings, key=lambda found: found.severity)


def check_crossings(cells: gpd.GeoDataFrame, unavoidable: pd.DataFrame) -> list[Finding]:
    """`checks.crossing_unavoidable` of each barrier that pieces had to be joined over.

    Parameters
    ----------
    unavoidable : of `barriers.close_barriers`; keys are the pairs of cells on either side
    """
    keys = _keys(cells)
    findings = []
    for barrier, rows in unavoidable.groupby("barrier"):
        pairs = _pair_keys(keys, rows["left"].to_numpy(), rows["right"].to_numpy())
        n_pieces = int(rows["piece"].nunique())
        findings += _found(
            "checks.crossing_unavoidable", "warning", pairs, barrier=barrier, n_pieces=n_pieces
        )
    return findings


def check_around(
    cells: gpd.GeoDataFrame, adjacency: Adjacency, passable: Adjacency, labels: np.ndarray
) -> list[Finding]:
    """`checks.crossing_around` of each barrier whose two sides a grid holds by reaching around it.

    Grids that cross that barrier where they may, over a bridge or unavoidably, are not meant.

    Parameters
    ----------
    adjacency : with the pairs that `barriers.close_barriers` removed; passable : without them
    labels : grid of each cell, negative for none
    """
    n = adjacency.n_cells
    is_closed = ~np.isin(
        adjacency.left.astype(np.int64) * n + adjacency.right,
        passable.left.astype(np.int64) * n + passable.right,
    )
    grid = labels[adjacency.left]
    is_inside = (grid == labels[adjacency.right]) & (grid >= 0)
    crossed = pd.MultiIndex.from_arrays([grid, adjacency.barrier])
    is_allowed = crossed.isin(crossed[is_inside & ~is_closed & adjacency.crosses])
    around = np.flatnonzero(is_closed & is_inside & ~is_allowed)
    keys, findings = _keys(cells), []
    for barrier in np.unique(adjacency.barrier[around].astype(str)):
        rows = around[adjacency.barrier[around] == barrier]
        pairs = _pair_keys(keys, adjacency.left[rows], adjacency.right[rows])
        length_m = round(float(adjacency.length_m[rows].sum()))
        findings += _found(
            "checks.crossing_around", "warning", pairs, barrier=barrier, length_m=length_m
        )
    return findings


def check_made(made: CellsReport, *, target: float) -> list[Finding]:
    """What had to be mended or left out to make cells, each with its count or ground.

    `checks.buildings_above_target` names buildings (or compounds) heavier than a grid may be, whose
    entrances are not known; the others say by their codes what they count.
    """
    counts = {
        "checks.buildings_outside": made.n_outside,
        "checks.buildings_covered": made.n_covered,
        "checks.buildings_on_border": made.n_on_border,
        "checks.stray_entrances": made.n_stray_entrances,
        "checks.buildings_split": made.n_split,
    }
    grounds = {
        "checks.communities_overlap": (made.overlap_m2, 0),
        "checks.communities_gaps": (made.sliver_m2, made.n_slivers),
        "checks.buildings_overlap": (made.footprint_overlap_m2, 0),
    }
    heavy = np.array(made.above_target_buildings, dtype=object)
    return [
        *_found("checks.buildings_above_target", "warning", heavy, target=target),
        *(Finding(code, "warning", n, ()) for code, n in counts.items() if n),
        *(
            Finding(code, "warning", n, (), {"area_m2": round(area_m2, 1)})
            for code, (area_m2, n) in grounds.items()
            if area_m2 >= LEAST_OVERLAP_M2
        ),
    ]


def named(code: str, keys: Iterable[Any], **params: Any) -> list[Finding]:
    """A warning with these keys; none without any."""
    return _found(code, "warning", np.array(list(keys), dtype=object), **params)


def raise_errors(findings: Iterable[Finding]) -> None:
    """Raise the first error among the findings.

    Raises
    ------
    ParameterError : with the finding's code, and its count and keys
    """
    for found in findings:
        if found.severity == "error":
            raise ParameterError(
                found.code,
                f"{found.code}: {found.count} cells, first {list(found.keys[:3])}. Correct them.",
                count=found.count,
                keys=list(found.keys),
                **found.params,
            )


def _found(code: str, severity: Severity, keys: np.ndarray, **params: Any) -> list[Finding]:
    if len(keys) == 0:
        return []
    return [Finding(code, severity, len(keys), tuple(map(str, keys[:MOST_KEYS])), params)]


def _keys(cells: pd.DataFrame) -> np.ndarray:
    names = cells["cell"] if "cell" in cells.columns else cells.index.to_series()
    keys: np.ndarray = names.to_numpy(dtype=object)
    return keys


def _is_repeated(keys: np.ndarray) -> np.ndarray:
    repeated: np.ndarray = pd.Series(keys, dtype=object).duplicated(keep=False).to_numpy()
    return repeated


def _pair_keys(keys: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    pairs = [f"{one} – {other}" for one, other in zip(keys[left], keys[right], strict=True)]
    return np.array(pairs, dtype=object)


def _is_polygon(geometry: np.ndarray) -> np.ndarray:
    is_polygon: np.ndarray = np.isin(shapely.get_type_id(geometry), (3, 6))
    is_polygon &= ~shapely.is_empty(geometry)
    return is_polygon


def _polygons_of(geometry: np.ndarray) -> np.ndarray:
    """The polygons among what geometries consist of, united; empty where there are none."""
    parts, row = shapely.get_parts(geometry, return_index=True)
    parts, inner = shapely.get_parts(parts, return_index=True)
    row, is_kept = row[inner], _is_polygon(parts)
    found = np.full(len(geometry), shapely.MultiPolygon(), dtype=object)
    for one in np.unique(row[is_kept]):
        found[one] = shapely.union_all(parts[is_kept & (row == one)])
    return found


def _check_loads(values: pd.Series, keys: np.ndarray) -> tuple[np.ndarray, list[Finding]]:
    """The loads with 0 for what is not known, and what was odd."""
    is_missing = values.isna().to_numpy()
    numbers = pd.to_numeric(values, errors="coerce").astype("Float64")
    weight = numbers.to_numpy(dtype="float64", na_value=np.nan)
    is_bad = ~np.isfinite(weight) & ~is_missing
    weight = np.where(np.isfinite(weight), weight, 0.0)
    findings = [
        *_found("checks.load_not_number", "error", keys[is_bad]),
        *_found("checks.load_negative", "error", keys[weight < 0]),
        *_found("checks.load_missing", "warning", keys[is_missing]),
    ]
    if not (weight > 0).any() and not findings:
        return weight, [Finding("checks.no_load", "error", len(keys), ())]
    is_zero = (weight == 0) & ~is_missing & ~is_bad
    return weight, findings + _found("checks.load_zero", "warning", keys[is_zero])


def _check_ground(geometry: np.ndarray, keys: np.ndarray) -> list[Finding]:
    """Cells without polygon, invalid ones, slivers and overlaps."""
    is_polygon = _is_polygon(geometry)
    is_invalid = is_polygon & ~shapely.is_valid(geometry)
    area_m2, length_m = shapely.area(geometry), shapely.length(geometry)
    is_sliver = is_polygon & (4 * area_m2 < THINNEST_M * length_m)
    is_sound = np.flatnonzero(is_polygon & ~is_invalid)
    left, right, overlap_m2 = overlaps(geometry[is_sound])
    pairs = _pair_keys(keys, is_sound[left], is_sound[right])
    return [
        *_found("checks.no_geometry", "warning", keys[~is_polygon]),
        *_found("checks.invalid_geometry", "warning", keys[is_invalid]),
        *_found("checks.sliver", "warning", keys[is_sliver]),
        *_found("checks.overlap", "warning", pairs, area_m2=round(float(overlap_m2.sum()), 1)),
    ]


def overlaps(geometry: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of valid polygons that share at least LEAST_OVERLAP_M2 of ground, and how much."""
    nothing = np.empty(0, dtype=np.int64)
    if shapely.coverage_is_valid(geometry):
        return nothing, nothing, np.empty(0)
    odd = np.flatnonzero(~shapely.is_empty(shapely.coverage_invalid_edges(geometry)))
    # a polygon around another has no odd edge of its own
    one, other = shapely.STRtree(geometry).query(geometry[odd])
    pairs = np.sort(np.stack([odd[one], other], axis=1), axis=1)
    pairs = np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0).reshape(-1, 2)
    left, right = pairs.T
    area_m2 = shapely.area(shapely.intersection(geometry[left], geometry[right]))
    is_overlap = area_m2 >= LEAST_OVERLAP_M2
    return left[is_overlap], right[is_overlap], area_m2[is_overlap]


def _check_parts(adjacency: Adjacency, area: np.ndarray, keys: np.ndarray) -> list[Finding]:
    """The first cell of each part of an area that is not its largest part."""
    is_border = (area[adjacency.left] == area[adjacency.right]) & ~adjacency.is_link
    part = connected_parts(adjacency.left[is_border], adjacency.right[is_border], adjacency.n_cells)
    size = np.bincount(part)
    first = np.unique(part, return_index=True)[1]
    order = np.lexsort((first, -size, area[first]))
    is_largest = np.r_[True, area[first][order][1:] != area[first][order][:-1]]
    lesser = np.sort(first[order[~is_largest]])
    n_cells = int(size[part[lesser]].sum())
    return _found("checks.disconnected", "warning", keys[lesser], n_cells=n_cells)


def _check_areas(
    cells: gpd.GeoDataFrame, weight: np.ndarray, within: str | None, least: float, target: float
) -> list[Finding]:
    """The areas whose load is not enough for one grid."""
    if within is not None and within in cells.columns:
        total = pd.Series(weight).groupby(cells[within].to_numpy(), dropna=False).sum()
    else:
        total = pd.Series([weight.sum()], index=["—"])
    names = total.index[total < least].to_numpy(dtype=object)
    return _found("checks.area_below_target", "warning", names, target=target)

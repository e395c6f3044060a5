"""Grids as polygons: an exact coverage made of the cells', on demand with simpler borders."""

from __future__ import annotations

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.errors import GEOSException

from geo.errors import GeometryError, ParameterError
from geo.planning.borders import BARRIER_REACH_M, BarrierLines

HAIRLINE_M = 0.01
"""Gaps, overlaps, spikes and inlets narrower than this are traces of drawing, not ground."""

ROUNDING = 1e-9
"""Areas that differ by this share are equal."""

LOCK_M = 1e-4
"""Side of the triangles that hold a vertex in place while borders are simplified."""

_COUNTS = ("households", "people", "n_buildings")


def dissolve(
    cells: gpd.GeoDataFrame,
    labels: np.ndarray,
    *,
    load: str = "households",
    target: float | None = None,
    simplify_m: float | None = None,
    barriers: gpd.GeoDataFrame | None = None,
    within: str = "community",
) -> gpd.GeoDataFrame:
    """One row a grid, in the order of the labels 0 to k - 1, in the columns of layer `grids`.

    Shared borders stay vertex by vertex as the cells have them (`shapely.coverage_union`), so
    the grids cover exactly what the cells cover. Where cells overlap or miss each other by
    hairlines, both sides are mended (see `mend`). Columns `plan` and `grid` are left to the caller.

    Parameters
    ----------
    cells : counts, `community` and `within` are taken over where present
    labels : grid of each cell, 0 to k - 1, every label used
    load : column that was balanced
    target : wanted load of a grid; deviation is null without it
    simplify_m : simplify the borders by so much (see `simplify`); by default not at all
    barriers : lines and areas whose borders stay as they are, when simplifying
    within : column of the area that no grid may leave

    Raises
    ------
    ParameterError : labels do not fit the cells or leave a grid empty; barriers without simplify_m,
        or that not positive
    GeometryError : a grid lies wholly inside others
    """
    labels = np.asarray(labels)
    n_grids = int(labels.max(initial=-1)) + 1
    count = np.bincount(labels[labels >= 0], minlength=n_grids)
    if len(labels) != len(cells) or (count == 0).any() or (labels < 0).any():
        raise ParameterError(
            "plan.labels",
            f"labels must give each of {len(cells)} cells a grid and leave none empty; got "
            f"{int((labels >= 0).sum())} labels, {int((count == 0).sum())} empty grids. "
            "Partition again.",
            n_cells=len(cells),
            n_labels=int((labels >= 0).sum()),
            n_empty=int((count == 0).sum()),
        )
    if barriers is not None and simplify_m is None:
        raise ParameterError(
            "polygons.barriers_unused",
            "barriers are kept while simplifying; give simplify_m too, or no barriers",
        )
    order = np.argsort(labels, kind="stable")
    begins = np.r_[0, np.cumsum(count)]
    geometry = cells.geometry.to_numpy()[order]
    united = [unite(geometry[begin:end]) for begin, end in pairwise(begins)]
    table: dict[str, object] = {
        column: cells[column].iloc[order[begins[:-1]]].array
        for column in dict.fromkeys(("community", within))
        if column in cells.columns
    }
    table |= _counted(cells, labels, n_grids)
    weight = _sum_by(labels, cells[load].fillna(0).to_numpy(dtype="float64"), n_grids)
    table["load"] = weight
    table["target"] = float("nan") if target is None else float(target)
    table["deviation"] = float("nan") if target is None else (weight - target) / target
    grids = gpd.GeoDataFrame(table, geometry=mend(united), crs=cells.crs)
    if simplify_m is not None:
        return simplify(grids, simplify_m=simplify_m, barriers=barriers, within=within)
    return _measured(grids)


def simplify(
    grids: gpd.GeoDataFrame,
    *,
    simplify_m: float,
    barriers: gpd.GeoDataFrame | None = None,
    within: str = "community",
    with_outline: bool = False,
) -> gpd.GeoDataFrame:
    """The grids with fewer vertices on their borders; shared borders stay shared.

    By Visvalingam and Whyatt (1993) over the whole coverage (`shapely.coverage_simplify`): a vertex
    goes when the triangle with its neighbours is smaller than simplify_m squared, no border ever
    crosses another, no grid vanishes. Kept as they are: borders along barriers, borders between
    areas, the outline. Area, perimeter and shape are measured anew.

    Parameters
    ----------
    grids : a coverage in a projected CRS in metres, as of `dissolve`
    simplify_m : metres, above 0
    barriers : lines and areas; what lies within BARRIER_REACH_M of them stays
    within : column of the area that no grid may leave; ignored where `grids` has no such column
    with_outline : simplify the outline and the borders between areas too

    Raises
    ------
    ParameterError : simplify_m is not positive and finite
    GeometryError : the grids overlap, so that borders are not shared
    """
    if not 0 < simplify_m < float("inf"):
        raise ParameterError(
            "polygons.simplify",
            f"simplify_m must be positive and finite, in metres; got {simplify_m}",
            simplify_m=simplify_m,
        )
    geometry = grids.geometry.to_numpy()
    _check_coverage(grids, geometry)
    group = np.zeros(len(grids), dtype=np.int64)
    if not with_outline and within in grids.columns:
        group = np.asarray(grids[within].factorize(use_na_sentinel=False)[0], dtype=np.int64)
    lines = BarrierLines.of(barriers)
    tree = None if lines is None else shapely.STRtree(lines.shape)
    found = geometry.copy()
    for one in np.unique(group):
        here = np.flatnonzero(group == one)
        held = np.concatenate([geometry[here], _locks(geometry[here], tree)])
        simpler = shapely.coverage_simplify(held, simplify_m, simplify_boundary=with_outline)
        found[here] = simpler[: len(here)]
    changed = grids.set_geometry(gpd.GeoSeries(found, index=grids.index, crs=grids.crs))
    _check_coverage(changed, found)
    return _measured(changed)


def mend(geometry: list[shapely.Geometry] | np.ndarray) -> np.ndarray:
    """The polygons as a coverage: no overlap, and no gap, spike or inlet under HAIRLINE_M.

    Both sides of a border move together (`shapely.coverage_clean`), by less than a hairline;
    ground that two claim goes to the one it has the longer border with. Polygons that already are
    such a coverage come back as they are, and wider gaps stay: see `faults.find_faults`.

    Raises
    ------
    GeometryError : one lies wholly inside others, so that nothing would be left of it
    """
    drawn = np.array(geometry, dtype=object)
    is_clean = shapely.coverage_is_valid(drawn, gap_width=HAIRLINE_M)
    if is_clean and shapely.is_valid(drawn).all() and not _has_hairline(drawn):
        return drawn
    whole = np.where(shapely.is_valid(drawn), drawn, shapely.make_valid(drawn))
    mended: np.ndarray = shapely.coverage_clean(
        whole, gap_width=HAIRLINE_M, snapping_distance=HAIRLINE_M
    )
    is_gone = shapely.is_empty(mended)
    if is_gone.any():
        raise GeometryError(
            "polygons.vanished",
            f"every grid must have ground of its own; {int(is_gone.sum())} lie wholly inside "
            f"others, first rows {np.flatnonzero(is_gone)[:3].tolist()}. Redraw them.",
            count=int(is_gone.sum()),
            rows=np.flatnonzero(is_gone)[:3].tolist(),
        )
    return mended


def unite(geometry: np.ndarray) -> shapely.Geometry:
    """The union of pieces of a coverage; pieces that overlap or leave gaps are united generally."""
    if len(geometry) == 1:
        return geometry[0]
    try:
        united = shapely.coverage_union_all(geometry)
    except GEOSException:  # borders that do not match vertex by vertex
        return shapely.union_all(geometry)
    whole_m2 = float(shapely.area(geometry).sum())
    # pieces inside others come out as holes, equal ones as nothing
    is_all = abs(shapely.area(united) - whole_m2) <= ROUNDING * whole_m2
    return united if is_all and united.is_valid else shapely.union_all(geometry)


def _counted(cells: gpd.GeoDataFrame, labels: np.ndarray, n_grids: int) -> dict[str, object]:
    """People, households, buildings and cells of each grid, where the cells tell."""
    table: dict[str, object] = {}
    for column in _COUNTS:
        if column in cells.columns:
            values = cells[column].fillna(0).to_numpy(dtype="int64")
            table[column] = pd.array(_sum_by(labels, values, n_grids).round(), dtype="Int64")
    if "households_estimated" in cells.columns:
        estimated = cells["households_estimated"].fillna(False).to_numpy(dtype=bool)
        table["households_estimated"] = pd.array(
            _sum_by(labels, estimated, n_grids) > 0, dtype="boolean"
        )
    table["n_cells"] = pd.array(np.bincount(labels, minlength=n_grids), dtype="Int64")
    return table


def _measured(grids: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    grids["area_m2"] = grids.area
    grids["perimeter_m"] = grids.length
    grids["polsby_popper"] = 4 * np.pi * grids["area_m2"] / grids["perimeter_m"] ** 2
    return grids


def _has_hairline(geometry: np.ndarray) -> bool:
    """Whether a polygon has a hole, a spike or an inlet narrower than a hairline."""
    rings, part = shapely.get_rings(shapely.get_parts(geometry), return_index=True)
    holes = shapely.polygons(rings[1:][part[1:] == part[:-1]])
    if (shapely.area(holes) <= HAIRLINE_M * shapely.length(holes) / 2).any():
        return True
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    is_last = np.r_[ring[1:] != ring[:-1], True]
    # closed rings end where they begin; of vertices nearer than a hairline one is enough
    step_m = np.hypot(*(xy - np.roll(xy, 1, axis=0)).T)
    is_kept = ~is_last & (np.r_[True, ring[1:] != ring[:-1]] | (step_m > HAIRLINE_M))
    xy, ring = xy[is_kept], ring[is_kept]
    first = np.searchsorted(ring, ring, side="left")
    end = np.searchsorted(ring, ring, side="right")
    place = np.arange(len(ring))
    before = xy[np.where(place == first, end - 1, place - 1)] - xy
    after = xy[np.where(place == end - 1, first, place + 1)] - xy
    longer_m = np.maximum(np.hypot(*before.T), np.hypot(*after.T))
    width_m = np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0])
    is_back = (before * after).sum(axis=1) > 0
    return bool((is_back & (width_m < HAIRLINE_M * longer_m)).any())


def _check_coverage(grids: gpd.GeoDataFrame, geometry: np.ndarray) -> None:
    if not len(geometry) or shapely.coverage_is_valid(geometry):
        return
    is_bad = ~shapely.is_empty(shapely.coverage_invalid_edges(geometry))
    names = grids["grid"] if "grid" in grids.columns else grids.index.to_series()
    keys = [str(key) for key in names[is_bad].iloc[:3]]
    raise GeometryError(
        "polygons.not_coverage",
        f"grids must share their borders without overlap; {int(is_bad.sum())} do not, first "
        f"{keys}. Correct their borders first.",
        count=int(is_bad.sum()),
        keys=keys,
    )


def _locks(geometry: np.ndarray, barriers: shapely.STRtree | None) -> np.ndarray:
    """Tiny triangles on the vertices near barriers: where three rings meet, all vertices stay."""
    if barriers is None:
        return np.empty(0, dtype=object)
    xy = np.unique(shapely.get_coordinates(geometry), axis=0)
    near = barriers.query(shapely.points(xy), predicate="dwithin", distance=BARRIER_REACH_M)[0]
    kept = xy[np.unique(near)]
    east, north = np.array([LOCK_M, 0.0]), np.array([0.0, LOCK_M])
    # two each: an outline's vertex lies in one ring only
    triangles = [
        shapely.polygons(np.stack([kept, kept + sign * east, kept + sign * north, kept], axis=1))
        for sign in (1, -1)
    ]
    return np.concatenate(triangles)


def _sum_by(labels: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    return np.bincount(labels, weights=values.astype("float64"), minlength=n)

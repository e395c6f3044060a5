"""Whether polygons cover their ground once: overlaps, gaps and broken rings, named and placed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.errors import GeometryError
from geo.incidents.locating import rounding_of
from geo.incidents.predicates import Floats, Indices, Labels

_POLYGONAL = (-1, 3, 6)
"""GEOS type numbers: missing, polygon, multipolygon."""

_SAMPLES = np.array([0.25, 0.5, 0.75])
"""Where on a piece of border its two sides are looked at."""

_NAMED = 3
"""Grids, overlaps and gaps that an error names."""

Polygons = npt.NDArray[np.object_]
Count = Callable[[Floats, Floats], Indices]


def check_polygonal(polygons: Polygons, codes: pd.Series) -> None:
    """Nothing, where every geometry is a polygon, a multipolygon, empty or missing.

    Raises
    ------
    GeometryError : one is something else
    """
    is_other = ~np.isin(shapely.get_type_id(polygons), _POLYGONAL)
    if is_other.any():
        named = codes[is_other].astype(str).tolist()[:_NAMED]
        raise GeometryError(
            "attribution.not_polygons",
            f"grids must be polygons; {is_other.sum()} are not: {named}. Close their borders.",
            n=int(is_other.sum()),
            grids=named,
        )


def check_valid(polygons: Polygons, codes: pd.Series, *, among: Indices | Labels) -> None:
    """Nothing, where the polygons at these positions are valid.

    Raises
    ------
    GeometryError : one is not
    """
    positions = np.unique(among)
    broken = positions[~shapely.is_valid(polygons[positions])]
    if len(broken):
        named = codes.iloc[broken].astype(str).tolist()[:_NAMED]
        why = shapely.is_valid_reason(polygons[broken[0]])
        raise GeometryError(
            "attribution.invalid_grids",
            f"grids must be valid polygons; {len(broken)} are not: {named} ({why}). Mend them "
            "with `shapely.make_valid` or redraw them.",
            n=len(broken),
            grids=named,
        )


def check_overlaps(
    polygons: Polygons,
    codes: pd.Series,
    *,
    edges: Floats,
    sides: Labels,
    contacts: Labels,
    count: Count,
) -> None:
    """Nothing, where no ground wider than rounding lies in two polygons.

    The number of polygons over a place changes only across edges that one polygon has and no
    other has in reverse, and along such an edge only where another edge crosses or touches it. So
    it is counted on both sides of every piece between such contacts.

    Parameters
    ----------
    edges, sides : (e, 4) and (e, 2) each edge once, with the labels (position + 1) beside it
    contacts : (c, 2) pairs of edges that meet elsewhere than at an end of both
    count : gives the number of polygons over points x, y

    Raises
    ------
    GeometryError : polygons overlap, or are invalid
    """
    common = _common_labels(sides, contacts)
    check_valid(polygons, codes, among=common[common > 0] - 1)
    single = np.flatnonzero((sides == 0).any(axis=1))
    if not len(single):
        return
    rounding = float(rounding_of(np.abs(edges[single]).max()))
    x, y, edge = _beside(edges, single, contacts, 2 * rounding)
    number = count(x, y)
    if (number < 0).any():
        check_valid(polygons, codes, among=sides[edge[number < 0]].max(axis=1) - 1)
    is_over = number > 1
    if is_over.any():
        _raise_overlap(polygons, codes, x[is_over], y[is_over], sides[edge[is_over]])


def _common_labels(sides: Labels, contacts: Labels) -> Labels:
    """Labels that both edges of a contact have."""
    left, right = sides[contacts[:, 0]], sides[contacts[:, 1]]
    is_common = (left[:, :, None] == right[:, None, :]).any(axis=2)
    labels: Labels = left[is_common]
    return labels


def _beside(
    edges: Floats, single: Indices, contacts: Labels, aside: float
) -> tuple[Floats, Floats, Indices]:
    """Points left and right of the pieces of the edges `single`, and the edges they belong to."""
    starts = np.arange(len(single), dtype=np.int64)
    edge = np.concatenate([single, single])
    share = np.concatenate([np.zeros(len(starts)), np.ones(len(starts))])
    if len(contacts):
        mine = np.concatenate([contacts[:, 0], contacts[:, 1]]).astype(np.int64)
        other = np.concatenate([contacts[:, 1], contacts[:, 0]]).astype(np.int64)
        is_single = np.isin(mine, single)
        cut_edge, cut_share = _cuts(edges, mine[is_single], other[is_single])
        edge, share = np.concatenate([edge, cut_edge]), np.concatenate([share, cut_share])
    order = np.lexsort((share, edge))
    edge, share = edge[order], share[order]
    is_piece = edge[1:] == edge[:-1]
    edge, low, high = edge[:-1][is_piece], share[:-1][is_piece], share[1:][is_piece]
    x0, y0, x1, y1 = edges[edge].T
    length = np.hypot(x1 - x0, y1 - y0)
    is_long = (high - low) * length > 4 * aside
    edge, low, high, length = edge[is_long], low[is_long], high[is_long], length[is_long]
    x0, y0, x1, y1 = edges[edge].T
    at = low[:, None] + (high - low)[:, None] * _SAMPLES
    x, y = x0[:, None] + (x1 - x0)[:, None] * at, y0[:, None] + (y1 - y0)[:, None] * at
    across_x = (aside * (y0 - y1) / length)[:, None]
    across_y = (aside * (x1 - x0) / length)[:, None]
    both_x = np.concatenate([x + across_x, x - across_x]).ravel()
    both_y = np.concatenate([y + across_y, y - across_y]).ravel()
    return both_x, both_y, np.tile(np.repeat(edge, len(_SAMPLES)), 2)


def _cuts(edges: Floats, mine: Indices, other: Indices) -> tuple[Indices, Floats]:
    """Where along the edges `mine` the others cross or touch them, as shares of their length."""
    x0, y0, x1, y1 = edges[mine].T
    u0, v0, u1, v1 = edges[other].T
    dx, dy = x1 - x0, y1 - y0
    length2 = dx * dx + dy * dy
    low = ((u0 - x0) * dx + (v0 - y0) * dy) / length2
    high = ((u1 - x0) * dx + (v1 - y0) * dy) / length2
    cross = dx * (v1 - v0) - dy * (u1 - u0)
    with np.errstate(divide="ignore", invalid="ignore"):
        meet = ((u0 - x0) * (v1 - v0) - (v0 - y0) * (u1 - u0)) / cross
    meet = np.where(np.isfinite(meet), meet, 0.0)
    share = np.clip(np.concatenate([low, high, meet]), 0.0, 1.0)
    return np.tile(mine, 3), share


def _raise_overlap(
    polygons: Polygons, codes: pd.Series, x: Floats, y: Floats, sides: Labels
) -> None:
    """Names the polygons over such points, and the largest overlap's area and place."""
    points = shapely.points(x, y)
    point, polygon = shapely.STRtree(polygons).query(points, predicate="intersects")
    check_valid(polygons, codes, among=np.concatenate([polygon, sides[sides > 0] - 1]))
    by_point = pd.DataFrame({"point": point, "polygon": polygon})
    pairs = by_point.merge(by_point, on="point", suffixes=("", "_other"))
    pairs = pairs[pairs["polygon"] < pairs["polygon_other"]]
    pairs = pairs.drop_duplicates(["polygon", "polygon_other"])
    common = shapely.intersection(
        polygons[pairs["polygon"].to_numpy()], polygons[pairs["polygon_other"].to_numpy()]
    )
    area = shapely.area(common)
    order = np.argsort(-area, kind="stable")[:_NAMED]
    found = pairs.iloc[order]
    together = np.concatenate([found["polygon"], found["polygon_other"]])
    named = sorted({str(code) for code in codes.iloc[together]})
    place = shapely.point_on_surface(common[order[0]])
    raise GeometryError(
        "attribution.overlapping_ground",
        f"grids must not overlap; {len(pairs)} pairs do, such as {named}: the largest overlap is "
        f"{area[order[0]]:.6g} m2 near {place.x:.3f}, {place.y:.3f}. Redraw them so that they "
        "only share borders.",
        n_pairs=len(pairs),
        grids=named,
        area_m2=float(area[order[0]]),
        x=float(place.x),
        y=float(place.y),
    )


def gaps_between(polygons: Polygons) -> Polygons:
    """Holes of the ground of all polygons together, wider than rounding: no polygon fills them,
    and they are not the outside. Largest first."""
    whole = polygons[~(shapely.is_missing(polygons) | shapely.is_empty(polygons))]
    parts = shapely.get_parts(shapely.union_all(whole)) if len(whole) else whole
    rings, part = shapely.get_rings(parts, return_index=True)
    holes: Polygons = shapely.polygons(rings[np.diff(part, prepend=-1) == 0])
    if not len(holes):
        return holes
    rounding = float(rounding_of(np.abs(shapely.total_bounds(whole)).max()))
    area = shapely.area(holes)
    order = np.argsort(-area, kind="stable")
    is_wide = area > rounding * shapely.length(holes)
    wide: Polygons = holes[order][is_wide[order]]
    return wide


def check_gaps(
    polygons: Polygons, codes: pd.Series, *, among: Indices | Labels, count: Count
) -> None:
    """Nothing, where the polygons leave no hole between them.

    Parameters
    ----------
    among : positions of the polygons with an edge that no other polygon has in reverse
    count : gives the number of polygons over points x, y

    Raises
    ------
    GeometryError : they leave one
    """
    gaps = gaps_between(polygons[np.unique(among)])
    if len(gaps):
        inside = shapely.get_coordinates(shapely.point_on_surface(gaps))
        gaps = gaps[count(inside[:, 0].copy(), inside[:, 1].copy()) == 0]
    if not len(gaps):
        return
    place = shapely.point_on_surface(gaps[0])
    beside = shapely.STRtree(polygons).query(gaps[0], predicate="intersects")
    named = sorted(codes.iloc[beside].astype(str))[:_NAMED]
    areas = shapely.area(gaps)
    raise GeometryError(
        "attribution.gaps",
        f"grids must leave no gaps; {len(gaps)} were found, {areas.sum():.6g} m2 in all, the "
        f"largest of {areas[0]:.6g} m2 near {place.x:.3f}, {place.y:.3f} beside {named}. Redraw "
        "them, or pass `gaps='allow'`.",
        n_gaps=len(gaps),
        area_m2=float(areas.sum()),
        largest_m2=float(areas[0]),
        x=float(place.x),
        y=float(place.y),
        grids=named,
    )

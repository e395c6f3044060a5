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
    doubled = sides[sides[:, 0] == sides[:, 1], 0]
    check_valid(polygons, codes, among=np.concatenate([common[common > 0], doubled]) - 1)
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
        _check_over(polygons, codes, x[is_over], y[is_over], sides[edge[is_over]])


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


def _check_over(polygons: Polygons, codes: pd.Series, x: Floats, y: Floats, sides: Labels) -> None:
    """Nothing, where the polygons over such points overlap by no more than rounding; else names
    them, and the largest overlap's area and place."""
    tree = shapely.STRtree(polygons)
    over = np.unique(tree.query(shapely.points(x, y), predicate="intersects")[1])
    check_valid(polygons, codes, among=np.concatenate([over, sides[sides > 0] - 1]))
    left, right = tree.query(polygons[over], predicate="intersects")
    left = over[left]
    pairs = np.unique(np.sort(np.stack([left, right], axis=1)[left != right], axis=1), axis=0)
    common = shapely.intersection(polygons[pairs[:, 0]], polygons[pairs[:, 1]])
    area = shapely.area(common)
    is_wide = area > float(rounding_of(np.abs([x, y]).max())) * shapely.length(common)
    pairs, common, area = pairs[is_wide], common[is_wide], area[is_wide]
    if not len(pairs):
        return
    order = np.argsort(-area, kind="stable")[:_NAMED]
    named = sorted({str(code) for code in codes.iloc[pairs[order].ravel()]})
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


def gaps_between(
    polygons: Polygons, *, edges: Floats, sides: Labels, is_noded: bool, count: Count
) -> Polygons:
    """Holes of the ground of all polygons together, wider than rounding: no polygon fills them,
    and they are not the outside. Largest first.

    Parameters
    ----------
    edges, sides : (e, 4) and (e, 2) each edge once, with the labels (position + 1) beside it
    is_noded : whether edges meet at their ends only
    count : gives the number of polygons over points x, y
    """
    single = (sides == 0).any(axis=1)
    if not single.any():
        return polygons[:0]
    if is_noded:
        lines = shapely.linestrings(edges[single].reshape(-1, 2, 2))
        holes = shapely.get_parts(shapely.polygonize(lines))
    else:
        owners = np.unique(sides[single].max(axis=1)) - 1
        parts = shapely.get_parts(shapely.union_all(polygons[owners]))
        rings, part = shapely.get_rings(parts, return_index=True)
        holes = shapely.polygons(rings[np.diff(part, prepend=-1) == 0])
    rounding = float(rounding_of(np.abs(edges[single]).max()))
    holes = holes[shapely.area(holes) > rounding * shapely.length(holes)]
    inside = shapely.get_coordinates(shapely.point_on_surface(holes))
    holes = holes[count(inside[:, 0].copy(), inside[:, 1].copy()) == 0]
    order = np.argsort(-shapely.area(holes), kind="stable")
    gaps: Polygons = holes[order]
    return gaps


def check_gaps(polygons: Polygons, codes: pd.Series, gaps: Polygons) -> None:
    """Nothing, where there are no gaps.

    Raises
    ------
    GeometryError : there are
    """
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

"""Grounds that are not homes: schools, the hospital, the market, malls, offices, parks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import shapely
from shapely import LineString, Point, Polygon

from boundaries.demo.layout import Footprint, Lot

Builder = Callable[[Lot, np.random.Generator], Lot]


def build(lot: Lot, rng: np.random.Generator) -> Lot:
    """The lot with the buildings, lanes and greens of its kind."""
    built = _BUILDERS[lot.block.kind](lot, rng)
    taken = shapely.union_all([f.box.buffer(3.0) for f in built.footprints])
    clear = [shapely.get_parts(lane.difference(taken)) for lane in built.lanes]
    lanes = [part for parts in clear for part in parts if part.length > 8]
    return replace(built, lanes=lanes)


def _box(
    lot: Lot, at: tuple[float, float], size: tuple[float, float], kind: str, floors: int
) -> Footprint:
    """A footprint of `size` metres whose middle lies at shares `at` of the lot's extent."""
    (x, y), (w, d) = at, size
    x0, y0, x1, y1 = lot.shape.buffer(-8).bounds
    cx, cy = x0 + x * (x1 - x0), y0 + y * (y1 - y0)
    cx = float(np.clip(cx, x0 + w / 2, x1 - w / 2))
    cy = float(np.clip(cy, y0 + d / 2, y1 - d / 2))
    return Footprint(cx - w / 2, cy - d / 2, cx + w / 2, cy + d / 2, kind, floors, faces="south")


def _spine(lot: Lot, x: float) -> LineString:
    x0, _, x1, _ = lot.shape.bounds
    at = x0 + x * (x1 - x0)
    cut = shapely.get_parts(LineString([(at, -1e3), (at, 1e3)]).intersection(lot.shape))
    return max(cut, key=lambda part: part.length)


def _cross(lot: Lot, y: float) -> LineString:
    _, y0, _, y1 = lot.shape.bounds
    at = y0 + y * (y1 - y0)
    cut = shapely.get_parts(LineString([(-1e3, at), (1e3, at)]).intersection(lot.shape.buffer(-7)))
    return max(cut, key=lambda part: part.length)


def _kept(lot: Lot, footprints: list[Footprint]) -> list[Footprint]:
    """Those that lie inside the lot and stand clear of the ones before them."""
    inner = lot.shape.buffer(-3)
    kept: list[Footprint] = []
    for f in footprints:
        clear = all(f.box.distance(other.box) > 5 for other in kept)
        if inner.covers(f.box) and clear:
            kept.append(f)
    return kept


def _school(lot: Lot, rng: np.random.Generator) -> Lot:
    """Teaching wings to the north, a running track to the south, gym and canteen beside."""
    x0, y0, x1, y1 = lot.shape.buffer(-9).bounds
    width, height = x1 - x0, y1 - y0
    track_w, track_d = min(125.0, 0.8 * width), min(72.0, 0.52 * height)
    track = _oval((x0 + x1) / 2 - 0.06 * width, y0 + track_d / 2 + 3, track_w, track_d)
    wing = min(86.0, 0.62 * width)
    footprints = [
        _box(lot, (0.34, 1.0), (wing, 13), "school", 5),
        _box(lot, (0.34, 0.72), (wing, 13), "school", 4),
        _box(lot, (1.0, 0.95), (30, 20), "school", 3),
        _box(lot, (1.0, 0.68), (22, 18), "school", 2),
    ]
    clear = [f for f in footprints if f.box.distance(track) > 5]
    lanes = [_spine(lot, 0.72)]
    return replace(
        lot,
        footprints=_kept(lot, clear),
        lanes=lanes,
        grounds=[("school", lot.shape), ("sports", track)],
    )


def _oval(x: float, y: float, width: float, depth: float) -> Polygon:
    half = max(1.0, (width - depth) / 2)
    return LineString([(x - half, y), (x + half, y)]).buffer(depth / 2, quad_segs=8)


def _hospital(lot: Lot, rng: np.random.Generator) -> Lot:
    footprints = [
        _box(lot, (0.45, 0.8), (82, 20), "hospital", 12),
        _box(lot, (0.3, 0.36), (60, 22), "hospital", 5),
        _box(lot, (0.85, 0.3), (34, 24), "hospital", 4),
        _box(lot, (1.0, 0.95), (20, 26), "hospital", 3),
        _box(lot, (0.0, 0.62), (18, 14), "hospital", 2),
    ]
    lanes = [_spine(lot, 0.62), _cross(lot, 0.58)]
    return replace(
        lot, footprints=_kept(lot, footprints), lanes=lanes, grounds=[("hospital", lot.shape)]
    )


def _market(lot: Lot, rng: np.random.Generator) -> Lot:
    """A covered hall and rows of stalls, shops along the edge."""
    footprints = [_box(lot, (0.36, 0.52), (66, 42), "market", 2)]
    footprints += [
        _box(lot, (0.94, y), (26, 11), "market", 1) for y in (0.06, 0.3, 0.54, 0.78, 1.0)
    ]
    footprints += [_box(lot, (x, 0.0), (26, 9), "shop", 2) for x in (0.0, 0.33)]
    footprints += [_box(lot, (x, 1.0), (26, 9), "shop", 2) for x in (0.0, 0.33)]
    lanes = [_spine(lot, 0.7), _cross(lot, 0.2), _cross(lot, 0.84)]
    return replace(
        lot, footprints=_kept(lot, footprints), lanes=lanes, grounds=[("market", lot.shape)]
    )


def _mall(lot: Lot, rng: np.random.Generator) -> Lot:
    footprints = [
        _box(lot, (0.0, 0.3), (62, 46), "mall", 5),
        _box(lot, (0.95, 0.8), (28, 28), "mall", 20),
        _box(lot, (0.1, 1.0), (40, 14), "shop", 3),
        _box(lot, (1.0, 0.05), (24, 18), "shop", 3),
    ]
    return replace(
        lot,
        footprints=_kept(lot, footprints),
        lanes=[_spine(lot, 0.7)],
        grounds=[("market", lot.shape)],
    )


def _office(lot: Lot, rng: np.random.Generator) -> Lot:
    """The subdistrict office behind its forecourt, police and fire stations beside it."""
    footprints = [
        _box(lot, (0.5, 0.72), (70, 16), "office", 6),
        _box(lot, (0.0, 0.2), (30, 14), "office", 4),
        _box(lot, (1.0, 0.2), (30, 18), "office", 3),
        _box(lot, (0.1, 1.0), (34, 13), "office", 4),
        _box(lot, (0.95, 1.0), (26, 13), "office", 4),
    ]
    x0, y0, x1, y1 = lot.shape.buffer(-12).bounds
    forecourt = shapely.box(x0 + 0.34 * (x1 - x0), y0, x0 + 0.66 * (x1 - x0), y0 + 0.4 * (y1 - y0))
    return replace(
        lot,
        footprints=_kept(lot, footprints),
        lanes=[_spine(lot, 0.3), _cross(lot, 0.52)],
        grounds=[("office", lot.shape), ("green", forecourt)],
    )


def _square(lot: Lot, rng: np.random.Generator) -> Lot:
    """An open square with a culture hall at its north and a round lawn."""
    footprints = [
        _box(lot, (0.5, 1.0), (60, 24), "office", 3),
        _box(lot, (0.0, 0.0), (16, 9), "shop", 1),
    ]
    x0, y0, x1, y1 = lot.shape.bounds
    lawn = Point((x0 + x1) / 2, y0 + 0.36 * (y1 - y0)).buffer(0.2 * (y1 - y0), quad_segs=8)
    lanes = [_spine(lot, 0.16), _spine(lot, 0.84)]
    return replace(
        lot,
        footprints=_kept(lot, footprints),
        lanes=lanes,
        grounds=[("square", lot.shape), ("green", lawn)],
    )


def _industry(lot: Lot, rng: np.random.Generator) -> Lot:
    """The old rolling-stock depot: long sheds, a boiler house, an office."""
    footprints = [_box(lot, (0.3, y), (70, 19), "depot", 2) for y in (0.95, 0.66, 0.36)]
    footprints += [
        _box(lot, (0.1, 0.0), (40, 13), "depot", 4),
        _box(lot, (1.0, 0.1), (22, 22), "depot", 2),
    ]
    return replace(
        lot,
        footprints=_kept(lot, footprints),
        lanes=[_spine(lot, 0.82), _cross(lot, 0.2)],
        grounds=[("industry", lot.shape)],
    )


def _park(lot: Lot, rng: np.random.Generator) -> Lot:
    """Winding paths, a pond and a pavilion; narrow strips keep only a path."""
    inner = lot.shape.buffer(-6)
    if inner.is_empty or lot.shape.area < 9_000:
        return replace(lot, grounds=[("green", lot.shape)])
    x0, y0, x1, y1 = inner.bounds
    t = np.linspace(0, 1, 24)
    xs = x0 + (x1 - x0) * (0.5 + 0.22 * np.sin(2 * np.pi * t * 1.3 + rng.uniform(0, 6)))
    path = LineString(np.column_stack([xs, y0 - 20 + (y1 - y0 + 40) * t])).intersection(lot.shape)
    path = max(shapely.get_parts(path), key=lambda part: part.length)
    ys = y0 + (y1 - y0) * (0.45 + 0.12 * np.sin(2 * np.pi * t + rng.uniform(0, 6)))
    cross = LineString(np.column_stack([x0 - 20 + (x1 - x0 + 40) * t, ys])).intersection(lot.shape)
    cross = max(shapely.get_parts(cross), key=lambda part: part.length)
    footprints = [_box(lot, (0.72, 0.62), (13, 9), "pavilion", 1)]
    clear = [f for f in footprints if min(f.box.distance(path), f.box.distance(cross)) > 2]
    return replace(
        lot, footprints=_kept(lot, clear), lanes=[path, cross], grounds=[("park", lot.shape)]
    )


_BUILDERS: dict[str, Builder] = {
    "school": _school,
    "hospital": _hospital,
    "market": _market,
    "mall": _mall,
    "office": _office,
    "square": _square,
    "industry": _industry,
    "park": _park,
}

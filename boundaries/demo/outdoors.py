"""What stands around the rows of homes: shops on the street, service houses, gardens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from shapely import LineString, Point, Polygon

from boundaries.demo.layout import Footprint

GARDENS = 3
"""Most lawns of a compound."""


def service_houses(
    inner: Polygon, footprints: list[Footprint], lanes: list[LineString], rng: np.random.Generator
) -> list[Footprint]:
    """Up to two one-storey houses on free ground: caretaker's office, heating station."""
    x0, y0, x1, y1 = inner.bounds
    taken = shapely.union_all([f.box for f in footprints])
    ways = shapely.union_all(lanes)
    made: list[Footprint] = []
    for _ in range(60):
        width, depth = rng.uniform(9, 15), rng.uniform(7, 9)
        x, y = rng.uniform(x0, x1 - width), rng.uniform(y0, y1 - depth)
        f = Footprint(x, y, x + width, y + depth, "service", 1)
        if (
            inner.covers(f.box)
            and taken.distance(f.box) > 6
            and 3 < ways.distance(f.box) < 16
            and all(f.box.distance(other.box) > 30 for other in made)
        ):
            made.append(f)
            if len(made) == 2:
                break
    return made


def without_shops(inner: Polygon, sides: list[str]) -> Polygon:
    """The inner ground less the strips where shops stand."""
    x0, y0, x1, y1 = inner.bounds
    south, north = 12.0 * ("south" in sides), 12.0 * ("north" in sides)
    cut = inner.intersection(shapely.box(x0, y0 + south, x1, y1 - north))
    return cut if isinstance(cut, Polygon) else inner


def shops(shape: Polygon, side: str, spine: float, rng: np.random.Generator) -> list[Footprint]:
    """Rows of two-storey shops along a street that runs east, open where the spine leaves."""
    inner = shape.buffer(-2.0, join_style="mitre")
    x0, y0, x1, y1 = inner.bounds
    made = []
    x = x0 + 3
    while x < x1 - 14:
        length = rng.uniform(22, 36)
        if x < spine + 6 and x + length > spine - 6:
            if spine - 6 - x >= 14:
                length = spine - 6 - x
            else:
                x = spine + 6
                continue
        for inset in np.arange(0.0, 12.0, 1.5):
            y = y0 + inset if side == "south" else y1 - inset - 8.5
            f = Footprint(x, y, x + length, y + 8.5, "shop", int(rng.choice((1, 2, 2, 3))))
            if inner.covers(f.box):
                made.append(replace(f, faces=side))
                break
        x += length + rng.uniform(3, 9)
    return made


def street_slabs(
    shape: Polygon, side: str, unit: tuple[float, float], rng: np.random.Generator
) -> list[Footprint]:
    """Slabs along a street that runs north, shops on the ground floor, doors to the yard."""
    inner = shape.buffer(-3.0, join_style="mitre")
    x0, y0, x1, y1 = inner.bounds
    made = []
    y = y0 + 16
    while y < y1 - 40:
        n_units = int(rng.choice((2, 3)))
        length = n_units * rng.uniform(*unit)
        for inset in (0.0, 3.0, 6.0, 9.0):
            a = x0 + inset if side == "west" else x1 - inset - 11.5
            f = Footprint(
                a,
                y,
                a + 11.5,
                y + length,
                "mixed",
                int(rng.choice((5, 6))),
                n_units,
                2,
                "east" if side == "west" else "west",
            )
            if inner.covers(f.box):
                made.append(f)
                break
        y += length + rng.uniform(12, 20)
    return made


def gardens(
    inner: Polygon, footprints: list[Footprint], lanes: list[LineString], rng: np.random.Generator
) -> list[Polygon]:
    """Lawns on the widest free ground, each the ground around a point that nothing else needs."""
    x0, y0, x1, y1 = inner.bounds
    points = shapely.points(rng.uniform((x0, y0), (x1, y1), (120, 2)))
    taken = shapely.union_all([*(f.box for f in footprints), *lanes])
    free = np.minimum(
        shapely.distance(points, taken) - 2.0, shapely.distance(points, inner.exterior)
    )
    free = np.where(shapely.contains(inner, points), np.minimum(free, 16.0), 0.0)
    made: list[Polygon] = []
    for at in np.argsort(-free).tolist():
        if free[at] < 5.0 or len(made) == GARDENS:
            break
        lawn = _lawn(points[at], float(free[at]), rng)
        if all(lawn.distance(other) > 6 for other in made):
            made.append(lawn)
    return made


def _lawn(middle: Point, reach: float, rng: np.random.Generator) -> Polygon:
    """A rounded lawn, longer than wide, within reach of its middle."""
    half = 0.45 * reach
    turn = 0.0 if rng.random() < 0.8 else np.pi / 2
    dx, dy = half * np.cos(turn), half * np.sin(turn)
    axis = LineString([(middle.x - dx, middle.y - dy), (middle.x + dx, middle.y + dy)])
    return axis.buffer(reach - half, quad_segs=4)

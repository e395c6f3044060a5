"""How a block of homes is laid out: rows of slabs and towers, the lanes behind them, a spine."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from shapely import LineString, Polygon

from boundaries.demo import outdoors
from boundaries.demo.layout import Footprint, Lot


@dataclass(frozen=True)
class Style:
    """How homes of an age are built; lengths in metres."""

    depth: float
    row_gap: float
    unit: tuple[float, float]
    units: tuple[int, ...]
    per_floor: int
    floors: tuple[int, ...]
    side_gap: tuple[float, float]
    tower_rows: float
    tower_floors: tuple[int, ...]


STYLES: dict[str, Style] = {
    "rail": Style(11.0, 19.0, (13, 16), (2, 2, 3), 3, (4, 5, 5, 6), (8, 11), 0.0, (11,)),
    "old": Style(11.5, 20.0, (14, 17), (2, 3, 3), 3, (6, 6, 7), (8, 11), 0.04, (11,)),
    "mixed": Style(12.0, 21.0, (14, 17), (2, 2, 3), 3, (6, 7, 7), (8, 12), 0.2, (11, 15)),
    "mid": Style(12.5, 22.0, (14, 17), (2, 3, 3), 3, (6, 7, 7), (9, 13), 0.3, (11, 15, 18)),
    "new": Style(13.0, 26.0, (15, 18), (2, 2, 3), 2, (8, 11), (11, 15), 0.75, (18, 20, 24)),
}


@dataclass(frozen=True)
class Span:
    """Where rows may stand, from west to east, parted by the spine lane; x in metres."""

    left: float
    right: float
    spine: float

    @property
    def halves(self) -> tuple[tuple[float, float], tuple[float, float]]:
        return (self.left, self.spine - 4.5), (self.spine + 4.5, self.right)


def homes(lot: Lot, style: Style, fronts: frozenset[str], rng: np.random.Generator) -> Lot:
    """The lot with rows of homes, shops on its street sides, lanes behind the rows and a spine."""
    inner = shapely.buffer(lot.shape, -5.5, join_style="mitre")
    has_shops = style.tower_rows > 0.25
    shop_sides: list[str] = sorted(fronts & {"south", "north"}) if has_shops else []
    inner = outdoors.without_shops(inner, shop_sides)
    if inner.is_empty or inner.geom_type != "Polygon":
        return lot
    x0, _, x1, _ = inner.bounds
    sides = [side for side in ("west", "east") if side in fronts and x1 - x0 > 105]
    edge = [f for side in sides for f in outdoors.street_slabs(lot.shape, side, style.unit, rng)]
    left = x0 + (12 if "west" in sides else 0)
    right = x1 - (12 if "east" in sides else 0)
    spine = (left + right) / 2 + rng.uniform(-6, 6)
    row_fronts = fronts - frozenset(shop_sides)
    rows, lanes = _rows(inner, Span(left, right, spine), style, row_fronts, rng)
    edge = [f for f in edge if all(f.box.distance(g.box) > 7 for g in rows)]
    ends = np.array([[lane.coords[0][0], lane.coords[-1][0]] for lane in lanes]).reshape(-1, 2)
    if len(lanes) > 1:
        for x in (float(ends[:, 0].max()), float(ends[:, 1].min())):
            ys = [lane.coords[0][1] for lane in lanes]
            side_lane = LineString([(x, min(ys)), (x, max(ys))])
            is_clear = all(side_lane.distance(f.box) > 1.5 for f in rows)
            if is_clear and abs(x - spine) > 30 and rng.random() < 0.8:
                lanes.append(side_lane)
    shops = [shop for side in shop_sides for shop in outdoors.shops(lot.shape, side, spine, rng)]
    lanes.append(_spine(lot.shape, spine))
    ways = shapely.union_all(lanes)
    clear = [f for f in shops if ways.distance(f.box) > 1.5]
    edge += [f for f in clear if all(f.box.distance(g.box) > 5 for g in rows + edge)]
    footprints = rows + edge
    footprints += outdoors.service_houses(inner, footprints, lanes, rng)
    gardens = outdoors.gardens(inner, footprints, lanes, rng)
    return replace(lot, footprints=footprints, lanes=lanes, grounds=[("green", g) for g in gardens])


def _spine(shape: Polygon, x: float) -> LineString:
    cut = LineString([(x, -1e3), (x, 1e3)]).intersection(shape)
    parts = sorted(shapely.get_parts(cut), key=lambda part: -part.length)
    return parts[0] if parts else LineString()


def _rows(
    inner: Polygon,
    span: Span,
    style: Style,
    fronts: frozenset[str],
    rng: np.random.Generator,
) -> tuple[list[Footprint], list[LineString]]:
    """Rows from south to north with equal gaps; the northern ones may be towers."""
    _, y0, _, y1 = inner.bounds
    pitch = style.depth + style.row_gap
    n_rows = max(1, int((y1 - y0 - style.depth - 4) / pitch) + 1)
    gap = (y1 - y0 - style.depth - 4) / (n_rows - 1) if n_rows > 1 else 0.0
    columns = _columns(span, style, rng)
    floors = int(rng.choice(style.floors))
    tower_from = n_rows - round(style.tower_rows * n_rows + rng.uniform(-0.4, 0.4))
    footprints: list[Footprint] = []
    lanes: list[LineString] = []
    shift = rng.uniform(0, 9) if rng.random() < 0.3 else 0.0
    for row in range(n_rows):
        y = y0 + row * min(gap, 62.0)
        is_front = (row == 0 and "south" in fronts) or (row == n_rows - 1 and "north" in fronts)
        if row >= tower_from:
            made = _towers(inner, span, y, style, rng)
        else:
            offset = shift if row % 2 else 0.0
            kind = "mixed" if is_front else "slab"
            model = Footprint(0, y + 0.4 * offset, 0, 0, kind, floors, 1, style.per_floor)
            made = _slabs(inner, columns, model, style.depth, rng)
        if made:
            footprints += made
            lane_y = max(f.y1 for f in made) + 5.5
            ends = [min(f.x0 for f in made) - 4.0, max(f.x1 for f in made) + 4.0, span.spine]
            lanes += _inside(inner.buffer(4.0), min(ends), max(ends), lane_y)
    return footprints, lanes


def _inside(shape: Polygon, x0: float, x1: float, y: float) -> list[LineString]:
    """The level line clipped to the shape, its longest part."""
    cut = shapely.get_parts(LineString([(x0, y), (x1, y)]).intersection(shape))
    cut = [part for part in cut if part.length > 12]
    return [max(cut, key=lambda part: part.length)] if cut else []


def _columns(span: Span, style: Style, rng: np.random.Generator) -> list[tuple[float, float, int]]:
    """Slab positions (x0, x1, units) left and right of the spine lane, filling the span."""
    columns: list[tuple[float, float, int]] = []
    for a, b in span.halves:
        units: list[int] = []
        gap = rng.uniform(*style.side_gap)
        low = style.unit[0]
        while (sum(units) + 2) * low + len(units) * gap <= b - a:
            room = int((b - a - len(units) * gap) / low) - sum(units)
            n_units = min(int(rng.choice(style.units)), room)
            units.append(n_units if room - n_units != 1 or n_units == 2 else n_units + 1)
        if not units:
            continue
        unit = min(style.unit[1], (b - a - (len(units) - 1) * gap) / sum(units))
        slack = b - a - sum(units) * unit - (len(units) - 1) * gap
        gap += slack / max(1, len(units) - 1) if len(units) > 1 else 0.0
        x = a if len(units) > 1 else a + slack / 2
        for n_units in units:
            columns.append((x, x + n_units * unit, n_units))
            x += n_units * unit + gap
    return columns


def _slabs(
    inner: Polygon,
    columns: list[tuple[float, float, int]],
    model: Footprint,
    depth: float,
    rng: np.random.Generator,
) -> list[Footprint]:
    """Copies of the model in the columns, with fewer entrances where the ground is narrower."""
    made = []
    ground = inner.buffer(1.0)
    for x0, x1, n_units in columns:
        y = model.y0 + rng.uniform(-0.8, 0.8)
        for n in range(n_units, 0, -1):
            width = (x1 - x0) * n / n_units
            tried = [
                replace(model, x0=x, x1=x + width, y0=y, y1=y + depth, n_entrances=n)
                for x in (x0, x1 - width)
            ]
            fitting = [f for f in tried if ground.covers(f.box)]
            if fitting:
                made.append(fitting[0])
                break
    return made


def _towers(
    inner: Polygon,
    span: Span,
    y: float,
    style: Style,
    rng: np.random.Generator,
) -> list[Footprint]:
    """Point blocks of about 25 by 17 m, evenly spread left and right of the spine lane."""
    made: list[Footprint] = []
    floors = int(rng.choice(style.tower_floors))
    width, depth = 25.0 + rng.uniform(-1, 2), 17.0
    y += (style.depth - depth) / 2 + 2.0
    for a, b in span.halves:
        n_towers = int((b - a + 14) / (width + 14))
        for i in range(n_towers):
            mid = a + (b - a) * (i + 0.5) / n_towers
            for shift in (0.0, -5.0, 5.0, -9.0, 9.0):
                x = mid + shift - width / 2
                f = Footprint(x, y, x + width, y + depth, "tower", floors, 1, 4)
                clear = all(f.box.distance(g.box) > 11 for g in made) and (
                    f.x1 < span.spine - 4 or f.x0 > span.spine + 4
                )
                if clear and inner.buffer(1.0).covers(f.box):
                    made.append(f)
                    break
    return made

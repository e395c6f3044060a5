"""Outline, communities, river, rail and blocks, drawn from the skeleton."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from boundaries.demo import skeleton
from boundaries.demo.skeleton import Ground, Line, Points

GRID_M = 0.01
"""All coordinates lie on this raster, so that shared borders are shared to the last bit."""

OVERSHOOT_M = 14.0
"""Minor streets are drawn this much too long at both ends; what sticks out is trimmed."""

LEAST_HOMES_M2 = 5_200.0
LEAST_HOMES_DEPTH_M = 14.0
"""Blocks of less area, or less area per metre around them, stay green."""


@dataclass(frozen=True)
class Road:
    """A street centre line, noded nowhere yet."""

    key: str
    kind: str
    width_m: float
    divides: bool
    line: LineString


@dataclass(frozen=True)
class Block:
    """The ground between street reserves; `kind` is its use, `style` how homes are built."""

    shape: Polygon
    kind: str
    style: str
    community: int
    name: tuple[str, str] | None = None


@dataclass(frozen=True)
class Terrain:
    """The drawn town in metres from the origin, x east, y north."""

    outline: Polygon
    communities: list[Polygon]
    roads: list[Road]
    river: Polygon
    river_line: LineString
    rail: LineString
    blocks: list[Block]


def smooth(points: np.ndarray, *, step_m: float = 18.0) -> np.ndarray:
    """Points along the centripetal-free Catmull-Rom curve through `points`, ends kept."""
    if len(points) < 3:
        return points
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    pieces = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        n_steps = max(2, int(np.hypot(*(c - b)) / step_m))
        t = np.linspace(0, 1, n_steps, endpoint=False)[:, None]
        pieces.append(
            0.5
            * (
                2 * b
                + (c - a) * t
                + (2 * a - 5 * b + 4 * c - d) * t**2
                + (3 * b - 3 * c + d - a) * t**3
            )
        )
    return np.vstack([*pieces, points[-1:]])


def draw(rng: np.random.Generator) -> Terrain:
    """The terrain: the skeleton with small seeded shifts, scaled to the wanted area."""
    scale = _scale()
    ring = [_curve(line.points, scale) for line in skeleton.OUTLINE]
    outline = Polygon(np.vstack([curve[:-1] for curve in ring]))
    outline = shapely.set_precision(outline, GRID_M)
    rail = LineString(_curve(skeleton.RAIL, scale))
    river_line = LineString(_curve(skeleton.RIVER, scale))
    river = shapely.set_precision(_river(river_line, rng).intersection(outline), GRID_M)
    roads = [
        Road(line.key, line.kind, line.width_m, True, LineString(curve))
        for line, curve in zip(skeleton.OUTLINE, ring, strict=True)
    ]
    roads += [_road(line, scale, rng) for line in skeleton.ROADS]
    roads += _side_roads(river_line, rail)
    communities = _communities(outline, roads, [rail, river_line], scale)
    blocks = _blocks(
        outline, roads=roads, river=river, rail=rail, communities=communities, scale=scale
    )
    return Terrain(outline, communities, roads, river, river_line, rail, blocks)


def place(points: Points | np.ndarray, scale: float) -> np.ndarray:
    """Drawing coordinates scaled and turned."""
    turn = np.radians(skeleton.TURN_DEG)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return np.asarray(scale * np.asarray(points, dtype=float) @ matrix)


def _curve(points: Points, scale: float) -> np.ndarray:
    return smooth(place(points, scale))


def _scale() -> float:
    rings = np.vstack([_curve(line.points, 1.0)[:-1] for line in skeleton.OUTLINE])
    return float(np.sqrt(skeleton.AREA_M2 / Polygon(rings).area))


def _road(line: Line, scale: float, rng: np.random.Generator) -> Road:
    """The road with its inner points shifted a few metres, so that no two seeds draw alike."""
    points = np.asarray(line.points, dtype=float)
    if line.kind == "residential":
        points = points + rng.normal(0, 2.0, points.shape)
    if not line.divides:
        points = _overshot(points)
    curve = smooth(place(points, scale))
    return Road(line.key, line.kind, line.width_m, line.divides, LineString(curve))


def _overshot(points: np.ndarray) -> np.ndarray:
    """The points with both ends moved OVERSHOOT_M outward, so that the line meets its crossing."""
    first, last = points[0] - points[1], points[-1] - points[-2]
    moved = points.copy()
    moved[0] += OVERSHOOT_M * first / np.hypot(*first)
    moved[-1] += OVERSHOOT_M * last / np.hypot(*last)
    return moved


def _side_roads(river: LineString, rail: LineString) -> list[Road]:
    """Streets along both banks and along both sides of the rail."""
    west, east = skeleton.BANK_ROADS
    offset = skeleton.BANK_OFFSET_M
    sides = [
        (west, river, -offset),
        (east, river, offset),
        (Line("rail_north", "residential", (), 14), rail, skeleton.RAIL_STREET_OFFSET_M),
    ]
    roads = []
    for line, axis, distance in sides:
        curve = shapely.simplify(shapely.offset_curve(axis, distance, join_style="round"), 0.3)
        roads.append(Road(line.key, line.kind, line.width_m, False, curve))
    return roads


def _river(line: LineString, rng: np.random.Generator) -> Polygon:
    """Water between two banks whose distance swells and narrows along the way."""
    low, high = skeleton.RIVER_HALF_WIDTH_M
    along = np.linspace(0, line.length, 120)
    phase = rng.uniform(0, 2 * np.pi, 2)
    swell = 0.5 + 0.3 * np.sin(along / 130 + phase[0]) + 0.2 * np.sin(along / 47 + phase[1])
    half = low + (high - low) * swell
    here = shapely.get_coordinates(shapely.line_interpolate_point(line, along))
    ahead = np.gradient(here, axis=0)
    normal = np.column_stack([-ahead[:, 1], ahead[:, 0]]) / np.hypot(*ahead.T)[:, None]
    left, right = here + normal * half[:, None], here - normal * half[:, None]
    return shapely.make_valid(Polygon(np.vstack([left, right[::-1]])))


def _communities(
    outline: Polygon, roads: list[Road], lines: list[LineString], scale: float
) -> list[Polygon]:
    """Communities, an exact coverage: each the union of the faces nearest to its points."""
    faces = faces_within(outline, [road.line for road in roads if road.divides] + lines)
    owner = np.concatenate([[i] * len(p) for i, (_, p) in enumerate(skeleton.COMMUNITIES)])
    points = shapely.points(
        place(np.vstack([np.asarray(p, dtype=float) for _, p in skeleton.COMMUNITIES]), scale)
    )
    distance = shapely.distance(np.array(faces)[:, None], points[None, :])
    inner = shapely.distance(shapely.point_on_surface(faces)[:, None], points[None, :])
    nearest = np.argmin(distance * 1e6 + inner, axis=1)
    members = owner[nearest]
    return [
        shapely.union_all(
            [f for f, m in zip(faces, members, strict=True) if m == i], grid_size=GRID_M
        )
        for i in range(len(skeleton.COMMUNITIES))
    ]


def faces_within(outline: Polygon, lines: list[LineString]) -> list[Polygon]:
    """Faces that the lines cut the outline into; together exactly the outline."""
    noded = shapely.union_all([outline.boundary, *lines], grid_size=GRID_M)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    inside = shapely.covers(outline.buffer(1.0), faces)
    return list(faces[inside])


def _blocks(
    outline: Polygon,
    *,
    roads: list[Road],
    river: Polygon,
    rail: LineString,
    communities: list[Polygon],
    scale: float,
) -> list[Block]:
    """Grounds left when the street reserves, the river's banks and the rail are taken out."""
    reserves: list[BaseGeometry] = [
        road.line.buffer(road.width_m / 2, cap_style="flat") for road in roads
    ]
    reserves += [river.buffer(9.0), rail.buffer(skeleton.RAIL_RESERVE_M / 2, cap_style="flat")]
    left = outline.difference(shapely.union_all(reserves))
    parts = [part for part in _polygons(left.buffer(-7).buffer(7)) if part.area > 1_500]
    parts = [Polygon(part.buffer(9).buffer(-9).exterior) for part in parts]
    tree = shapely.STRtree(communities)
    blocks = []
    for part, given in zip(parts, _grounds(parts, scale), strict=True):
        at = int(tree.nearest(part.representative_point()))
        if given is not None:
            blocks.append(Block(part, given.kind, "", at, (given.name, given.name_en)))
        elif part.area >= LEAST_HOMES_M2 and part.area / part.length >= LEAST_HOMES_DEPTH_M:
            blocks.append(Block(part, "homes", skeleton.COMMUNITIES[at][0], at))
        else:
            blocks.append(Block(part, "park", "", at))
    return blocks


def _grounds(parts: list[Polygon], scale: float) -> list[Ground | None]:
    """The drawn use of each block, by its point; None where none is drawn."""
    found: list[Ground | None] = [None for _ in parts]
    points = shapely.points(place(np.array([g.point for g in skeleton.GROUNDS]), scale))
    block_at, ground_at = shapely.STRtree(points).query(parts, predicate="contains")
    for block, ground in zip(block_at.tolist(), ground_at.tolist(), strict=True):
        found[block] = skeleton.GROUNDS[ground]
    return found


def _polygons(shape: BaseGeometry) -> list[Polygon]:
    return [part for part in shapely.get_parts(shape) if isinstance(part, Polygon)]

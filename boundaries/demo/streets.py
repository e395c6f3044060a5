"""The street network: noded, connected, with every compound's lanes and gates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from boundaries.demo import skeleton
from boundaries.demo.ground import GRID_M, Terrain
from boundaries.demo.layout import Lot

OVERSHOOT_M = 95.0
"""Dead ends of drawn streets shorter than this are overshoots of the drawing."""

GATE_REACH_M = 48.0
"""A gate lies on a street whose centre line is within this distance of the wall."""

GATE_WIDTH_M = 7.0


@dataclass(frozen=True)
class Segment:
    """A piece of street between two nodes; `source` is the road's key or `lot:<number>`."""

    source: str
    kind: str
    line: LineString


def network(terrain: Terrain, lots: list[Lot]) -> tuple[list[Segment], list[Lot]]:
    """Segments of streets and lanes, one connected network, and the lots with their gates."""
    roads = _trimmed(_noded_roads(terrain))
    merged = shapely.union_all([segment.line for segment in roads])
    lanes: list[tuple[str, str, LineString]] = []
    gated: list[Lot] = []
    for i, lot in enumerate(lots):
        lines, gates = _lanes(lot, merged)
        kind = "footway" if lot.block.kind in ("park", "square") else "service"
        lanes += [(f"lot:{i}", kind, line) for line in lines]
        gated.append(replace(lot, gates=gates))
    sources = [(s.source, s.kind, s.line) for s in roads] + lanes
    segments = _node(sources)
    segments = _without_stubs(segments, least_m=2.5)
    return _connected(segments), gated


def _noded_roads(terrain: Terrain) -> list[Segment]:
    sources = [(road.key, road.kind, road.line) for road in terrain.roads]
    for side in (-1, 1):
        distance = side * skeleton.PROMENADE_OFFSET_M
        path = shapely.offset_curve(terrain.river_line, distance, join_style="round")
        sources.append(("promenade", "footway", shapely.simplify(path, 0.3)))
    segments = _node(sources)
    middle = shapely.line_interpolate_point([s.line for s in segments], 0.5, normalized=True)
    is_inside = shapely.dwithin(terrain.outline, middle, 0.5)
    return [s for s, inside in zip(segments, is_inside, strict=True) if inside]


def _lines(shape: BaseGeometry) -> list[LineString]:
    return [p for p in shapely.get_parts(shape) if isinstance(p, LineString) and p.length > 0.05]


def _node(sources: list[tuple[str, str, LineString]]) -> list[Segment]:
    """The lines cut wherever they meet; each piece keeps the source it lies on."""
    lines = np.array([line for _, _, line in sources])
    pieces = np.array(_lines(shapely.union_all(lines, grid_size=GRID_M)))
    middle = shapely.line_interpolate_point(pieces, 0.5, normalized=True)
    nearest = shapely.STRtree(lines).nearest(middle)
    return [
        Segment(sources[at][0], sources[at][1], piece)
        for at, piece in zip(nearest.tolist(), pieces, strict=True)
    ]


def _ends(segments: list[Segment]) -> np.ndarray:
    """Node number of both ends of each segment, shape (n, 2)."""
    lines = np.array([segment.line for segment in segments])
    ends = np.concatenate(
        [
            shapely.get_coordinates(shapely.get_point(lines, 0)),
            shapely.get_coordinates(shapely.get_point(lines, -1)),
        ]
    )
    _, node = np.unique(np.round(ends / GRID_M).astype("int64"), axis=0, return_inverse=True)
    return np.asarray(node).reshape(2, -1).T


def _trimmed(segments: list[Segment]) -> list[Segment]:
    """Without overshoots and without stubs at the town's edge."""
    return _without_stubs(segments, least_m=OVERSHOOT_M)


def _without_stubs(segments: list[Segment], *, least_m: float) -> list[Segment]:
    while True:
        ends = _ends(segments)
        degree = np.bincount(ends.ravel())
        is_stub = (degree[ends] == 1).any(axis=1) & np.array(
            [segment.line.length < least_m for segment in segments]
        )
        if not is_stub.any():
            return segments
        segments = [s for s, stub in zip(segments, is_stub, strict=True) if not stub]


def _connected(segments: list[Segment]) -> list[Segment]:
    """The largest connected part."""
    ends = _ends(segments)
    size = int(ends.max()) + 1
    links = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(size, size))
    _, label = connected_components(links, directed=False)
    main = np.bincount(label[ends[:, 0]]).argmax()
    return [s for s, at in zip(segments, label[ends[:, 0]], strict=True) if at == main]


def _lanes(lot: Lot, roads: BaseGeometry) -> tuple[list[LineString], list[Point]]:
    """The lot's lanes in the town's frame, led through the wall to the street at each gate."""
    lanes: list[LineString] = []
    gates: list[Point] = []
    for lane in lot.lanes:
        if lane.is_empty:
            continue
        line = lot.outward(lane)
        assert isinstance(line, LineString)
        xy = shapely.get_coordinates(line)
        for at, before in ((0, 1), (-1, -2)):
            end = Point(xy[at])
            if lot.block.shape.exterior.distance(end) > 1.0:
                continue
            reach = _to_road(xy[at], xy[at] - xy[before], roads)
            if reach is not None:
                lanes.append(LineString([xy[at], reach]))
                gates.append(end)
        lanes.append(line)
    return lanes, gates


def _to_road(start: np.ndarray, heading: np.ndarray, roads: BaseGeometry) -> np.ndarray | None:
    """A point just beyond the first street met going straight on; None when there is none."""
    unit = heading / np.hypot(*heading)
    ray = LineString([start, start + unit * GATE_REACH_M])
    hits = shapely.get_coordinates(ray.intersection(roads))
    if not len(hits):
        return None
    distance = np.hypot(*(hits - start).T)
    return np.asarray(start + unit * (distance.min() + 0.5))


def wall_lines(shape: Polygon, ways: BaseGeometry) -> BaseGeometry:
    """The wall around a compound, open where a way passes."""
    passages = shapely.get_coordinates(shape.exterior.intersection(ways))
    openings = shapely.union_all(shapely.buffer(shapely.points(passages), GATE_WIDTH_M / 2))
    return shapely.line_merge(shape.exterior.difference(openings))

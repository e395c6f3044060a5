"""A block in its own frame: footprints of buildings to be, lanes, gates, the streets it faces."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from boundaries.demo.ground import Block, Road


@dataclass(frozen=True)
class Footprint:
    """A building to be: its box in the block's frame (x east, y north), before details."""

    x0: float
    y0: float
    x1: float
    y1: float
    kind: str
    floors: int
    n_entrances: int = 1
    per_floor: int = 0
    faces: str = "north"

    @property
    def length_m(self) -> float:
        return max(self.x1 - self.x0, self.y1 - self.y0)

    @property
    def box(self) -> Polygon:
        return shapely.box(self.x0, self.y0, self.x1, self.y1)


@dataclass(frozen=True)
class Lot:
    """A laid-out block. Lanes and footprints are in its frame, turned by `turn` about `centre`."""

    block: Block
    shape: Polygon
    turn: float
    centre: tuple[float, float]
    footprints: list[Footprint] = field(default_factory=list)
    lanes: list[LineString] = field(default_factory=list)
    gates: list[Point] = field(default_factory=list)
    grounds: list[tuple[str, Polygon]] = field(default_factory=list)

    def outward(self, shape: BaseGeometry) -> BaseGeometry:
        """A shape of the block's frame in the town's frame."""
        return turned(shape, self.turn, self.centre)


def turned(shape: BaseGeometry, turn: float, centre: tuple[float, float]) -> BaseGeometry:
    """The shape turned counter-clockwise by `turn` radians about the origin, then moved."""
    c, s = np.cos(turn), np.sin(turn)

    def move(xy: np.ndarray) -> np.ndarray:
        return np.column_stack([xy @ [c, -s] + centre[0], xy @ [s, c] + centre[1]])

    return shapely.transform(shape, move)


def inward(shape: BaseGeometry, turn: float, centre: tuple[float, float]) -> BaseGeometry:
    """A shape of the town's frame in the frame of a lot."""
    c, s = np.cos(turn), np.sin(turn)

    def move(xy: np.ndarray) -> np.ndarray:
        xy = xy - centre
        return np.column_stack([xy @ [c, s], xy @ [-s, c]])

    return shapely.transform(shape, move)


def empty_lot(block: Block) -> Lot:
    """The block in its own frame: x along its east-west side, zero at its centroid."""
    centre = (block.shape.centroid.x, block.shape.centroid.y)
    turn = _bearing(block.shape)
    shape = inward(block.shape, turn, centre)
    assert isinstance(shape, Polygon)
    return Lot(block, shape, turn, centre)


def _bearing(shape: Polygon) -> float:
    """Angle of the block's east-west side, radians, from the sides' directions by length."""
    xy = shapely.get_coordinates(shapely.simplify(shape, 2.0).exterior)
    step = np.diff(xy, axis=0)
    angle = np.arctan2(step[:, 1], step[:, 0])
    folded = (angle + np.pi / 4) % (np.pi / 2) - np.pi / 4
    weight = np.hypot(*step.T) ** 2 * (np.abs(folded) < np.radians(16))
    mean = float(np.average(folded, weights=weight)) if weight.sum() > 0 else np.radians(-3.5)
    return float(np.clip(mean, np.radians(-12), np.radians(12)))


def frontage(lot: Lot, roads: list[Road], kinds: frozenset[str]) -> frozenset[str]:
    """Sides (south, north, west, east) of the lot that lie on a street of these classes."""
    x0, y0, x1, y1 = lot.shape.bounds
    mids = {
        "south": Point((x0 + x1) / 2, y0),
        "north": Point((x0 + x1) / 2, y1),
        "west": Point(x0, (y0 + y1) / 2),
        "east": Point(x1, (y0 + y1) / 2),
    }
    found = set()
    for road in roads:
        if road.kind not in kinds:
            continue
        for side, point in mids.items():
            if road.line.distance(lot.outward(point)) < road.width_m / 2 + 16:
                found.add(side)
    return frozenset(found)

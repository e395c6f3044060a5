"""Buildings in exact number, with their details, doors and numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from shapely import Point, Polygon

from boundaries.demo.layout import Footprint, Lot
from geo.errors import ParameterError

N_BUILDINGS = 493
N_ENTRANCES = 924

USES = {
    "slab": "residential",
    "tower": "residential",
    "mixed": "mixed",
    "service": "other",
    "shop": "commercial",
    "mall": "commercial",
    "market": "commercial",
    "school": "public",
    "hospital": "public",
    "office": "public",
    "pavilion": "public",
    "depot": "industrial",
}
HOME_KINDS = frozenset({"slab", "tower", "mixed"})
ENTRANCE_WIDTH_M = (10.5, 23.0)
"""Narrowest and widest front of one entrance (单元) of a slab."""


@dataclass(frozen=True)
class Built:
    """A building: its lot, what it is, its outline and doors in the town's frame."""

    lot: int
    plan: Footprint
    shape: Polygon
    doors: list[Point]
    middle: tuple[float, float]


def fit_counts(lots: list[Lot], rng: np.random.Generator) -> list[Lot]:
    """The lots with exactly the wanted numbers of buildings and entrances.

    Surplus buildings go from service houses first, then slabs of the fullest lots; entrances
    are added where they are widest and taken where they are narrowest.

    Raises
    ------
    ParameterError : the drawing holds too few buildings for the wanted number
    """
    plans = [(i, f) for i, lot in enumerate(lots) for f in lot.footprints]
    surplus = len(plans) - N_BUILDINGS
    if surplus < 0:
        raise ParameterError(
            "demo.too_few_buildings",
            f"the drawing must hold {N_BUILDINGS} buildings; got {len(plans)}. Use another seed.",
            wanted=N_BUILDINGS,
            found=len(plans),
        )
    plans = _drop(plans, surplus, rng)
    plans = _fit_entrances(plans)
    return [replace(lot, footprints=[f for j, f in plans if j == i]) for i, lot in enumerate(lots)]


def _drop(
    plans: list[tuple[int, Footprint]], surplus: int, rng: np.random.Generator
) -> list[tuple[int, Footprint]]:
    houses = [k for k, (_, f) in enumerate(plans) if f.kind == "service"]
    gone = set(rng.permutation(houses)[: min(surplus, len(houses) - 12)].tolist())
    while len(gone) < surplus:
        left = [i for k, (i, f) in enumerate(plans) if k not in gone and f.kind == "slab"]
        fullest = int(np.argmax(np.bincount(left)))
        inside = [
            k
            for k, (i, f) in enumerate(plans)
            if i == fullest and f.kind == "slab" and k not in gone
        ]
        gone.add(min(inside, key=lambda k: plans[k][1].length_m))
    return [plan for k, plan in enumerate(plans) if k not in gone]


def _fit_entrances(plans: list[tuple[int, Footprint]]) -> list[tuple[int, Footprint]]:
    length = np.array([f.length_m for _, f in plans])
    count = np.array([f.n_entrances for _, f in plans])
    is_open = np.array([f.kind in ("slab", "mixed") for _, f in plans])
    while (missing := N_ENTRANCES - int(count.sum())) != 0:
        step = 1 if missing > 0 else -1
        width = length / np.maximum(count + step, 1)
        allowed = is_open & (count + step >= 1)
        if step > 0:
            allowed &= width >= ENTRANCE_WIDTH_M[0]
            at = int(np.argmax(np.where(allowed, width, -np.inf)))
        else:
            allowed &= width <= ENTRANCE_WIDTH_M[1]
            at = int(np.argmin(np.where(allowed, width, np.inf)))
        if not allowed.any():
            raise ParameterError(
                "demo.entrances",
                f"the buildings must hold {N_ENTRANCES} entrances; {missing} do not fit.",
                wanted=N_ENTRANCES,
                missing=missing,
            )
        count[at] += step
    return [(i, replace(f, n_entrances=int(n))) for (i, f), n in zip(plans, count, strict=True)]


def raise_buildings(lots: list[Lot]) -> list[Built]:
    """Every building with its outline and doors, lot by lot, north to south, west to east."""
    built = []
    for i, lot in enumerate(lots):
        order = sorted(lot.footprints, key=lambda f: (-round(f.y0 / 12), f.x0))
        for plan in order:
            outline, doors = _details(plan)
            shape = shapely.set_precision(lot.outward(outline), 0.01)
            points = [lot.outward(door) for door in doors]
            middle = lot.outward(plan.box.centroid)
            built.append(Built(i, plan, shape, points, (middle.x, middle.y)))
    return built


def _details(plan: Footprint) -> tuple[Polygon, list[Point]]:
    if plan.kind == "tower":
        return _tower(plan), [Point((plan.x0 + plan.x1) / 2, plan.y1 + 0.6)]
    if plan.kind in ("slab", "mixed"):
        return _slab(plan)
    if plan.kind in ("hospital", "school", "office") and plan.length_m > 55:
        return _winged(plan), [Point((plan.x0 + plan.x1) / 2, plan.y0 - 0.5)]
    if plan.kind == "mall" and plan.length_m > 50:
        return _notched(plan), [Point((plan.x0 + plan.x1) / 2, plan.y0 - 0.5)]
    return plan.box, [_door_of_shop(plan)]


def _door_of_shop(plan: Footprint) -> Point:
    y = plan.y1 + 0.5 if plan.faces == "north" else plan.y0 - 0.5
    return Point((plan.x0 + plan.x1) / 2, y)


def _slab(plan: Footprint) -> tuple[Polygon, list[Point]]:
    """A slab with a stair bay at each entrance, on the side it faces."""
    bay, half = 1.3, 1.5
    along = (np.arange(plan.n_entrances) + 0.5) / plan.n_entrances
    bays: list[Polygon] = []
    doors: list[Point] = []
    for share in along:
        if plan.faces == "north":
            x = plan.x0 + share * (plan.x1 - plan.x0)
            bays.append(shapely.box(x - half, plan.y1 - 1, x + half, plan.y1 + bay))
            doors.append(Point(x, plan.y1 + bay + 0.4))
        else:
            y = plan.y0 + share * (plan.y1 - plan.y0)
            sign, edge = (1, plan.x1) if plan.faces == "east" else (-1, plan.x0)
            x0, x1 = sorted((edge - sign, edge + sign * bay))
            bays.append(shapely.box(x0, y - half, x1, y + half))
            doors.append(Point(edge + sign * (bay + 0.4), y))
    outline = shapely.union_all([plan.box, *bays])
    assert isinstance(outline, Polygon)
    return outline, doors


def _tower(plan: Footprint) -> Polygon:
    """A point block with a recess in the middle of each long side and cut corners."""
    x, w = (plan.x0 + plan.x1) / 2, plan.x1 - plan.x0
    recess = [
        shapely.box(x - 2.6, plan.y0 - 1, x + 2.6, plan.y0 + 2.2),
        shapely.box(x - 0.42 * w - 0.1 * w, plan.y0 - 1, x - 0.40 * w, plan.y0 + 3.0),
        shapely.box(x + 0.40 * w, plan.y0 - 1, x + 0.52 * w, plan.y0 + 3.0),
        shapely.box(x - 0.52 * w, plan.y1 - 2.5, x - 0.34 * w, plan.y1 + 1),
        shapely.box(x + 0.34 * w, plan.y1 - 2.5, x + 0.52 * w, plan.y1 + 1),
    ]
    outline = shapely.difference(plan.box, shapely.union_all(recess))
    assert isinstance(outline, Polygon)
    return outline


def _winged(plan: Footprint) -> Polygon:
    """A long block with a porch at the front and two stair bays behind."""
    x, w = (plan.x0 + plan.x1) / 2, plan.x1 - plan.x0
    parts = [
        plan.box,
        shapely.box(x - 7, plan.y0 - 3, x + 7, plan.y0 + 1),
        shapely.box(x - 0.40 * w - 3, plan.y1 - 1, x - 0.40 * w + 3, plan.y1 + 2.5),
        shapely.box(x + 0.40 * w - 3, plan.y1 - 1, x + 0.40 * w + 3, plan.y1 + 2.5),
    ]
    outline = shapely.union_all(parts)
    assert isinstance(outline, Polygon)
    return outline


def _notched(plan: Footprint) -> Polygon:
    """A block with its street corner cut off for the main door."""
    corner = Polygon([(plan.x1 - 14, plan.y0), (plan.x1, plan.y0), (plan.x1, plan.y0 + 14)])
    outline = shapely.difference(plan.box, corner)
    assert isinstance(outline, Polygon)
    return outline

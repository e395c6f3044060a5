"""The drawn town as the house's layers: codes, names, addresses, counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from shapely import Point

from boundaries.demo import names, skeleton
from boundaries.demo.buildings import USES, Built
from boundaries.demo.ground import Terrain
from boundaries.demo.layout import Lot
from boundaries.demo.people import Living
from boundaries.demo.streets import Segment, wall_lines
from geo.schema import LAYERS, check_frame

SUBDISTRICT_CODE = "990101001"
"""County prefix 990101: no county has it."""

STOREY_M = {"residential": 2.9, "mixed": 3.0, "commercial": 4.2, "public": 3.6, "industrial": 6.0}
SUFFIX = {
    ("primary", "ns"): ("大街", " Avenue"),
    ("primary", "ew"): ("大路", " Road"),
    ("secondary", "ns"): ("街", " Street"),
    ("secondary", "ew"): ("路", " Road"),
    ("tertiary", "ns"): ("街", " Street"),
    ("tertiary", "ew"): ("路", " Road"),
    ("residential", "ns"): ("胡同", " Alley"),
    ("residential", "ew"): ("巷", " Lane"),
}
_FIXED = {
    "bank_west": ("棠影西路", "Tangying West Road"),
    "bank_east": ("棠影东路", "Tangying East Road"),
    "rail_north": ("松棠道口街", "Songtang Crossing Street"),
}


@dataclass(frozen=True)
class Drawn:
    """Everything drawn, before it becomes frames."""

    terrain: Terrain
    lots: list[Lot]
    built: list[Built]
    segments: list[Segment]
    living: Living
    street_names: dict[str, tuple[str, str]]
    compound_names: dict[int, tuple[str, str]]


def frame(layer: str, columns: dict[str, Any], shapes: Any) -> gpd.GeoDataFrame:
    """Rows of a layer in the town's CRS from shapes in the drawing's frame, every row checked."""
    rows = gpd.GeoDataFrame(columns, geometry=placed(shapes), crs=skeleton.CRS)
    checked = check_frame(LAYERS[layer], rows)
    assert checked.n_rejected == 0, checked.rejects
    assert isinstance(checked.accepted, gpd.GeoDataFrame)
    return checked.accepted


def placed(shapes: Any) -> np.ndarray:
    """Shapes moved to where the town lies, on the centimetre."""
    origin = np.array(skeleton.ORIGIN_M)
    return np.asarray(
        shapely.transform(np.array(shapes, dtype=object), lambda xy: np.round(xy + origin, 2))
    )


def community_codes() -> list[str]:
    """The 12-digit codes of the communities, in their order."""
    return [f"{SUBDISTRICT_CODE}{i + 1:03d}" for i in range(len(skeleton.COMMUNITIES))]


def name_streets(terrain: Terrain, rng: np.random.Generator) -> dict[str, tuple[str, str]]:
    """Chinese and Latin name of each road by its key."""
    stems = names.streets(rng)
    named = {}
    for road in terrain.roads:
        if road.key in _FIXED:
            named[road.key] = _FIXED[road.key]
            continue
        dx, dy = np.subtract(road.line.coords[-1], road.line.coords[0])
        zh, latin = next(stems)
        tail_zh, tail_latin = SUFFIX[road.kind, "ns" if abs(dy) > abs(dx) else "ew"]
        named[road.key] = (zh + tail_zh, latin + tail_latin)
    return named


def name_compounds(lots: list[Lot], rng: np.random.Generator) -> dict[int, tuple[str, str]]:
    """Chinese and Latin name of each lot that is a compound of homes."""
    stems = names.homes(rng)
    named = {}
    for i, lot in enumerate(lots):
        if lot.block.kind == "homes" and any(f.per_floor for f in lot.footprints):
            zh, latin = next(stems)
            tail_zh, tail_latin = names.home_suffix(lot.block.style, rng)
            named[i] = (zh + tail_zh, latin + tail_latin)
    return named


def subdistricts(drawn: Drawn) -> gpd.GeoDataFrame:
    """The one subdistrict."""
    return frame(
        "subdistricts",
        {
            "subdistrict": [SUBDISTRICT_CODE],
            "name": [names.TOWN[0]],
            "name_en": [names.TOWN[1]],
            "district": [names.DISTRICT[0]],
            "people": [int(drawn.living.people.sum())],
        },
        [shapely.union_all(drawn.terrain.communities)],
    )


def communities(drawn: Drawn) -> gpd.GeoDataFrame:
    """The communities, an exact coverage of the subdistrict."""
    named = names.communities()
    return frame(
        "communities",
        {
            "community": community_codes(),
            "name": [zh for zh, _ in named],
            "name_en": [latin for _, latin in named],
            "subdistrict": SUBDISTRICT_CODE,
        },
        drawn.terrain.communities,
    )


def compound_codes(drawn: Drawn) -> dict[int, str]:
    """Code of each compound by its lot."""
    return {lot: f"C{n + 1:03d}" for n, lot in enumerate(drawn.compound_names)}


def _by_building(drawn: Drawn) -> tuple[np.ndarray, np.ndarray]:
    n = len(drawn.built)
    living = drawn.living
    households = np.bincount(living.building, weights=living.households, minlength=n)
    people = np.bincount(living.building, weights=living.people, minlength=n)
    return households.astype("int64"), people.astype("int64")


def compounds(drawn: Drawn) -> gpd.GeoDataFrame:
    """Walled estates with their totals."""
    codes = community_codes()
    lot_of = np.array([b.lot for b in drawn.built])
    households, people = _by_building(drawn)
    lots = list(drawn.compound_names)
    n = len(drawn.lots)
    return frame(
        "compounds",
        {
            "compound": list(compound_codes(drawn).values()),
            "name": [zh for zh, _ in drawn.compound_names.values()],
            "name_en": [latin for _, latin in drawn.compound_names.values()],
            "community": [codes[drawn.lots[i].block.community] for i in lots],
            "n_buildings": np.bincount(lot_of, minlength=n)[lots],
            "households": np.bincount(lot_of, households, n)[lots].astype("int64"),
            "people": np.bincount(lot_of, people, n)[lots].astype("int64"),
            "households_estimated": False,
        },
        [walled_shape(drawn.lots[i]) for i in lots],
    )


def walled_shape(lot: Lot) -> Any:
    """The ground inside a lot's wall."""
    return shapely.set_precision(lot.block.shape.buffer(-0.8), 0.01)


def buildings(drawn: Drawn) -> gpd.GeoDataFrame:
    """All buildings with numbers, addresses and counts."""
    codes = community_codes()
    compound = compound_codes(drawn)
    households, people = _by_building(drawn)
    numbers = _numbers(drawn)
    street, house_no = _street_address(drawn)
    uses = [USES[b.plan.kind] for b in drawn.built]
    labels = _labels(drawn, numbers)
    at_street = [f"{name}{number}号" for name, number in zip(street, house_no, strict=True)]
    return frame(
        "buildings",
        {
            "building": building_codes(drawn),
            "name": [label or at for label, at in zip(labels, at_street, strict=True)],
            "number": numbers,
            "compound": [compound.get(b.lot) for b in drawn.built],
            "community": [codes[drawn.lots[b.lot].block.community] for b in drawn.built],
            "street": street,
            "address": [at + label for label, at in zip(labels, at_street, strict=True)],
            "use": uses,
            "floors": [float(b.plan.floors) for b in drawn.built],
            "height_m": [
                round(b.plan.floors * STOREY_M.get(use, 3.2) + 1.2, 1)
                for b, use in zip(drawn.built, uses, strict=True)
            ],
            "n_entrances": [len(b.doors) for b in drawn.built],
            "households": households,
            "people": people,
            "households_estimated": False,
        },
        [b.shape for b in drawn.built],
    )


def building_codes(drawn: Drawn) -> list[str]:
    """Codes of the buildings, in order."""
    return [f"B{k + 1:04d}" for k in range(len(drawn.built))]


def _labels(drawn: Drawn, numbers: list[str | None]) -> list[str]:
    """What people call each building by its compound or ground; empty where it has no name."""
    counted: dict[int, int] = {}
    labels = []
    for b, number in zip(drawn.built, numbers, strict=True):
        ground = drawn.lots[b.lot].block.name
        if number is not None:
            labels.append(f"{drawn.compound_names[b.lot][0]}{number}号楼")
        elif ground is not None:
            counted[b.lot] = counted.get(b.lot, 0) + 1
            labels.append(f"{ground[0]}{counted[b.lot]}号楼")
        else:
            labels.append("")
    return labels


def _numbers(drawn: Drawn) -> list[str | None]:
    """Number inside the compound: homes first, shops and service houses have none."""
    counted: dict[int, int] = {}
    numbers: list[str | None] = []
    for b in drawn.built:
        if b.lot in drawn.compound_names and b.plan.per_floor:
            counted[b.lot] = counted.get(b.lot, 0) + 1
            numbers.append(str(counted[b.lot]))
        else:
            numbers.append(None)
    return numbers


def _street_address(drawn: Drawn) -> tuple[list[str], list[int]]:
    """Street and house number: one number a compound, at its gate; each other building its own."""
    roads = [road for road in drawn.terrain.roads if road.kind != "service"]
    lines = np.array([road.line for road in roads])
    points = []
    for b in drawn.built:
        gates = drawn.lots[b.lot].gates
        points.append(gates[0] if b.plan.per_floor and gates else b.doors[0])
    at = shapely.STRtree(lines).nearest(points)
    along = shapely.line_locate_point(lines[at], points)
    names_ = [drawn.street_names[roads[i].key][0] for i in at]
    taken: dict[tuple[str, int], Point] = {}
    numbers = []
    for name, distance, i, point in zip(names_, along, at, points, strict=True):
        ahead = shapely.line_interpolate_point(lines[i], distance + 1.0)
        here = shapely.line_interpolate_point(lines[i], distance)
        side = (ahead.x - here.x) * (point.y - here.y) - (ahead.y - here.y) * (point.x - here.x)
        number = house_number(distance, is_left=side > 0)
        while taken.setdefault((name, number), point) != point:
            number += 2
        numbers.append(number)
    return names_, numbers


def house_number(distance_m: float, *, is_left: bool) -> int:
    """House number at that distance along a street: odd on the left, a number every 9 metres."""
    return 2 * int(distance_m / 9) + (1 if is_left else 2)


def entrances(drawn: Drawn) -> gpd.GeoDataFrame:
    """All entrances at their doors."""
    codes = building_codes(drawn)
    number = [n + 1 for b in drawn.built for n in range(len(b.doors))]
    of = [codes[k] for k in drawn.living.building]
    return frame(
        "entrances",
        {
            "entrance": [f"{building}-{n}" for building, n in zip(of, number, strict=True)],
            "building": of,
            "number": [str(n) for n in number],
            "households": drawn.living.households,
            "people": drawn.living.people,
        },
        [door for b in drawn.built for door in b.doors],
    )


def streets(drawn: Drawn) -> gpd.GeoDataFrame:
    """The network's segments, west to east."""
    segments = sorted(drawn.segments, key=lambda s: s.line.bounds)
    named = [drawn.street_names.get(s.source, (None, None)) for s in segments]
    rows = frame(
        "streets",
        {
            "street": [f"S{k + 1:04d}" for k in range(len(segments))],
            "name": [zh for zh, _ in named],
            "name_en": [latin for _, latin in named],
            "class": [s.kind for s in segments],
            "length_m": 0.0,
        },
        [s.line for s in segments],
    )
    return rows.assign(length_m=np.round(rows.length, 2))


def barriers(drawn: Drawn) -> gpd.GeoDataFrame:
    """River, rail, main roads and the walls of compounds."""
    terrain = drawn.terrain
    rail = terrain.rail.intersection(terrain.outline)
    rows: list[tuple[str, str, str | None, str | None, Any]] = [
        ("water", "river", *names.RIVER, terrain.river),
        ("rail", "rail", *names.RAIL, rail),
    ]
    for key, (zh, latin) in drawn.street_names.items():
        mine = [s for s in drawn.segments if s.source == key]
        if mine and mine[0].kind in ("primary", "secondary"):
            line = shapely.line_merge(shapely.union_all([s.line for s in mine]))
            rows.append(("road", mine[0].kind, zh, latin, line))
    ways = shapely.union_all([s.line for s in drawn.segments])
    for i, (zh, latin) in drawn.compound_names.items():
        wall = wall_lines(walled_shape(drawn.lots[i]), ways)
        rows.append(("wall", "compound_wall", f"{zh}围墙", f"Wall of {latin}", wall))
    return frame(
        "barriers",
        {
            "barrier": [f"R{k + 1:03d}" for k in range(len(rows))],
            "kind": [row[0] for row in rows],
            "class": [row[1] for row in rows],
            "name": [row[2] for row in rows],
            "name_en": [row[3] for row in rows],
        },
        [row[4] for row in rows],
    )

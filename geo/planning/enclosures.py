"""Enclosures, and the ground inside them shared out to the nearest building."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from geo.planning import arrangement, tessellation

SMALLEST_OWN_GROUND_M2 = 3000.0
"""Empty ground smaller than this joins its neighbours: about half a football pitch."""

THINNEST_OWN_GROUND_M = 40.0
"""Empty ground whose 4 x area / perimeter is below this is a strip, and joins its neighbours."""

SMALLEST_CUT_GROUND_M2 = 200.0
"""Strips smaller than this are joined as they are, without being cut."""

STRIP_REACH_M = 200.0
"""Only buildings this close to a strip take part in cutting it."""


@dataclass(frozen=True)
class Zones:
    """Faces between all lines, inside the areas.

    `area`: the community of each; `outer`: the enclosure by barriers that it is part of;
    `is_walled`: whether it lies inside a compound.
    """

    polygon: np.ndarray
    area: np.ndarray
    outer: np.ndarray
    is_walled: np.ndarray

    def of(self, points: np.ndarray) -> np.ndarray:
        """The zone of each point, -1 outside all."""
        return arrangement.first_holder(points, self.polygon)


@dataclass(frozen=True)
class Pieces:
    """An exact coverage: polygons, the label and the community of each.

    Labels below the number of seeds are seeds; the others are ground without any.
    """

    polygon: np.ndarray
    label: np.ndarray
    area: np.ndarray


def enclose(
    barriers: list[np.ndarray], walls: list[np.ndarray], areas: np.ndarray, grounds: np.ndarray
) -> Zones:
    """The faces that all lines enclose inside the areas.

    Parameters
    ----------
    barriers : lines that close enclosures; walls : lines that close compounds inside them
    grounds : the compounds' ground
    """
    enclosure = arrangement.faces_between(barriers)
    polygon = arrangement.faces_between([*barriers, *walls])
    inner = arrangement.inner_points(polygon)
    area = arrangement.first_holder(inner, areas)
    polygon, inner, area = polygon[area >= 0], inner[area >= 0], area[area >= 0]
    return Zones(
        polygon,
        area,
        arrangement.first_holder(inner, enclosure),
        arrangement.first_holder(inner, grounds) >= 0,
    )


def share_out(zones: Zones, seeds: np.ndarray, seed_zone: np.ndarray) -> Pieces:
    """The zones' ground by nearest seed; footprints stay whole in their area.

    A compound's ground goes to its own seeds; open ground to the nearest seed of the enclosure, so
    that the street before a wall goes with the house behind it. Enclosures without seeds stay
    whole where they are large and compact. Strips and leftovers join the neighbour with the
    longest shared border, cut first where they pass several.

    Parameters
    ----------
    seeds : footprints or points; seed_zone : the zone of each
    """
    n_seeds = len(seeds)
    takers = _takers(zones, seed_zone)
    is_strip = _is_strip(zones, takers.has_seed)
    xy, seed = tessellation.sample_points(seeds)
    footprint_of = np.flatnonzero(shapely.get_dimensions(seeds) == 2)
    faces = arrangement.faces_between(
        [
            shapely.boundary(zones.polygon),
            _lines_inside(zones, takers, xy, seed),
            _lines_across_strips(zones.polygon[is_strip], xy, seed),
            shapely.boundary(seeds[footprint_of]),
        ],
        is_clean=len(footprint_of) == 0,
    )
    inner = arrangement.inner_points(faces)
    zone = zones.of(inner)
    faces, inner, zone = faces[zone >= 0], inner[zone >= 0], zone[zone >= 0]
    area = zones.area[zone]
    label = np.full(len(faces), -1, dtype=np.int64)
    for is_here, group_of_zone, group_of_seed in takers.rounds():
        here = is_here[zone]
        label[here] = tessellation.nearest_seed(
            inner[here], group_of_zone[zone[here]], xy, seed, group_of_seed
        )
    if len(footprint_of):
        on = arrangement.first_holder(inner, seeds[footprint_of])
        owner = footprint_of[on]
        is_built = (on >= 0) & (area == zones.area[seed_zone[owner]])
        label = np.where(is_built, owner, label)
    is_own = ~takers.has_seed[zone] & ~is_strip[zone] & (label < 0)
    label = np.where(is_own, n_seeds + zone, label)
    return _unite(faces, label, area, n_seeds + len(zones.polygon))


@dataclass(frozen=True)
class _Takers:
    """Which seeds share which zone's ground.

    `is_own`: zones shared by the seeds inside them only; the others are shared by all seeds of
    `outer`, the enclosure inside one area. `has_seed`: zones that any seed shares.
    """

    is_own: np.ndarray
    has_seed: np.ndarray
    outer: np.ndarray
    seed_zone: np.ndarray

    def rounds(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """For compounds, then open ground: zones concerned, group of each zone, of each seed."""
        number = np.arange(len(self.outer))
        return [
            (self.is_own, number, self.seed_zone),
            (~self.is_own, self.outer, self.outer[self.seed_zone]),
        ]


def _takers(zones: Zones, seed_zone: np.ndarray) -> _Takers:
    n = len(zones.polygon)
    holds_seed = np.bincount(seed_zone, minlength=n) > 0
    both = np.stack([zones.outer, zones.area], axis=1)
    outer = np.unique(both, axis=0, return_inverse=True)[1].ravel()
    has_seed = np.bincount(outer[seed_zone], minlength=n)[outer] > 0
    return _Takers(holds_seed & zones.is_walled, has_seed, outer, seed_zone)


def _is_strip(zones: Zones, has_seed: np.ndarray) -> np.ndarray:
    """Which zones have no seed and are too small or too thin to stand alone."""
    area_m2, length_m = shapely.area(zones.polygon), shapely.length(zones.polygon)
    is_thin = 4 * area_m2 / length_m < THINNEST_OWN_GROUND_M
    is_strip: np.ndarray = ~has_seed & (is_thin | (area_m2 < SMALLEST_OWN_GROUND_M2))
    return is_strip


def _lines_inside(zones: Zones, takers: _Takers, xy: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Half-way lines between the seeds that share the same ground."""
    found = [np.empty(0, dtype=object)]
    if len(seed) == 0:
        return found[0]
    for is_here, group_of_zone, group_of_seed in takers.rounds():
        order = np.argsort(group_of_seed[seed], kind="stable")
        used, begins = np.unique(group_of_seed[seed][order], return_index=True)
        for group, here in zip(used, np.split(order, begins[1:]), strict=True):
            ground = zones.polygon[is_here & (group_of_zone == group)]
            if len(ground) == 0:
                continue
            clip = shapely.buffer(shapely.union_all(ground), tessellation.OVERHANG_M, quad_segs=1)
            found.append(tessellation.halfway_lines(xy[here], seed[here], clip))
    return np.concatenate(found)


def _lines_across_strips(strips: np.ndarray, xy: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Half-way lines between all seeds, where they cross a strip that is worth cutting."""
    strips = strips[shapely.area(strips) >= SMALLEST_CUT_GROUND_M2]
    if len(strips) == 0 or len(seed) == 0:
        return np.empty(0, dtype=object)
    joined = shapely.union_all(strips)
    shapely.prepare(joined)
    is_near = shapely.dwithin(joined, shapely.points(xy), STRIP_REACH_M)
    clip = shapely.buffer(joined, tessellation.OVERHANG_M, quad_segs=1)
    return tessellation.halfway_lines(xy[is_near], seed[is_near], clip)


def _unite(faces: np.ndarray, label: np.ndarray, area: np.ndarray, first_free: int) -> Pieces:
    """One connected piece a label; faces apart from their label's main part join a neighbour."""
    pairs = arrangement.neighbours(faces)
    is_inside = area[pairs[0]] == area[pairs[1]]
    left, right, length_m = (values[is_inside] for values in pairs)
    label = arrangement.keep_main_parts(label, shapely.area(faces), left, right)
    label = arrangement.attach_free(label, (left, right, length_m))
    alone = label < 0
    part = arrangement.connected_parts(label, left, right)
    label = np.where(alone, first_free + part, label)
    used, united = arrangement.unite_faces(faces, label)
    first = np.full(int(label.max()) + 1, -1, dtype=np.int64)
    first[label[::-1]] = area[::-1]
    return Pieces(united, used, first[used])

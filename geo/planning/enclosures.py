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
    """Enclosures: faces between community, barrier and compound lines; `area` is the community."""

    polygon: np.ndarray
    area: np.ndarray

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


def enclose(lines: list[np.ndarray], areas: np.ndarray) -> Zones:
    """The faces that the lines enclose inside the areas."""
    polygon = arrangement.faces_between(lines)
    area = arrangement.first_holder(arrangement.inner_points(polygon), areas)
    return Zones(polygon[area >= 0], area[area >= 0])


def share_out(
    lines: list[np.ndarray], zones: Zones, seeds: np.ndarray, seed_zone: np.ndarray
) -> Pieces:
    """The zones' ground by nearest seed of the same zone; footprints stay whole in their area.

    Zones without seeds stay whole where they are large and compact. Strips and leftovers join
    the neighbour with the longest shared border, cut first where they pass several.

    Parameters
    ----------
    lines : the lines that made the zones
    seeds : footprints or points; seed_zone : the zone of each
    """
    n_seeds = len(seeds)
    has_seed = np.bincount(seed_zone, minlength=len(zones.polygon)) > 0
    is_strip = _is_strip(zones, has_seed)
    xy, seed = tessellation.sample_points(seeds)
    footprint_of = np.flatnonzero(shapely.get_dimensions(seeds) == 2)
    faces = arrangement.faces_between(
        [
            *lines,
            _lines_inside(zones, xy, seed, seed_zone),
            _lines_across_strips(zones.polygon[is_strip], xy, seed),
            shapely.boundary(seeds[footprint_of]),
        ]
    )
    inner = arrangement.inner_points(faces)
    zone = zones.of(inner)
    faces, inner, zone = faces[zone >= 0], inner[zone >= 0], zone[zone >= 0]
    area = zones.area[zone]
    label = tessellation.nearest_seed(inner, zone, xy, seed, seed_zone)
    if len(footprint_of):
        on = arrangement.first_holder(inner, seeds[footprint_of])
        owner = footprint_of[on]
        is_built = (on >= 0) & (area == zones.area[seed_zone[owner]])
        label = np.where(is_built, owner, label)
    is_own = ~has_seed[zone] & ~is_strip[zone] & (label < 0)
    label = np.where(is_own, n_seeds + zone, label)
    return _unite(faces, label, area, n_seeds + len(zones.polygon))


def _is_strip(zones: Zones, has_seed: np.ndarray) -> np.ndarray:
    """Which zones have no seed and are too small or too thin to stand alone."""
    area_m2, length_m = shapely.area(zones.polygon), shapely.length(zones.polygon)
    is_thin = 4 * area_m2 / length_m < THINNEST_OWN_GROUND_M
    is_strip: np.ndarray = ~has_seed & (is_thin | (area_m2 < SMALLEST_OWN_GROUND_M2))
    return is_strip


def _lines_inside(
    zones: Zones, xy: np.ndarray, seed: np.ndarray, seed_zone: np.ndarray
) -> np.ndarray:
    """Half-way lines between the seeds of each zone."""
    order = np.argsort(seed_zone[seed], kind="stable")
    used, begins = np.unique(seed_zone[seed][order], return_index=True)
    found = [np.empty(0, dtype=object)]
    for zone, here in zip(used, np.split(order, begins[1:]), strict=True):
        clip = shapely.buffer(zones.polygon[zone], tessellation.OVERHANG_M, quad_segs=1)
        found.append(tessellation.halfway_lines(xy[here], seed[here], clip))
    return np.concatenate(found)


def _lines_across_strips(strips: np.ndarray, xy: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Half-way lines between all seeds, where they cross a strip that is worth cutting."""
    strips = strips[shapely.area(strips) >= SMALLEST_CUT_GROUND_M2]
    if len(strips) == 0:
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

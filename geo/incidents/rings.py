"""Rings of polygons as flat arrays."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from geo.incidents.predicates import Floats, Indices, Labels

_POLYGON = 3


@dataclass(frozen=True)
class Rings:
    """Rings of m polygons: `xy` (v, 2) in the CRS of the polygons, `first` (r + 1,) each ring's
    first point, `polygon` (r,) whose it is, `is_hole` (r,)."""

    xy: Floats
    first: Indices
    polygon: Labels
    is_hole: npt.NDArray[np.bool_]

    def fingerprint(self) -> str:
        """A digest of the geometry and its order: another one means another coverage."""
        digest = hashlib.blake2b(digest_size=20)
        for array in (self.first, self.polygon, self.is_hole, self.xy):
            digest.update(str((array.shape, array.dtype.str)).encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def rings_of(polygons: npt.NDArray[np.object_]) -> Rings:
    """The rings of polygons and multipolygons; missing and empty ones have none.

    Polygons of one ring come first: their coordinates are read in one go, without a geometry made
    for each ring.
    """
    kind, n_points = shapely.get_type_id(polygons), shapely.get_num_coordinates(polygons)
    is_simple = (kind == _POLYGON) & (shapely.get_num_interior_rings(polygons) == 0)
    is_simple &= n_points > 0
    simple = np.flatnonzero(is_simple)
    rest = np.flatnonzero(~is_simple & (n_points > 0))
    xy, counts = shapely.get_coordinates(polygons[simple]), n_points[simple]
    owner, is_hole = simple, np.zeros(len(simple), dtype=bool)
    if len(rest):
        parts, part_owner = shapely.get_parts(polygons[rest], return_index=True)
        rings, part = shapely.get_rings(parts, return_index=True)
        xy = np.concatenate([xy, shapely.get_coordinates(rings)])
        counts = np.concatenate([counts, shapely.get_num_coordinates(rings)])
        owner = np.concatenate([owner, rest[part_owner[part]]])
        is_hole = np.concatenate([is_hole, np.diff(part, prepend=-1) == 0])
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Rings(xy, first, owner.astype(np.int32), is_hole)

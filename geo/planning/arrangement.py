"""Lines into faces, faces into an exact coverage.

Every line that may bound a cell is noded once on one fine grid, so that all faces between them
share their borders vertex by vertex. Cells are unions of faces, hence gaps and overlaps between
cells cannot arise, however untidy the input is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo.planning.polygons import unite
from geo.planning.segments import exact_borders

GRID_M = 1e-4
"""Coordinates are rounded to this grid: a tenth of a millimetre, far under any survey's error."""


def faces_between(lines: Sequence[np.ndarray], *, is_clean: bool = False) -> np.ndarray:
    """The polygons that the lines enclose; ends that enclose nothing are left out.

    Clean lines, which meet only at common ends or cross for certain, are noded without rounding,
    which takes half the time.
    """
    every = np.concatenate([np.asarray(part, dtype=object) for part in lines])
    every = every[~(shapely.is_missing(every) | shapely.is_empty(every))]
    noded = shapely.get_parts(shapely.union_all(every, grid_size=None if is_clean else GRID_M))
    del every
    faces: np.ndarray = shapely.get_parts(shapely.polygonize(noded))
    return faces


def first_holder(points: np.ndarray, polygons: np.ndarray) -> np.ndarray:
    """For each point the first polygon that holds it, in the polygons' order; -1 for none."""
    held, holder = shapely.STRtree(polygons).query(points, predicate="intersects")
    found = np.full(len(points), len(polygons), dtype=np.int64)
    np.minimum.at(found, held, holder)
    found[found == len(polygons)] = -1
    return found


def inner_points(polygons: np.ndarray) -> np.ndarray:
    """A point inside each polygon."""
    points: np.ndarray = shapely.point_on_surface(polygons)
    return points


def neighbours(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of faces with a shared border, and its length."""
    found = exact_borders(faces)
    return found.left, found.right, found.length_m


def keep_main_parts(
    labels: np.ndarray, area_m2: np.ndarray, left: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """Labels with only the largest connected part of each kept; -1 for the faces set free."""
    part = connected_parts(labels, left, right)
    sizes = np.bincount(part, weights=area_m2)
    order = np.lexsort((-sizes[part], labels))
    is_first = np.r_[True, labels[order][1:] != labels[order][:-1]]
    main = np.zeros(len(sizes), dtype=bool)
    main[part[order[is_first]]] = True
    return np.where(main[part] & (labels >= 0), labels, -1)


def connected_parts(labels: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The connected part of each face, faces hanging together only where labels are equal."""
    n = len(labels)
    is_same = labels[left] == labels[right]
    graph = coo_array((np.ones(int(is_same.sum())), (left[is_same], right[is_same])), shape=(n, n))
    part: np.ndarray = connected_components(graph.tocsr(), directed=False)[1]
    return part


def attach_free(labels: np.ndarray, pairs: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    """Labels with every free face (-1) joined to the neighbour of the longest shared border.

    `pairs` are the neighbouring faces that may join, with the border's length. Faces that no
    label reaches stay -1.
    """
    labels = labels.copy()
    left, right, length_m = pairs
    one, other = np.r_[left, right], np.r_[right, left]
    border_m = np.r_[length_m, length_m]
    while True:
        is_open = (labels[one] < 0) & (labels[other] >= 0)
        if not is_open.any():
            return labels
        face, label = one[is_open], labels[other[is_open]]
        keys, inverse = np.unique(np.stack([face, label], axis=1), axis=0, return_inverse=True)
        total_m = np.bincount(inverse.ravel(), weights=border_m[is_open])
        order = np.lexsort((keys[:, 1], -total_m, keys[:, 0]))
        is_first = np.r_[True, keys[order][1:, 0] != keys[order][:-1, 0]]
        best = keys[order[is_first]]
        labels[best[:, 0]] = best[:, 1]


def unite_faces(faces: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The labels in use, ascending, and the union of each one's faces."""
    order = np.argsort(labels, kind="stable")
    used, begins = np.unique(labels[order], return_index=True)
    ends = np.r_[begins[1:], len(order)]
    united = np.empty(len(used), dtype=object)
    united[:] = [unite(faces[order[begin:end]]) for begin, end in zip(begins, ends, strict=True)]
    return used, united

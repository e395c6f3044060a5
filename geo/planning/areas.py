"""Communities as they are drawn: ground that two claim or none does, mended and measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

WIDEST_GAP_M = 2.0
"""Ground between communities narrower than this was left over by mistake in drawing."""

LEAST_M2 = 1e-3
"""Less ground than this is rounding."""


@dataclass(frozen=True)
class Mended:
    """Areas without overlaps and narrow gaps.

    `overlap_m2`: ground claimed by several, which now belongs to the first of them. `n_slivers`:
    narrow gaps, each now part of the area that it touches most; `sliver_m2`: their ground.
    """

    geometry: np.ndarray
    overlap_m2: float
    n_slivers: int
    sliver_m2: float


def mend(areas: np.ndarray) -> Mended:
    """The areas as a coverage: no ground twice, no gap narrower than WIDEST_GAP_M between them.

    Parameters
    ----------
    areas : valid polygons or multipolygons, in metres
    """
    if shapely.coverage_is_valid(areas, gap_width=WIDEST_GAP_M):
        return Mended(areas, 0.0, 0, 0.0)
    apart, overlap_m2 = _without_overlaps(areas)
    gaps = _narrow_gaps(apart)
    taker = _touched_most(gaps, apart)
    gaps, taker = gaps[taker >= 0], taker[taker >= 0]
    filled = apart.copy()
    for one in np.unique(taker):
        filled[one] = shapely.union_all([apart[one], *gaps[taker == one]])
    return Mended(filled, overlap_m2, len(gaps), float(shapely.area(gaps).sum()))


def overlap_m2(shapes: np.ndarray) -> float:
    """Ground that polygons have in common, each pair's counted."""
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    is_once = left < right
    left, right = left[is_once], right[is_once]
    shared_m2 = shapely.area(shapely.intersection(shapes[left], shapes[right]))
    return float(shared_m2[shared_m2 > LEAST_M2].sum())


def _without_overlaps(areas: np.ndarray) -> tuple[np.ndarray, float]:
    """Each area without the ground of those before it, and how much that was."""
    later, earlier = shapely.STRtree(areas).query(areas, predicate="intersects")
    is_before = earlier < later
    later, earlier = later[is_before], earlier[is_before]
    shared_m2 = shapely.area(shapely.intersection(areas[later], areas[earlier]))
    is_shared = shared_m2 > LEAST_M2
    later, earlier = later[is_shared], earlier[is_shared]
    apart, taken_m2 = areas.copy(), 0.0
    for one in np.unique(later):
        rest = shapely.difference(areas[one], shapely.union_all(areas[earlier[later == one]]))
        taken_m2 += float(shapely.area(areas[one]) - shapely.area(rest))
        apart[one] = rest
    return apart, taken_m2


def _narrow_gaps(areas: np.ndarray) -> np.ndarray:
    """Ground of no area that a strip of WIDEST_GAP_M between areas would cover."""
    joined = shapely.union_all(areas)
    half_m = WIDEST_GAP_M / 2
    grown = shapely.buffer(joined, half_m, join_style="mitre", cap_style="flat")
    closed = shapely.buffer(grown, -half_m, join_style="mitre", cap_style="flat")
    gaps: np.ndarray = shapely.get_parts(shapely.difference(closed, joined))
    gaps = gaps[(shapely.get_dimensions(gaps) == 2) & (shapely.area(gaps) > LEAST_M2)]
    return gaps


def _touched_most(gaps: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """The area with the longest border along each gap; -1 where fewer than two touch it.

    A gap that only one area touches is a notch in its own outline, and drawn on purpose.
    """
    found = np.full(len(gaps), -1, dtype=np.int64)
    gap, area = shapely.STRtree(areas).query(gaps, predicate="dwithin", distance=LEAST_M2)
    bands = shapely.buffer(gaps[gap], 10 * LEAST_M2, quad_segs=1)
    along_m = shapely.length(shapely.intersection(shapely.boundary(areas[area]), bands))
    order = np.lexsort((area, -along_m, gap))
    is_first = np.r_[True, gap[order][1:] != gap[order][:-1]][: len(order)]
    best = order[is_first]
    n_touching = np.bincount(gap, minlength=len(gaps))
    found[gap[best]] = area[best]
    found[n_touching < 2] = -1
    return found

"""Name a layer's datum by trying each against a layer that is trusted.

A wrong datum moves a layer by 300 to 1,500 m, all rows alike. Then its boundaries cut through the
trusted buildings, its roads run through them, its points lie off them. The datum under which
this happens least is the layer's own, if it does so clearly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from geo.crs import convert_datum, metric_crs, to_wgs84

Shapes = NDArray[np.object_]

CANDIDATES = ("wgs84", "gcj02", "bd09")

CLEARLY = 0.75
"""The best mismatch must be at most this part of the next best, or the next best's match (what
is left to the worst) this part of the best's; else nothing is said."""
ENOUGH = 8
"""Fewer features than this that meet the trusted layer prove nothing."""
MOST_FEATURES = 20_000
"""Of a larger layer an even sample of this size is tried."""
REACH_M = 300.0
"""Distances count up to here: half the smallest shift, so that strays do not rule the mean."""
AMONG_M = 60.0
"""A line is among buildings where one is this near: the width of a main road."""
STEP_M = 25.0
"""Lines are measured at points this far apart."""


@dataclass(frozen=True)
class DatumFit:
    """Mismatch by datum, least first wins.

    `best` is None where no datum is clearly better. `measure` says what the scores are:
    `cut` (0 to 1, how much the polygons are cut), `inside` (share of line length inside
    polygons), `outside` (share of trusted points outside the polygons) or `distance_m` (mean
    distance to the trusted layer, each at most 300). `n_used` features were measured.
    """

    best: str | None
    scores: dict[str, float]
    measure: str
    n_used: int


def fit_datum(frame: gpd.GeoDataFrame, trusted: gpd.GeoDataFrame) -> DatumFit:
    """The datum that the frame's numbers are in, judged against a layer trusted to be WGS84.

    Parameters
    ----------
    frame : the layer in doubt; what its file says of the datum is not believed
    trusted : buildings, roads or others that cover the same ground, in any true CRS

    Raises
    ------
    CrsError : the trusted layer has no CRS
    """
    usual = _sampled(_present(frame))
    ground = to_wgs84(_present(trusted))
    if usual.empty or ground.empty:
        return DatumFit(None, {}, "distance_m", 0)
    moved = {datum: convert_datum(usual, datum=datum) for datum in CANDIDATES}
    if not _differ(moved["wgs84"], moved["gcj02"]):
        moved = {"wgs84": moved["wgs84"]}
    crs = metric_crs(tuple(ground.total_bounds))
    shapes = {datum: _valid(layer.to_crs(crs)) for datum, layer in moved.items()}
    measure, mismatch = _measure_for(usual, ground)
    fixed = _near(_valid(ground.to_crs(crs)), shapes)
    results = {datum: mismatch(layer, fixed) for datum, layer in shapes.items()}
    return _judged(results, measure)


def _judged(results: dict[str, tuple[float, int]], measure: str) -> DatumFit:
    most = max(n for _, n in results.values())
    scores = {
        datum: round(score if n >= most / 2 and n > 0 else _worst(measure), 6)
        for datum, (score, n) in results.items()
    }
    order = sorted(scores, key=lambda datum: scores[datum])
    is_clear = most >= ENOUGH
    if len(order) > 1:
        first, second = scores[order[0]], scores[order[1]]
        worst = _worst(measure)
        is_clear &= first < CLEARLY * second or worst - second < CLEARLY * (worst - first)
    return DatumFit(order[0] if is_clear else None, scores, measure, most)


def _worst(measure: str) -> float:
    return REACH_M if measure == "distance_m" else 1.0


Mismatch = Callable[[Shapes, Shapes], tuple[float, int]]


def _measure_for(frame: gpd.GeoDataFrame, trusted: gpd.GeoDataFrame) -> tuple[str, Mismatch]:
    dimensions = (_dimension(frame), _dimension(trusted))
    measures: dict[tuple[int, int], tuple[str, Mismatch]] = {
        (2, 2): ("cut", _cut),
        (1, 2): ("inside", _inside),
        (2, 1): ("inside", _run_over),
        (2, 0): ("outside", _outside),
    }
    return measures.get(dimensions, ("distance_m", _distance))


def _dimension(frame: gpd.GeoDataFrame) -> int:
    """0 for points, 1 for lines, 2 for polygons: what most rows are."""
    dimensions = shapely.get_dimensions(np.asarray(frame.geometry.array, dtype=object))
    return int(np.bincount(np.maximum(dimensions, 0), minlength=3).argmax())


def _cut(polygons: Shapes, trusted: Shapes) -> tuple[float, int]:
    """How much the boundaries of the layer of larger polygons cut the smaller ones they touch.

    4 s (1 - s) for the largest share s of a small polygon inside one of the large: 0 when it is
    wholly in or out, 1 when it is halved; the mean over those touched.
    """
    small, large = trusted, polygons
    if _typical_area(polygons) < _typical_area(trusted):
        small, large = polygons, trusted
    tree = shapely.STRtree(small)
    share = np.zeros(len(small))
    share[tree.query(large, predicate="contains")[1]] = 1.0
    left, right = tree.query(large, predicate="intersects")
    touched = np.unique(right)
    is_crossed = share[right] < 1.0
    left, right = left[is_crossed], right[is_crossed]
    area = shapely.area(shapely.intersection(large[left], small[right]))
    np.maximum.at(share, right, area / np.maximum(shapely.area(small[right]), 1e-9))
    inside = np.clip(share[touched], 0.0, 1.0)
    return _mean(4.0 * inside * (1.0 - inside)), len(touched)


def _typical_area(polygons: Shapes) -> float:
    return float(np.median(shapely.area(polygons))) if len(polygons) else 0.0


def _run_over(polygons: Shapes, lines: Shapes) -> tuple[float, int]:
    return _inside(lines, polygons)


def _inside(lines: Shapes, polygons: Shapes) -> tuple[float, int]:
    """Share of the lines' length that lies inside the polygons, by points along them.

    Only points among the polygons count (`AMONG_M`): lines moved off the town prove nothing.
    """
    points = _along(lines)
    tree = shapely.STRtree(points)
    among = np.unique(tree.query(polygons, predicate="dwithin", distance=AMONG_M)[1])
    inside = np.unique(tree.query(polygons, predicate="intersects")[1])
    return (len(inside) / len(among) if len(among) else 1.0), len(among)


def _outside(polygons: Shapes, points: Shapes) -> tuple[float, int]:
    """Share of the trusted points that lie in none of the polygons."""
    point = shapely.STRtree(points).query(polygons, predicate="intersects")[1]
    is_outside = np.ones(len(points), dtype=bool)
    is_outside[point] = False
    return _mean(is_outside), len(points)


def _distance(shapes: Shapes, trusted: Shapes) -> tuple[float, int]:
    """Mean distance to the nearest trusted feature, each at most `REACH_M`."""
    points = _along(shapes)
    distances = np.full(len(points), REACH_M)
    (row, _), found = shapely.STRtree(trusted).query_nearest(
        points, max_distance=REACH_M, return_distance=True, all_matches=False
    )
    distances[row] = found
    return _mean(distances), len(points)


def _along(shapes: Shapes) -> Shapes:
    """Points of the shapes, at most `STEP_M` apart on lines; polygons by their middles."""
    if (shapely.get_dimensions(shapes) == 2).all():
        return np.asarray(shapely.point_on_surface(shapes), dtype=object)
    dense = shapely.segmentize(shapes, STEP_M)
    return np.asarray(shapely.points(shapely.get_coordinates(dense)), dtype=object)


def _mean(values: NDArray[np.float64] | NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else 1.0


def _near(trusted: Shapes, candidates: dict[str, Shapes]) -> Shapes:
    """The trusted features in the box around the layer under any datum."""
    bounds = np.array([shapely.total_bounds(shapes) for shapes in candidates.values()])
    box = shapely.box(*bounds[:, :2].min(axis=0), *bounds[:, 2:].max(axis=0))
    rows = np.sort(shapely.STRtree(trusted).query(shapely.buffer(box, REACH_M)))
    return np.asarray(trusted[rows], dtype=object)


def _valid(frame: gpd.GeoDataFrame) -> Shapes:
    return np.asarray(shapely.make_valid(np.asarray(frame.geometry.array)), dtype=object)


def _present(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    bounds = frame.geometry.bounds.to_numpy(dtype=float)
    return frame[["geometry"]][np.isfinite(bounds).all(axis=1)]


def _sampled(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    if len(frame) <= MOST_FEATURES:
        return frame
    return frame.iloc[np.linspace(0, len(frame) - 1, MOST_FEATURES).astype(np.int64)]


def _differ(left: gpd.GeoDataFrame, right: gpd.GeoDataFrame) -> bool:
    return not bool(np.array_equal(left.geometry.bounds, right.geometry.bounds))

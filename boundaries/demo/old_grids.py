"""Last year's grids, as drawn by hand: straight cuts between the rows, unequal in households."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely import Polygon

from boundaries.demo import skeleton
from geo.schema import LAYERS, check_frame

PLAN = "2025"
UNEVEN = 0.5
"""Share by which a cut may miss the even split of buildings; whoever drew had no counts."""

WORST = 0.38
"""Cuts avoid parts whose grids would miss the mean by more than this."""

NODE_M = 0.0001
"""Raster on which the cuts meet the borders; coarser ones would move the borders."""

_NUMERALS = "一二三四五六七八"


def draw(
    communities: gpd.GeoDataFrame,
    buildings: gpd.GeoDataFrame,
    n_grids: np.ndarray,
    *,
    rng: np.random.Generator,
) -> gpd.GeoDataFrame:
    """The grids of last year's plan, an exact coverage of the communities.

    Parameters
    ----------
    communities, buildings : layers of the town
    n_grids : grids of each community, in row order
    """
    places = shapely.point_on_surface(buildings.geometry.to_numpy())
    xy = shapely.get_coordinates(places)
    weight = buildings["households"].to_numpy(float)
    target = weight.sum() / n_grids.sum()
    parts: list[tuple[str, Polygon]] = []
    for code, shape, n in zip(
        communities["community"], communities.geometry, n_grids.tolist(), strict=True
    ):
        mine = (buildings["community"] == code).to_numpy()
        homes = _Homes(xy[mine], buildings.geometry.to_numpy()[mine], weight[mine])
        parts += [(code, cut) for cut in _split(shape, n, homes, target=target, rng=rng)]
    shapes = _exact([shape for _, shape in parts])
    return _numbered([code for code, _ in parts], shapes, buildings, places, target)


@dataclass(frozen=True)
class _Homes:
    """Buildings inside the piece of ground being cut, and their households."""

    places: np.ndarray
    outlines: np.ndarray
    weight: np.ndarray

    def where(self, mask: np.ndarray) -> _Homes:
        return _Homes(self.places[mask], self.outlines[mask], self.weight[mask])


def _split(
    shape: Polygon, n: int, homes: _Homes, *, target: float, rng: np.random.Generator
) -> list[Polygon]:
    """n connected parts of the shape by straight cuts that pass between buildings."""
    if n == 1:
        return [shape]
    n_first = n // 2
    wish = n_first / n * (1 + rng.uniform(-UNEVEN, UNEVEN) / n)
    cuts = _cuts(shape, homes, wish, (n_first, n - n_first), target)
    for _, side, at in sorted(cuts, key=lambda cut: cut[0]):
        first = shape.intersection(_half_plane(side, at))
        second = shape.difference(first)
        if isinstance(first, Polygon) and isinstance(second, Polygon):
            break
    found = []
    is_first = homes.places @ side < at
    for part, count, mask in ((first, n_first, is_first), (second, n - n_first, ~is_first)):
        found += _split(part, count, homes.where(mask), target=target, rng=rng)
    return found


def _cuts(
    shape: Polygon, homes: _Homes, wish: float, counts: tuple[int, int], target: float
) -> list[tuple[float, np.ndarray, float]]:
    """Cuts along and across the street grid: score (lower is better), direction, position."""
    turn = np.radians(-skeleton.TURN_DEG)
    xy = shapely.get_coordinates(shape)
    cuts = []
    for side in (np.array([np.cos(turn), np.sin(turn)]), np.array([np.sin(turn), -np.cos(turn)])):
        reach = xy @ side
        other = xy @ np.array([-side[1], side[0]])
        stretch = np.ptp(other) / np.ptp(reach)
        corners, of = shapely.get_coordinates(homes.outlines, return_index=True)
        edges = pd.Series(corners @ side).groupby(of).agg(["min", "max"]).to_numpy()
        at = np.arange(reach.min() + 40, reach.max() - 40, 2.0)
        is_before = (homes.places @ side)[None, :] < at[:, None]
        load = is_before @ homes.weight
        total = homes.weight.sum()
        uneven = np.maximum(
            np.abs(load / counts[0] / target - 1), np.abs((total - load) / counts[1] / target - 1)
        )
        hits = ((edges[:, 0] < at[:, None]) & (edges[:, 1] > at[:, None])).sum(axis=1)
        score = 4.0 * np.abs(load / max(total, 1.0) - wish) + 0.25 * hits + 0.35 * stretch
        score += 20.0 * np.maximum(uneven - WORST, 0.0)
        cuts += [(float(s), side, float(a)) for s, a in zip(score, at, strict=True)]
    return cuts


def _half_plane(side: np.ndarray, at: float) -> Polygon:
    """The ground whose position along `side` is below `at`."""
    across = np.array([-side[1], side[0]])
    far = 3e4
    middle = across * (np.array(skeleton.ORIGIN_M) @ across)
    edge = middle + side * at
    return Polygon(
        [
            edge + across * far,
            edge - across * far,
            edge - across * far - side * far,
            edge + across * far - side * far,
        ]
    )


def _exact(shapes: list[Polygon]) -> np.ndarray:
    """The same areas cut from one noded line work, so that borders are shared exactly."""
    noded = shapely.union_all([shape.boundary for shape in shapes], grid_size=NODE_M)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    inner = shapely.point_on_surface(faces)
    owner = shapely.STRtree(shapes).nearest(inner)
    return np.array(
        [shapely.union_all(faces[owner == i], grid_size=NODE_M) for i in range(len(shapes))]
    )


def _numbered(
    community: list[str],
    shapes: np.ndarray,
    buildings: gpd.GeoDataFrame,
    places: np.ndarray,
    target: float,
) -> gpd.GeoDataFrame:
    """Grids with codes from west to east, then north to south, in each community."""
    centre = shapely.get_coordinates(shapely.centroid(shapes))
    grids = gpd.GeoDataFrame(
        {"plan": PLAN, "community": community, "x": centre[:, 0], "y": centre[:, 1]},
        geometry=shapes,
        crs=buildings.crs,
    ).sort_values(["community", "x", "y"], ascending=[True, True, False], ignore_index=True)
    serial = grids.groupby("community").cumcount()
    grids["grid"] = grids["community"] + (serial + 1).astype("str").str.zfill(3)
    grids["name"] = [f"第{_NUMERALS[i]}网格" for i in serial]
    of = shapely.STRtree(grids.geometry.to_numpy()).nearest(places)
    counted = buildings.assign(of=of).groupby("of")[["households", "people"]].sum()
    n_buildings = pd.Series(of).value_counts()
    grids[["households", "people"]] = counted.reindex(grids.index).fillna(0).astype("int64")
    grids["n_buildings"] = n_buildings.reindex(grids.index).fillna(0).astype("int64")
    grids["households_estimated"] = False
    grids["load"] = grids["households"].astype(float)
    grids["target"] = target
    grids["deviation"] = grids["load"] / target - 1
    grids["area_m2"] = grids.area.round(2)
    grids["perimeter_m"] = grids.length.round(2)
    grids["polsby_popper"] = 4 * np.pi * grids.area / grids.length**2
    checked = check_frame(LAYERS["grids"], grids)
    assert isinstance(checked.accepted, gpd.GeoDataFrame)
    return checked.accepted

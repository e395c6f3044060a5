"""What is odd about grids as a map: grids inside others, ground of nobody, ground of two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.planning.checks import Finding, named
from geo.planning.polygons import HAIRLINE_M


def find_faults(grids: gpd.GeoDataFrame) -> pd.DataFrame:
    """What is odd about grids as a map: one row each, positions of rows in `grids`.

    Codes: `polygons.enclave` (`other` lies wholly inside `grid`), `polygons.gap` (ground inside
    `grid` that is nobody's; `other` -1), `polygons.overlap` (`grid` and `other` share ground).
    A hole is left as it is: whether a pond belongs to the grid around it is for people to say.

    Returns
    -------
    columns `code`, `grid`, `other`, `area_m2`
    """
    geometry = grids.geometry.to_numpy()
    tree = shapely.STRtree(geometry)
    rows = list(_overlaps(geometry, tree))
    parts, owner = shapely.get_parts(geometry, return_index=True)
    for part, grid in zip(parts, owner.tolist(), strict=True):
        for hole in map(shapely.Polygon, part.interiors):
            within = tree.query(hole, predicate="covers")
            rows += [("polygons.enclave", grid, int(i), shapely.area(geometry[i])) for i in within]
            near = tree.query(hole, predicate="intersects")
            empty = shapely.difference(hole, shapely.union_all(geometry[near]))
            if shapely.area(empty) > HAIRLINE_M * shapely.length(hole):
                rows.append(("polygons.gap", grid, -1, shapely.area(empty)))
    found = pd.DataFrame(rows, columns=["code", "grid", "other", "area_m2"])
    types = {"code": "str", "grid": "int64", "other": "int64", "area_m2": "float64"}
    return found.astype(types).sort_values(["grid", "other", "code"], ignore_index=True)


def as_findings(found: pd.DataFrame, names: Sequence[str]) -> list[Finding]:
    """The faults as findings, one a code: an enclave as `inner < outer`, an overlap as `x / y`.

    Parameters
    ----------
    found : of `find_faults`
    names : the grids' codes, by row
    """
    findings = []
    for code, rows in found.groupby("code"):
        keys = [
            {
                "polygons.enclave": f"{names[other]} < {names[grid]}",
                "polygons.overlap": f"{names[grid]} / {names[other]}",
                "polygons.gap": str(names[grid]),
            }[str(code)]
            for grid, other in rows[["grid", "other"]].itertuples(index=False)
        ]
        area_m2 = round(float(rows["area_m2"].sum()), 1)
        findings += named(str(code), keys, area_m2=area_m2)
    return findings


def _overlaps(geometry: np.ndarray, tree: shapely.STRtree) -> Iterator[tuple[str, int, int, float]]:
    """Pairs of grids that share more than a hairline of ground."""
    one, other = tree.query(geometry, predicate="intersects")
    one, other = one[one < other], other[one < other]
    common = shapely.intersection(geometry[one], geometry[other])
    area_m2, length_m = shapely.area(common), shapely.length(common)
    for pair in np.flatnonzero((area_m2 > 0) & (area_m2 > HAIRLINE_M * length_m / 2)):
        yield "polygons.overlap", int(one[pair]), int(other[pair]), float(area_m2[pair])

"""Make `china.geojson`: where map services shift coordinates, and the places inside they spare.

    python -m boundaries.china.build COUNTRIES BORDERS HONG_KONG

COUNTRIES   `countries-10m.json` of the npm package world-atlas 2.0.2: Natural Earth 1:10m
BORDERS     `src/data/borders.json` of the npm package @rapideditor/country-coder 5.6.1
HONG_KONG   `hksar_18_district_boundary.json` of Hong Kong's Home Affairs Department

Natural Earth follows the borders everywhere but is up to a kilometre off; country-coder is right in
border towns and between neighbours' waters but cuts corners in the wild. A town left out would be
drawn 500 m off, a strip of wilderness taken in harms nobody: so the area is the union of both, at
sea up to 24 nautical miles from the coast, less Hong Kong, Macau and Taiwan.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

TARGET = Path(__file__).parent / "china.geojson"

COAST_REACH_M = 24 * 1852.0
"""Waters taken in: the contiguous zone, so that islets missing from 1:10m and all reclaimed land
are inside. country-coder keeps them apart from the waters of Korea, Vietnam and the others."""
SIMPLIFY_DEG = 0.0003
"""30 m, a tenth of the sources' own error."""
SMALLEST_DEG2 = 1e-4
"""About 1 km2: smaller slivers and gaps between the sources are dropped."""

FOREIGN_TOWNS = {
    "Mong Cai": (107.966, 21.523),
    "Musan": (129.21, 42.23),
    "Boten": (101.67, 21.18),
}
"""Towns that Natural Earth puts into China; near them only country-coder counts."""
TOWN_REACH_DEG = 0.03

SPARED = {"hong_kong": "Hong Kong", "macau": "Macau", "taiwan": "Taiwan"}
INNER_DEG = 0.02
"""Waters of these this close to the mainland's are in no area: more than the longest shift, so
that numbers from the mainland's side of a sea border stay unambiguous."""
FRONTIERS = {
    "hong_kong": (113.98, 22.49, 114.25, 22.58),
    "macau": (113.50, 22.10, 113.59, 22.23),
}
"""West, south, east, north of their land's edge, which is theirs to the last metre."""


def main(countries: Path, borders: Path, hong_kong: Path) -> None:
    """Write the four areas, coordinates with 5 decimals (1 m)."""
    natural_earth = _topojson_country(json.loads(countries.read_text()), "China")
    coded = _named_features(json.loads(borders.read_text()))
    spared = {name: coded[title] for name, title in SPARED.items()}
    spared["hong_kong"] = _all_features(json.loads(hong_kong.read_text()))
    areas = {"mainland": _mainland(natural_earth, coded["Mainland China"], spared), **spared}
    for name, area in spared.items():
        edge = shapely.box(*FRONTIERS[name]) if name in FRONTIERS else shapely.MultiPolygon()
        inner = shapely.buffer(area, -INNER_DEG)
        areas[name] = shapely.union(inner, shapely.intersection(area, edge))
    features = [
        {
            "type": "Feature",
            "properties": {"area": name},
            "geometry": json.loads(shapely.to_geojson(shapely.set_precision(area, 1e-5))),
        }
        for name, area in areas.items()
    ]
    lines = ",\n".join(json.dumps(feature, separators=(",", ":")) for feature in features)
    TARGET.write_text(f'{{"type":"FeatureCollection","features":[\n{lines}\n]}}\n')


def _mainland(
    natural_earth: shapely.Geometry,
    coded: shapely.Geometry,
    spared: dict[str, shapely.Geometry],
) -> shapely.Geometry:
    towns = shapely.union_all(
        shapely.buffer(shapely.points(list(FOREIGN_TOWNS.values())), TOWN_REACH_DEG)
    )
    land = shapely.difference(natural_earth, towns)
    both = shapely.union(shapely.intersection(coded, _with_waters(natural_earth)), land)
    whole = shapely.union_all([_without_gaps(part) for part in shapely.get_parts(both)])
    mainland = shapely.difference(
        shapely.simplify(whole, SIMPLIFY_DEG), shapely.union_all(list(spared.values()))
    )
    parts = shapely.get_parts(shapely.set_precision(mainland, 1e-5))
    return shapely.multipolygons(parts[shapely.area(parts) > SMALLEST_DEG2])


def _without_gaps(part: shapely.Geometry) -> shapely.Geometry:
    """The polygon filled: what it surrounds is its own water, or is taken out later."""
    return shapely.polygons(shapely.get_exterior_ring(part))


def _with_waters(land: shapely.Geometry) -> shapely.Geometry:
    """The land and the sea around it up to `COAST_REACH_M`."""
    conic = pyproj.CRS("+proj=lcc +lat_1=25 +lat_2=47 +lat_0=35 +lon_0=105 +datum=WGS84")
    there = pyproj.Transformer.from_crs(4326, conic, always_xy=True)
    back = pyproj.Transformer.from_crs(conic, 4326, always_xy=True)
    in_metres = shapely.simplify(_transformed(land, there), 200.0)
    reach = shapely.simplify(shapely.buffer(in_metres, COAST_REACH_M, quad_segs=6), 100.0)
    return shapely.make_valid(_transformed(reach, back))


def _transformed(area: shapely.Geometry, transformer: pyproj.Transformer) -> shapely.Geometry:
    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(transformer.transform(points[:, 0], points[:, 1]))

    return shapely.transform(area, move)


def _topojson_country(topology: dict[str, Any], name: str) -> shapely.Geometry:
    """One country of a quantised TopoJSON (github.com/topojson/topojson-specification)."""
    scale = np.asarray(topology["transform"]["scale"])
    translate = np.asarray(topology["transform"]["translate"])
    arcs = [np.cumsum(np.asarray(arc), axis=0) * scale + translate for arc in topology["arcs"]]

    def ring(indices: list[int]) -> NDArray[np.float64]:
        steps = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indices]
        return np.concatenate([steps[0], *(step[1:] for step in steps[1:])])

    (country,) = (
        item
        for item in topology["objects"]["countries"]["geometries"]
        if item["properties"]["name"] == name
    )
    shells = [ring(polygon[0]) for polygon in country["arcs"]]
    polygons = [shapely.polygons(shell) for shell in shells if len(shell) > 3]
    return shapely.union_all(shapely.make_valid(polygons))


def _named_features(collection: dict[str, Any]) -> dict[str, shapely.Geometry]:
    return {
        feature["properties"]["nameEn"]: shapely.from_geojson(json.dumps(feature["geometry"]))
        for feature in collection["features"]
        if feature["geometry"] and "nameEn" in feature["properties"]
    }


def _all_features(collection: dict[str, Any]) -> shapely.Geometry:
    shapes = [json.dumps(feature["geometry"]) for feature in collection["features"]]
    return shapely.union_all(
        shapely.set_precision(shapely.make_valid(shapely.from_geojson(shapes)), 1e-7)
    )


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:4]))

"""Seeds: the things that cells grow around, with the people who live there.

A building is a seed. A compound without any building in it is one or several: it is split into
parts small enough to be moved between grids.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.planning.arrangement import first_holder
from geo.planning.entrances import parts_of, with_counts
from geo.planning.load import PEOPLE_PER_HOUSEHOLD, estimate_households
from geo.planning.scatter import spread_points

PART_SHARE = 0.1
"""A part of a split compound holds at most this share of the target."""

HEAVIEST_SHARE = 1.05
"""A building with more than this share of the target is too heavy for one grid, at the usual
tolerance, and is taken apart by its entrances."""

SAME_PLACE_APART_M = 1.0
"""Compounds known as one and the same point are drawn this far apart."""

GEOMETRY_COLLECTION = 7
"""Shapely's type of polygons, lines and points in one."""

GOLDEN_ANGLE = 2.399963
"""Radians; turns of it never fall on each other."""


@dataclass(frozen=True)
class Seeds:
    """Arrays of equal length: geometry (footprint or point), counts, compound code or None.

    `name`: code of the building, or of the compound where no building is known.
    """

    geometry: np.ndarray
    households: np.ndarray
    people: np.ndarray
    is_estimated: np.ndarray
    n_buildings: np.ndarray
    compound: np.ndarray
    name: np.ndarray

    def __len__(self) -> int:
        return len(self.geometry)


@dataclass(frozen=True)
class Grounds:
    """The ground of compounds: polygons, and the row of the compound each belongs to."""

    polygon: np.ndarray
    row: np.ndarray


def join(parts: list[Seeds]) -> Seeds:
    """All seeds in one."""
    thing, whole = np.empty(0, dtype=object), np.empty(0, dtype=np.int64)
    every = [Seeds(thing, whole, whole, whole.astype(bool), whole, thing, thing), *parts]
    names = [field.name for field in fields(Seeds)]
    return Seeds(*(np.concatenate([getattr(part, name) for part in every]) for name in names))


def take(seeds: Seeds, is_kept: np.ndarray) -> Seeds:
    """The seeds where the mask is true."""
    return Seeds(*(getattr(seeds, field.name)[is_kept] for field in fields(seeds)))


def compound_grounds(compounds: gpd.GeoDataFrame | None, areas: np.ndarray) -> Grounds:
    """Each compound's own area; where all are points, the part of its area nearest to each."""
    nothing = Grounds(np.empty(0, dtype=object), np.empty(0, dtype=np.int64))
    if compounds is None:
        return nothing
    shapes = compounds.geometry.to_numpy()
    is_area = shapely.get_dimensions(shapes) == 2
    if is_area.any():
        return Grounds(shapes[is_area], np.flatnonzero(is_area))
    points = shapely.get_coordinates(shapely.centroid(shapes))
    holder = first_holder(shapely.points(points), areas)
    points = _apart(points)
    polygons, rows = [nothing.polygon], [nothing.row]
    for area in np.unique(holder[holder >= 0]):
        here = np.flatnonzero(holder == area)
        diagram = shapely.voronoi_polygons(
            shapely.multipoints(points[here]), extend_to=areas[area], ordered=True
        )
        polygons.append(shapely.intersection(shapely.get_parts(diagram), areas[area]))
        rows.append(here)
    return Grounds(np.concatenate(polygons), np.concatenate(rows))


def _apart(points: np.ndarray) -> np.ndarray:
    """The points, those at one place set SAME_PLACE_APART_M apart so that they share its ground."""
    place = pd.DataFrame(points, columns=["x", "y"])
    nth = place.groupby(["x", "y"]).cumcount().to_numpy()
    angle = nth * GOLDEN_ANGLE
    away = SAME_PLACE_APART_M * np.sqrt(nth)[:, None]
    moved: np.ndarray = points + away * np.column_stack([np.cos(angle), np.sin(angle)])
    return moved


def from_layers(
    buildings: gpd.GeoDataFrame | None,
    compounds: gpd.GeoDataFrame | None,
    grounds: Grounds,
    *,
    areas: np.ndarray,
    entrances: gpd.GeoDataFrame | None = None,
    target_households: float,
    rng: np.random.Generator,
) -> Seeds:
    """Buildings, and points for the compounds in which no building stands.

    A building heavier than a grid may be is its entrances, where they are known. A compound that
    has no ground of its own (a point among areas, or outside) is one point.
    """
    found = []
    if buildings is not None:
        whole = from_buildings(with_counts(buildings, entrances), compounds)
        most = HEAVIEST_SHARE * target_households
        found.append(split_heavy(whole, buildings, entrances, areas, most=most))
    if compounds is not None:
        is_bare = np.ones(len(compounds), dtype=bool)
        if found:
            is_bare = ~compounds["compound"].isin(found[0].compound.tolist()).to_numpy()
        rows = np.flatnonzero(is_bare[grounds.row] & (shapely.area(grounds.polygon) > 1.0))
        is_bare[grounds.row[rows]] = False
        found.append(
            from_compound_grounds(
                grounds.polygon[rows],
                compounds.iloc[grounds.row[rows]],
                target_households=target_households,
                rng=rng,
            )
        )
        groundless = compounds[is_bare]
        points = shapely.point_on_surface(groundless.geometry.to_numpy())
        found.append(from_compound_grounds(points, groundless, target_households=np.inf, rng=rng))
    return join(found)


def from_buildings(buildings: gpd.GeoDataFrame, compounds: gpd.GeoDataFrame | None) -> Seeds:
    """One seed a building; missing households from the compound's count, else from floor area."""
    compound = compound_of(buildings, compounds)
    filled = estimate_households(buildings, is_in_compound=pd.notna(compound))
    households = filled["households"].to_numpy(dtype="int64")
    people = filled["people"].to_numpy(dtype="int64")
    is_estimated = filled["households_estimated"].to_numpy(dtype=bool)
    is_missing = is_estimated & (
        _is_missing(buildings, "people") | ~_is_missing(buildings, "households")
    )
    if compounds is not None:
        households, people = _shared_out(compounds, compound, households, people, is_missing)
    return Seeds(
        buildings.geometry.to_numpy(),
        households,
        people,
        is_estimated,
        np.ones(len(buildings), dtype=np.int64),
        compound,
        buildings["building"].to_numpy(dtype=object),
    )


def split_heavy(
    seeds: Seeds,
    buildings: gpd.GeoDataFrame,
    entrances: gpd.GeoDataFrame | None,
    areas: np.ndarray,
    *,
    most: float,
) -> Seeds:
    """The seeds, those of buildings with more than `most` households in parts by entrance.

    Households and people are shared out as the entrances' counts are, else equally, which is
    marked as estimated. The building counts in its first part. Of a footprint that reaches over
    the line of its area only what lies inside is taken apart.

    Parameters
    ----------
    seeds : one a building, in the order of `buildings`
    areas : communities; a building belongs to the first that holds its inner point
    """
    heavy = np.flatnonzero(seeds.households > most)
    holder = first_holder(shapely.point_on_surface(seeds.geometry[heavy]), areas)
    heavy, holder = heavy[holder >= 0], holder[holder >= 0]
    inside = shapely.intersection(seeds.geometry[heavy], areas[holder])
    is_mixed = shapely.get_type_id(inside) == GEOMETRY_COLLECTION
    inside[is_mixed] = shapely.buffer(inside[is_mixed], 0.0)
    parts = parts_of(buildings.iloc[heavy].set_geometry(inside, crs=buildings.crs), entrances)
    parts = {int(heavy[row]): split for row, split in parts.items()}
    if not parts:
        return seeds
    is_whole = np.ones(len(seeds), dtype=bool)
    is_whole[list(parts)] = False
    made = [take(seeds, is_whole)]
    for row, split in parts.items():
        n = len(split.geometry)
        is_estimated = bool(seeds.is_estimated[row]) or not split.is_counted
        made.append(
            Seeds(
                split.geometry,
                _split_by(int(seeds.households[row]), split.share),
                _split_by(int(seeds.people[row]), split.share),
                np.full(n, is_estimated),
                (np.arange(n) == 0).astype(np.int64),
                np.full(n, seeds.compound[row], dtype=object),
                np.full(n, seeds.name[row], dtype=object),
            )
        )
    return join(made)


def compound_of(buildings: gpd.GeoDataFrame, compounds: gpd.GeoDataFrame | None) -> np.ndarray:
    """The compound of each building: as it says, else the one on whose ground it stands."""
    code = np.full(len(buildings), None, dtype=object)
    if "compound" in buildings.columns:
        code = buildings["compound"].astype("object").where(buildings["compound"].notna(), None)
        code = code.to_numpy(dtype=object, copy=True)
    if compounds is None or len(compounds) == 0:
        return code
    is_area = shapely.get_dimensions(compounds.geometry.to_numpy()) == 2
    grounds = compounds.geometry.to_numpy()[is_area]
    points = shapely.point_on_surface(buildings.geometry.to_numpy())
    point, ground = shapely.STRtree(grounds).query(points, predicate="intersects")
    keys = compounds["compound"].to_numpy(dtype=object)[is_area]
    for one, other in zip(point[::-1], ground[::-1], strict=True):
        if code[one] is None:
            code[one] = keys[other]
    return code


def from_compound_grounds(
    grounds: np.ndarray,
    compounds: gpd.GeoDataFrame,
    *,
    target_households: float,
    rng: np.random.Generator,
) -> Seeds:
    """Points inside compounds without buildings: one each, several where it must be divisible.

    A compound above PART_SHARE of the target is split into parts of about equal ground, its
    households shared out evenly; such parts are marked as estimated.
    """
    households = _filled(compounds, "households")
    people = _filled(compounds, "people")
    people = np.where(
        _is_missing(compounds, "people"), np.round(households * PEOPLE_PER_HOUSEHOLD), people
    ).astype(np.int64)
    n_parts = np.maximum(1, np.ceil(households / (PART_SHARE * target_households))).astype(int)
    code = compounds["compound"].to_numpy(dtype=object)
    n_buildings = _filled(compounds, "n_buildings")
    is_estimated = _is_missing(compounds, "households")
    made = []
    for row in range(len(compounds)):
        n = int(n_parts[row])
        made.append(
            Seeds(
                spread_points(grounds[row], n, rng),
                _split_evenly(int(households[row]), n),
                _split_evenly(int(people[row]), n),
                np.full(n, bool(is_estimated[row]) or n > 1),
                _split_evenly(int(n_buildings[row]), n),
                np.full(n, code[row], dtype=object),
                np.full(n, code[row], dtype=object),
            )
        )
    return join(made)


def _shared_out(
    compounds: gpd.GeoDataFrame,
    compound: np.ndarray,
    households: np.ndarray,
    people: np.ndarray,
    is_missing: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Where a compound's count is known and no building's is, the count shared by the estimates."""
    known = compounds.loc[~_is_missing(compounds, "households")].set_index("compound")
    frame = pd.DataFrame({"compound": compound, "guess": households, "missing": is_missing})
    groups = frame.dropna(subset="compound").groupby("compound")
    households, people = households.copy(), people.copy()
    for code, rows in groups.indices.items():
        here = np.asarray(frame.dropna(subset="compound").index[rows])
        if code not in known.index or not is_missing[here].all():
            continue
        total = int(known.loc[[code], "households"].iloc[0])
        weights = households[here].astype("float64")
        if weights.sum() == 0:
            weights = np.ones(len(here))
        households[here] = _split_by(total, weights)
        counted = known.loc[[code], "people"].iloc[0] if "people" in known.columns else pd.NA
        n_people = round(total * PEOPLE_PER_HOUSEHOLD) if pd.isna(counted) else int(counted)
        people[here] = _split_by(n_people, weights)
    return households, people


def _split_by(total: int, weights: np.ndarray) -> np.ndarray:
    """Whole shares of the total in proportion to the weights, by largest remainder."""
    exact = total * weights / weights.sum()
    shares: np.ndarray = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - shares), kind="stable")
    shares[order[: total - int(shares.sum())]] += 1
    return shares


def _split_evenly(total: int, n: int) -> np.ndarray:
    return _split_by(total, np.ones(n))


def _is_missing(frame: pd.DataFrame, column: str) -> np.ndarray:
    if column not in frame.columns:
        return np.ones(len(frame), dtype=bool)
    missing: np.ndarray = frame[column].isna().to_numpy(dtype=bool)
    return missing


def _filled(frame: pd.DataFrame, column: str) -> np.ndarray:
    if column not in frame.columns:
        return np.zeros(len(frame), dtype=np.int64)
    numbers: np.ndarray = frame[column].fillna(0).to_numpy(dtype="int64")
    return numbers

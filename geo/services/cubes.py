"""The town's cube: counts by cell, day and category kept at hand, with what lies in the cells."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from geo.errors import NotFoundError
from geo.hotspots.counts.cube import Cube
from geo.hotspots.counts.exposure import exposure_from_points
from geo.hotspots.counts.lattice import Floats, Lattice, lattice_over
from geo.services import ground
from geo.services.clock import timezone_of
from geo.services.incidents import NOT_COUNTED
from geo.store import Store

COLUMNS = ["incident", "category", "status", "reported_at", "geometry"]
GROUND_LAYERS = ("communities", "subdistricts", "buildings", "compounds", "streets")
MOST_FOLLOWED = 20_000
"""Incidents written at once above which counting anew is quicker than asking what they replace."""

MOST_KEPT = 4
"""Cell sizes whose cubes are kept at hand."""

_STREET_STEP_M = 10.0
"""Streets are counted by points this far apart at most, metres."""


@dataclass(frozen=True)
class TownCube:
    """The cube on the town's lattice and, per cell, `sources`: households, street metres, ground.

    `outline` is the town's; where nothing but incidents is known, these (`has_ground` False).
    """

    cube: Cube
    lattice: Lattice
    outline: BaseGeometry
    sources: dict[str, Floats]
    has_ground: bool = True


@dataclass(frozen=True)
class _Kept:
    incidents: int
    ground: tuple[int, ...]
    town: TownCube


_kept: WeakKeyDictionary[Store, dict[float, _Kept]] = WeakKeyDictionary()
_lock = threading.Lock()
_counting: defaultdict[float, threading.Lock] = defaultdict(threading.Lock)
"""One counts a cell size, others of that size wait for it; other sizes do not."""


def town_cube(store: Store, *, cell_size_m: float) -> TownCube:
    """The cube as of the store's newest incidents, counted anew only where it cannot be brought
    up to date. Rejected, duplicate and void reports do not count.

    Raises
    ------
    ParameterError : the store has neither incidents nor ground, or the raster would be too large
    """
    with _counting[cell_size_m]:
        while True:
            now = _revisions(store)
            with _lock:
                held = _kept.setdefault(store, {}).get(cell_size_m)
            if held is None or (held.incidents, held.ground) != now:
                held = _Kept(*now, _counted(store, cell_size_m=cell_size_m))
            if _revisions(store) == now:  # else somebody wrote while we read
                break
        with _lock:
            sides = _kept.setdefault(store, {})
            sides.pop(cell_size_m, None)
            sides[cell_size_m] = held
            while len(sides) > MOST_KEPT:
                del sides[next(iter(sides))]  # the one asked for longest ago
    return held.town


def _revisions(store: Store) -> tuple[int, tuple[int, ...]]:
    return store.revision("incidents"), tuple(store.revision(layer) for layer in GROUND_LAYERS)


@contextmanager
def following(store: Store, incidents: gpd.GeoDataFrame) -> Iterator[None]:
    """While these incidents are stored inside, in one write (those of the same key are replaced),
    kept cubes follow by the difference; after any other write they are counted anew.
    """
    before = None
    revision = store.revision("incidents")
    if store in _kept and len(incidents) <= MOST_FOLLOWED:
        where = {"incident": incidents["incident"].tolist()}
        before = store.read("incidents", columns=COLUMNS, where=where)
    yield
    with _lock:
        now = store.revision("incidents")
        for side, held in list(_kept.get(store, {}).items()):
            is_next = held.incidents == revision and now == revision + 1
            if before is None or not is_next or not held.town.has_ground:
                del _kept[store][side]
                continue
            zone = timezone_of(store)
            cube = held.town.cube.without(*_rows(before, zone)).add(*_rows(incidents, zone))
            _kept[store][side] = _Kept(now, held.ground, replace(held.town, cube=cube))


def _counted(store: Store, *, cell_size_m: float) -> TownCube:
    cases = store.read("incidents", columns=COLUMNS)
    try:
        outline, has_ground = ground.outline(store), True
    except NotFoundError:
        points = cases.geometry.dropna()
        outline = shapely.multipoints(shapely.get_coordinates(points.to_numpy()))
        has_ground = False
    lattice = lattice_over(outline, cell_size_m=cell_size_m, crs=store.crs)
    cube = Cube.build(lattice, *_rows(cases, timezone_of(store)))
    return TownCube(cube, lattice, outline, _sources(store, lattice), has_ground)


def _rows(
    cases: gpd.GeoDataFrame, zone: ZoneInfo
) -> tuple[Floats, Floats, npt.NDArray[np.datetime64], npt.NDArray[np.object_]]:
    """x, y, local day and category of each case; not a number where it has no place."""
    cases = cases[~cases["status"].isin(NOT_COUNTED)]
    points = cases.geometry.to_numpy()
    return (
        shapely.get_x(points),
        shapely.get_y(points),
        local_days(cases["reported_at"], zone),
        cases["category"].to_numpy(dtype=object),
    )


def local_days(instants: pd.Series, zone: ZoneInfo) -> npt.NDArray[np.datetime64]:
    """(n,) datetime64[D]: the town's calendar day of each instant."""
    local = instants.dt.tz_convert(zone).dt.tz_localize(None)
    days: npt.NDArray[np.datetime64] = local.to_numpy().astype("datetime64[D]")
    return days


def source(
    store: Store, town: TownCube, name: str, *, start: pd.Timestamp, end: pd.Timestamp
) -> Floats:
    """(rows, cols) what incidents can be measured against: one of the town's `sources`, or
    "addresses" (of the gazetteer) or "footfall" (fixes of patrols in [start, end)).
    """
    if name in town.sources:
        return town.sources[name]
    if name == "addresses":
        rows = store.read("gazetteer", columns=["geometry"])
    else:
        rows = store.read("tracks", columns=["geometry"], where={"at": ("between", start, end)})
    points = rows.geometry.to_numpy()
    return exposure_from_points(town.lattice, shapely.get_x(points), shapely.get_y(points))


def _sources(store: Store, lattice: Lattice) -> dict[str, Floats]:
    """Households, metres of street and share of ground in each cell."""
    homes = store.read("buildings", columns=["households", "geometry"])
    points = shapely.point_on_surface(homes.geometry.to_numpy())
    households = homes["households"].fillna(0).to_numpy(dtype="float64")
    streets = store.read("streets", columns=["geometry"]).geometry.to_numpy()
    dense = shapely.segmentize(streets, _STREET_STEP_M)
    xy, line = shapely.get_coordinates(dense, return_index=True)
    is_step = line[1:] == line[:-1]
    middle = ((xy[1:] + xy[:-1]) / 2)[is_step]
    length_m = np.hypot(*(xy[1:] - xy[:-1])[is_step].T)
    return {
        "households": exposure_from_points(
            lattice, shapely.get_x(points), shapely.get_y(points), households
        ),
        "streets": exposure_from_points(lattice, middle[:, 0], middle[:, 1], length_m),
        "ground": lattice.ground_share,
    }

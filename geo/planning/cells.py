"""Cells: the smallest pieces of ground that planning moves between grids."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.errors import CrsError, ParameterError, SchemaError
from geo.planning import areas, arrangement, enclosures, seeds


@dataclass(frozen=True)
class CellsReport:
    """The cells, and what had to be mended to make them.

    `cells` has the columns of layer `cells` except `cell_set`. `n_outside`: buildings or compounds
    outside every community, left out. `n_covered`: buildings covered by others, whose people
    were added to the covering building's cell. `n_on_border`: buildings that a community's line
    cuts; they count where their inner point lies. `n_empty`: cells of ground with neither building
    nor part of a compound.

    `n_split`: buildings with more households than a grid may have, taken apart by their entrances.
    `above_target`: cells that still have more, as their entrances are not known or one has more by
    itself; `above_target_buildings`: the building (or compound) of each. `n_stray_entrances`:
    entrances of buildings that are not there, without effect.

    `overlap_m2`: ground that several communities claim, given to the first. `n_slivers`,
    `sliver_m2`: gaps between communities too narrow to be meant, given to the one they touch
    most. `footprint_overlap_m2`: ground that several buildings claim, given to the first.
    """

    cells: gpd.GeoDataFrame
    n_outside: int
    n_covered: int
    n_on_border: int
    n_empty: int
    n_split: int
    above_target: tuple[str, ...]
    above_target_buildings: tuple[str, ...]
    n_stray_entrances: int
    overlap_m2: float
    n_slivers: int
    sliver_m2: float
    footprint_overlap_m2: float

    def summary(self) -> dict[str, Any]:
        """The counts and the totals, as plain values."""
        counts = {
            field.name: getattr(self, field.name) for field in fields(self) if field.name != "cells"
        }
        return {
            "n_cells": len(self.cells),
            "area_m2": float(self.cells["area_m2"].sum()),
            "households": int(self.cells["households"].sum()),
            "people": int(self.cells["people"].sum()),
            "n_estimated": int(self.cells["households_estimated"].sum()),
            "n_above_target": len(self.above_target),
            **counts,
        }


def make_cells(
    *,
    buildings: gpd.GeoDataFrame | None = None,
    compounds: gpd.GeoDataFrame | None = None,
    barriers: gpd.GeoDataFrame | None = None,
    entrances: gpd.GeoDataFrame | None = None,
    within: gpd.GeoDataFrame,
    target_households: float,
    rng: np.random.Generator,
) -> CellsReport:
    """Cells that cover `within` exactly: no gap, no overlap, each inside one community.

    The lines of communities and barriers close enclosures; inside one the ground is shared out to
    the nearest building (enclosed tessellation), a compound's ground among its own buildings. A
    building's footprint is never cut except by a community's line, and between its entrances where
    it has more households than a grid may have (see `entrances.parts_of`). Compounds known only
    as points get the ground nearest to them. Compounds without buildings are split into parts
    that planning can move. Empty ground becomes a cell of its own where it is large and compact
    (a park), else joins its neighbours.

    Parameters
    ----------
    buildings : footprints or points, with `building`; households are estimated where missing
    compounds : areas or points, with `compound`
    barriers : lines or areas that cells do not cross
    entrances : points with `building`; households and people are counted from them where every
        entrance of a building has been counted and the building has not
    within : areas with `community`, projected CRS in metres
    target_households : wanted households of a grid, which sets how fine compounds are split
    rng : places the parts of split compounds

    Raises
    ------
    ParameterError : the target is not positive, or there are no areas
    SchemaError : a frame lacks its key column, `within` lacks `community`
    CrsError : frames are not in one projected CRS in metres
    """
    layers = {"buildings": buildings, "compounds": compounds, "entrances": entrances}
    _check_inputs(within, target_households, {**layers, "barriers": barriers})
    buildings = _known(buildings)
    compounds = _known(compounds)
    mended = areas.mend(shapely.make_valid(within.geometry.to_numpy()))
    grounds = seeds.compound_grounds(compounds, mended.geometry)
    is_wall = _is_wall(barriers)
    hard = [shapely.boundary(mended.geometry), _barrier_lines(barriers, ~is_wall)]
    walls = [_barrier_lines(barriers, is_wall), shapely.boundary(grounds.polygon)]
    zones = enclosures.enclose(hard, walls, mended.geometry, grounds.polygon)
    found = seeds.from_layers(
        buildings,
        compounds,
        grounds,
        areas=mended.geometry,
        entrances=entrances,
        target_households=target_households,
        rng=rng,
    )
    n_split = _count_split(found, buildings)
    seed_zone = zones.of(arrangement.inner_points(found.geometry))
    is_inside = seed_zone >= 0
    found = seeds.take(found, is_inside)
    seed_zone = seed_zone[is_inside]
    pieces = enclosures.share_out(zones, found.geometry, seed_zone)
    cells, cell_of_seed, n_covered = _to_cells(within, compounds, grounds, pieces, found)
    heavy = np.flatnonzero(cells["households"] > seeds.HEAVIEST_SHARE * target_households)
    return CellsReport(
        cells=cells,
        n_outside=int((~is_inside).sum()),
        n_covered=n_covered,
        n_on_border=_count_on_border(mended.geometry, found.geometry),
        n_empty=int((np.bincount(cell_of_seed, minlength=len(cells)) == 0).sum()),
        n_split=n_split,
        above_target=tuple(cells["cell"].iloc[heavy]),
        above_target_buildings=_heaviest_names(heavy, cell_of_seed, found),
        n_stray_entrances=_count_stray(entrances, buildings),
        overlap_m2=mended.overlap_m2,
        n_slivers=mended.n_slivers,
        sliver_m2=mended.sliver_m2,
        footprint_overlap_m2=_footprint_overlap_m2(found.geometry),
    )


_KEYS = {"buildings": "building", "compounds": "compound", "entrances": "building"}


def _check_inputs(
    within: gpd.GeoDataFrame,
    target_households: float,
    layers: dict[str, gpd.GeoDataFrame | None],
) -> None:
    if not 0 < target_households < float("inf"):
        raise ParameterError(
            "plan.target",
            f"target_households must be positive and finite; got {target_households}",
            target=target_households,
        )
    frames = {"within": within, **{name: frame for name, frame in layers.items() if name in _KEYS}}
    for layer, frame in frames.items():
        column = _KEYS.get(layer, "community")
        if frame is not None and column not in frame.columns:
            raise SchemaError(
                "schema.missing_columns",
                f"{layer} must have column {column}; got {list(frame.columns)[:20]}. Add it.",
                layer=layer,
                columns=[column],
                found=[str(name) for name in frame.columns][:20],
            )
    if len(within) == 0:
        raise ParameterError("cells.no_area", "within must hold at least one area; it has none")
    if within.crs is None or not within.crs.is_projected:
        raise CrsError(
            "crs.not_projected",
            f"within must use a projected CRS in metres; got {within.crs}. "
            "Reproject with crs.to_metric(within).",
            layer="within",
            crs=str(within.crs),
        )
    for frame in layers.values():
        if frame is not None and len(frame) and frame.crs != within.crs:
            raise CrsError(
                "crs.different",
                f"all layers must use one CRS; got {within.crs} and {frame.crs}. "
                "Reproject one of them.",
                crs=str(within.crs),
                other=str(frame.crs),
            )


def _known(frame: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame | None:
    """The rows that have geometry; None where there are none."""
    if frame is None:
        return None
    geometry = frame.geometry.to_numpy()
    kept = frame[~(shapely.is_missing(geometry) | shapely.is_empty(geometry))]
    if len(kept) == 0:
        return None
    return kept.set_geometry(shapely.make_valid(kept.geometry.to_numpy()), crs=frame.crs)


def _is_wall(barriers: gpd.GeoDataFrame | None) -> np.ndarray:
    """Mask of the barriers that close compounds, not enclosures."""
    if barriers is None:
        return np.zeros(0, dtype=bool)
    if "kind" not in barriers.columns:
        return np.zeros(len(barriers), dtype=bool)
    walls: np.ndarray = (barriers["kind"] == "wall").to_numpy(dtype=bool, na_value=False)
    return walls


def _barrier_lines(barriers: gpd.GeoDataFrame | None, is_kept: np.ndarray) -> np.ndarray:
    if barriers is None or len(barriers) == 0:
        return np.empty(0, dtype=object)
    shapes = barriers.geometry.to_numpy()[is_kept]
    shapes = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    is_area = shapely.get_dimensions(shapes) == 2
    lines: np.ndarray = np.where(is_area, shapely.boundary(shapes), shapes)
    return lines


def _to_cells(
    within: gpd.GeoDataFrame,
    compounds: gpd.GeoDataFrame | None,
    grounds: seeds.Grounds,
    pieces: enclosures.Pieces,
    found: seeds.Seeds,
) -> tuple[gpd.GeoDataFrame, np.ndarray, int]:
    """The cells' frame, the cell of each seed, and how many seeds lay wholly under others."""
    n_cells, n_seeds = len(pieces.polygon), len(found)
    cell_of_seed = np.full(n_seeds, -1, dtype=np.int64)
    is_seed = pieces.label < n_seeds
    cell_of_seed[pieces.label[is_seed]] = np.flatnonzero(is_seed)
    covered = np.flatnonzero(cell_of_seed < 0)
    if len(covered):
        points = arrangement.inner_points(found.geometry[covered])
        cell_of_seed[covered] = arrangement.first_holder(points, pieces.polygon)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(cell_of_seed, weights=values, minlength=n_cells).round()

    compound = _compound_of_empty(compounds, grounds, pieces.polygon)
    compound[cell_of_seed[::-1]] = found.compound[::-1]
    is_estimated = total(found.is_estimated & (found.households > 0)) > 0
    frame = gpd.GeoDataFrame(
        {
            "community": within["community"].astype("str").iloc[pieces.area].array,
            "compound": pd.array(compound, dtype="str"),
            "households": pd.array(total(found.households), dtype="Int64"),
            "people": pd.array(total(found.people), dtype="Int64"),
            "households_estimated": pd.array(is_estimated, dtype="boolean"),
            "n_buildings": pd.array(total(found.n_buildings), dtype="Int64"),
            "area_m2": shapely.area(pieces.polygon),
        },
        geometry=pieces.polygon,
        crs=within.crs,
    )
    order = np.argsort(pieces.area, kind="stable")
    frame = frame.iloc[order].reset_index(drop=True)
    width = max(5, len(str(n_cells)))
    frame.insert(0, "cell", pd.array([f"{i:0{width}d}" for i in range(n_cells)], dtype="str"))
    place = np.empty(n_cells, dtype=np.int64)
    place[order] = np.arange(n_cells)
    return frame, place[cell_of_seed], len(covered)


def _compound_of_empty(
    compounds: gpd.GeoDataFrame | None, grounds: seeds.Grounds, polygon: np.ndarray
) -> np.ndarray:
    """The compound on whose ground each cell's inner point lies, None for none."""
    code = np.full(len(polygon), None, dtype=object)
    if compounds is None or len(grounds.row) == 0:
        return code
    holder = arrangement.first_holder(arrangement.inner_points(polygon), grounds.polygon)
    keys = compounds["compound"].to_numpy(dtype=object)[grounds.row]
    code[holder >= 0] = keys[holder[holder >= 0]]
    return code


def _count_split(found: seeds.Seeds, buildings: gpd.GeoDataFrame | None) -> int:
    """Buildings that are several seeds."""
    if buildings is None:
        return 0
    is_building = np.isin(found.name.astype(str), buildings["building"].to_numpy().astype(str))
    parts = pd.Series(found.name[is_building], dtype=object).value_counts()
    whole = buildings["building"].value_counts().reindex(parts.index, fill_value=1)
    return int((parts > whole).sum())


def _heaviest_names(
    heavy: np.ndarray, cell_of_seed: np.ndarray, found: seeds.Seeds
) -> tuple[str, ...]:
    """The building with the most households in each of these cells."""
    order = np.lexsort((found.households, cell_of_seed))
    last = np.searchsorted(cell_of_seed[order], heavy, side="right") - 1
    return tuple(str(name) for name in found.name[order[last]])


def _count_stray(entrances: gpd.GeoDataFrame | None, buildings: gpd.GeoDataFrame | None) -> int:
    if entrances is None:
        return 0
    if buildings is None:
        return len(entrances)
    return int((~entrances["building"].isin(buildings["building"])).sum())


def _footprint_overlap_m2(footprints: np.ndarray) -> float:
    return areas.overlap_m2(footprints[shapely.get_dimensions(footprints) == 2])


def _count_on_border(grounds: np.ndarray, footprints: np.ndarray) -> int:
    """Buildings that reach over the line of the area they count in."""
    if len(footprints) == 0:
        return 0
    seed, _ = shapely.STRtree(shapely.boundary(grounds)).query(footprints, predicate="intersects")
    crossing = np.unique(seed)
    holder = arrangement.first_holder(arrangement.inner_points(footprints[crossing]), grounds)
    outside_m2 = shapely.area(shapely.difference(footprints[crossing], grounds[holder]))
    return int((outside_m2 > 0.1).sum())

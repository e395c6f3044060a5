"""Which incidents happened at the same place: by address, by a code, or by lying close together."""

from __future__ import annotations

from typing import Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from numba import njit
from scipy.spatial import cKDTree

from geo.addresses.parser import parse
from geo.hotspots.counts.lattice import Bools, Floats, Indices
from geo.hotspots.scans.scan_windows import check_pairs

Level = Literal["building", "room"]


def same_places(
    incidents: gpd.GeoDataFrame, *, level: Level, join_m: float, place: str | None
) -> pd.Series:
    """The place of each incident as a text, missing where it has neither code, address nor point.

    In this order: the column `place` where one is named and filled; the address where it says a
    compound and a building, or a street and a number (`幸福小区3号楼` for all the ways to write
    it; a vague one such as `垃圾站旁` says none); else the point, joined with those within
    `join_m` of the busiest point around (each point in turn, by points near it, takes what is
    near and not yet taken, so that places do not grow along a street), named by its x and y in
    whole metres.

    Parameters
    ----------
    incidents : n points, projected CRS in metres, with `address` where there are addresses
    level : whether entrances and rooms count as places of their own
    """
    places = pd.Series(pd.NA, index=incidents.index, dtype="str")
    if place is not None:
        places = incidents[place].astype("str")
    if "address" in incidents:
        unknown = places.isna()
        places[unknown] = _by_address(incidents.loc[unknown, "address"], level)
    points = incidents.geometry.array
    is_placed = ~(shapely.is_missing(points) | shapely.is_empty(points))
    left = places.isna().to_numpy() & is_placed
    if left.any():
        places[left] = _by_point(shapely.get_coordinates(points[left]), join_m)
    return places


def _by_address(addresses: pd.Series, level: Level) -> npt.NDArray[np.object_]:
    """A text for each address that names a building or a street number; missing for others."""
    parts = parse(addresses).astype("object").where(lambda parts: parts.notna(), "")
    compound, building = parts["compound"], parts["building"]
    street, number = parts["street"], parts["street_number"]
    at_building = compound + building + "号楼"
    at_number = street + number + "号"
    has_building, has_number = (compound != "") & (building != ""), (street != "") & (number != "")
    text = at_building.where(has_building, at_number.where(has_number, ""))
    if level == "room":
        entrance, room = parts["entrance"], parts["room"]
        text = text + (entrance + "单元").where((entrance != "") & (text != ""), "")
        text = text + (room + "室").where((room != "") & (text != ""), "")
    found: npt.NDArray[np.object_] = text.where(text != "", None).to_numpy(dtype=object)
    return found


def _by_point(xy: Floats, join_m: float) -> list[str]:
    """A text for each point: the whole metres of the point that its place formed around."""
    spots, spot, n_at = np.unique(xy, axis=0, return_inverse=True, return_counts=True)
    tree = cKDTree(spots)
    check_pairs(int(tree.count_neighbors(tree, join_m)))
    pairs = tree.query_pairs(join_m, output_type="ndarray")
    left = np.concatenate([pairs[:, 0], pairs[:, 1]])
    right = np.concatenate([pairs[:, 1], pairs[:, 0]])
    near = right[np.argsort(left, kind="stable")]
    first = np.concatenate([[0], np.cumsum(np.bincount(left, minlength=len(spots)))])
    n_near = n_at + np.bincount(left, weights=n_at[right], minlength=len(spots))
    leader = np.full(len(spots), -1)
    _lead(np.lexsort((spots[:, 1], spots[:, 0], -n_near)), first, near, leader)
    named = [f"{x:.0f} {y:.0f}" for x, y in spots]
    return [named[k] for k in leader[spot.ravel()]]


@njit(cache=True, nogil=True, error_model="numpy")
def _lead(order: Indices, first: Indices, near: Indices, leader: Indices) -> None:
    """Fills each spot's leader: spots in order take themselves and what is near and not taken."""
    for spot in order:
        if leader[spot] >= 0:
            continue
        leader[spot] = spot
        for k in range(first[spot], first[spot + 1]):
            if leader[near[k]] < 0:
                leader[near[k]] = spot


def is_counted(ids: pd.Series, at: pd.Series) -> Bools:
    """(n,) whether a row is its incident's first, by time, then by order."""
    order = np.argsort(at.to_numpy(), kind="stable")
    counted = np.zeros(len(ids), dtype=bool)
    counted[order] = ~ids.iloc[order].duplicated().to_numpy()
    return counted

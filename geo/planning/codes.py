"""Grid codes: numbered by place, kept while the ground is mostly the same, never reused."""

from __future__ import annotations

from collections.abc import Collection

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

SAME_GROUND_SHARE = 0.5
"""A grid keeps a code when more than this share of its load and of the old one's is shared."""

SEQUENCE_DIGITS = 3
COMMUNITY_DIGITS = 12
"""Beijing DB11: 15 digits = 6 county + 3 subdistrict + 3 community + 3 sequence."""


def number_grids(
    grids: gpd.GeoDataFrame,
    *,
    used_codes: Collection[str] = (),
    cells: gpd.GeoDataFrame | None = None,
    labels: np.ndarray | None = None,
    previous: np.ndarray | None = None,
    load: str = "households",
) -> np.ndarray:
    """The code of each grid, as text.

    A grid that shares more than half of its load with one predecessor, and that predecessor more
    than half of its own with it, keeps the predecessor's code if it is in the same community. The
    others get the community's next free numbers, west to east and, at the same easting, north to
    south. Codes in `used_codes` are never given again.

    Parameters
    ----------
    grids : one row a grid, with `community`
    used_codes : every code ever issued
    cells, labels, previous : the cells, their grid's row in `grids`, and the code of the grid that
        held each before (None where none did); all three or none
    """
    community = grids["community"].astype("str").to_numpy(dtype=object)
    given = np.full(len(grids), None, dtype=object)
    if cells is not None and labels is not None and previous is not None:
        weight = cells[load].fillna(0).to_numpy(dtype="float64")
        given = _kept_codes(labels, previous, weight, community)
    taken = set(used_codes) | {code for code in given if code is not None}
    centres = shapely.get_coordinates(shapely.point_on_surface(grids.geometry.to_numpy()))
    order = np.lexsort((-centres[:, 1], np.round(centres[:, 0])))
    next_number: dict[str, int] = {}
    for grid in order:
        if given[grid] is not None:
            continue
        area = community[grid]
        number = next_number.get(area, _last_number(area, taken)) + 1
        given[grid] = _code(area, number)
        next_number[area] = number
    return given


def links(previous: np.ndarray, current: np.ndarray, load: np.ndarray) -> pd.DataFrame:
    """Columns `predecessor`, `successor`, `share`: the share of the predecessor's load in each.

    Cells that had no grid before are left out; a predecessor without load is shared by cells.

    Parameters
    ----------
    previous, current : code of each cell's grid before and now
    load : load of each cell
    """
    frame = pd.DataFrame({"predecessor": previous, "successor": current, "load": load})
    frame = frame.dropna(subset="predecessor")
    if frame.empty:
        return pd.DataFrame(
            {
                "predecessor": pd.Series(dtype="str"),
                "successor": pd.Series(dtype="str"),
                "share": pd.Series(dtype="float64"),
            }
        )
    total = frame.groupby("predecessor")["load"].transform("sum")
    frame["load"] = frame["load"].where(total > 0, 1.0)
    sums = frame.groupby(["predecessor", "successor"], as_index=False)["load"].sum()
    whole = sums.groupby("predecessor")["load"].transform("sum")
    sums["share"] = sums["load"] / whole
    found = sums.loc[sums["share"] > 0, ["predecessor", "successor", "share"]]
    return found.astype({"predecessor": "str", "successor": "str"}).reset_index(drop=True)


def _code(community: str, number: int) -> str:
    separator = "" if community.isdigit() and len(community) == COMMUNITY_DIGITS else "-"
    return f"{community}{separator}{number:0{SEQUENCE_DIGITS}d}"


def _last_number(community: str, taken: Collection[str]) -> int:
    """The highest number that any code of this community carries; 0 when there is none."""
    prefix = _code(community, 0)[:-SEQUENCE_DIGITS]
    ends = [code[len(prefix) :] for code in taken if code.startswith(prefix)]
    return max((int(end) for end in ends if end.isdigit()), default=0)


def _kept_codes(
    labels: np.ndarray, previous: np.ndarray, weight: np.ndarray, community: np.ndarray
) -> np.ndarray:
    kept = np.full(len(community), None, dtype=object)
    frame = pd.DataFrame({"grid": labels, "code": previous, "load": weight})
    now = frame.groupby("grid")["load"].sum()
    known = frame.dropna(subset="code")
    before = known.groupby("code")["load"].sum()
    shared = known.groupby(["grid", "code"])["load"].sum().reset_index()
    is_same = (shared["load"] > SAME_GROUND_SHARE * shared["grid"].map(now)) & (
        shared["load"] > SAME_GROUND_SHARE * shared["code"].map(before)
    )
    for grid, code in shared.loc[is_same, ["grid", "code"]].itertuples(index=False):
        prefix = _code(str(community[grid]), 0)[:-SEQUENCE_DIGITS]
        if str(code).startswith(prefix):
            kept[grid] = str(code)
    return kept

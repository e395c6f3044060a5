"""Grid codes: numbered by place, kept while the ground is mostly the same, never reused."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.errors import ParameterError

SAME_GROUND_SHARE = 0.5
"""A grid keeps a code when more than this share of its load and of the old one's is shared."""

COMMUNITY_DIGITS = 12
"""6 county + 3 subdistrict + 3 community, as all known layouts have it."""


@dataclass(frozen=True)
class Layout:
    """How a code is written: `prefix`, the community's 12 digits, the number in the community.

    A community whose own code is not 12 digits stands before a hyphen, without the prefix, and
    numbers on with more digits when those are used.
    With `is_whole_zero` the only grid of a community has the number 0.
    """

    sequence_digits: int = 3
    prefix: str = ""
    is_whole_zero: bool = False


def layout_of(digits: int, *, prefix: str = "") -> Layout:
    """The layout with so many digits.

    - 15: 12 community + 3 sequence (Beijing DB11)
    - 16: 12 community + 4 sequence (one city's system)
    - 20: 6 for what the grid manages or serves (`prefix`, by CJ/T 348) + 12 community + 2 sequence,
      which is 00 for a community that is one grid (CJ/T 349-2010, 5.3 to 5.7)

    Raises
    ------
    ParameterError : another number, or a prefix that is not 6 digits with 20 or given without
    """
    if digits not in (15, 16, 20):
        raise ParameterError(
            "codes.digits",
            f"grid codes have 15, 16 or 20 digits; got {digits}. Choose one of them.",
            digits=digits,
        )
    needed = 6 if digits == 20 else 0
    if len(prefix) != needed or not (prefix + "0").isdecimal():
        raise ParameterError(
            "codes.prefix",
            f"codes of {digits} digits need a prefix of {needed} digits; got {prefix!r}",
            digits=digits,
            needed=needed,
            prefix=prefix,
        )
    sequence = digits - COMMUNITY_DIGITS - needed
    return Layout(sequence_digits=sequence, prefix=prefix, is_whole_zero=digits == 20)


def number_grids(
    grids: gpd.GeoDataFrame,
    *,
    used_codes: Collection[str] = (),
    cells: gpd.GeoDataFrame | None = None,
    labels: np.ndarray | None = None,
    previous: np.ndarray | None = None,
    load: str = "households",
    layout: Layout | None = None,
) -> np.ndarray:
    """The code of each grid, as text.

    A grid that shares more than half of its load with one predecessor, and that predecessor more
    than half of its own with it, keeps the predecessor's code if that is of the same community and
    layout; where neither has any load, ground counts instead. The others get the community's next
    free numbers, west to east and, at the same easting (to the metre), north to south. Codes in
    `used_codes` are never given again.

    Parameters
    ----------
    grids : one row a grid, with `community`
    used_codes : every code ever issued
    cells, labels, previous : the cells, their grid's row in `grids`, and the code of the grid that
        held each before (None where none did); all three or none
    layout : how codes are written; by default 15 digits

    Raises
    ------
    ParameterError : a community has no number left
    """
    written = layout or Layout()
    community = grids["community"].astype("str").to_numpy(dtype=object)
    given = np.full(len(grids), None, dtype=object)
    if cells is not None and labels is not None and previous is not None:
        weight = cells[load].fillna(0).to_numpy(dtype="float64")
        ground = cells.area.to_numpy()
        given = _kept_codes(labels, previous, weight, ground, community=community, layout=written)
    taken = set(used_codes) | {code for code in given if code is not None}
    centres = shapely.get_coordinates(shapely.point_on_surface(grids.geometry.to_numpy()))
    order = np.lexsort((-centres[:, 1], np.round(centres[:, 0])))
    count = pd.Series(community).value_counts()
    next_number: dict[str, int] = {}
    for grid in order:
        if given[grid] is not None:
            continue
        area = community[grid]
        number = next_number.get(area, _last_number(area, taken, written)) + 1
        if written.is_whole_zero and count[area] == 1 and _code(area, 0, written) not in taken:
            number = 0
        given[grid] = _code(area, number, written)
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


def _stem(community: str, layout: Layout) -> str:
    """All of a code but its number."""
    return f"{layout.prefix}{community}" if _is_standard(community) else f"{community}-"


def _is_standard(community: str) -> bool:
    """Whether the community's own code is the standard's; others may number on past 999."""
    return len(community) == COMMUNITY_DIGITS and community.isascii() and community.isdigit()


def _code(community: str, number: int, layout: Layout) -> str:
    if number >= 10**layout.sequence_digits and _is_standard(community):
        raise ParameterError(
            "codes.full",
            f"community {community} has used all numbers of {layout.sequence_digits} digits; "
            "choose a layout with more.",
            community=community,
            digits=layout.sequence_digits,
        )
    return f"{_stem(community, layout)}{number:0{layout.sequence_digits}d}"


def _number_of(code: str, community: str, layout: Layout) -> int | None:
    """The number of a code of this community and layout; None for any other."""
    stem = _stem(community, layout)
    end = code[len(stem) :]
    is_long = len(end) > layout.sequence_digits and not _is_standard(community)
    is_own = code.startswith(stem) and (len(end) == layout.sequence_digits or is_long)
    return int(end) if is_own and end.isascii() and end.isdigit() else None


def _last_number(community: str, taken: Collection[str], layout: Layout) -> int:
    """The highest number that any code of this community carries; 0 when there is none."""
    numbers = (_number_of(code, community, layout) for code in taken)
    return max((number for number in numbers if number is not None), default=0)


def _kept_codes(
    labels: np.ndarray,
    previous: np.ndarray,
    weight: np.ndarray,
    ground: np.ndarray,
    *,
    community: np.ndarray,
    layout: Layout,
) -> np.ndarray:
    """The code that each grid keeps, else None."""
    kept = np.full(len(community), None, dtype=object)
    frame = pd.DataFrame({"grid": labels, "code": previous, "load": weight, "ground": ground})
    sums = ["load", "ground"]
    known = frame.dropna(subset="code")
    shared = known.groupby(["grid", "code"], as_index=False)[sums].sum()
    now = frame.groupby("grid")[sums].sum().loc[shared["grid"]].reset_index()
    before = known.groupby("code")[sums].sum().loc[shared["code"]].reset_index()
    is_empty = (now["load"] == 0) & (before["load"] == 0)
    common, whole, old = (
        part["load"].where(~is_empty, part["ground"]) for part in (shared, now, before)
    )
    is_same = (common > SAME_GROUND_SHARE * whole) & (common > SAME_GROUND_SHARE * old)
    for grid, code in shared.loc[is_same, ["grid", "code"]].itertuples(index=False):
        if _number_of(str(code), str(community[grid]), layout) is not None:
            kept[grid] = str(code)
    return kept

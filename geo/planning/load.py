"""Load: households estimated where nobody counted them, and sums weighted by work."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.errors import ParameterError, SchemaError

M2_PER_HOUSEHOLD = 90.0
"""Gross floor area a dwelling in a Chinese city, m2: about 40 m2 a person (National Bureau of
Statistics, 2020 census: 38.6 m2) times 2.4 people, rounded for stairs and walls."""

PEOPLE_PER_HOUSEHOLD = 1.84
"""People a household: 33,600 people in 18,240 households, as reported for Yongchang."""

STOREY_HEIGHT_M = 3.0
"""Height of one storey of housing, m (GB 50096: 2.8 m and over)."""

FLOORS_WHERE_UNKNOWN = 6.0
"""Floors of an old compound's walk-up, the usual block without a lift."""

SMALLEST_DWELLING_M2 = 30.0
"""A footprint smaller than this is a shed or a kiosk and holds no household."""

DWELLING_SHARE = {
    "residential": 0.95,
    "mixed": 0.6,
    "commercial": 0.0,
    "public": 0.0,
    "industrial": 0.0,
    "other": 0.0,
}
"""Share of the floor area that is dwellings, by main use. Own rule, as are those below."""

OPEN_GROUND_SHARE = DWELLING_SHARE["mixed"]
"""Share of dwellings where neither use nor name is known and no compound holds the building: shops,
offices and houses stand mixed along open streets. Inside a compound it counts as residential."""

LARGEST_HOUSING_M2 = 5000.0
"""A footprint larger than this, of unknown use and name, is a hall, a mall or a stadium."""

DWELLING_WORDS = frozenset(
    {"公寓", "小区", "家园", "花园", "苑", "宿舍", "住宅", "新村", "家属", "公馆", "豪庭", "豪园"}
    | {"华庭", "residence", "résidence"}
)
OTHER_WORDS = frozenset(
    {
        "大厦",
        "中心",
        "酒店",
        "宾馆",
        "饭店",
        "广场",
        "商场",
        "商城",
        "商务",
        "写字楼",
        "办公",
        "soho",
    }
    | {"学校", "大学", "学院", "中学", "小学", "幼儿园", "医院", "体育场", "体育馆", "剧场"}
    | {"hotel", "hôtel", "casino", "forum", "palais", "musée", "museum", "stade", "lycée", "école"}
    | {"church", "église", "hôpital", "hospital"}
)
"""What a building's name says of its use, the last such word deciding: 花园酒店 is a hotel,
财富中心公寓 are flats. Names in brackets, and shops' names, say nothing."""

HOUSEHOLD_EQUIVALENTS = {
    "households": 1.0,
    "people": 1 / PEOPLE_PER_HOUSEHOLD,
    "elderly_alone": 0.3,
    "shops": 2.0,
    "incidents_a_month": 1.0,
    "walking_min": 1.7,
}
"""Suggested weights of a combined load. One household-equivalent is 25 minutes of a worker's month:
21 days of 8 hours for 400 households. `people` stands instead of `households`, not beside it; an
elderly person living alone takes a call of 8 minutes more; a shop an inspection of 50 minutes; an
incident 25 minutes; a minute of walking round the cell is walked twice a day (42 minutes).
Own rule, to be set by the office."""

_WORDS = DWELLING_WORDS | OTHER_WORDS
_IN_BRACKETS = re.compile(r"\([^)]*\)")


def estimate_households(
    buildings: gpd.GeoDataFrame,
    *,
    m2_per_household: float = M2_PER_HOUSEHOLD,
    people_per_household: float = PEOPLE_PER_HOUSEHOLD,
    is_in_compound: np.ndarray | None = None,
) -> gpd.GeoDataFrame:
    """The buildings with `households` and `people` filled where missing.

    households = footprint x floors x dwelling share of the use / `m2_per_household`, rounded; see
    `dwelling_share` for buildings of unknown use.
    Floors missing are taken from the height, else FLOORS_WHERE_UNKNOWN. Rows filled so have
    `households_estimated` true. People missing are households x `people_per_household`; households
    missing where people are counted are people / `people_per_household`.

    Parameters
    ----------
    buildings : footprints (or points, which get no area and so no estimate), CRS in metres
    is_in_compound : mask of the buildings in compounds; by default those with a `compound`
    """
    filled = buildings.copy()
    n = len(filled)
    households = _numbers(filled, "households", n)
    people = _numbers(filled, "people", n)
    floors = _numbers(filled, "floors", n)
    height_m = _numbers(filled, "height_m", n)
    floors = np.where(np.isnan(floors), np.round(height_m / STOREY_HEIGHT_M), floors)
    floors = np.where(np.isnan(floors), FLOORS_WHERE_UNKNOWN, np.maximum(floors, 1.0))
    area_m2 = shapely.area(filled.geometry.to_numpy())
    if is_in_compound is None:
        is_in_compound = np.zeros(n, dtype=bool)
        if "compound" in filled.columns:
            is_in_compound = filled["compound"].notna().to_numpy(dtype=bool)
    share = dwelling_share(filled, is_in_compound=is_in_compound)
    by_area = np.round(area_m2 * floors * share / m2_per_household)
    by_area = np.where(area_m2 < SMALLEST_DWELLING_M2, 0.0, by_area)
    by_people = np.round(people / people_per_household)
    is_missing = np.isnan(households)
    guess = np.where(np.isnan(by_people), by_area, by_people)
    households = np.where(is_missing, guess, households)
    people = np.where(np.isnan(people), np.round(households * people_per_household), people)
    was_estimated = np.zeros(n, dtype=bool)
    if "households_estimated" in filled.columns:
        was_estimated = filled["households_estimated"].fillna(False).to_numpy(dtype=bool)
    filled["households"] = pd.array(households.astype("int64"), dtype="Int64")
    filled["people"] = pd.array(people.astype("int64"), dtype="Int64")
    filled["households_estimated"] = pd.array(was_estimated | is_missing, dtype="boolean")
    return filled


def dwelling_share(buildings: gpd.GeoDataFrame, *, is_in_compound: np.ndarray) -> np.ndarray:
    """Share of each building's floor area that is dwellings, 0 to 1.

    By its use; where that is unknown by the last telling word of its name; where that says nothing
    OPEN_GROUND_SHARE outside compounds and as residential inside; none in the largest footprints.
    """
    n = len(buildings)
    residential = DWELLING_SHARE["residential"]
    share = np.where(is_in_compound, residential, OPEN_GROUND_SHARE)
    is_hall = shapely.area(buildings.geometry.to_numpy()) > LARGEST_HOUSING_M2
    share = np.where(is_hall & ~is_in_compound, 0.0, share)
    if "name" in buildings.columns:
        last = [_last_word(name) for name in buildings["name"].fillna("").astype("str")]
        share = np.where([word in DWELLING_WORDS for word in last], residential, share)
        share = np.where([word in OTHER_WORDS for word in last], 0.0, share)
    known = np.full(n, np.nan)
    if "use" in buildings.columns:
        known = buildings["use"].map(DWELLING_SHARE).to_numpy(dtype="float64", na_value=np.nan)
    return np.where(np.isnan(known), share, known)


def _last_word(name: str) -> str:
    """The telling word that ends last in a name outside its brackets; empty where there is none."""
    plain = _IN_BRACKETS.sub(" ", unicodedata.normalize("NFKC", name).casefold())
    found = [(plain.rfind(word) + len(word), word) for word in _WORDS if word in plain]
    return max(found)[1] if found else ""


def _numbers(frame: gpd.GeoDataFrame, column: str, n: int) -> np.ndarray:
    if column not in frame.columns:
        return np.full(n, np.nan)
    numbers: np.ndarray = frame[column].astype("Float64").to_numpy(dtype="float64", na_value=np.nan)
    return numbers


@dataclass(frozen=True)
class CombinedLoad:
    """`values`: load of each cell, in the cells' index, never null.

    `missing`: for each column with missing values how many, and `missing_keys` the first three
    cells; their share of the sum is 0.
    """

    values: pd.Series
    missing: dict[str, int]
    missing_keys: dict[str, list[str]]


def combined_load(cells: pd.DataFrame, weights: Mapping[str, float]) -> CombinedLoad:
    """The weighted sum of columns, in household-equivalents (see HOUSEHOLD_EQUIVALENTS).

    load = sum over columns of weight x value. A missing value adds nothing, and is counted.

    Parameters
    ----------
    cells : with the columns; keys for messages from `cell`, else the index
    weights : of each column, household-equivalents a unit, 0 or more

    Raises
    ------
    ParameterError : no weights, a weight is negative or not finite, or values of a column are
    SchemaError : columns are absent; it names them
    """
    _check_weights(cells, weights)
    keys = (cells["cell"] if "cell" in cells.columns else cells.index.to_series()).to_numpy()
    total = np.zeros(len(cells))
    missing: dict[str, int] = {}
    missing_keys: dict[str, list[str]] = {}
    for column, weight in weights.items():
        values = _numbers_or_raise(cells, column)
        is_missing = np.isnan(values)
        if is_missing.any():
            missing[column] = int(is_missing.sum())
            missing_keys[column] = [str(key) for key in keys[is_missing][:3]]
        is_bad = np.isinf(values) | (values < 0)
        if is_bad.any():
            found = [str(key) for key in keys[is_bad][:3]]
            raise ParameterError(
                "load.values",
                f"column {column} must be 0 or more; {int(is_bad.sum())} values are not, first in "
                f"cells {found}. Correct them.",
                column=column,
                count=int(is_bad.sum()),
                keys=found,
            )
        total += weight * np.where(is_missing, 0.0, values)
    return CombinedLoad(pd.Series(total, index=cells.index), missing, missing_keys)


def parse_load(expression: str) -> dict[str, float]:
    """The weight of each column in a sum such as ``households + 0.3*elderly_alone + 2*shops``.

    Terms are joined by +; a term is a column, or a number and a column joined by *, in either
    order. A column with other signs in its name stands between backquotes. A column that comes
    twice counts with the sum of its weights. Nothing is evaluated.

    Raises
    ------
    ParameterError : anything else, with the place where reading stopped
    """
    weights: dict[str, float] = {}
    place = 0
    while True:
        term = _TERM.match(expression, place)
        if term is None:
            raise ParameterError(
                "load.expression",
                "a load is a column or a sum such as households+0.3*elderly_alone; reading "
                f"{expression!r} stopped at {expression[place:].strip()[:20]!r}",
                expression=expression,
                rest=expression[place:].strip()[:20],
            )
        column = next(term[name] for name in _COLUMNS if term[name] is not None)
        number = term["before"] or term["after"]
        weights[column] = weights.get(column, 0.0) + (1.0 if number is None else float(number))
        if term["joint"] is None:
            return weights
        place = term.end()


_NUMBER = r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_COLUMNS = ("quoted", "bare")
_TERM = re.compile(
    rf"\s*(?:(?P<before>{_NUMBER})\s*\*\s*)?"
    r"(?:`(?P<quoted>[^`]+)`|(?P<bare>[^\W\d][\w.]*))"
    rf"\s*(?(before)|(?:\*\s*(?P<after>{_NUMBER})\s*)?)"
    r"(?:(?P<joint>\+)|$)"
)


def _check_weights(cells: pd.DataFrame, weights: Mapping[str, float]) -> None:
    bad = [name for name, weight in weights.items() if not 0 <= weight < float("inf")]
    if bad or not weights:
        raise ParameterError(
            "load.weights",
            f"weights must be finite and 0 or more, at least one; got {dict(weights)}",
            columns=bad,
        )
    absent = [name for name in weights if name not in cells.columns]
    if absent:
        raise SchemaError(
            "schema.missing_columns",
            f"cells must have the load columns {absent}; got {list(cells.columns)[:20]}. "
            "Name others.",
            layer="cells",
            columns=absent,
            found=[str(name) for name in cells.columns][:20],
        )


def _numbers_or_raise(cells: pd.DataFrame, column: str) -> np.ndarray:
    try:
        numbers: np.ndarray = (
            cells[column].astype("Float64").to_numpy(dtype="float64", na_value=np.nan)
        )
    except (TypeError, ValueError) as error:
        raise ParameterError(
            "load.not_numbers",
            f"column {column} must hold numbers; it holds {cells[column].dtype}. Name another.",
            column=column,
        ) from error
    return numbers

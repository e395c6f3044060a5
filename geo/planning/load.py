"""How many households a building holds, where nobody counted them."""

from __future__ import annotations

import re
import unicodedata

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

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

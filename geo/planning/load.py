"""How many households a building holds, where nobody counted them."""

from __future__ import annotations

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
"""Share of the floor area that is dwellings, by main use; unknown use counts as residential."""


def estimate_households(
    buildings: gpd.GeoDataFrame,
    *,
    m2_per_household: float = M2_PER_HOUSEHOLD,
    people_per_household: float = PEOPLE_PER_HOUSEHOLD,
) -> gpd.GeoDataFrame:
    """The buildings with `households` and `people` filled where missing.

    households = footprint x floors x dwelling share of the use / `m2_per_household`, rounded.
    Floors missing are taken from the height, else FLOORS_WHERE_UNKNOWN. Rows filled so have
    `households_estimated` true. People missing are households x `people_per_household`; households
    missing where people are counted are people / `people_per_household`.

    Parameters
    ----------
    buildings : footprints (or points, which get no area and so no estimate), CRS in metres
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
    share = np.full(n, DWELLING_SHARE["residential"])
    if "use" in filled.columns:
        known = filled["use"].map(DWELLING_SHARE).to_numpy(dtype="float64", na_value=np.nan)
        share = np.where(np.isnan(known), share, known)
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


def _numbers(frame: gpd.GeoDataFrame, column: str, n: int) -> np.ndarray:
    if column not in frame.columns:
        return np.full(n, np.nan)
    numbers: np.ndarray = frame[column].astype("Float64").to_numpy(dtype="float64", na_value=np.nan)
    return numbers

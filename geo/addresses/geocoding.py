"""Addresses to points of the register, each with a grade and a confidence; never a guess.

The compound's name may be written otherwise than in the register (`names`); the numbers must agree.
What is found decides the grade: the entrance, the building, only the compound or the street.
"""

from __future__ import annotations

from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.addresses.names import Names
from geo.addresses.parser import parse

GRADES = ("entrance", "building", "compound", "street", "refused")

_CONFIDENCE = {"entrance": 0.98, "building": 0.97, "compound": 0.9, "street": 0.7, "refused": 0.0}
"""Confidence of a grade where the name is written as in the register; first values, set by hand
after the share of such answers that is right, and multiplied by the likeness of the name."""

_UNFOUND_NUMBER = 0.6
"""Factor where the address names a building or entrance that the register does not have."""


def geocode(
    texts: pd.Series | Iterable[str | None], gazetteer: gpd.GeoDataFrame
) -> gpd.GeoDataFrame:
    """Where each address is: `text`, `grade`, `confidence`, `place`, `name` and geometry.

    Grades: `entrance`, `building`, `compound` (also sites), `street`, `refused` (no point, nor
    place). An address that fits several places of the register alike is refused, or gets the
    coarser grade that is certain.

    Parameters
    ----------
    texts : n addresses as people write them
    gazetteer : the town's register, as `gazetteer.build` makes it

    Returns
    -------
    n rows with the index and order of `texts`, in the register's CRS; geometry None where refused
    """
    given = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype="str")
    parts = parse(given)
    keys = _keys(parts, gazetteer)
    grade = np.full(len(given), "refused", dtype=object)
    position = np.full(len(given), -1, dtype=np.int64)
    for name, columns, register in _registers(gazetteer):
        is_open = (position < 0) & keys[columns].notna().all(axis=1).to_numpy()
        wanted = pd.MultiIndex.from_frame(keys.loc[is_open, columns])
        found = register.reindex(wanted).to_numpy()
        rows = np.flatnonzero(is_open)[~np.isnan(found)]
        position[rows] = found[~np.isnan(found)].astype(np.int64)
        grade[rows] = name
    return _answers(given, keys, grade, position, gazetteer)


def _keys(parts: pd.DataFrame, gazetteer: gpd.GeoDataFrame) -> pd.DataFrame:
    """What is looked up for each address: register's names, plain numbers, likeness of the name."""
    grounds = gazetteer[gazetteer["kind"].isin(["compound", "site"])]
    compounds = Names([*grounds["name"].dropna(), *gazetteer["compound"].dropna()])
    streets = Names(gazetteer.loc[gazetteer["kind"] == "street", "name"].dropna())
    compound, of_compound = _meant(parts["compound"], compounds)
    street, of_street = _meant(parts["street"], streets)
    is_bare = (compound.isna() & parts["street"].isna()).to_numpy()
    mentioned = parts["compound"].where(pd.Series(is_bare, index=parts.index)).fillna("")
    street = street.fillna(mentioned.map({text: streets.inside(text) for text in set(mentioned)}))
    keys = parts[["building", "entrance"]].assign(compound=compound, street=street)
    is_inside_compound = compound.notna() & parts["building"].notna()
    keys["street_number"] = parts["street_number"].where(~is_inside_compound)
    keys["of_compound"] = of_compound
    keys["of_street"] = np.where(is_bare, 1.0, of_street)
    return keys


def _meant(written: pd.Series, names: Names) -> tuple[pd.Series, pd.Series]:
    """The register's name for each written one, and its likeness; each text is looked up once."""
    found = {text: names.find(text) for text in written.dropna().unique()}
    name = written.map({text: name for text, (name, _) in found.items()}).astype("str")
    likeness = written.map({text: likeness for text, (_, likeness) in found.items()})
    return name, likeness.astype("float64").fillna(0.0)


def _registers(gazetteer: gpd.GeoDataFrame) -> list[tuple[str, list[str], pd.Series]]:
    """(grade, key columns, position by key) from the finest to the coarsest; keys met once only."""
    table = pd.DataFrame(gazetteer.drop(columns=gazetteer.geometry.name))
    table["position"] = np.arange(len(table), dtype=np.float64)
    addressed = parse(table["address"])
    is_own = table["compound"].isna()
    table["street_number"] = addressed["street_number"].where(is_own)
    streets = Names(table.loc[table["kind"] == "street", "name"].dropna())
    table["street"] = _meant(addressed["street"].where(is_own), streets)[0]
    is_street = table["kind"] == "street"
    table["street"] = table["street"].where(~is_street, table["name"])
    table["compound"] = table["compound"].where(table["kind"] != "site", table["name"])
    kinds = {
        "entrance": table["kind"] == "entrance",
        "building": table["kind"] == "building",
        "compound": table["kind"].isin(["compound", "site"]),
        "street": is_street,
    }
    levels = (
        ("entrance", ["compound", "building", "entrance"]),
        ("entrance", ["street", "street_number", "entrance"]),
        ("building", ["compound", "building"]),
        ("building", ["street", "street_number"]),
        ("compound", ["compound"]),
        ("street", ["street"]),
    )
    return [(grade, columns, _by_key(table[kinds[grade]], columns)) for grade, columns in levels]


def _by_key(rows: pd.DataFrame, columns: list[str]) -> pd.Series:
    whole = rows.dropna(subset=columns).drop_duplicates(columns, keep=False)
    return pd.Series(
        whole["position"].to_numpy(),
        index=pd.MultiIndex.from_frame(whole[columns]),
        dtype="float64",
    )


def _answers(
    given: pd.Series,
    keys: pd.DataFrame,
    grade: np.ndarray,
    position: np.ndarray,
    gazetteer: gpd.GeoDataFrame,
) -> gpd.GeoDataFrame:
    is_found = position >= 0
    confidence = np.array([_CONFIDENCE[name] for name in grade], dtype=np.float64)
    is_by_name = (keys["compound"].notna() & (grade != "street")).to_numpy()
    confidence *= np.where(is_by_name, keys["of_compound"], keys["of_street"])
    said = np.select([keys["entrance"].notna(), keys["building"].notna()], [2, 1], 0)
    reached = np.select([grade == "entrance", grade == "building"], [2, 1], 0)
    confidence[(reached < said) & is_found] *= _UNFOUND_NUMBER
    points = np.full(len(given), None, dtype=object)
    points[is_found] = gazetteer.geometry.to_numpy()[position[is_found]]
    answers: dict[str, pd.Series] = {"text": given, "grade": pd.Series(grade, dtype="str")}
    answers["grade"].index = given.index
    answers["confidence"] = pd.Series(confidence.round(3), index=given.index)
    for column in ("place", "name"):
        values = np.full(len(given), None, dtype=object)
        values[is_found] = gazetteer[column].to_numpy(dtype=object)[position[is_found]]
        answers[column] = pd.Series(values, index=given.index, dtype="str")
    geometry = gpd.GeoSeries(points, index=given.index, crs=gazetteer.crs)
    return gpd.GeoDataFrame(answers, geometry=geometry, crs=gazetteer.crs)

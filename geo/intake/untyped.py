"""A file's rows under its own column names, for commands that take any columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from geo.errors import InputError
from geo.intake.limits import Limits
from geo.intake.places import Places, places_of_columns
from geo.intake.read import read_source
from geo.intake.source import Source
from geo.intake.target import settle_crs
from geo.schema import LINEAR, POLYGONAL, PUNCTUAL, Layer

_ANY = Layer("rows", "rows of any kind", (), (), PUNCTUAL | LINEAR | POLYGONAL)


def read_frame(
    path: Path | str,
    *,
    crs: Any = None,
    source_layer: str | None = None,
    limits: Limits | None = None,
) -> gpd.GeoDataFrame | pd.DataFrame:
    """The file's rows with its own columns: a GeoDataFrame where they have places.

    A column of text in which every value is a number (and none has a leading zero, as codes
    have) becomes numeric. Geometry stays as it is, in the CRS the file or `crs` says.

    Raises
    ------
    InputError : the file cannot be read, or lines of it cannot be split into columns
    """
    source = read_source(Path(path), _ANY, source_layer, limits or Limits())
    if len(source.lost):
        n_lost, first = source.lost["line"].nunique(), source.lost.iloc[0]
        raise InputError(
            "table.rows_lost",
            f"every row must be readable; {n_lost} are not, the first at {first['line']} "
            f"({first['code']}). Mend these rows.",
            file=Path(path).name,
            count=int(n_lost),
            line=int(first["line"]),
        )
    table = source.rows.apply(_as_numbers).reset_index(drop=True)
    places, used = _places(source)
    if places is None:
        return table
    settled, _notes = settle_crs(source.crs, crs=crs, datum=None, bounds=places.bounds())
    kept = table.drop(columns=used)
    return gpd.GeoDataFrame(kept, geometry=places.to_geometry(), crs=settled)


def _places(source: Source) -> tuple[Places | None, list[str]]:
    if source.geometry is not None:
        return Places(source.geometry), []
    places, used, _faults = places_of_columns(source)
    return places, used


def _as_numbers(column: pd.Series) -> pd.Series:
    if not pd.api.types.is_string_dtype(column):
        return column
    filled = column.dropna().str.strip()
    is_code = filled.str.match(r"^0\d").any()
    numbers = pd.to_numeric(filled, errors="coerce")
    if filled.empty or is_code or numbers.isna().any():
        return column
    return pd.to_numeric(column)

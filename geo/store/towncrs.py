"""The town's CRS as the store keeps it: a text such as `EPSG:4551`, else WKT."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pandas as pd
import pyproj

from geo.errors import CrsError


def checked_crs(crs: Any) -> pyproj.CRS:
    """The CRS, projected and in metres.

    Raises
    ------
    CrsError : unknown to pyproj, in degrees, or in another unit
    """
    try:
        found = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        raise CrsError(
            "crs.unreadable",
            f"The CRS must be one that PROJ knows; got {str(crs)[:60]!r}. Name it by EPSG number.",
            value=str(crs)[:60],
        ) from error
    is_metric = all(axis.unit_name == "metre" for axis in found.axis_info[:2])
    if not (found.is_projected and is_metric):
        raise CrsError(
            "crs.not_projected",
            f"The town's CRS must be projected, in metres; got {found.name}. "
            "Take one from crs.metric_crs(bounds).",
            found=found.name,
        )
    return found


def crs_to_text(crs: pyproj.CRS) -> str:
    """`AUTHORITY:CODE` where the CRS is exactly that one, else its WKT."""
    authority = crs.to_authority(min_confidence=100)
    if authority and pyproj.CRS.from_authority(*authority).equals(crs):
        return ":".join(authority)
    return crs.to_wkt()


@lru_cache(maxsize=16)
def crs_from_text(text: str) -> pyproj.CRS:
    """The CRS that `crs_to_text` wrote."""
    return pyproj.CRS.from_user_input(text)


def is_same_crs(left: pyproj.CRS, right: pyproj.CRS) -> bool:
    """True where both put the same coordinates at the same place; x is east in the house."""
    return left.equals(right, ignore_axis_order=True)


def srid_of(crs: pyproj.CRS | None) -> int:
    """The EPSG number, 0 where there is none."""
    return 0 if crs is None else _srid_of_text(crs_to_text(crs))


@lru_cache(maxsize=16)
def _srid_of_text(text: str) -> int:
    authority, _, code = text.partition(":")
    return int(code) if authority == "EPSG" and code.isdigit() else 0


def check_same_crs(layer: str, frame: pd.DataFrame, crs: pyproj.CRS | None) -> None:
    """Nothing; raises CrsError unless the frame is in the town's CRS."""
    if crs is None:
        raise CrsError(
            "store.crs_not_set",
            "The store must know the town's CRS before it takes geometry. Call set_crs first.",
            layer=layer,
        )
    found = frame.crs
    if found is None or not is_same_crs(pyproj.CRS.from_user_input(found), crs):
        name = "none" if found is None else found.name
        raise CrsError(
            "store.wrong_crs",
            f"{layer} must be in the town's CRS {crs.name}; got {name}. "
            "Reproject it with frame.to_crs(store.crs).",
            layer=layer,
            crs=crs.name,
            found=name,
        )

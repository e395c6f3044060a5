"""KML placemarks, their extended data under the names they have.

Read by ourselves: GDAL's LIBKML driver turns Chinese field names into underscores, and its KML
driver leaves extended data out (seen with GDAL 3.12).
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import shapely

from .arrow import GEOMETRY, write_table
from .refused import Refused, check_rows

_MULTI = {"Point": "multipoints", "LineString": "multilinestrings", "Polygon": "multipolygons"}
_SHAPES = {"Point", "LineString", "LinearRing", "Polygon", "MultiGeometry"}
_NAMED = {"name", "address", "phoneNumber", "description"}


def convert(request: dict[str, Any]) -> dict[str, Any]:
    """What was read: `crs` always WGS84; one row a placemark goes to `out`.

    Raises
    ------
    Refused : it is no sound XML, or too large
    """
    rows: list[dict[str, str]] = []
    shapes: list[Any] = []
    try:
        for _, element in ElementTree.iterparse(str(request["path"]), events=("end",)):
            if _tag(element) != "Placemark":
                continue
            rows.append(_values(element))
            shapes.append(_placed(element))
            element.clear()
            check_rows(len(rows), request)
    except ElementTree.ParseError as error:
        raise Refused(
            "file.unreadable",
            f"the file must be sound KML; its reader says: {error}. Export it again.",
            format="KML",
        ) from error
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    wkb = shapely.to_wkb(np.array(shapes, dtype=object), output_dimension=2)
    columns[GEOMETRY] = pa.array(wkb.tolist(), pa.binary())
    write_table(pa.table(columns), request)
    return {"crs": "EPSG:4326", "layer": None, "notes": []}


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _values(placemark: ElementTree.Element) -> dict[str, str]:
    """Name, address, description and extended data; the data's own names win."""
    found: dict[str, str] = {}
    for element in placemark.iter():
        tag = _tag(element)
        if tag == "Data":
            value = next((child for child in element if _tag(child) == "value"), None)
            found[element.get("name", "")] = (value.text or "") if value is not None else ""
        elif tag == "SimpleData":
            found[element.get("name", "")] = element.text or ""
    for element in placemark:
        if _tag(element) in _NAMED:
            found.setdefault(_tag(element), element.text or "")
    if "id" in placemark.attrib:
        found.setdefault("id", placemark.attrib["id"])
    return found


def _placed(placemark: ElementTree.Element) -> Any:
    """The placemark's geometry; None where it has none or it cannot be built."""
    for child in placemark:
        if _tag(child) in _SHAPES:
            try:
                return _shape(child)
            except (ValueError, IndexError, shapely.errors.ShapelyError):
                return None
    return None


def _shape(element: ElementTree.Element) -> Any:
    kind = _tag(element)
    if kind == "MultiGeometry":
        return _together([_shape(child) for child in element if _tag(child) in _SHAPES])
    if kind == "Polygon":
        rings = {
            side: [
                shapely.linearrings(_coordinates(ring))
                for boundary in element
                if _tag(boundary) == side
                for ring in boundary
            ]
            for side in ("outerBoundaryIs", "innerBoundaryIs")
        }
        return shapely.polygons(rings["outerBoundaryIs"][0], rings["innerBoundaryIs"] or None)
    positions = _coordinates(element)
    return shapely.points(positions[0]) if kind == "Point" else shapely.linestrings(positions)


def _together(shapes: list[Any]) -> Any:
    """One Multi geometry of shapes of one kind, else a collection."""
    kinds = {shape.geom_type for shape in shapes}
    build = _MULTI.get(kinds.pop(), "") if len(kinds) == 1 else ""
    return getattr(shapely, build or "geometrycollections")(shapes)


def _coordinates(element: ElementTree.Element) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(n, 2) longitudes and latitudes; altitudes are left out."""
    text = next((child.text or "" for child in element if _tag(child) == "coordinates"), "")
    positions = [position.split(",")[:2] for position in text.split()]
    return np.array(positions, dtype="float64").reshape(-1, 2)

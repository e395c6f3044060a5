"""OpenStreetMap extracts (.osm, .pbf): the ways and areas that are one of our layers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import osmium
import pyarrow as pa

from .arrow import GEOMETRY, write_table
from .refused import Refused, check_rows

Tags = Mapping[str, str]
Row = dict[str, str | None]

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_STREETS = {
    "motorway", "trunk", "primary", "secondary", "tertiary", "unclassified", "residential",
    "living_street", "pedestrian", "service", "track", "footway", "path", "steps", "cycleway",
    "bridleway", "road",
}  # fmt: skip
_MAIN_ROADS = {"motorway", "trunk", "primary", "secondary"}
_RAILS = {"rail", "light_rail", "narrow_gauge", "tram", "subway"}
_WATERWAYS = {"river", "canal", "stream", "ditch", "drain"}
_PUBLIC = {"school", "kindergarten", "university", "college", "hospital", "clinic", "townhall"}
_SITES = {
    ("leisure", "park"): "park",
    ("leisure", "garden"): "green",
    ("landuse", "grass"): "green",
    ("amenity", "school"): "school",
    ("amenity", "kindergarten"): "school",
    ("amenity", "college"): "school",
    ("amenity", "university"): "school",
    ("amenity", "hospital"): "hospital",
    ("amenity", "clinic"): "hospital",
    ("amenity", "marketplace"): "market",
    ("amenity", "townhall"): "office",
    ("leisure", "stadium"): "sports",
    ("leisure", "sports_centre"): "sports",
    ("leisure", "pitch"): "sports",
    ("place", "square"): "square",
    ("landuse", "industrial"): "industry",
}


def convert(request: dict[str, Any]) -> dict[str, Any]:
    """What was read: `crs` always WGS84; the layer's rows go to `out`.

    An object whose geometry cannot be built (nodes outside the extract, rings that do not
    close) gives a row without geometry, so that it is counted.

    Raises
    ------
    Refused : the file is damaged, too large, or OpenStreetMap has no such layer
    """
    layer = str(request["layer"])
    lines, areas = _LINES.get(layer), _AREAS.get(layer)
    if lines is None and areas is None:
        raise Refused(
            "osm.no_such_layer",
            f"OpenStreetMap files give {sorted({*_LINES, *_AREAS})}; not {layer}. "
            "Import another layer from it.",
            layer=layer,
            layers=sorted({*_LINES, *_AREAS}),
        )
    collected = _Collected(lines, areas, request)
    try:
        processor = osmium.FileProcessor(str(request["path"])).with_locations()
        if areas is not None:
            processor = processor.with_areas()
        for thing in processor:
            collected.take(thing)
    except (RuntimeError, osmium.InvalidLocationError) as error:
        raise Refused(
            "file.unreadable",
            f"the file must be a sound OpenStreetMap file; osmium says: {error}. Export it again.",
            format="OpenStreetMap",
        ) from error
    write_table(collected.table(), request)
    return {"crs": "EPSG:4326", "layer": None, "notes": []}


class _Collected:
    """Rows as they come by, each under the name of the object it is made from."""

    def __init__(
        self,
        lines: Callable[[Tags], Row | None] | None,
        areas: Callable[[Tags], Row | None] | None,
        request: dict[str, Any],
    ) -> None:
        self._lines, self._areas, self._request = lines, areas, request
        self._factory = osmium.geom.WKBFactory()
        self._rows: dict[str, Row] = {}
        self._wkb: dict[str, bytes] = {}

    def take(self, thing: Any) -> None:
        """Keep the object where it belongs to the layer."""
        tags = thing.tags
        if thing.is_area():
            row = self._areas(tags) if self._areas is not None else None
            if row is not None:
                kind = "w" if thing.from_way() else "r"
                self._keep(
                    f"{kind}{thing.orig_id()}", row, self._factory.create_multipolygon, thing
                )
        elif thing.is_way():
            row = self._lines(tags) if self._lines is not None else None
            if row is not None and not self._is_area(tags, thing):
                self._keep(f"w{thing.id}", row, self._factory.create_linestring, thing)
            elif self._areas is not None and (row := self._areas(tags)) is not None:
                self._add(f"w{thing.id}", row)
        elif thing.is_relation() and self._areas is not None:
            is_area = tags.get("type") in ("multipolygon", "boundary")
            if is_area and (row := self._areas(tags)) is not None:
                self._add(f"r{thing.id}", row)

    def table(self) -> pa.Table:
        """One text column a key of the rows, the object's name as `id`, and the geometry."""
        names = list(next(iter(self._rows.values()), {}))
        columns: dict[str, pa.Array] = {"id": pa.array(list(self._rows), pa.string())}
        for name in names:
            columns[name] = pa.array([row[name] for row in self._rows.values()], pa.string())
        columns[GEOMETRY] = pa.array([self._wkb.get(key) for key in self._rows], pa.binary())
        return pa.table(columns)

    @staticmethod
    def _is_area(tags: Tags, way: Any) -> bool:
        return tags.get("area") == "yes" and way.is_closed()

    def _add(self, key: str, row: Row) -> None:
        self._rows.setdefault(key, row)
        check_rows(len(self._rows), self._request)

    def _keep(self, key: str, row: Row, build: Callable[[Any], str], thing: Any) -> None:
        self._add(key, row)
        try:
            self._wkb[key] = bytes.fromhex(build(thing))
        except (RuntimeError, osmium.InvalidLocationError):
            self._wkb.pop(key, None)


def _names(tags: Tags) -> Row:
    return {"name": tags.get("name:zh") or tags.get("name"), "name_en": tags.get("name:en")}


def _number(text: str | None) -> str | None:
    """The first number in a tag such as `12 m` or `4;5`, as text."""
    found = _NUMBER.search(text or "")
    return found.group() if found else None


def _building(tags: Tags) -> Row | None:
    kind = tags.get("building")
    if kind is None or kind == "no":
        return None
    street, number = tags.get("addr:street"), tags.get("addr:housenumber")
    use = "public" if tags.get("amenity") in _PUBLIC else None
    return {
        **_names(tags),
        "number": number,
        "street": street,
        "address": " ".join(part for part in (street, number) if part) or None,
        "use": use or (None if kind == "yes" else kind),
        "floors": _number(tags.get("building:levels")),
        "height_m": _number(tags.get("height")),
        "households": _number(tags.get("building:flats")),
    }


def _street(tags: Tags) -> Row | None:
    kind = str(tags.get("highway", "")).removesuffix("_link")
    return {**_names(tags), "class": kind} if kind in _STREETS else None


def _barrier_line(tags: Tags) -> Row | None:
    if tags.get("tunnel") not in (None, "no") or tags.get("covered") == "yes":
        return None
    kinds = (("road", "highway", _MAIN_ROADS), ("rail", "railway", _RAILS))
    for kind, key, classes in (*kinds, ("water", "waterway", _WATERWAYS)):
        found = str(tags.get(key, "")).removesuffix("_link")
        if found in classes:
            return {**_names(tags), "kind": kind, "class": found}
    return None


def _barrier_area(tags: Tags) -> Row | None:
    if tags.get("natural") == "water" or tags.get("waterway") == "riverbank":
        return {**_names(tags), "kind": "water", "class": tags.get("water", "water")}
    return None


def _compound(tags: Tags) -> Row | None:
    return _names(tags) if tags.get("landuse") == "residential" else None


def _site(tags: Tags) -> Row | None:
    for (key, value), kind in _SITES.items():
        if tags.get(key) == value and tags.get("building") is None:
            return {**_names(tags), "kind": kind}
    return None


def _boundary(levels: set[str]) -> Callable[[Tags], Row | None]:
    def row(tags: Tags) -> Row | None:
        is_boundary = tags.get("boundary") == "administrative" and tags.get("admin_level") in levels
        return _names(tags) if is_boundary else None

    return row


_LINES: dict[str, Callable[[Tags], Row | None]] = {
    "streets": _street,
    "barriers": _barrier_line,
}
_AREAS: dict[str, Callable[[Tags], Row | None]] = {
    "buildings": _building,
    "barriers": _barrier_area,
    "compounds": _compound,
    "sites": _site,
    "subdistricts": _boundary({"8"}),
    "communities": _boundary({"9", "10"}),
}
"""Administrative levels as mapped in China: 8 township or subdistrict, 10 village or community."""

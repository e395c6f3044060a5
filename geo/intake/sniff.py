"""What a file is, told by its content; its name is only checked against that."""

from __future__ import annotations

import re
from pathlib import Path

from geo.errors import InputError

HEAD_BYTES = 4096

_EXTENSIONS = {
    ".geojson": {"geojson"},
    ".json": {"geojson"},
    ".gpkg": {"gpkg"},
    ".shp": {"shp"},
    ".kml": {"kml"},
    ".kmz": {"zip"},
    ".fgb": {"fgb"},
    ".parquet": {"parquet"},
    ".geoparquet": {"parquet"},
    ".osm": {"osm"},
    ".pbf": {"pbf"},
    ".csv": {"csv"},
    ".tsv": {"csv"},
    ".txt": {"csv"},
    ".xlsx": {"zip"},
    ".xlsm": {"zip"},
    ".xls": {"xls"},
    ".gpx": {"gpx"},
    ".zip": {"zip"},
}
_MAGIC = {
    b"SQLite format 3\0": "gpkg",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"PAR1": "parquet",
    b"fgb\x03fgb": "fgb",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "xls",
    b"\0\0\x27\x0a": "shp",
}
_ROOTS = {"osm": "osm", "kml": "kml", "gpx": "gpx"}
_COMMENT = re.compile(rb"<!--.*?-->|<\?.*?\?>|<!DOCTYPE[^>\[]*>", re.DOTALL)
_ROOT = re.compile(rb"\s*<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)")


def sniff(path: Path) -> str:
    """The file's format: geojson, gpkg, shp, kml, fgb, parquet, osm, pbf, csv, xls, gpx or zip.

    Raises
    ------
    InputError : the content is none of these, or not what the file's extension says
    """
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    found = _binary_format(head) or _text_format(head, path)
    expected = _EXTENSIONS.get(path.suffix.lower())
    if expected is not None and found not in expected:
        raise InputError(
            "file.mismatch",
            f"the content must be what the name says; {path.name!r} is {found}. "
            "Give it its true extension, or export it again.",
            file=path.name,
            found=found,
        )
    return found


def _binary_format(head: bytes) -> str | None:
    for start, found in _MAGIC.items():
        if head.startswith(start):
            return found
    return "pbf" if b"OSMHeader" in head[:24] else None


def _text_format(head: bytes, path: Path) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "csv"
    if not text:
        raise InputError(
            "file.empty",
            f"the file must hold rows; {path.name!r} is blank. Export it again.",
            file=path.name,
        )
    if text.startswith((b"{", b"[")):
        return "geojson"
    if text.startswith(b"<"):
        return _xml_format(text, path)
    if b"\0" in head:
        raise _unsupported(path, "binary")
    return "csv"


def _xml_format(text: bytes, path: Path) -> str:
    root = _ROOT.match(_COMMENT.sub(b"", text))
    name = root.group(1).decode("ascii") if root else "xml"
    if name.lower() in _ROOTS:
        return _ROOTS[name.lower()]
    raise _unsupported(path, name)


def _unsupported(path: Path, found: str) -> InputError:
    return InputError(
        "file.unsupported",
        "the file must be GeoJSON, GeoPackage, Shapefile, KML, FlatGeobuf, GeoParquet, OSM, GPX, "
        f"CSV or XLSX; {path.name!r} is {found}. Export it as one of these.",
        file=path.name,
        found=found,
    )

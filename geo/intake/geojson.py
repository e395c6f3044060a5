"""GeoJSON read by ourselves: no library is asked what a file by that name might be."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.errors import InputError
from geo.intake.limits import Limits
from geo.intake.source import Source

_DEPTHS = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}


_SURROGATES = re.compile(
    r"\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|\\u[dD][89a-fA-F][\da-fA-F]{2}"
)
"""Escapes of halves of a character: a pair, or one by itself, which is no text."""


class _UnreadableError(Exception):
    """One feature's geometry is no geometry; the message is the reject's code."""


def read_geojson(path: Path, limits: Limits) -> Source:
    """The features of a FeatureCollection, a Feature or a bare geometry; WGS84 unless it says.

    A feature whose geometry cannot be read keeps its row, gets no geometry and stands in `lost`.

    Raises
    ------
    InputError : the text is not JSON, is nested beyond reason, or is no GeoJSON object
    """
    document = _parse(path)
    features = _features(document, path)
    if len(features) > limits.max_rows:
        raise InputError(
            "file.too_many_rows",
            f"the file must have at most {limits.max_rows} rows; it has {len(features)}. Split it.",
            file=path.name,
            count=len(features),
            limit=limits.max_rows,
        )
    geometry = np.full(len(features), None, dtype=object)
    faults: list[tuple[int, str, str]] = []
    records: list[dict[str, Any]] = []
    lines: list[int] = []
    for line, feature in enumerate(features, start=1):
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            faults.append((line, "feature.not_a_feature", _brief(feature)))
            continue
        try:
            geometry[line - 1] = _geometry(feature.get("geometry"))
        except _UnreadableError as fault:
            faults.append((line, str(fault), _brief(feature.get("geometry"))))
            continue
        records.append(_properties(feature))
        lines.append(line)
    kept = np.asarray(lines, dtype="int64")
    rows = pd.DataFrame.from_records(records, index=range(len(records)))
    if len(rows.columns) > limits.max_columns:
        raise InputError(
            "file.too_many_columns",
            f"the file must have at most {limits.max_columns} columns; it has "
            f"{len(rows.columns)}. Drop some.",
            file=path.name,
            count=len(rows.columns),
            limit=limits.max_columns,
        )
    return Source(rows, kept, geometry[kept - 1], _declared_crs(document), _lost(faults))


def _parse(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
        return json.loads(_SURROGATES.sub(_paired, text) if "\\u" in text else text)
    except RecursionError as error:
        raise InputError(
            "geojson.too_deep",
            f"the file must be nested as GeoJSON is; {path.name!r} goes far deeper. "
            "Export it again.",
            file=path.name,
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            "file.encoding",
            f"GeoJSON must be UTF-8; {path.name!r} is not at byte {error.start}. Save it as UTF-8.",
            file=path.name,
            format="GeoJSON",
        ) from error
    except ValueError as error:
        raise InputError(
            "geojson.not_json",
            f"the file must be JSON; {path.name!r} breaks off: {error}. Export it again.",
            file=path.name,
        ) from error


def _paired(escape: re.Match[str]) -> str:
    """A pair as it is; a half by itself as the sign of a lost character."""
    return escape.group() if len(escape.group()) == 12 else "\\ufffd"


def _features(document: Any, path: Path) -> list[Any]:
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "FeatureCollection" and isinstance(document.get("features"), list):
        return list(document["features"])
    if kind == "Feature":
        return [document]
    if isinstance(kind, str) and kind in _DEPTHS:
        return [{"type": "Feature", "geometry": document, "properties": {}}]
    raise InputError(
        "geojson.not_geojson",
        f"the file must be a GeoJSON FeatureCollection; {path.name!r} is a JSON "
        f"{type(document).__name__} of type {str(kind)[:40]!r}. Export it as GeoJSON.",
        file=path.name,
    )


def _declared_crs(document: dict[str, Any]) -> str:
    """The name in the old `crs` member (GeoJSON 2008), else WGS84 as RFC 7946 has it."""
    member = document.get("crs")
    properties = member.get("properties") if isinstance(member, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    return name if isinstance(name, str) and len(name) < 100 else "OGC:CRS84"


def _properties(feature: dict[str, Any]) -> dict[str, Any]:
    found = feature.get("properties")
    plain = {} if not isinstance(found, dict) else found
    values = {
        str(name): json.dumps(value, ensure_ascii=False)
        if isinstance(value, (dict, list))
        else value
        for name, value in plain.items()
    }
    if isinstance(feature.get("id"), (str, int)):
        values.setdefault("id", feature["id"])
    return values


def _geometry(member: Any) -> Any:
    """A shapely geometry in two dimensions, or None where the member is null."""
    if member is None:
        return None
    kind = member.get("type") if isinstance(member, dict) else None
    if not isinstance(kind, str) or kind not in _DEPTHS:
        raise _UnreadableError("geometry.wrong_type")
    try:
        return _BUILDERS[kind](member.get("coordinates"))
    except (
        TypeError,
        ValueError,
        LookupError,
        OverflowError,
        shapely.errors.ShapelyError,
    ) as error:
        raise _UnreadableError("geometry.unreadable") from error


def _positions(members: Any) -> NDArray[np.float64]:
    """(n, 2) finite coordinates; altitude is left out."""
    positions = np.asarray([position[:2] for position in members], dtype="float64")
    if positions.size == 0:
        return positions.reshape(0, 2)
    if positions.ndim != 2 or positions.shape[1] != 2:
        raise ValueError("a position must have two numbers")
    if not np.isfinite(positions).all():
        raise _UnreadableError("geometry.not_finite")
    return positions


def _point(members: Any) -> Any:
    if not members:
        return None
    return shapely.points(_positions([members]))[0]


def _polygon(members: Any) -> Any:
    rings = [shapely.linearrings(_positions(ring)) for ring in members]
    return shapely.polygons(rings[0], rings[1:] or None) if rings else None


_BUILDERS: dict[str, Any] = {
    "Point": _point,
    "MultiPoint": lambda members: shapely.multipoints(_positions(members)),
    "LineString": lambda members: shapely.linestrings(_positions(members)),
    "MultiLineString": lambda members: shapely.multilinestrings(
        [shapely.linestrings(_positions(line)) for line in members]
    ),
    "Polygon": _polygon,
    "MultiPolygon": lambda members: shapely.multipolygons(
        [_polygon(polygon) for polygon in members]
    ),
}


def _brief(value: Any) -> str:
    """The start of a value, for the rejects file, however deep or long it is."""
    if isinstance(value, dict):
        return f"{value.get('type')!s:.40} {value.get('coordinates')!s:.120}"
    return f"{value!s:.120}"


def _lost(faults: list[tuple[int, str, str]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "line": pd.Series([line for line, _, _ in faults], dtype="int64"),
            "column": ["geometry" for _ in faults],
            "code": [code for _, code, _ in faults],
            "value": [value for _, _, value in faults],
        },
        columns=["line", "column", "code", "value"],
    )

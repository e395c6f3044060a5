"""GeoPackage, Shapefile, FlatGeobuf and GPX through GDAL with one driver left."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .arrow import GEOMETRY, write_table
from .drivers import DRIVERS, KNOWN_DRIVERS
from .encoding import shapefile_encoding
from .refused import Refused, check_columns, check_rows


def convert(request: dict[str, Any]) -> dict[str, Any]:
    """What was read: `crs`, `layer`, `notes`; the rows go to the Arrow file `out`.

    Raises
    ------
    Refused : GDAL cannot read it, or the layer to take is not clear
    """
    driver = DRIVERS[request["format"]]
    _leave_only(driver)
    import pyogrio  # noqa: PLC0415 - only after the drivers are named
    from pyogrio.errors import DataLayerError, DataSourceError  # noqa: PLC0415

    others = set(pyogrio.list_drivers()) - {driver}
    if others:
        raise Refused(
            "file.drivers",
            f"only GDAL's {driver} driver may be active; found also {sorted(others)[:3]}. "
            "Add them to KNOWN_DRIVERS.",
            drivers=sorted(others),
        )
    path = str(request["path"])
    notes: list[dict[str, Any]] = []
    encoding = shapefile_encoding(Path(path), notes) if driver == "ESRI Shapefile" else None
    try:
        names = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
        chosen = _choose(names, request)
        table, crs = _read(pyogrio, path, chosen, encoding, request)
        if driver == "GPX" and chosen == "track_points":
            table = _with_track_names(pyogrio, path, table)
    except (DataSourceError, DataLayerError, pa.ArrowInvalid) as error:
        raise Refused(
            "file.unreadable",
            f"the file must be a sound {driver} file; GDAL says: {error}. Export it again.",
            format=driver,
        ) from error
    except UnicodeDecodeError as error:
        raise Refused(
            "file.encoding",
            f"text must be in the encoding that the file names; {error.reason}. "
            "Export it as UTF-8.",
            format=driver,
        ) from error
    write_table(table, request)
    return {"crs": crs, "layer": chosen, "notes": notes}


def _leave_only(driver: str) -> None:
    skipped = ",".join(sorted(KNOWN_DRIVERS - {driver}))
    os.environ.update(
        OGR_SKIP=skipped,
        GDAL_SKIP=skipped,
        GDAL_DRIVER_PATH="disable",
        CPL_VSIL_CURL_ALLOWED_EXTENSIONS=".none",
        GDAL_HTTP_TIMEOUT="1",
        OGR_SQLITE_ALLOW_EXTERNAL_ACCESS="NO",
        OGR_SQLITE_LOAD_EXTENSIONS="",
        SHAPE_RESTORE_SHX="NO",
    )


def _choose(names: list[str], request: dict[str, Any]) -> str:
    """The layer to read: the one asked for, the only one, or the best-named one."""
    if not names:
        raise Refused(
            "file.unreadable",
            f"the file must be a sound {DRIVERS[request['format']]} file; GDAL finds no layer. "
            "Export it again.",
            format=DRIVERS[request["format"]],
        )
    wanted = request["source_layer"]
    if wanted is not None:
        if wanted in names:
            return str(wanted)
        raise Refused(
            "file.no_such_layer",
            f"the file must have the layer {wanted!r}; it has {names[:10]}. Name one of these.",
            layer=wanted,
            found=names[:10],
        )
    if len(names) == 1:
        return names[0]
    lower = {name.lower(): name for name in names}
    if request["format"] == "gpx":
        return "track_points" if request["layer"] == "tracks" else "waypoints"
    for preferred in request["layers"]:
        if preferred.lower() in lower:
            return lower[preferred.lower()]
    raise Refused(
        "file.which_layer",
        f"the file must have one layer, or its layer must be named; it has {names[:10]}. "
        "Say which with the source layer option.",
        found=names[:10],
    )


def _read(
    pyogrio: Any, path: str, layer: str, encoding: str | None, request: dict[str, Any]
) -> tuple[pa.Table, str | None]:
    # UTF-8 field names may be cut inside a character; as Latin-1 nothing is lost on the way.
    is_utf8_shapefile = encoding == "UTF-8"
    options = {"encoding": "ISO-8859-1" if is_utf8_shapefile else encoding} if encoding else {}
    info = pyogrio.read_info(path, layer=layer, **options)
    check_columns(len(info["fields"]), request)
    check_rows(max(int(info["features"]), 0), request)
    meta, table = pyogrio.read_arrow(path, layer=layer, datetime_as_string=True, **options)
    check_rows(table.num_rows, request)
    geometry = meta["geometry_name"] or "wkb_geometry"
    names = [GEOMETRY if name == geometry else name for name in table.column_names]
    table = table.rename_columns(names)
    return _as_utf8(table) if is_utf8_shapefile else table, meta["crs"]


def _as_utf8(table: pa.Table) -> pa.Table:
    """The table with names and text, read as Latin-1, put back into the UTF-8 they are."""
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            texts = [None if text is None else _recode(text) for text in column.to_pylist()]
            column = pa.array(texts, pa.string())  # noqa: PLW2901 - the same column, readable
        columns[_recode(name)] = column
    return pa.table(columns)


def _recode(text: str) -> str:
    """The text as UTF-8, a last character cut by the field's width left out."""
    return text.encode("latin-1").decode("utf-8", "replace").removesuffix("\ufffd")


def _with_track_names(pyogrio: Any, path: str, points: pa.Table) -> pa.Table:
    """Track points with the column `patrol`: the name of their track, else its number."""
    _, tracks = pyogrio.read_arrow(path, layer="tracks", read_geometry=False, columns=["name"])
    names = [
        name or f"track-{number}"
        for number, name in enumerate(tracks.column("name").to_pylist(), start=1)
    ]
    of_point = points.column("track_fid").combine_chunks()
    return points.append_column("patrol", pc.take(pa.array(names, pa.string()), of_point))

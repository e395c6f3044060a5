"""GeoPackage, Shapefile, KML, FlatGeobuf and GPX through GDAL with one driver left."""

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
        tables = [_read(pyogrio, path, name, encoding, request) for name in chosen]
        if driver == "GPX" and chosen == ["track_points"]:
            tables = [_with_track_names(pyogrio, path, tables[0])]
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
    crs = tables[0][1]
    table = pa.concat_tables([table for table, _ in tables], promote_options="permissive")
    write_table(table, request)
    return {"crs": crs, "layer": "+".join(chosen), "notes": notes}


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


def _choose(names: list[str], request: dict[str, Any]) -> list[str]:
    """The layers to read: the one asked for, the only one, the best-named one, or KML's all."""
    wanted = request["source_layer"]
    if wanted is not None:
        if wanted in names:
            return [wanted]
        raise Refused(
            "file.no_such_layer",
            f"the file must have the layer {wanted!r}; it has {names[:10]}. Name one of these.",
            layer=wanted,
            found=names[:10],
        )
    if len(names) == 1:
        return names
    lower = {name.lower(): name for name in names}
    if request["format"] == "gpx":
        return ["track_points" if request["layer"] == "tracks" else "waypoints"]
    for preferred in request["layers"]:
        if preferred.lower() in lower:
            return [lower[preferred.lower()]]
    if request["format"] == "kml" and names:
        return names
    raise Refused(
        "file.which_layer",
        f"the file must have one layer, or its layer must be named; it has {names[:10]}. "
        "Say which with the source layer option.",
        found=names[:10],
    )


def _read(
    pyogrio: Any, path: str, layer: str, encoding: str | None, request: dict[str, Any]
) -> tuple[pa.Table, str | None]:
    options = {"encoding": encoding} if encoding else {}
    info = pyogrio.read_info(path, layer=layer, **options)
    check_columns(len(info["fields"]), request)
    check_rows(max(int(info["features"]), 0), request)
    meta, table = pyogrio.read_arrow(path, layer=layer, **options)
    check_rows(table.num_rows, request)
    name = meta["geometry_name"] or "wkb_geometry"
    if name in table.column_names:
        position = table.column_names.index(name)
        table = table.rename_columns(
            [GEOMETRY if i == position else old for i, old in enumerate(table.column_names)]
        )
    return table, meta["crs"]


def _with_track_names(
    pyogrio: Any, path: str, points: tuple[pa.Table, str | None]
) -> tuple[pa.Table, str | None]:
    """Track points with the column `patrol`: the name of their track, else its number."""
    table, crs = points
    _, tracks = pyogrio.read_arrow(path, layer="tracks", read_geometry=False, columns=["name"])
    names = [
        name or f"track-{number}"
        for number, name in enumerate(tracks.column("name").to_pylist(), start=1)
    ]
    patrol = pc.take(pa.array(names, type=pa.string()), table.column("track_fid").combine_chunks())
    return table.append_column("patrol", patrol), crs

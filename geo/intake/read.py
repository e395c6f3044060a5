"""A file of any known format as a layer's typed frame, with every refused row accounted for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.crs import WGS84
from geo.intake.assume import fill_unsaid
from geo.intake.columns import Taken, take_columns
from geo.intake.geojson import read_geojson
from geo.intake.limited import read_limited
from geo.intake.limits import Limits, check_file
from geo.intake.names import layer_aliases, layer_named
from geo.intake.packed import unpacked
from geo.intake.places import (
    Places,
    check_has_place,
    fit_geometry,
    misplaced,
    places_of_columns,
)
from geo.intake.sniff import sniff
from geo.intake.source import Note, Source, no_rejects, note
from geo.intake.target import check_datum, degrees_of, settle_crs, to_town, zone_of
from geo.intake.text import read_csv, with_header
from geo.schema import Checked, Layer, check_frame, reject_rows

Geocode = Callable[[pd.Series], gpd.GeoSeries]
"""Addresses -> points, missing where an address is refused; any CRS, same index."""


@dataclass(frozen=True)
class Intake:
    """What came of a file. `n_read` is always `len(frame)` + `n_rejected`.

    `frame` has the layer's columns and dtypes, in the town's CRS in metres, rows in file order.
    `rejects` has `line` (row of the file, from 1, headers not counted), `column`, `code`,
    `value`: one row a fault. `notes` say what was done to many rows: `code`, `count`, params.
    """

    frame: gpd.GeoDataFrame | pd.DataFrame
    rejects: pd.DataFrame
    n_read: int
    n_rejected: int
    ignored_columns: list[str]
    notes: list[Note]


def read_layer(
    path: Path | str,
    *,
    layer: str,
    crs: Any = None,
    datum: str | None = None,
    source_layer: str | None = None,
    limits: Limits | None = None,
    timezone: str = "Asia/Shanghai",
    town_crs: Any = None,
    columns: Mapping[str, str] | None = None,
    values: Mapping[str, Mapping[str, str]] | None = None,
    geocode: Geocode | None = None,
) -> Intake:
    """The file's good rows as a frame of the layer, and every fault of the others.

    The format is told by the content. Formats with readers in C run in a separate process with
    limits (see `geo.intake.limited`).

    Parameters
    ----------
    path : GeoJSON, GeoPackage, Shapefile, KML/KMZ, FlatGeobuf, GeoParquet, Parquet, OSM, GPX,
        CSV, XLSX, XLS, or a zip that holds one of these
    layer : a layer files may be taken into; `workers` means roster
    crs, datum : what the coordinates are in; `crs` overrules the file, `datum` (wgs84, gcj02,
        bd09, cgcs2000) says in which datum the degrees are
    source_layer : layer or sheet to take, where the file has several
    timezone : of times written without offset
    town_crs : projected CRS in metres of the result; by default the zone the rows lie in
    columns : our column -> the file's column, beside the alias tables
    values : column -> {what is written -> value}, beside the alias tables
    geocode : turns addresses into points, for rows without coordinates

    Raises
    ------
    InputError : the file as a whole cannot be read as that layer
    NotFoundError : there is no such file
    """
    path, caps, spec, zone = Path(path), limits or Limits(), layer_named(layer), ZoneInfo(timezone)
    check_datum(datum)
    source = read_source(path, spec, source_layer, caps)
    taken = take_columns(source, spec, zone=zone, columns=columns, values=values)
    filled, notes = fill_unsaid(taken.table, spec, lines=source.lines, stem=path.stem, zone=zone)
    notes = [*source.notes, *taken.notes, *notes]
    used = set(taken.sources.values())
    if not spec.is_spatial:
        checked = _check(spec, filled, source.lines, taken.faults)
        return _intake(checked, source, used, notes)
    places, from_columns, faults = _locate(source, spec, taken, geocode, path.name)
    frame, misfits, said = _placed(
        filled, places, source, spec, crs=crs, datum=datum, town_crs=town_crs, limits=caps
    )
    checked = _check(spec, frame, source.lines, [*taken.faults, *faults, *misfits])
    measured = Checked(_measured(checked.accepted, spec), checked.rejects, checked.n_rejected)
    return _intake(measured, source, used | set(from_columns), [*notes, *said])


def _placed(
    table: pd.DataFrame,
    places: Places,
    source: Source,
    layer: Layer,
    *,
    crs: Any,
    datum: str | None,
    town_crs: Any,
    limits: Limits,
) -> tuple[gpd.GeoDataFrame, list[pd.DataFrame], list[Note]]:
    """The table with geometry in the town's CRS, faults of places, and notes."""
    bounds = places.bounds()
    settled, notes = settle_crs(source.crs, crs=crs, datum=datum, bounds=bounds)
    fitted, faults, mended = fit_geometry(places, layer, source.lines, limits)
    degrees = degrees_of(bounds if fitted is places else fitted.bounds(), settled)
    faults += misplaced(degrees, source.lines, zone_of(town_crs))
    counts: NDArray[np.bool_] = np.asarray(np.isfinite(degrees).all(axis=1), dtype=bool)
    if faults:
        counts &= ~np.isin(source.lines, pd.concat(faults)["line"])
    target = town_crs or settled
    geometry = gpd.GeoSeries(np.full(len(table), None, dtype=object), crs=target)
    if counts.any():
        moved = to_town(
            fitted.at(counts), settled, datum=datum, town_crs=town_crs, degrees=degrees[counts]
        )
        geometry = moved if counts.all() else _spread(moved, counts)
    frame = gpd.GeoDataFrame(table, geometry=geometry.array, crs=geometry.crs)
    return frame, faults, [*notes, *mended]


def _spread(moved: gpd.GeoSeries, where: NDArray[np.bool_]) -> gpd.GeoSeries:
    """The geometries at the places of a mask, nothing elsewhere."""
    full = np.full(len(where), None, dtype=object)
    full[where] = np.asarray(moved.array, dtype=object)
    return gpd.GeoSeries(full, crs=moved.crs)


def write_rejects(rejects: pd.DataFrame, path: Path) -> None:
    """The rejects in a CSV file that spreadsheets open in the right encoding.

    Values that a spreadsheet would run as a formula get an apostrophe in front.
    """
    plain = rejects.copy()
    runs = plain["value"].astype("str").str.match(r"^[=+\-@\t\r]").fillna(False).to_numpy(bool)
    plain.loc[runs, "value"] = "'" + plain.loc[runs, "value"].astype("str")
    plain.to_csv(path, index=False, encoding="utf-8-sig")


def read_source(path: Path, layer: Layer, source_layer: str | None, limits: Limits) -> Source:
    """The rows of a file as it holds them, whatever its format."""
    check_file(path, limits)
    found = sniff(path)
    if found == "zip":
        with unpacked(path, limits) as (inner, inner_format):
            return _read_format(inner, inner_format, layer, source_layer, limits)
    return _read_format(path, found, layer, source_layer, limits)


def _read_format(
    path: Path, found: str, layer: Layer, source_layer: str | None, limits: Limits
) -> Source:
    if found == "geojson":
        return read_geojson(path, limits)
    if found == "csv":
        return read_csv(path, layer, limits)
    source, taken_from = read_limited(
        path,
        format=found,
        layer=layer.name,
        layer_names=layer_aliases(layer),
        source_layer=source_layer,
        limits=limits,
    )
    if taken_from is not None:
        source.notes.append(note("source.layer", len(source.rows), layer=taken_from))
    if found in ("xlsx", "xls"):
        return with_header(source, layer, limits, path)
    return source


def _locate(
    source: Source, layer: Layer, taken: Taken, geocode: Geocode | None, file: str
) -> tuple[Places, list[str], list[pd.DataFrame]]:
    """Where each row lies, the columns that said so, and faults found on the way."""
    places: Places | None = None
    used: list[str] = []
    faults: list[pd.DataFrame] = []
    if source.geometry is not None:
        places = Places(source.geometry)
    else:
        places, used, faults = places_of_columns(source)
    if geocode is not None and "address" in taken.table.columns:
        places, refused = _geocoded(places, taken.table["address"], source, geocode)
        faults = [*faults, *refused]
    return check_has_place(places, layer, file), used, faults


def _geocoded(
    places: Places | None, addresses: pd.Series, source: Source, geocode: Geocode
) -> tuple[Places, list[pd.DataFrame]]:
    """Places with points for the addresses of rows that have none, and the refused ones."""
    nowhere = np.full(len(addresses), None, dtype=object)
    full = nowhere if places is None else places.to_geometry().copy()
    wanted = shapely.is_missing(full) & addresses.notna().to_numpy(dtype=bool)
    if not wanted.any():
        return places or Places(full), []
    points = geocode(addresses[wanted]).to_crs(source.crs or WGS84)
    full[wanted] = np.asarray(points.array, dtype=object)
    refused = wanted & shapely.is_missing(full)
    if not refused.any():
        return Places(full), []
    lines, texts = source.lines[refused], addresses[refused]
    return Places(full), [reject_rows(lines, "address", "address.refused", texts)]


def _check(
    layer: Layer,
    frame: gpd.GeoDataFrame | pd.DataFrame,
    lines: NDArray[np.int64],
    faults: list[pd.DataFrame],
) -> Checked:
    """The schema's check of the rows without faults, and all faults, the schema's included."""
    if not faults:
        return check_frame(layer, frame, lines=lines)
    found = pd.concat(faults, ignore_index=True)
    is_bad = np.isin(lines, found["line"])
    good = check_frame(layer, frame[~is_bad], lines=lines[~is_bad])
    others = check_frame(layer, frame[is_bad], lines=lines[is_bad]).rejects
    known = pd.MultiIndex.from_frame(found[["line", "column"]])
    is_new = ~pd.MultiIndex.from_frame(others[["line", "column"]]).isin(known)
    is_new &= ~others["code"].isin(["key.repeated"]).to_numpy()
    rejects = pd.concat([good.rejects, found, others[is_new]], ignore_index=True)
    rejects = rejects.sort_values("line", kind="stable", ignore_index=True)
    return Checked(good.accepted, rejects, good.n_rejected + int(is_bad.sum()))


def _measured(frame: gpd.GeoDataFrame, layer: Layer) -> gpd.GeoDataFrame:
    """The frame with the length of streets whose file gives none, measured on their geometry."""
    if layer.name != "streets" or frame.empty:
        return frame
    return frame.assign(length_m=frame["length_m"].fillna(frame.length))


def _intake(checked: Checked, source: Source, used: set[str], notes: list[Note]) -> Intake:
    n_lost = int(source.lost["line"].nunique())
    parts = [part for part in (source.lost, checked.rejects) if len(part)]
    rejects = pd.concat(parts, ignore_index=True) if parts else no_rejects()
    return Intake(
        frame=checked.accepted.reset_index(drop=True),
        rejects=rejects.sort_values("line", kind="stable", ignore_index=True),
        n_read=source.n_read,
        n_rejected=n_lost + checked.n_rejected,
        ignored_columns=[str(name) for name in source.rows.columns if str(name) not in used],
        notes=notes,
    )

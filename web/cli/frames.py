"""Frames in and out of the commands that work on files alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import geopandas as gpd
import pandas as pd

from geo.crs import convert_datum, to_metric
from geo.errors import ParameterError, SchemaError
from geo.exchange import FORMATS, write_layer
from geo.intake import read_frame, read_layer
from geo.schema import (
    LAYERS,
    LINEAR,
    POLYGONAL,
    PUNCTUAL,
    Column,
    ColumnType,
    Layer,
    check_frame,
)
from geo.services.clock import DEFAULT_TIMEZONE
from web.cli import output
from web.config import Settings

in_path = click.Path(path_type=Path, exists=True, dir_okay=False)
out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File to write; its ending says the format.",
)

_SUFFIXES = {
    ".json": "geojson",
    ".geojson": "geojson",
    ".gpkg": "gpkg",
    ".shp": "shp",
    ".parquet": "parquet",
    ".fgb": "fgb",
    ".csv": "csv",
    ".xlsx": "xlsx",
}


def layer_file(
    layer: str, path: Path, *, town_crs: Any = None, crs: str | None, datum: str | None
) -> gpd.GeoDataFrame:
    """The good rows of a file as that layer; what was refused is said on standard error."""
    taken = read_layer(
        path, layer=layer, crs=crs, datum=datum, town_crs=town_crs, timezone=timezone().key
    )
    _say_rejects(path, taken.n_read, taken.n_rejected, taken.rejects)
    return taken.frame


def metric_file(path: Path, *, crs: str | None = None, town_crs: Any = None) -> gpd.GeoDataFrame:
    """Any spatial file with its own columns, in metres."""
    frame = read_frame(path, crs=crs)
    if not isinstance(frame, gpd.GeoDataFrame):
        raise SchemaError(
            "schema.missing_geometry",
            f"{path.name} must have geometry; it is a plain table",
            layer=path.name,
        )
    return to_metric(frame, crs=town_crs)


def tracks_file(
    path: Path, *, town_crs: Any, crs: str | None, datum: str | None
) -> gpd.GeoDataFrame:
    """The fixes of a file of tracks, also of one whose column `second` counts from each start.

    Such rounds get an arbitrary first day, the same for all, and round 1.
    """
    raw = read_frame(path, crs=crs)
    if "second" not in raw.columns or not isinstance(raw, gpd.GeoDataFrame):
        return layer_file("tracks", path, town_crs=town_crs, crs=crs, datum=datum)
    check_columns(raw, path, {"tracks": "patrol"})
    start = pd.Timestamp(0, tz="UTC")
    timed = raw.assign(
        at=start + pd.to_timedelta(raw["second"], unit="s"), day=start.tz_localize(None), round=1
    )
    placed = timed if datum is None else convert_datum(timed, datum=datum)
    checked = check_frame(LAYERS["tracks"], to_metric(placed, crs=town_crs))
    _say_rejects(path, len(raw), checked.n_rejected, checked.rejects)
    return checked.accepted


def check_columns(frame: pd.DataFrame, path: Path, columns: dict[str, str | None]) -> None:
    """Raise when an option names a column that the file lacks."""
    for option, column in columns.items():
        if column is not None and column not in frame.columns:
            found = [str(name) for name in frame.columns if name != "geometry"]
            raise ParameterError(
                "cli.no_column",
                f"{option} names column {column}, which {path.name} lacks; it has {found}",
                option=option,
                column=column,
                file=path.name,
                found=", ".join(found),
            )


def write_out(
    frame: gpd.GeoDataFrame | pd.DataFrame, path: Path, *, name: str, key: tuple[str, ...]
) -> int:
    """Rows written to a file whose ending names the format."""
    format_ = _SUFFIXES.get(path.suffix.lower())
    if format_ is None or format_ not in FORMATS:
        raise ParameterError(
            "cli.unknown_suffix",
            f"--out must end with one of {sorted(_SUFFIXES)}; got {path.name}",
            file=path.name,
            known=", ".join(sorted(_SUFFIXES)),
        )
    return write_layer(frame, path, layer=_layer_like(frame, name, key), format=format_)


def _say_rejects(path: Path, n_read: int, n_rejected: int, rejects: pd.DataFrame) -> None:
    if n_rejected:
        first = rejects.iloc[0]
        output.say(
            "cli.rejected",
            file=path.name,
            read=n_read,
            rejected=n_rejected,
            line=first["line"],
            column=first["column"],
            reason=first["code"],
        )


def _layer_like(frame: pd.DataFrame, name: str, key: tuple[str, ...]) -> Layer:
    """A layer with just the columns of this frame, for writing it."""
    is_spatial = isinstance(frame, gpd.GeoDataFrame)
    columns = tuple(
        Column(str(label), _column_type(frame[label]), "")
        for label in frame.columns
        if not (is_spatial and label == frame.geometry.name)
    )
    geometry = PUNCTUAL | LINEAR | POLYGONAL if is_spatial else frozenset()
    return Layer(name, "", key, columns, geometry)


def _column_type(values: pd.Series) -> ColumnType:
    checks: list[tuple[Callable[[Any], bool], ColumnType]] = [
        (pd.api.types.is_bool_dtype, "bool"),
        (pd.api.types.is_integer_dtype, "int"),
        (pd.api.types.is_float_dtype, "float"),
        (pd.api.types.is_datetime64_any_dtype, "time"),
    ]
    return next((kind for is_of, kind in checks if is_of(values)), "text")


def timezone() -> ZoneInfo:
    """The zone of local days and of times without one: WANGGE_TIMEZONE, else China's."""
    return ZoneInfo(Settings.from_env().timezone or DEFAULT_TIMEZONE)


def as_window(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[datetime, datetime] | None:
    """The half-open UTC window of FROM/TO, two local days, both included."""
    if value is None:
        return None
    try:
        first, last = (date.fromisoformat(part) for part in value.split("/"))
    except ValueError as error:
        raise click.BadParameter(f"{value} is not FROM/TO such as 2026-01-01/2026-03-31") from error
    zone = timezone()
    begins = datetime.combine(first, time(0), tzinfo=zone)
    ends = datetime.combine(last + timedelta(days=1), time(0), tzinfo=zone)
    return begins.astimezone(UTC), ends.astimezone(UTC)

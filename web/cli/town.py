"""Commands on a data folder: import and export."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import click

from geo.errors import ParameterError
from geo.services import exports, imports
from geo.store import Store
from web.cli import output
from web.config import Settings

DATUMS = ("wgs84", "gcj02", "bd09", "cgcs2000")

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Data folder; by default WANGGE_DATA or ./wangge-data.",
)
file_argument = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
crs_option = click.option("--crs", help="CRS of the file where it does not say, such as EPSG:4490.")
datum_option = click.option(
    "--datum", type=click.Choice(DATUMS), help="Datum of longitudes and latitudes."
)
source_layer_option = click.option("--source-layer", help="Layer inside a file that holds several.")


@contextmanager
def opened(data: Path | None) -> Iterator[tuple[Store, Settings]]:
    """The store of a data folder, closed afterwards."""
    settings = Settings.from_env(data_dir=data)
    if not settings.database_url:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    with Store.open(settings.store_location) as store:
        if settings.timezone:
            store.set_setting("timezone", settings.timezone)
        yield store, settings


def as_day(_context: click.Context, _parameter: click.Parameter, value: str | None) -> date | None:
    """A day from YYYY-MM-DD."""
    try:
        return date.fromisoformat(value) if value else None
    except ValueError as error:
        raise click.BadParameter(f"{value} is not a day such as 2026-11-01") from error


@click.command(name="import")
@click.argument("layer")
@file_argument
@data_option
@crs_option
@datum_option
@source_layer_option
@click.option("--from", "effective_from", callback=as_day, help="First day of imported grids.")
@output.json_option
def import_(
    layer: str,
    file: Path,
    data: Path | None,
    crs: str | None,
    datum: str | None,
    source_layer: str | None,
    effective_from: date | None,
    as_json: bool,
) -> None:
    """Check FILE as LAYER and store its good rows; the others are listed in a rejects file."""
    with opened(data) as (store, settings):
        report = imports.import_file(
            store,
            layer,
            file,
            crs=crs,
            datum=datum,
            source_layer=source_layer,
            rejects_dir=settings.data_dir / "rejects",
            effective_from=effective_from,
            now=datetime.now(UTC),
        )
    output.show(report.as_dict(), as_json=as_json)


@click.command()
@click.argument("layer")
@click.option(
    "--format", "format_", required=True, help="geojson, gpkg, shp, parquet, fgb, csv, xlsx"
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option("--plan", help="Only rows of this plan version.")
@data_option
@output.json_option
def export(
    layer: str, format_: str, out: Path, plan: str | None, data: Path | None, as_json: bool
) -> None:
    """Write LAYER for other systems."""
    if plan is not None and layer not in ("grids", "assignments"):
        raise ParameterError(
            "export.plan_option",
            f"--plan goes with grids and assignments, not {layer}",
            layer=layer,
        )
    with opened(data) as (store, _settings):
        where = {"plan": plan} if plan else None
        rows = exports.export(store, layer, out, format=format_, where=where)
    output.show({"layer": layer, "rows": rows, "out": out}, as_json=as_json)

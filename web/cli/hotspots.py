"""Hotspots of a file of incidents."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet
import shapely
from shapely.geometry.base import BaseGeometry

from geo.crs import check_metric
from geo.errors import ParameterError
from geo.hotspots.counts.areal import exposure_from_areas
from geo.hotspots.counts.cube import Cube
from geo.hotspots.counts.exposure import exposure_from_points
from geo.hotspots.counts.lattice import Floats, Lattice, lattice_over
from geo.hotspots.counts.partitioned import count_partitions
from geo.services import hotspots as services
from geo.services.cubes import TownCube, local_days
from geo.services.hotspots import Asked, Question
from geo.services.incidents import NOT_COUNTED
from web import readings
from web.cli import frames, output
from web.cli.town import crs_option, datum_option
from web.config import Settings

METHODS = services.METHODS_WITHOUT_STORE


@dataclass(frozen=True)
class _Counted:
    """The cube of a file, the ground it lies on, and the first and last local day."""

    cube: Cube
    lattice: Lattice
    outline: BaseGeometry
    first: np.datetime64
    last: np.datetime64


@click.command()
@click.option("--incidents", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--window", callback=frames.as_window, help="FROM/TO, local days, both included.")
@click.option(
    "--method",
    default="significance",
    show_default=True,
    help=f"Methods, joined by commas: {', '.join(METHODS)}.",
)
@click.option("--category", help="Only incidents of this category.")
@click.option("--cell-size-m", type=click.FloatRange(1), default=50.0, show_default=True)
@click.option("--bandwidth-m", type=click.FloatRange(1), default=150.0, show_default=True)
@click.option(
    "--exposure",
    metavar="FILE:COLUMN",
    help="What incidents are measured against: polygons or points with a column of amounts. "
    "Without it, the ground.",
)
@click.option("--within", type=frames.in_path, help="The town's outline; else around incidents.")
@click.option("--correction", type=click.Choice(["bh", "by"]), default="bh", show_default=True)
@click.option(
    "--engine",
    type=click.Choice(["memory", "dask"]),
    default="memory",
    show_default=True,
    help="dask: a GeoParquet file or folder larger than memory, points in metres.",
)
@crs_option
@datum_option
@frames.out_option
@output.json_option
def hotspots(
    incidents: Path,
    window: tuple[datetime, datetime] | None,
    method: str,
    category: str | None,
    cell_size_m: float,
    bandwidth_m: float,
    exposure: str | None,
    within: Path | None,
    correction: str,
    engine: str,
    crs: str | None,
    datum: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """Where incidents are more than chance explains, how dense they are, what is changing.

    OUT has a row per cell and method (column `method`): figures and `verdict`.
    """
    methods = _checked_methods(method)
    if engine == "dask":
        refuse_placement(crs, datum)
        counted = _count_in_partitions(incidents, within, cell_size_m)
    else:
        counted = _count_in_memory(incidents, within, cell_size_m, crs, datum)
    sources = {"ground": counted.lattice.ground_share}
    if exposure is not None:
        sources["given"] = _exposure(exposure, counted.lattice)
    town = TownCube(counted.cube, counted.lattice, counted.outline, sources)
    first, last = _days(window, counted)
    left_out = counted.cube.left_out
    report: dict[str, Any] = {
        "n": int(counted.cube.window(first, last, category=category).sum()),
        "left_out": {field.name: getattr(left_out, field.name) for field in fields(left_out)},
    }
    written = []
    for name in methods:
        question = Question(
            name,
            first,
            last,
            category=category,
            cell_size_m=cell_size_m,
            exposure="ground" if exposure is None else "given",
            correction=correction,  # type: ignore[arg-type]
            bandwidth_m=max(bandwidth_m, cell_size_m),
        )
        answer = services.answer(Asked(None, town, question, datetime.now(UTC)))
        start, end = _instants(first, last)
        written.append(services.to_rows(answer, run=name, start=start, end=end))
        report[name] = _told(answer.report, n_areas=len(answer.areas))
    rows = gpd.GeoDataFrame(pd.concat(written, ignore_index=True), crs=counted.lattice.crs)
    frames.write_out(rows, out, name="hotspots", key=("run", "cell"))
    output.show({**report, "out": out}, as_json=as_json)


def _checked_methods(text: str) -> list[str]:
    asked = [name.strip() for name in text.split(",") if name.strip()]
    unknown = sorted(set(asked) - set(METHODS))
    if unknown or not asked:
        raise ParameterError(
            "hotspots.unknown_method",
            f"unknown methods {unknown}; this version has {list(METHODS)}",
            methods=", ".join(unknown) or "-",
            known=", ".join(METHODS),
        )
    return list(dict.fromkeys(asked))


def _count_in_memory(
    path: Path, within: Path | None, cell_size_m: float, crs: str | None, datum: str | None
) -> _Counted:
    read = frames.layer_file("incidents", path, crs=crs, datum=datum)
    around = _box_around(read.geometry.dropna().to_numpy())
    outline = _outline(within, read.crs) if within is not None else around
    cases = read[~read["status"].isin(NOT_COUNTED)]
    lattice = lattice_over(outline, cell_size_m=cell_size_m, crs=read.crs)
    located = cases.geometry.to_numpy()
    days = local_days(cases["reported_at"], frames.timezone())
    cube = Cube.build(
        lattice,
        shapely.get_x(located),
        shapely.get_y(located),
        days,
        cases["category"].to_numpy(dtype=object),
        incident=cases["incident"].to_numpy(dtype=object),
        today=_today(),
    )
    return _counted(cube, lattice, outline)


def _count_in_partitions(path: Path, within: Path | None, cell_size_m: float) -> _Counted:
    box, crs = written_bounds(path)
    outline = _outline(within, crs) if within is not None else box
    lattice = lattice_over(outline, cell_size_m=cell_size_m, crs=crs)
    cube = count_partitions(
        path,
        lattice,
        timezone=frames.timezone().key,
        statuses_left_out=NOT_COUNTED,
        today=_today(),
    )
    return _counted(cube, lattice, outline)


def _counted(cube: Cube, lattice: Lattice, outline: BaseGeometry) -> _Counted:
    today = _today()
    first = today if cube.first_day is None else cube.first_day
    last = today if cube.last_day is None else cube.last_day
    return _Counted(cube, lattice, outline, first, last)


def _today() -> np.datetime64:
    return np.datetime64(datetime.now(frames.timezone()).date(), "D")


def refuse_placement(crs: str | None, datum: str | None) -> None:
    """Nothing; a file that is read by partitions says itself where it lies.

    Raises
    ------
    ParameterError : a CRS or datum is given
    """
    if crs is not None or datum is not None:
        raise ParameterError(
            "cli.dask_placement",
            "--engine dask reads points in metres as their file says; --crs and --datum cannot be "
            "used with it. Reproject the file first.",
        )


def written_bounds(path: Path) -> tuple[BaseGeometry, Any]:
    """The box and the CRS that the GeoParquet files' own headers tell."""
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    boxes, crs = [], None
    for file in files:
        header = pyarrow.parquet.read_schema(file).metadata or {}
        column = json.loads(header.get(b"geo", b"{}")).get("columns", {}).get("geometry", {})
        crs = column.get("crs", crs)
        if "bbox" in column:
            boxes.append(shapely.box(*column["bbox"]))
    if crs is None or not boxes:
        raise ParameterError(
            "hotspots.no_bounds",
            f"{path.name} must be GeoParquet with a CRS and its bounds in the header; write it "
            "with GeoPandas' to_parquet from a frame in metres",
            file=path.name,
        )
    check_metric(gpd.GeoDataFrame(geometry=[], crs=crs), path.name)
    return shapely.box(*shapely.total_bounds(boxes)), crs


def _outline(path: Path, crs: Any) -> BaseGeometry:
    return shapely.union_all(frames.metric_file(path, town_crs=crs).geometry.to_numpy())


def _box_around(points: npt.NDArray[np.object_]) -> BaseGeometry:
    """The box around points where it has an area, else the points themselves."""
    box = shapely.box(*shapely.total_bounds(points)) if len(points) else shapely.Polygon()
    return box if box.area > 0 else shapely.multipoints(points)


def _exposure(text: str, lattice: Lattice) -> Floats:
    file, _, column = text.rpartition(":")
    path = Path(file)
    if not column or not path.is_file():
        raise ParameterError(
            "hotspots.exposure_option",
            f"--exposure must be FILE:COLUMN with a file that is there; got {text}",
            value=text,
        )
    frame = frames.metric_file(path, town_crs=lattice.crs)
    frames.check_columns(frame, path, {"--exposure": column})
    amounts = pd.to_numeric(frame[column], errors="coerce")
    kinds = set(shapely.get_type_id(frame.geometry.to_numpy()).tolist())
    is_areal, is_punctual = kinds <= {3, 6}, kinds <= {0}
    n_wrong = int((~(amounts >= 0)).sum())
    if n_wrong or not (is_areal or is_punctual):
        raise ParameterError(
            "hotspots.exposure_file",
            f"{path.name} must hold polygons, or points, each with a number from 0 in {column}; "
            f"{n_wrong} rows have none",
            file=path.name,
            column=column,
            n=n_wrong,
        )
    told = frame.assign(**{column: amounts.astype("float64")})
    if is_areal:
        return exposure_from_areas(lattice, told, column)
    x, y = told.geometry.x.to_numpy(), told.geometry.y.to_numpy()
    return exposure_from_points(lattice, x, y, told[column].to_numpy())


def _days(window: tuple[datetime, datetime] | None, counted: _Counted) -> tuple[Any, Any]:
    if window is None:
        return counted.first.item(), counted.last.item()
    zone = frames.timezone()
    last = (window[1] - timedelta(seconds=1)).astimezone(zone).date()
    return window[0].astimezone(zone).date(), last


def _instants(first: Any, last: Any) -> tuple[pd.Timestamp, pd.Timestamp]:
    zone = frames.timezone()
    start = pd.Timestamp(first, tz=zone).tz_convert("UTC")
    return start, pd.Timestamp(last + timedelta(days=1), tz=zone).tz_convert("UTC")


def _told(report: dict[str, Any], *, n_areas: int) -> dict[str, Any]:
    language = Settings.from_env().language
    told = {name: value for name, value in report.items() if name not in ("method", "notes")}
    headline = readings.headline(language, report["method"], report, n_areas=n_areas)
    notes = readings.notes(language, report)
    return {**told, "n_areas": n_areas, "headline": headline, "notes": notes}

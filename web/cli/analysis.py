"""Commands on files of incidents, addresses, tracks, and on files that may be wrong."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
import geopandas as gpd
import pandas as pd

from geo.addresses.geocoding import geocode as geocode_addresses
from geo.addresses.parser import parse as parse_addresses
from geo.errors import ParameterError
from geo.incidents.attribution import attribute as attribute_to_grids
from geo.incidents.label_index import LabelIndex
from geo.incidents.partitioned import attribute_partitions
from geo.intake import doctor as datum_doctor
from geo.intake import read_frame
from geo.patrol import coverage as patrol_coverage
from geo.patrol import tracks as patrol_tracks
from geo.patrol.doors import household_share
from geo.patrol.pieces import surroundings
from web.cli import frames, output
from web.cli.hotspots import refuse_placement, written_bounds
from web.cli.town import crs_option, datum_option, file_argument, source_layer_option

SURROUNDINGS_M = 500.0
"""How far around a patrol's track its row of missed pieces reaches, metres."""

PIECE = "_piece"
"""Our key of a piece while tables are joined; no file's own column."""


@click.command()
@file_argument
@click.option("--against", type=frames.in_path, help="A layer whose datum is trusted.")
@click.option("--against-layer", help="Layer inside the trusted file.")
@click.option("--fix", "fix_out", type=click.Path(path_type=Path, dir_okay=False))
@source_layer_option
@crs_option
@output.json_option
def doctor(
    file: Path,
    against: Path | None,
    against_layer: str | None,
    fix_out: Path | None,
    source_layer: str | None,
    crs: str | None,
    as_json: bool,
) -> None:
    """Say what is wrong with FILE; with --fix, write a mended copy."""
    frame = read_frame(file, crs=crs, source_layer=source_layer)
    trusted = read_frame(against, source_layer=against_layer) if against else None
    findings = datum_doctor.diagnose(frame, against=trusted)
    wrong_datum = next((f.params for f in findings if f.code == "doctor.datum"), {})
    report: dict[str, Any] = {
        "rows": len(frame),
        "findings": [
            {
                "code": finding.code,
                "severity": finding.severity,
                "count": finding.count,
                "keys": list(finding.keys),
                "params": finding.params,
            }
            for finding in findings
        ],
    }
    if fix_out is not None:
        mended = datum_doctor.fix(frame, datum=wrong_datum.get("datum"))
        report["written"] = frames.write_out(mended, fix_out, name="mended", key=())
        report["out"] = fix_out
    output.show(report, as_json=as_json)


@click.command()
@file_argument
@click.option("--column", help="Column with the addresses; `address` or the only text column.")
@frames.out_option
@output.json_option
def parse(file: Path, column: str | None, out: Path, as_json: bool) -> None:
    """Split Chinese addresses into compound, building, entrance, floor and room."""
    begun = time.perf_counter()
    rows = read_frame(file)
    texts = rows[_address_column(rows, file, column)]
    parts = parse_addresses(texts)
    joined = pd.concat([texts.rename("address"), parts], axis=1)
    frames.write_out(joined, out, name="addresses", key=())
    seconds = round(time.perf_counter() - begun, 3)
    output.show({"n": len(rows), "seconds": seconds, "out": out}, as_json=as_json)


@click.command()
@file_argument
@click.option("--gazetteer", "gazetteer_file", type=frames.in_path, required=True)
@click.option("--column", help="Column with the addresses.")
@frames.out_option
@output.json_option
def geocode(file: Path, gazetteer_file: Path, column: str | None, out: Path, as_json: bool) -> None:
    """Find the points of addresses, each with the grade of the match."""
    begun = time.perf_counter()
    rows = read_frame(file)
    places = frames.layer_file("gazetteer", gazetteer_file, crs=None, datum=None)
    texts = rows[_address_column(rows, file, column)]
    found = geocode_addresses(texts, places)
    frames.write_out(found, out, name="geocoded", key=())
    report = {
        "n": len(found),
        "grades": found["grade"].value_counts().to_dict(),
        "seconds": round(time.perf_counter() - begun, 3),
        "out": out,
    }
    output.show(report, as_json=as_json)


@click.command()
@click.option("--incidents", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--grids", type=frames.in_path, required=True)
@click.option(
    "--index",
    "index_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Label index of the grids: made where the file is not there, used where it is.",
)
@click.option(
    "--engine",
    type=click.Choice(["memory", "dask"]),
    default="memory",
    show_default=True,
    help="dask: a GeoParquet file or folder larger than memory; OUT is then a folder.",
)
@crs_option
@datum_option
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write.")
@output.json_option
def attribute(
    incidents: Path,
    grids: Path,
    index_file: Path | None,
    engine: str,
    crs: str | None,
    datum: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """Give each incident the grid that it lies in."""
    begun = time.perf_counter()
    if engine == "dask":
        refuse_placement(crs, datum)
        areas = frames.metric_file(grids, town_crs=written_bounds(incidents)[1])
        frames.check_columns(areas, grids, {"--grids": "grid"})
        done = attribute_partitions(incidents, areas, out, index=_kept_index(index_file, areas))
        report = {"n": done.n_incidents, "unmatched": done.n_unmatched}
    else:
        areas = frames.metric_file(grids)
        frames.check_columns(areas, grids, {"--grids": "grid"})
        cases = frames.layer_file("incidents", incidents, town_crs=areas.crs, crs=crs, datum=datum)
        found = attribute_to_grids(cases, areas, index=_kept_index(index_file, areas))
        frames.write_out(found, out, name="incidents", key=("incident",))
        report = {"n": len(found), "unmatched": int(found["grid"].isna().sum())}
    seconds = round(time.perf_counter() - begun, 3)
    output.show({**report, "seconds": seconds, "out": out}, as_json=as_json)


def _kept_index(path: Path | None, grids: gpd.GeoDataFrame) -> LabelIndex | None:
    """The grids' label index, from the file or made and kept there; None without a file.

    Raises
    ------
    ConflictError : the file's index is of other grids
    GeometryError : the grids overlap or leave gaps
    """
    if path is None:
        return None
    if path.exists():
        return LabelIndex.load(path, grids)
    index = LabelIndex.build(grids)
    index.save(path)
    return index


@click.command()
@click.option("--streets", type=frames.in_path, required=True)
@click.option("--tracks", type=frames.in_path, required=True)
@click.option("--buildings", type=frames.in_path)
@click.option("--reach-m", type=float, default=patrol_coverage.REACH_M, show_default=True)
@crs_option
@datum_option
@frames.out_option
@output.json_option
def coverage(
    streets: Path,
    tracks: Path,
    buildings: Path | None,
    reach_m: float,
    crs: str | None,
    datum: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """Which street pieces each patrol passed; with buildings, the share of households too."""
    begun = time.perf_counter()
    lines = frames.metric_file(streets, crs=crs)
    fixes = frames.tracks_file(tracks, town_crs=lines.crs, crs=None, datum=datum)
    pieces = patrol_coverage.cut_pieces(_with_row_keys(lines))
    walked = patrol_tracks.clean(fixes)
    rows = patrol_coverage.cover(pieces, walked, reach_m=reach_m)
    around = surroundings(pieces, walked, margin_m=SURROUNDINGS_M)
    figures = rows[["patrol", "piece", "covered_m", "probability", "verdict"]]
    found = around.merge(figures, on=["patrol", "piece"], how="left")
    own = _own_columns(lines, pieces)
    written = found.rename(columns={"piece": PIECE}).merge(own, on=PIECE).drop(columns=PIECE)
    written = written.fillna({"covered_m": 0.0, "probability": 0.0, "verdict": "missed"})
    frames.write_out(written, out, name="coverage", key=("patrol",))
    share = patrol_coverage.combine(rows, pieces)["covered_share"].to_numpy()
    length = pieces["length_m"].to_numpy(dtype="float64")
    report: dict[str, Any] = {
        "patrols": int(walked["patrol"].nunique()),
        "pieces": len(pieces),
        "rows": len(written),
        "length_share": float((share * length).sum() / length.sum()),
    }
    if buildings is not None:
        homes = frames.layer_file("buildings", buildings, town_crs=lines.crs, crs=None, datum=None)
        report["household_share"] = household_share(homes, walked, reach_m=reach_m)
    report["seconds"] = round(time.perf_counter() - begun, 3)
    output.show({**report, "out": out}, as_json=as_json)


def _with_row_keys(lines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The lines as streets, keyed by their row: the file's own keys may repeat or be many."""
    rows = [f"{row:07d}" for row in range(len(lines))]
    return gpd.GeoDataFrame({"street": rows}, geometry=lines.geometry.array, crs=lines.crs)


def _own_columns(lines: gpd.GeoDataFrame, pieces: gpd.GeoDataFrame) -> pd.DataFrame:
    """For each piece the file's own columns, with the piece's place in its line and its length."""
    own = pd.DataFrame(lines.drop(columns=lines.geometry.name))
    joined = own.iloc[pieces["street"].astype("int64").to_numpy()].reset_index(drop=True)
    return joined.assign(
        part=pieces.groupby("street").cumcount().to_numpy() + 1,
        part_length_m=pieces["length_m"].to_numpy(),
    ).assign(**{PIECE: pieces["piece"].to_numpy(dtype=object)})


def _address_column(rows: pd.DataFrame, file: Path, column: str | None) -> str:
    if column is not None:
        frames.check_columns(rows, file, {"--column": column})
        return column
    for known in ("address", "text", "地址"):
        if known in rows.columns:
            return known
    texts = [name for name in rows.columns if pd.api.types.is_string_dtype(rows[name])]
    if len(texts) == 1:
        return str(texts[0])
    raise ParameterError(
        "cli.address_column",
        f"name the column with the addresses by --column; {file.name} has {list(rows.columns)}",
        file=file.name,
        found=", ".join(map(str, rows.columns)),
    )

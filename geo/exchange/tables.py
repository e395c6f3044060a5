"""CSV and XLSX: one row a feature, points as `lon` and `lat`, other shapes as WKT."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import shapely
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from geo.errors import ParameterError
from geo.exchange.geojson import wire_geometry
from geo.exchange.values import WIRE_DECIMALS, is_day, plain_values
from geo.schema import PUNCTUAL, Layer

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""First characters that make a spreadsheet compute a cell (OWASP, CSV injection)."""
XLSX_MAX_CHARACTERS = 32_767
XLSX_MAX_ROWS = 1_048_576
"""Limits of Excel's file format, the header row included."""
TEXT_FORMAT = "@"
DAY_FORMAT = "yyyy-mm-dd"


def write_csv(layer: Layer, frame: gpd.GeoDataFrame | pd.DataFrame, path: Path) -> None:
    """UTF-8 with a byte order mark, so that Excel reads Chinese; all text is quoted."""
    columns = _columns(layer, frame)
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def write_xlsx(layer: Layer, frame: gpd.GeoDataFrame | pd.DataFrame, path: Path) -> None:
    """One sheet named after the layer; codes are text cells, days are dates.

    Raises
    ------
    ParameterError : more rows, or a longer text (such as WKT), than the format holds
    """
    columns = _columns(layer, frame)
    _check_room(layer, len(frame), columns)
    for name in frame.columns:
        if is_day(frame[name]):
            columns[name] = [day and date.fromisoformat(day) for day in columns[name]]
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(layer.name[:31])
    sheet.freeze_panes = "A2"
    sheet.append(list(columns))
    for row in zip(*columns.values(), strict=True):
        sheet.append([_cell(sheet, value) for value in row])
    book.save(path)


def neutral(text: str) -> str:
    """The text, after an apostrophe where a spreadsheet would compute it."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _columns(layer: Layer, frame: gpd.GeoDataFrame | pd.DataFrame) -> dict[str, list[Any]]:
    """Values by column, those of the place at the end."""
    located = frame.geometry.name if isinstance(frame, gpd.GeoDataFrame) else None
    columns = {
        str(name): [_written(value) for value in plain_values(frame[name])]
        for name in frame.columns
        if name != located
    }
    if located is None:
        return columns
    geometry = wire_geometry(layer, frame)
    if layer.geometry == PUNCTUAL:
        for name, ordinates in (("lon", shapely.get_x(geometry)), ("lat", shapely.get_y(geometry))):
            columns[name] = [None if np.isnan(value) else value for value in ordinates.tolist()]
    else:
        columns["wkt"] = shapely.to_wkt(geometry, rounding_precision=WIRE_DECIMALS).tolist()
    return columns


def _written(value: Any) -> Any:
    """A number or a text that no spreadsheet computes."""
    if isinstance(value, str):
        return neutral(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return neutral(json.dumps(value, ensure_ascii=False, allow_nan=False))
    return value


def _cell(sheet: Any, value: Any) -> Any:
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, date):
        day = WriteOnlyCell(sheet, value)
        day.number_format = DAY_FORMAT
        return day
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub(" ", value))
    cell.data_type, cell.number_format = "s", TEXT_FORMAT
    return cell


def _check_room(layer: Layer, n_rows: int, columns: dict[str, list[Any]]) -> None:
    """Raise when the sheet cannot hold that many rows, or a cell its text."""
    if n_rows >= XLSX_MAX_ROWS:
        raise ParameterError(
            "export.too_many_rows",
            f"a sheet of XLSX holds {XLSX_MAX_ROWS - 1} rows; {layer.name} has {n_rows}. "
            "Export it as csv, gpkg or parquet.",
            layer=layer.name,
            count=n_rows,
            limit=XLSX_MAX_ROWS - 1,
        )
    for name, values in columns.items():
        longest = max((len(value) for value in values if isinstance(value, str)), default=0)
        if longest > XLSX_MAX_CHARACTERS:
            raise ParameterError(
                "export.cell_too_long",
                f"a cell of XLSX holds {XLSX_MAX_CHARACTERS} characters; {name} of "
                f"{layer.name} needs {longest}. Export it as csv, gpkg or geojson.",
                layer=layer.name,
                column=name,
                length=longest,
                limit=XLSX_MAX_CHARACTERS,
            )

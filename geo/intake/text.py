"""CSV and other delimited text, and the cells of a workbook: text columns under a header."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv

from geo.errors import InputError
from geo.intake.limits import Limits
from geo.intake.names import matches
from geo.intake.source import Note, Source, note
from geo.schema import Layer, reject_rows

BLOCK_BYTES = 32 * 1024 * 1024
"""Longest single row we read; Arrow needs a row to lie within two blocks."""

HEADER_SEARCH_ROWS = 15
"""Office tables often begin with a title and a date; the header is looked for this far down."""

_STRING = pd.StringDtype(na_value=np.nan)


def read_csv(path: Path, layer: Layer, limits: Limits) -> Source:
    """The rows as text. UTF-8 with or without BOM, UTF-16, GBK and GB18030 are told apart.

    A row with more or fewer cells than the header stands in `lost`.

    Raises
    ------
    InputError : it is not text, or has no header with a column of the layer
    """
    data, notes = _as_utf8(path)
    delimiter = _delimiter(data)
    head = data[: 64 * 1024].decode("utf-8", "ignore")
    first_rows = list(_take(csv.reader(io.StringIO(head), delimiter=delimiter), path))
    n_above = _header_position(first_rows, layer)
    if n_above:
        data = _after_rows(data, n_above, delimiter)
        notes.append(note("table.rows_above_header", n_above))
    header = _unique_names(first_rows[n_above])
    _check_width(header, limits, path)
    table, lost = _parse(data, header, delimiter, path)
    n_total = table.num_rows + len(lost)
    if n_total > limits.max_rows:
        raise InputError(
            "file.too_many_rows",
            f"the file must have at most {limits.max_rows} rows; it has {n_total}. Split it.",
            file=path.name,
            count=n_total,
            limit=limits.max_rows,
        )
    lines = np.delete(np.arange(1, n_total + 1), lost["line"].to_numpy(dtype="int64") - 1)
    rows = table.to_pandas(types_mapper=lambda _: _STRING)
    return _without_blank_rows(Source(rows, lines, lost=lost, notes=notes))


def with_header(cells: Source, layer: Layer, limits: Limits, path: Path) -> Source:
    """A workbook's cells with the header row found and made into column names.

    Raises
    ------
    InputError : no row among the first looks like a header
    """
    rows = cells.rows.astype(_STRING)
    first = [list(row) for row in rows.head(HEADER_SEARCH_ROWS).itertuples(index=False)]
    n_above = _header_position(first, layer) if first else 0
    if not first:
        raise _no_header(path)
    header = _unique_names([str(name) for name in first[n_above]])
    _check_width(header, limits, path)
    body = rows.iloc[n_above + 1 :].reset_index(drop=True).set_axis(header, axis="columns")
    notes = [*cells.notes]
    if n_above:
        notes.append(note("table.rows_above_header", n_above))
    lines = np.arange(1, len(body) + 1, dtype="int64")
    return _without_blank_rows(Source(body, lines, notes=notes))


def _as_utf8(path: Path) -> tuple[bytes, list[Note]]:
    """The text as UTF-8 bytes without BOM, and a note where it was something else."""
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
        return text.encode(), [note("encoding.detected", 1, encoding="UTF-16")]
    data = data.removeprefix(b"\xef\xbb\xbf")
    if b"\0" in data:
        raise InputError(
            "file.unsupported",
            f"a table must be text; {path.name!r} holds NUL bytes. Save it as CSV.",
            file=path.name,
            found="binary",
        )
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return _recoded(data)
    return data, []


def _recoded(data: bytes) -> tuple[bytes, list[Note]]:
    try:
        text = data.decode("gb18030")
        return text.encode(), [note("encoding.detected", 1, encoding="GB18030")]
    except UnicodeDecodeError:
        pass
    lines = data.splitlines()
    faults = {name: _n_undecodable(lines, name) for name in ("utf-8", "gb18030")}
    best = "utf-8" if faults["utf-8"] <= faults["gb18030"] else "gb18030"
    notes = [note("encoding.damaged", faults[best], encoding=best.upper())]
    return data.decode(best, "replace").encode(), notes


def _n_undecodable(lines: list[bytes], encoding: str) -> int:
    count = 0
    for line in lines:
        try:
            line.decode(encoding)
        except UnicodeDecodeError:
            count += 1
    return count


def _delimiter(data: bytes) -> str:
    """The separator that the first lines share most of: comma, tab, semicolon or bar."""
    lines = data[: 64 * 1024].decode("utf-8", "ignore").splitlines()[:HEADER_SEARCH_ROWS]
    return max(",\t;|", key=lambda mark: sum(line.count(mark) for line in lines))


def _take(reader: object, path: Path) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in reader:  # type: ignore[attr-defined]
            rows.append(row)
            if len(rows) == HEADER_SEARCH_ROWS:
                break
    except csv.Error as error:
        raise _no_header(path) from error
    if not rows:
        raise _no_header(path)
    return rows


def _header_position(rows: list[list[str]], layer: Layer) -> int:
    """Which of the first rows is the header.

    The first row that fills at least half of the table's width; a later one only where it names
    at least two more of the layer's columns, so that no row of values is taken for names.
    """
    n_filled = [sum(1 for cell in row if cell and str(cell) != "nan") for row in rows]
    wide = [i for i, count in enumerate(n_filled) if count and 2 * count >= max(n_filled)]
    if not wide:
        return 0
    scores = {i: matches([str(name) for name in rows[i]], layer) for i in wide}
    best = max(wide, key=lambda i: scores[i])
    return best if scores[best] >= scores[wide[0]] + 2 else wide[0]


def _after_rows(data: bytes, n_rows: int, delimiter: str) -> bytes:
    """The bytes after so many rows, a quoted line break inside one counted as part of it."""
    stream = io.StringIO(data.decode("utf-8"), newline="")
    lines = iter(stream.readline, "")
    reader = csv.reader(lines, delimiter=delimiter)
    for _ in range(n_rows):
        next(reader)
    return stream.read().encode()


def _unique_names(header: list[str]) -> list[str]:
    """Header cells as distinct names; an empty one is named by its position."""
    names: list[str] = []
    for position, cell in enumerate(header, start=1):
        name = cell.strip() if cell and cell != "nan" else f"column {position}"
        while name in names:
            name += "_"
        names.append(name)
    return names


def _check_width(header: list[str], limits: Limits, path: Path) -> None:
    if len(header) > limits.max_columns:
        raise InputError(
            "file.too_many_columns",
            f"the file must have at most {limits.max_columns} columns; it has {len(header)}. "
            "Drop some.",
            file=path.name,
            count=len(header),
            limit=limits.max_columns,
        )


def _no_header(path: Path) -> InputError:
    return InputError(
        "table.no_header",
        f"a table must begin with a row of column names; {path.name!r} does not. Add one.",
        file=path.name,
    )


def _parse(
    data: bytes, header: list[str], delimiter: str, path: Path
) -> tuple[pa.Table, pd.DataFrame]:
    faults: list[tuple[int, str]] = []

    def keep_fault(row: arrow_csv.InvalidRow) -> str:
        faults.append((int(row.number) - 1, str(row.text)))
        return "skip"

    try:
        table = arrow_csv.read_csv(
            pa.py_buffer(data),
            read_options=arrow_csv.ReadOptions(
                use_threads=False,  # so that a faulty row knows its number
                column_names=header,
                skip_rows_after_names=1,
                block_size=BLOCK_BYTES,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=keep_fault
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.large_string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise InputError(
            "table.unreadable",
            f"the table must be delimited text; {path.name!r} is not: {error}. Save it again.",
            file=path.name,
        ) from error
    lost = reject_rows(
        [line for line, _ in faults], "", "row.wrong_cells", [text for _, text in faults]
    )
    return table, lost


def _without_blank_rows(source: Source) -> Source:
    """The source without rows that are empty in every cell (a spreadsheet's tail)."""
    is_filled = np.zeros(len(source.rows), dtype=bool)
    for name in source.rows.columns:
        cells = source.rows[name]
        is_filled |= (cells.notna() & (cells != "")).to_numpy(dtype=bool)
        if is_filled.all():
            return source
    kept = source.lines[is_filled]
    return Source(
        source.rows[is_filled].reset_index(drop=True), kept, lost=source.lost, notes=source.notes
    )

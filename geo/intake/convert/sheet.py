"""Excel workbooks: one sheet as text cells, header not yet chosen."""

from __future__ import annotations

import datetime
from typing import Any

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook

from .arrow import write_table
from .refused import Refused, check_columns, check_rows


def convert(request: dict[str, Any]) -> dict[str, Any]:
    """What was read: `layer` (the sheet); cells go to `out` as text columns c0, c1, ...

    Cells hold values, never formulas: a formula gives its last computed result.

    Raises
    ------
    Refused : it is no sound workbook, or has several sheets and none is named
    """
    try:
        with CalamineWorkbook.from_path(str(request["path"])) as book:
            name = _choose(book.sheet_names, request)
            rows = book.get_sheet_by_name(name).to_python(skip_empty_area=True)
    except (CalamineError, OSError) as error:
        raise Refused(
            "file.unreadable",
            f"the file must be a sound workbook; its reader says: {error}. Save it again.",
            format="XLSX",
        ) from error
    check_rows(len(rows), request)
    width = max((len(row) for row in rows), default=0)
    check_columns(width, request)
    columns = {
        f"c{i}": pa.array([_text(row[i]) if i < len(row) else "" for row in rows], pa.string())
        for i in range(width)
    }
    write_table(pa.table(columns), request)
    return {"crs": None, "layer": name, "notes": []}


def _choose(names: list[str], request: dict[str, Any]) -> str:
    wanted = request["source_layer"]
    if wanted is not None and wanted not in names:
        raise Refused(
            "file.no_such_layer",
            f"the workbook must have the sheet {wanted!r}; it has {names[:10]}. Name one of these.",
            layer=wanted,
            found=names[:10],
        )
    if wanted is not None:
        return str(wanted)
    for preferred in request["layers"]:
        if preferred in names:
            return str(preferred)
    if not names:
        raise Refused("file.empty", "the workbook must have a sheet; it has none.")
    return names[0]


def _text(value: Any) -> str:
    """The cell as people read it: whole numbers without a point, times in ISO form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    return str(value)

"""The Arrow file that carries rows back to the parent: text, numbers, times and WKB."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from .refused import Refused, check_columns, check_rows

GEOMETRY = "__geometry__"
"""Column of the Arrow file that holds WKB; no file's own column is named like this."""

_WKB_BYTES_PER_VERTEX = 16


def write_table(table: pa.Table, request: dict[str, Any]) -> None:
    """The table in the Arrow file that the request names, without its nested columns.

    Raises
    ------
    Refused : it has too many rows, columns or vertices
    """
    check_rows(table.num_rows, request)
    check_columns(table.num_columns, request)
    if GEOMETRY in table.column_names:
        _check_vertices(table.column(GEOMETRY).nbytes // _WKB_BYTES_PER_VERTEX, request)
    plain = {name: _plain(table.column(i)) for i, name in enumerate(table.column_names)}
    arrays = {name: column for name, column in plain.items() if column is not None}
    out = pa.table(arrays)
    with pa.OSFile(str(request["out"]), "wb") as sink, pa.ipc.new_file(sink, out.schema) as writer:
        writer.write_table(out)


def _check_vertices(n_vertices: int, request: dict[str, Any]) -> None:
    limit = int(request["max_vertices"])
    if n_vertices > limit:
        raise Refused(
            "file.too_many_vertices",
            f"the file must have at most {limit} vertices; it has about {n_vertices}. "
            "Simplify or split it.",
            count=n_vertices,
            limit=limit,
        )


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The column without dictionaries; None for nested types, which no layer has."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_nested(column.type):
        return None
    if pa.types.is_decimal(column.type) or pa.types.is_floating(column.type):
        return column.cast(pa.float64())
    return column

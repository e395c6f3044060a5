"""GeoParquet with WKB, and plain Parquet."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .arrow import GEOMETRY, write_table
from .refused import Refused, check_columns, check_rows


def convert(request: dict[str, Any]) -> dict[str, Any]:
    """What was read: `crs` (PROJJSON text, or None for a plain table); rows go to `out`.

    Raises
    ------
    Refused : it cannot be read, is too large, or its geometry is not WKB
    """
    try:
        with pq.ParquetFile(str(request["path"])) as file:
            check_rows(file.metadata.num_rows, request)
            check_columns(file.metadata.num_columns, request)
            _check_size(file.metadata, request)
            metadata = file.schema_arrow.metadata or {}
            table = file.read()
    except MemoryError:  # Arrow's own is both
        raise
    except (pa.ArrowException, OSError) as error:
        raise Refused(
            "file.unreadable",
            f"the file must be sound Parquet; Arrow says: {error}. Export it again.",
            format="Parquet",
        ) from error
    crs = None
    geo = json.loads(metadata.get(b"geo", b"null"))
    if geo is not None:
        table, crs = _with_geometry(table, geo)
    table = table.select([name for name in table.column_names if not name.startswith("__index_")])
    write_table(table.replace_schema_metadata(None), request)
    return {"crs": crs, "layer": None, "notes": []}


def _check_size(metadata: Any, request: dict[str, Any]) -> None:
    size = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    limit = int(request["max_unpacked_bytes"])
    if size > limit:
        raise Refused(
            "pack.too_large",
            f"the file must unpack to at most {limit} bytes; it says {size}. Split it.",
            size_mb=size // 2**20,
            limit_mb=limit // 2**20,
        )


def _with_geometry(table: pa.Table, geo: dict[str, Any]) -> tuple[pa.Table, str | None]:
    """The table with its primary geometry column renamed, and that column's CRS."""
    name = geo.get("primary_column")
    column = geo.get("columns", {}).get(name, {})
    encoding = str(column.get("encoding"))
    if name not in table.column_names or encoding.upper() != "WKB":
        raise Refused(
            "parquet.encoding",
            f"geometry must be stored as WKB; column {name!r} is {encoding}. "
            "Write it with geometry_encoding='WKB'.",
            encoding=encoding,
        )
    position = table.column_names.index(name)
    renamed = table.rename_columns(
        [GEOMETRY if i == position else old for i, old in enumerate(table.column_names)]
    )
    others = [name for name in geo["columns"] if name in renamed.column_names]
    crs = column.get("crs", "OGC:CRS84")
    return renamed.drop_columns(others), crs if isinstance(crs, str) else json.dumps(crs)

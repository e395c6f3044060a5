"""Foreign formats read in a separate process with limits on memory, time and what it may open."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from geo.errors import GridError, InputError
from geo.intake.limits import Limits
from geo.intake.places import read_shapes
from geo.intake.source import Source

_HERE = Path(__file__).parent
_START = (
    "import sys; sys.path.append(sys.argv[1]); from convert.main import main; main()"  # isolated
)
_GEOMETRY = "__geometry__"


def read_limited(
    path: Path,
    *,
    format: str,
    layer: str,
    layer_names: list[str],
    source_layer: str | None,
    limits: Limits,
) -> tuple[Source, str | None]:
    """The rows that the limited process read, and the name of the layer it took.

    The process starts isolated (no user site, no inherited Python settings, an almost empty
    environment); its only way back is an Arrow file in a temporary folder.

    Raises
    ------
    InputError : the file was refused, took too long, or brought its reader down
    """
    with tempfile.TemporaryDirectory(prefix="wangge-intake-") as folder:
        out = Path(folder) / "rows.arrow"
        request = {
            "format": format,
            "path": str(path.resolve()),
            "out": str(out),
            "layer": layer,
            "layers": layer_names,
            "source_layer": source_layer,
            "timeout_s": limits.timeout_s,
            "memory_bytes": limits.memory_bytes,
            "max_unpacked_bytes": limits.max_unpacked_bytes,
            "max_rows": limits.max_rows,
            "max_columns": limits.max_columns,
            "max_vertices": limits.max_vertices,
        }
        answer = _run(request, Path(folder), path)
        if "refused" in answer:
            refused = answer["refused"]
            raise InputError(
                refused["code"], refused["message"], file=path.name, **refused["params"]
            )
        done = answer["ok"]
        return _load(out, done), done["layer"]


def _run(request: dict[str, Any], folder: Path, path: Path) -> dict[str, Any]:
    command = [sys.executable, "-I", "-c", _START, str(_HERE)]
    try:
        process = subprocess.run(
            command,
            input=json.dumps(request).encode(),
            capture_output=True,
            cwd=folder,
            env=_environment(),
            timeout=request["timeout_s"],
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(
            "file.too_slow",
            f"the file must be read within {request['timeout_s']} s; {path.name!r} took longer. "
            "Split it.",
            file=path.name,
            limit_s=request["timeout_s"],
        ) from error
    if process.returncode != 0:
        reason = process.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise InputError(
            "file.reader_failed",
            f"the file must be sound; the reader of {path.name!r} ended with "
            f"{process.returncode} {reason}. Export it again.",
            file=path.name,
        )
    answer = json.loads(process.stdout)
    if not isinstance(answer, dict):
        raise GridError("file.reader_failed", "the reader must answer an object", file=path.name)
    return answer


def _environment() -> dict[str, str]:
    """What the process needs of ours to start: on Windows the system's folder, else nothing."""
    if sys.platform != "win32":
        return {"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"}
    import os  # noqa: PLC0415 - only Windows needs it

    return {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP") if name in os.environ}


def _load(out: Path, done: dict[str, Any]) -> Source:
    with pa.OSFile(str(out)) as stream:
        table = pa.ipc.open_file(stream).read_all()
    geometry = None
    if _GEOMETRY in table.column_names:
        wkb = table.column(_GEOMETRY).to_numpy(zero_copy_only=False)
        geometry = read_shapes(shapely.from_wkb, wkb)
        table = table.drop_columns([_GEOMETRY])
    rows: pd.DataFrame = table.to_pandas(types_mapper=_dtype)
    lines = np.arange(1, table.num_rows + 1, dtype="int64")
    return Source(rows, lines, geometry, done["crs"], notes=list(done["notes"]))


def _dtype(kind: pa.DataType) -> Any:
    return pd.StringDtype(na_value=np.nan) if pa.types.is_string(kind) else None

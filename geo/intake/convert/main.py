"""Entry of the limited process: one request on standard input, one answer on standard output."""

from __future__ import annotations

import importlib
import json
import sys
from importlib.abc import MetaPathFinder
from typing import Any

from .refused import Refused


class _WithoutPandas(MetaPathFinder):
    """Half of the start-up time is pandas, which pyogrio and pyarrow only use where present."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        """Nothing, or the answer that there is no such package."""
        if fullname in ("pandas", "geopandas"):
            raise ModuleNotFoundError(f"{fullname} is left out here", name=fullname)


_READERS = {
    "gpkg": "vector",
    "shp": "vector",
    "kml": "kml",
    "fgb": "vector",
    "gpx": "vector",
    "parquet": "parquet",
    "osm": "openstreetmap",
    "pbf": "openstreetmap",
    "xlsx": "sheet",
    "xls": "sheet",
}


def main() -> None:
    """Convert as asked; prints `{"ok": ...}` or `{"refused": {code, message, params}}`.

    The request names `format`, `path`, `out` (an Arrow file to write), `layers` (preferred layer
    names, best first), `layer` (Wangge's layer), `source_layer`, and the limits.
    """
    request = json.loads(sys.stdin.buffer.read())
    _limit_process(request)
    sys.meta_path.insert(0, _WithoutPandas())
    package = __name__.rpartition(".")[0]
    reader = importlib.import_module(f"{package}.{_READERS[request['format']]}")
    try:
        answer: dict[str, Any] = {"ok": reader.convert(request)}
    except Refused as refused:
        answer = {
            "refused": {
                "code": refused.code,
                "message": refused.message,
                "params": refused.params,
            }
        }
    except MemoryError:
        answer = {
            "refused": {
                "code": "file.too_heavy",
                "message": "the file needs more memory than an import may use. Split it.",
                "params": {},
            }
        }
    sys.stdout.write(json.dumps(answer))


def _limit_process(request: dict[str, Any]) -> None:
    """Cap memory, processor time and written bytes where the platform can (Windows cannot)."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - absent on Windows

    seconds = int(request["timeout_s"]) + 1
    caps = {
        resource.RLIMIT_AS: int(request["memory_bytes"]),
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: int(request["max_unpacked_bytes"]),
        resource.RLIMIT_CORE: 0,
    }
    for kind, cap in caps.items():
        _, hard = resource.getrlimit(kind)
        allowed = cap if hard == resource.RLIM_INFINITY else min(cap, hard)
        resource.setrlimit(kind, (allowed, allowed))

"""Tiles of the base map, drawn from the stored layers."""

from __future__ import annotations

import threading
from pathlib import Path

from flask import Blueprint, Response, abort, current_app

from web.maps.base import BaseMap, Scene
from web.pages.mapping import tiles_version
from web.reach import store
from web.security import needs

tiles = Blueprint("tiles", __name__)

MAX_ZOOM = 22
KEEP_S = 7 * 86400
"""How long a browser keeps a tile whose address carries the layers' version."""

_making = threading.Lock()


@tiles.get("/tiles/base/<int:z>/<int:x>/<int:y>.png")
@needs()
def base(z: int, x: int, y: int) -> Response:
    """The PNG of a tile."""
    if z > MAX_ZOOM or x >= 2**z or y >= 2**z:
        abort(404)
    response = Response(_base_map().tile(z, x, y), mimetype="image/png")
    response.headers["Cache-Control"] = f"private, max-age={KEEP_S}"
    return response


def _base_map() -> BaseMap:
    """The base map of the layers as they are now; made anew when one of them changed."""
    version = tiles_version()
    kept: tuple[str, BaseMap] | None = current_app.extensions.get("wangge.base_map")
    if kept is not None and kept[0] == version:
        return kept[1]
    with _making:
        kept = current_app.extensions.get("wangge.base_map")
        if kept is None or kept[0] != version:
            fonts = Path(current_app.static_folder or "static") / "vendor" / "fonts"
            scene = Scene(lambda layer: store().read(layer))
            kept = (version, BaseMap(scene, fonts=fonts))
            current_app.extensions["wangge.base_map"] = kept
    return kept[1]

"""What other systems and the maps call: GeoJSON, search, the summary, jobs."""

from __future__ import annotations

from flask import Blueprint, Flask

api = Blueprint("api", __name__, url_prefix="/api/v1")


def install(app: Flask) -> None:
    """Register the API and the tiles on the app."""
    from web.api import features, places, tiles  # noqa: PLC0415 - they import this module

    for module in (features, places):
        module.register(api)
    app.register_blueprint(api)
    app.register_blueprint(tiles.tiles)

"""What other systems and the maps call: GeoJSON, search, the summary, jobs, tiles."""

from __future__ import annotations

from flask import Blueprint, Flask

from web.api import coverage, features, hotspots, patrols, places, tiles


def install(app: Flask) -> None:
    """Register the API and the tiles on the app."""
    api = Blueprint("api", __name__, url_prefix="/api/v1")
    features.register(api)
    hotspots.register(api)
    coverage.register(api)
    patrols.register(api)
    places.register(api)
    app.register_blueprint(api)
    app.register_blueprint(tiles.tiles)

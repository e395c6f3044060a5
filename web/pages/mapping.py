"""What the four map pages share: the map in the shell, and the settings its script reads."""

from __future__ import annotations

from typing import Any

from flask import render_template, url_for

from geo.crs import to_wgs84
from geo.errors import NotFoundError
from geo.services import ground
from geo.services.clock import timezone_of
from web.language import current_language, translate
from web.maps.base import BASE_LAYERS
from web.maps.page import MapKind, build_map
from web.reach import store
from web.security import nonce, require_principal
from web.texts import load

MAP_TEXTS = (
    "map.", "search.", "field.", "unit.", "filter.", "status.", "reporter.", "verdict.",
    "coverage.street.", "coverage.unnamed",
)  # fmt: skip
"""First parts of the codes that every map's script may use, beside its own kind's."""

MAP_INCIDENTS = 5000
"""Most incidents drawn at once; the page says when there are more."""


def map_page(
    kind: MapKind,
    *,
    room: str,
    settings: dict[str, Any],
    template: str | None = None,
    **context: Any,
) -> str:
    """The HTML of a map page.

    Parameters
    ----------
    room : the room's code, for its title and its place in the navigation
    settings : what the kind's script reads
    template : of a page that is not its room's first one
    context : what the room's toolbar needs
    """
    language = current_language()
    texts = {
        code: words
        for code, words in load(language).items()
        if code.startswith((*MAP_TEXTS, f"{kind}."))
    }
    shared = {
        "language": language,
        "timezone": timezone_of(store()).key,
        "bounds": _bounds(),
        "tiles_version": tiles_version(),
    }
    page = build_map(
        kind,
        nonce=nonce(),
        texts=texts,
        settings={**shared, **settings},
        endpoints=_endpoints(),
    )
    return render_template(template or f"{room}.html", room=room, map=page, **context)


def tiles_version() -> str:
    """Changes whenever a layer that the base map draws changes."""
    return "-".join(str(store().revision(layer)) for layer in BASE_LAYERS)


def next_step(permission: str, endpoint: str, label: str, **values: str) -> dict[str, str] | None:
    """A link for an empty map, for those who may follow it."""
    if not require_principal().may(permission):
        return None
    return {"href": url_for(endpoint, **values), "label": translate(label)}


def _bounds() -> list[float] | None:
    try:
        areas = ground.within(store())
    except NotFoundError:
        for layer in ("streets", "incidents"):
            frame = store().read(layer, columns=["geometry"], limit=5000)
            if len(frame):
                return [float(edge) for edge in to_wgs84(frame).total_bounds]
        return None
    return [float(edge) for edge in to_wgs84(areas).total_bounds]


def _endpoints() -> dict[str, str]:
    return {
        "communities": url_for("api.layer", layer="communities"),
        "compounds": url_for("api.layer", layer="compounds"),
        "search": url_for("api.search"),
        "grids": url_for("api.grids"),
        "incidents": url_for("api.incidents", limit=MAP_INCIDENTS),
        "hotspots": url_for("api.hotspots_answer"),
        "hotspot_frames": url_for("api.hotspots_frames"),
        "hotspot_rows": url_for("api.hotspots_rows"),
        "coverage": url_for("api.coverage"),
        "coverage_figures": url_for("api.coverage_figures"),
        "patrol_effort": url_for("api.patrol_effort"),
        "patrol_place": url_for("api.patrol_place"),
        "patrol_replay": url_for("api.patrol_replay"),
        "patrol_mine": url_for("api.patrol_mine"),
    }

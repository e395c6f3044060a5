"""A Folium map as three pieces of a page of ours: header, body and script, with a CSP nonce."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import folium
from folium import plugins
from markupsafe import Markup

from web.maps import assets

MapKind = Literal["plan", "incidents", "hotspots", "campaigns", "coverage", "rounds"]

MAX_ZOOM = 20
BASE_TILES = "/tiles/base/{z}/{x}/{y}.png"

_NEEDS_NONCE = re.compile(r"<(script|style|link)(?=[\s>])")


@dataclass(frozen=True)
class MapPage:
    """Pieces that a template places in its head, in its body, and after its body."""

    header: Markup
    body: Markup
    script: Markup


def build_map(
    kind: MapKind,
    *,
    nonce: str,
    texts: Mapping[str, str],
    settings: Mapping[str, Any],
    endpoints: Mapping[str, str],
) -> MapPage:
    """The page's map. No user text passes through Folium: data are fetched by our script.

    Parameters
    ----------
    nonce : the response's Content-Security-Policy nonce
    texts : texts of the language by code, for the script
    settings : `bounds` (west, south, east, north in WGS84; None where the town is empty),
        `tiles_version` (changes when the base map does), and what the kind's script reads
    endpoints : addresses the script fetches, by name
    """
    drawn = folium.Map(
        location=_centre(settings.get("bounds")),
        zoom_start=15,
        tiles=None,
        max_zoom=MAX_ZOOM,
        prefer_canvas=True,
        zoom_control="topleft",
        zoom_snap=0.25,
        attribution_control=False,
    )
    folium.TileLayer(
        tiles=f"{BASE_TILES}?v={settings['tiles_version']}",
        attr="Wangge",
        name=texts["map.base"],
        control=False,
        max_zoom=MAX_ZOOM,
        min_zoom=8,
    ).add_to(drawn)
    plugins.Fullscreen(
        position="topleft",
        title=texts["map.fullscreen"],
        title_cancel=texts["map.fullscreen_exit"],
    ).add_to(drawn)
    root = drawn.get_root()
    root.render()
    config = {
        "kind": kind,
        "map": drawn.get_name(),
        "endpoints": dict(endpoints),
        "settings": dict(settings),
        "texts": dict(texts),
    }
    page = MapPage(
        header=_with_nonce(root.header.render(), nonce),
        body=_with_nonce(root.html.render(), nonce),
        script=Markup(
            f'<script nonce="{nonce}">{root.script.render()}</script>'
            f'<script type="application/json" id="map-config" nonce="{nonce}">'
            f"{_json_in_html(config)}</script>"
            f'<script type="module" nonce="{nonce}" src="/static/js/page.js"></script>'
        ),
    )
    assets.check_served(page.header + page.body + page.script)
    return page


def _centre(bounds: Any) -> tuple[float, float]:
    if not bounds:
        return (35.0, 105.0)
    west, south, east, north = bounds
    return ((south + north) / 2, (west + east) / 2)


def _with_nonce(html: str, nonce: str) -> Markup:
    return Markup(_NEEDS_NONCE.sub(rf'<\1 nonce="{nonce}"', html))


def _json_in_html(value: Any) -> str:
    """JSON that cannot end its script element or open a comment."""
    encoded = json.dumps(value, ensure_ascii=False, default=str)
    return encoded.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

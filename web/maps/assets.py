"""Every browser file that Folium asks for, served by us.

Folium's classes declare outside addresses in `default_js` and `default_css`. They are rewritten
here once, at import; a page never changes them. What a map page needs beyond Leaflet
(jQuery, Bootstrap, icon fonts) Folium loads for its own markers, which we don't draw, so it is
left out.
"""

from __future__ import annotations

import re

import folium
from folium import plugins

from geo.errors import GridError

VENDOR = "/static/vendor"

_SERVED = {
    folium.Map: (
        [("leaflet", f"{VENDOR}/leaflet/leaflet.js")],
        [("leaflet_css", f"{VENDOR}/leaflet/leaflet.css")],
    ),
    plugins.Fullscreen: (
        [("Control.Fullscreen.js", f"{VENDOR}/leaflet.fullscreen/Control.FullScreen.js")],
        [("Control.FullScreen.css", f"{VENDOR}/leaflet.fullscreen/Control.FullScreen.css")],
    ),
}

for _class, (_js, _css) in _SERVED.items():
    _class.default_js = _js
    _class.default_css = _css

_OUTSIDE = re.compile(r"""(?:src|href)\s*=\s*["'](?:https?:)?//""", re.IGNORECASE)


def check_served(html: str) -> None:
    """Raise when a page would load something from outside this machine."""
    found = _OUTSIDE.search(html)
    if found:
        around = html[found.start() : found.start() + 120]
        raise GridError(
            "maps.outside_address",
            f"a map page must load nothing from outside; found {around!r}. "
            "Add the class to web/maps/assets.py and its package to web/maps/assets.toml.",
            found=around,
        )

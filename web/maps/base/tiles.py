"""One tile of the base map as a PNG; drawn when first asked for, then kept."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
from PIL import Image

from web.maps.base import style
from web.maps.base.labels import Labels
from web.maps.base.pen import OVERSAMPLING, TILE_PX, Pen, Window
from web.maps.base.scene import Scene, Shapes

MEMORY_TILES = 600
"""Tiles kept in memory, of some 10 kB each."""

PALETTE_COLOURS = 128
"""Colours of a tile's PNG; smooth enough for flat drawing, a third of the bytes."""


class BaseMap:
    """The tiles of one scene."""

    def __init__(self, scene: Scene, *, fonts: Path) -> None:
        self._scene = scene
        self._labels = Labels(scene, fonts=fonts)
        self._building_colours = _colours(scene.buildings, "use", style.BUILDING)
        self._site_colours = _colours(scene.sites, "kind", style.SITE)
        self._kept: OrderedDict[tuple[int, int, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def tile(self, zoom: int, x: int, y: int) -> bytes:
        """The PNG of a tile in the usual numbering (x from the west, y from the north)."""
        key = (zoom, x, y)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        png = self._drawn(zoom, x, y)
        with self._lock:
            self._kept[key] = png
            while len(self._kept) > MEMORY_TILES:
                self._kept.popitem(last=False)
        return png

    def _drawn(self, zoom: int, x: int, y: int) -> bytes:
        scene = self._scene
        side = TILE_PX * OVERSAMPLING
        image = Image.new("RGB", (side, side), style.OUTSIDE)
        pen = Pen(image, Window(zoom, x, y, scene.metres_per_world))
        pen.fill(scene.town, style.TOWN)
        if zoom >= style.ZOOM_COMPOUNDS:
            pen.fill(scene.sites, self._site_colours)
            pen.fill(scene.compounds, style.COMPOUND, edge=style.COMPOUND_EDGE)
        pen.fill(scene.water, style.WATER)
        pen.lines(scene.water, style.WATER, width_m=8.0, least_px=1.5)
        if zoom >= style.ZOOM_WALLS:
            pen.lines(scene.walls, style.WALL, width_m=0.6, least_px=0.6)
        if zoom >= style.ZOOM_BUILDINGS:
            has_edges = zoom >= style.ZOOM_BUILDINGS + 2
            edge = style.BUILDING_EDGE if has_edges else None
            pen.fill(scene.buildings, self._building_colours, edge=edge)
        pen.rails(scene.rails)
        pen.roads(scene.streets)
        image = image.resize((TILE_PX, TILE_PX), Image.Resampling.BOX)
        self._labels.write(image, zoom, x, y)
        encoded = io.BytesIO()
        reduced = image.quantize(PALETTE_COLOURS, dither=Image.Dither.NONE)
        reduced.save(encoded, "PNG")
        return encoded.getvalue()


def _colours(shapes: Shapes, column: str, colours: dict[str, style.Colour]) -> np.ndarray:
    """The colour of each shape by a column's value, as an array of tuples."""
    found = np.empty(len(shapes.table), dtype=object)
    for position, value in enumerate(shapes.table[column]):
        found[position] = colours.get(value, colours["other"])
    return found

"""One tile of the base map as a PNG, drawn with Pillow at twice its size and reduced."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from PIL import Image, ImageDraw

from web.maps.base import style
from web.maps.base.labels import Labels
from web.maps.base.scene import Scene, Shapes

TILE_PX = 512
"""Pixels a side; shown at 256, so that phones and good screens stay sharp."""

OVERSAMPLING = 2
MARGIN = 0.06
"""Share of a tile drawn beyond its edge, so that line ends and joins don't show."""

MEMORY_TILES = 600


@dataclass(frozen=True)
class _Frame:
    """Where a tile lies in the world, and how to get from world to its drawing pixels."""

    zoom: int
    left: float
    top: float
    scale: float
    metres_per_px: float

    @property
    def box(self) -> shapely.Polygon:
        size = 1 / 2**self.zoom
        margin = size * MARGIN
        return shapely.box(
            self.left - margin, self.top - margin, self.left + size + margin, self.top + size + margin
        )

    def pixels(self, geometry: shapely.Geometry) -> list[tuple[float, float]]:
        points = (shapely.get_coordinates(geometry) - (self.left, self.top)) * self.scale
        return [(float(x), float(y)) for x, y in points]


class BaseMap:
    """Tiles of one scene; drawn when first asked for, kept in memory."""

    def __init__(self, scene: Scene, *, fonts: Path) -> None:
        self._scene = scene
        self._labels = Labels(scene, fonts=fonts)
        self._kept: OrderedDict[tuple[int, int, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def tile(self, zoom: int, x: int, y: int) -> bytes:
        """The PNG of a tile in the usual numbering (x from the west, y from the north)."""
        key = (zoom, x, y)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        png = self._draw(zoom, x, y)
        with self._lock:
            self._kept[key] = png
            while len(self._kept) > MEMORY_TILES:
                self._kept.popitem(last=False)
        return png

    def _draw(self, zoom: int, x: int, y: int) -> bytes:
        scale = TILE_PX * OVERSAMPLING * 2**zoom
        frame = _Frame(
            zoom, x / 2**zoom, y / 2**zoom, scale, self._scene.metres_per_world / scale
        )
        side = TILE_PX * OVERSAMPLING
        image = Image.new("RGB", (side, side), style.OUTSIDE)
        pen = ImageDraw.Draw(image)
        scene = self._scene
        _fill(image, frame, scene.town, lambda _row: style.TOWN)
        if zoom >= style.ZOOM_COMPOUNDS:
            _fill(
                image,
                frame,
                scene.compounds,
                lambda _row: style.COMPOUND,
                edge=style.COMPOUND_EDGE,
            )
        _fill(image, frame, scene.water, lambda _row: style.WATER)
        _lines(pen, frame, scene.water, style.WATER, width_m=8, least_px=1.5)
        if zoom >= style.ZOOM_WALLS:
            _lines(pen, frame, scene.walls, style.WALL, width_m=0.6, least_px=1.0)
        if zoom >= style.ZOOM_BUILDINGS:
            _fill(
                image,
                frame,
                scene.buildings,
                lambda row: style.BUILDING.get(str(row.use), style.BUILDING["other"]),
                edge=style.BUILDING_EDGE if zoom >= style.ZOOM_BUILDINGS + 2 else None,
            )
        _rails(pen, frame, scene.rails)
        _roads(pen, frame, scene.streets)
        image = image.resize((TILE_PX, TILE_PX), Image.Resampling.BOX)
        self._labels.write(image, zoom, x, y)
        encoded = io.BytesIO()
        image.quantize(128, dither=Image.Dither.NONE).save(encoded, "PNG")
        return encoded.getvalue()


def _fill(image, frame, shapes: Shapes, colour_of, *, edge=None) -> None:  # type: ignore[no-untyped-def]
    """Fill polygons, holes left open."""
    pen = ImageDraw.Draw(image)
    rows = shapes.table
    for position in shapes.touching(frame.box):
        clipped = shapely.clip_by_rect(shapes.geometry[position], *frame.box.bounds)
        colour = colour_of(rows.iloc[position]) if len(rows.columns) else colour_of(None)
        for part in shapely.get_parts(clipped):
            if part.geom_type != "Polygon":
                continue
            ring = frame.pixels(part.exterior)
            if part.interiors:
                mask = Image.new("1", image.size)
                mask_pen = ImageDraw.Draw(mask)
                mask_pen.polygon(ring, fill=1)
                for hole in part.interiors:
                    mask_pen.polygon(frame.pixels(hole), fill=0)
                image.paste(colour, (0, 0), mask)
            else:
                pen.polygon(ring, fill=colour)
            if edge is not None:
                pen.line(ring, fill=edge, width=OVERSAMPLING)


def _lines(pen, frame, shapes: Shapes, colour, *, width_m, least_px) -> None:  # type: ignore[no-untyped-def]
    width = max(least_px * OVERSAMPLING * 2, width_m / frame.metres_per_px)
    for position in shapes.touching(frame.box):
        for part in shapely.get_parts(shapes.geometry[position]):
            if part.geom_type == "LineString":
                _stroke(pen, frame.pixels(part), colour, width)


def _roads(pen, frame, streets: Shapes) -> None:  # type: ignore[no-untyped-def]
    """Casings of all first, then fills from small streets to main roads."""
    seen = streets.touching(frame.box)
    classes = streets.table["class"].fillna("other").to_numpy()[seen]
    drawn = []
    for name in style.DRAW_ORDER:
        road = style.ROADS[name]
        if frame.zoom < road.from_zoom:
            continue
        width = max(road.least_px * OVERSAMPLING * 2, road.width_m / frame.metres_per_px)
        for position in seen[classes == name]:
            for part in shapely.get_parts(streets.geometry[position]):
                drawn.append((road, frame.pixels(part), width))
    for road, points, width in drawn:
        if not road.is_dashed and width > 3 * OVERSAMPLING:
            _stroke(pen, points, road.casing, width + 2 * OVERSAMPLING)
    for road, points, width in drawn:
        if road.is_dashed:
            _dashes(pen, points, road.fill, width, on_px=7 * OVERSAMPLING, off_px=4 * OVERSAMPLING)
        else:
            _stroke(pen, points, road.fill, width)


def _rails(pen, frame, rails: Shapes) -> None:  # type: ignore[no-untyped-def]
    """A grey line with white sleepers, the usual sign for a railway."""
    width = max(2.2 * OVERSAMPLING, 4 / frame.metres_per_px)
    for position in rails.touching(frame.box):
        for part in shapely.get_parts(rails.geometry[position]):
            points = frame.pixels(part.exterior if part.geom_type == "Polygon" else part)
            _stroke(pen, points, style.RAIL, width + OVERSAMPLING)
            _dashes(
                pen, points, style.HALO, width - OVERSAMPLING, on_px=8 * OVERSAMPLING,
                off_px=8 * OVERSAMPLING,
            )


def _stroke(pen, points, colour, width: float) -> None:  # type: ignore[no-untyped-def]
    whole = max(1, round(width))
    pen.line(points, fill=colour, width=whole, joint="curve")
    if whole > 2 * OVERSAMPLING:
        radius = whole / 2
        for x, y in (points[0], points[-1]):
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _dashes(pen, points, colour, width, *, on_px, off_px) -> None:  # type: ignore[no-untyped-def]
    line = shapely.LineString(points)
    starts = np.arange(0, line.length, on_px + off_px)
    for start in starts:
        dash = shapely.ops.substring(line, start, min(start + on_px, line.length))
        if dash.geom_type == "LineString":
            pen.line(list(dash.coords), fill=colour, width=max(1, round(width)))

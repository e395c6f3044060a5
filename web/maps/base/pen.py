"""Strokes of the base map on a tile: filled ground, lines, roads with casings, rails, dashes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from PIL import Image, ImageDraw
from shapely.ops import substring

from web.maps.base import style
from web.maps.base.scene import Shapes
from web.maps.base.style import Colour

TILE_PX = 512
"""Pixels a side; shown at 256, so that phones and good screens stay sharp."""

OVERSAMPLING = 2
"""Tiles are drawn this many times larger and reduced, which smooths edges."""

MARGIN = 0.06
"""Share of a tile drawn beyond its edge, so that line ends and joins don't show."""

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Window:
    """Where a tile lies in the world, and the way from world to its drawing pixels."""

    zoom: int
    column: int
    row: int
    metres_per_world: float

    @property
    def scale(self) -> float:
        """Drawing pixels of one world unit."""
        return TILE_PX * OVERSAMPLING * 2.0**self.zoom

    @property
    def metres_per_px(self) -> float:
        return self.metres_per_world / self.scale

    @property
    def box(self) -> shapely.Polygon:
        """The tile with its margin, in world coordinates."""
        size = 0.5**self.zoom
        left, top, margin = self.column * size, self.row * size, MARGIN * size
        return shapely.box(left - margin, top - margin, left + size + margin, top + size + margin)

    def pixels(self, geometry: shapely.Geometry) -> Points:
        corner = np.array([self.column, self.row]) * 0.5**self.zoom
        return [tuple(xy) for xy in ((shapely.get_coordinates(geometry) - corner) * self.scale)]

    def width_px(self, width_m: float, least_px: float) -> float:
        """Drawing width of a line: its width on the ground, but at least so much on the screen."""
        return max(2 * OVERSAMPLING * least_px, width_m / self.metres_per_px)


class Pen:
    """Draws shapes of the scene on one tile."""

    def __init__(self, image: Image.Image, window: Window) -> None:
        self._image = image
        self._draw = ImageDraw.Draw(image)
        self._window = window

    def fill(
        self, shapes: Shapes, colours: Colour | np.ndarray, *, edge: Colour | None = None
    ) -> None:
        """Fill polygons, their holes left open; `colours` is one, or an array of one a shape."""
        box = self._window.box
        for position in shapes.touching(box):
            colour = colours[position] if isinstance(colours, np.ndarray) else colours
            clipped = shapely.clip_by_rect(shapes.geometry[position], *box.bounds)
            for part in shapely.get_parts(clipped):
                if part.geom_type == "Polygon" and not part.is_empty:
                    self._fill_polygon(part, colour, edge)

    def _fill_polygon(self, part: shapely.Polygon, colour: Colour, edge: Colour | None) -> None:
        ring = self._window.pixels(part.exterior)
        if part.interiors:
            mask = Image.new("1", self._image.size)
            mask_draw = ImageDraw.Draw(mask)
            mask_draw.polygon(ring, fill=1)
            for hole in part.interiors:
                mask_draw.polygon(self._window.pixels(hole), fill=0)
            self._image.paste(colour, (0, 0), mask)
        else:
            self._draw.polygon(ring, fill=colour)
        if edge is not None:
            self._draw.line(ring, fill=edge, width=OVERSAMPLING)

    def lines(self, shapes: Shapes, colour: Colour, *, width_m: float, least_px: float) -> None:
        """Draw the lines among the shapes."""
        width = self._window.width_px(width_m, least_px)
        for points in self._strokes_of(shapes, shapes.touching(self._window.box)):
            self._stroke(points, colour, width)

    def roads(self, streets: Shapes) -> None:
        """Draw streets: all casings first, then fills from small streets to main roads."""
        seen = streets.touching(self._window.box)
        classes = streets.table["class"].fillna("other").to_numpy(dtype=object)[seen]
        drawn = []
        for name in style.DRAW_ORDER:
            road = style.ROADS[name]
            if self._window.zoom >= road.from_zoom:
                width = self._window.width_px(road.width_m, road.least_px)
                for points in self._strokes_of(streets, seen[classes == name]):
                    drawn.append((road, points, width))
        for road, points, width in drawn:
            if not road.is_dashed and width > 3 * OVERSAMPLING:
                self._stroke(points, road.casing, width + 2 * OVERSAMPLING)
        for road, points, width in drawn:
            if road.is_dashed:
                self._dashes(points, road.fill, width, on_px=7, off_px=4)
            else:
                self._stroke(points, road.fill, width)

    def rails(self, rails: Shapes) -> None:
        """Draw railways as a grey line with white sleepers, their usual sign."""
        width = self._window.width_px(4.0, 1.4)
        for points in self._strokes_of(rails, rails.touching(self._window.box)):
            self._stroke(points, style.RAIL, width)
            self._dashes(points, style.HALO, width - 2 * OVERSAMPLING, on_px=8, off_px=8)

    def _strokes_of(self, shapes: Shapes, positions: np.ndarray) -> list[Points]:
        clipped = shapely.clip_by_rect(shapes.geometry[positions], *self._window.box.bounds)
        return [
            self._window.pixels(part)
            for part in shapely.get_parts(clipped)
            if part.geom_type == "LineString"
        ]

    def _stroke(self, points: Points, colour: Colour, width: float) -> None:
        whole = max(1, round(width))
        self._draw.line(points, fill=colour, width=whole, joint="curve")
        if whole > 2 * OVERSAMPLING:
            radius = whole / 2
            for x, y in (points[0], points[-1]):
                box = (x - radius, y - radius, x + radius, y + radius)
                self._draw.ellipse(box, fill=colour)

    def _dashes(
        self, points: Points, colour: Colour, width: float, *, on_px: float, off_px: float
    ) -> None:
        line = shapely.LineString(points)
        on, step = on_px * OVERSAMPLING, (on_px + off_px) * OVERSAMPLING
        for start in np.arange(0.0, line.length, step):
            dash = substring(line, start, min(start + on, line.length))
            if dash.geom_type == "LineString":
                self._draw.line(list(dash.coords), fill=colour, width=max(1, round(width)))

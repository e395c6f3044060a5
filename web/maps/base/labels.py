"""Names on the base map: placed once per block of tiles, so that no tile's edge cuts one."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from PIL import Image, ImageDraw, ImageFont

from web.maps.base import style
from web.maps.base.pen import TILE_PX
from web.maps.base.scene import Scene

BLOCK_TILES = 16
"""Tiles a side of a block; a name that would cross a block's edge is left out."""

REPEAT_PX = 1000
"""Distance between repeats of a street's name along it, pixels."""

GAP_PX = 6
"""Free space kept around a name, pixels."""

STANDING_DEGREES = 50
"""A street steeper than this has its Chinese name written downwards."""

HALO_PX = 3
"""Light rim around the letters, pixels of a tile."""

PAD_PX = 8

BLOCKS_KEPT = 64


@dataclass(frozen=True)
class Label:
    """A name at a point (pixels of its zoom's world), turned by `angle` degrees.

    A standing label has its characters one below the other, as Chinese maps write the names of
    streets that run north and south.
    """

    text: str
    x: float
    y: float
    angle: float
    size_px: int
    colour: style.Colour
    is_bold: bool = False
    is_standing: bool = False

    @property
    def lines(self) -> str:
        """The text as it is drawn."""
        return "\n".join(self.text) if self.is_standing else self.text


class Labels:
    """Places and writes the names of a scene."""

    def __init__(self, scene: Scene, *, fonts: Path) -> None:
        self._scene = scene
        self._fonts = fonts
        self._street_lines = _merged_by_name(scene)
        self._lock = threading.Lock()
        self._placed = lru_cache(maxsize=BLOCKS_KEPT)(self._place)
        self._font = lru_cache(maxsize=32)(self._open_font)

    def write(self, image: Image.Image, zoom: int, x: int, y: int) -> None:
        """Draw on a tile the part of each placed name that falls on it."""
        with self._lock:
            placed = self._placed(zoom, x // BLOCK_TILES, y // BLOCK_TILES)
        left, top = x * TILE_PX, y * TILE_PX
        for label, box in placed:
            if (
                box[0] < left + TILE_PX
                and box[2] > left
                and box[1] < top + TILE_PX
                and box[3] > top
            ):
                self._draw(image, label, label.x - left, label.y - top)

    def _open_font(self, size_px: int, is_bold: bool) -> ImageFont.FreeTypeFont:
        name = "NotoSansSC_700Bold.ttf" if is_bold else "NotoSansSC_400Regular.ttf"
        return ImageFont.truetype(str(self._fonts / name), size_px)

    def _draw(self, image: Image.Image, label: Label, x: float, y: float) -> None:
        font = self._font(label.size_px, label.is_bold)
        width, height = _extent(font, label.lines)
        size = (int(width) + 2 * PAD_PX, int(height) + 2 * PAD_PX)
        stamp = Image.new("RGBA", size, (*style.HALO, 0))
        ImageDraw.Draw(stamp).multiline_text(
            (size[0] / 2, size[1] / 2),
            label.lines,
            font=font,
            fill=label.colour,
            anchor="mm",
            spacing=0,
            stroke_width=HALO_PX,
            stroke_fill=(*style.HALO, 235),
        )
        if label.angle:
            stamp = stamp.rotate(label.angle, expand=True, resample=Image.Resampling.BICUBIC)
        corner = (round(x - stamp.width / 2), round(y - stamp.height / 2))
        image.paste(stamp, corner, stamp)

    def _place(self, zoom: int, column: int, row: int) -> list[tuple[Label, np.ndarray]]:
        """Names of a block that overlap no other, the more important first."""
        side = BLOCK_TILES * TILE_PX
        block = np.array([column * side, row * side, (column + 1) * side, (row + 1) * side])
        world = shapely.box(*(block / (TILE_PX * 2.0**zoom)))
        taken = np.empty((0, 4))
        placed = []
        for label in self._candidates(zoom, world):
            box = self._box(label)
            is_inside = (box[:2] >= block[:2]).all() and (box[2:] <= block[2:]).all()
            overlaps = (
                (taken[:, 0] < box[2] + GAP_PX)
                & (taken[:, 2] > box[0] - GAP_PX)
                & (taken[:, 1] < box[3] + GAP_PX)
                & (taken[:, 3] > box[1] - GAP_PX)
            )
            if is_inside and not overlaps.any():
                taken = np.vstack([taken, box])
                placed.append((label, box))
        return placed

    def _box(self, label: Label) -> np.ndarray:
        width, height = _extent(self._font(label.size_px, label.is_bold), label.lines)
        turn = np.radians(label.angle)
        half_x = (abs(width * np.cos(turn)) + abs(height * np.sin(turn))) / 2
        half_y = (abs(width * np.sin(turn)) + abs(height * np.cos(turn))) / 2
        return np.array([label.x - half_x, label.y - half_y, label.x + half_x, label.y + half_y])

    def _candidates(self, zoom: int, world: shapely.Polygon) -> Iterator[Label]:
        scale = TILE_PX * 2.0**zoom
        yield from self._water_names(zoom, world, scale)
        yield from self._street_names(zoom, world, scale, main=True)
        if zoom >= 15:
            yield from self._place_names(zoom, world, scale)
        yield from self._street_names(zoom, world, scale, main=False)
        if zoom >= style.ZOOM_NUMBERS:
            yield from self._building_names(world, scale)

    def _street_names(
        self, zoom: int, world: shapely.Polygon, scale: float, *, main: bool
    ) -> Iterator[Label]:
        lines = self._street_lines
        size = 26 if main else 22
        font = self._font(size, False)
        for position in np.sort(lines.index.query(world)):
            entry = lines.table.iloc[position]
            road = style.ROADS.get(entry["class"], style.ROADS["other"])
            is_main = road.from_zoom <= 12
            if is_main != main or zoom < road.from_zoom + (3 if is_main else 2):
                continue
            line = shapely.transform(lines.geometry[position], lambda points: points * scale)
            width, _ = _extent(font, entry["name"])
            if line.length < 1.2 * width:
                continue
            repeats = max(1, int(line.length // REPEAT_PX))
            for part in range(repeats):
                yield _along(line, (part + 0.5) / repeats, width, str(entry["name"]), size)

    def _place_names(self, zoom: int, world: shapely.Polygon, scale: float) -> Iterator[Label]:
        places = self._scene.places
        size = 24 if zoom >= 17 else 22
        for position in places.touching(world):
            point = shapely.centroid(places.geometry[position])
            name = str(places.table["name"].iloc[position])
            yield Label(name, point.x * scale, point.y * scale, 0.0, size, style.TEXT_PLACE, True)

    def _building_names(self, world: shapely.Polygon, scale: float) -> Iterator[Label]:
        buildings = self._scene.buildings
        for position in buildings.touching(world):
            entry = buildings.table.iloc[position]
            name = entry["number"] if pd.notna(entry["number"]) else entry["name"]
            if pd.notna(name):
                point = shapely.point_on_surface(buildings.geometry[position])
                yield Label(str(name), point.x * scale, point.y * scale, 0.0, 20, style.TEXT_NUMBER)

    def _water_names(self, zoom: int, world: shapely.Polygon, scale: float) -> Iterator[Label]:
        if zoom < 13:
            return
        water = self._scene.water
        for position in water.touching(world):
            name = water.table["name"].iloc[position]
            if pd.isna(name):
                continue
            point = shapely.point_on_surface(water.geometry[position])
            yield Label(str(name), point.x * scale, point.y * scale, 0.0, 26, style.WATER_TEXT)


def _extent(font: ImageFont.FreeTypeFont, lines: str) -> tuple[float, float]:
    measure = ImageDraw.Draw(Image.new("L", (1, 1)))
    left, top, right, bottom = measure.multiline_textbbox(
        (0, 0), lines, font=font, anchor="mm", spacing=0, stroke_width=HALO_PX
    )
    return right - left, bottom - top


def _along(line: shapely.LineString, share: float, width: float, text: str, size: int) -> Label:
    """A label at a share of the line, turned with it and never upside down."""
    middle = share * line.length
    start = shapely.line_interpolate_point(line, max(0.0, middle - width / 2))
    end = shapely.line_interpolate_point(line, min(line.length, middle + width / 2))
    angle = float(-np.degrees(np.arctan2(end.y - start.y, end.x - start.x)))
    angle = (angle + 90.0) % 180.0 - 90.0
    point = shapely.line_interpolate_point(line, middle)
    is_standing = abs(angle) > STANDING_DEGREES and not text.isascii()
    if is_standing:
        angle -= math.copysign(90.0, angle)
    return Label(text, point.x, point.y, angle, size, style.TEXT, is_standing=is_standing)


@dataclass(frozen=True)
class _Lines:
    table: pd.DataFrame
    geometry: np.ndarray
    index: shapely.STRtree


def _merged_by_name(scene: Scene) -> _Lines:
    """Streets of one name joined end to end, main streets first and then the longer ones."""
    streets = scene.streets
    named = streets.table[streets.table["name"].notna()]
    names, classes, geometry = [], [], []
    for (name, kind), rows in named.groupby(["name", "class"], sort=True):
        joined = shapely.line_merge(shapely.union_all(streets.geometry[rows.index.to_numpy()]))
        for part in shapely.get_parts(joined):
            names.append(name)
            classes.append(kind)
            geometry.append(part)
    table = pd.DataFrame({"name": names, "class": classes})
    lines = np.array(geometry, dtype=object)
    rank = table["class"].map({name: i for i, name in enumerate(style.ROADS)}).to_numpy()
    order = np.lexsort((-shapely.length(lines), rank)) if len(lines) else np.array([], dtype=int)
    return _Lines(
        table.iloc[order].reset_index(drop=True), lines[order], shapely.STRtree(lines[order])
    )

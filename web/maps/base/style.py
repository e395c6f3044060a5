"""Colours, widths and zooms of the base map: quiet paper, so that what lies on it speaks."""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[int, int, int]

OUTSIDE: Colour = (240, 238, 233)
TOWN: Colour = (250, 249, 245)
COMPOUND: Colour = (244, 240, 230)
COMPOUND_EDGE: Colour = (222, 213, 195)
WATER: Colour = (183, 212, 227)
WATER_TEXT: Colour = (62, 110, 142)
RAIL: Colour = (138, 138, 144)
WALL: Colour = (205, 192, 168)
TEXT: Colour = (84, 80, 74)
TEXT_PLACE: Colour = (110, 94, 70)
TEXT_NUMBER: Colour = (140, 132, 122)
HALO: Colour = (253, 252, 249)

BUILDING: dict[str, Colour] = {
    "residential": (224, 215, 202),
    "mixed": (226, 209, 196),
    "commercial": (226, 206, 204),
    "public": (210, 214, 226),
    "industrial": (213, 212, 208),
    "other": (219, 216, 210),
}
SITE: dict[str, Colour] = {
    "park": (214, 230, 200),
    "green": (220, 233, 208),
    "sports": (216, 230, 210),
    "square": (240, 236, 226),
    "school": (240, 232, 214),
    "hospital": (245, 228, 226),
    "market": (243, 231, 220),
    "office": (234, 234, 240),
    "industry": (234, 232, 228),
    "other": (242, 239, 232),
}
BUILDING_EDGE: Colour = (196, 186, 171)


@dataclass(frozen=True)
class Road:
    """How a street class is drawn: ground width, least width on screen, first zoom, colours."""

    width_m: float
    least_px: float
    from_zoom: int
    fill: Colour
    casing: Colour
    is_dashed: bool = False


_MAIN: Colour = (214, 196, 152)
_EDGE: Colour = (216, 211, 202)
_WHITE: Colour = (255, 255, 255)

ROADS: dict[str, Road] = {
    "motorway": Road(28, 2.5, 8, (244, 205, 140), (208, 163, 92)),
    "trunk": Road(26, 2.3, 9, (248, 216, 158), (214, 176, 108)),
    "primary": Road(24, 2.2, 10, (251, 228, 178), _MAIN),
    "secondary": Road(18, 1.8, 11, (253, 240, 208), _MAIN),
    "tertiary": Road(13, 1.4, 12, _WHITE, (208, 202, 190)),
    "residential": Road(8, 1.0, 13, _WHITE, _EDGE),
    "living_street": Road(7, 0.9, 14, _WHITE, _EDGE),
    "pedestrian": Road(7, 0.9, 14, (246, 243, 238), _EDGE),
    "service": Road(5, 0.8, 15, _WHITE, _EDGE),
    "other": Road(5, 0.8, 14, _WHITE, _EDGE),
    "track": Road(3, 0.7, 15, (226, 214, 192), (226, 214, 192), is_dashed=True),
    "footway": Road(1.8, 0.7, 16, (206, 190, 166), (206, 190, 166), is_dashed=True),
    "path": Road(1.8, 0.7, 16, (206, 190, 166), (206, 190, 166), is_dashed=True),
    "steps": Road(1.8, 0.8, 16, (198, 160, 140), (198, 160, 140), is_dashed=True),
}
DRAW_ORDER = tuple(reversed(ROADS))
"""Small streets first, so that main roads lie on top."""

ZOOM_BUILDINGS = 14
ZOOM_COMPOUNDS = 13
ZOOM_WALLS = 16
ZOOM_NUMBERS = 18
"""First zoom levels at which these are drawn."""

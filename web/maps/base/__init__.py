"""Our own base map: raster tiles drawn from the town's streets, buildings, water and names."""

from web.maps.base.pen import TILE_PX
from web.maps.base.scene import BASE_LAYERS, Scene
from web.maps.base.tiles import BaseMap

__all__ = ["BASE_LAYERS", "TILE_PX", "BaseMap", "Scene"]

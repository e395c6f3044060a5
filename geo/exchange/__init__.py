"""Layers for other systems: GeoJSON over HTTP, and files in the formats that people ask for."""

from geo.exchange.files import FORMATS, write_layer
from geo.exchange.geojson import to_geojson

__all__ = ["FORMATS", "to_geojson", "write_layer"]

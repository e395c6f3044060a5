"""The store: the layers of one town in SQLite or PostGIS, behind one narrow door."""

from geo.store.store import Store

__all__ = ["Store"]

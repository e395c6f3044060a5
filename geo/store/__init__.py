"""The store: the layers of one town in SQLite or PostGIS, behind one narrow door."""

from geo.store.backups import backup, restore
from geo.store.checks import Finding, check
from geo.store.store import Store

__all__ = ["Finding", "Store", "backup", "check", "restore"]

"""Data sets by name: load("demo"), with source, licence, CRS and checksum."""

from boundaries.catalogue import CATALOGUE, DataSet, checksum, describe, load

__all__ = ["CATALOGUE", "DataSet", "checksum", "describe", "load"]

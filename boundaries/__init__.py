"""Data sets by name: load("demo"), with source, licence, CRS and checksum."""

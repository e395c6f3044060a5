"""The layers: their columns, types, units and keys, and the check of a frame against them."""

from geo.schema.check import Checked, check_frame, empty_frame, reject_rows
from geo.schema.columns import LINEAR, POLYGONAL, PUNCTUAL, Column, ColumnType, Layer
from geo.schema.layers import LAYERS

__all__ = [
    "LAYERS",
    "LINEAR",
    "POLYGONAL",
    "PUNCTUAL",
    "Checked",
    "Column",
    "ColumnType",
    "Layer",
    "check_frame",
    "empty_frame",
    "reject_rows",
]

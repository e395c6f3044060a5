"""Files in: any vector file, table or workbook -> a layer's typed frame, and every reject."""

from geo.intake.limits import Limits
from geo.intake.names import layer_named
from geo.intake.read import Geocode, Intake, read_layer, write_rejects
from geo.intake.untyped import read_frame

__all__ = [
    "Geocode",
    "Intake",
    "Limits",
    "layer_named",
    "read_frame",
    "read_layer",
    "write_rejects",
]

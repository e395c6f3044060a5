"""Hotspots: questions asked live of the town's cube, and answers kept for other systems."""

from geo.services.hotspots.answers import METHODS, analyse, runs, save, stored, to_rows
from geo.services.hotspots.asking import EXPOSURES, Analysis, Question

__all__ = [
    "EXPOSURES",
    "METHODS",
    "Analysis",
    "Question",
    "analyse",
    "runs",
    "save",
    "stored",
    "to_rows",
]

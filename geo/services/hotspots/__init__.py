"""Hotspots: questions asked live of the town's cube, and answers kept for other systems."""

from geo.services.hotspots.answers import (
    METHODS,
    METHODS_WITHOUT_STORE,
    analyse,
    answer,
    runs,
    save,
    stored,
    to_rows,
)
from geo.services.hotspots.asking import EXPOSURES, Analysis, Asked, Question

__all__ = [
    "EXPOSURES",
    "METHODS",
    "METHODS_WITHOUT_STORE",
    "Analysis",
    "Asked",
    "Question",
    "analyse",
    "answer",
    "runs",
    "save",
    "stored",
    "to_rows",
]

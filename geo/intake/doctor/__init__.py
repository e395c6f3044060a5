"""What is wrong with a layer: its datum, CRS, geometry, text and duplicates; and the mending."""

from geo.intake.doctor.datum import DatumFit, fit_datum
from geo.intake.doctor.findings import Finding
from geo.intake.doctor.visit import diagnose, fix

__all__ = ["DatumFit", "Finding", "diagnose", "fit_datum", "fix"]

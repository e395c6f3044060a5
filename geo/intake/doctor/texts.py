"""Text that was read in the wrong encoding."""

from __future__ import annotations

from typing import TypeVar

import geopandas as gpd
import pandas as pd

from geo.intake.doctor.findings import Finding, rows_finding
from geo.intake.hygiene import mend_mojibake

Table = TypeVar("Table", gpd.GeoDataFrame, pd.DataFrame)


def text_findings(frame: pd.DataFrame) -> list[Finding]:
    """Columns with text that can be put right, and with text that is lost."""
    findings: list[Finding] = []
    for name in _text_columns(frame):
        _, mended, lost = mend_mojibake(frame[name])
        findings += rows_finding(frame, mended, "doctor.mojibake", "error", column=name)
        findings += rows_finding(frame, lost, "doctor.text_lost", "error", column=name)
    return findings


def with_text_put_right(frame: Table) -> Table:
    """The frame with wrong decodings undone where they can be."""
    right = frame.copy(deep=False)
    for name in _text_columns(frame):
        right[name] = mend_mojibake(frame[name])[0]
    return right


def _text_columns(frame: pd.DataFrame) -> list[str]:
    return [str(name) for name, dtype in frame.dtypes.items() if isinstance(dtype, pd.StringDtype)]

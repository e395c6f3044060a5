"""Diagnose a layer, and mend what can be mended without guessing."""

from __future__ import annotations

import geopandas as gpd

from geo.crs import convert_datum
from geo.crs.datum import Datum
from geo.intake.doctor.datum import DatumFit, fit_datum
from geo.intake.doctor.findings import Finding
from geo.intake.doctor.places import (
    crs_findings,
    meant_crs,
    place_findings,
    with_axes_put_right,
)
from geo.intake.doctor.shapes import (
    duplicate_findings,
    is_repeated_row,
    shape_findings,
    with_valid_polygons,
)
from geo.intake.doctor.texts import text_findings, with_text_put_right


def diagnose(frame: gpd.GeoDataFrame, *, against: gpd.GeoDataFrame | None = None) -> list[Finding]:
    """Everything found wrong with the frame, the gravest kinds first; empty for a sound one.

    Parameters
    ----------
    frame : the layer, as its file says it is
    against : a layer of the same ground that is trusted; without it the datum is not judged
    """
    findings = [*crs_findings(frame), *place_findings(frame, against)]
    if against is not None:
        findings += _datum_findings(_datum_of(frame, against), n_rows=len(frame))
    findings += shape_findings(frame)
    findings += duplicate_findings(frame)
    findings += text_findings(frame)
    return findings


def fix(
    frame: gpd.GeoDataFrame,
    *,
    against: gpd.GeoDataFrame | None = None,
    datum: Datum | None = None,
) -> gpd.GeoDataFrame:
    """The frame mended: CRS, axes, datum, invalid polygons, text, and rows that came before.

    What cannot be put right for certain stays as it is; `diagnose` then still finds it. Index
    and order of the rows stay; rows equal to an earlier one in everything are left out. The CRS
    stays, except that numbers without a true one get the one they can only be in.

    Parameters
    ----------
    against : a trusted layer of the same ground, to find the datum by
    datum : the datum of the frame's numbers where it is known

    Raises
    ------
    ParameterError : another datum is named
    """
    meant = meant_crs(frame)
    if meant is not None and frame.crs != meant:
        frame = frame.set_crs(meant, allow_override=True)
    frame = with_axes_put_right(frame, against)
    found = datum
    if found is None and against is not None:
        found = fit_datum(frame, against).best  # type: ignore[assignment]
    if found is not None and frame.crs is not None:
        frame = convert_datum(frame, datum=found).to_crs(frame.crs)
    frame = with_text_put_right(with_valid_polygons(frame))
    return frame[~is_repeated_row(frame)]


def _datum_of(frame: gpd.GeoDataFrame, against: gpd.GeoDataFrame) -> DatumFit:
    meant = meant_crs(frame)
    if meant is None:
        return DatumFit(None, {}, "distance_m", 0)
    located = frame.set_crs(meant, allow_override=True)
    return fit_datum(with_axes_put_right(located, against), against)


def _datum_findings(fit: DatumFit, *, n_rows: int) -> list[Finding]:
    params = {"scores": fit.scores, "measure": fit.measure, "n_used": fit.n_used}
    if fit.best is None:
        return [Finding("doctor.datum_undecided", "info", 0, (), params)]
    if fit.best == "wgs84":
        return []
    return [Finding("doctor.datum", "error", n_rows, (), {"datum": fit.best, **params})]

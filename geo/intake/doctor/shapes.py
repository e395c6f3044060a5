"""Geometries that are absent, invalid, repeated or lie over one another."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.intake.doctor.findings import Finding, Mask, key_column, rows_finding

OVERLAP_SHARE = 0.01
"""Two polygons overlap when they share more than this of the smaller: less is drawing noise."""

POLYGONS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


def shape_findings(frame: gpd.GeoDataFrame) -> list[Finding]:
    """Absent, invalid and overlapping geometries."""
    shapes = np.asarray(frame.geometry.array, dtype=object)
    absent = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    invalid = ~absent & ~shapely.is_valid(shapes)
    reasons = pd.Series(shapely.is_valid_reason(shapes[invalid]), dtype="str")
    kinds = reasons.str.split("[", regex=False).str[0].str.strip().value_counts()
    return [
        *rows_finding(frame, absent, "doctor.no_geometry", "error"),
        *rows_finding(
            frame,
            invalid,
            "doctor.invalid_geometry",
            "error",
            reasons={str(kind): int(count) for kind, count in kinds.items()},
        ),
        *_overlap_findings(frame, shapes),
    ]


def _overlap_findings(frame: gpd.GeoDataFrame, shapes: NDArray[np.object_]) -> list[Finding]:
    rows = np.flatnonzero(np.isin(shapely.get_type_id(shapes), POLYGONS) & shapely.is_valid(shapes))
    polygons = shapes[rows]
    left, right = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    once = left < right
    left, right = left[once], right[once]
    shared = shapely.area(shapely.intersection(polygons[left], polygons[right]))
    smaller = np.minimum(shapely.area(polygons[left]), shapely.area(polygons[right]))
    same = shapely.equals(polygons[left], polygons[right])
    over = (shared > OVERLAP_SHARE * smaller) & ~same
    is_over = np.zeros(len(frame), dtype=bool)
    is_over[rows[left[over]]] = True
    is_over[rows[right[over]]] = True
    return rows_finding(frame, is_over, "doctor.overlaps", "warning", pairs=int(over.sum()))


def is_repeated_row(frame: gpd.GeoDataFrame) -> Mask:
    """Rows equal to an earlier one in geometry and in every column."""
    table = pd.DataFrame(frame.drop(columns=frame.geometry.name)).astype("str")
    table["geometry"] = _fingerprints(frame)
    return np.asarray(table.duplicated().to_numpy(), dtype=bool)


def duplicate_findings(frame: gpd.GeoDataFrame) -> list[Finding]:
    """Rows, keys and geometries that came before; points may well share a place."""
    rows = is_repeated_row(frame)
    prints = pd.Series(_fingerprints(frame))
    shapes = (prints.duplicated() & prints.notna()).to_numpy() & ~rows
    only_points = bool((frame.geom_type.dropna() == "Point").all())
    findings = [
        *rows_finding(frame, rows, "doctor.repeated_row", "warning"),
        *rows_finding(
            frame, shapes, "doctor.repeated_geometry", "info" if only_points else "warning"
        ),
    ]
    name = key_column(frame)
    if name is not None:
        keys = (frame[name].duplicated() & frame[name].notna()).to_numpy(dtype=bool) & ~rows
        findings += rows_finding(frame, keys, "doctor.repeated_key", "error", column=name)
    return findings


def with_valid_polygons(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The frame with invalid polygons made valid where they stay polygons."""
    shapes = np.asarray(frame.geometry.array, dtype=object).copy()
    broken = np.flatnonzero(
        np.isin(shapely.get_type_id(shapes), POLYGONS) & ~shapely.is_valid(shapes)
    )
    if not broken.size:
        return frame
    mended = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
    stays = np.isin(shapely.get_type_id(mended), POLYGONS) & ~shapely.is_empty(mended)
    shapes[broken[stays]] = mended[stays]
    return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))


def _fingerprints(frame: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """The same bytes for the same shape, wherever its rings begin; None for none."""
    shapes = np.asarray(frame.geometry.array, dtype=object)
    return np.asarray(shapely.to_wkb(shapely.normalize(shapes)), dtype=object)

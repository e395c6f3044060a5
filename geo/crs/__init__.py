"""Coordinate reference systems and datums: metres inside, WGS84 on the wire."""

from geo.crs.datum import (
    DATUMS,
    bd09_to_gcj02,
    bd09_to_wgs84,
    convert_datum,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    wgs84_to_bd09,
    wgs84_to_gcj02,
)
from geo.crs.mainland import is_mainland
from geo.crs.projected import (
    WGS84,
    check_metric,
    metric_crs,
    projected_crs_of,
    to_metric,
    to_wgs84,
    without_zone_prefix,
)

__all__ = [
    "DATUMS",
    "WGS84",
    "bd09_to_gcj02",
    "bd09_to_wgs84",
    "check_metric",
    "convert_datum",
    "gcj02_to_bd09",
    "gcj02_to_wgs84",
    "is_mainland",
    "metric_crs",
    "projected_crs_of",
    "to_metric",
    "to_wgs84",
    "wgs84_to_bd09",
    "wgs84_to_gcj02",
    "without_zone_prefix",
]

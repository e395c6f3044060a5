"""Where rows lie: geometry out of columns, positions that cannot be, polygons put right."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geo.errors import InputError
from geo.intake.limits import Limits
from geo.intake.names import coordinate_sources
from geo.intake.source import Note, Source, note
from geo.intake.values import clean_text, read_numbers
from geo.schema import POLYGONAL, Layer, reject_rows

Mask = NDArray[np.bool_]
Geometries = NDArray[np.object_]

MAX_SPAN_DEG = 3.0
"""A row further than this from its file's middle, or from the town's zone, is misplaced: the
width of a CGCS2000 zone, some 240 km, which no town reaches across."""

FIRST_COLLECTION = 4
"""GEOS type numbers from here on are collections: MultiPoint 4, up to GeometryCollection 7."""

LATITUDES_DEG = (-80.0, 84.0)
"""Where UTM is defined; a position beyond (such as 90, often meaning unknown) is none."""


@dataclass(frozen=True)
class Places:
    """Where rows lie: geometries, or points still as coordinates, which is a lot quicker.

    Exactly one of `geometry` and `xy` (n, 2) is given; a row without place has None or NaN.
    """

    geometry: Geometries | None = None
    xy: NDArray[np.float64] | None = None

    def bounds(self) -> NDArray[np.float64]:
        """(n, 4) west, south, east, north; NaN where a row has no place."""
        if self.xy is not None:
            return np.hstack([self.xy, self.xy])
        return np.asarray(shapely.bounds(self.geometry), dtype="float64")

    def at(self, mask: Mask) -> Places:
        """The places of those rows."""
        if self.xy is not None:
            return Places(xy=self.xy[mask])
        assert self.geometry is not None
        return Places(self.geometry[mask])

    def to_geometry(self) -> Geometries:
        """The geometries, points made of coordinates where need be."""
        if self.geometry is not None:
            return self.geometry
        assert self.xy is not None
        return _points(self.xy[:, 0], self.xy[:, 1])


def places_of_columns(source: Source) -> tuple[Places | None, list[str], list[pd.DataFrame]]:
    """Places from two coordinate columns, WKT or a "lon,lat" column; columns used; faults.

    None where the rows have no such columns. Cells left empty give no geometry.
    """
    found = coordinate_sources(source.rows.columns)
    if "lon" in found and "lat" in found:
        used = [found["lon"], found["lat"]]
        x, bad_x = read_numbers(source.rows[used[0]])
        y, bad_y = read_numbers(source.rows[used[1]])
        faults = [
            reject_rows(source.lines[bad], name, "value.not_float", source.rows[name][bad])
            for name, bad in zip(used, (bad_x, bad_y), strict=True)
            if bad.any()
        ]
        return Places(xy=np.column_stack([x.to_numpy(), y.to_numpy()])), used, faults
    if "wkt" in found:
        return _from_wkt(source, found["wkt"])
    if "pair" in found:
        return _from_pairs(source, found["pair"])
    return None, [], []


def _points(x: NDArray[np.float64], y: NDArray[np.float64]) -> Geometries:
    is_known = np.isfinite(x) & np.isfinite(y)
    if is_known.all():
        return np.asarray(shapely.points(x, y), dtype=object)
    points = np.full(len(x), None, dtype=object)
    points[is_known] = shapely.points(x[is_known], y[is_known])
    return points


def _from_wkt(source: Source, name: str) -> tuple[Places, list[str], list[pd.DataFrame]]:
    text = clean_text(source.rows[name])
    plain = text.str.replace(r"^SRID=\d+;", "", regex=True).to_numpy(dtype=object, na_value=None)
    geometry = read_shapes(shapely.from_wkt, plain)
    is_bad = shapely.is_missing(geometry) & text.notna().to_numpy(dtype=bool)
    faults = [reject_rows(source.lines[is_bad], name, "geometry.unreadable", text[is_bad])]
    return Places(geometry), [name], faults if is_bad.any() else []


def _from_pairs(source: Source, name: str) -> tuple[Places, list[str], list[pd.DataFrame]]:
    text = clean_text(source.rows[name])
    parts = text.str.extract(r"^[(\[]?\s*(-?\d+\.?\d*)\s*[,，;； ]\s*(-?\d+\.?\d*)\s*[)\]]?$")
    numbers = parts.apply(pd.to_numeric, errors="coerce").astype("float64").to_numpy()
    is_bad = np.isnan(numbers).any(axis=1) & text.notna().to_numpy(dtype=bool)
    faults = [reject_rows(source.lines[is_bad], name, "geometry.unreadable", text[is_bad])]
    return Places(xy=numbers), [name], faults if is_bad.any() else []


def read_shapes(read: Callable[..., Any], texts: NDArray[np.object_]) -> Geometries:
    """The geometries of WKT or WKB; None where one is broken or curved, which Shapely has not."""
    try:
        return np.asarray(read(texts, on_invalid="ignore"), dtype=object)
    except NotImplementedError:
        shapes = np.full(len(texts), None, dtype=object)
        for row, text in enumerate(texts):
            with suppress(NotImplementedError):
                shapes[row] = read(text, on_invalid="ignore")
        return shapes


def check_has_place(places: Places | None, layer: Layer, file: str) -> Places:
    """The places, which a spatial layer must have.

    Raises
    ------
    InputError : the file has neither geometry nor columns that give one
    """
    if places is None:
        raise InputError(
            "table.no_coordinates",
            f"{layer.name} must have geometry; {file!r} has none. Add columns lon and lat "
            "(经度, 纬度), or wkt, or an address column and a gazetteer.",
            file=file,
            layer=layer.name,
        )
    return places


def fit_geometry(
    places: Places, layer: Layer, lines: NDArray[np.int64], limits: Limits
) -> tuple[Places, list[pd.DataFrame], list[Note]]:
    """Geometry in two dimensions and of the layer's types where it can be made so; faults; notes.

    Collections of one are taken out of their wrapping. Invalid polygons become valid ones
    (GEOS "structure" method, which keeps the area the rings mean) where the result is polygonal.
    Too many parts or vertices are refused.
    """
    if places.geometry is None:
        return places, [], []
    fitted = shapely.force_2d(places.geometry)
    is_single = shapely.get_type_id(fitted) >= FIRST_COLLECTION
    is_single &= shapely.get_num_geometries(fitted) == 1
    if is_single.any():
        fitted[is_single] = shapely.get_geometry(fitted[is_single], 0)
    faults = _not_finite(fitted, lines)
    n_parts = shapely.get_num_geometries(fitted)
    n_vertices = shapely.get_num_coordinates(fitted)
    too_many = n_parts > limits.max_feature_parts
    too_long = ~too_many & (n_vertices > limits.max_feature_vertices)
    for code, mask, values in (
        ("geometry.too_many_parts", too_many, n_parts),
        ("geometry.too_many_vertices", too_long, n_vertices),
    ):
        if mask.any():
            faults.append(reject_rows(lines[mask], "geometry", code, values[mask]))
            fitted[mask] = None
    mended, notes = _mended(fitted) if layer.geometry & POLYGONAL else (fitted, [])
    return Places(mended), faults, notes


def _not_finite(geometry: Geometries, lines: NDArray[np.int64]) -> list[pd.DataFrame]:
    """Rejects of geometries with a NaN or infinite coordinate, which are taken out."""
    coordinates, owner = shapely.get_coordinates(geometry, return_index=True)
    broken = np.unique(owner[~np.isfinite(coordinates).all(axis=1)])
    if not broken.size:
        return []
    geometry[broken] = None
    nothing = np.full(broken.size, None, dtype=object)
    return [reject_rows(lines[broken], "geometry", "geometry.not_finite", nothing)]


def _mended(geometry: Geometries) -> tuple[Geometries, list[Note]]:
    is_area = np.isin(shapely.get_type_id(geometry), (3, 6))
    is_broken = is_area & ~shapely.is_valid(geometry)
    if not is_broken.any():
        return geometry, []
    better = shapely.make_valid(geometry[is_broken], method="structure", keep_collapsed=False)
    is_good = np.isin(shapely.get_type_id(better), (3, 6)) & ~shapely.is_empty(better)
    mended = geometry.copy()
    mended[np.flatnonzero(is_broken)[is_good]] = better[is_good]
    return mended, [note("geometry.mended", is_good.sum())] if is_good.any() else []


def misplaced(
    degrees: NDArray[np.float64],
    lines: NDArray[np.int64],
    zone: tuple[float, float, float, float] | None,
) -> list[pd.DataFrame]:
    """Rejects of rows whose longitude and latitude cannot be meant.

    Latitude beyond what is mapped, nought-nought, exchanged axes, and rows over `MAX_SPAN_DEG`
    away from the file's middle, or from the town's zone where known.

    Parameters
    ----------
    degrees : (n, 4) west, south, east, north of each row; NaN for no place, infinite for a place
        that has no longitude and latitude
    zone : west, south, east, north of the town's CRS
    """
    if _is_one_town(degrees, zone):
        return []
    is_known = np.isfinite(degrees).all(axis=1)
    west, south, east, north = (np.where(is_known, edge, 0.0) for edge in degrees.T)
    is_beyond = (_is_beyond(west, south, east, north) & is_known) | np.isinf(degrees).any(axis=1)
    turned = _is_beyond(south, west, north, east)
    is_swapped = is_beyond & is_known & ~turned & (np.maximum(np.abs(north), np.abs(south)) > 90.0)
    is_zero = is_known & (np.abs(degrees) < 1e-6).all(axis=1)
    x, y = (west + east) / 2, (south + north) / 2
    usable = is_known & ~is_beyond & ~is_zero
    is_far = np.zeros(len(lines), dtype=bool)
    if usable.any():
        box = zone or _middle(x[usable], y[usable])
        is_far = usable & _is_outside(x, y, box)
        is_swapped |= is_far & ~_is_outside(y, x, box)
    faults = []
    for code, mask in (
        ("geometry.swapped", is_swapped),
        ("geometry.out_of_range", is_beyond & ~is_swapped),
        ("geometry.null_island", is_zero),
        ("geometry.far_away", is_far & ~is_swapped),
    ):
        if mask.any():
            places = [f"{a:.6f} {b:.6f}" for a, b in zip(x[mask], y[mask], strict=True)]
            faults.append(reject_rows(lines[mask], "geometry", code, places))
    return faults


def _is_one_town(
    degrees: NDArray[np.float64], zone: tuple[float, float, float, float] | None
) -> bool:
    """Whether all rows together lie where a town may, so that none needs a look by itself."""
    if not len(degrees):
        return True
    west, south = degrees[:, 0].min(), degrees[:, 1].min()
    east, north = degrees[:, 2].max(), degrees[:, 3].max()
    if not np.isfinite([west, south, east, north]).all():
        return False
    is_near = max(east - west, north - south) <= MAX_SPAN_DEG
    is_on_zero = west <= 0.0 <= east and south <= 0.0 <= north
    is_beyond = bool(_is_beyond(west, south, east, north))
    in_zone = zone is None or not any(
        _is_outside(x, y, zone) for x, y in ((west, south), (east, north))
    )
    return bool(is_near and in_zone and not is_on_zero and not is_beyond)


def _is_beyond(west: Any, south: Any, east: Any, north: Any) -> Mask:
    low, high = LATITUDES_DEG
    beyond: Mask = (west < -180.0) | (east > 180.0) | (south < low) | (north > high)
    return beyond


def _middle(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float, float, float]:
    # The lower of two middle values: halfway between two towns there is none.
    mid_x, mid_y = (float(np.quantile(values, 0.5, method="lower")) for values in (x, y))
    return (mid_x, mid_y, mid_x, mid_y)


def _is_outside(x: Any, y: Any, box: tuple[float, float, float, float]) -> Mask:
    west, south, east, north = box
    outside: Mask = (
        (x < west - MAX_SPAN_DEG)
        | (x > east + MAX_SPAN_DEG)
        | (y < south - MAX_SPAN_DEG)
        | (y > north + MAX_SPAN_DEG)
    )
    return outside

"""The catalogue of data sets: what each is, where it comes from, and a check of its content."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.errors import NotFoundError


@dataclasses.dataclass(frozen=True)
class DataSet:
    """One data set. `sha256` is that of its content, by `checksum`."""

    name: str
    title_zh: str
    title_en: str
    source: str
    licence: str
    crs: str
    sha256: str


def _read() -> dict[str, DataSet]:
    text = (files("boundaries") / "catalogue.toml").read_text(encoding="utf-8")
    return {name: DataSet(name=name, **entry) for name, entry in tomllib.loads(text).items()}


CATALOGUE: dict[str, DataSet] = _read()


def describe(name: str) -> DataSet:
    """The catalogue's entry of that name.

    Raises
    ------
    NotFoundError : there is none
    """
    if name not in CATALOGUE:
        raise NotFoundError(
            "boundaries.unknown",
            f"a data set must be one of {', '.join(CATALOGUE)}; got {name!r}.",
            name=name,
            known=list(CATALOGUE),
        )
    return CATALOGUE[name]


def load(name: str) -> Any:
    """The data set of that name: `china` is a frame of areas, `demo` a `boundaries.demo.Town`.

    Raises
    ------
    NotFoundError : there is none
    """
    describe(name)
    return _china() if name == "china" else _demo()


def checksum(content: Any) -> str:
    """SHA-256 of a data set's content, the same whatever file it is written to.

    Frames in the order of their names, columns likewise; numbers with 6 decimals, coordinates to
    1 cm (1e-7 degrees in degrees), so that the last bits of a processor do not count.

    Parameters
    ----------
    content : a frame, a mapping of frames, or a dataclass that holds some
    """
    digest = hashlib.sha256()
    frames = _frames(content)
    for name in sorted(frames):
        frame = frames[name]
        digest.update(f"{name} {len(frame)}\n".encode())
        for column in sorted(map(str, frame.columns)):
            digest.update(f"{column}\n".encode())
            digest.update(_canonical(frame[column]))
    return digest.hexdigest()


def _frames(content: Any) -> dict[str, pd.DataFrame]:
    if isinstance(content, pd.DataFrame):
        return {"": content}
    held: Mapping[str, Any]
    if isinstance(content, Mapping):
        held = content
    else:
        held = {item.name: getattr(content, item.name) for item in dataclasses.fields(content)}
    return {name: value for name, value in held.items() if isinstance(value, pd.DataFrame)}


def _canonical(values: pd.Series) -> bytes:
    """The column's values as bytes that do not depend on a processor's last bits."""
    if isinstance(values, gpd.GeoSeries):
        decimals = 7 if values.crs is not None and values.crs.is_geographic else 2
        shapes = np.asarray(values.array, dtype=object)
        rounded = shapely.transform(shapes, lambda points: np.round(points, decimals) + 0.0)
        return b"".join(shape or b"-" for shape in shapely.to_wkb(rounded))
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return bytes(values.to_numpy("datetime64[us]").astype("<i8").tobytes())
    if pd.api.types.is_float_dtype(values.dtype):
        values = values.astype("float64").map("{:.6f}".format)
    if pd.api.types.is_string_dtype(values.dtype):
        return "\x1f".join(values.astype("object").where(values.notna(), "")).encode()
    texts = ["" if value is None or value is pd.NA else str(value) for value in values]
    return "\x1f".join(texts).encode()


def _china() -> gpd.GeoDataFrame:
    text = (files("boundaries") / "china" / "china.geojson").read_text(encoding="utf-8")
    features = json.loads(text)["features"]
    return gpd.GeoDataFrame(
        {"area": [feature["properties"]["area"] for feature in features]},
        geometry=shapely.from_geojson([json.dumps(feature["geometry"]) for feature in features]),
        crs=4326,
    )


def _demo() -> Any:
    from boundaries.demo import generate  # noqa: PLC0415 - draws nothing unless asked for

    return generate()

"""Answers of the API: conditional by ETag, streamed, masked for who asks."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice

import geopandas as gpd
import pandas as pd
from flask import Response, make_response, request

from geo.exchange.geojson import to_geojson
from web.access import Principal, mask, personal_columns
from web.reach import store
from web.security import require_principal

looks = logging.getLogger("wangge.looks")
"""Who looked at personal data, and when."""

GEOJSON = "application/geo+json"

Frames = Iterable[gpd.GeoDataFrame | pd.DataFrame]


def etag_of(layers: Sequence[str], *parts: object) -> str:
    """A tag that changes when one of the layers does, or who asks, or what was asked for."""
    asking = require_principal()
    revisions = [f"{layer}={store().revision(layer)}" for layer in layers]
    told = [*revisions, asking.sight, request.full_path, *map(str, parts)]
    return hashlib.sha256("\n".join(told).encode("utf-8")).hexdigest()[:32]


def is_known(etag: str) -> bool:
    """Whether the caller holds this answer already."""
    return etag in request.if_none_match


def unchanged(etag: str) -> Response:
    """304 with the tag."""
    response = make_response("", 304)
    response.set_etag(etag)
    return response


def features(
    layer: str,
    read: Callable[[], Frames],
    *,
    etag: str,
    id_columns: Sequence[str] | None = None,
    n_matched: int | None = None,
) -> Response:
    """A FeatureCollection, masked, streamed; 304 when the caller holds it already.

    Parameters
    ----------
    read : frames of the layer; called only when the answer is needed
    n_matched : rows that match, where fewer may be returned
    """
    if is_known(etag):
        return unchanged(etag)
    asking = require_principal()
    pieces = to_geojson(_masked(read(), layer, asking), layer=layer, id_columns=id_columns)
    first = list(islice(pieces, 2))  # so that what fails early is answered as an error
    if n_matched is not None:
        first[0] = first[0].replace('"features":[', f'"numberMatched":{n_matched},"features":[')
    body = (piece.encode("utf-8") for piece in chain(first, pieces))
    response = Response(body, mimetype=GEOJSON)
    response.set_etag(etag)
    return response


def _masked(
    frames: Frames, layer: str, asking: Principal
) -> Iterator[gpd.GeoDataFrame | pd.DataFrame]:
    is_logged = False
    for frame in frames:
        shown = mask(frame, layer, asking)
        personal = personal_columns(layer, shown.columns)
        if personal and len(shown) and not is_logged:
            is_logged = True
            who = f"{asking.kind} {asking.name!r} ({asking.role})"
            looks.info("%s looked at %s of %s", who, ", ".join(personal), layer)
        yield shown

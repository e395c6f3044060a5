"""From a path or a URL to the backend behind it."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from geo.errors import StoreError
from geo.store.backend import Backend
from geo.store.sqlite import SqliteBackend


def open_backend(url_or_path: str | Path, *, create: bool) -> Backend:
    """The backend of an SQLite path, an `sqlite:` URL or a `postgresql:` URL.

    Raises
    ------
    NotFoundError : there is no such file, and `create` is off
    StoreError : the URL is of another kind, or its driver is not installed
    """
    text = str(url_or_path)
    if isinstance(url_or_path, Path) or "://" not in text:
        return SqliteBackend(Path(text), create=create)
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError as error:
        raise _unknown_url("") from error
    if url.get_backend_name() == "sqlite" and url.database:
        return SqliteBackend(Path(url.database), create=create)
    if url.drivername.split("+")[0] in ("postgresql", "postgres"):
        return _open_postgis(url)
    raise _unknown_url(url.drivername)


def _open_postgis(url: sa.URL) -> Backend:
    try:
        from geo.store.postgis import PostgisBackend  # noqa: PLC0415 - the extra `postgis`
    except ImportError as error:
        raise StoreError(
            "store.no_driver",
            "PostGIS needs the packages GeoAlchemy2 and psycopg. Install wangge[postgis].",
        ) from error
    return PostgisBackend(url)


def _unknown_url(scheme: str) -> StoreError:
    return StoreError(
        "store.unknown_url",
        f"The store must be a file path, or a URL sqlite:///path or postgresql://user@host/name; "
        f"got one of kind {scheme!r}.",
        scheme=scheme,
    )

"""The one tree of errors. People read a text looked up by `code`; `str(error)` is for logs."""

from __future__ import annotations

from typing import Any


class GridError(Exception):
    """Something that must hold does not.

    `code` (such as ``crs.not_projected``) names the text a person reads; `params` fills it.
    `message` is the English sentence for logs: what must hold, what was found, the remedy.
    """

    def __init__(self, code: str, message: str, **params: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.params = params


class InputError(GridError):
    """What the caller handed in cannot be used."""


class CrsError(InputError):
    """A coordinate reference system or datum is missing, unsuitable or contradictory."""


class SchemaError(InputError):
    """A table or layer lacks a column, a type or a key that it must have."""


class GeometryError(InputError):
    """A geometry is of the wrong type, invalid beyond repair, or breaks a coverage."""


class ParameterError(InputError):
    """An option lies outside its allowed range, or contradicts another."""


class NotFoundError(GridError):
    """The thing asked for does not exist."""


class ConflictError(GridError):
    """The thing changed since it was read, or its key is taken."""


class PermissionDenied(GridError):  # noqa: N818 - the field's usual name
    """The role does not allow this."""


class StoreError(GridError):
    """The store could not be opened, migrated, read or written."""

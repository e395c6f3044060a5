"""The one error that the parent process turns into an `InputError`."""

from __future__ import annotations

from typing import Any


class Refused(Exception):  # noqa: N818 - it is a verdict on the file, not a failure of ours
    """The file cannot be used: code, English message and what the text needs."""

    def __init__(self, code: str, message: str, **params: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.params = params


def check_rows(n_rows: int, request: dict[str, Any]) -> None:
    """Nothing, when the count lies within the request's limit.

    Raises
    ------
    Refused : there are more
    """
    limit = int(request["max_rows"])
    if n_rows > limit:
        raise Refused(
            "file.too_many_rows",
            f"the file must have at most {limit} rows; it has {n_rows}. Split it.",
            count=n_rows,
            limit=limit,
        )


def check_columns(n_columns: int, request: dict[str, Any]) -> None:
    """Nothing, when the count lies within the request's limit.

    Raises
    ------
    Refused : there are more
    """
    limit = int(request["max_columns"])
    if n_columns > limit:
        raise Refused(
            "file.too_many_columns",
            f"the file must have at most {limit} columns; it has {n_columns}. Drop some.",
            count=n_columns,
            limit=limit,
        )

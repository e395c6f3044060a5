"""What `where`, `bbox`, `columns` and `order_by` ask, as SQL conditions with bound values."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from geo.errors import ParameterError
from geo.schema import Column, Layer
from geo.store.backend import Backend
from geo.store.frames import check_columns
from geo.store.tables import GEOMETRY

Where = Mapping[str, Any]


def conditions(
    layer: Layer, table: sa.Table, where: Where | None, backend: Backend
) -> list[sa.ColumnElement[bool]]:
    """One condition a column of `where`; all must hold.

    A plain value asks for equality, None for an empty value, a list or set for one of its values,
    and the tuple ``("between", low, high)`` for low <= value < high, where None leaves that end
    open.

    Raises
    ------
    SchemaError : a column is not of this layer
    ParameterError : a value is not of the column's type, or the tuple is not a "between"
    """
    asked = dict(where or {})
    check_columns(layer, list(asked))
    return [
        _condition(layer.column(_checked_name(layer, name)), table.c[name], value, backend)
        for name, value in asked.items()
    ]


def _checked_name(layer: Layer, name: str) -> str:
    if name == GEOMETRY:
        raise _bad_value(layer.name, name, "ask for geometry by `bbox`")
    return name


def _condition(
    column: Column, expression: sa.ColumnElement[Any], value: Any, backend: Backend
) -> sa.ColumnElement[bool]:
    if column.type == "json":
        raise _bad_value(column.name, value, "a json column cannot be compared")
    if isinstance(value, tuple):
        return _between(column, expression, value, backend)
    if isinstance(value, list | set | frozenset | np.ndarray | pd.Series | pd.Index):
        return _one_of(column, expression, value, backend)
    if is_null(value):
        return expression.is_(None)
    is_equal: sa.ColumnElement[bool] = expression == backend.bound(
        column, plain_value(column, value)
    )
    return is_equal


def _between(
    column: Column, expression: sa.ColumnElement[Any], value: tuple[Any, ...], backend: Backend
) -> sa.ColumnElement[bool]:
    if len(value) != 3 or value[0] != "between":
        raise _bad_value(column.name, value, 'a tuple must be ("between", low, high)')
    low, high = value[1:]
    parts: list[sa.ColumnElement[bool]] = [expression.is_not(None)]
    if not is_null(low):
        parts.append(expression >= backend.bound(column, plain_value(column, low)))
    if not is_null(high):
        parts.append(expression < backend.bound(column, plain_value(column, high)))
    return sa.and_(*parts)


def _one_of(
    column: Column, expression: sa.ColumnElement[Any], values: Iterable[Any], backend: Backend
) -> sa.ColumnElement[bool]:
    listed = list(values)
    plain = [plain_value(column, value) for value in listed if not is_null(value)]
    found = backend.one_of(column, expression, plain)
    return found if len(plain) == len(listed) else sa.or_(found, expression.is_(None))


def is_null(value: Any) -> bool:
    """True for None, NaN, NaT and NA."""
    return (
        value is None
        or value is pd.NaT
        or value is pd.NA
        or (isinstance(value, float) and math.isnan(value))
    )


def plain_value(column: Column, value: Any) -> Any:
    """The value as str, int, float, bool, date or aware datetime, as the column's type asks.

    Raises
    ------
    ParameterError : the value is of another type, not finite, or a time without a zone
    """
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64):
        value = value.item()
    match column.type:
        case "text" if isinstance(value, str) and "\0" not in value:
            return value
        case "int" if isinstance(value, int) and not isinstance(value, bool):
            if -(2**63) <= value < 2**63:
                return value
        case "float" if isinstance(value, int | float) and not isinstance(value, bool):
            if math.isfinite(value):
                return float(value)
        case "bool" if isinstance(value, bool):
            return value
        case "date" | "time":
            return _plain_instant(column, value)
    raise _bad_value(column.name, value, f"its type must be {column.type}")


def _plain_instant(column: Column, value: Any) -> dt.date | dt.datetime:
    is_day = type(value) is dt.date
    if not (is_day or isinstance(value, str | dt.datetime | np.datetime64)):
        raise _bad_value(column.name, value, f"its type must be {column.type}")
    try:
        instant = pd.Timestamp(value)
    except ValueError as error:
        raise _bad_value(column.name, value, "write it as ISO 8601") from error
    if column.type == "date":
        day: dt.date = instant.date()
        return day
    if instant.tzinfo is None:
        raise _bad_value(column.name, value, "a time needs its zone")
    moment: dt.datetime = instant.floor("us").to_pydatetime()
    return moment.astimezone(dt.UTC)


def _bad_value(column: str, value: Any, reason: str) -> ParameterError:
    shown = str(value)[:60]
    return ParameterError(
        "store.bad_value",
        f"`{column}` cannot be compared with {shown!r}: {reason}.",
        column=column,
        value=shown,
    )


def ordering(
    layer: Layer,
    table: sa.Table,
    order_by: str | Sequence[str] | None,
    *,
    tail: Sequence[str] | None = None,
) -> list[sa.ColumnElement[Any]]:
    """Sort terms: the columns asked (`-name` descending, empty values last), then `tail`.

    The tail is the layer's key unless another is given.
    """
    asked = [order_by] if isinstance(order_by, str) else list(order_by or [])
    names = [name.removeprefix("-") for name in asked]
    check_columns(layer, names)
    if GEOMETRY in names or any(layer.column(name).type == "json" for name in names):
        raise _bad_value("order_by", names, "geometry and json have no order")
    terms: list[sa.ColumnElement[Any]] = []
    for name, term in zip(names, asked, strict=True):
        column = table.c[name]
        sort = column.desc() if term.startswith("-") else column.asc()
        terms.append(sort.nulls_last() if column.nullable else sort)
    last = layer.key if tail is None else tail
    return terms + [table.c[name].asc() for name in last if name not in names]

"""Rows of a layer gathered by some of its columns, in the database."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import sqlalchemy as sa

from geo.schema import LAYERS
from geo.store.filters import Where, conditions
from geo.store.store import Store


def greatest(store: Store, layer: str, *, by: str, of: str, where: Where) -> pd.Series:
    """The greatest value of column `of` for each value of column `by`, which is the index."""
    table = store.backend.tables.layers[layer]
    tests = conditions(LAYERS[layer], table, where, store.backend)
    statement = sa.select(table.c[by], sa.func.max(table.c[of])).where(*tests)
    with store.engine.connect() as connection:
        rows = connection.execute(statement.group_by(table.c[by])).fetchall()
    return pd.Series({row[0]: row[1] for row in rows}, dtype="object")


def joined(
    store: Store, layer: str, *, by: Sequence[str], of: str, between: str, where: Where
) -> pd.DataFrame:
    """A row per combination of the columns `by`, with all texts of column `of` joined to one."""
    table = store.backend.tables.layers[layer]
    tests = conditions(LAYERS[layer], table, where, store.backend)
    columns = [table.c[name] for name in by]
    texts = sa.func.aggregate_strings(table.c[of], between)
    statement = sa.select(*columns, texts).where(*tests).group_by(*columns)
    with store.engine.connect() as connection:
        found = connection.execute(statement).fetchall()
    return pd.DataFrame(found, columns=[*by, of])

"""What a round could have done in its time: minutes to walk all streets of a grid, and minutes
walked."""

from __future__ import annotations

from datetime import date

import pandas as pd

from geo.patrol.effort import effort_of_grids
from geo.services import plans
from geo.services.patrols.duties import duties
from geo.services.patrols.figures import lengths
from geo.services.patrols.kept import Kept
from geo.services.patrols.period import Question
from geo.services.patrols.walked import owners, walked
from geo.store import Store

_efforts: Kept[pd.DataFrame] = Kept(("plans", "grids", "streets"), most=2)


def effort(store: Store, question: Question) -> pd.DataFrame:
    """Each grid of the plan in force on the period's last day, in order of its code.

    Columns `grid`, `street_m`, `walk_minutes` (the shortest closed walk along all its streets, at
    walking pace: `geo.patrol.effort`), and `minutes`: the mean length of a recorded round of the
    period by those who answer for the grid, null where none is recorded. Empty without a plan.
    """
    found = needed(store, on=question.period.last)
    rows = walked(store, question.period).only(question)
    held = owners(duties(store, on=question.period.last), rows, lengths(store))
    both = rows.patrols[["worker", "duration_s"]].merge(held[["worker", "grid"]], on="worker")
    minutes = both.groupby("grid")["duration_s"].mean() / 60.0
    return found.assign(minutes=found["grid"].map(minutes).astype("float64"))


def needed(store: Store, *, on: date) -> pd.DataFrame:
    """`grid`, `street_m`, `walk_minutes` of the plan in force that day; shared, do not change."""
    plan = plans.current(store, on=on)
    return _efforts.get(store, plan, lambda: _needed(store, plan))


def _needed(store: Store, plan: str | None) -> pd.DataFrame:
    grids = store.read("grids", where={"plan": plan or ""}, order_by="grid")
    streets = store.read("streets")
    columns = ["grid", "street_m", "walk_minutes"]
    if grids.empty or streets.empty:
        dtypes = {"grid": "str", "street_m": "float64", "walk_minutes": "float64"}
        return pd.DataFrame({name: pd.Series(dtype=dtypes[name]) for name in columns})
    return effort_of_grids(grids, streets)[columns]

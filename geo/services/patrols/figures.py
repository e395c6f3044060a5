"""Coverage of a period: every street piece with its verdict, and the figures over them."""

from __future__ import annotations

from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa

from geo.schema import LAYERS
from geo.services.patrols.duties import Duties, duties, pieces
from geo.services.patrols.kept import Kept
from geo.services.patrols.period import Period, Question
from geo.services.patrols.walked import (
    COVERED,
    VERDICTS,
    Floats,
    Ranks,
    Rows,
    Walked,
    owners,
    walked,
)
from geo.store import Store
from geo.store.filters import conditions

MOST_MISSED = 500
"""Missed streets that are listed, the longest first."""

_last_days: Kept[npt.NDArray[np.datetime64]] = Kept(("coverage", "pieces"), most=4)


def coverage(store: Store, question: Question) -> gpd.GeoDataFrame:
    """Every stored street piece with what was passed of it in the question's days.

    Columns of the pieces with their street's `name` and `class`, and `grid` (of the plan in force
    on the period's last day), `is_expected` (by the question's grid or worker), `verdict` (the best
    of any patrol), `probability` (likewise; 0 where no patrol has a row of it), `n_patrols` and
    `n_days` that passed it, `last_day` on which anybody did up to the period's end, and
    `days_since` then; both null where nobody ever did. With a grid, its pieces only.
    """
    return _with_verdicts(store, question).assign(
        probability=lambda found: _probability(store, question)[found.index]
    )


def _with_verdicts(store: Store, question: Question) -> gpd.GeoDataFrame:
    """All of `coverage` but the probability, which is read apart."""
    found = pieces(store)
    duty = duties(store, on=question.period.last)
    rows = walked(store, question.period).only(question)
    everything = np.zeros(len(rows.patrols), dtype=np.int64)
    rank = rows.best(everything, 1, len(found))[0]
    is_covered = rows.rank == COVERED
    last = last_days(store, on=question.period.last)
    since = (np.datetime64(question.period.last, "D") - last).astype("timedelta64[D]")
    table = found.assign(
        grid=pd.Series(duty.grid, index=found.index, dtype="str"),
        is_expected=expected_pieces(store, question),
        verdict=np.array(VERDICTS, dtype=object)[rank],
        n_patrols=np.bincount(rows.piece[is_covered], minlength=len(found)),
        n_days=_n_days(rows, len(found)),
        last_day=pd.Series(last.astype("datetime64[us]"), index=found.index),
        days_since=pd.array(_days(since), dtype="Int64"),
    )
    if question.grid is not None:
        table = table[duty.grid == question.grid]
    return table


def expected_pieces(store: Store, question: Question) -> npt.NDArray[np.bool_]:
    """Which pieces the question's grid or worker is asked for; without a plan, all of them."""
    duty = duties(store, on=question.period.last)
    if duty.plan is None:
        return np.full(len(duty.grid), question.grid is None and question.worker is None)
    is_asked = ~pd.isna(duty.grid)
    if question.grid is not None:
        is_asked &= duty.grid == question.grid
    if question.worker is not None:
        own = own_grids(store, question.period, question.worker)
        is_asked &= np.isin(duty.grid.astype(str), own)
    return np.asarray(is_asked, dtype=bool)


def own_grids(store: Store, period: Period, worker: str) -> list[str]:
    """The grids that worker answers for on the period's last day."""
    duty = duties(store, on=period.last)
    held = owners(duty, walked(store, period), lengths(store))
    own: list[str] = held.loc[held["worker"] == worker, "grid"].tolist()
    return own


def _probability(store: Store, question: Question) -> Floats:
    """The best probability of each stored piece."""
    table = store.backend.tables.layers["coverage"]
    where = _where(question)
    tests = conditions(LAYERS["coverage"], table, where, store.backend)
    statement = sa.select(table.c.piece, sa.func.max(table.c.probability)).where(*tests)
    with store.engine.connect() as connection:
        rows = connection.execute(statement.group_by(table.c.piece)).fetchall()
    best = pd.Series({row[0]: row[1] for row in rows}, dtype="float64")
    known = pieces(store)["piece"]
    probability: Floats = known.map(best).fillna(0.0).to_numpy(dtype=np.float64)
    return probability


def _where(question: Question) -> dict[str, object]:
    where: dict[str, object] = {"day": question.period.between}
    if question.round is not None:
        where["round"] = question.round
    if question.worker is not None:
        where["worker"] = question.worker
    return where


def last_days(store: Store, *, on: date) -> npt.NDArray[np.datetime64]:
    """The last day up to `on` on which each stored piece was covered; NaT for never."""
    return _last_days.get(store, on, lambda: _read_last_days(store, on))


def _read_last_days(store: Store, on: date) -> npt.NDArray[np.datetime64]:
    table = store.backend.tables.layers["coverage"]
    end = ("between", None, pd.Timestamp(on) + pd.Timedelta(days=1))
    asked = conditions(LAYERS["coverage"], table, {"day": end, "verdict": "covered"}, store.backend)
    statement = sa.select(table.c.piece, sa.func.max(table.c.day)).where(*asked)
    with store.engine.connect() as connection:
        rows = connection.execute(statement.group_by(table.c.piece)).fetchall()
    found = pd.Series({row[0]: row[1] for row in rows}, dtype="object")
    known = pieces(store)["piece"]
    days = pd.to_datetime(known.map(found)).to_numpy()
    return np.asarray(days, dtype="datetime64[D]")


def summary(store: Store, question: Question) -> dict[str, Any]:
    """The question's figures, plain values; shares are null where nothing is expected.

    `n_patrols`, `n_days` with a record, `plan`; `whole` (`expected_m`, metres and shares by
    verdict); `households` (`households`, `passed`, `share`); `days` and `rounds` (each with the
    shares by verdict, of one day each; `rounds` the mean of the days that have a record); `grids`
    and `missed` streets (metres, and the pieces that were missed).
    """
    duty = duties(store, on=question.period.last)
    rows = walked(store, question.period).only(question)
    table = pd.DataFrame(_with_verdicts(store, question).drop(columns="geometry"))
    expected = table[table["is_expected"]]
    is_expected = expected_pieces(store, question)
    homes = _homes(store, question, duty)
    return {
        "plan": duty.plan,
        "n_patrols": len(rows.patrols),
        "n_days": int(rows.patrols["day"].nunique()),
        "whole": _three_way(expected["length_m"], expected["verdict"]),
        "households": _share_of(homes),
        "days": _by_day(rows, lengths(store), is_expected),
        "rounds": _by_round(rows, lengths(store), is_expected),
        "grids": _by_grid(expected, homes),
        "missed": _missed(expected),
    }


def lengths(store: Store) -> Floats:
    """Length of each stored piece, metres."""
    metres: Floats = pieces(store)["length_m"].to_numpy(dtype=np.float64)
    return metres


def shares(rank: Ranks, length_m: Floats) -> dict[str, Floats]:
    """By verdict the share of the length, (n,) of ranks (n, m) and lengths (m,); NaN of nothing."""
    whole = length_m.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            name: ((rank == number) @ length_m) / whole if whole > 0 else np.full(len(rank), np.nan)
            for number, name in enumerate(VERDICTS)
        }


def _three_way(length_m: pd.Series, verdict: pd.Series) -> dict[str, float | None]:
    """`expected_m`, `<verdict>_m` and the share `<verdict>` of each."""
    whole = float(length_m.sum())
    told: dict[str, float | None] = {"expected_m": whole}
    for name in VERDICTS:
        metres = float(length_m[verdict == name].sum())
        told[f"{name}_m"] = metres
        told[name] = metres / whole if whole > 0 else None
    return told


def _by_day(
    rows: Walked, length_m: Floats, is_expected: npt.NDArray[np.bool_]
) -> list[dict[str, Any]]:
    day, days = pd.factorize(rows.patrols["day"], sort=True)
    if not len(days):
        return []
    rank = rows.best(day, len(days), len(length_m))[:, is_expected]
    n_patrols = np.bincount(day, minlength=len(days))
    found = shares(rank, length_m[is_expected])
    return [
        {"day": days[at].date().isoformat(), "n_patrols": int(n_patrols[at]), **_row(found, at)}
        for at in range(len(days))
    ]


def _by_round(
    rows: Walked, length_m: Floats, is_expected: npt.NDArray[np.bool_]
) -> list[dict[str, Any]]:
    """Each round of the day, the mean over the days that have a record of it."""
    if rows.patrols.empty:
        return []
    keys = rows.patrols["round"].astype("int64").to_numpy(), rows.patrols["day"].to_numpy()
    group, pairs = pd.factorize(pd.MultiIndex.from_arrays(keys), sort=True)
    rank = rows.best(group, len(pairs), len(length_m))[:, is_expected]
    table = pd.DataFrame(shares(rank, length_m[is_expected]))
    table["round"] = pairs.get_level_values(0)
    means = table.groupby("round").mean()
    means["n_days"] = table.groupby("round").size()
    return [
        {
            "round": int(number),
            "n_days": int(row["n_days"]),
            **{name: _number(row[name]) for name in VERDICTS},
        }
        for number, row in zip(means.index, means.to_dict("records"), strict=True)
    ]


def _by_grid(expected: pd.DataFrame, homes: pd.DataFrame) -> list[dict[str, Any]]:
    if expected["grid"].isna().all():
        return []
    metres = expected.pivot_table(
        index="grid", columns="verdict", values="length_m", aggfunc="sum", fill_value=0.0
    ).reindex(columns=list(VERDICTS), fill_value=0.0)
    whole = metres.sum(axis=1)
    by_grid = pd.DataFrame({"grid": metres.index, "expected_m": whole.to_numpy()})
    for name in VERDICTS:
        by_grid[f"{name}_m"] = metres[name].to_numpy()
        by_grid[name] = (metres[name] / whole).where(whole > 0).to_numpy()
    passed = homes[homes["is_passed"]].groupby("grid")["households"].sum()
    by_grid["households"] = homes.groupby("grid")["households"].sum().reindex(metres.index).values
    by_grid["households_passed"] = passed.reindex(metres.index).fillna(0.0).to_numpy()
    rows = by_grid.to_dict("records")
    return [{k: None if pd.isna(v) else v for k, v in row.items()} for row in rows]


def _missed(expected: pd.DataFrame) -> list[dict[str, Any]]:
    """Missed streets by name, the longest first; nameless ones by their class and grid."""
    gone = expected[expected["verdict"] == "missed"]
    if gone.empty:
        return []
    is_named = gone["name"].notna() & (gone["name"] != "")
    blank = gone["name"].where(is_named, "").astype(object)
    place = gone["grid"].where(~is_named, "").fillna("").astype(object)
    kind = gone["class"].where(~is_named, "").fillna("").astype(object)
    groups = gone.assign(label=blank, place=place, kind=kind).groupby(["label", "place", "kind"])
    found = groups.agg(missed_m=("length_m", "sum"), pieces=("piece", list)).reset_index()
    found = found.sort_values(["missed_m", "label"], ascending=[False, True]).head(MOST_MISSED)
    return [
        {
            "name": row["label"] or None,
            "grid": row["place"] or None,
            "class": row["kind"] or None,
            "missed_m": row["missed_m"],
            "pieces": row["pieces"],
        }
        for row in found.to_dict("records")
    ]


def _homes(store: Store, question: Question, duty: Duties) -> pd.DataFrame:
    """The homes that are asked for, with `is_passed`."""
    homes = duty.homes
    if duty.plan is not None:
        homes = homes[homes["grid"].notna()]
    if question.grid is not None:
        homes = homes[homes["grid"] == question.grid]
    if question.worker is not None:
        homes = homes[homes["grid"].isin(own_grids(store, question.period, question.worker))]
    passed = store.read("passes", columns=["building"], where=_where(question), distinct=True)
    return homes.assign(is_passed=homes["building"].isin(passed["building"]).to_numpy())


def _share_of(homes: pd.DataFrame) -> dict[str, float | None]:
    whole = float(homes["households"].sum())
    passed = float(homes.loc[homes["is_passed"], "households"].sum())
    return {
        "households": whole,
        "passed": passed,
        "share": passed / whole if whole > 0 else None,
    }


def _n_days(rows: Walked, n_pieces: int) -> Rows:
    """On how many days each piece was covered."""
    day, days = pd.factorize(rows.patrols["day"])
    counts: Rows = (rows.best(day, len(days), n_pieces) == COVERED).sum(axis=0)
    return counts


def _days(since: npt.NDArray[np.timedelta64]) -> list[int | None]:
    return [None if np.isnat(one) else int(one.astype(int)) for one in since]


def _row(found: dict[str, Floats], at: int) -> dict[str, float | None]:
    return {name: _number(values[at]) for name, values in found.items()}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)

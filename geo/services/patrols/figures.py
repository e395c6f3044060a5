"""Coverage of a period: every street piece with its verdict, and the figures over them."""

from __future__ import annotations

from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from geo.services.patrols.breakdown import (
    by_day,
    by_grid,
    by_others,
    by_round,
    evenly,
    missed_homes,
    missed_streets,
    three_way,
)
from geo.services.patrols.duties import Duties, duties, pieces
from geo.services.patrols.kept import Kept
from geo.services.patrols.period import Period, Question
from geo.services.patrols.walked import (
    COVERED,
    VERDICTS,
    Floats,
    Rows,
    Walked,
    owners,
    walked,
)
from geo.store import Store
from geo.store.grouping import greatest

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
    where = _where(question)
    best = greatest(store, "coverage", by="piece", of="probability", where=where)
    best = best.astype("float64")
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
    end = ("between", None, pd.Timestamp(on) + pd.Timedelta(days=1))
    covered = {"day": end, "verdict": "covered"}
    found = greatest(store, "coverage", by="piece", of="day", where=covered)
    known = pieces(store)["piece"]
    days = pd.to_datetime(known.map(found)).to_numpy()
    return np.asarray(days, dtype="datetime64[D]")


def summary(store: Store, question: Question) -> dict[str, Any]:
    """The question's figures, plain values; shares are null where nothing is expected.

    `n_patrols`, `n_days` with a record, `plan`; `whole` (`expected_m`, metres and shares by
    verdict, `evenness` from 0 to 1); `others`, the rounds of people who are no grid workers, and
    what only they covered; `households` (`households`, `passed`, `share`); `days` and `rounds`
    (each with the shares by verdict, of one day each; `rounds` the mean of the days that have a
    record); `grids`; `missed` streets (metres, and the pieces that were missed); `missed_homes`,
    buildings with households that no round passed, with `x`, `y` in metres.
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
        "whole": three_way(expected["length_m"], expected["verdict"])
        | {"evenness": evenly(expected["n_patrols"])},
        "others": by_others(rows, duty.workers["worker"], lengths(store), is_expected),
        "households": _share_of(homes),
        "days": by_day(rows, lengths(store), is_expected),
        "rounds": by_round(rows, lengths(store), is_expected),
        "grids": by_grid(expected, homes),
        "missed": missed_streets(expected),
        "missed_homes": missed_homes(homes),
    }


def lengths(store: Store) -> Floats:
    """Length of each stored piece, metres."""
    metres: Floats = pieces(store)["length_m"].to_numpy(dtype=np.float64)
    return metres


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

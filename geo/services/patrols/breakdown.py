"""Coverage broken down: by verdict, day, round, grid and street; how evenly, and by whom."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from geo.patrol.visits import evenness
from geo.services.patrols.walked import COVERED, VERDICTS, Floats, Ranks, Walked

MOST_MISSED = 500
"""Missed streets and homes that are listed, the longest and the largest first."""


def shares(rank: Ranks, length_m: Floats) -> dict[str, Floats]:
    """By verdict the share of the length, (n,) of ranks (n, m) and lengths (m,); NaN of nothing."""
    whole = length_m.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            name: ((rank == number) @ length_m) / whole if whole > 0 else np.full(len(rank), np.nan)
            for number, name in enumerate(VERDICTS)
        }


def three_way(length_m: pd.Series, verdict: pd.Series) -> dict[str, float | None]:
    """`expected_m`, `<verdict>_m` and the share `<verdict>` of each."""
    whole = float(length_m.sum())
    told: dict[str, float | None] = {"expected_m": whole}
    for name in VERDICTS:
        metres = float(length_m[verdict == name].sum())
        told[f"{name}_m"] = metres
        told[name] = metres / whole if whole > 0 else None
    return told


def by_day(
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


def by_round(
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


def by_grid(expected: pd.DataFrame, homes: pd.DataFrame) -> list[dict[str, Any]]:
    if expected["grid"].isna().all():
        return []
    metres = expected.pivot_table(
        index="grid", columns="verdict", values="length_m", aggfunc="sum", fill_value=0.0
    ).reindex(columns=list(VERDICTS), fill_value=0.0)
    whole = metres.sum(axis=1)
    found = pd.DataFrame({"grid": metres.index, "expected_m": whole.to_numpy()})
    for name in VERDICTS:
        found[f"{name}_m"] = metres[name].to_numpy()
        found[name] = (metres[name] / whole).where(whole > 0).to_numpy()
    passed = homes[homes["is_passed"]].groupby("grid")["households"].sum()
    found["households"] = homes.groupby("grid")["households"].sum().reindex(metres.index).values
    found["households_passed"] = passed.reindex(metres.index).fillna(0.0).to_numpy()
    rows = found.to_dict("records")
    return [{k: None if pd.isna(v) else v for k, v in row.items()} for row in rows]


def missed_streets(expected: pd.DataFrame) -> list[dict[str, Any]]:
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


def missed_homes(homes: pd.DataFrame) -> list[dict[str, Any]]:
    """The buildings with households that no round passed, the most households first.

    Parameters
    ----------
    homes : as `duties` has them, with `is_passed`
    """
    left = homes[~homes["is_passed"] & (homes["households"] > 0)]
    left = left.sort_values(["households", "building"], ascending=[False, True])
    columns = ["building", "name", "address", "grid", "households", "x", "y"]
    rows = left[columns].head(MOST_MISSED).astype(object)
    plain: list[dict[str, Any]] = rows.where(rows.notna(), None).to_dict("records")
    return plain


def evenly(n_patrols: pd.Series) -> float | None:
    """How evenly the patrols fell on the expected pieces: 1 on all alike, towards 0 all on one.

    One less the Gini coefficient; None where nothing was passed.
    """
    gini = evenness(n_patrols.to_numpy(dtype=np.float64))["gini"]
    return None if gini is None else 1.0 - gini


def by_others(
    rows: Walked, own: pd.Series, length_m: Floats, is_expected: npt.NDArray[np.bool_]
) -> dict[str, float]:
    """The rounds of people who are no grid workers, told apart: volunteers, residents, police.

    `n_patrols`, and `covered_m`: the expected length that none but they covered. Without a roster
    nobody is told apart.

    Parameters
    ----------
    own : the codes of the grid workers
    """
    if own.empty:
        return {"n_patrols": 0, "covered_m": 0.0}
    is_other = ~rows.patrols["worker"].isin(own).to_numpy(dtype=bool)
    best = rows.best(is_other.astype(np.int64), 2, len(length_m))
    only_they = (best[1] == COVERED) & (best[0] != COVERED) & is_expected
    return {"n_patrols": int(is_other.sum()), "covered_m": float(length_m[only_they].sum())}


def _row(found: dict[str, Floats], at: int) -> dict[str, float | None]:
    return {name: _number(values[at]) for name, values in found.items()}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)

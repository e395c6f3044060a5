"""What is kept of people's positions, for how long, and who looked at them."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.errors import ParameterError
from geo.services.clock import start_of_day
from geo.store import Store

KEEP_FIXES_DAYS = 30
"""Days for which positions are kept where the setting `keep_fixes_days` says nothing else."""

_AT_ONCE = 500


def keep_fixes_days(store: Store) -> int:
    """For how many days positions are kept, by the setting `keep_fixes_days`.

    Raises
    ------
    ParameterError : the setting is not a whole number of at least one day
    """
    days = store.get_setting("keep_fixes_days", KEEP_FIXES_DAYS)
    if not isinstance(days, int) or isinstance(days, bool) or days < 1:
        raise ParameterError(
            "recordings.keep_days",
            f"the setting keep_fixes_days must be a whole number from 1; got {days!r}",
            value=str(days)[:40],
        )
    return days


def forget_old(store: Store, *, today: date) -> dict[str, int]:
    """Counts of `tracks` and `checkins` whose positions were forgotten.

    Of days before `today` less the days that are kept: fixes are deleted, of patrols whose round
    is kept without them only (that is, whose coverage was computed); a check-in at a known building
    keeps the building's own point in place of the phone's; any other is deleted.
    """
    first_kept = today - timedelta(days=keep_fixes_days(store))
    return {
        "tracks": _forget_fixes(store, pd.Timestamp(first_kept)),
        "checkins": _forget_places(store, start_of_day(store, first_kept)),
    }


def _forget_fixes(store: Store, first_kept: pd.Timestamp) -> int:
    old = ("between", None, first_kept)
    kept = store.read("rounds", columns=["patrol"], where={"day": old})
    there = store.read("tracks", columns=["patrol"], where={"day": old}, distinct=True)
    patrols = sorted(set(kept["patrol"]) & set(there["patrol"]))
    n_fixes = 0
    with store.transaction():
        for start in range(0, len(patrols), _AT_ONCE):
            some = patrols[start : start + _AT_ONCE]
            n_fixes += store.delete("tracks", where={"patrol": some, "day": old})
    return n_fixes


def _forget_places(store: Store, first_kept: pd.Timestamp) -> int:
    old = store.read("checkins", where={"at": ("between", None, first_kept)})
    if old.empty:
        return 0
    buildings = store.read("buildings", columns=["building", "geometry"])
    point = shapely.point_on_surface(buildings.geometry.to_numpy())
    place = pd.Series(point, index=buildings["building"].to_numpy(), dtype=object)
    wanted = old["building"].map(place).to_numpy(dtype=object)
    is_known = ~pd.isna(wanted)
    is_there = np.zeros(len(old), dtype=bool)
    is_there[is_known] = shapely.equals_exact(old.geometry.to_numpy()[is_known], wanted[is_known])
    moved = gpd.GeoDataFrame(
        old.loc[is_known & ~is_there].drop(columns="geometry"),
        geometry=wanted[is_known & ~is_there],
        crs=old.crs,
    )
    nowhere = old.loc[~is_known, "checkin"].tolist()
    with store.transaction():
        if len(moved):
            store.write("checkins", moved, mode="update")
        for start in range(0, len(nowhere), _AT_ONCE):
            store.delete("checkins", where={"checkin": nowhere[start : start + _AT_ONCE]})
    return len(moved) + len(nowhere)


def note_look(
    store: Store, *, who: str, whose: str | None, day: date | None, now: datetime
) -> None:
    """Nothing; keeps that an account looked at a worker's track.

    Parameters
    ----------
    who : the account or token that looked
    whose : the worker; None for all workers at once
    day : the day looked at; None for all days at once
    """
    told = "\n".join([now.isoformat(), who, whose or "", str(day or "")])
    look = pd.DataFrame(
        {
            "look": pd.Series([hashlib.sha256(told.encode()).hexdigest()[:32]], dtype="str"),
            "who": pd.Series([who], dtype="str"),
            "whose": pd.Series([whose], dtype="str"),
            "day": pd.to_datetime(pd.Series([day])).astype("datetime64[us]"),
            "at": pd.to_datetime(pd.Series([now]), utc=True).astype("datetime64[us, UTC]"),
        }
    )
    store.write("looks", look, mode="upsert")


def looks_at(store: Store, worker: str, *, most: int = 200) -> pd.DataFrame:
    """Who looked at that worker's tracks, the newest first: `who`, `whose`, `day`, `at`.

    Looks at all workers at once are among them.
    """
    own = store.read("looks", where={"whose": worker}, order_by="-at", limit=most)
    everyone = store.read("looks", where={"whose": None}, order_by="-at", limit=most)
    both = pd.concat([frame for frame in (own, everyone) if len(frame)] or [own])
    newest = both.sort_values("at", ascending=False, kind="stable", ignore_index=True)
    return newest.drop(columns="look").head(most)

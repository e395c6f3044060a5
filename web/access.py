"""Who may do and see what: roles, their permissions, and the masking of personal columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import geopandas as gpd
import pandas as pd

from geo.schema import LAYERS

FrameT = TypeVar("FrameT", pd.DataFrame, gpd.GeoDataFrame)

ROLES = ("admin", "planner", "supervisor", "dispatcher", "worker", "viewer")

PERMISSIONS: dict[str, frozenset[str]] = {
    "admin": frozenset(
        {
            "accounts.manage",
            "tokens.manage",
            "layers.import",
            "plans.make",
            "hotspots.compute",
            "coverage.compute",
            "see.workers",
            "see.reporters",
            "see.matter",
            "see.tracks",
        }
    ),
    "planner": frozenset(
        {
            "layers.import",
            "plans.make",
            "hotspots.compute",
            "coverage.compute",
            "see.workers",
            "see.matter",
        }
    ),
    "supervisor": frozenset(
        {"hotspots.compute", "coverage.compute", "see.workers", "see.matter", "see.tracks"}
    ),
    "dispatcher": frozenset({"see.workers", "see.reporters", "see.matter"}),
    "worker": frozenset({"see.matter"}),
    "viewer": frozenset(),
}
"""Each role has the least it needs. `see.matter`: what was typed about an incident and where."""

SEEN_WITH: dict[str, str] = {
    "worker": "see.workers",
    "worker_name": "see.workers",
    "person": "see.workers",
    "name": "see.workers",
    "phone": "see.workers",
    "reporter": "see.reporters",
    "contact": "see.reporters",
    "asked_by": "accounts.manage",
    "decided_by": "see.workers",
    "who": "accounts.manage",
    "whose": "see.tracks",
}
"""Personal column -> the permission that shows it. One that is not listed is shown to nobody."""

MATTER_COLUMNS = ("description", "address")
"""Free text of an incident: it may name residents, so it is not for everybody."""

TRACK_LAYERS = frozenset({"tracks", "checkins", "coverage"})
"""Where a person was and when: only for those who review patrols, and for that person."""


@dataclass(frozen=True)
class Principal:
    """Who asks: an account in a browser session, or a token of another system.

    `person` is the roster code behind a worker's account; `grids` are the grids that person
    answers for now.
    """

    name: str
    role: str
    kind: Literal["account", "token"] = "account"
    person: str | None = None
    grids: frozenset[str] = field(default=frozenset())

    def may(self, permission: str) -> bool:
        """Whether the role has this permission."""
        return permission in PERMISSIONS[self.role]

    @property
    def sight(self) -> str:
        """A key that is equal for two principals who are shown the same data."""
        if self.role != "worker":
            return self.role
        return "/".join(["worker", self.person or "", *sorted(self.grids)])


def personal_columns(layer: str, columns: Iterable[str]) -> list[str]:
    """Columns of a frame of this layer that hold personal data, joined-in names included."""
    spec = LAYERS[layer]
    personal = {column.name for column in spec.columns if column.personal} | {"worker_name"}
    if layer == "grids":
        personal.add("worker")
    return [column for column in columns if column in personal]


def mask(frame: FrameT, layer: str, principal: Principal) -> FrameT:
    """The frame without what this principal may not see.

    A column the role never sees is absent; a worker keeps the values in rows of their own grids
    (or their own rows) and finds null elsewhere.
    """
    hidden = [
        column
        for column in personal_columns(layer, frame.columns)
        if not principal.may(SEEN_WITH.get(column, ""))
    ]
    if layer == "incidents" and not principal.may("see.matter"):
        hidden += [column for column in MATTER_COLUMNS if column in frame.columns]
    if not hidden:
        return frame
    is_own = _own_rows(frame, principal)
    if is_own is None:
        return frame.drop(columns=hidden)
    shown = frame.copy()
    for column in hidden:
        shown[column] = shown[column].where(is_own)
    return shown


def own_track_rows(frame: FrameT, principal: Principal) -> FrameT:
    """Only the rows about this principal's own rounds, unless the role reviews patrols."""
    if principal.may("see.tracks"):
        return frame
    return frame[frame["worker"] == (principal.person or "")]


def _own_rows(frame: pd.DataFrame, principal: Principal) -> pd.Series | None:
    if principal.role != "worker":
        return None
    is_own = pd.Series(False, index=frame.index)
    if "grid" in frame.columns:
        is_own |= frame["grid"].isin(principal.grids)
    if "area" in frame.columns:
        is_own |= frame["area"].isin(principal.grids)
    for column in ("worker", "person"):
        if column in frame.columns and principal.person is not None:
            is_own |= (frame[column] == principal.person).fillna(False)
    return is_own.astype(bool)

"""The pages people see, one blueprint a room."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, current_app, g

from geo.store import Store
from web.language import current_language
from web.texts import name_in


@dataclass(frozen=True)
class Town:
    """What every page says about the town."""

    name: str
    is_made_up: bool


def town() -> Town:
    """The town's name in the page's language, and whether it is the made-up one."""
    if "town" not in g:
        store: Store = current_app.extensions["wangge.store"]
        names = store.get_setting("town_name", None)
        g.town = Town(name_in(current_language(), names), bool(store.get_setting("demo", False)))
    return g.town  # type: ignore[no-any-return]


def install(app: Flask) -> None:
    """Register the rooms on the app."""
    from web.pages import (  # noqa: PLC0415 - the rooms import this module
        admin,
        campaigns,
        dashboard,
        hotspots,
        incidents,
        jobs,
        patrols,
        plans,
        rounds,
        session,
    )

    for room in (
        dashboard,
        plans,
        incidents,
        hotspots,
        campaigns,
        patrols,
        rounds,
        admin,
        jobs,
        session,
    ):
        app.register_blueprint(room.room)

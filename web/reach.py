"""What a view reaches for: the store, the settings and the jobs of this app."""

from __future__ import annotations

from datetime import UTC, date, datetime

from flask import current_app

from geo.services.clock import local_day
from geo.store import Store
from web.config import Settings
from web.jobs import Jobs


def store() -> Store:
    """The store of this app."""
    return current_app.extensions["wangge.store"]  # type: ignore[no-any-return]


def settings() -> Settings:
    """The settings of this app."""
    return current_app.extensions["wangge.settings"]  # type: ignore[no-any-return]


def jobs() -> Jobs:
    """The background work of this app."""
    return current_app.extensions["wangge.jobs"]  # type: ignore[no-any-return]


def today() -> date:
    """The calendar day in the town now."""
    return local_day(store(), datetime.now(UTC))

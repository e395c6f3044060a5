"""Instants and local days: UTC in the store, the town's calendar in front of people."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

from geo.store import Store

DEFAULT_TIMEZONE = "Asia/Shanghai"


def timezone_of(store: Store) -> ZoneInfo:
    """The town's time zone, by the store's setting `timezone`."""
    return ZoneInfo(str(store.get_setting("timezone", DEFAULT_TIMEZONE)))


def local_day(store: Store, instant: datetime) -> date:
    """The calendar day of an instant in the town."""
    return instant.astimezone(timezone_of(store)).date()


def start_of_day(store: Store, day: date) -> pd.Timestamp:
    """The UTC instant at which a local day begins."""
    midnight = datetime.combine(day, time(0), tzinfo=timezone_of(store))
    return pd.Timestamp(midnight).tz_convert("UTC")


def window_of_days(store: Store, first: date, last: date) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The half-open UTC window of the local days `first` to `last`, both included."""
    return start_of_day(store, first), start_of_day(store, last + timedelta(days=1))

"""Hotspot questions as an address asks them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from flask import request

from geo.errors import ParameterError
from geo.incidents.categories import load_categories
from geo.services import incidents
from geo.services.clock import local_day
from geo.services.hotspots import Question
from web.api import query
from web.reach import store, used_categories

FIRST_WINDOW_DAYS = 90
"""Days up to the newest incident that are looked at where none are asked for."""

CELL_SIZES_M = (25, 50, 100, 150, 250)
CELL_SIZE_M = 50
BANDWIDTH_M = 150
FRAME_DAYS = 28
"""Days that one frame of an animation holds; frames are a week apart."""

MOST_FRAMES = 105
"""Two years of weeks."""

KEYS = (
    "method", "category", "first", "last", "cell_size_m", "exposure", "correction", "bandwidth_m",
)  # fmt: skip
"""What an address may say of a question."""


def asked_question() -> Question:
    """The question of the address; what it leaves out is the page's default.

    Raises
    ------
    ParameterError : a value is unknown or out of range
    """
    last = query.day("last") or first_window()[1]
    first = query.day("first") or last - timedelta(days=FIRST_WINDOW_DAYS - 1)
    if last < first:
        raise ParameterError(
            "form.days_swapped", f"the last day {last} is before the first {first}"
        )
    correction = request.args.get("correction", "bh")
    if correction not in ("bh", "by"):
        raise ParameterError(
            "hotspots.unknown_correction", f"no correction {correction!r}", value=correction[:40]
        )
    category = request.args.get("category") or None
    if category is not None and category not in _known_categories():
        raise ParameterError(
            "form.category_unknown", f"there is no category {category!r}", category=category[:40]
        )
    cell_size_m = query.chosen("cell_size_m", CELL_SIZES_M) or CELL_SIZE_M
    bandwidth_m = query.whole("bandwidth_m", least=10, most=5000)
    if bandwidth_m is not None and bandwidth_m < cell_size_m:
        raise ParameterError(
            "hotspots.bandwidth_below_cell",
            f"`bandwidth_m` must be at least `cell_size_m`; got {bandwidth_m} < {cell_size_m}",
            bandwidth_m=bandwidth_m,
            cell_size_m=cell_size_m,
        )
    return Question(
        request.args.get("method", "significance")[:40],
        first,
        last,
        category=category,
        cell_size_m=float(cell_size_m),
        exposure=request.args.get("exposure", "auto")[:40],
        correction=correction,  # type: ignore[arg-type]
        bandwidth_m=float(bandwidth_m or max(BANDWIDTH_M, cell_size_m)),
    )


def first_window() -> tuple[date, date]:
    """The days that are looked at first: the last `FIRST_WINDOW_DAYS` that have incidents."""
    span = incidents.span(store())
    newest = datetime.now(UTC)
    if span is not None:
        newest = min(newest, span[1])  # a mistyped year must not empty the page
    last = local_day(store(), newest)
    return last - timedelta(days=FIRST_WINDOW_DAYS - 1), last


def frame_ends(first: date, last: date) -> list[date]:
    """Last days of the frames of a window, a week apart, oldest first, `last` among them."""
    n_weeks = max(0, ((last - first).days + 1 - FRAME_DAYS) // 7)
    n_frames = min(n_weeks + 1, MOST_FRAMES)
    return [last - timedelta(days=7 * back) for back in range(n_frames)][::-1]


def _known_categories() -> set[str]:
    return {*used_categories(), *load_categories()["category"]}

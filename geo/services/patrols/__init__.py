"""Patrol coverage: computed from stored tracks, read by period, round, grid and worker."""

from geo.services.patrols.almanac import calendar
from geo.services.patrols.computing import compute, days, refresh
from geo.services.patrols.effort import effort
from geo.services.patrols.figures import coverage, own_grids, summary
from geo.services.patrols.nearby import left_nearby
from geo.services.patrols.period import Period, Question, period_of
from geo.services.patrols.places import passing
from geo.services.patrols.replay import day_of

__all__ = [
    "Period",
    "Question",
    "calendar",
    "compute",
    "coverage",
    "day_of",
    "days",
    "effort",
    "left_nearby",
    "own_grids",
    "passing",
    "period_of",
    "refresh",
    "summary",
]

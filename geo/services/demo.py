"""The demo: the made-up town from its own files through every step of the loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from boundaries import demo
from boundaries.demo import DemoFile
from geo.services import hotspots, imports, incidents, patrols, plans, warming
from geo.services.clock import window_of_days
from geo.services.hotspots import Question
from geo.store import Store

OnStep = Callable[[str, dict[str, int], float], None]
"""Called after each step with its code, its counts and its seconds."""

TARGET_HOUSEHOLDS = 380.0
"""Households a grid: the reported mean of Yongchang subdistrict."""

HOTSPOT_DAYS = 90
"""Days before the end of the data that the demo's hotspots look back on."""

KEEP_FIXES_DAYS = 36_500
"""The made-up walkers have no privacy to lose: their tracks stay to be looked at."""

OLD_PLAN_FROM = date(2025, 1, 1)
"""Day on which the made-up town's hand-drawn grids came into force."""

AFTER_PLANNING = ("incidents", "checkins", "tracks")
"""Layers that planning does not need; they are imported when the grids are on the map."""


@dataclass
class _Log:
    """Counts and seconds by step, told as they come."""

    on_step: OnStep
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    clock: float = field(default_factory=time.perf_counter)

    def done(self, step: str, **counts: int) -> None:
        elapsed = round(time.perf_counter() - self.clock, 2)
        self.counts[step] = counts
        self.seconds[step] = elapsed
        self.on_step(step, counts, elapsed)
        self.clock = time.perf_counter()


def build(
    store: Store,
    *,
    folder: Path,
    now: datetime,
    on_step: OnStep,
    on_planned: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Counts and seconds per step, after filling an empty store with the demo town.

    The town is generated, written as files such as an office gets, and these files are imported;
    grids are planned and given to workers (`on_planned` is called, since there is a map to see),
    then incidents and patrols imported, hotspots and coverage computed.
    """
    log = _Log(on_step)
    compiling = warming.start(warming.compile_engines)
    town = demo.generate()
    files = demo.write_files(town, folder / "demo-files")
    store.set_setting("demo", True)
    store.set_setting("keep_fixes_days", KEEP_FIXES_DAYS)
    store.set_setting("town_name", {"zh": town.name, "en": town.name_en})
    log.done("town", files=len(files))

    for file in files:
        if file.layer not in AFTER_PLANNING:
            _take(store, file, folder, now, log)
    last_day = town.tracks["day"].max().date()
    starts = last_day + timedelta(days=1)
    compiling.join()
    compiling_judging = warming.start(warming.compile_judging)
    report = _plan(store, starts, now, log)
    on_planned()

    for file in files:
        if file.layer in AFTER_PLANNING:
            _take(store, file, folder, now, log)
    compiling_judging.join()
    _hotspots(store, last_day, now, log)
    log.done("coverage", **patrols.compute(store))
    return {"counts": log.counts, "seconds": log.seconds, "plan": report}


def _take(store: Store, file: DemoFile, folder: Path, now: datetime, log: _Log) -> None:
    taken = imports.import_file(
        store,
        file.layer,
        file.path,
        crs=file.crs,
        datum=file.datum,
        source_layer=file.source_layer,
        rejects_dir=folder / "rejects",
        effective_from=OLD_PLAN_FROM,
        now=now,
    )
    log.done(taken.layer, read=taken.read, accepted=taken.accepted, rejected=taken.rejected)


def _plan(store: Store, starts: date, now: datetime, log: _Log) -> dict[str, Any]:
    made = plans.make_plan(
        store,
        target=TARGET_HOUSEHOLDS,
        effective_from=starts,
        name=f"自动划分（目标 {TARGET_HOUSEHOLDS:.0f} 户）",
        now=now,
    )
    log.done("plan", grids=made.report["n_grids"], workers=made.workers)
    return made.report


def _hotspots(store: Store, last_day: date, now: datetime, log: _Log) -> None:
    first_day = last_day - timedelta(days=HOTSPOT_DAYS - 1)
    start, end = window_of_days(store, first_day, last_day)
    seen = incidents.in_window(store, start=start, end=end)["category"]
    n_areas = 0
    for category in (None, *sorted(seen.unique())):
        asked = Question("significance", first_day, last_day, category=category)
        answer = hotspots.analyse(store, asked, now=now)
        hotspots.save(store, answer)
        n_areas += len(answer.areas)
    log.done("hotspots", questions=1 + seen.nunique(), found=n_areas)

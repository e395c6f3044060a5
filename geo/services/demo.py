"""The demo: the made-up town from its own files through every step of the loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from boundaries import demo
from geo.services import hotspots, imports, incidents, patrols, plans, roster
from geo.services.clock import window_of_days
from geo.store import Store

Step = Callable[[str, dict[str, int], float], None]
"""Called after each step with its code, its counts and its seconds."""

HOTSPOT_DAYS = 90
"""Days before the end of the data that the demo's hotspots look back on."""

OLD_PLAN_FROM = date(2025, 1, 1)
"""Day on which the made-up town's hand-drawn grids came into force."""


def build(
    store: Store, *, folder: Path, now: datetime, target: float = 380.0, on_step: Step
) -> dict[str, Any]:
    """Counts and seconds per step, after filling an empty store with the demo town.

    The town is generated, written as files such as an office gets, and these files are imported;
    then grids are planned, given to workers, hotspots and coverage computed.
    """
    report: dict[str, Any] = {"counts": {}, "seconds": {}}
    clock = time.perf_counter()

    def done(step: str, **counts: int) -> None:
        nonlocal clock
        elapsed = round(time.perf_counter() - clock, 2)
        report["counts"][step] = counts
        report["seconds"][step] = elapsed
        on_step(step, counts, elapsed)
        clock = time.perf_counter()

    town = demo.generate()
    files = demo.write_files(town, folder / "demo-files")
    store.set_setting("demo", True)
    store.set_setting("town_name", {"zh": town.name, "en": town.name_en})
    done("town", files=len(files))

    for file in files:
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
        done(taken.layer, read=taken.read, accepted=taken.accepted, rejected=taken.rejected)

    last_day = town.tracks["day"].max().date()
    starts = last_day + timedelta(days=1)
    planned = plans.make_plan(
        store,
        target=target,
        effective_from=starts,
        name=f"自动划分（目标 {target:.0f} 户）",
        now=now,
    )
    given = roster.give_grids_to_workers(store, planned.plan, valid_from=starts)
    report["plan"] = planned.report
    done("plan", grids=planned.report["n_grids"], workers=given)

    start, end = window_of_days(store, starts - timedelta(days=HOTSPOT_DAYS), last_day)
    seen = incidents.in_window(store, start=start, end=end)["category"]
    hotspots.compute(store, start=start, end=end)
    for category in sorted(seen.unique()):
        hotspots.compute(store, start=start, end=end, category=category)
    done("hotspots", surfaces=1 + seen.nunique())

    done("coverage", **patrols.compute(store))
    return report

"""The kinds of background work: each turns what was asked for into one call of a service."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from geo.services import imports, patrols, plans
from geo.services.clock import local_day
from web.jobs import Handle, Work, upload_folder


def make_plan(handle: Handle) -> dict[str, Any]:
    """A new plan version."""
    params = handle.params
    made = plans.make_plan(
        handle.store,
        target=params["target"],
        tolerance=params["tolerance"],
        seed=params["seed"],
        name=params["name"] or None,
        effective_from=date.fromisoformat(params["effective_from"]),
        now=handle.now,
        progress=handle.progress,
        should_stop=handle.should_stop,
    )
    return {
        "plan": made.plan,
        "n_grids": made.report.get("n_grids"),
        "max_abs_deviation": made.report.get("max_abs_deviation"),
        "workers": made.workers,
        "seconds": round(sum(made.seconds.values()), 1),
    }


def compute_coverage(handle: Handle) -> dict[str, Any]:
    """The coverage of all stored tracks."""
    handle.progress(0.05, "job.step.coverage")
    return dict(
        patrols.compute(
            handle.store,
            reach_m=handle.params["reach_m"],
            today=local_day(handle.store, handle.now),
        )
    )


def import_file(handle: Handle) -> dict[str, Any]:
    """The report of an uploaded file taken into its layer."""
    params = handle.params
    handle.progress(0.05, "job.step.import")
    report = imports.import_file(
        handle.store,
        params["layer"],
        upload_folder(handle.settings, params["upload"]) / params["file"],
        crs=params["crs"] or None,
        datum=params["datum"] or None,
        source_layer=params["source_layer"] or None,
        rejects_dir=handle.settings.data_dir / "rejects",
        now=handle.now,
    )
    result = report.as_dict()
    result["rejects_path"] = Path(result["rejects_path"]).name if result["rejects_path"] else None
    return result


KINDS: dict[str, Work] = {
    "plan": make_plan,
    "coverage": compute_coverage,
    "import": import_file,
}

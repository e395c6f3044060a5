"""The page of a job: its progress, how to cancel it, and what came of it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from geo.errors import PermissionDenied
from web.jobs import ENDED
from web.language import current_language
from web.reach import jobs
from web.security import needs, require_principal
from web.texts import error_text

room = Blueprint("jobs", __name__, url_prefix="/jobs")

PERMISSION_OF = {
    "plan": "plans.make",
    "coverage": "coverage.compute",
    "import": "layers.import",
}
"""Kind of job -> the permission to ask for one, which is also needed to see or cancel it."""


@room.get("/<job>")
@needs()
def show(job: str) -> ResponseReturnValue:
    """The job's progress or result."""
    row = visible_job(job)
    return render_template(
        "job.html",
        room={"plan": "plans", "coverage": "patrols", "import": "admin"}.get(
            row["kind"], row["kind"]
        ),
        job=row,
        result=row["result"] or {},
        has_ended=row["state"] in ENDED,
        problem=problem_of(row),
    )


@room.post("/<job>/cancel")
@needs()
def cancel(job: str) -> ResponseReturnValue:
    """Ask the job to stop."""
    visible_job(job)
    jobs().cancel(job)
    return redirect(url_for("jobs.show", job=job))


def visible_job(job: str) -> dict[str, Any]:
    """The job's row, for somebody who may ask for such jobs."""
    row = jobs().get(job)
    asking = require_principal()
    permission = PERMISSION_OF[row["kind"]]
    if not asking.may(permission):
        raise PermissionDenied(
            "auth.forbidden",
            f"role {asking.role} has no permission {permission}",
            role=asking.role,
            permission=permission,
        )
    return row


def problem_of(row: dict[str, Any]) -> str:
    """Why the job failed, in the page's language; empty when it did not."""
    error = (row["result"] or {}).get("error")
    if row["state"] != "failed" or error is None:
        return ""
    return error_text(current_language(), error["code"], error["params"])

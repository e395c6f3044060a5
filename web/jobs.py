"""Long work in the background: queued, run by threads of `wangge serve`, shown with progress."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from huey import SqliteHuey
from huey.consumer import Consumer

from geo.errors import GridError, NotFoundError
from geo.store import Store
from web.config import Settings

log = logging.getLogger("wangge.jobs")

ENDED = ("done", "failed", "cancelled")
PROGRESS_EVERY_S = 0.4
STOP_ASKED_EVERY_S = 0.2


class JobCancelled(Exception):  # noqa: N818 - a person's wish, not a fault
    """Raised inside a job's work when somebody cancelled it."""


class Handle:
    """What a job's work is given: the store, what was asked for, progress and the wish to stop."""

    def __init__(self, jobs: Jobs, job: str, params: dict[str, Any]) -> None:
        self.store = jobs.store
        self.settings = jobs.settings
        self.params = params
        self.job = job
        self._jobs = jobs
        self._written_at = 0.0
        self._asked_at = 0.0
        self._step = ""
        self._is_cancelled = False

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    def progress(self, share: float, step: str) -> None:
        """Keep the share done (0 to 1) and the code of the step for the page.

        Raises
        ------
        JobCancelled : somebody asked to stop
        """
        if self.should_stop():
            raise JobCancelled
        clock = time.monotonic()
        if step == self._step and clock - self._written_at < PROGRESS_EVERY_S:
            return
        self._written_at, self._step = clock, step
        values = {"progress": min(max(float(share), 0.0), 1.0), "step": step}
        self.store.update("jobs", values, where={"job": self.job})

    def should_stop(self) -> bool:
        """Whether somebody cancelled the job; asked of the queue a few times a second."""
        clock = time.monotonic()
        if not self._is_cancelled and clock - self._asked_at >= STOP_ASKED_EVERY_S:
            self._asked_at = clock
            self._is_cancelled = self._jobs.is_cancel_wanted(self.job)
        return self._is_cancelled


Work = Callable[[Handle], dict[str, Any]]


class _QuietConsumer(Consumer):
    """A consumer inside the web process: signals stay with the server."""

    def _set_signal_handlers(self) -> None:
        return None


class Jobs:
    """The queue, the kinds of work, and the jobs layer of the store."""

    def __init__(self, settings: Settings, store: Store, kinds: dict[str, Work]) -> None:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        self.settings = settings
        self.store = store
        self.kinds = kinds
        self.queue = SqliteHuey(
            "wangge",
            filename=str(settings.data_dir / "jobs.db"),
            results=False,
            immediate=settings.testing,
        )
        self._task = self.queue.task(name="run")(self._run)
        self._consumer: _QuietConsumer | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Mark what an earlier stop cut short as failed, then work on the queue."""
        with self._lock:
            if self._consumer is not None:
                return
            self.fail_interrupted()
            self._consumer = _QuietConsumer(
                self.queue, workers=1, periodic=False, backoff=1.1, max_delay=0.5
            )
            self._consumer.start()

    def stop(self) -> None:
        """Stop taking jobs; one under way is asked to stop and waited for a few seconds."""
        with self._lock:
            if self._consumer is None:
                return
            for job in self.store.read("jobs", where={"state": "running"})["job"]:
                self._want_cancel(job)
            self._consumer.shutdown_timeout = 5
            self._consumer.stop(graceful=True)
            self._consumer = None

    def fail_interrupted(self) -> int:
        """How many jobs were found that nobody works on any more; they are marked failed."""
        waiting = {task.args[0] for task in self.queue.pending()}
        open_jobs = self.store.read("jobs", where={"state": ["queued", "running"]})
        is_waiting = (open_jobs["state"] == "queued") & open_jobs["job"].isin(waiting)
        lost = open_jobs.loc[~is_waiting, "job"].tolist()
        for job in lost:
            self._end(job, "failed", {"error": {"code": "job.interrupted", "params": {}}})
        return len(lost)

    def ask(self, kind: str, params: dict[str, Any], *, asked_by: str) -> str:
        """The code of a new job, queued.

        Parameters
        ----------
        params : plain JSON values
        """
        job = f"J{secrets.token_hex(8)}"
        row = {
            "job": job,
            "kind": kind,
            "state": "queued",
            "progress": 0.0,
            "step": "job.step.waiting",
            "asked_by": asked_by,
            "params": params,
            "created_at": pd.Timestamp(datetime.now(UTC)),
        }
        self.store.write("jobs", pd.DataFrame([row]))
        self._task(job)
        return job

    def get(self, job: str) -> dict[str, Any]:
        """The job's row as plain values.

        Raises
        ------
        NotFoundError : no such job
        """
        rows = self.store.read("jobs", where={"job": job})
        if rows.empty:
            raise NotFoundError("job.unknown", f"there is no job {job}", job=job)
        return _plain_row(rows.iloc[0])

    def latest(self, kind: str | None = None, *, limit: int = 10) -> list[dict[str, Any]]:
        """The newest jobs (of a kind), newest first."""
        where = None if kind is None else {"kind": kind}
        rows = self.store.read("jobs", where=where, order_by=["-created_at"], limit=limit)
        return [_plain_row(rows.iloc[position]) for position in range(len(rows))]

    def cancel(self, job: str) -> None:
        """Ask a job to stop; one that waits is cancelled at once, one that ended stays as it is."""
        state = self.get(job)["state"]
        if state in ENDED:
            return
        self._want_cancel(job)
        if state == "queued":
            self._end(job, "cancelled", None)

    def is_cancel_wanted(self, job: str) -> bool:
        return self.queue.get(f"cancel-{job}", peek=True) is not None

    def _want_cancel(self, job: str) -> None:
        self.queue.put(f"cancel-{job}", 1)

    def _run(self, job: str) -> None:
        row = self.get(job)
        if row["state"] != "queued":
            return
        self.store.update("jobs", {"state": "running"}, where={"job": job})
        try:
            result = self.kinds[row["kind"]](Handle(self, job, row["params"] or {}))
        except JobCancelled:
            self._end(job, "cancelled", None)
        except GridError as error:
            log.info("job %s: %s %s", job, error.code, error)
            params = {key: str(value) for key, value in error.params.items()}
            self._end(job, "failed", {"error": {"code": error.code, "params": params}})
        except Exception:
            reference = secrets.token_hex(4).upper()
            log.exception("%s job %s", reference, job)
            params = {"reference": reference}
            self._end(job, "failed", {"error": {"code": "error.unknown", "params": params}})
        else:
            self._end(job, "done", result)
        self.queue.get(f"cancel-{job}")

    def _end(self, job: str, state: str, result: dict[str, Any] | None) -> None:
        values: dict[str, Any] = {
            "state": state,
            "result": result,
            "ended_at": pd.Timestamp(datetime.now(UTC)),
        }
        if state == "done":
            values["progress"] = 1.0
        self.store.update("jobs", values, where={"job": job})
        upload = (self.get(job)["params"] or {}).get("upload")
        if upload:  # however the job ended: an upload may hold personal data
            shutil.rmtree(upload_folder(self.settings, upload), ignore_errors=True)


def upload_folder(settings: Settings, upload: str) -> Path:
    """Where the file of an upload is kept until its job has ended."""
    return settings.data_dir / "uploads" / Path(upload).name


def _plain_row(row: pd.Series) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, value in row.items():
        is_value = isinstance(value, dict | list) or pd.notna(value)
        plain[str(key)] = value if is_value else None
    return plain

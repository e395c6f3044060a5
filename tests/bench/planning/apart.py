"""Each planner in a process of its own, with a time limit, a memory limit and its peak memory.

python -m tests.bench.planning.apart JOB ANSWERS      (started by `run_apart`, not by hand)
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What a run returned, and what it cost.

    `peak_mb` is the most memory the process held while it ran, `ready_mb` what it held just before
    (libraries, cells, its own structures), `libraries_mb` after importing; 0 where unknown.
    """

    value: Any
    wall_s: float
    cpu_s: float
    peak_mb: float
    ready_mb: float
    libraries_mb: float


@dataclass(frozen=True)
class Outcome:
    """The answers of a process, one a set of options, and why the rest is missing, if it is."""

    answers: list[Answer] = field(default_factory=list)
    failure: str = ""


class Apart:
    """Runs planners apart; given objects are written once into a folder that goes with it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="wangge-bench-")
        self._written: dict[int, tuple[Any, Path]] = {}

    def __enter__(self) -> Apart:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def run(
        self, call: str, given: Any, options: list[dict[str, Any]], *, limit_s: float
    ) -> Outcome:
        """`call` ("module:function" of this package) prepares a run from `given` and one set of
        options; the run is timed. One answer a set, `limit_s` for each."""
        folder = Path(self._folder.name)
        if id(given) not in self._written:
            path = folder / f"given-{len(self._written)}"
            path.write_bytes(pickle.dumps(given, protocol=5))
            self._written[id(given)] = (given, path)
        job, answers = folder / "job", folder / "answers"
        job.write_bytes(pickle.dumps((call, self._written[id(given)][1], options, limit_s)))
        answers.write_bytes(b"")
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.planning.child", str(job), str(answers)],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        said = child.communicate()[1]
        _end_group(child.pid)
        return Outcome(list(_read(answers)), _failure(child.returncode, said, limit_s))


def _end_group(group: int) -> None:
    """End what the child started and left behind (a peer's own program)."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _read(path: Path) -> Iterator[Answer]:
    with path.open("rb") as file:
        while True:
            try:
                yield pickle.load(file)
            except (EOFError, pickle.UnpicklingError):
                return


def _failure(code: int, said: str, limit_s: float) -> str:
    if code == 0:
        return ""
    if code == -signal.SIGALRM:
        return f"time-out ({limit_s:.0f} s)"
    if code < 0:
        return f"fails: ended by {signal.Signals(-code).name}"
    last = said.strip().splitlines()[-1] if said.strip() else f"exit {code}"
    return f"fails: {last[:110]}"

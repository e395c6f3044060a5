"""One planner's process: `python -m tests.bench.planning.child JOB ANSWERS`, by apart.py."""

from __future__ import annotations

import pickle
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from tests.bench.planning.apart import Answer

MEMORY_LIMIT_BYTES = 10 << 30
"""More address space than this and a planner fails, before the machine does."""

PREPARE_LIMIT_S = 150
"""Reading, importing and building a planner's own structures, which is not timed."""

MB = 1 / 1024
"""Megabytes a kilobyte, the unit of /proc."""


def _status_mb(key: str) -> float:
    """A line of /proc/self/status in megabytes; 0 where there is none (not Linux)."""
    path = Path("/proc/self/status")
    if not path.exists():
        return 0.0
    line = next((one for one in path.read_text().splitlines() if one.startswith(key)), "")
    return int(line.split()[1]) * MB if line else 0.0


def _forget_peak() -> None:
    """Start the peak anew from what is held now (Linux)."""
    path = Path("/proc/self/clear_refs")
    if path.exists():
        path.write_text("5")


def _cpu_s() -> float:
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _work(job: Path, answers: Path) -> None:
    call, path, options, limit_s = pickle.loads(job.read_bytes())
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    module, _, name = call.partition(":")
    prepare = getattr(import_module(f"tests.bench.planning.{module}"), name)
    libraries_mb = _status_mb("VmRSS")
    given = pickle.loads(path.read_bytes())
    for one in options:
        signal.alarm(PREPARE_LIMIT_S)
        run = prepare(given, **one)
        _forget_peak()
        ready_mb, wall, cpu = _status_mb("VmRSS"), time.perf_counter(), _cpu_s()
        signal.setitimer(signal.ITIMER_REAL, limit_s)
        value = run()
        if isinstance(value, Iterator):
            value = list(value)
        signal.alarm(0)
        answer = Answer(
            value,
            wall_s=time.perf_counter() - wall,
            cpu_s=_cpu_s() - cpu,
            peak_mb=_status_mb("VmHWM"),
            ready_mb=ready_mb,
            libraries_mb=libraries_mb,
        )
        with answers.open("ab") as file:
            pickle.dump(answer, file, protocol=5)


if __name__ == "__main__":
    try:
        _work(Path(sys.argv[1]), Path(sys.argv[2]))
    except Exception as error:
        traceback.print_exc()
        reason = str(error).strip().splitlines()
        print(f"{type(error).__name__}: {reason[0] if reason else ''}", file=sys.stderr)
        sys.exit(1)

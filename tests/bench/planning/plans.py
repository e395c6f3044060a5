"""New plans: every planner on every instance at every tolerance, judged alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from geo.planning.metrics import evaluate
from tests.bench.planning.apart import Answer, Apart
from tests.bench.planning.check import Figures, Ground, disagreement, judge
from tests.bench.planning.instances import Instance

TIMED_SHARE = 1 / 6
"""Of the time limit, how long a planner runs that runs until its time is over."""

LARGE_CELLS = 20_000
"""Instances with more cells get twice the time, and METIS no 120 node orders."""


@dataclass(frozen=True)
class Planner:
    """`group` chooses it on the command line; `call` is in apart.Apart.run's form.

    `minds_tolerance`: whether the tolerance changes what it does; else it is run at one only.
    """

    name: str
    group: str
    package: str
    call: str
    options: tuple[tuple[str, Any], ...] = ()
    minds_tolerance: bool = True
    is_timed: bool = False
    """Whether it runs until its time is over, so that it is told how long it has."""
    is_for_large: bool = True
    is_slow: bool = False
    """Whether it is run on large instances at one tolerance only."""


def _metis(name: str, **options: Any) -> Planner:
    return Planner(f"METIS {name}", "metis", "pymetis", "peers:metis", tuple(options.items()))


def _kahip(mode: str) -> Planner:
    return Planner(
        f"KaHIP {mode}",
        "kahip",
        "kahip",
        "peers:kahip",
        (("mode", mode),),
        is_slow=mode == "strong",
    )


def _spopt(method: str, *, minds_tolerance: bool = False) -> Planner:
    options = (("method", method),)
    return Planner(f"spopt {method}", "spopt", "spopt", "peers:spopt", options, minds_tolerance)


def _gerrychain(name: str, call: str, *, is_timed: bool = False) -> Planner:
    call = f"peers:gerrychain_{call}"
    return Planner(
        f"GerryChain {name}", "gerrychain", "gerrychain", call, is_timed=is_timed, is_slow=True
    )


OURS = Planner("Wangge", "wangge", "", "ours:plan", (("seed", 0),))
ORDERS = Planner(
    "METIS, best of 120 node orders",
    "metis",
    "pymetis",
    "peers:metis_orders",
    is_for_large=False,
)
PEERS = (
    _metis("k-way, border count", by_length=False),
    _metis("k-way, border length"),
    _metis("recursive, border length", is_recursive=True),
    ORDERS,
    _kahip("eco"),
    _kahip("strong"),
    Planner("KaHIP strong, connected", "kahip", "kahip", "peers:kahip_connected", is_slow=True),
    _gerrychain("recursive tree", "tree"),
    _gerrychain("ReCom from METIS", "recom", is_timed=True),
    _spopt("MaxP", minds_tolerance=True),
    _spopt("AZP"),
    _spopt("Skater"),
    _spopt("RegionKMeans"),
)


@dataclass(frozen=True)
class Row:
    """One planner on one instance at one tolerance; `figures` is missing where it failed."""

    instance: str
    tolerance: float
    planner: str
    figures: Figures | None
    failure: str
    answer: Answer | None
    note: str = ""
    lower_bound: float | None = None

    @property
    def is_ours(self) -> bool:
        return self.planner == OURS.name

    @property
    def is_complete(self) -> bool:
        """All cells in as many connected grids as asked, whatever their load."""
        return self.figures is not None and self.figures.n_violations == 0

    @property
    def is_lawful(self) -> bool:
        return self.is_complete and self.figures.is_within(self.tolerance)  # type: ignore[union-attr]


def key(row: Row) -> tuple[object, ...]:
    """What tells a row from others when rows are kept."""
    return row.instance, row.tolerance, row.planner


def versions() -> dict[str, str]:
    """The version of each peer's package; says loudly which are not installed."""
    found = {}
    for package in sorted({planner.package for planner in PEERS}):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "NOT INSTALLED"
            print(
                f"!! {package} is not installed: pip install '.[bench]'; its rows say so",
                flush=True,
            )
    return found


class Hopeless:
    """Peers whose time ran out: they are not run again on what is larger or tighter."""

    def __init__(self) -> None:
        self._timed_out: dict[str, list[tuple[int, float, str]]] = {}

    def add(self, planner: Planner, instance: Instance, tolerance: float) -> None:
        where = f"{instance.name} at {100 * tolerance:g}%"
        self._timed_out.setdefault(planner.name, []).append((len(instance.cells), tolerance, where))

    def reason(self, planner: Planner, instance: Instance, tolerance: float) -> str:
        """Why the planner is not run here; empty when it is to be run."""
        for size, eased, where in self._timed_out.get(planner.name, []):
            if size <= len(instance.cells) and (eased >= tolerance or not planner.minds_tolerance):
                return f"not run: time-out on {where}"
        return ""


def rows(
    apart: Apart,
    instance: Instance,
    ground: Ground,
    planners: list[Planner],
    tolerances: list[float],
    *,
    limit_s: float,
    hopeless: Hopeless,
    known: dict[tuple[object, ...], Row],
) -> Iterator[Row]:
    """A row for each planner and tolerance, the loosest tolerance first; known rows as they are."""
    is_large = len(instance.cells) > LARGE_CELLS
    limit_s *= 2 if is_large else 1
    middle = sorted(tolerances)[len(tolerances) // 2]
    for tolerance in sorted(tolerances, reverse=True):
        for planner in planners:
            is_once = not planner.minds_tolerance or (is_large and planner.is_slow)
            if (is_large and not planner.is_for_large) or (is_once and tolerance != middle):
                continue
            if (instance.name, tolerance, planner.name) in known:
                yield known[instance.name, tolerance, planner.name]
                continue
            reason = hopeless.reason(planner, instance, tolerance)
            if reason:
                yield Row(instance.name, tolerance, planner.name, None, reason, None)
                continue
            found = _row(apart, instance, ground, planner, tolerance, limit_s=limit_s)
            if found.failure.startswith("time-out"):
                hopeless.add(planner, instance, tolerance)
            yield found


def _row(
    apart: Apart,
    instance: Instance,
    ground: Ground,
    planner: Planner,
    tolerance: float,
    *,
    limit_s: float,
) -> Row:
    options = {"tolerance": tolerance, **dict(planner.options)}
    if planner.is_timed:
        options["stop_after_s"] = TIMED_SHARE * limit_s
    outcome = apart.run(planner.call, instance, [options], limit_s=limit_s)
    if not outcome.answers:
        return Row(instance.name, tolerance, planner.name, None, outcome.failure, None)
    answer = outcome.answers[0]
    note, bound, labels = "", None, answer.value
    if isinstance(labels, list):
        labels, note = _best_order(instance, ground, labels, tolerance)
    if isinstance(labels, tuple):
        labels, report = labels
        bound = report.get("lower_bound")
    figures = judge(instance, ground, labels)
    theirs = evaluate(instance.cells, instance.border, labels, load="load", target=instance.target)
    trouble = "" if ground.overlap_share > 0 else disagreement(figures, theirs)
    if trouble:
        note = "; ".join(filter(None, [note, f"METRICS DISAGREE: {trouble}"]))
    return Row(instance.name, tolerance, planner.name, figures, "", answer, note, bound)


def _best_order(
    instance: Instance, ground: Ground, answers: list[np.ndarray], tolerance: float
) -> tuple[np.ndarray, str]:
    """The roundest of the answers within the tolerance; the best balanced where none is."""
    deviation = np.array([_deviation(instance, labels) for labels in answers])
    within = np.flatnonzero(deviation <= tolerance)
    note = f"{len(within)} of {len(answers)} orders within tolerance"
    if len(within) == 0:
        return answers[int(deviation.argmin())], note
    shape = [judge(instance, ground, answers[i]).polsby_popper for i in within]
    return answers[int(within[int(np.argmax(shape))])], note


def _deviation(instance: Instance, labels: np.ndarray) -> float:
    sums = np.bincount(labels, instance.load, minlength=instance.n_grids)
    return float(np.abs(sums / instance.target - 1).max())

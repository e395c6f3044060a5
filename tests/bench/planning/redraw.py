"""Redrawing a plan whose loads have changed: how much load changes hands, against what must."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment, linprog
from scipy.sparse import coo_array

from tests.bench.planning.apart import Apart
from tests.bench.planning.check import Figures, Ground, judge
from tests.bench.planning.instances import Instance

TOLERANCE = 0.10
FLOW_FACTOR = 1.35
"""Promised: moved load at most this many times the flow figure."""

TOUCHED_SHARE, SHAPE_LOSS = 0.30, 0.02
WALL_S = 1.0
"""Promised: grids touched, mean Polsby-Popper lost, seconds."""

PLANNERS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("Wangge rebalance", "ours:redraw", {}),
    ("METIS anew, labels matched", "peers:metis", {}),
    ("METIS anew, border count, labels matched", "peers:metis", {"by_length": False}),
    ("GerryChain ReCom from the plan", "peers:gerrychain_recom", {"stop_after_s": 30}),
)

AGAIN = "Wangge rebalance of that plan"
"""A plan within the tolerance must come back as it is."""


@dataclass(frozen=True)
class Redrawn:
    """One planner's redrawn plan; shares are of the whole load and of all grids."""

    instance: str
    planner: str
    moved_share: float
    touched_share: float
    figures: Figures | None
    shape_before: float
    wall_s: float
    failure: str


@dataclass(frozen=True)
class Least:
    """What must move at least, as shares of the whole load.

    `excess` is a true bound: load over the limit must leave its grid, load wanting must come.
    `flow` is the least load that crosses borders of grids if load could be cut at will: a guide,
    no bound, for a whole cell may join a grid further off.
    """

    excess: float
    flow: float


def least(instance: Instance, ground: Ground) -> Least:
    """Both figures, for the plan in force."""
    current = instance.current
    assert current is not None
    k, total = instance.n_grids, float(instance.load.sum())
    held = np.bincount(current, instance.load, minlength=k)
    low, high = instance.target * (1 - TOLERANCE), instance.target * (1 + TOLERANCE)
    excess = max(np.maximum(held - high, 0).sum(), np.maximum(low - held, 0).sum())
    pairs = np.stack([current[ground.left], current[ground.right]], axis=1)
    pairs = np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)
    pairs = np.unique(np.vstack([pairs, pairs[:, ::-1]]), axis=0)
    n = len(pairs)
    gain = coo_array(
        (np.r_[np.ones(n), -np.ones(n)], (np.r_[pairs[:, 1], pairs[:, 0]], np.r_[0:n, 0:n])),
        shape=(k, n),
    ).tocsr()
    both = coo_array(np.vstack([gain.toarray(), -gain.toarray()]))
    found = linprog(np.ones(n), A_ub=both, b_ub=np.r_[high - held, held - low], method="highs")
    flow = float(found.fun) / total if found.success else float("nan")
    return Least(float(excess) / total, flow)


def redrawn(
    apart: Apart, instance: Instance, ground: Ground, names: list[str], *, limit_s: float
) -> Iterator[Redrawn]:
    """A row for each planner named."""
    assert instance.current is not None
    before = judge(instance, ground, instance.current).polsby_popper
    ours: np.ndarray | None = None
    for name, call, options in PLANNERS:
        if name not in names:
            continue
        outcome = apart.run(call, instance, [{"tolerance": TOLERANCE, **options}], limit_s=limit_s)
        nan = float("nan")
        if not outcome.answers:
            yield Redrawn(instance.name, name, nan, nan, None, before, nan, outcome.failure)
            continue
        answer = outcome.answers[0]
        labels = answer.value[0] if isinstance(answer.value, tuple) else answer.value
        if "anew" in name:
            labels = matched(instance, labels)
        yield _row(instance, ground, name, labels, shape_before=before, wall_s=answer.wall_s)
        if call == "ours:redraw":
            ours = labels
    if ours is not None:
        again = replace(instance, current=ours)
        outcome = apart.run("ours:redraw", again, [{"tolerance": TOLERANCE}], limit_s=limit_s)
        for answer in outcome.answers:
            shape = judge(again, ground, ours).polsby_popper
            yield _row(
                again, ground, AGAIN, answer.value[0], shape_before=shape, wall_s=answer.wall_s
            )


def _row(
    instance: Instance,
    ground: Ground,
    name: str,
    labels: np.ndarray,
    *,
    shape_before: float,
    wall_s: float,
) -> Redrawn:
    assert instance.current is not None
    is_moved = labels != instance.current
    touched = np.union1d(labels[is_moved], instance.current[is_moved])
    return Redrawn(
        instance=instance.name,
        planner=name,
        moved_share=float(instance.load[is_moved].sum() / instance.load.sum()),
        touched_share=len(touched) / instance.n_grids,
        figures=judge(instance, ground, labels),
        shape_before=shape_before,
        wall_s=wall_s,
        failure="",
    )


def matched(instance: Instance, labels: np.ndarray) -> np.ndarray:
    """The labels renamed so that as much load as can be keeps its grid (Kuhn 1955)."""
    assert instance.current is not None
    k = instance.n_grids
    common = np.zeros((k, k))
    np.add.at(common, (labels, instance.current), instance.load)
    old, new = linear_sum_assignment(common, maximize=True)
    name = np.empty(k, dtype=np.int64)
    name[old] = new
    renamed: np.ndarray = name[labels]
    return renamed


def shortfalls(row: Redrawn, least_load: Least) -> list[str]:
    """Promises that the row breaks, in words."""
    figures = row.figures
    if figures is None:
        return [row.failure]
    if row.planner == AGAIN:
        return [] if row.touched_share == 0 else [f"{100 * row.moved_share:.2f}% moved"]
    found = []
    if figures.n_violations:
        found.append(f"{figures.n_violations} violations")
    if not figures.is_within(TOLERANCE):
        found.append(f"{100 * figures.max_deviation:.1f}% off")
    if not row.moved_share <= FLOW_FACTOR * least_load.flow:
        found.append(f"moved {row.moved_share / least_load.flow:.2f}x flow")
    if row.touched_share > TOUCHED_SHARE:
        found.append(f"{100 * row.touched_share:.0f}% of grids touched")
    if row.shape_before - figures.polsby_popper > SHAPE_LOSS:
        found.append(f"Polsby-Popper down {row.shape_before - figures.polsby_popper:.3f}")
    if row.wall_s > WALL_S:
        found.append(f"{row.wall_s:.1f} s")
    return found

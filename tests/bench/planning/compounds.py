"""Compounds kept whole: how many that fit into one grid are split all the same."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.planning.apart import Apart
from tests.bench.planning.check import Ground, judge, split_compounds
from tests.bench.planning.instances import Instance


@dataclass(frozen=True)
class Kept:
    """One plan, with or without keep_whole="compound"."""

    instance: str
    tolerance: float
    keep_whole: bool
    n_split: int
    n_fitting: int
    n_violations: int
    max_deviation: float
    shape: float
    wall_s: float
    failure: str


def kept(
    apart: Apart,
    instance: Instance,
    ground: Ground,
    *,
    tolerance: float,
    keep_whole: bool,
    limit_s: float,
) -> Kept:
    """A plan and the compounds it splits; one fits with a load up to target * (1 + tolerance)."""
    options = {"tolerance": tolerance, "seed": 0}
    if keep_whole:
        options["keep_whole"] = "compound"
    outcome = apart.run("ours:plan", instance, [options], limit_s=limit_s)
    if not outcome.answers:
        nan = float("nan")
        return Kept(instance.name, tolerance, keep_whole, 0, 0, 0, nan, nan, nan, outcome.failure)
    labels = outcome.answers[0].value[0]
    figures = judge(instance, ground, labels)
    n_split, n_fitting = split_compounds(
        instance, ground, labels, limit=instance.target * (1 + tolerance)
    )
    return Kept(
        instance.name,
        tolerance,
        keep_whole,
        n_split,
        n_fitting,
        figures.n_violations,
        figures.max_deviation,
        figures.polsby_popper,
        outcome.answers[0].wall_s,
        "",
    )

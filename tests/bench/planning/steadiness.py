"""The same instance planned from several seeds: how far the figures spread."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.planning.apart import Apart
from tests.bench.planning.check import Ground, judge
from tests.bench.planning.instances import Instance

DEVIATION_SPREAD, SHAPE_SPREAD = 0.005, 0.01
"""Promised: largest less smallest max deviation, and mean Polsby-Popper."""


@dataclass(frozen=True)
class Spread:
    """Smallest and largest figures over the seeds."""

    instance: str
    tolerance: float
    n_seeds: int
    n_violations: int
    deviation: tuple[float, float]
    shape: tuple[float, float]
    cut_m: tuple[float, float]
    wall_s: tuple[float, float]
    failure: str

    @property
    def is_met(self) -> bool:
        return (
            not self.failure
            and self.n_violations == 0
            and self.deviation[1] - self.deviation[0] <= DEVIATION_SPREAD
            and self.shape[1] - self.shape[0] <= SHAPE_SPREAD
        )


def spread(
    apart: Apart,
    instance: Instance,
    ground: Ground,
    *,
    tolerance: float,
    n_seeds: int,
    limit_s: float,
) -> Spread:
    """Plans from seeds 0 to n_seeds - 1."""
    options = [{"tolerance": tolerance, "seed": seed} for seed in range(n_seeds)]
    outcome = apart.run("ours:plan", instance, options, limit_s=limit_s)
    found = [judge(instance, ground, answer.value[0]) for answer in outcome.answers]
    none = [float("nan")]

    def ends(values: list[float]) -> tuple[float, float]:
        return min(values or none), max(values or none)

    return Spread(
        instance=instance.name,
        tolerance=tolerance,
        n_seeds=len(found),
        n_violations=sum(one.n_violations for one in found),
        deviation=ends([one.max_deviation for one in found]),
        shape=ends([one.polsby_popper for one in found]),
        cut_m=ends([one.cut_m for one in found]),
        wall_s=ends([one.wall_s for one in outcome.answers]),
        failure=outcome.failure,
    )

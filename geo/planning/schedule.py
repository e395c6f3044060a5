"""How a search cools: temperature, and how hard the limits are pressed on."""

from __future__ import annotations

from dataclasses import dataclass

COARSE = 4.0
"""Mean load of a unit beside the room on one side of the target, above which tolerance is tight."""


@dataclass(frozen=True)
class Schedule:
    """Cooling: slices of equal length, temperature falling and excess weight rising by a factor.

    The excess weight rises from `loose` to `tight` with the power `bend` of the share done. The
    search sees limits at `press` times their distance from the target.
    """

    n_steps: int
    n_slices: int = 60
    warm: float = 0.11
    cold: float = 0.006
    loose: float = 1.5
    tight: float = 20.0
    bend: float = 1.5
    chain_share: float = 0.5
    chain_reach: float = 0.08
    press: float = 1.0

    @classmethod
    def for_problem(cls, n_units: int, coarseness: float) -> Schedule:
        """Tried moves for that many units: 4,000 each, fewer where they are many.

        Where a mean unit is large beside the tolerance (`coarseness`: their ratio), the limits
        are pressed on harder, and as if they were tighter: moves that stay inside them are rare,
        and the polish needs room.
        """
        n_steps = int(min(4000 * n_units, 12_000_000 + 900 * n_units))
        if coarseness <= COARSE:
            return cls(n_steps=n_steps)
        return cls(n_steps=n_steps, tight=60.0, bend=0.9, press=0.6)

    def at(self, cooled: float) -> tuple[float, float]:
        """Temperature and excess weight of a search cooled by that share."""
        return (
            self.warm * (self.cold / self.warm) ** cooled,
            self.loose * (self.tight / self.loose) ** (cooled**self.bend),
        )

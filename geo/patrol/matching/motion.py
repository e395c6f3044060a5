"""How a patrol moves and how its phones err: what the matcher assumes before it has seen a fix."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Motion:
    """Priors of movement and GPS noise, and the fineness of the network they ask for.

    `speed_mps` and `spread_mps`: mean and standard deviation of the speed while moving. `halt_hz`,
    `resume_hz`: rate of stopping while moving, of moving on while standing, a second. `turn`:
    chance that a step begins with turning round. `leave`, `back`: chance a step of leaving the
    network and of coming back. `sigma_m`, `tau_s`: standard deviation an axis and time constant of
    the GPS error. `cell_m`: longest cell of the network. `step_s`: fixes nearer in time than about
    this tell nothing new, since their errors are alike; they are passed over.
    """

    speed_mps: float
    spread_mps: float
    halt_hz: float
    resume_hz: float
    turn: float
    leave: float
    back: float
    sigma_m: float
    tau_s: float
    cell_m: float
    step_s: float

    @property
    def radius_m(self) -> float:
        """Longest step that the network keeps, metres: 1.6 step_s at four spreads over the mean."""
        return 1.6 * self.step_s * (self.speed_mps + 3.0 * self.spread_mps) + self.cell_m


WALKING = Motion(
    speed_mps=1.2, spread_mps=0.45, halt_hz=1 / 190, resume_hz=1 / 300, turn=0.02, leave=1e-4,
    back=0.1, sigma_m=6.0, tau_s=30.0, cell_m=4.0, step_s=5.0,
)  # fmt: skip
"""A worker on foot. Noise of 3 to 10 m an axis that stays 10 to 60 s, as phones have among houses;
speed, stops and turns as simulated rounds on real streets show them."""

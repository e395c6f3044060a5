"""The made-up town: drawn from a seed, with its year of incidents and its month of patrols."""

from boundaries.demo.town import DEFAULT_SEED, Town, generate

__all__ = ["DEFAULT_SEED", "Town", "generate"]

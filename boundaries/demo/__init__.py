"""The made-up town: drawn from a seed, with its year of incidents and its month of patrols.

It shows no real place and no real person. `generate` draws it, `write_files` writes it as the
files an office would get.
"""

from boundaries.demo.files import DemoFile, write_files
from boundaries.demo.town import DEFAULT_SEED, Town, generate

__all__ = ["DEFAULT_SEED", "DemoFile", "Town", "generate", "write_files"]
